//! Adding attributes by their meaning, one function each.

use std::net::SocketAddr;

use super::{BuildError, MessageBuilder};
use crate::attribute::{
    AttributeType, ErrorCode, NetworkInfo, PasswordAlgorithm, encode_address, encode_xor_address,
};
use crate::bytes::padded;

impl MessageBuilder<'_> {
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

    /// Adds `REALM`, fewer than 128 characters (RFC 8489 §14.9).
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn realm(&mut self, realm: &str) -> Result<&mut Self, BuildError> {
        self.short_text(AttributeType::REALM, &[], realm)
    }

    /// Adds `NONCE`, fewer than 128 characters (RFC 8489 §14.10).
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn nonce(&mut self, nonce: &str) -> Result<&mut Self, BuildError> {
        self.short_text(AttributeType::NONCE, &[], nonce)
    }

    /// Adds `SOFTWARE`, fewer than 128 characters (RFC 8489 §14.14).
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn software(&mut self, software: &str) -> Result<&mut Self, BuildError> {
        self.short_text(AttributeType::SOFTWARE, &[], software)
    }

    /// Adds `ALTERNATE-SERVER`, for a 300 (Try Alternate).
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn alternate_server(&mut self, address: SocketAddr) -> Result<&mut Self, BuildError> {
        self.attribute(AttributeType::ALTERNATE_SERVER, encode_address(address).as_slice())
    }

    /// Adds `ALTERNATE-DOMAIN`, at most 255 octets.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn alternate_domain(&mut self, domain: &str) -> Result<&mut Self, BuildError> {
        self.text(AttributeType::ALTERNATE_DOMAIN, domain, 255)
    }

    /// Adds `GOOG-NETWORK-INFO`.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn network_info(&mut self, info: NetworkInfo) -> Result<&mut Self, BuildError> {
        self.attribute(AttributeType::GOOG_NETWORK_INFO, &info.encode())
    }

    /// Adds `ERROR-CODE`: a code of 300 to 699, a reason of fewer than 128 characters (RFC 8489 §14.8).
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn error_code(&mut self, error: ErrorCode<'_>) -> Result<&mut Self, BuildError> {
        let kind = AttributeType::ERROR_CODE;
        let head = error.head().ok_or(BuildError::OutOfRange { kind })?;
        self.short_text(kind, &head, error.reason)
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
}
