//! One published stream: numbers and headers for its packets, and its retransmissions.

use std::collections::VecDeque;
use std::time::Instant;

use tsubame_rtp::rtcp::{ReportBlock, SenderInfo};
use tsubame_rtp::{Codec, Header, HeaderWriter, MediaKind, NtpTime, extension, rtx};
use tsubame_srtp::Protector;

use super::history::History;
use crate::media::{MAX_PAYLOAD, Source};
use crate::peer::ExtensionIds;
use crate::stats::SentStats;

/// Retransmissions that may wait.
const MAX_WAITING: usize = 256;
/// Room for a header with the extensions that are sent.
const MAX_HEADER: usize = 12 + 4 + 64;

/// What the streams of a peer share while they send.
#[derive(Debug)]
pub(crate) struct SendContext<'p> {
    pub(crate) now: Instant,
    pub(crate) ntp: NtpTime,
    pub(crate) protector: &'p mut Protector,
    /// The next transport-wide sequence number.
    pub(crate) transport_sequence: &'p mut u16,
}

/// What was negotiated for a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SendParameters {
    pub(crate) mid: String,
    pub(crate) payload_type: u8,
    /// Payload type of retransmissions.
    pub(crate) rtx: Option<u8>,
    pub(crate) extensions: ExtensionIds,
}

/// A published stream.
#[derive(Debug)]
pub(crate) struct SendStream {
    source: Source,
    parameters: Option<SendParameters>,
    ssrc: u32,
    rtx_ssrc: u32,
    /// 48-bit packet indices. They begin below 2^15, so that no first packet can be taken for one of
    /// another roll-over counter.
    next_index: u64,
    next_rtx_index: u64,
    history: History,
    waiting: VecDeque<u16>,
    stats: SentStats,
}

impl SendStream {
    /// `first` gives the two sequence numbers to begin with.
    pub(crate) fn new(source: Source, ssrc: u32, rtx_ssrc: u32, first: [u16; 2]) -> Self {
        let [media, rtx] = first.map(|number| u64::from(number & 0x7fff));
        let stats = SentStats::new(source.kind(), ssrc);
        Self {
            source,
            parameters: None,
            ssrc,
            rtx_ssrc,
            next_index: media,
            next_rtx_index: rtx,
            history: History::default(),
            waiting: VecDeque::new(),
            stats,
        }
    }

    pub(crate) fn kind(&self) -> MediaKind {
        self.source.kind()
    }

    pub(crate) fn codec(&self) -> Codec {
        self.source.codec()
    }

    pub(crate) fn ssrc(&self) -> u32 {
        self.ssrc
    }

    pub(crate) fn rtx_ssrc(&self) -> u32 {
        self.rtx_ssrc
    }

    pub(crate) fn stats(&self) -> &SentStats {
        &self.stats
    }

    /// What the latest answer says; `None` stops the stream.
    pub(crate) fn negotiate(&mut self, parameters: Option<SendParameters>) {
        self.parameters = parameters;
    }

    /// Media may flow.
    pub(crate) fn start(&mut self, now: Instant) {
        self.source.start(now);
    }

    /// When something is to be sent.
    pub(crate) fn due(&self, now: Instant) -> Option<Instant> {
        self.parameters.as_ref()?;
        if self.waiting.is_empty() { self.source.due() } else { Some(now) }
    }

    /// Writes the next protected packet, if there is one to send.
    pub(crate) fn poll(&mut self, context: &mut SendContext<'_>, out: &mut [u8]) -> Option<usize> {
        self.poll_retransmission(context, out).or_else(|| self.poll_media(context, out))
    }

    fn poll_media(&mut self, context: &mut SendContext<'_>, out: &mut [u8]) -> Option<usize> {
        let parameters = self.parameters.as_ref()?;
        let index = self.next_index;
        let (now, ntp, source) = (context.now, context.ntp, &mut self.source);
        let sent = self.history.push(index, |payload| source.next_packet(now, ntp, payload))?;
        self.next_index += 1;
        self.stats.packets += 1;
        self.stats.bytes += sent.media.len as u64;
        self.stats.frames += u64::from(sent.media.frame_start);
        self.stats.keyframes += u64::from(sent.media.keyframe);
        let header = Header {
            marker: sent.media.marker,
            payload_type: parameters.payload_type,
            sequence_number: low16(index),
            timestamp: sent.media.timestamp,
            ssrc: self.ssrc,
        };
        protect(context, parameters, index, &header, sent.payload(), out)
    }

    /// RFC 4588 §4: the original sequence number and payload, on a stream of their own.
    fn poll_retransmission(
        &mut self,
        context: &mut SendContext<'_>,
        out: &mut [u8],
    ) -> Option<usize> {
        let parameters = self.parameters.as_ref()?;
        let payload_type = parameters.rtx?;
        while let Some(sequence_number) = self.waiting.pop_front() {
            let Some(sent) = self.history.take_for_resend(context.now, sequence_number) else {
                self.stats.not_retransmitted += 1;
                continue;
            };
            let mut payload = [0; MAX_PAYLOAD + rtx::OVERHEAD];
            let Some(len) = rtx::wrap(sequence_number, sent.payload(), &mut payload) else {
                continue;
            };
            let index = self.next_rtx_index;
            self.next_rtx_index += 1;
            self.stats.retransmissions += 1;
            let header = Header {
                marker: sent.media.marker,
                payload_type,
                sequence_number: low16(index),
                timestamp: sent.media.timestamp,
                ssrc: self.rtx_ssrc,
            };
            return protect(context, parameters, index, &header, &payload[..len], out);
        }
        None
    }

    /// A receiver misses packets.
    pub(crate) fn handle_nack(&mut self, sequence_numbers: impl Iterator<Item = u16>) {
        self.stats.nacks += 1;
        let can_resend = self.parameters.as_ref().is_some_and(|p| p.rtx.is_some());
        for sequence_number in sequence_numbers {
            self.stats.nacked_packets += 1;
            if can_resend && self.waiting.len() < MAX_WAITING {
                self.waiting.push_back(sequence_number);
            } else {
                self.stats.not_retransmitted += 1;
            }
        }
    }

    pub(crate) fn handle_picture_loss(&mut self) {
        self.stats.plis += 1;
        self.source.request_keyframe();
    }

    pub(crate) fn handle_full_intra_request(&mut self) {
        self.stats.firs += 1;
        self.source.request_keyframe();
    }

    pub(crate) fn handle_report(&mut self, block: &ReportBlock, now: NtpTime) {
        self.stats.reports += 1;
        self.stats.fraction_lost = block.fraction_lost;
        self.stats.cumulative_lost = block.cumulative_lost;
        if let Some(units) = block.round_trip(now.compact()) {
            let round_trip = std::time::Duration::from_secs(u64::from(units)) / 65_536;
            self.stats.round_trip = Some(round_trip);
        }
    }

    pub(crate) fn handle_estimated_bitrate(&mut self, bitrate: u64) {
        self.stats.estimated_bitrate = Some(bitrate);
    }

    pub(crate) fn handle_transport_feedback(&mut self) {
        self.stats.transport_feedback += 1;
    }

    /// For a sender report, once something was sent.
    pub(crate) fn sender_info(&self, now: Instant, ntp: NtpTime) -> Option<SenderInfo> {
        (self.stats.packets > 0).then(|| SenderInfo {
            ssrc: self.ssrc,
            ntp,
            rtp_timestamp: self.source.timestamp_at(now),
            // Both wrap by definition.
            packet_count: self.stats.packets as u32,
            octet_count: self.stats.bytes as u32,
        })
    }
}

fn protect(
    context: &mut SendContext<'_>,
    parameters: &SendParameters,
    index: u64,
    header: &Header,
    payload: &[u8],
    out: &mut [u8],
) -> Option<usize> {
    let mut bytes = [0; MAX_HEADER];
    let mut writer = HeaderWriter::new(&mut bytes, header)?;
    let ids = &parameters.extensions;
    // A mid longer than the room that is left goes without; so does nothing else.
    if let Some(id) = ids.mid {
        let _ = writer.extension(id, extension::mid::encode(&parameters.mid));
    }
    if let Some(id) = ids.abs_send_time {
        let time = extension::abs_send_time::AbsSendTime::from_ntp(context.ntp);
        let _ = writer.extension(id, &extension::abs_send_time::encode(time));
    }
    if let Some(id) = ids.transport_cc {
        let number = *context.transport_sequence;
        let _ = writer.extension(id, &extension::transport_cc::encode(number));
        *context.transport_sequence = number.wrapping_add(1);
    }
    let len = writer.finish();
    context.protector.protect_rtp_into(index, &bytes[..len], payload, out).ok()
}

fn low16(index: u64) -> u16 {
    (index & 0xffff) as u16
}
