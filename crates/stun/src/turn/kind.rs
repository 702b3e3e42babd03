//! Attribute numbers of TURN (RFC 8656 §18).

use crate::attribute::{AttributeType, attribute_types};

attribute_types! {
    turn_name:
    /// A channel (RFC 8656 §18.1).
    CHANNEL_NUMBER = 0x000c, "CHANNEL-NUMBER";
    /// Life of an allocation (RFC 8656 §18.2).
    LIFETIME = 0x000d, "LIFETIME";
    /// The peer, as the server sees it (RFC 8656 §18.3).
    XOR_PEER_ADDRESS = 0x0012, "XOR-PEER-ADDRESS";
    /// The datagram relayed (RFC 8656 §18.4).
    DATA = 0x0013, "DATA";
    /// The address allocated (RFC 8656 §18.5).
    XOR_RELAYED_ADDRESS = 0x0016, "XOR-RELAYED-ADDRESS";
    /// The family the relayed address is to be of (RFC 8656 §18.6).
    REQUESTED_ADDRESS_FAMILY = 0x0017, "REQUESTED-ADDRESS-FAMILY";
    /// The relayed port is to be even (RFC 8656 §18.7).
    EVEN_PORT = 0x0018, "EVEN-PORT";
    /// The protocol between server and peer (RFC 8656 §18.8).
    REQUESTED_TRANSPORT = 0x0019, "REQUESTED-TRANSPORT";
    /// The DF bit is to be set towards the peer (RFC 8656 §18.9).
    DONT_FRAGMENT = 0x001a, "DONT-FRAGMENT";
    /// Claims a port reserved earlier (RFC 8656 §18.10).
    RESERVATION_TOKEN = 0x0022, "RESERVATION-TOKEN";
    /// A second family, in one allocation (RFC 8656 §18.11).
    ADDITIONAL_ADDRESS_FAMILY = 0x8000, "ADDITIONAL-ADDRESS-FAMILY";
    /// Why a family was not allocated (RFC 8656 §18.12).
    ADDRESS_ERROR_CODE = 0x8001, "ADDRESS-ERROR-CODE";
    /// An ICMP message that came from the peer's network (RFC 8656 §18.13).
    ICMP = 0x8004, "ICMP";
}
