//! The message view (RFC 8489 §5): parsed once, borrowed, attributes read on demand.

use std::net::SocketAddr;
use std::{error, fmt};

use crate::attribute::{
    self, Attribute, AttributeType, Attributes, ErrorCode, NetworkInfo, Ordinary,
    PasswordAlgorithm, PasswordAlgorithms, UnknownAttributes,
};
use crate::bytes::{array_at, exact_u32, exact_u64, u16_at};
use crate::method::{self, Class, Method};

/// The constant in octets 4 to 7 of every message (RFC 8489 §5).
pub(crate) const MAGIC_COOKIE: u32 = 0x2112_a442;

/// Octets of the message header.
pub(crate) const HEADER_LENGTH: usize = 20;

/// Whether a datagram is STUN and not one of its neighbours on the port (RFC 7983): first octet 0 to 3, a whole header,
/// the magic cookie. Says nothing about the rest of the message.
pub fn is_stun(datagram: &[u8]) -> bool {
    datagram.len() >= HEADER_LENGTH
        && datagram.first().is_some_and(|first| *first <= 3)
        && array_at(datagram, 4) == Some(MAGIC_COOKIE.to_be_bytes())
}

/// 96 bits that tie a response to its request (RFC 8489 §5).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TransactionId(pub [u8; 12]);

impl fmt::Debug for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

/// Why octets are not a STUN message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseError {
    /// Fewer octets than a header has.
    Truncated {
        /// Octets there were.
        length: usize,
    },
    /// One of the two top bits is set: another protocol (RFC 7983).
    NotStun,
    /// The magic cookie is missing: RFC 3489, or another protocol.
    WrongCookie,
    /// The length field is no multiple of four, or not the length of what follows the header.
    WrongLength {
        /// What the field says.
        field: u16,
        /// Octets after the header.
        actual: usize,
    },
    /// An attribute goes beyond the end of the message.
    AttributeOverrun {
        /// Octets from the start of the message to the attribute.
        offset: usize,
    },
    /// `FINGERPRINT` is not the last attribute (RFC 8489 §14.7).
    FingerprintNotLast,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { length } => write!(f, "{length} octets are too few for a header"),
            Self::NotStun => f.write_str("the two top bits are not zero"),
            Self::WrongCookie => f.write_str("no magic cookie"),
            Self::WrongLength { field, actual } => {
                write!(f, "length field says {field}, {actual} octets follow the header")
            }
            Self::AttributeOverrun { offset } => {
                write!(f, "the attribute at octet {offset} overruns the message")
            }
            Self::FingerprintNotLast => f.write_str("FINGERPRINT is not the last attribute"),
        }
    }
}

impl error::Error for ParseError {}

/// A well-formed message. Every attribute is known to lie inside it; nothing is authenticated by parsing.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    bytes: &'a [u8],
    class: Class,
    method: Method,
    id: TransactionId,
    closing: Closing,
}

/// Where the attributes that close a message begin, in octets from its start; zero for those it does not have. Only
/// those that count are noted.
#[derive(Clone, Copy, Default)]
struct Closing {
    integrity: u16,
    integrity_sha256: u16,
    fingerprint: u16,
}

impl<'a> Message<'a> {
    /// Reads a message that fills `bytes` exactly.
    ///
    /// # Errors
    /// Whatever breaks the framing of RFC 8489 §5 and §14, see [`ParseError`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let truncated = ParseError::Truncated { length: bytes.len() };
        let message_type = u16_at(bytes, 0).ok_or(truncated)?;
        let field = u16_at(bytes, 2).ok_or(truncated)?;
        let cookie = array_at(bytes, 4).map(u32::from_be_bytes).ok_or(truncated)?;
        let id = TransactionId(array_at(bytes, 8).ok_or(truncated)?);
        let body = bytes.get(HEADER_LENGTH..).ok_or(truncated)?;

        if message_type & 0xc000 != 0 {
            return Err(ParseError::NotStun);
        }
        if cookie != MAGIC_COOKIE {
            return Err(ParseError::WrongCookie);
        }
        if usize::from(field) != body.len() || field % 4 != 0 {
            return Err(ParseError::WrongLength { field, actual: body.len() });
        }
        let closing = check_attributes(body)?;
        let (class, method) = method::decode(message_type);
        Ok(Self { bytes, class, method, id, closing })
    }

    /// Request, indication, success or error.
    pub fn class(&self) -> Class {
        self.class
    }

    /// What is asked for.
    pub fn method(&self) -> Method {
        self.method
    }

    /// What ties a response to its request.
    pub fn transaction_id(&self) -> TransactionId {
        self.id
    }

    /// The whole message as it was received.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The attributes that count: after `MESSAGE-INTEGRITY` only `MESSAGE-INTEGRITY-SHA256` and `FINGERPRINT`, after
    /// `MESSAGE-INTEGRITY-SHA256` only `FINGERPRINT` (RFC 8489 §14.5, §14.6).
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes::new(self.body())
    }

    /// The value of the first attribute of this type that counts (RFC 8489 §14: only the first occurrence needs to be
    /// processed).
    pub fn attribute(&self, kind: AttributeType) -> Option<&'a [u8]> {
        let offset = match kind {
            AttributeType::MESSAGE_INTEGRITY => self.closing.integrity,
            AttributeType::MESSAGE_INTEGRITY_SHA256 => self.closing.integrity_sha256,
            AttributeType::FINGERPRINT => self.closing.fingerprint,
            _ => return self.ordinary().find(|found| found.kind == kind).map(|found| found.value),
        };
        let closing = self.bytes.get(usize::from(offset)..).filter(|_| offset > 0)?;
        Attribute::split(closing).map(|(attribute, _)| attribute.value)
    }

    /// Comprehension-required attributes that count and that are neither of RFC 8489 nor of ICE (RFC 8489 §6.3): what a
    /// server that does not speak TURN has to refuse with 420. One that does filters out those it understands
    /// ([`AttributeType::is_turn`]).
    pub fn unknown_required(&self) -> impl Iterator<Item = AttributeType> + use<'a> {
        self.attributes()
            .map(|attribute| attribute.kind)
            .filter(|kind| kind.is_comprehension_required() && !kind.is_stun())
    }

    /// `XOR-MAPPED-ADDRESS`.
    pub fn xor_mapped_address(&self) -> Option<SocketAddr> {
        let value = self.attribute(AttributeType::XOR_MAPPED_ADDRESS)?;
        attribute::decode_xor_address(value, self.id)
    }

    /// `MAPPED-ADDRESS`.
    pub fn mapped_address(&self) -> Option<SocketAddr> {
        attribute::decode_address(self.attribute(AttributeType::MAPPED_ADDRESS)?)
    }

    /// `USERNAME`, at most 513 octets of UTF-8: two ufrags of 256 characters and their colon (RFC 8839 §5.4), a little
    /// more than the 508 octets of RFC 8489 §14.3.
    pub fn username(&self) -> Option<&'a str> {
        self.text(AttributeType::USERNAME, 513)
    }

    /// `REALM`, at most 763 octets of UTF-8 (RFC 8489 §14.9).
    pub fn realm(&self) -> Option<&'a str> {
        self.text(AttributeType::REALM, 763)
    }

    /// `NONCE`, at most 763 octets of UTF-8 (RFC 8489 §14.10).
    pub fn nonce(&self) -> Option<&'a str> {
        self.text(AttributeType::NONCE, 763)
    }

    /// `SOFTWARE`, at most 763 octets of UTF-8 (RFC 8489 §14.14).
    pub fn software(&self) -> Option<&'a str> {
        self.text(AttributeType::SOFTWARE, 763)
    }

    /// `ALTERNATE-SERVER`, of a 300 (Try Alternate) response (RFC 8489 §14.15).
    pub fn alternate_server(&self) -> Option<SocketAddr> {
        attribute::decode_address(self.attribute(AttributeType::ALTERNATE_SERVER)?)
    }

    /// `ALTERNATE-DOMAIN`: what the certificate of the alternate server has to name, at most 255 octets
    /// (RFC 8489 §14.16).
    pub fn alternate_domain(&self) -> Option<&'a str> {
        self.text(AttributeType::ALTERNATE_DOMAIN, 255)
    }

    /// `ERROR-CODE`.
    pub fn error_code(&self) -> Option<ErrorCode<'a>> {
        ErrorCode::decode(self.attribute(AttributeType::ERROR_CODE)?)
    }

    /// `UNKNOWN-ATTRIBUTES`.
    pub fn unknown_attributes(&self) -> Option<UnknownAttributes<'a>> {
        self.attribute(AttributeType::UNKNOWN_ATTRIBUTES).map(UnknownAttributes::new)
    }

    /// `USERHASH`: SHA-256 of name and realm (RFC 8489 §14.4).
    pub fn userhash(&self) -> Option<[u8; 32]> {
        self.attribute(AttributeType::USERHASH)?.try_into().ok()
    }

    /// `PASSWORD-ALGORITHM`.
    pub fn password_algorithm(&self) -> Option<PasswordAlgorithm<'a>> {
        PasswordAlgorithm::decode(self.attribute(AttributeType::PASSWORD_ALGORITHM)?)
    }

    /// `PASSWORD-ALGORITHMS`.
    pub fn password_algorithms(&self) -> Option<PasswordAlgorithms<'a>> {
        self.attribute(AttributeType::PASSWORD_ALGORITHMS).map(PasswordAlgorithms::new)
    }

    /// `PRIORITY` (RFC 8445 §7.1.1).
    pub fn priority(&self) -> Option<u32> {
        exact_u32(self.attribute(AttributeType::PRIORITY)?)
    }

    /// Whether `USE-CANDIDATE` is there (RFC 8445 §7.1.2).
    pub fn use_candidate(&self) -> bool {
        self.attribute(AttributeType::USE_CANDIDATE).is_some()
    }

    /// The tie-breaker of `ICE-CONTROLLED` (RFC 8445 §7.1.3).
    pub fn ice_controlled(&self) -> Option<u64> {
        exact_u64(self.attribute(AttributeType::ICE_CONTROLLED)?)
    }

    /// The tie-breaker of `ICE-CONTROLLING` (RFC 8445 §7.1.3).
    pub fn ice_controlling(&self) -> Option<u64> {
        exact_u64(self.attribute(AttributeType::ICE_CONTROLLING)?)
    }

    /// `GOOG-NETWORK-INFO` of libwebrtc: id and cost of the network the sender uses.
    pub fn network_info(&self) -> Option<NetworkInfo> {
        NetworkInfo::decode(self.attribute(AttributeType::GOOG_NETWORK_INFO)?)
    }

    /// The attributes in front of those that close the message, as they stand there.
    pub(crate) fn ordinary(&self) -> Ordinary<'a> {
        let closing = [self.closing.integrity, self.closing.integrity_sha256];
        let end = closing.into_iter().filter(|offset| *offset > 0).min();
        let end = end.map_or(self.bytes.len(), usize::from);
        Ordinary::new(self.bytes.get(HEADER_LENGTH..end).unwrap_or_default())
    }

    /// The attribute of this type that counts, and the octets of the message in front of it.
    pub(crate) fn located(&self, kind: AttributeType) -> Option<(&'a [u8], &'a [u8])> {
        let value = self.attribute(kind)?;
        // `value` is a part of `bytes`, so the distance of their starts is its offset.
        let offset = value.as_ptr().addr().checked_sub(self.bytes.as_ptr().addr())?;
        let before = self.bytes.get(..offset.checked_sub(attribute::HEADER_LENGTH)?)?;
        Some((value, before))
    }

    fn body(&self) -> &'a [u8] {
        self.bytes.get(HEADER_LENGTH..).unwrap_or_default()
    }

    pub(crate) fn text(&self, kind: AttributeType, limit: usize) -> Option<&'a str> {
        let value = self.attribute(kind)?;
        if value.len() > limit {
            return None;
        }
        std::str::from_utf8(value).ok()
    }
}

impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("class", &self.class)
            .field("method", &self.method)
            .field("transaction_id", &self.id)
            .field("attributes", &self.attributes().map(|a| a.kind).collect::<Vec<_>>())
            .finish()
    }
}

/// Walks over all attributes, also those that do not count.
fn check_attributes(body: &[u8]) -> Result<Closing, ParseError> {
    let mut closing = Closing::default();
    let mut rest = body;
    while !rest.is_empty() {
        let offset = HEADER_LENGTH + body.len() - rest.len();
        let overrun = ParseError::AttributeOverrun { offset };
        let (attribute, total) = Attribute::split(rest).ok_or(overrun)?;
        rest = rest.get(total..).unwrap_or_default();
        // The length field has 16 bits, but the header comes on top of it.
        let at = u16::try_from(offset).map_err(|_| overrun)?;
        let Closing { integrity, integrity_sha256, .. } = closing;
        match attribute.kind {
            AttributeType::FINGERPRINT if !rest.is_empty() => {
                return Err(ParseError::FingerprintNotLast);
            }
            AttributeType::FINGERPRINT => closing.fingerprint = at,
            AttributeType::MESSAGE_INTEGRITY if integrity == 0 && integrity_sha256 == 0 => {
                closing.integrity = at;
            }
            AttributeType::MESSAGE_INTEGRITY_SHA256 if integrity_sha256 == 0 => {
                closing.integrity_sha256 = at;
            }
            _ => {}
        }
    }
    Ok(closing)
}
