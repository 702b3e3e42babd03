//! Attribute numbers (RFC 8489 §18.3, RFC 8445 §20.1).

use std::fmt;

/// The type of an attribute: a 16-bit number registered with IANA.
///
/// Open on purpose: an attribute this crate has no name for is carried as a number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttributeType(u16);

impl AttributeType {
    /// The attribute with this number.
    pub const fn new(number: u16) -> Self {
        Self(number)
    }

    /// The number on the wire.
    pub const fn number(self) -> u16 {
        self.0
    }

    /// Whether a receiver that does not know the attribute has to refuse the message (RFC 8489 §14): numbers below
    /// 0x8000.
    pub const fn is_comprehension_required(self) -> bool {
        self.0 < 0x8000
    }

    /// Whether this crate has a name for the attribute.
    pub fn is_known(self) -> bool {
        self.name().is_some()
    }

    /// Whether the attribute is one of STUN or ICE that this crate has a name for.
    pub fn is_stun(self) -> bool {
        self.stun_name().is_some()
    }

    /// Whether the attribute is one of TURN (RFC 8656 §18).
    pub fn is_turn(self) -> bool {
        self.turn_name().is_some()
    }

    /// The name in the RFC, for attributes this crate knows.
    pub fn name(self) -> Option<&'static str> {
        self.stun_name().or_else(|| self.turn_name())
    }
}

/// Constants for attribute types, and the function that gives their names.
macro_rules! attribute_types {
    ($lookup:ident: $($(#[$doc:meta])* $name:ident = $number:literal, $text:literal;)*) => {
        impl AttributeType {
            $($(#[$doc])* pub const $name: Self = Self::new($number);)*

            pub(crate) fn $lookup(self) -> Option<&'static str> {
                match self {
                    $(Self::$name => Some($text),)*
                    _ => None,
                }
            }
        }
    };
}

pub(crate) use attribute_types;

attribute_types! {
    stun_name:
    /// Reflexive address in clear (RFC 8489 §14.1).
    MAPPED_ADDRESS = 0x0001, "MAPPED-ADDRESS";
    /// Name, or `ufrag:ufrag` in ICE (RFC 8489 §14.3, RFC 8445 §7.2.2).
    USERNAME = 0x0006, "USERNAME";
    /// HMAC-SHA1 (RFC 8489 §14.5).
    MESSAGE_INTEGRITY = 0x0008, "MESSAGE-INTEGRITY";
    /// Why a request was refused (RFC 8489 §14.8).
    ERROR_CODE = 0x0009, "ERROR-CODE";
    /// What was not understood (RFC 8489 §14.13).
    UNKNOWN_ATTRIBUTES = 0x000a, "UNKNOWN-ATTRIBUTES";
    /// Realm of the long-term credentials (RFC 8489 §14.9).
    REALM = 0x0014, "REALM";
    /// Nonce of the long-term credentials (RFC 8489 §14.10).
    NONCE = 0x0015, "NONCE";
    /// HMAC-SHA256 (RFC 8489 §14.6).
    MESSAGE_INTEGRITY_SHA256 = 0x001c, "MESSAGE-INTEGRITY-SHA256";
    /// The algorithm a client chose (RFC 8489 §14.12).
    PASSWORD_ALGORITHM = 0x001d, "PASSWORD-ALGORITHM";
    /// Hash of name and realm (RFC 8489 §14.4).
    USERHASH = 0x001e, "USERHASH";
    /// Reflexive address, disguised from rewriting middleboxes (RFC 8489 §14.2).
    XOR_MAPPED_ADDRESS = 0x0020, "XOR-MAPPED-ADDRESS";
    /// Priority of a peer-reflexive candidate (RFC 8445 §7.1.1).
    PRIORITY = 0x0024, "PRIORITY";
    /// Nomination (RFC 8445 §7.1.2).
    USE_CANDIDATE = 0x0025, "USE-CANDIDATE";
    /// The algorithms a server offers (RFC 8489 §14.11).
    PASSWORD_ALGORITHMS = 0x8002, "PASSWORD-ALGORITHMS";
    /// The domain of another server (RFC 8489 §14.16).
    ALTERNATE_DOMAIN = 0x8003, "ALTERNATE-DOMAIN";
    /// Name and version of the software (RFC 8489 §14.14).
    SOFTWARE = 0x8022, "SOFTWARE";
    /// Another server to ask (RFC 8489 §14.15).
    ALTERNATE_SERVER = 0x8023, "ALTERNATE-SERVER";
    /// CRC-32 of the message (RFC 8489 §14.7).
    FINGERPRINT = 0x8028, "FINGERPRINT";
    /// The sender is controlled; tie-breaker (RFC 8445 §7.1.3).
    ICE_CONTROLLED = 0x8029, "ICE-CONTROLLED";
    /// The sender controls; tie-breaker (RFC 8445 §7.1.3).
    ICE_CONTROLLING = 0x802a, "ICE-CONTROLLING";
    /// Id and cost of the sender's network: libwebrtc's, registered, described by draft-thatcher-ice-network-cost.
    GOOG_NETWORK_INFO = 0xc057, "GOOG-NETWORK-INFO";
}

impl fmt::Debug for AttributeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "AttributeType({:#06x})", self.0),
        }
    }
}
