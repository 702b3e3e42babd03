//! Any octets as an RTP packet: its parts, its extensions, its payload under every codec.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tsubame_rtp::{Codec, Packet, codec, extension, rtx};

fuzz_target!(|data: &[u8]| {
    let Ok(packet) = Packet::parse(data) else { return };
    assert_eq!(
        packet.header_len() + packet.payload().len() + packet.padding_len(),
        data.len(),
        "every octet has its place"
    );
    for (id, value) in packet.extensions() {
        assert_eq!(packet.extension(id).is_some(), true);
        let _ = extension::transport_cc::read(value);
        let _ = extension::abs_send_time::read(value);
        let _ = extension::dependency_descriptor::read(value);
        let _ = extension::video_layers_allocation::read(value);
    }
    let descriptor = packet.extension(7);
    for codec in Codec::ALL {
        let _ = codec::inspect(codec, &packet, descriptor);
        let _ = codec::inspect(codec, &packet, None);
    }
    let mut restored = [0; 2_048];
    let _ = rtx::restore(&packet, 96, 1, &mut restored);
});
