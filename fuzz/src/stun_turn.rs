//! Any octets as ChannelData, as a stream to a TURN server, and as the attributes of a TURN message; and those attributes
//! written from any values.

use std::net::{IpAddr, SocketAddr};

use tsubame_stun::attribute::ErrorCode;
use tsubame_stun::turn::{
    AddressErrorCode, AddressFamily, ChannelData, ChannelNumber, EvenPort, Icmp,
    RequestedTransport, frame_length, is_channel_data,
};
use tsubame_stun::{Class, Message, MessageBuilder, Method, TransactionId, is_stun};

use crate::input::Input;

/// See the module's documentation.
pub fn run(data: &[u8]) {
    let Some((which, data)) = data.split_first() else { return };
    match which % 4 {
        0 => channel_data(data),
        1 => stream(data),
        2 => read(data),
        _ => write(data),
    }
}

fn channel_data(datagram: &[u8]) {
    let Ok(message) = ChannelData::parse(datagram) else { return };
    assert!(is_channel_data(datagram) && !is_stun(datagram));
    assert!(message.data.len() + 4 <= datagram.len() && datagram.len() <= message.data.len() + 7);
    let mut out = vec![0xee; datagram.len()];
    let len = message.write(&mut out).expect("it fitted before");
    assert_eq!(ChannelData::parse(&out[..len]), Ok(message));
    assert_eq!(out[..len], datagram[..len], "octets that were not there");
    assert!(message.write(&mut out[..len - 1]).is_err());
}

/// Messages one after the other, as they come from a stream.
fn stream(mut stream: &[u8]) {
    while let Some(length) = frame_length(stream) {
        if length == 0 {
            assert!(ChannelData::split(stream).is_err());
            return;
        }
        assert!(length >= 4 && length.is_multiple_of(4));
        let Some((frame, rest)) = stream.split_at_checked(length) else { return };
        match ChannelData::split(frame) {
            Ok((message, taken)) => {
                assert_eq!(taken, length);
                let mut out = vec![0xee; length];
                assert_eq!(message.write_to_stream(&mut out), Ok(length));
                assert_eq!(ChannelData::split(&out), Ok((message, length)));
            }
            Err(_) => assert!(frame[0] < 0x40, "a frame that is neither"),
        }
        stream = rest;
    }
}

fn read(data: &[u8]) {
    let Ok(message) = Message::parse(data) else { return };
    let most = data.len() / 4;
    let _ = (message.channel_number(), message.lifetime(), message.data());
    let _ = (message.xor_peer_address(), message.xor_relayed_address());
    assert!(message.xor_peer_addresses().count() <= most);
    assert!(message.xor_relayed_addresses().count() <= most);
    let _ = (message.requested_address_family(), message.additional_address_family());
    let _ = (message.address_error_code(), message.even_port(), message.requested_transport());
    let _ = (message.dont_fragment(), message.reservation_token(), message.icmp());
}

fn write(data: &[u8]) {
    let mut input = Input::new(data);
    let mut out = [0; 1_024];
    let id = TransactionId(input.array());
    let mut builder =
        MessageBuilder::new(&mut out, Class::Request, Method::ALLOCATE, id).expect("room");
    let channel = ChannelNumber::new(input.u16());
    let lifetime = input.u32();
    let peer = address(&mut input);
    let relayed = address(&mut input);
    let family = if input.flag() { AddressFamily::V4 } else { AddressFamily::V6 };
    let (code, reason) = (input.u16() % 1_024, input.text());
    let error = AddressErrorCode { family, error: ErrorCode { code, reason: &reason } };
    let even_port = EvenPort { reserve_next: input.flag() };
    let transport = RequestedTransport(input.u8());
    let token = input.array();
    let icmp = Icmp { icmp_type: input.u8(), code: input.u16() % 1_024, data: input.u32() };
    let payload = input.short();

    let room = "room for all";
    if let Some(channel) = channel {
        builder.channel_number(channel).expect(room);
    }
    builder.lifetime(lifetime).expect(room);
    builder.xor_peer_address(peer).expect(room);
    builder.xor_relayed_address(relayed).expect(room);
    builder.requested_address_family(family).expect(room);
    builder.additional_address_family(family).expect(room);
    let error_taken = builder.address_error_code(error).is_ok();
    // RFC 8489 §14.8: a reason has fewer than 128 characters.
    assert_eq!(error_taken, (300..=699).contains(&code) && reason.chars().count() < 128);
    builder.even_port(even_port).expect(room).requested_transport(transport).expect(room);
    builder.dont_fragment().expect(room).reservation_token(&token).expect(room);
    let icmp_taken = builder.icmp(icmp).is_ok();
    assert_eq!(icmp_taken, icmp.icmp_type < 128 && icmp.code < 512);
    builder.data(payload).expect(room);
    let len = builder.finish();

    let message = Message::parse(&out[..len]).expect("ours");
    assert_eq!(message.channel_number(), channel);
    assert_eq!(message.lifetime(), Some(lifetime));
    assert_eq!(message.xor_peer_address(), Some(peer));
    assert_eq!(message.xor_relayed_address(), Some(relayed));
    assert_eq!(message.requested_address_family(), Some(family));
    assert_eq!(message.additional_address_family(), Some(family));
    assert_eq!(message.address_error_code(), error_taken.then_some(error));
    assert_eq!(message.even_port(), Some(even_port));
    assert_eq!(message.requested_transport(), Some(transport));
    assert!(message.dont_fragment());
    assert_eq!(message.reservation_token(), Some(token));
    assert_eq!(message.icmp(), icmp_taken.then_some(icmp));
    assert_eq!(message.data(), Some(payload));
}

fn address(input: &mut Input<'_>) -> SocketAddr {
    let ip = if input.flag() {
        IpAddr::from(input.array::<4>())
    } else {
        IpAddr::from(input.array::<16>())
    };
    SocketAddr::new(ip, input.u16())
}
