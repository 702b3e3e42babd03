//! Attributes: their numbers, the iterator over them, and their typed values (RFC 8489 §14).

mod address;
mod error_code;
mod kind;
mod network_info;
mod password_algorithm;
mod unknown;

pub use address::{decode_address, decode_xor_address};
pub(crate) use address::{encode_address, encode_xor_address};
pub use error_code::ErrorCode;
pub use kind::AttributeType;
pub(crate) use kind::attribute_types;
pub use network_info::NetworkInfo;
pub use password_algorithm::{PasswordAlgorithm, PasswordAlgorithms};
pub use unknown::UnknownAttributes;

use crate::bytes::{padded, u16_at};

/// Octets of type and length in front of every value (RFC 8489 §14).
pub(crate) const HEADER_LENGTH: usize = 4;

/// One attribute, its value still as octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// Which attribute it is.
    pub kind: AttributeType,
    /// The value without padding, at most 65,535 octets.
    pub value: &'a [u8],
}

impl<'a> Attribute<'a> {
    /// Reads the attribute at the front of `bytes` and says how many octets it and its padding take.
    pub(crate) fn split(bytes: &'a [u8]) -> Option<(Self, usize)> {
        let kind = AttributeType::new(u16_at(bytes, 0)?);
        let length = usize::from(u16_at(bytes, 2)?);
        let value = bytes.get(HEADER_LENGTH..HEADER_LENGTH + length)?;
        let total = HEADER_LENGTH + padded(length);
        (total <= bytes.len()).then_some((Self { kind, value }, total))
    }
}

/// The attributes of a message that count, in the order of the wire. See [`crate::Message::attributes`].
#[derive(Clone, Debug)]
pub struct Attributes<'a> {
    rest: &'a [u8],
    seen: Seen,
}

/// How far the walk has come among the attributes that close a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Seen {
    Ordinary,
    Integrity,
    IntegritySha256,
}

impl<'a> Attributes<'a> {
    /// Walks over `body`, the message without its header.
    pub(crate) fn new(body: &'a [u8]) -> Self {
        Self { rest: body, seen: Seen::Ordinary }
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Attribute<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (attribute, total) = Attribute::split(self.rest)?;
            self.rest = self.rest.get(total..).unwrap_or_default();
            // RFC 8489 §14.5 and §14.6: what follows an integrity attribute is not protected by it, so it is ignored
            // but for the attributes that close a message.
            let counts = match attribute.kind {
                AttributeType::FINGERPRINT => true,
                AttributeType::MESSAGE_INTEGRITY_SHA256 => self.seen < Seen::IntegritySha256,
                _ => self.seen < Seen::Integrity,
            };
            match attribute.kind {
                _ if !counts => continue,
                AttributeType::MESSAGE_INTEGRITY => self.seen = Seen::Integrity,
                AttributeType::MESSAGE_INTEGRITY_SHA256 => self.seen = Seen::IntegritySha256,
                _ => {}
            }
            return Some(attribute);
        }
    }
}

/// Attributes of a well-formed part of a message, none of which closes it.
#[derive(Clone, Debug)]
pub(crate) struct Ordinary<'a> {
    rest: &'a [u8],
}

impl<'a> Ordinary<'a> {
    pub(crate) fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }
}

impl<'a> Iterator for Ordinary<'a> {
    type Item = Attribute<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let (attribute, total) = Attribute::split(self.rest)?;
        self.rest = self.rest.get(total..).unwrap_or_default();
        Some(attribute)
    }
}
