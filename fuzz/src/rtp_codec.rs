//! Any octets as a payload of each codec: what is said of it stays in the ranges of its fields, and the dependency descriptor
//! has the last word.

use tsubame_rtp::codec::{av1, h264, h265, opus, red, vp8, vp9};
use tsubame_rtp::{Codec, FrameInfo, Header, HeaderWriter, MediaKind, Packet, codec};

use crate::input::Input;

/// See the module's documentation.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let options = input.u8();
    let codec = Codec::ALL[usize::from(options & 0x3f) % Codec::ALL.len()];
    let marker = options & 0x40 != 0;
    let descriptor = (options & 0x80 != 0).then(|| input.short());
    let payload = input.rest();
    if options & 0x3f == 0x3f {
        return redundant(payload);
    }

    let header = Header { marker, payload_type: 96, sequence_number: 1, timestamp: 2, ssrc: 3 };
    let mut packet = [0; 12];
    let writer = HeaderWriter::new(&mut packet, &header).expect("twelve octets");
    assert_eq!(writer.finish(), 12);
    let packet = [&packet[..], payload].concat();
    let packet = Packet::parse(&packet).expect("ours");
    let info = codec::inspect(codec, &packet, descriptor);
    if let Some(info) = info {
        assert!(!payload.is_empty());
        check(&info);
    }
    let plain = codec::inspect(codec, &packet, None);
    match codec {
        _ if payload.is_empty() => assert!(plain.is_none()),
        Codec::Vp8 => {
            assert_eq!(plain, vp8::inspect(payload, marker));
            assert!(plain.is_none() || vp8::Descriptor::read(payload).is_some());
        }
        Codec::Vp9 => {
            assert_eq!(plain, vp9::inspect(payload));
            let descriptor = vp9::Descriptor::read(payload);
            let begins = descriptor.is_some_and(|descriptor| descriptor.begins_keyframe());
            assert!(plain.is_none_or(|info| info.keyframe == begins && descriptor.is_some()));
        }
        Codec::Opus => {
            assert_eq!(plain, opus::inspect(payload));
            let duration = opus::duration(payload);
            assert!(duration.is_none_or(|duration| duration.as_millis() <= 120));
            let _ = opus::is_dtx(payload);
        }
        Codec::H264 => assert_eq!(plain, h264::inspect(payload, marker)),
        Codec::H265 => assert_eq!(plain, h265::inspect(payload, marker)),
        _ => assert_eq!(plain, av1::inspect(payload, marker)),
    }
    assert_eq!(codec.kind() == MediaKind::Audio, codec.clock_rate() == 48_000);
}

fn check(info: &FrameInfo) {
    assert!(info.temporal_id.is_none_or(|id| id <= 7));
    assert!(info.spatial_id.is_none_or(|id| id <= 63));
}

/// As redundant audio: what was read is written as the same octets.
fn redundant(payload: &[u8]) {
    let Some(blocks) = red::blocks(payload) else {
        assert!(red::primary(payload).is_none());
        return;
    };
    let blocks: Vec<_> = blocks.collect();
    assert!((1..=red::MAX_BLOCKS).contains(&blocks.len()));
    assert_eq!(red::primary(payload), blocks.last().copied());
    let mut out = vec![0; payload.len()];
    let len = red::encode(&blocks, &mut out).expect("they were read");
    assert_eq!(out[..len], *payload);
}
