//! The message type: class and method, interleaved in 14 bits (RFC 8489 §5).

use std::fmt;

/// The class of a message (RFC 8489 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Asks for a response.
    Request,
    /// Is not answered.
    Indication,
    /// The request was carried out.
    SuccessResponse,
    /// The request was refused; `ERROR-CODE` says why.
    ErrorResponse,
}

/// The method of a message: 12 bits, registered with IANA (RFC 8489 §18.2).
///
/// Open on purpose: a method this crate has no name for is carried as a number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Method(u16);

impl Method {
    /// Binding (RFC 8489 §3), the only method ICE uses.
    pub const BINDING: Self = Self(0x001);
    /// Asks a TURN server for a relayed address (RFC 8656 §7).
    pub const ALLOCATE: Self = Self(0x003);
    /// Keeps an allocation alive, or ends it (RFC 8656 §8).
    pub const REFRESH: Self = Self(0x004);
    /// Sends a datagram by the relay: an indication (RFC 8656 §11.1).
    pub const SEND: Self = Self(0x006);
    /// Brings a datagram from the relay: an indication (RFC 8656 §11.3).
    pub const DATA: Self = Self(0x007);
    /// Lets a peer's address send to the relay (RFC 8656 §10).
    pub const CREATE_PERMISSION: Self = Self(0x008);
    /// Gives a peer a channel number, for framing of four octets (RFC 8656 §12).
    pub const CHANNEL_BIND: Self = Self(0x009);

    /// The largest method number.
    pub const MAX: u16 = 0xfff;

    /// The method with this number; `None` over [`Method::MAX`].
    pub const fn new(number: u16) -> Option<Self> {
        if number <= Self::MAX { Some(Self(number)) } else { None }
    }

    /// The number, at most [`Method::MAX`].
    pub const fn number(self) -> u16 {
        self.0
    }
}

impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::BINDING => f.write_str("Binding"),
            Self::ALLOCATE => f.write_str("Allocate"),
            Self::REFRESH => f.write_str("Refresh"),
            Self::SEND => f.write_str("Send"),
            Self::DATA => f.write_str("Data"),
            Self::CREATE_PERMISSION => f.write_str("CreatePermission"),
            Self::CHANNEL_BIND => f.write_str("ChannelBind"),
            Self(number) => write!(f, "Method({number:#05x})"),
        }
    }
}

/// The two bits of the class, C1 and C0, where they stand in the message type.
const CLASS_MASK: u16 = 0x0110;

/// Reads the 14-bit message type. The two top bits, which have to be zero, are the caller's to check.
pub(crate) fn decode(message_type: u16) -> (Class, Method) {
    let class = match message_type & CLASS_MASK {
        0x0000 => Class::Request,
        0x0010 => Class::Indication,
        0x0100 => Class::SuccessResponse,
        _ => Class::ErrorResponse,
    };
    // RFC 8489 figure 3: M11..M7 C1 M6..M4 C0 M3..M0.
    let number =
        (message_type & 0x3e00) >> 2 | (message_type & 0x00e0) >> 1 | (message_type & 0x000f);
    (class, Method(number))
}

/// Writes the 14-bit message type.
pub(crate) fn encode(class: Class, method: Method) -> u16 {
    let class_bits = match class {
        Class::Request => 0x0000,
        Class::Indication => 0x0010,
        Class::SuccessResponse => 0x0100,
        Class::ErrorResponse => 0x0110,
    };
    let number = method.0;
    (number & 0x0f80) << 2 | (number & 0x0070) << 1 | (number & 0x000f) | class_bits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binding_has_the_four_types_of_the_rfc() {
        assert_eq!(encode(Class::Request, Method::BINDING), 0x0001);
        assert_eq!(encode(Class::Indication, Method::BINDING), 0x0011);
        assert_eq!(encode(Class::SuccessResponse, Method::BINDING), 0x0101);
        assert_eq!(encode(Class::ErrorResponse, Method::BINDING), 0x0111);
    }

    #[test]
    fn every_message_type_survives_decode_and_encode() {
        for message_type in 0..0x4000 {
            let (class, method) = decode(message_type);
            assert!(method.number() <= Method::MAX);
            assert_eq!(encode(class, method), message_type);
        }
    }

    #[test]
    fn a_method_has_twelve_bits() {
        assert_eq!(Method::new(0xfff).map(Method::number), Some(0xfff));
        assert_eq!(Method::new(0x1000), None);
    }
}
