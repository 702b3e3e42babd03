//! Another implementation of RTP (`rtc-rtp`) in memory: headers and extensions both ways, and payload descriptors of what browsers
//! sent.

use bytes::{Bytes, BytesMut};
use proptest::collection::vec;
use proptest::prelude::*;
use rtc_rtp as peer;
use rtc_rtp::packetizer::Depacketizer;
use rtc_shared::marshal::{Marshal, Unmarshal};
use tsubame_rtp::codec::{Codec, inspect, vp8, vp9};
use tsubame_rtp::extension::{
    abs_send_time, audio_level, playout_delay, transport_cc, video_orientation,
};
use tsubame_rtp::{Header, HeaderWriter, Packet};

use crate::support::{Golden, constructed, recorded, with_header};

proptest! {
    /// What we write the peer reads, and what it writes of that we read.
    #[test]
    fn headers_go_both_ways(
        marker: bool, payload_type in 0u8..128, sequence_number: u16, timestamp: u32, ssrc: u32,
        csrcs in vec(any::<u32>(), 0..=15),
        two_byte: bool,
        elements in proptest::collection::btree_map(1u8..15, vec(any::<u8>(), 1..=16), 0..6),
        payload in vec(any::<u8>(), 1..40),
    ) {
        let header = Header { marker, payload_type, sequence_number, timestamp, ssrc };
        let mut out = [0xff; 1024];
        let mut writer = HeaderWriter::with_csrcs(&mut out, &header, &csrcs).unwrap();
        if two_byte {
            writer.two_byte().unwrap();
        }
        for (id, data) in &elements {
            writer.extension(*id, data).unwrap();
        }
        let len = writer.finish();
        let bytes = [&out[..len], &payload].concat();
        let read = peer::Packet::unmarshal(&mut Bytes::from(bytes)).unwrap();
        let theirs = &read.header;
        prop_assert_eq!((theirs.marker, theirs.payload_type), (marker, payload_type));
        prop_assert_eq!((theirs.sequence_number, theirs.timestamp), (sequence_number, timestamp));
        prop_assert_eq!((theirs.ssrc, &theirs.csrc), (ssrc, &csrcs));
        prop_assert_eq!(theirs.get_extension_ids().len(), elements.len());
        for (id, data) in &elements {
            prop_assert_eq!(theirs.get_extension(*id), Some(Bytes::from(data.clone())));
        }
        prop_assert_eq!(&read.payload[..], &payload[..]);

        let bytes = read.marshal().unwrap();
        let packet = Packet::parse(&bytes).unwrap();
        prop_assert_eq!((packet.marker(), packet.payload_type()), (marker, payload_type));
        prop_assert_eq!((packet.sequence_number(), packet.timestamp()), (sequence_number, timestamp));
        prop_assert_eq!((packet.ssrc(), packet.csrcs().collect::<Vec<_>>()), (ssrc, csrcs));
        let again: Vec<_> = packet.extensions().map(|(id, data)| (id, data.to_vec())).collect();
        prop_assert_eq!(again, elements.into_iter().collect::<Vec<_>>());
        prop_assert_eq!(packet.payload(), payload);
    }

    #[test]
    fn extensions_go_both_ways(
        level in 0u8..128, voice: bool, number: u16, min in 0u16..2048, more in 0u16..2048, octet in 0u8..16,
    ) {
        use peer::extension::{
            audio_level_extension::AudioLevelExtension,
            playout_delay_extension::PlayoutDelayExtension,
            transport_cc_extension::TransportCcExtension,
            video_orientation_extension::VideoOrientationExtension,
        };
        let ours = audio_level::encode(audio_level::AudioLevel { voice, level });
        let theirs = AudioLevelExtension { level, voice };
        prop_assert_eq!(&theirs.marshal().unwrap()[..], ours);
        let theirs = TransportCcExtension { transport_sequence: number };
        prop_assert_eq!(&theirs.marshal().unwrap()[..], transport_cc::encode(number));
        let delay = playout_delay::PlayoutDelay { min, max: min + more };
        let theirs = PlayoutDelayExtension::new(min, min + more);
        prop_assert_eq!(&theirs.marshal().unwrap()[..], playout_delay::encode(delay));
        let ours = video_orientation::read(&[octet]).unwrap();
        let theirs = VideoOrientationExtension::unmarshal(&mut &[octet][..]).unwrap();
        prop_assert_eq!(theirs.flip, ours.flipped);
        prop_assert_eq!(&theirs.marshal().unwrap()[..], video_orientation::encode(ours));
    }
}

#[test]
fn absolute_send_times_are_read_alike() {
    use peer::extension::abs_send_time_extension::AbsSendTimeExtension;
    for value in [0, 1, 0x12_3456, 0xff_ffff] {
        let data = abs_send_time::encode(abs_send_time::AbsSendTime(value));
        let theirs = AbsSendTimeExtension::unmarshal(&mut &data[..]).unwrap();
        assert_eq!(theirs.timestamp, u64::from(value));
        assert_eq!(&theirs.marshal().unwrap()[..], data);
    }
}

/// Everything that browsers sent: the same header, elements and payload.
#[test]
fn packets_of_browsers() {
    for golden in recorded() {
        if tsubame_rtp::is_rtcp(&golden.bytes) {
            continue;
        }
        let packet = Packet::parse(&golden.bytes).unwrap();
        let Ok(theirs) = peer::Packet::unmarshal(&mut Bytes::from(golden.bytes.clone())) else {
            panic!("the peer refuses {} {}", golden.source, golden.name)
        };
        assert_eq!(theirs.header.sequence_number, packet.sequence_number());
        assert_eq!(theirs.header.extensions.len(), packet.extensions().count());
        for (id, data) in packet.extensions() {
            assert_eq!(theirs.header.get_extension(id).as_deref(), Some(data), "{}", golden.name);
        }
        assert_eq!(&theirs.payload[..], packet.payload(), "{}", golden.name);
    }
}

/// Golden payloads of one codec: those of browsers without retransmissions, and those made by hand.
fn payloads_of(codec: &str) -> Vec<Golden> {
    let of = |golden: &Golden| golden.name.split('-').next() == Some(codec);
    let recorded = recorded().filter(|golden| !golden.name.contains("rtx"));
    let recorded = recorded.map(|golden| Golden {
        bytes: Packet::parse(&golden.bytes).map_or(Vec::new(), |packet| packet.payload().to_vec()),
        ..golden
    });
    let made = constructed().into_iter().filter(|golden| golden.source == "payload");
    recorded.chain(made).filter(of).collect()
}

#[test]
fn vp8_descriptors() {
    let all = payloads_of("vp8");
    assert!(all.len() >= 8);
    for golden in all {
        let mut theirs = peer::codec::vp8::Vp8Packet::default();
        let rest = theirs.depacketize(&Bytes::from(golden.bytes.clone())).unwrap();
        let ours = vp8::Descriptor::read(&golden.bytes).unwrap();
        assert_eq!(rest.len(), golden.bytes.len() - ours.len, "{}", golden.name);
        assert_eq!((theirs.s == 1, theirs.pid), (ours.start_of_partition, ours.partition));
        assert_eq!(theirs.n == 1, ours.non_reference);
        assert_eq!(theirs.picture_id, ours.picture_id.map_or(0, vp8::PictureId::value));
        assert_eq!(theirs.tl0_pic_idx, ours.tl0_picture_index.unwrap_or(0));
        assert_eq!((theirs.tid, theirs.y == 1), (ours.temporal_id.unwrap_or(0), ours.layer_sync));
        assert_eq!(theirs.key_idx, ours.key_index.unwrap_or(0));
    }
}

#[test]
fn vp9_descriptors() {
    let all = payloads_of("vp9");
    assert!(all.len() >= 10);
    for golden in all {
        let mut theirs = peer::codec::vp9::Vp9Packet::default();
        let rest = theirs.depacketize(&Bytes::from(golden.bytes.clone())).unwrap();
        let ours = vp9::Descriptor::read(&golden.bytes).unwrap();
        assert_eq!(rest.len(), golden.bytes.len() - ours.len, "{}", golden.name);
        assert_eq!((theirs.p, theirs.f), (ours.inter_picture_predicted, ours.flexible));
        assert_eq!((theirs.b, theirs.e), (ours.start_of_frame, ours.end_of_frame));
        assert_eq!(theirs.z, ours.not_reference_for_upper_spatial_layers);
        assert_eq!(theirs.picture_id, ours.picture_id.unwrap_or(0));
        if let Some(layer) = ours.layer {
            assert_eq!((theirs.tid, theirs.u), (layer.temporal_id, layer.switching_up_point));
            assert_eq!((theirs.sid, theirs.d), (layer.spatial_id, layer.inter_layer_predicted));
        }
        assert_eq!(theirs.tl0picidx, ours.tl0_picture_index.unwrap_or(0));
        assert_eq!(theirs.pdiff, ours.references.differences(), "{}", golden.name);
        let Some(structure) = vp9::scalability_structure(&golden.bytes) else {
            assert!(!theirs.v);
            continue;
        };
        assert_eq!(theirs.ns + 1, structure.spatial_layers());
        let sizes: Vec<_> =
            theirs.width.iter().copied().zip(theirs.height.iter().copied()).collect();
        let ours: Vec<_> = (0..8).filter_map(|layer| structure.resolution(layer)).collect();
        assert_eq!(sizes, ours);
        let group: Vec<_> = structure.group().into_iter().flatten().collect();
        assert_eq!(theirs.pgtid, group.iter().map(|p| p.temporal_id).collect::<Vec<_>>());
        assert_eq!(theirs.pgu, group.iter().map(|p| p.switching_up_point).collect::<Vec<_>>());
        let differences: Vec<_> = group.iter().map(|p| p.differences.to_vec()).collect();
        assert_eq!(theirs.pgpdiff, differences);
    }
}

/// The frames that the peer puts together out of our golden payloads begin where we say so.
#[test]
fn h264_and_av1_payloads() {
    for golden in payloads_of("h264") {
        let theirs = peer::codec::h264::H264Packet::default();
        let head = theirs.is_partition_head(&Bytes::from(golden.bytes.clone()));
        let bytes = with_header(&golden.bytes);
        let info = inspect(Codec::H264, &Packet::parse(&bytes).unwrap(), None).unwrap();
        assert_eq!(info.frame_start, head, "{}", golden.name);
    }
    for golden in payloads_of("av1") {
        let mut theirs = peer::codec::av1::Av1Depacketizer::new();
        let _ = theirs.depacketize(&Bytes::from(golden.bytes.clone()));
        let header = tsubame_rtp::codec::av1::elements(&golden.bytes).unwrap().header();
        assert_eq!((theirs.z, theirs.y), (header.continues, header.continued), "{}", golden.name);
        assert_eq!(theirs.n, header.new_sequence, "{}", golden.name);
    }
}

#[test]
fn h265_headers() {
    use peer::codec::h265::{H265Packet, H265Payload};
    for golden in payloads_of("h265") {
        let mut theirs = H265Packet::default();
        theirs.depacketize(&Bytes::from(golden.bytes.clone())).unwrap();
        let bytes = with_header(&golden.bytes);
        let info = inspect(Codec::H265, &Packet::parse(&bytes).unwrap(), None).unwrap();
        assert!(info.keyframe);
        let temporal_id = match theirs.payload() {
            H265Payload::H265AggregationPacket(packet) => {
                let first = packet.first_unit().unwrap().nal_unit();
                first[1] & 7
            }
            H265Payload::H265FragmentationUnitPacket(packet) => {
                assert!(packet.fu_header().s());
                packet.payload_header().tid()
            }
            H265Payload::H265PACIPacket(packet) => {
                assert_eq!((packet.ctype(), packet.phs_size()), (49, 3));
                packet.payload_header().tid()
            }
            H265Payload::H265SingleNALUnitPacket(packet) => packet.payload_header().tid(),
            other => panic!("{other:?}"),
        };
        assert_eq!(info.temporal_id, Some(temporal_id - 1), "{}", golden.name);
    }
}

/// Padding that the peer writes is taken off.
#[test]
fn padding_of_the_peer() {
    let packet = peer::Packet {
        header: peer::Header {
            version: 2,
            padding: true,
            sequence_number: 7,
            ..Default::default()
        },
        payload: Bytes::from_static(&[1, 2, 3]),
    };
    let bytes: BytesMut = packet.marshal().unwrap();
    let read = Packet::parse(&bytes).unwrap();
    assert_eq!((read.payload(), read.padding_len() > 0), (&[1, 2, 3][..], true));
}
