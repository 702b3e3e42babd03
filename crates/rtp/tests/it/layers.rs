//! Simulcast and SVC as Chromium sent them: descriptors with several layers, and whether header extension and payload agree.

use std::collections::HashMap;
use std::time::Duration;

use tsubame_rtp::codec::{self, Codec, opus, red, vp9};
use tsubame_rtp::extension::dependency_descriptor::{
    self, DecodeTargetIndication, FrameDependencies, Layer, TemplateStructure,
};
use tsubame_rtp::extension::{
    abs_capture_time, abs_send_time, audio_level, mid, repaired_rid, rid, transport_cc,
    video_layers_allocation,
};
use tsubame_rtp::rtcp::{self, ExtendedBlock};
use tsubame_rtp::{Packet, PacketMut, rtx};

use crate::support::layers;

const DESCRIPTOR: u8 = 16;

fn golden(name: &str) -> Vec<u8> {
    let found = layers().into_iter().find(|golden| golden.name == name);
    found.unwrap_or_else(|| panic!("no golden packet {name}")).bytes
}

/// The template structures by SSRC.
fn structures() -> HashMap<u32, TemplateStructure> {
    let all = layers();
    let packets = all.iter().filter_map(|golden| Packet::parse(&golden.bytes).ok());
    packets
        .filter_map(|packet| {
            let descriptor = dependency_descriptor::read(packet.extension(DESCRIPTOR)?)?;
            Some((packet.ssrc(), descriptor.structure()?))
        })
        .collect()
}

fn frame(name: &str) -> FrameDependencies {
    let bytes = golden(name);
    let packet = Packet::parse(&bytes).unwrap();
    let descriptor = dependency_descriptor::read(packet.extension(DESCRIPTOR).unwrap()).unwrap();
    descriptor.frame(structures().get(&packet.ssrc())).unwrap()
}

fn layer(spatial_id: u8, temporal_id: u8) -> Layer {
    Layer { spatial_id, temporal_id }
}

/// What the descriptor of every packet says is written again to the same octets, structures of 97 octets among them.
#[test]
fn every_descriptor_is_written_again() {
    let structures = structures();
    let mut sizes = Vec::new();
    for golden in layers() {
        let Ok(packet) = Packet::parse(&golden.bytes) else { continue };
        let Some(data) = packet.extension(DESCRIPTOR) else { continue };
        let descriptor = dependency_descriptor::read(data).unwrap();
        let attached = descriptor.structure();
        assert_eq!(attached.is_some(), descriptor.has_structure());
        let Some(structure) = attached.as_ref().or(structures.get(&packet.ssrc())) else {
            continue;
        };
        let frame = descriptor.frame(Some(structure)).unwrap();
        let mut out = [0; 256];
        let attach = descriptor.has_structure();
        let len = dependency_descriptor::encode(&descriptor, structure, attach, &frame, &mut out);
        assert_eq!(&out[..len.unwrap()], data, "{}", golden.name);
        sizes.push(data.len());
    }
    assert!(sizes.len() >= 23 && sizes.contains(&97) && sizes.contains(&3), "{sizes:?}");
}

/// L3T3: 15 templates, nine decode targets of rising layers, each spatial layer with a chain of its own.
#[test]
fn av1_l3t3() {
    let bytes = golden("av1-structure-97");
    let packet = Packet::parse(&bytes).unwrap();
    let descriptor = dependency_descriptor::read(packet.extension(DESCRIPTOR).unwrap()).unwrap();
    let structure = descriptor.structure().unwrap();
    assert_eq!((structure.templates(), structure.decode_targets(), structure.chains()), (15, 9, 3));
    let targets: Vec<_> =
        (0..9).filter_map(|target| structure.decode_target_layer(target)).collect();
    let expected: Vec<_> = (0..9).map(|target| layer(target / 3, target % 3)).collect();
    assert_eq!(targets, expected);
    let chains: Vec<_> = (0..9).filter_map(|target| structure.protected_by(target)).collect();
    assert_eq!(chains, [0, 0, 0, 1, 1, 1, 2, 2, 2]);
    let sizes: Vec<_> =
        (0..3).filter_map(|id| structure.resolution(id)).map(|r| (r.width, r.height)).collect();
    assert_eq!(sizes, [(320, 180), (640, 360), (1280, 720)]);
    // Two of three spatial layers are sent at first.
    assert_eq!(frame("av1-structure-97").active_decode_targets, Some(0b11_1111));
}

/// A frame of the middle temporal layer: discardable for those who watch it, a switching point to the highest.
#[test]
fn av1_indications_say_who_needs_a_frame() {
    use DecodeTargetIndication::{Discardable, NotPresent, Required, Switch};
    let frame = frame("av1-template-2");
    assert_eq!(frame.layer, layer(0, 1));
    assert_eq!((frame.frame_differences(), frame.chain_differences()), (&[6][..], &[6, 5, 4][..]));
    let expected = [
        NotPresent,
        Discardable,
        Switch,
        NotPresent,
        Required,
        Required,
        NotPresent,
        Required,
        Required,
    ];
    assert_eq!(frame.indications().collect::<Vec<_>>(), expected);
}

/// Differences that no template has.
#[test]
fn custom_differences_and_chains() {
    let frame = frame("av1-custom-10");
    assert_eq!(frame.layer, layer(1, 2));
    assert_eq!(
        (frame.frame_differences(), frame.chain_differences()),
        (&[2, 1][..], &[7, 6, 6][..])
    );
    let frame = self::frame("vp8-q-custom-6");
    assert_eq!((frame.layer, frame.frame_differences()), (layer(0, 2), &[9, 3][..]));
    assert_eq!(frame.indication(2), Some(DecodeTargetIndication::Discardable));
}

/// In every packet of every codec that has both: the descriptor's layers are the payload's.
#[test]
fn descriptor_and_payload_agree_about_layers() {
    let structures = structures();
    let mut compared = 0;
    for golden in layers() {
        let codec = match golden.name.split('-').next().unwrap() {
            "vp8" => Codec::Vp8,
            "vp9" => Codec::Vp9,
            "av1" => Codec::Av1,
            _ => continue,
        };
        let packet = Packet::parse(&golden.bytes).unwrap();
        if golden.name.contains("rtx") {
            continue;
        }
        let descriptor =
            dependency_descriptor::read(packet.extension(DESCRIPTOR).unwrap()).unwrap();
        let by_descriptor = codec::from_descriptor(&descriptor, structures.get(&packet.ssrc()));
        let by_descriptor = by_descriptor.unwrap();
        let by_payload = codec::inspect(codec, &packet, None).unwrap();
        assert_eq!(by_descriptor.keyframe, by_payload.keyframe, "{}", golden.name);
        assert_eq!(by_descriptor.frame_start, by_payload.frame_start, "{}", golden.name);
        if let (Some(temporal_id), Some(spatial_id)) =
            (by_payload.temporal_id, by_payload.spatial_id)
        {
            assert_eq!(by_descriptor.temporal_id, Some(temporal_id), "{}", golden.name);
            assert_eq!(by_descriptor.spatial_id, Some(spatial_id), "{}", golden.name);
            compared += 1;
        }
    }
    assert!(compared >= 15, "{compared}");
}

/// L3T3_KEY: the payload names the sizes of all three, and of the first alone while nothing else is sent.
#[test]
fn vp9_scalability_structures() {
    let sizes = |name| {
        let bytes = golden(name);
        let packet = Packet::parse(&bytes).unwrap();
        let structure = vp9::scalability_structure(packet.payload()).unwrap();
        (0..8).filter_map(|id| structure.resolution(id)).collect::<Vec<_>>()
    };
    assert_eq!(sizes("vp9-structure-90-allocation-s0t0"), [(320, 180), (640, 360), (1280, 720)]);
    assert_eq!(sizes("vp9-structure-92-s0t0"), [(320, 180)]);
    assert_eq!(sizes("vp9-structure-33-s0t0"), [(640, 360)]);
}

#[test]
fn vp9_layers() {
    for (name, spatial_id, temporal_id) in
        [("vp9-s0t1", 0, 1), ("vp9-s1t0", 1, 0), ("vp9-s1t2", 1, 2), ("vp9-s2t2", 2, 2)]
    {
        let bytes = golden(name);
        let packet = Packet::parse(&bytes).unwrap();
        let descriptor = vp9::Descriptor::read(packet.payload()).unwrap();
        let read = descriptor.layer.unwrap();
        assert_eq!((read.spatial_id, read.temporal_id), (spatial_id, temporal_id), "{name}");
        assert!(descriptor.flexible && !descriptor.begins_keyframe());
        assert_eq!(frame(name).layer, layer(spatial_id, temporal_id));
    }
}

/// The three encodings of a simulcast, by their names, and the retransmissions of one of them.
#[test]
fn simulcast_names() {
    let read = |name: &str, id| {
        let bytes = golden(name);
        Packet::parse(&bytes).unwrap().extension(id).and_then(rid::read).map(str::to_owned)
    };
    assert_eq!(read("vp8-q-custom-5", 10).as_deref(), Some("q"));
    assert_eq!(read("vp8-h-custom-5", 10).as_deref(), Some("h"));
    assert_eq!(read("vp8-f-structure-23-allocation", 10).as_deref(), Some("f"));
    assert_eq!(read("vp8-rtx-q", 10), None);
    let bytes = golden("vp8-rtx-q");
    let packet = Packet::parse(&bytes).unwrap();
    assert_eq!(packet.extension(11).and_then(repaired_rid::read), Some("q"));
    assert_eq!(packet.extension(9).and_then(mid::read), Some("0"));
    assert!(rtx::unwrap(&packet).is_some());
}

/// Of three streams with three temporal layers each: rates that rise, sizes that double; written again to the same octets.
#[test]
fn video_layers_allocations() {
    let bytes = golden("vp8-f-structure-23-allocation");
    let packet = Packet::parse(&bytes).unwrap();
    let data = packet.extension(17).unwrap();
    let allocation = video_layers_allocation::read(data).unwrap();
    assert_eq!((allocation.stream, allocation.stream_count), (2, 3));
    let layers: Vec<_> = allocation.active().collect();
    assert!(layers.iter().all(|layer| layer.temporal_layers == 3
        && layer.target_kbps.is_sorted_by(|a, b| a < b || *b == 0)));
    let sizes: Vec<_> = layers.iter().map(|l| l.resolution.map(|r| (r.width, r.height))).collect();
    assert_eq!(sizes, [Some((320, 180)), Some((640, 360)), Some((1280, 720))]);
    let mut written = 0;
    for golden in self::layers() {
        let Ok(packet) = Packet::parse(&golden.bytes) else { continue };
        let Some(data) = packet.extension(17) else { continue };
        let allocation = video_layers_allocation::read(data).unwrap();
        let mut out = [0; 255];
        let len = video_layers_allocation::encode(&allocation, &mut out).unwrap();
        assert_eq!(&out[..len], data, "{}", golden.name);
        written += 1;
    }
    assert!(written >= 7, "{written}");
}

/// The first packet of a stream has nothing to repeat; the others repeat the one 20 ms before.
#[test]
fn opus_in_red() {
    let bytes = golden("red-one");
    let packet = Packet::parse(&bytes).unwrap();
    assert_eq!(red::blocks(packet.payload()).unwrap().count(), 1);
    let bytes = golden("red-two");
    let packet = Packet::parse(&bytes).unwrap();
    let blocks: Vec<_> = red::blocks(packet.payload()).unwrap().collect();
    let heads: Vec<_> = blocks.iter().map(|b| (b.payload_type, b.timestamp_offset)).collect();
    assert_eq!(heads, [(111, 960), (111, 0)]);
    for block in &blocks {
        assert_eq!(opus::duration(block.data), Some(Duration::from_millis(20)));
    }
    let mut out = [0; 64];
    let len = red::encode(&blocks, &mut out).unwrap();
    assert_eq!(&out[..len], packet.payload());
    assert_eq!(
        packet.extension(18).and_then(audio_level::read).map(|level| level.level),
        Some(127)
    );
}

/// Times and numbers in the two-byte form.
#[test]
fn extensions_in_the_two_byte_form() {
    let bytes = golden("red-one");
    let packet = Packet::parse(&bytes).unwrap();
    assert_eq!(packet.raw_extension().map(|(profile, _)| profile), Some(0x1000));
    assert_eq!(packet.extension(4).and_then(transport_cc::read), Some(1));
    let sent = packet.extension(2).and_then(abs_send_time::read).unwrap();
    // It was captured just before it was sent: both clocks count seconds, one of them modulo 64.
    let captured = packet.extension(13).and_then(abs_capture_time::read).unwrap();
    let delay = sent.micros_since(abs_send_time::AbsSendTime::from_ntp(captured.timestamp));
    assert!((0..1_000_000).contains(&delay), "{delay}");
}

/// A viewer's reference time rides in an XR behind its report, and behind its first PLI.
#[test]
fn extended_reports() {
    for (name, packets) in [("rr-xr", 2), ("rr-pli-xr", 3)] {
        let bytes = golden(name);
        let compound: Vec<_> = rtcp::packets(&bytes).map(Result::unwrap).collect();
        assert_eq!(compound.len(), packets);
        let Some(rtcp::Packet::ExtendedReport(report)) = compound.last() else { panic!("no XR") };
        let block = report.blocks().next().unwrap();
        assert!(matches!(block, ExtendedBlock::ReceiverReferenceTime(time) if time.0 != 0));
    }
}

/// A viewer who gets the lower spatial layer alone: the frame says which targets are left, in a descriptor that is one octet longer, and
/// the frames of the upper layers are known by their indications.
#[test]
fn an_upper_layer_is_left_out() {
    let structures = structures();
    let (mut kept, mut dropped) = (0, 0);
    for golden in layers() {
        if !golden.name.starts_with("av1") {
            continue;
        }
        let packet = Packet::parse(&golden.bytes).unwrap();
        let descriptor =
            dependency_descriptor::read(packet.extension(DESCRIPTOR).unwrap()).unwrap();
        let structure = &structures[&packet.ssrc()];
        let mut frame = descriptor.frame(Some(structure)).unwrap();
        // Target 2 is S0T2.
        if frame.indication(2) == Some(DecodeTargetIndication::NotPresent) {
            assert!(frame.layer.spatial_id > 0, "{}", golden.name);
            dropped += 1;
            continue;
        }
        assert_eq!(frame.layer.spatial_id, 0);
        kept += 1;
        frame.active_decode_targets = Some(0b111);
        let mut out = [0; 256];
        let attach = descriptor.has_structure();
        let len = dependency_descriptor::encode(&descriptor, structure, attach, &frame, &mut out)
            .unwrap();
        let again = dependency_descriptor::read(&out[..len]).unwrap();
        assert_eq!(again.frame(Some(structure)), Some(frame));
        assert_eq!(again.frame_number, descriptor.frame_number);
    }
    assert!(kept >= 3 && dropped >= 3, "{kept} {dropped}");
}

/// The names of a simulcast are not for viewers.
#[test]
fn a_rid_is_taken_out_in_place() {
    let mut bytes = golden("vp8-q-custom-5");
    let mut packet = PacketMut::parse(&mut bytes).unwrap();
    assert!(packet.remove_extension(10));
    packet.extension_mut(4).unwrap().copy_from_slice(&transport_cc::encode(7));
    let packet = Packet::parse(&bytes).unwrap();
    assert_eq!(packet.extension(10), None);
    assert_eq!(packet.extension(4).and_then(transport_cc::read), Some(7));
    assert!(packet.extension(DESCRIPTOR).and_then(dependency_descriptor::read).is_some());
}
