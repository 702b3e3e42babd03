//! Hostile bytes: every truncation and every bit flip of a golden packet of each kind, and random ones. Nothing
//! panics, and every iterator ends after steps that the octets pay for.

use proptest::prelude::*;

use crate::extension::{
    abs_capture_time, abs_send_time, audio_level, dependency_descriptor, mid, playout_delay,
    repaired_rid, rid, transport_cc, video_layers_allocation, video_orientation,
};
use crate::rtcp::{self, ExtendedBlock};
use crate::{Codec, Packet, codec, rtx};

#[expect(
    clippy::disallowed_methods,
    reason = "an Instant has no other origin, and only differences matter"
)]
pub(crate) fn origin() -> std::time::Instant {
    std::time::Instant::now()
}

/// Every truncation and every flip of one bit, or of two neighbouring ones.
fn mutations(golden: &[u8]) -> Vec<Vec<u8>> {
    let truncations = (0..golden.len()).map(|len| golden[..len].to_vec());
    let flips = [1u8, 3].into_iter().flat_map(|pattern| {
        (0..golden.len() * 8).map(move |bit| {
            let mut bytes = golden.to_vec();
            bytes[bit / 8] ^= pattern << (bit % 8);
            bytes
        })
    });
    truncations.chain(flips).collect()
}

/// Reads whatever can be read, and counts the steps of all iterators.
fn walk_rtcp(bytes: &[u8]) -> usize {
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
        P::Application(_) | P::PictureLossIndication(_) | P::Unknown { .. } => 0,
    }
}

fn walk_rtp(bytes: &[u8]) {
    let Ok(packet) = Packet::parse(bytes) else { return };
    let parts = packet.header_len() + packet.payload().len() + packet.padding_len();
    assert_eq!(parts, bytes.len(), "header, payload and padding are the packet");
    assert!(packet.csrcs().count() <= 15);
    assert!(packet.extensions().count() <= bytes.len());
    for (_, data) in packet.extensions() {
        walk_extension(data);
    }
    for codec in Codec::ALL {
        let _ = codec::inspect(codec, &packet, packet.extension(3));
    }
    let mut out = [0; 2048];
    if let Some(len) = rtx::restore(&packet, 96, 1, &mut out) {
        let (osn, payload) = rtx::unwrap(&packet).unwrap();
        let restored = Packet::parse(&out[..len]).unwrap();
        assert_eq!((restored.sequence_number(), restored.payload()), (osn, payload));
    }
}

fn walk_extension(data: &[u8]) {
    let _ = mid::read(data);
    let _ = rid::read(data);
    let _ = repaired_rid::read(data);
    let _ = abs_send_time::read(data);
    let _ = transport_cc::read(data);
    let _ = audio_level::read(data);
    let _ = video_orientation::read(data);
    let _ = playout_delay::read(data);
    let _ = abs_capture_time::read(data);
    if let Some(allocation) = video_layers_allocation::read(data) {
        assert!(allocation.active().count() <= 16);
    }
    let _ = dependency_descriptor::read(data);
}

/// The most steps that octets may buy: a NACK entry of four octets stands for 17 packets, and for itself.
fn affordable(bytes: &[u8]) -> usize {
    bytes.len() * 18 / 4 + 1
}

#[test]
fn mutated_rtcp() {
    for golden in rtcp::tests::GOLDEN {
        assert!(rtcp::packets(golden).all(|packet| packet.is_ok()), "{golden:?}");
        for bytes in mutations(golden) {
            assert!(walk_rtcp(&bytes) <= affordable(&bytes), "{bytes:?}");
        }
    }
}

#[test]
fn every_truncated_rtcp_packet_is_refused() {
    for golden in rtcp::tests::GOLDEN {
        for len in 1..golden.len() {
            let mut packets = rtcp::packets(&golden[..len]);
            assert!(packets.next().unwrap().is_err(), "{len} of {golden:?}");
            assert!(packets.next().is_none());
        }
    }
}

/// The same with a length field that says so: what is inside is refused, not read beyond.
#[test]
fn every_shortened_rtcp_packet_is_survived() {
    for golden in rtcp::tests::GOLDEN {
        for words in 1..golden.len() / 4 {
            let mut bytes = golden[..words * 4].to_vec();
            let length = (bytes.len() as u16 / 4 - 1).to_be_bytes();
            bytes[2..4].copy_from_slice(&length);
            assert!(walk_rtcp(&bytes) <= affordable(&bytes), "{bytes:?}");
        }
    }
}

#[test]
fn mutated_rtp() {
    let rtp = crate::packet::tests::FULL;
    for bytes in mutations(rtp) {
        walk_rtp(&bytes);
    }
    for (_, payload) in codec::tests::GOLDEN {
        for payload in mutations(payload) {
            walk_rtp(&[&[0x80, 0xe0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3][..], &payload].concat());
        }
    }
}

/// A compound as large as a datagram, full of feedback that claims 65,535 lost packets each.
#[test]
fn a_datagram_of_claims_costs_no_more_than_its_octets() {
    let mut one = vec![0x8f, 205, 0, 9, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0xff, 0xff, 0, 0, 1, 9];
    one.extend([0x1f, 0xff].repeat(9));
    one.extend([0, 0]);
    let datagram = one.repeat(1500 / one.len());
    let claimed: usize = rtcp::packets(&datagram)
        .map(|packet| match packet.unwrap() {
            rtcp::Packet::TransportFeedback(feedback) => usize::from(feedback.status_count()),
            _ => 0,
        })
        .sum();
    assert!(claimed > 2_000_000, "{claimed}");
    assert_eq!(walk_rtcp(&datagram), 1500 / one.len(), "one step for each packet");
}

proptest! {
    #[test]
    fn random_bytes(mut bytes in proptest::collection::vec(any::<u8>(), 0..1500)) {
        walk_rtp(&bytes);
        walk_extension(&bytes);
        prop_assert!(walk_rtcp(&bytes) <= affordable(&bytes));
        if let Some(first) = bytes.first_mut() {
            *first = 0x80 | *first & 0x3f;
        }
        walk_rtp(&bytes);
    }

    #[test]
    fn random_rtcp_contents(
        count in 0u8..32,
        packet_type in 200u8..=208,
        padded: bool,
        words in 0usize..40,
        seed in proptest::collection::vec(any::<u8>(), 160),
    ) {
        let mut bytes = vec![0x80 | u8::from(padded) << 5 | count, packet_type, 0, words as u8];
        bytes.extend(&seed[..words * 4]);
        prop_assert!(walk_rtcp(&bytes) <= affordable(&bytes));
    }

    #[test]
    fn random_payloads(payload in proptest::collection::vec(any::<u8>(), 1..64), marker: bool) {
        let second = u8::from(marker) << 7 | 96;
        walk_rtp(&[&[0x80, second, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3][..], &payload].concat());
    }
}
