//! Typed values of TURN's attributes (RFC 8656 §18), and its error codes (§19).

use crate::attribute::ErrorCode;

/// An address family, as `REQUESTED-ADDRESS-FAMILY` names it (RFC 8656 §18.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressFamily {
    /// IPv4, 0x01.
    V4,
    /// IPv6, 0x02.
    V6,
}

impl AddressFamily {
    /// Reads a value: the family and three reserved octets. `None` for another family (a server answers 440).
    pub fn decode(value: &[u8]) -> Option<Self> {
        match value {
            [number, _, _, _] => Self::from_number(*number),
            _ => None,
        }
    }

    pub(super) fn encode(self) -> [u8; 4] {
        [self.number(), 0, 0, 0]
    }

    fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::V4),
            2 => Some(Self::V6),
            _ => None,
        }
    }

    fn number(self) -> u8 {
        match self {
            Self::V4 => 1,
            Self::V6 => 2,
        }
    }
}

/// `EVEN-PORT` (RFC 8656 §18.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EvenPort {
    /// The R bit: the next higher port is to be reserved, and a token for it returned.
    pub reserve_next: bool,
}

impl EvenPort {
    /// Reads the value: one octet, its first bit is R.
    pub fn decode(value: &[u8]) -> Option<Self> {
        match value {
            [octet] => Some(Self { reserve_next: octet & 0x80 != 0 }),
            _ => None,
        }
    }

    pub(super) fn encode(self) -> [u8; 1] {
        [if self.reserve_next { 0x80 } else { 0 }]
    }
}

/// `REQUESTED-TRANSPORT`: an IP protocol number (RFC 8656 §18.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestedTransport(pub u8);

impl RequestedTransport {
    /// UDP, the only one RFC 8656 allows.
    pub const UDP: Self = Self(17);
    /// TCP (RFC 6062).
    pub const TCP: Self = Self(6);

    /// Reads the value: the protocol and three reserved octets.
    pub fn decode(value: &[u8]) -> Option<Self> {
        match value {
            [protocol, _, _, _] => Some(Self(*protocol)),
            _ => None,
        }
    }

    pub(super) fn encode(self) -> [u8; 4] {
        [self.0, 0, 0, 0]
    }
}

/// `ADDRESS-ERROR-CODE`: why one of two families was not allocated (RFC 8656 §18.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressErrorCode<'a> {
    /// The family that was not allocated.
    pub family: AddressFamily,
    /// Why: 440 or 508.
    pub error: ErrorCode<'a>,
}

impl<'a> AddressErrorCode<'a> {
    /// Reads the value: the family where `ERROR-CODE` has a reserved octet, the rest is as there.
    pub fn decode(value: &'a [u8]) -> Option<Self> {
        let family = AddressFamily::from_number(*value.first()?)?;
        Some(Self { family, error: ErrorCode::decode(value)? })
    }

    /// The four octets before the reason; `None` when the code is not 300 to 699.
    pub(super) fn head(self) -> Option<[u8; 4]> {
        let [_, reserved, class, number] = self.error.head()?;
        Some([self.family.number(), reserved, class, number])
    }
}

/// `ICMP`: what a router said about a datagram to the peer (RFC 8656 §18.13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Icmp {
    /// Type of the ICMP message, 7 bits: of ICMPv4 or ICMPv6, by the family of the peer's address.
    pub icmp_type: u8,
    /// Code of the ICMP message, 9 bits.
    pub code: u16,
    /// Further data: the next hop's MTU for "packet too big".
    pub data: u32,
}

impl Icmp {
    /// Reads the value: 16 reserved bits, type, code, data.
    pub fn decode(value: &[u8]) -> Option<Self> {
        let [_, _, high, low, data @ ..] = *value.first_chunk::<8>()?;
        if value.len() != 8 {
            return None;
        }
        let code = u16::from(high & 1) << 8 | u16::from(low);
        Some(Self { icmp_type: high >> 1, code, data: u32::from_be_bytes(data) })
    }

    /// `None` when type or code have too many bits.
    pub(super) fn encode(self) -> Option<[u8; 8]> {
        if self.icmp_type > 0x7f || self.code > 0x1ff {
            return None;
        }
        let [high, low] = (u16::from(self.icmp_type) << 9 | self.code).to_be_bytes();
        let [a, b, c, d] = self.data.to_be_bytes();
        Some([0, 0, high, low, a, b, c, d])
    }
}

/// The error codes of TURN (RFC 8656 §19).
impl ErrorCode<'static> {
    /// The request is not allowed, e.g. a peer address that is forbidden.
    pub const FORBIDDEN: Self = Self { code: 403, reason: "Forbidden" };
    /// There is no allocation, or there is one already.
    pub const ALLOCATION_MISMATCH: Self = Self { code: 437, reason: "Allocation Mismatch" };
    /// The family is not supported.
    pub const ADDRESS_FAMILY_NOT_SUPPORTED: Self =
        Self { code: 440, reason: "Address Family not Supported" };
    /// Not the credentials that made the allocation.
    pub const WRONG_CREDENTIALS: Self = Self { code: 441, reason: "Wrong Credentials" };
    /// Only UDP is relayed.
    pub const UNSUPPORTED_TRANSPORT: Self =
        Self { code: 442, reason: "Unsupported Transport Protocol" };
    /// The peer's address is not of the family of the allocation.
    pub const PEER_ADDRESS_FAMILY_MISMATCH: Self =
        Self { code: 443, reason: "Peer Address Family Mismatch" };
    /// The user has too many allocations.
    pub const ALLOCATION_QUOTA_REACHED: Self =
        Self { code: 486, reason: "Allocation Quota Reached" };
    /// No port is left, or the token is not known.
    pub const INSUFFICIENT_CAPACITY: Self = Self { code: 508, reason: "Insufficient Capacity" };
}
