//! RTCP in both directions: what the server says about our streams, and when we report.

use std::time::{Duration, Instant};

use tsubame_rtp::NtpTime;
use tsubame_rtp::rtcp::{self, Packet, Writer};

use crate::receive::{Feedback, Tracks};
use crate::send::SendStream;

/// From one report to the next.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// Who this peer is in RTCP, and when it reports next.
#[derive(Debug)]
pub(super) struct Reporter {
    pub(super) cname: String,
    /// Speaks for this peer in feedback.
    pub(super) ssrc: u32,
    pub(super) reduced_size: bool,
    /// `None` until media may flow.
    next_report: Option<Instant>,
    goodbyes: u64,
}

impl Reporter {
    pub(super) fn new(cname: String, ssrc: u32) -> Self {
        Self { cname, ssrc, reduced_size: false, next_report: None, goodbyes: 0 }
    }

    pub(super) fn start(&mut self, now: Instant) {
        // A first report soon: round trips and lip sync depend on it.
        self.next_report = Some(now + REPORT_INTERVAL / 4);
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.next_report
    }

    pub(super) fn goodbyes(&self) -> u64 {
        self.goodbyes
    }

    /// Writes a compound of what is due; its length, 0 for nothing.
    pub(super) fn write(
        &mut self,
        now: Instant,
        ntp: NtpTime,
        streams: &[SendStream],
        tracks: &mut Tracks,
        out: &mut [u8],
    ) -> usize {
        let mut writer = Writer::new(out);
        if self.next_report.is_some_and(|due| due <= now) {
            self.next_report = Some(now + REPORT_INTERVAL);
            self.write_report(now, ntp, streams, tracks, &mut writer);
            return writer.finish();
        }
        if tracks.due().is_none_or(|due| due > now) {
            return 0;
        }
        if !self.reduced_size {
            // RFC 3550 §6.1: a compound begins with a report and names its source.
            let _ = writer.receiver_report(self.ssrc, &[]);
            let _ = writer.source_description(self.ssrc, &self.cname);
        }
        let before = writer.len();
        tracks.write_feedback(Feedback { now, sender_ssrc: self.ssrc }, &mut writer);
        if writer.len() == before { 0 } else { writer.finish() }
    }

    fn write_report(
        &self,
        now: Instant,
        ntp: NtpTime,
        streams: &[SendStream],
        tracks: &mut Tracks,
        writer: &mut Writer<'_>,
    ) {
        let mut blocks = tracks.report_blocks(now);
        for info in streams.iter().filter_map(|stream| stream.sender_info(now, ntp)) {
            // The blocks need to be told once only.
            let _ = writer.sender_report(&info, &std::mem::take(&mut blocks));
        }
        if writer.is_empty() || !blocks.is_empty() {
            let _ = writer.receiver_report(self.ssrc, &blocks);
        }
        let _ = writer.source_description(self.ssrc, &self.cname);
    }

    /// A farewell for all streams.
    pub(super) fn write_goodbye(&self, streams: &[SendStream], out: &mut [u8]) -> usize {
        let ssrcs: Vec<u32> = streams.iter().map(SendStream::ssrc).collect();
        if ssrcs.is_empty() {
            return 0;
        }
        let mut writer = Writer::new(out);
        let _ = writer.receiver_report(self.ssrc, &[]);
        let _ = writer.source_description(self.ssrc, &self.cname);
        let _ = writer.goodbye(&ssrcs, "");
        writer.finish()
    }

    /// What the server sent.
    pub(super) fn handle(
        &mut self,
        now: Instant,
        ntp: NtpTime,
        compound: &[u8],
        streams: &mut [SendStream],
        tracks: &mut Tracks,
    ) {
        for packet in rtcp::packets(compound).flatten() {
            match packet {
                Packet::SenderReport(report) => {
                    let info = report.info();
                    tracks.handle_sender_report(now, info.ssrc, info.ntp);
                    handle_blocks(report.report_blocks(), ntp, streams);
                }
                Packet::ReceiverReport(report) => {
                    handle_blocks(report.report_blocks(), ntp, streams);
                }
                Packet::Nack(nack) => {
                    if let Some(stream) = find(streams, nack.media_ssrc()) {
                        stream.handle_nack(nack.sequence_numbers());
                    }
                }
                Packet::PictureLossIndication(pli) => {
                    if let Some(stream) = find(streams, pli.media_ssrc) {
                        stream.handle_picture_loss();
                    }
                }
                Packet::FullIntraRequest(request) => {
                    for entry in request.entries() {
                        if let Some(stream) = find(streams, entry.ssrc) {
                            stream.handle_full_intra_request();
                        }
                    }
                }
                Packet::ReceiverEstimatedMaxBitrate(estimate) => {
                    for stream in streams.iter_mut() {
                        stream.handle_estimated_bitrate(estimate.bitrate());
                    }
                }
                Packet::TransportFeedback(_) => {
                    for stream in streams.iter_mut() {
                        stream.handle_transport_feedback();
                    }
                }
                Packet::Goodbye(_) => self.goodbyes += 1,
                _ => {}
            }
        }
    }
}

fn handle_blocks(
    blocks: impl Iterator<Item = rtcp::ReportBlock>,
    ntp: NtpTime,
    streams: &mut [SendStream],
) {
    for block in blocks {
        if let Some(stream) = find(streams, block.ssrc) {
            stream.handle_report(&block, ntp);
        }
    }
}

fn find(streams: &mut [SendStream], ssrc: u32) -> Option<&mut SendStream> {
    streams.iter_mut().find(|stream| stream.ssrc() == ssrc)
}
