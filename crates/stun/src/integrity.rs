//! `MESSAGE-INTEGRITY` and `MESSAGE-INTEGRITY-SHA256` (RFC 8489 §14.5, §14.6).

use std::{error, fmt};

use subtle::ConstantTimeEq as _;
use zeroize::ZeroizeOnDrop;

use crate::attribute::{self, AttributeType};
use crate::hmac::{BlockHash, KeyedHash, Sha1, Sha256};
use crate::message::{HEADER_LENGTH, Message};

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

/// A key prepared for many messages: what hashes the key itself is done once, for both algorithms.
///
/// A short-term key is the password (RFC 8489 §9.1), a long-term one a [`crate::LongTermKey`]. The octets given are not
/// kept; what is kept is as good as the key, takes 104 octets, is overwritten with zeros on drop and never shown by
/// `Debug`.
#[derive(Clone)]
pub struct IntegrityKey {
    pub(crate) sha1: KeyedHash<Sha1>,
    pub(crate) sha256: KeyedHash<Sha256>,
}

impl IntegrityKey {
    /// Prepares a key of any length.
    pub fn new(key: &[u8]) -> Self {
        Self { sha1: KeyedHash::new(key), sha256: KeyedHash::new(key) }
    }
}

impl fmt::Debug for IntegrityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IntegrityKey(..)")
    }
}

// Its fields are.
impl ZeroizeOnDrop for IntegrityKey {}

impl Message<'_> {
    /// Checks whether the message was made with `key`: by `MESSAGE-INTEGRITY-SHA256` if it is there (it also covers a
    /// `MESSAGE-INTEGRITY` in front of it), by `MESSAGE-INTEGRITY` otherwise. Says which of them held, because a
    /// response uses the same (RFC 8489 §9.1.3).
    ///
    /// The comparison takes the same time wherever the values differ. A truncated `MESSAGE-INTEGRITY-SHA256` is wrong:
    /// neither ICE nor TURN allows one. Who has many messages to check under one key does it with an [`IntegrityKey`].
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

    /// [`Message::verify_integrity`] with a prepared key.
    ///
    /// # Errors
    /// As [`Message::verify_integrity`].
    pub fn verify_integrity_with(
        &self,
        key: &IntegrityKey,
    ) -> Result<IntegrityAlgorithm, IntegrityError> {
        match self.check(AttributeType::MESSAGE_INTEGRITY_SHA256, |at| compute(&key.sha256, at)) {
            Err(IntegrityError::Missing) => self
                .check(AttributeType::MESSAGE_INTEGRITY, |at| compute(&key.sha1, at))
                .map(|()| IntegrityAlgorithm::Sha1),
            result => result.map(|()| IntegrityAlgorithm::Sha256),
        }
    }

    /// Checks `MESSAGE-INTEGRITY` alone.
    ///
    /// # Errors
    /// As [`Message::verify_integrity`].
    pub fn verify_integrity_sha1(&self, key: &[u8]) -> Result<(), IntegrityError> {
        let compute = |covered: &[u8]| compute(&KeyedHash::<Sha1>::new(key), covered);
        self.check(AttributeType::MESSAGE_INTEGRITY, compute)
    }

    /// Checks `MESSAGE-INTEGRITY-SHA256` alone.
    ///
    /// # Errors
    /// As [`Message::verify_integrity`].
    pub fn verify_integrity_sha256(&self, key: &[u8]) -> Result<(), IntegrityError> {
        let compute = |covered: &[u8]| compute(&KeyedHash::<Sha256>::new(key), covered);
        self.check(AttributeType::MESSAGE_INTEGRITY_SHA256, compute)
    }

    /// `expected` gives the value for the octets in front of the attribute, if there is one to compare with.
    fn check<V: AsRef<[u8]>>(
        &self,
        kind: AttributeType,
        expected: impl FnOnce(&[u8]) -> Option<V>,
    ) -> Result<(), IntegrityError> {
        let (value, covered) = self.located(kind).ok_or(IntegrityError::Missing)?;
        let expected = expected(covered).ok_or(IntegrityError::Wrong)?;
        // Values of different lengths differ, too.
        if bool::from(expected.as_ref().ct_eq(value)) { Ok(()) } else { Err(IntegrityError::Wrong) }
    }
}

/// The HMAC of a message that ends where the attribute will begin.
///
/// RFC 8489 §14.5: the input is the message up to the attribute, its length field adjusted to point to the attribute's
/// end, whatever follows.
pub(crate) fn compute<H: BlockHash>(key: &KeyedHash<H>, covered: &[u8]) -> Option<H::Digest> {
    let body = covered.len().checked_sub(HEADER_LENGTH)?;
    let length = u16::try_from(body + attribute::HEADER_LENGTH + H::LENGTH).ok()?;
    Some(key.mac(covered, Some(length.to_be_bytes())))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn octets(value: &Value) -> Vec<u8> {
        hex::decode(value.as_str().unwrap()).unwrap()
    }

    /// What is hashed, not only what comes out: every intermediate value of the vectors.
    #[test]
    fn the_hmac_input_and_the_crc_are_those_of_the_vectors() {
        let (mut macs, mut crcs) = (0, 0);
        for text in [
            include_str!("../tests/vectors/rfc5769.json"),
            include_str!("../tests/vectors/rfc8489.json"),
            include_str!("../tests/vectors/stun_ice.json"),
        ] {
            let document: Value = serde_json::from_str(text).unwrap();
            for vector in document["vectors"].as_array().unwrap() {
                let message = octets(&vector["message"]);
                let sha1 = &vector["message_integrity"];
                if sha1["value"].is_string() {
                    let (key, input) = (octets(&sha1["key"]), octets(&sha1["hmac_input"]));
                    let mac = KeyedHash::<Sha1>::new(&key);
                    assert_eq!(mac.mac(&input, None).to_vec(), octets(&sha1["value"]));
                    let ours = compute(&mac, message.get(..input.len()).unwrap());
                    assert_eq!(ours.unwrap().to_vec(), octets(&sha1["value"]));
                    macs += 1;
                }
                let sha256 = &vector["message_integrity_sha256"];
                if sha256["value"].is_string() {
                    let (key, input) = (octets(&sha256["key"]), octets(&sha256["hmac_input"]));
                    let mac = KeyedHash::<Sha256>::new(&key);
                    assert_eq!(mac.mac(&input, None).to_vec(), octets(&sha256["value"]));
                    let ours = compute(&mac, message.get(..input.len()).unwrap());
                    assert_eq!(ours.unwrap().to_vec(), octets(&sha256["value"]));
                    macs += 1;
                }
                let fingerprint = &vector["fingerprint"];
                if let Some(crc) = fingerprint["crc32"].as_str() {
                    let covered = message.get(..message.len() - 8).unwrap();
                    assert_eq!(format!("{:08x}", crc32fast::hash(covered)), crc);
                    let value = crate::fingerprint::compute(covered);
                    assert_eq!(fingerprint["value"], format!("{value:08x}"));
                    crcs += 1;
                }
            }
        }
        assert!(macs >= 10 && crcs >= 8, "{macs} {crcs}");
    }

    #[test]
    fn a_prepared_key_judges_as_the_octets_do() {
        let document: Value =
            serde_json::from_str(include_str!("../tests/vectors/stun_ice.json")).unwrap();
        let mut held = 0;
        for vector in document["vectors"].as_array().unwrap() {
            let message = octets(&vector["message"]);
            let message = Message::parse(&message).unwrap();
            let key = vector["credentials"]["password"].as_str().unwrap().as_bytes();
            let judgement = message.verify_integrity(key);
            assert_eq!(message.verify_integrity_with(&IntegrityKey::new(key)), judgement);
            let other = IntegrityKey::new(b"other");
            assert_eq!(message.verify_integrity_with(&other), Err(IntegrityError::Wrong));
            held += u32::from(judgement.is_ok());
        }
        assert!(held >= 5, "{held}");
    }

    #[test]
    fn debug_hides_keys() {
        assert_eq!(format!("{:?}", IntegrityKey::new(b"secret")), "IntegrityKey(..)");
    }
}
