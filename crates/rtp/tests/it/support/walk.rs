//! Reads whatever can be read, and counts the steps of all iterators.

use tsubame_rtp::codec::{self, Codec, av1, opus, red, vp8, vp9};
use tsubame_rtp::extension::{
    abs_capture_time, abs_send_time, audio_level, csrc_audio_level, dependency_descriptor, mid,
    playout_delay, repaired_rid, rid, transport_cc, video_layers_allocation, video_orientation,
};
use tsubame_rtp::rtcp::{self, ExtendedBlock};
use tsubame_rtp::{Packet, PacketMut, rtx};

/// The most steps that octets may buy: a NACK entry of four octets stands for 17 packets, and for itself.
pub(crate) fn affordable(bytes: &[u8]) -> usize {
    bytes.len() * 18 / 4 + 1
}

/// Walks a compound and everything in it; gives the number of steps.
pub(crate) fn walk_rtcp(bytes: &[u8]) -> usize {
    rtcp::packets(bytes)
        .map(|packet| 1 + packet.map_or(0, |packet| walk_rtcp_packet(&packet)))
        .sum()
}

fn walk_rtcp_packet(packet: &rtcp::Packet<'_>) -> usize {
    use rtcp::Packet as P;
    match packet {
        P::SenderReport(report) => report.report_blocks().count(),
        P::ReceiverReport(report) => report.report_blocks().count(),
        P::SourceDescription(description) => {
            description.chunks().map(|chunk| 1 + chunk.items().count()).sum()
        }
        P::Goodbye(goodbye) => goodbye.ssrcs().count(),
        P::Nack(nack) => nack.pairs().count() + nack.sequence_numbers().count(),
        P::FullIntraRequest(fir) => fir.entries().count(),
        P::SliceLossIndication(sli) => sli.losses().count(),
        P::ReceiverEstimatedMaxBitrate(remb) => remb.ssrcs().count(),
        P::TransportFeedback(feedback) => {
            let count = feedback.arrivals().count();
            assert_eq!(count, usize::from(feedback.received_count()));
            count
        }
        P::ExtendedReport(report) => report
            .blocks()
            .map(|block| match block {
                ExtendedBlock::Dlrr(items) => 1 + items.count(),
                _ => 1,
            })
            .sum(),
        P::CongestionControlFeedback(feedback) => {
            feedback.streams().map(|stream| 1 + stream.metrics().count()).sum()
        }
        _ => 0,
    }
}

/// Walks a packet, its extensions under every meaning and its payload under every codec, and changes a copy in place.
pub(crate) fn walk_rtp(bytes: &[u8]) {
    let Ok(packet) = Packet::parse(bytes) else {
        assert!(PacketMut::parse(&mut bytes.to_vec()).is_err());
        return;
    };
    assert!(packet.csrcs().count() <= 15);
    assert!(packet.extensions().count() <= bytes.len());
    for (id, data) in packet.extensions() {
        walk_extension(data);
        assert!(packet.extension(id).is_some());
    }
    change_header(bytes);
    walk_rtp_payload(bytes);
}

/// What `walk_rtp` does that depends on more than the header.
pub(crate) fn walk_rtp_payload(bytes: &[u8]) {
    let Ok(packet) = Packet::parse(bytes) else { return };
    let parts = packet.header_len() + packet.payload().len() + packet.padding_len();
    assert_eq!(parts, bytes.len(), "header, payload and padding are the packet");
    walk_payload(packet.payload());
    let descriptor = packet.extension(7);
    for codec in Codec::ALL {
        let _ = codec::inspect(codec, &packet, None);
        let _ = descriptor.and_then(|_| codec::inspect(codec, &packet, descriptor));
    }
    let mut out = [0; 2048];
    if let Some(len) = rtx::restore(&packet, 96, 1, &mut out) {
        let (osn, payload) = rtx::unwrap(&packet).unwrap();
        let restored = Packet::parse(&out[..len]).unwrap();
        assert_eq!((restored.sequence_number(), restored.payload()), (osn, payload));
    }
    change_payload(bytes);
}

/// Whatever is changed in the header: the packet parses as before and has its length.
fn change_header(bytes: &[u8]) {
    let before = Packet::parse(bytes).unwrap();
    let mut copy = bytes.to_vec();
    let mut packet = PacketMut::parse(&mut copy).unwrap();
    packet.set_sequence_number(!before.sequence_number());
    for id in [0, 1, 7, 15, 255] {
        if let Some(data) = packet.extension_mut(id) {
            dependency_descriptor::set_frame_number(data, 1);
        }
        let known = before.extension(id).is_some();
        // An identifier of 15 in the two-byte form is one like any other; 0 is padding.
        assert_eq!(packet.remove_extension(id), known);
    }
    let after = Packet::parse(&copy).unwrap();
    assert_eq!(after.sequence_number(), !before.sequence_number());
    assert_eq!(after.payload(), before.payload());
    let removed = before.extensions().filter(|(id, _)| [1, 7, 15, 255].contains(id)).count();
    assert_eq!(after.extensions().count() + removed, before.extensions().count());
}

/// Whatever is changed in the payload: the header stays as it was, and all lengths do.
fn change_payload(bytes: &[u8]) {
    let before = Packet::parse(bytes).unwrap();
    let mut copy = bytes.to_vec();
    let mut packet = PacketMut::parse(&mut copy).unwrap();
    vp8::rewrite(packet.payload_mut(), &vp8::Rewrite { picture_id: Some(1), ..Default::default() });
    vp9::rewrite(packet.payload_mut(), &vp9::Rewrite { picture_id: Some(1), ..Default::default() });
    let after = Packet::parse(&copy).unwrap();
    assert_eq!(after.header_len(), before.header_len());
    assert_eq!(copy[..after.header_len()], bytes[..before.header_len()]);
    assert_eq!(after.payload().len(), before.payload().len());
}

fn walk_payload(payload: &[u8]) {
    let _ = (opus::duration(payload), opus::has_fec(payload), opus::is_dtx(payload));
    if let Some(blocks) = red::blocks(payload) {
        assert!(blocks.count() <= red::MAX_BLOCKS);
        assert!(red::primary(payload).is_some());
    }
    if let Some(structure) = vp9::scalability_structure(payload) {
        let pictures = structure.group().into_iter().flatten().count();
        assert!(pictures <= 255 && pictures <= payload.len());
    }
    if let Some(mut elements) = av1::elements(payload) {
        let count = elements.by_ref().filter(|element| element.header().is_some()).count();
        assert!(count <= payload.len());
    }
}

fn walk_extension(data: &[u8]) {
    let _ = (mid::read(data), rid::read(data), repaired_rid::read(data));
    let _ = (abs_send_time::read(data), transport_cc::read(data), audio_level::read(data));
    let _ = (video_orientation::read(data), playout_delay::read(data));
    let _ = abs_capture_time::read(data);
    if let Some(levels) = csrc_audio_level::read(data) {
        assert!(levels.count() <= 15);
    }
    if let Some(allocation) = video_layers_allocation::read(data) {
        assert!(allocation.active().count() <= 16);
    }
    if let Some(descriptor) = dependency_descriptor::read(data) {
        let structure = descriptor.structure();
        let frame = descriptor.frame(structure.as_ref());
        assert!(frame.is_none() || structure.is_some());
    }
}
