//! Any octets as an RTP packet: every octet has its place, and its payload looks like something under every codec or not.

use tsubame_rtp::{Codec, Packet, codec, is_rtcp, is_rtp_or_rtcp, rtx};

/// See the module's documentation.
pub fn run(data: &[u8]) {
    let Ok(packet) = Packet::parse(data) else { return };
    assert!(is_rtp_or_rtcp(data));
    let _ = is_rtcp(data);
    assert_eq!(
        packet.header_len() + packet.payload().len() + packet.padding_len(),
        data.len(),
        "every octet has its place"
    );
    assert_eq!(packet.payload_offset(), packet.header_len());
    assert!(packet.csrcs().count() <= 15);
    let mut octets = 0;
    for (id, value) in packet.extensions() {
        octets += value.len();
        assert!(packet.extension(id).is_some(), "an element that is not found");
    }
    assert!(octets <= packet.header_len());
    let descriptor = packet.extension(7);
    for codec in Codec::ALL {
        let _ = codec::inspect(codec, &packet, descriptor);
        let _ = codec::inspect(codec, &packet, None);
    }
    restore(&packet);
}

/// As a retransmission: what it restores is a packet with that header and payload.
fn restore(packet: &Packet<'_>) {
    let mut out = vec![0; packet.bytes().len()];
    let Some(len) = rtx::restore(packet, 96, 0xabcd, &mut out) else { return };
    let (number, payload) = rtx::unwrap(packet).expect("it was restored");
    let original = Packet::parse(&out[..len]).expect("what was restored");
    assert_eq!((original.sequence_number(), original.payload()), (number, payload));
    assert_eq!((original.payload_type(), original.ssrc()), (96, 0xabcd));
    assert_eq!(original.timestamp(), packet.timestamp());
    assert!(original.extensions().eq(packet.extensions()));
}
