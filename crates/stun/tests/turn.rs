//! TURN as a codec (RFC 8656): every method, every attribute, ChannelData; hostile octets.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

mod common;

use common::mutations;
use proptest::prelude::*;
use tsubame_stun::attribute::{ErrorCode, PasswordAlgorithm};
use tsubame_stun::turn::{
    AddressErrorCode, AddressFamily, ChannelData, ChannelDataError, ChannelNumber, EvenPort, Icmp,
    RequestedTransport, frame_length, is_channel_data,
};
use tsubame_stun::{
    AttributeType, BuildError, Class, LongTermKey, Message, MessageBuilder, Method, TransactionId,
    is_stun, long_term_key,
};

const ID: TransactionId = TransactionId(*b"0123456789ab");

fn build(
    class: Class,
    method: Method,
    fill: impl FnOnce(&mut MessageBuilder<'_>) -> Result<(), BuildError>,
) -> Vec<u8> {
    let mut out = vec![0; 1500];
    let mut builder = MessageBuilder::new(&mut out, class, method, ID).unwrap();
    fill(&mut builder).unwrap();
    let length = builder.finish();
    out.truncate(length);
    out
}

fn key() -> LongTermKey {
    long_term_key(PasswordAlgorithm::MD5, "user", "example.org", "secret").unwrap()
}

#[test]
fn methods_have_their_numbers_and_names() {
    for (method, number, name) in [
        (Method::ALLOCATE, 0x003, "Allocate"),
        (Method::REFRESH, 0x004, "Refresh"),
        (Method::SEND, 0x006, "Send"),
        (Method::DATA, 0x007, "Data"),
        (Method::CREATE_PERMISSION, 0x008, "CreatePermission"),
        (Method::CHANNEL_BIND, 0x009, "ChannelBind"),
    ] {
        assert_eq!(method.number(), number);
        assert_eq!(format!("{method:?}"), name);
        let octets = build(Class::Request, method, |_| Ok(()));
        assert_eq!(Message::parse(&octets).unwrap().method(), method);
    }
}

#[test]
fn attributes_have_their_numbers_and_names() {
    for (kind, number, name) in [
        (AttributeType::CHANNEL_NUMBER, 0x000c, "CHANNEL-NUMBER"),
        (AttributeType::LIFETIME, 0x000d, "LIFETIME"),
        (AttributeType::XOR_PEER_ADDRESS, 0x0012, "XOR-PEER-ADDRESS"),
        (AttributeType::DATA, 0x0013, "DATA"),
        (AttributeType::XOR_RELAYED_ADDRESS, 0x0016, "XOR-RELAYED-ADDRESS"),
        (AttributeType::REQUESTED_ADDRESS_FAMILY, 0x0017, "REQUESTED-ADDRESS-FAMILY"),
        (AttributeType::EVEN_PORT, 0x0018, "EVEN-PORT"),
        (AttributeType::REQUESTED_TRANSPORT, 0x0019, "REQUESTED-TRANSPORT"),
        (AttributeType::DONT_FRAGMENT, 0x001a, "DONT-FRAGMENT"),
        (AttributeType::RESERVATION_TOKEN, 0x0022, "RESERVATION-TOKEN"),
        (AttributeType::ADDITIONAL_ADDRESS_FAMILY, 0x8000, "ADDITIONAL-ADDRESS-FAMILY"),
        (AttributeType::ADDRESS_ERROR_CODE, 0x8001, "ADDRESS-ERROR-CODE"),
        (AttributeType::ICMP, 0x8004, "ICMP"),
    ] {
        assert_eq!((kind.number(), kind.name()), (number, Some(name)));
        assert!(kind.is_turn() && kind.is_known() && !kind.is_stun());
    }
}

#[test]
fn an_allocation_is_asked_for_challenged_and_made() {
    let request = build(Class::Request, Method::ALLOCATE, |builder| {
        builder.requested_transport(RequestedTransport::UDP)?.lifetime(600)?;
        builder.requested_address_family(AddressFamily::V4)?;
        builder.additional_address_family(AddressFamily::V6)?;
        builder.even_port(EvenPort { reserve_next: true })?.dont_fragment()?;
        builder.username("user")?.realm("example.org")?.nonce("nonce")?;
        builder.integrity(key().as_ref())?;
        Ok(())
    });
    let message = Message::parse(&request).unwrap();
    assert_eq!(message.verify_integrity_sha1(key().as_ref()), Ok(()));
    assert_eq!(message.requested_transport(), Some(RequestedTransport::UDP));
    assert_eq!(message.lifetime(), Some(600));
    assert_eq!(message.requested_address_family(), Some(AddressFamily::V4));
    assert_eq!(message.additional_address_family(), Some(AddressFamily::V6));
    assert_eq!(message.even_port(), Some(EvenPort { reserve_next: true }));
    assert!(message.dont_fragment());
    assert_eq!(message.reservation_token(), None);

    let relayed = ["198.51.100.1:50000", "[2001:db8::1]:50000"].map(|text| text.parse().unwrap());
    let error = AddressErrorCode {
        family: AddressFamily::V6,
        error: ErrorCode::ADDRESS_FAMILY_NOT_SUPPORTED,
    };
    let response = build(Class::SuccessResponse, Method::ALLOCATE, |builder| {
        builder.xor_relayed_address(relayed[0])?.xor_relayed_address(relayed[1])?;
        builder.reservation_token(b"token678")?.address_error_code(error)?;
        Ok(())
    });
    let message = Message::parse(&response).unwrap();
    assert_eq!(message.xor_relayed_address(), Some(relayed[0]));
    assert_eq!(message.xor_relayed_addresses().collect::<Vec<_>>(), relayed.map(Some));
    assert_eq!(message.reservation_token(), Some(*b"token678"));
    assert_eq!(message.address_error_code(), Some(error));
}

#[test]
fn permissions_channels_and_data() {
    let peers = ["192.0.2.5:9", "[2001:db8::5]:10"].map(|text| text.parse().unwrap());
    let octets = build(Class::Request, Method::CREATE_PERMISSION, |builder| {
        builder.xor_peer_address(peers[0])?.xor_peer_address(peers[1])?;
        Ok(())
    });
    let message = Message::parse(&octets).unwrap();
    assert_eq!(message.xor_peer_address(), Some(peers[0]));
    assert_eq!(message.xor_peer_addresses().collect::<Vec<_>>(), peers.map(Some));

    let channel = ChannelNumber::new(0x4abc).unwrap();
    let octets = build(Class::Request, Method::CHANNEL_BIND, |builder| {
        builder.channel_number(channel)?;
        Ok(())
    });
    assert_eq!(Message::parse(&octets).unwrap().channel_number(), Some(channel));

    let icmp = Icmp { icmp_type: 3, code: 0x104, data: 1280 };
    let octets = build(Class::Indication, Method::DATA, |builder| {
        builder.data(b"hello")?.icmp(icmp)?;
        Ok(())
    });
    let message = Message::parse(&octets).unwrap();
    assert_eq!(message.data(), Some(&b"hello"[..]));
    assert_eq!(message.icmp(), Some(icmp));
}

#[test]
fn values_that_have_no_room_are_refused() {
    let mut out = [0; 100];
    let mut builder = MessageBuilder::new(&mut out, Class::Indication, Method::DATA, ID).unwrap();
    for icmp in
        [Icmp { icmp_type: 128, code: 0, data: 0 }, Icmp { icmp_type: 0, code: 512, data: 0 }]
    {
        let kind = AttributeType::ICMP;
        assert_eq!(builder.icmp(icmp).map(drop), Err(BuildError::OutOfRange { kind }));
    }
    let error =
        AddressErrorCode { family: AddressFamily::V4, error: ErrorCode { code: 200, reason: "" } };
    let kind = AttributeType::ADDRESS_ERROR_CODE;
    assert_eq!(builder.address_error_code(error).map(drop), Err(BuildError::OutOfRange { kind }));
    assert_eq!(builder.finish(), 20, "nothing was written");
}

/// Each attribute with a value of every wrong length, and with values out of range.
#[test]
fn malformed_values_are_none() {
    let with = |kind: AttributeType, value: &[u8]| {
        build(Class::Request, Method::ALLOCATE, |builder| builder.attribute(kind, value).map(drop))
    };
    let all_none = |kind, value: &[u8]| {
        let octets = with(kind, value);
        let message = Message::parse(&octets).unwrap();
        message.channel_number().is_none()
            && message.lifetime().is_none()
            && message.xor_peer_address().is_none()
            && message.xor_relayed_address().is_none()
            && message.requested_address_family().is_none()
            && message.additional_address_family().is_none()
            && message.address_error_code().is_none()
            && message.even_port().is_none()
            && message.requested_transport().is_none()
            && message.reservation_token().is_none()
            && message.icmp().is_none()
    };
    for (kind, good) in [
        (AttributeType::CHANNEL_NUMBER, &[0x40, 0, 0, 0][..]),
        (AttributeType::LIFETIME, &[0; 4]),
        (AttributeType::REQUESTED_ADDRESS_FAMILY, &[1, 0, 0, 0]),
        (AttributeType::ADDITIONAL_ADDRESS_FAMILY, &[2, 0, 0, 0]),
        (AttributeType::EVEN_PORT, &[0]),
        (AttributeType::REQUESTED_TRANSPORT, &[17, 0, 0, 0]),
        (AttributeType::RESERVATION_TOKEN, &[0; 8]),
        (AttributeType::ICMP, &[0; 8]),
        (AttributeType::XOR_PEER_ADDRESS, &[0, 1, 0, 0, 0, 0, 0, 0]),
        (AttributeType::XOR_RELAYED_ADDRESS, &[0, 1, 0, 0, 0, 0, 0, 0]),
    ] {
        assert!(!all_none(kind, good), "{kind:?}");
        for length in (0..24).filter(|length| *length != good.len()) {
            let mut value = good.to_vec();
            value.resize(length, 0);
            assert!(all_none(kind, &value), "{kind:?} of {length} octets");
        }
    }
    for number in [0x3fff_u16, 0x5000, 0x7fff, 0xffff] {
        let [a, b] = number.to_be_bytes();
        assert!(all_none(AttributeType::CHANNEL_NUMBER, &[a, b, 0, 0]));
    }
    for family in [0, 3, 255] {
        assert!(all_none(AttributeType::REQUESTED_ADDRESS_FAMILY, &[family, 0, 0, 0]));
        assert!(all_none(AttributeType::ADDRESS_ERROR_CODE, &[family, 0, 4, 40]));
    }
}

#[test]
fn a_server_without_turn_does_not_understand_turn() {
    let octets = build(Class::Request, Method::BINDING, |builder| {
        builder.lifetime(5)?.attribute(AttributeType::new(0x7fff), &[])?.software("x")?;
        Ok(())
    });
    let unknown: Vec<_> = Message::parse(&octets).unwrap().unknown_required().collect();
    assert_eq!(unknown, [AttributeType::LIFETIME, AttributeType::new(0x7fff)]);
    assert!(unknown[0].is_turn() && !unknown[1].is_turn());
}

#[test]
fn channel_data_in_a_datagram() {
    let channel = ChannelNumber::MIN;
    let mut out = [0xff; 16];
    let length = ChannelData { channel, data: b"hello" }.write(&mut out).unwrap();
    assert_eq!(out[..length], *b"\x40\x00\x00\x05hello");
    assert!(is_channel_data(&out[..length]) && !is_stun(&out[..length]));
    // Padding is optional, and three octets at most.
    for extra in 0..=3 {
        let message = ChannelData::parse(&out[..length + extra]).unwrap();
        assert_eq!(message, ChannelData { channel, data: b"hello" });
    }
    let trailing = Err(ChannelDataError::TrailingOctets { count: 1 });
    assert_eq!(ChannelData::parse(&out[..length + 4]), trailing);
    // An empty datagram is one, too.
    let length = ChannelData { channel, data: b"" }.write(&mut out).unwrap();
    assert_eq!(ChannelData::parse(&out[..length]), Ok(ChannelData { channel, data: b"" }));
}

#[test]
fn channel_data_in_a_stream() {
    let channel = ChannelNumber::MAX;
    let mut out = [0xff; 32];
    let message = ChannelData { channel, data: b"hello" };
    let length = message.write_to_stream(&mut out).unwrap();
    assert_eq!(out[..length], *b"\x4f\xff\x00\x05hello\0\0\0");
    assert_eq!(ChannelData::split(&out), Ok((message, 12)));
    assert_eq!(frame_length(&out), Some(12));
    assert_eq!(frame_length(&out[..3]), None);
    assert_eq!(frame_length(&build(Class::Request, Method::ALLOCATE, |_| Ok(()))), Some(20));
    for neither in [[0x50, 0, 0, 4], [0x80, 0, 0, 4], [0, 1, 0, 3]] {
        assert_eq!(frame_length(&neither), Some(0));
    }
}

#[test]
fn truncated_channel_data_is_refused_at_every_length() {
    let channel = ChannelNumber::MIN;
    let mut out = [0; 64];
    let length = ChannelData { channel, data: &[7; 50] }.write(&mut out).unwrap();
    for available in 0..length {
        let needed = if available < 4 { 4 } else { length };
        let error = Err(ChannelDataError::Truncated { needed, available });
        assert_eq!(ChannelData::parse(&out[..available]), error);
        assert!(ChannelData { channel, data: &[7; 50] }.write(&mut out[..available]).is_err());
    }
}

/// Every cut and every flipped bit, as a datagram and as a stream: what is still a message is written and read again as
/// the same.
#[test]
fn mutations_of_channel_data_are_refused_or_survive_a_round_trip() {
    let mut out = [0; 128];
    let (mut read, mut refused) = (0, 0);
    for channel in [ChannelNumber::MIN, ChannelNumber::MAX] {
        for data in [&b""[..], b"hello", b"with its padding", &[0xff; 50]] {
            let length = ChannelData { channel, data }.write_to_stream(&mut out).unwrap();
            let golden = out[..length].to_vec();
            for mutation in mutations(&golden) {
                assert_same_when_written_again(&mutation);
                assert_stream_holds_together(&mutation);
                let parsed = ChannelData::parse(&mutation);
                *(if parsed.is_ok() { &mut read } else { &mut refused }) += 1;
            }
        }
    }
    assert!(read > 1000 && refused > 300, "{read} read, {refused} refused");
}

fn assert_same_when_written_again(datagram: &[u8]) {
    let Ok(message) = ChannelData::parse(datagram) else { return };
    let mut out = [0; 128];
    let length = message.write(&mut out).unwrap();
    assert!(length <= datagram.len() && out[..length] == datagram[..length], "{datagram:02x?}");
    assert_eq!(ChannelData::parse(&out[..length]), Ok(message));
}

fn assert_stream_holds_together(stream: &[u8]) {
    let Ok((message, taken)) = ChannelData::split(stream) else { return };
    assert_eq!(frame_length(stream), Some(taken), "{stream:02x?}");
    let mut out = [0; 128];
    assert_eq!(message.write_to_stream(&mut out), Ok(taken), "{stream:02x?}");
    assert_eq!(ChannelData::split(&out[..taken]), Ok((message, taken)));
}

#[test]
fn numbers_that_are_no_channels_are_refused() {
    for number in [0_u16, 0x3fff, 0x5000, 0x7fff, 0x8000, 0xffff] {
        let [a, b] = number.to_be_bytes();
        let error = Err(ChannelDataError::ChannelNumber { number });
        assert_eq!(ChannelData::parse(&[a, b, 0, 0]), error);
        assert_eq!(ChannelNumber::new(number), None);
    }
    let long = vec![0; 65_536];
    let message = ChannelData { channel: ChannelNumber::MIN, data: &long };
    let error = Err(ChannelDataError::TooLong { length: 65_536 });
    assert_eq!(message.write(&mut [0; 70_000]), error);
}

proptest! {
    #[test]
    fn channel_data_survives_a_round_trip(number in 0x4000u16..0x5000, data: Vec<u8>) {
        let message = ChannelData { channel: ChannelNumber::new(number).unwrap(), data: &data };
        let mut out = vec![0xaa; data.len() + 8];
        let length = message.write(&mut out).unwrap();
        prop_assert_eq!(ChannelData::parse(&out[..length]), Ok(message));
        let length = message.write_to_stream(&mut out).unwrap();
        prop_assert_eq!(ChannelData::split(&out), Ok((message, length)));
    }

    #[test]
    fn random_octets_never_panic(octets: Vec<u8>) {
        let _ = ChannelData::parse(&octets);
        let _ = ChannelData::split(&octets);
        let _ = frame_length(&octets);
        let _ = AddressErrorCode::decode(&octets);
        let _ = Icmp::decode(&octets);
    }
}
