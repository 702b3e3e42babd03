//! `UNKNOWN-ATTRIBUTES` (RFC 8489 §14.13).

use super::AttributeType;
use crate::bytes::u16_at;

/// The types named by an `UNKNOWN-ATTRIBUTES` value.
#[derive(Clone, Debug)]
pub struct UnknownAttributes<'a> {
    rest: &'a [u8],
}

impl<'a> UnknownAttributes<'a> {
    /// Walks over the value of `UNKNOWN-ATTRIBUTES`; an odd last octet is ignored.
    pub fn new(value: &'a [u8]) -> Self {
        Self { rest: value }
    }
}

impl Iterator for UnknownAttributes<'_> {
    type Item = AttributeType;

    fn next(&mut self) -> Option<Self::Item> {
        let number = u16_at(self.rest, 0)?;
        self.rest = self.rest.get(2..).unwrap_or_default();
        Some(AttributeType::new(number))
    }
}
