//! `MESSAGE-INTEGRITY` and `MESSAGE-INTEGRITY-SHA256` (RFC 8489 §14.5, §14.6).

use std::{error, fmt};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use sha2::Sha256;

use crate::attribute::{self, AttributeType};
use crate::message::{HEADER_LENGTH, Message};

/// Octets of an HMAC-SHA1.
pub(crate) const SHA1_LENGTH: usize = 20;
/// Octets of an HMAC-SHA256.
pub(crate) const SHA256_LENGTH: usize = 32;

/// Why a message is not authentic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntegrityError {
    /// The message carries no integrity attribute (of the kind asked for).
    Missing,
    /// The attribute does not match message and key, or has the wrong length.
    Wrong,
}

impl fmt::Display for IntegrityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "no integrity attribute",
            Self::Wrong => "wrong message integrity",
        })
    }
}

impl error::Error for IntegrityError {}

/// The hash of an integrity attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntegrityAlgorithm {
    /// `MESSAGE-INTEGRITY`, 20 octets.
    Sha1,
    /// `MESSAGE-INTEGRITY-SHA256`, 32 octets.
    Sha256,
}

impl Message<'_> {
    /// Checks whether the message was made with `key`: by `MESSAGE-INTEGRITY-SHA256` if it is there (it also covers a
    /// `MESSAGE-INTEGRITY` in front of it), by `MESSAGE-INTEGRITY` otherwise. Says which of them held, because a
    /// response uses the same (RFC 8489 §9.1.3).
    ///
    /// The comparison takes the same time wherever the values differ. A truncated `MESSAGE-INTEGRITY-SHA256` is wrong:
    /// neither ICE nor TURN allows one.
    ///
    /// # Errors
    /// [`IntegrityError::Missing`] without either attribute, [`IntegrityError::Wrong`] if the value does not match.
    pub fn verify_integrity(&self, key: &[u8]) -> Result<IntegrityAlgorithm, IntegrityError> {
        match self.verify_integrity_sha256(key) {
            Err(IntegrityError::Missing) => {
                self.verify_integrity_sha1(key).map(|()| IntegrityAlgorithm::Sha1)
            }
            result => result.map(|()| IntegrityAlgorithm::Sha256),
        }
    }

    /// Checks `MESSAGE-INTEGRITY` alone.
    ///
    /// # Errors
    /// As [`Message::verify_integrity`].
    pub fn verify_integrity_sha1(&self, key: &[u8]) -> Result<(), IntegrityError> {
        let (value, covered) =
            self.located(AttributeType::MESSAGE_INTEGRITY).ok_or(IntegrityError::Missing)?;
        let mut mac = Hmac::<Sha1>::new_from_slice(key).map_err(|_| IntegrityError::Wrong)?;
        feed(covered, SHA1_LENGTH, |part| mac.update(part)).ok_or(IntegrityError::Wrong)?;
        mac.verify_slice(value).map_err(|_| IntegrityError::Wrong)
    }

    /// Checks `MESSAGE-INTEGRITY-SHA256` alone.
    ///
    /// # Errors
    /// As [`Message::verify_integrity`].
    pub fn verify_integrity_sha256(&self, key: &[u8]) -> Result<(), IntegrityError> {
        let (value, covered) =
            self.located(AttributeType::MESSAGE_INTEGRITY_SHA256).ok_or(IntegrityError::Missing)?;
        let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|_| IntegrityError::Wrong)?;
        feed(covered, SHA256_LENGTH, |part| mac.update(part)).ok_or(IntegrityError::Wrong)?;
        mac.verify_slice(value).map_err(|_| IntegrityError::Wrong)
    }
}

/// HMAC-SHA1 over a message that ends where the attribute will begin.
pub(crate) fn compute_sha1(key: &[u8], covered: &[u8]) -> Option<[u8; SHA1_LENGTH]> {
    let mut mac = Hmac::<Sha1>::new_from_slice(key).ok()?;
    feed(covered, SHA1_LENGTH, |part| mac.update(part))?;
    Some(mac.finalize().into_bytes().into())
}

/// HMAC-SHA256 over a message that ends where the attribute will begin.
pub(crate) fn compute_sha256(key: &[u8], covered: &[u8]) -> Option<[u8; SHA256_LENGTH]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    feed(covered, SHA256_LENGTH, |part| mac.update(part))?;
    Some(mac.finalize().into_bytes().into())
}

/// RFC 8489 §14.5: the input is the message up to the attribute, its length field adjusted to point to the attribute's
/// end, whatever follows.
fn feed(covered: &[u8], value_length: usize, mut update: impl FnMut(&[u8])) -> Option<()> {
    let length =
        covered.len() - HEADER_LENGTH.min(covered.len()) + attribute::HEADER_LENGTH + value_length;
    update(covered.get(..2)?);
    update(&u16::try_from(length).ok()?.to_be_bytes());
    update(covered.get(4..)?);
    Some(())
}
