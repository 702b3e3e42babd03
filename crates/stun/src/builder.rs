//! Writing messages into the caller's memory.

use std::net::SocketAddr;
use std::{error, fmt};

use crate::attribute::{
    self, AttributeType, ErrorCode, PasswordAlgorithm, encode_address, encode_xor_address,
};
use crate::bytes::padded;
use crate::message::{HEADER_LENGTH, MAGIC_COOKIE, TransactionId};
use crate::method::{self, Class, Method};
use crate::{fingerprint, integrity};

/// Why a message was not built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// The memory handed in is too small.
    BufferTooSmall {
        /// Octets needed so far.
        needed: usize,
        /// Octets there are.
        available: usize,
    },
    /// A value is longer than its attribute allows, or the message longer than 65,535 octets.
    TooLong {
        /// The attribute that was to be added.
        kind: AttributeType,
        /// Octets of its value.
        length: usize,
    },
    /// A value outside its range, e.g. an error code of 200.
    OutOfRange {
        /// The attribute that was to be added.
        kind: AttributeType,
    },
    /// An attribute after one that has to come later: nothing but `MESSAGE-INTEGRITY-SHA256` and `FINGERPRINT` follows
    /// `MESSAGE-INTEGRITY`, nothing follows `FINGERPRINT`.
    OutOfOrder {
        /// The attribute that was to be added.
        kind: AttributeType,
    },
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BufferTooSmall { needed, available } => {
                write!(f, "{needed} octets needed, {available} available")
            }
            Self::TooLong { kind, length } => {
                write!(f, "{length} octets are too long for {kind:?}")
            }
            Self::OutOfRange { kind } => write!(f, "value out of range for {kind:?}"),
            Self::OutOfOrder { kind } => write!(f, "{kind:?} cannot follow what is there"),
        }
    }
}

impl error::Error for BuildError {}

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
    id: TransactionId,
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

    /// Adds `XOR-MAPPED-ADDRESS`.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn xor_mapped_address(&mut self, address: SocketAddr) -> Result<&mut Self, BuildError> {
        let value = encode_xor_address(address, self.id);
        self.attribute(AttributeType::XOR_MAPPED_ADDRESS, value.as_slice())
    }

    /// Adds `MAPPED-ADDRESS`.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn mapped_address(&mut self, address: SocketAddr) -> Result<&mut Self, BuildError> {
        self.attribute(AttributeType::MAPPED_ADDRESS, encode_address(address).as_slice())
    }

    /// Adds `USERNAME`, at most 508 octets.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn username(&mut self, username: &str) -> Result<&mut Self, BuildError> {
        self.text(AttributeType::USERNAME, username, 508)
    }

    /// Adds the `USERNAME` of ICE, `receiver:sender` (RFC 8445 §7.2.2).
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn ice_username(&mut self, receiver: &str, sender: &str) -> Result<&mut Self, BuildError> {
        let parts = [receiver.as_bytes(), b":", sender.as_bytes()];
        self.limited(AttributeType::USERNAME, &parts, 513)
    }

    /// Adds `REALM`, at most 763 octets.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn realm(&mut self, realm: &str) -> Result<&mut Self, BuildError> {
        self.text(AttributeType::REALM, realm, 763)
    }

    /// Adds `NONCE`, at most 763 octets.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn nonce(&mut self, nonce: &str) -> Result<&mut Self, BuildError> {
        self.text(AttributeType::NONCE, nonce, 763)
    }

    /// Adds `SOFTWARE`, at most 763 octets.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn software(&mut self, software: &str) -> Result<&mut Self, BuildError> {
        self.text(AttributeType::SOFTWARE, software, 763)
    }

    /// Adds `ERROR-CODE`: a code of 300 to 699, a reason of at most 763 octets.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn error_code(&mut self, error: ErrorCode<'_>) -> Result<&mut Self, BuildError> {
        let kind = AttributeType::ERROR_CODE;
        let head = error.head().ok_or(BuildError::OutOfRange { kind })?;
        self.limited(kind, &[&head, error.reason.as_bytes()], head.len() + 763)
    }

    /// Adds `UNKNOWN-ATTRIBUTES`, at most 64 of them.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn unknown_attributes(
        &mut self,
        kinds: impl IntoIterator<Item = AttributeType>,
    ) -> Result<&mut Self, BuildError> {
        let mut value = [0; 128];
        let mut length = 0;
        for (slot, kind) in value.chunks_exact_mut(2).zip(kinds) {
            slot.copy_from_slice(&kind.number().to_be_bytes());
            length += 2;
        }
        self.attribute(AttributeType::UNKNOWN_ATTRIBUTES, value.get(..length).unwrap_or_default())
    }

    /// Adds `USERHASH`, see [`crate::userhash`].
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn userhash(&mut self, hash: &[u8; 32]) -> Result<&mut Self, BuildError> {
        self.attribute(AttributeType::USERHASH, hash)
    }

    /// Adds `PASSWORD-ALGORITHM`.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn password_algorithm(
        &mut self,
        algorithm: PasswordAlgorithm<'_>,
    ) -> Result<&mut Self, BuildError> {
        self.algorithms(AttributeType::PASSWORD_ALGORITHM, &[algorithm])
    }

    /// Adds `PASSWORD-ALGORITHMS`, the most preferred first; at most 128 octets.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn password_algorithms(
        &mut self,
        algorithms: &[PasswordAlgorithm<'_>],
    ) -> Result<&mut Self, BuildError> {
        self.algorithms(AttributeType::PASSWORD_ALGORITHMS, algorithms)
    }

    /// Adds `PRIORITY`.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn priority(&mut self, priority: u32) -> Result<&mut Self, BuildError> {
        self.attribute(AttributeType::PRIORITY, &priority.to_be_bytes())
    }

    /// Adds `USE-CANDIDATE`.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn use_candidate(&mut self) -> Result<&mut Self, BuildError> {
        self.attribute(AttributeType::USE_CANDIDATE, &[])
    }

    /// Adds `ICE-CONTROLLED`.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn ice_controlled(&mut self, tie_breaker: u64) -> Result<&mut Self, BuildError> {
        self.attribute(AttributeType::ICE_CONTROLLED, &tie_breaker.to_be_bytes())
    }

    /// Adds `ICE-CONTROLLING`.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn ice_controlling(&mut self, tie_breaker: u64) -> Result<&mut Self, BuildError> {
        self.attribute(AttributeType::ICE_CONTROLLING, &tie_breaker.to_be_bytes())
    }

    /// Adds `MESSAGE-INTEGRITY`: after it only [`MessageBuilder::integrity_sha256`] and [`MessageBuilder::fingerprint`].
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn integrity(&mut self, key: &[u8]) -> Result<&mut Self, BuildError> {
        let kind = AttributeType::MESSAGE_INTEGRITY;
        self.advance(kind, Stage::Integrity)?;
        let value = integrity::compute_sha1(key, self.written())
            .ok_or(BuildError::TooLong { kind, length: integrity::SHA1_LENGTH })?;
        self.put(kind, &[&value])?;
        self.stage = Stage::Integrity;
        Ok(self)
    }

    /// Adds `MESSAGE-INTEGRITY-SHA256`: after it only [`MessageBuilder::fingerprint`].
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn integrity_sha256(&mut self, key: &[u8]) -> Result<&mut Self, BuildError> {
        let kind = AttributeType::MESSAGE_INTEGRITY_SHA256;
        self.advance(kind, Stage::IntegritySha256)?;
        let value = integrity::compute_sha256(key, self.written())
            .ok_or(BuildError::TooLong { kind, length: integrity::SHA256_LENGTH })?;
        self.put(kind, &[&value])?;
        self.stage = Stage::IntegritySha256;
        Ok(self)
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

    fn written(&self) -> &[u8] {
        self.out.get(..self.length).unwrap_or_default()
    }

    fn advance(&self, kind: AttributeType, to: Stage) -> Result<(), BuildError> {
        if self.stage < to { Ok(()) } else { Err(BuildError::OutOfOrder { kind }) }
    }

    fn text(
        &mut self,
        kind: AttributeType,
        text: &str,
        limit: usize,
    ) -> Result<&mut Self, BuildError> {
        self.limited(kind, &[text.as_bytes()], limit)
    }

    fn limited(
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

    fn algorithms(
        &mut self,
        kind: AttributeType,
        algorithms: &[PasswordAlgorithm<'_>],
    ) -> Result<&mut Self, BuildError> {
        let mut value = [0; 128];
        let mut length = 0;
        for algorithm in algorithms {
            let size = u16::try_from(algorithm.parameters.len())
                .map_err(|_| BuildError::TooLong { kind, length: algorithm.parameters.len() })?;
            let total = 4 + padded(algorithm.parameters.len());
            let slot = value
                .get_mut(length..length + total)
                .ok_or(BuildError::TooLong { kind, length: length + total })?;
            let octets = algorithm.number.to_be_bytes().into_iter().chain(size.to_be_bytes());
            let octets = octets.chain(algorithm.parameters.iter().copied());
            slot.iter_mut().zip(octets).for_each(|(slot, octet)| *slot = octet);
            length += total;
        }
        self.attribute(kind, value.get(..length).unwrap_or_default())
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

        let head = kind.number().to_be_bytes().into_iter().chain(value_length.to_be_bytes());
        let value = parts.iter().flat_map(|part| part.iter().copied());
        let octets = head.chain(value).chain(std::iter::repeat(0));
        slot.iter_mut().zip(octets).for_each(|(slot, octet)| *slot = octet);

        if let Some(field) = self.out.get_mut(2..4) {
            field.copy_from_slice(&body_length.to_be_bytes());
        }
        self.length = end;
        Ok(())
    }
}
