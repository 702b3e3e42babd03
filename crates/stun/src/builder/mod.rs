//! Writing messages into the caller's memory.

mod error;
mod typed;

pub use error::BuildError;

use crate::attribute::{self, AttributeType};
use crate::bytes::padded;
use crate::fingerprint;
use crate::hmac::{self, BlockHash, KeyedHash};
use crate::integrity::{self, IntegrityAlgorithm, IntegrityKey};
use crate::message::{HEADER_LENGTH, MAGIC_COOKIE, TransactionId};
use crate::method::{self, Class, Method};

/// Characters that a text may have that is written (RFC 8489 §14.8 to §14.10, §14.14).
const MAX_CHARACTERS: usize = 127;

/// What may still be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Ordinary,
    Integrity,
    IntegritySha256,
    Complete,
}

/// Writes one message into a slice of the caller's. The length field is right after every call, so the message is
/// complete whenever the caller stops. An attribute that failed leaves no trace.
#[derive(Debug)]
pub struct MessageBuilder<'o> {
    out: &'o mut [u8],
    length: usize,
    /// Addresses are XORed with it.
    pub(crate) id: TransactionId,
    stage: Stage,
}

impl<'o> MessageBuilder<'o> {
    /// Begins a message.
    ///
    /// # Errors
    /// [`BuildError::BufferTooSmall`] if not even the header fits.
    pub fn new(
        out: &'o mut [u8],
        class: Class,
        method: Method,
        id: TransactionId,
    ) -> Result<Self, BuildError> {
        let too_small = BuildError::BufferTooSmall { needed: HEADER_LENGTH, available: out.len() };
        let header = out.first_chunk_mut::<HEADER_LENGTH>().ok_or(too_small)?;
        let [t0, t1] = method::encode(class, method).to_be_bytes();
        let [c0, c1, c2, c3] = MAGIC_COOKIE.to_be_bytes();
        let [i0, i1, i2, i3, i4, i5, i6, i7, i8, i9, i10, i11] = id.0;
        *header = [t0, t1, 0, 0, c0, c1, c2, c3, i0, i1, i2, i3, i4, i5, i6, i7, i8, i9, i10, i11];
        Ok(Self { out, length: HEADER_LENGTH, id, stage: Stage::Ordinary })
    }

    /// Octets of the message so far: all of it, if nothing else is to be added.
    pub fn finish(self) -> usize {
        self.length
    }

    /// Adds any attribute by its octets. Padding is zero (RFC 8489 §14). The attributes that close a message have
    /// functions of their own and are refused here.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn attribute(
        &mut self,
        kind: AttributeType,
        value: &[u8],
    ) -> Result<&mut Self, BuildError> {
        let closing = [
            AttributeType::MESSAGE_INTEGRITY,
            AttributeType::MESSAGE_INTEGRITY_SHA256,
            AttributeType::FINGERPRINT,
        ];
        if self.stage > Stage::Ordinary || closing.contains(&kind) {
            return Err(BuildError::OutOfOrder { kind });
        }
        self.put(kind, &[value])?;
        Ok(self)
    }

    /// Adds `MESSAGE-INTEGRITY`: after it only [`MessageBuilder::integrity_sha256`] and [`MessageBuilder::fingerprint`].
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn integrity(&mut self, key: &[u8]) -> Result<&mut Self, BuildError> {
        self.close::<hmac::Sha1>(AttributeType::MESSAGE_INTEGRITY, &KeyedHash::new(key))
    }

    /// Adds `MESSAGE-INTEGRITY-SHA256`: after it only [`MessageBuilder::fingerprint`].
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn integrity_sha256(&mut self, key: &[u8]) -> Result<&mut Self, BuildError> {
        self.close::<hmac::Sha256>(AttributeType::MESSAGE_INTEGRITY_SHA256, &KeyedHash::new(key))
    }

    /// Adds the integrity attribute of the algorithm, with a prepared key.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn integrity_with(
        &mut self,
        key: &IntegrityKey,
        algorithm: IntegrityAlgorithm,
    ) -> Result<&mut Self, BuildError> {
        match algorithm {
            IntegrityAlgorithm::Sha1 => self.close(AttributeType::MESSAGE_INTEGRITY, &key.sha1),
            IntegrityAlgorithm::Sha256 => {
                self.close(AttributeType::MESSAGE_INTEGRITY_SHA256, &key.sha256)
            }
        }
    }

    /// Adds `FINGERPRINT`, which closes the message.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn fingerprint(&mut self) -> Result<&mut Self, BuildError> {
        let kind = AttributeType::FINGERPRINT;
        self.advance(kind, Stage::Complete)?;
        // The CRC covers the length field, and that counts FINGERPRINT: so it is put first and filled in afterwards.
        let covered = self.length;
        self.put(kind, &[&[0; 4]])?;
        let value = fingerprint::compute(self.out.get(..covered).unwrap_or_default());
        if let Some(slot) = self.out.get_mut(covered + attribute::HEADER_LENGTH..self.length) {
            slot.copy_from_slice(&value.to_be_bytes());
        }
        self.stage = Stage::Complete;
        Ok(self)
    }

    /// Adds an integrity attribute over what is written.
    fn close<H: BlockHash>(
        &mut self,
        kind: AttributeType,
        key: &KeyedHash<H>,
    ) -> Result<&mut Self, BuildError> {
        let stage = match kind {
            AttributeType::MESSAGE_INTEGRITY => Stage::Integrity,
            _ => Stage::IntegritySha256,
        };
        self.advance(kind, stage)?;
        let value = integrity::compute(key, self.written())
            .ok_or(BuildError::TooLong { kind, length: H::LENGTH })?;
        self.put(kind, &[value.as_ref()])?;
        self.stage = stage;
        Ok(self)
    }

    fn written(&self) -> &[u8] {
        self.out.get(..self.length).unwrap_or_default()
    }

    fn advance(&self, kind: AttributeType, to: Stage) -> Result<(), BuildError> {
        if self.stage < to { Ok(()) } else { Err(BuildError::OutOfOrder { kind }) }
    }

    pub(crate) fn text(
        &mut self,
        kind: AttributeType,
        text: &str,
        limit: usize,
    ) -> Result<&mut Self, BuildError> {
        self.limited(kind, &[text.as_bytes()], limit)
    }

    /// `head`, and a text as long as RFC 8489 §14 lets one be that is written: fewer than 128 characters, which are 508 octets
    /// at most. Readers take 763.
    pub(crate) fn short_text(
        &mut self,
        kind: AttributeType,
        head: &[u8],
        text: &str,
    ) -> Result<&mut Self, BuildError> {
        let length = head.len() + text.len();
        if text.chars().nth(MAX_CHARACTERS).is_some() {
            return Err(BuildError::TooLong { kind, length });
        }
        self.limited(kind, &[head, text.as_bytes()], length)
    }

    pub(crate) fn limited(
        &mut self,
        kind: AttributeType,
        parts: &[&[u8]],
        limit: usize,
    ) -> Result<&mut Self, BuildError> {
        let length = parts.iter().map(|part| part.len()).sum();
        if length > limit {
            return Err(BuildError::TooLong { kind, length });
        }
        if self.stage > Stage::Ordinary {
            return Err(BuildError::OutOfOrder { kind });
        }
        self.put(kind, parts)?;
        Ok(self)
    }

    /// Writes type, length, the parts of the value, and padding; then the message's length field.
    fn put(&mut self, kind: AttributeType, parts: &[&[u8]]) -> Result<(), BuildError> {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let too_long = BuildError::TooLong { kind, length };
        let value_length = u16::try_from(length).map_err(|_| too_long)?;
        let end = self.length + attribute::HEADER_LENGTH + padded(length);
        let body_length = u16::try_from(end - HEADER_LENGTH).map_err(|_| too_long)?;
        let available = self.out.len();
        let slot = self
            .out
            .get_mut(self.length..end)
            .ok_or(BuildError::BufferTooSmall { needed: end, available })?;

        let ([k0, k1], [l0, l1]) = (kind.number().to_be_bytes(), value_length.to_be_bytes());
        let (head, mut rest) = slot.split_at_mut(attribute::HEADER_LENGTH);
        head.copy_from_slice(&[k0, k1, l0, l1]);
        for part in parts {
            let (value, after) = rest.split_at_mut(part.len());
            value.copy_from_slice(part);
            rest = after;
        }
        rest.fill(0);

        if let Some(field) = self.out.get_mut(2..4) {
            field.copy_from_slice(&body_length.to_be_bytes());
        }
        self.length = end;
        Ok(())
    }
}
