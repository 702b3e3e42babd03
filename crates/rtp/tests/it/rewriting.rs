//! What simulcast and SVC forwarding do to packets that browsers sent: switch between encodings and drop layers without a gap
//! that the receiver could see, and without moving an octet.

use tsubame_rtp::codec::{vp8, vp9};
use tsubame_rtp::extension::{abs_send_time, dependency_descriptor, mid, transport_cc};
use tsubame_rtp::{Packet, PacketMut};

use crate::support::{browser, browsers};

#[test]
fn a_vp8_stream_goes_on_under_another_encoding() {
    let golden = browser("firefox", "vp8-marker-start");
    let mut bytes = golden.clone();
    let mut packet = PacketMut::parse(&mut bytes).unwrap();
    packet.set_ssrc(1);
    packet.set_sequence_number(2);
    packet.set_timestamp(3);
    assert!(vp8::rewrite(
        packet.payload_mut(),
        &vp8::Rewrite {
            picture_id: Some(0x8000 | 77),
            tl0_picture_index: Some(5),
            key_index: None
        }
    ));
    let (before, after) = (Packet::parse(&golden).unwrap(), Packet::parse(&bytes).unwrap());
    assert_eq!((after.ssrc(), after.sequence_number(), after.timestamp()), (1, 2, 3));
    let descriptor = vp8::Descriptor::read(after.payload()).unwrap();
    assert_eq!(descriptor.picture_id, Some(vp8::PictureId::Long(77)));
    // Firefox has no count of the lowest layer: none is made.
    assert_eq!(descriptor.tl0_picture_index, None);
    assert_eq!(after.payload()[descriptor.len..], before.payload()[descriptor.len..]);
}

#[test]
fn a_vp9_stream_goes_on_under_another_encoding() {
    for name in ["vp9-marker-i1p0l0f0b1e1v1", "vp9-marker-i1p1l0f0b1e1v0"] {
        let golden = browser("firefox", name);
        let mut bytes = golden.clone();
        let mut packet = PacketMut::parse(&mut bytes).unwrap();
        let new =
            vp9::Rewrite { picture_id: Some(9), end_of_frame: Some(false), ..Default::default() };
        assert!(vp9::rewrite(packet.payload_mut(), &new));
        let (before, after) = (Packet::parse(&golden).unwrap(), Packet::parse(&bytes).unwrap());
        let expected = vp9::Descriptor {
            picture_id: Some(9),
            end_of_frame: false,
            ..vp9::Descriptor::read(before.payload()).unwrap()
        };
        assert_eq!(vp9::Descriptor::read(after.payload()), Some(expected));
        assert_eq!(after.payload()[expected.len..], before.payload()[expected.len..]);
    }
}

#[test]
fn a_frame_number_is_shifted_in_the_header_extension() {
    let golden = browser("chromium", "av1-structure-z0y1w2n1");
    let mut bytes = golden.clone();
    let mut packet = PacketMut::parse(&mut bytes).unwrap();
    assert!(dependency_descriptor::set_frame_number(packet.extension_mut(7).unwrap(), 1000));
    let (before, after) = (Packet::parse(&golden).unwrap(), Packet::parse(&bytes).unwrap());
    let read = |packet: &Packet<'_>| packet.extension(7).map(<[u8]>::to_vec).unwrap();
    let (before, after) = (read(&before), read(&after));
    let before_descriptor = dependency_descriptor::read(&before).unwrap();
    let after_descriptor = dependency_descriptor::read(&after).unwrap();
    assert_eq!(after_descriptor.frame_number, 1000);
    assert_eq!(after_descriptor.structure(), before_descriptor.structure());
    assert_eq!(after_descriptor.frame(None), before_descriptor.frame(None));
}

/// Each hop has its own transport-wide numbers and its own MID; what is not for the next one becomes padding.
#[test]
fn elements_of_a_hop_are_replaced_in_every_packet() {
    for golden in browsers() {
        if tsubame_rtp::is_rtcp(&golden.bytes) {
            continue;
        }
        let mut bytes = golden.bytes.clone();
        let mut packet = PacketMut::parse(&mut bytes).unwrap();
        if let Some(data) = packet.extension_mut(3) {
            data.copy_from_slice(&transport_cc::encode(0xabcd));
        }
        let had_mid = packet.remove_extension(1);
        assert_eq!(had_mid, Packet::parse(&golden.bytes).unwrap().extension(1).is_some());
        assert!(!packet.remove_extension(2), "nobody sent an absolute send time");
        let after = Packet::parse(&bytes).unwrap();
        assert_eq!(after.extension(1).and_then(mid::read), None);
        assert_eq!(after.extension(2).and_then(abs_send_time::read), None);
        assert_eq!(after.extension(3).and_then(transport_cc::read), Some(0xabcd));
        let before = Packet::parse(&golden.bytes).unwrap();
        assert_eq!(after.payload(), before.payload());
        let rest = |packet: &Packet<'_>| {
            packet.extensions().filter(|(id, _)| ![1, 3].contains(id)).count()
        };
        assert_eq!(rest(&after), rest(&before));
    }
}
