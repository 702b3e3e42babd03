//! Reading TURN's attributes (RFC 8656 §18).

use std::net::SocketAddr;

use super::{AddressErrorCode, AddressFamily, ChannelNumber, EvenPort, Icmp, RequestedTransport};
use crate::attribute::{self, AttributeType};
use crate::bytes::exact_u32;
use crate::message::Message;

/// TURN (RFC 8656 §18). Each is `None` without the attribute, or if its value is malformed.
impl<'a> Message<'a> {
    /// `CHANNEL-NUMBER`; `None` outside 0x4000 to 0x4fff, too.
    pub fn channel_number(&self) -> Option<ChannelNumber> {
        match *self.attribute(AttributeType::CHANNEL_NUMBER)? {
            [high, low, _, _] => ChannelNumber::new(u16::from_be_bytes([high, low])),
            _ => None,
        }
    }

    /// `LIFETIME`, in seconds.
    pub fn lifetime(&self) -> Option<u32> {
        exact_u32(self.attribute(AttributeType::LIFETIME)?)
    }

    /// The first `XOR-PEER-ADDRESS`.
    pub fn xor_peer_address(&self) -> Option<SocketAddr> {
        let value = self.attribute(AttributeType::XOR_PEER_ADDRESS)?;
        attribute::decode_xor_address(value, self.transaction_id())
    }

    /// Every `XOR-PEER-ADDRESS`: CreatePermission may have several (RFC 8656 §10.1). A malformed one is `None`.
    pub fn xor_peer_addresses(&self) -> impl Iterator<Item = Option<SocketAddr>> + use<'a> {
        let id = self.transaction_id();
        self.attributes()
            .filter(|attribute| attribute.kind == AttributeType::XOR_PEER_ADDRESS)
            .map(move |attribute| attribute::decode_xor_address(attribute.value, id))
    }

    /// `DATA`: the datagram relayed.
    pub fn data(&self) -> Option<&'a [u8]> {
        self.attribute(AttributeType::DATA)
    }

    /// The first `XOR-RELAYED-ADDRESS`.
    pub fn xor_relayed_address(&self) -> Option<SocketAddr> {
        let value = self.attribute(AttributeType::XOR_RELAYED_ADDRESS)?;
        attribute::decode_xor_address(value, self.transaction_id())
    }

    /// Every `XOR-RELAYED-ADDRESS`: an allocation can have one per family (RFC 8656 §7.3). A malformed one is `None`.
    pub fn xor_relayed_addresses(&self) -> impl Iterator<Item = Option<SocketAddr>> + use<'a> {
        let id = self.transaction_id();
        self.attributes()
            .filter(|attribute| attribute.kind == AttributeType::XOR_RELAYED_ADDRESS)
            .map(move |attribute| attribute::decode_xor_address(attribute.value, id))
    }

    /// `REQUESTED-ADDRESS-FAMILY`.
    pub fn requested_address_family(&self) -> Option<AddressFamily> {
        AddressFamily::decode(self.attribute(AttributeType::REQUESTED_ADDRESS_FAMILY)?)
    }

    /// `ADDITIONAL-ADDRESS-FAMILY`.
    pub fn additional_address_family(&self) -> Option<AddressFamily> {
        AddressFamily::decode(self.attribute(AttributeType::ADDITIONAL_ADDRESS_FAMILY)?)
    }

    /// `ADDRESS-ERROR-CODE`.
    pub fn address_error_code(&self) -> Option<AddressErrorCode<'a>> {
        AddressErrorCode::decode(self.attribute(AttributeType::ADDRESS_ERROR_CODE)?)
    }

    /// `EVEN-PORT`.
    pub fn even_port(&self) -> Option<EvenPort> {
        EvenPort::decode(self.attribute(AttributeType::EVEN_PORT)?)
    }

    /// `REQUESTED-TRANSPORT`.
    pub fn requested_transport(&self) -> Option<RequestedTransport> {
        RequestedTransport::decode(self.attribute(AttributeType::REQUESTED_TRANSPORT)?)
    }

    /// Whether `DONT-FRAGMENT` is there.
    pub fn dont_fragment(&self) -> bool {
        self.attribute(AttributeType::DONT_FRAGMENT).is_some()
    }

    /// `RESERVATION-TOKEN`.
    pub fn reservation_token(&self) -> Option<[u8; 8]> {
        self.attribute(AttributeType::RESERVATION_TOKEN)?.try_into().ok()
    }

    /// `ICMP`.
    pub fn icmp(&self) -> Option<Icmp> {
        Icmp::decode(self.attribute(AttributeType::ICMP)?)
    }
}
