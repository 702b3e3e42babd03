//! Writing TURN's attributes (RFC 8656 §18).

use std::net::SocketAddr;

use super::{AddressErrorCode, AddressFamily, ChannelNumber, EvenPort, Icmp, RequestedTransport};
use crate::attribute::{AttributeType, encode_xor_address};
use crate::builder::{BuildError, MessageBuilder};

/// TURN (RFC 8656 §18).
impl MessageBuilder<'_> {
    /// Adds `CHANNEL-NUMBER`.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn channel_number(&mut self, channel: ChannelNumber) -> Result<&mut Self, BuildError> {
        let [high, low] = channel.number().to_be_bytes();
        self.attribute(AttributeType::CHANNEL_NUMBER, &[high, low, 0, 0])
    }

    /// Adds `LIFETIME`, in seconds; a Refresh with zero ends the allocation.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn lifetime(&mut self, seconds: u32) -> Result<&mut Self, BuildError> {
        self.attribute(AttributeType::LIFETIME, &seconds.to_be_bytes())
    }

    /// Adds `XOR-PEER-ADDRESS`.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn xor_peer_address(&mut self, address: SocketAddr) -> Result<&mut Self, BuildError> {
        let value = encode_xor_address(address, self.id);
        self.attribute(AttributeType::XOR_PEER_ADDRESS, value.as_slice())
    }

    /// Adds `DATA`: the datagram to relay.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn data(&mut self, datagram: &[u8]) -> Result<&mut Self, BuildError> {
        self.attribute(AttributeType::DATA, datagram)
    }

    /// Adds `XOR-RELAYED-ADDRESS`.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn xor_relayed_address(&mut self, address: SocketAddr) -> Result<&mut Self, BuildError> {
        let value = encode_xor_address(address, self.id);
        self.attribute(AttributeType::XOR_RELAYED_ADDRESS, value.as_slice())
    }

    /// Adds `REQUESTED-ADDRESS-FAMILY`.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn requested_address_family(
        &mut self,
        family: AddressFamily,
    ) -> Result<&mut Self, BuildError> {
        self.attribute(AttributeType::REQUESTED_ADDRESS_FAMILY, &family.encode())
    }

    /// Adds `ADDITIONAL-ADDRESS-FAMILY`: only IPv6 is sensible (RFC 8656 §7.1).
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn additional_address_family(
        &mut self,
        family: AddressFamily,
    ) -> Result<&mut Self, BuildError> {
        self.attribute(AttributeType::ADDITIONAL_ADDRESS_FAMILY, &family.encode())
    }

    /// Adds `ADDRESS-ERROR-CODE`: a code of 300 to 699, a reason of fewer than 128 characters.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn address_error_code(
        &mut self,
        error: AddressErrorCode<'_>,
    ) -> Result<&mut Self, BuildError> {
        let kind = AttributeType::ADDRESS_ERROR_CODE;
        let head = error.head().ok_or(BuildError::OutOfRange { kind })?;
        self.short_text(kind, &head, error.error.reason)
    }

    /// Adds `EVEN-PORT`.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn even_port(&mut self, even_port: EvenPort) -> Result<&mut Self, BuildError> {
        self.attribute(AttributeType::EVEN_PORT, &even_port.encode())
    }

    /// Adds `REQUESTED-TRANSPORT`.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn requested_transport(
        &mut self,
        transport: RequestedTransport,
    ) -> Result<&mut Self, BuildError> {
        self.attribute(AttributeType::REQUESTED_TRANSPORT, &transport.encode())
    }

    /// Adds `DONT-FRAGMENT`.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn dont_fragment(&mut self) -> Result<&mut Self, BuildError> {
        self.attribute(AttributeType::DONT_FRAGMENT, &[])
    }

    /// Adds `RESERVATION-TOKEN`.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn reservation_token(&mut self, token: &[u8; 8]) -> Result<&mut Self, BuildError> {
        self.attribute(AttributeType::RESERVATION_TOKEN, token)
    }

    /// Adds `ICMP`: a type of 7 bits, a code of 9.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn icmp(&mut self, icmp: Icmp) -> Result<&mut Self, BuildError> {
        let kind = AttributeType::ICMP;
        let value = icmp.encode().ok_or(BuildError::OutOfRange { kind })?;
        self.attribute(kind, &value)
    }
}
