//! Any octets as compound RTCP: every packet, every list in it, with work in proportion to the octets; and each packet that
//! was read is written so that it reads the same.

use tsubame_rtp::rtcp::{self, ExtendedBlock, Full, Packet, Writer};

/// See the module's documentation.
pub fn run(data: &[u8]) {
    let mut items = 0;
    for packet in rtcp::packets(data).flatten() {
        items += count(&packet);
        let mut out = vec![0; data.len() + 64];
        let mut writer = Writer::new(&mut out);
        if let Some(written) = rewrite(&packet, &mut writer) {
            written.expect("what was read fits where it came from");
            let len = writer.finish();
            let again: Vec<_> = rtcp::packets(&out[..len]).collect();
            match again.as_slice() {
                [] => assert_eq!(count(&packet), 0),
                [Ok(again)] => assert_eq!(facts(again), facts(&packet)),
                other => panic!("written as {other:?}"),
            }
        }
    }
    // A transport-wide status takes at least a seventh of two octets.
    assert!(items <= 8 * data.len() + 8, "{items} items in {} octets", data.len());
}

/// Entries of the packet's lists.
fn count(packet: &Packet<'_>) -> usize {
    match packet {
        Packet::SenderReport(report) => report.report_blocks().count(),
        Packet::ReceiverReport(report) => report.report_blocks().count(),
        Packet::SourceDescription(description) => {
            let chunks = description.chunks();
            chunks.map(|chunk| chunk.cname().map_or(1, |_| 2) + chunk.items().count()).sum()
        }
        Packet::Goodbye(goodbye) => goodbye.ssrcs().count(),
        Packet::Nack(nack) => {
            assert!(nack.sequence_numbers().count() <= 17 * nack.pairs().count());
            nack.sequence_numbers().count() / 17 + 1
        }
        Packet::FullIntraRequest(request) => request.entries().count(),
        Packet::SliceLossIndication(indication) => indication.losses().count(),
        Packet::ReceiverEstimatedMaxBitrate(estimate) => estimate.ssrcs().count(),
        Packet::TransportFeedback(feedback) => {
            let arrivals = feedback.arrivals().count();
            assert_eq!(arrivals, usize::from(feedback.received_count()));
            assert!(feedback.received_count() <= feedback.status_count());
            arrivals
        }
        Packet::ExtendedReport(report) => {
            let items = |block| match block {
                ExtendedBlock::Dlrr(items) => 1 + items.count(),
                _ => 1,
            };
            report.blocks().map(items).sum()
        }
        Packet::CongestionControlFeedback(feedback) => {
            feedback.streams().map(|stream| 1 + stream.metrics().count()).sum()
        }
        _ => 0,
    }
}

/// Writes a packet as it was read; `None` for those that say more than the writer does.
fn rewrite(packet: &Packet<'_>, writer: &mut Writer<'_>) -> Option<Result<(), Full>> {
    Some(match packet {
        Packet::SenderReport(report) => {
            let blocks: Vec<_> = report.report_blocks().collect();
            writer.sender_report(&report.info(), &blocks)
        }
        Packet::ReceiverReport(report) => {
            let blocks: Vec<_> = report.report_blocks().collect();
            writer.receiver_report(report.ssrc(), &blocks)
        }
        // Data is padded to whole words.
        Packet::Application(application) if application.data.len().is_multiple_of(4) => {
            writer.application(application)
        }
        Packet::Nack(nack) => {
            let mut numbers: Vec<_> = nack.sequence_numbers().collect();
            let whole = numbers.len();
            numbers.sort_unstable();
            numbers.dedup();
            // Only what is in order and named once is written as it was.
            if whole != numbers.len() || !nack.sequence_numbers().eq(numbers.iter().copied()) {
                return None;
            }
            writer.nack(nack.sender_ssrc(), nack.media_ssrc(), numbers)
        }
        Packet::PictureLossIndication(indication) => {
            writer.picture_loss_indication(indication.sender_ssrc, indication.media_ssrc)
        }
        Packet::ReceiverEstimatedMaxBitrate(estimate) => {
            let ssrcs: Vec<_> = estimate.ssrcs().collect();
            writer.receiver_estimated_max_bitrate(
                estimate.sender_ssrc(),
                estimate.bitrate(),
                &ssrcs,
            )
        }
        _ => return None,
    })
}

/// What a packet says, in a form that can be compared.
fn facts(packet: &Packet<'_>) -> String {
    match packet {
        Packet::SenderReport(report) => {
            format!("{:?} {:?}", report.info(), report.report_blocks().collect::<Vec<_>>())
        }
        Packet::ReceiverReport(report) => {
            format!("{:x} {:?}", report.ssrc(), report.report_blocks().collect::<Vec<_>>())
        }
        Packet::Nack(nack) => format!(
            "{:x} {:x} {:?}",
            nack.sender_ssrc(),
            nack.media_ssrc(),
            nack.sequence_numbers().collect::<Vec<_>>()
        ),
        Packet::ReceiverEstimatedMaxBitrate(estimate) => format!(
            "{:x} {} {:?}",
            estimate.sender_ssrc(),
            estimate.bitrate(),
            estimate.ssrcs().collect::<Vec<_>>()
        ),
        other => format!("{other:?}"),
    }
}
