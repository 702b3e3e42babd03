//! Packets as Chromium and Firefox sent them: what the crate reads in each. tests/it/tshark.rs and peers_rtp.rs ask others about
//! the same octets.

use tsubame_rtp::codec::{self, Codec, FrameInfo, h264, opus, vp8, vp9};
use tsubame_rtp::extension::{
    abs_capture_time, audio_level, dependency_descriptor, mid, transport_cc, video_orientation,
};
use tsubame_rtp::rtcp::{self, Packet};
use tsubame_rtp::{NtpTime, Packet as Rtp, rtx};

use crate::support::{all_rtcp, browser, browsers, rewritten_rtcp};

fn info(source: &str, name: &str) -> FrameInfo {
    let bytes = browser(source, name);
    let packet = Rtp::parse(&bytes).unwrap();
    let codec = Codec::from_name(name.split('-').next().unwrap()).unwrap();
    codec::inspect(codec, &packet, None).unwrap()
}

/// (keyframe, begins a frame, ends a frame)
fn flags(source: &str, name: &str) -> (bool, bool, bool) {
    let info = info(source, name);
    (info.keyframe, info.frame_start, info.frame_end)
}

#[test]
fn vp8_payloads() {
    assert_eq!(flags("chromium", "vp8-structure-act-start-key"), (true, true, false));
    assert_eq!(flags("chromium", "vp8"), (false, false, false));
    assert_eq!(flags("chromium", "vp8-marker-start"), (false, true, true));
    assert_eq!(flags("chromium", "vp8-orientation-marker"), (false, false, true));
    assert_eq!(flags("firefox", "vp8-start-key"), (true, true, false));
    assert_eq!(flags("firefox", "vp8-marker-start"), (false, true, true));
    assert_eq!(flags("firefox", "vp8"), (false, false, false));
    // Chromium numbers no pictures where the dependency descriptor does; Firefox has 15 bits.
    assert_eq!(info("chromium", "vp8").picture_id, None);
    assert_eq!(info("firefox", "vp8-marker-start").picture_id, Some(0x563f));
}

#[test]
fn vp9_payloads() {
    assert_eq!(flags("chromium", "vp9-structure-i1p0l0f1b1e0v1"), (true, true, false));
    assert_eq!(flags("chromium", "vp9-i1p0l0f1b0e0v0"), (false, false, false));
    assert_eq!(flags("chromium", "vp9-act-i1p1l0f1b1e0v0"), (false, true, false));
    assert_eq!(flags("chromium", "vp9-marker-i1p1l0f1b0e1v0"), (false, false, true));
    assert_eq!(flags("firefox", "vp9-marker-i1p0l0f0b1e1v1"), (true, true, true));
    assert_eq!(flags("firefox", "vp9-marker-i1p1l0f0b1e1v0"), (false, true, true));
    assert_eq!(info("firefox", "vp9-marker-i1p0l0f0b1e1v1").picture_id, Some(0x695b));
}

/// Chromium uses the flexible mode with a reference to the picture before; Firefox does not, and says its picture group.
#[test]
fn vp9_structures_and_references() {
    let bytes = browser("chromium", "vp9-structure-i1p0l0f1b1e0v1");
    let structure = vp9::scalability_structure(Rtp::parse(&bytes).unwrap().payload()).unwrap();
    assert_eq!((structure.spatial_layers(), structure.resolution(0)), (1, Some((480, 270))));
    let bytes = browser("chromium", "vp9-act-i1p1l0f1b1e0v0");
    let descriptor = vp9::Descriptor::read(Rtp::parse(&bytes).unwrap().payload()).unwrap();
    assert!(descriptor.flexible && descriptor.inter_picture_predicted);
    assert_eq!(descriptor.references.differences(), [1]);
    let bytes = browser("firefox", "vp9-marker-i1p0l0f0b1e1v1");
    let structure = vp9::scalability_structure(Rtp::parse(&bytes).unwrap().payload()).unwrap();
    assert_eq!((structure.spatial_layers(), structure.resolution(0)), (1, Some((1280, 720))));
    let group: Vec<_> =
        structure.group().unwrap().map(|p| (p.temporal_id, p.differences)).collect();
    assert_eq!(group, [(0, &[1][..])]);
}

#[test]
fn h264_payloads() {
    assert_eq!(
        flags("chromium", "h264-structure-act-nal24"),
        (true, true, false),
        "STAP-A: SPS, PPS"
    );
    assert_eq!(flags("chromium", "h264-nal28-fu5-s"), (true, true, false), "IDR begins");
    assert_eq!(flags("chromium", "h264-orientation-marker-nal28-fu5-e"), (false, false, true));
    assert_eq!(flags("chromium", "h264-nal28-fu1-s"), (false, true, false));
    assert_eq!(flags("chromium", "h264-nal28-fu1"), (false, false, false));
    assert_eq!(flags("chromium", "h264-marker-nal28-fu1-e"), (false, false, true));
    assert_eq!(flags("chromium", "h264-act-marker-nal1"), (false, true, true));
    let bytes = browser("chromium", "h264-structure-act-nal24");
    assert!(h264::inspect(Rtp::parse(&bytes).unwrap().payload(), false).unwrap().keyframe);
}

#[test]
fn av1_payloads() {
    assert_eq!(flags("chromium", "av1-structure-z0y1w2n1"), (true, true, false));
    assert_eq!(flags("chromium", "av1-z0y1w1n0"), (false, true, false));
    assert_eq!(flags("chromium", "av1-marker-z1y0w1n0"), (false, false, true));
    assert_eq!(flags("firefox", "av1-marker-z0y0w2n1"), (true, true, true));
    assert_eq!(flags("firefox", "av1-marker-z0y0w1n0"), (false, true, true));
}

/// CELT, fullband, 20 ms: what browsers send; neither DTX nor in-band FEC in this mode.
#[test]
fn opus_payloads() {
    for (source, name) in [("chromium", "opus"), ("chromium", "opus-act"), ("firefox", "opus")] {
        let bytes = browser(source, name);
        let payload = Rtp::parse(&bytes).unwrap().payload();
        assert_eq!(opus::duration(payload), Some(std::time::Duration::from_millis(20)), "{name}");
        assert!(info(source, name).keyframe);
    }
    let bytes = browser("chromium", "opus");
    assert!(!opus::is_dtx(Rtp::parse(&bytes).unwrap().payload()));
}

/// The descriptor and the payload agree on where frames and keyframes begin, in every packet that has both.
#[test]
fn descriptor_and_payload_agree() {
    let mut both = 0;
    for golden in browsers() {
        let name = golden.name.split('-').next().unwrap();
        let Some(codec) = Codec::from_name(name).filter(|_| !golden.name.contains("rtx")) else {
            continue;
        };
        let packet = Rtp::parse(&golden.bytes).unwrap();
        let Some(data) = packet.extension(7) else { continue };
        let descriptor = codec::inspect(codec, &packet, Some(data)).unwrap();
        let payload = codec::inspect(codec, &packet, None).unwrap();
        // H.264's parameter sets are a frame of their own to the payload's eye, and the IDR picture behind them another one.
        if codec != Codec::H264 {
            assert_eq!(descriptor.keyframe, payload.keyframe, "{}", golden.name);
            assert_eq!(descriptor.frame_start, payload.frame_start, "{}", golden.name);
        }
        assert_eq!(descriptor.frame_end, payload.frame_end, "{}", golden.name);
        both += 1;
    }
    assert!(both >= 18, "{both}");
}

/// Chromium's structures: sizes where the codec does not say them itself, one decode target and two templates.
#[test]
fn dependency_descriptors() {
    for (name, size) in [
        ("vp8-structure-act-start-key", Some((960, 540))),
        ("vp9-structure-i1p0l0f1b1e0v1", Some((480, 270))),
        ("h264-structure-act-nal24", None),
        ("av1-structure-z0y1w2n1", Some((320, 180))),
    ] {
        let bytes = browser("chromium", name);
        let packet = Rtp::parse(&bytes).unwrap();
        let descriptor = dependency_descriptor::read(packet.extension(7).unwrap()).unwrap();
        assert!(descriptor.begins_keyframe(), "{name}");
        let structure = descriptor.structure().unwrap();
        assert_eq!((structure.templates(), structure.decode_targets()), (2, 1), "{name}");
        let resolution = structure.resolution(0).map(|size| (size.width, size.height));
        assert_eq!(resolution, size, "{name}");
        let frame = descriptor.frame(None).unwrap();
        assert!(frame.frame_differences().is_empty() && frame.active_decode_targets == Some(1));
    }
}

#[test]
fn header_extensions() {
    let bytes = browser("chromium", "opus-act-marker");
    let packet = Rtp::parse(&bytes).unwrap();
    assert!(packet.marker());
    assert_eq!(packet.extension(1).and_then(mid::read), Some("0"));
    assert_eq!(packet.extension(3).and_then(transport_cc::read), Some(1));
    let level = packet.extension(4).and_then(audio_level::read).unwrap();
    assert_eq!((level.voice, level.level), (true, 127));
    let time = packet.extension(8).and_then(abs_capture_time::read).unwrap();
    assert_eq!(time.timestamp, NtpTime(0xeead_a0ef_f37a_0b5e));
    assert_eq!(time.clock_offset, Some(0));
    let bytes = browser("chromium", "vp8-orientation-marker");
    let packet = Rtp::parse(&bytes).unwrap();
    let orientation = packet.extension(5).and_then(video_orientation::read).unwrap();
    assert_eq!(orientation.rotation, video_orientation::Rotation::None);
}

/// Probes: 255 octets of padding on the retransmission stream, and nothing else.
#[test]
fn padding_only_probes() {
    for (source, name) in [("chromium", "h264-rtx-padding"), ("firefox", "av1-rtx-padding")] {
        let bytes = browser(source, name);
        let packet = Rtp::parse(&bytes).unwrap();
        assert!(packet.is_padding_only());
        assert_eq!(packet.padding_len(), 255);
        assert_eq!(rtx::unwrap(&packet), None);
    }
}

#[test]
fn retransmissions() {
    for (source, payload_type) in [("chromium", 97), ("firefox", 97)] {
        let bytes = browser(source, "vp8-rtx-marker");
        let packet = Rtp::parse(&bytes).unwrap();
        assert_eq!(packet.payload_type(), payload_type);
        let mut out = [0; 1500];
        let len = rtx::restore(&packet, 96, 7, &mut out).unwrap();
        let original = Rtp::parse(&out[..len]).unwrap();
        let descriptor = vp8::Descriptor::read(original.payload()).unwrap();
        assert!(descriptor.partition == 0 && original.timestamp() == packet.timestamp());
        let mut payload = [0; 1500];
        let len = rtx::wrap(original.sequence_number(), original.payload(), &mut payload).unwrap();
        assert_eq!(&payload[..len], packet.payload());
    }
}

/// What was read of each RTCP packet of each browser, and of each one laid out by hand, is written again: to the same octets, but for what
/// writers may choose (padding, and the chunks of transport-cc), to the same meaning always.
#[test]
fn rtcp_is_read_and_written_again() {
    for golden in all_rtcp() {
        let again = rewritten_rtcp(&golden.bytes);
        if golden.name.contains("tcc") {
            assert_eq!(meaning(&again), meaning(&golden.bytes), "{}", golden.name);
        } else {
            assert_eq!(again, golden.bytes, "{}", golden.name);
        }
    }
}

/// Base, count and arrivals of feedback.
type Meaning = (u16, u16, Vec<(u16, i64)>);

fn meaning(bytes: &[u8]) -> Vec<Meaning> {
    rtcp::packets(bytes)
        .map(|packet| {
            let Ok(Packet::TransportFeedback(feedback)) = packet else { panic!("no feedback") };
            let arrivals = feedback.arrivals().collect();
            (feedback.base_sequence_number(), feedback.status_count(), arrivals)
        })
        .collect()
}
