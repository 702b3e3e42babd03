//! What was read, written again.

use tsubame_rtp::rtcp::{self, Packet, Writer};
use tsubame_rtp::{Header, HeaderWriter, Packet as Rtp, pad};

/// What was read of a compound, written again. Packets and XR blocks of unknown types and malformed ones are left out.
pub(crate) fn rewritten_rtcp(bytes: &[u8]) -> Vec<u8> {
    let mut out = [0; 4096];
    let mut writer = Writer::new(&mut out);
    for packet in rtcp::packets(bytes).flatten() {
        match packet {
            Packet::SenderReport(report) => {
                let blocks: Vec<_> = report.report_blocks().collect();
                writer.sender_report(&report.info(), &blocks).unwrap();
            }
            Packet::ReceiverReport(report) => {
                let blocks: Vec<_> = report.report_blocks().collect();
                writer.receiver_report(report.ssrc(), &blocks).unwrap();
            }
            Packet::SourceDescription(description) => {
                let lists: Vec<_> = description
                    .chunks()
                    .map(|chunk| (chunk.ssrc(), chunk.items().collect::<Vec<_>>()))
                    .collect();
                let chunks: Vec<_> = lists
                    .iter()
                    .map(|(ssrc, items)| rtcp::SourceItems { ssrc: *ssrc, items })
                    .collect();
                writer.source_descriptions(&chunks).unwrap();
            }
            Packet::Goodbye(goodbye) => {
                let ssrcs: Vec<_> = goodbye.ssrcs().collect();
                let reason = String::from_utf8_lossy(goodbye.reason().unwrap_or_default());
                let reason: String = reason.chars().take(60).collect();
                writer.goodbye(&ssrcs, &reason).unwrap();
            }
            Packet::Application(application) => writer.application(&application).unwrap(),
            Packet::Nack(nack) => {
                let numbers = nack.sequence_numbers();
                writer.nack(nack.sender_ssrc(), nack.media_ssrc(), numbers).unwrap();
            }
            Packet::PictureLossIndication(pli) => {
                writer.picture_loss_indication(pli.sender_ssrc, pli.media_ssrc).unwrap();
            }
            Packet::FullIntraRequest(fir) => {
                let entries: Vec<_> = fir.entries().collect();
                writer.full_intra_requests(fir.sender_ssrc(), &entries).unwrap();
            }
            Packet::SliceLossIndication(sli) => {
                let losses: Vec<_> = sli.losses().collect();
                writer.slice_loss_indication(sli.sender_ssrc(), sli.media_ssrc(), &losses).unwrap();
            }
            Packet::ReceiverEstimatedMaxBitrate(remb) => {
                let ssrcs: Vec<_> = remb.ssrcs().collect();
                writer
                    .receiver_estimated_max_bitrate(remb.sender_ssrc(), remb.bitrate(), &ssrcs)
                    .unwrap();
            }
            Packet::TransportFeedback(feedback) => {
                let header = rtcp::TransportFeedbackHeader {
                    sender_ssrc: feedback.sender_ssrc(),
                    media_ssrc: feedback.media_ssrc(),
                    base_sequence_number: feedback.base_sequence_number(),
                    feedback_packet_count: feedback.feedback_packet_count(),
                };
                let mut statuses = vec![None; feedback.status_count().into()];
                for (number, micros) in feedback.arrivals() {
                    let offset = number.wrapping_sub(feedback.base_sequence_number());
                    statuses[usize::from(offset)] = Some(micros);
                }
                assert_eq!(writer.transport_feedback(&header, &statuses), Ok(statuses.len()));
            }
            Packet::ExtendedReport(report) => {
                let mut time = None;
                let mut dlrr = Vec::new();
                for block in report.blocks() {
                    match block {
                        rtcp::ExtendedBlock::ReceiverReferenceTime(at) => time = Some(at),
                        rtcp::ExtendedBlock::Dlrr(items) => dlrr.extend(items),
                        _ => {}
                    }
                }
                writer.extended_report(report.ssrc(), time, &dlrr).unwrap();
            }
            Packet::CongestionControlFeedback(feedback) => {
                let lists: Vec<_> = feedback
                    .streams()
                    .map(|stream| {
                        let metrics: Vec<_> = stream.metrics().map(|(_, metric)| metric).collect();
                        (stream.ssrc(), stream.begin_sequence_number(), metrics)
                    })
                    .collect();
                let streams: Vec<_> =
                    lists.iter().map(|(ssrc, begin, list)| (*ssrc, *begin, &list[..])).collect();
                writer
                    .congestion_control_feedback(
                        feedback.sender_ssrc(),
                        &streams,
                        feedback.report_timestamp(),
                    )
                    .unwrap();
            }
            _ => {}
        }
    }
    let len = writer.finish();
    out[..len].to_vec()
}

/// What was read of an RTP packet, written again: header, CSRCs, elements, payload, padding. `None` for what does not parse.
pub(crate) fn rewritten_rtp(bytes: &[u8]) -> Option<Vec<u8>> {
    let packet = Rtp::parse(bytes).ok()?;
    let header = Header {
        marker: packet.marker(),
        payload_type: packet.payload_type(),
        sequence_number: packet.sequence_number(),
        timestamp: packet.timestamp(),
        ssrc: packet.ssrc(),
    };
    let csrcs: Vec<_> = packet.csrcs().collect();
    let mut out = vec![0xff; bytes.len() * 3 + 64];
    let mut writer = HeaderWriter::with_csrcs(&mut out, &header, &csrcs).unwrap();
    for (id, data) in packet.extensions() {
        writer.extension(id, data).unwrap();
    }
    let start = writer.finish();
    let mut len = start + packet.payload().len();
    out[start..len].copy_from_slice(packet.payload());
    if packet.padding_len() != 0 {
        len = pad(&mut out, len, packet.padding_len() as u8).unwrap();
    }
    out.truncate(len);
    Some(out)
}
