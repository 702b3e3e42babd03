//! Any octets as compound RTCP: every packet, every list in it, with work in proportion to the octets.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tsubame_rtp::rtcp::{self, Packet};

fuzz_target!(|data: &[u8]| {
    let mut items = 0;
    for packet in rtcp::packets(data).flatten() {
        items += match packet {
            Packet::SenderReport(report) => report.report_blocks().count(),
            Packet::ReceiverReport(report) => report.report_blocks().count(),
            Packet::SourceDescription(description) => description.chunks().count(),
            Packet::Goodbye(goodbye) => goodbye.ssrcs().count(),
            Packet::Nack(nack) => nack.sequence_numbers().count() / 17,
            Packet::FullIntraRequest(request) => request.entries().count(),
            Packet::SliceLossIndication(indication) => indication.losses().count(),
            Packet::ReceiverEstimatedMaxBitrate(estimate) => estimate.ssrcs().count(),
            Packet::TransportFeedback(feedback) => feedback.arrivals().count(),
            Packet::ExtendedReport(report) => report.blocks().count(),
            Packet::CongestionControlFeedback(feedback) => feedback.streams().count(),
            _ => 0,
        };
    }
    // A transport-wide status takes at least a seventh of two octets.
    assert!(items <= 8 * data.len() + 8, "{items} items in {} octets", data.len());
});
