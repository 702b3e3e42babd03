//! One watched track: its statistics, and what is asked for on its behalf.

use std::time::{Duration, Instant};

use tsubame_rtp::codec::inspect;
use tsubame_rtp::rtcp::ReportBlock;
use tsubame_rtp::{Codec, MediaKind, NtpTime, Packet, ReceptionStatistics, SequenceExtender};

use super::gaps::{Arrival, Gaps};
use crate::media::read_stamp;
use crate::peer::ExtensionIds;
use crate::stats::{Delay, TrackStats};

/// How long a watcher waits for the keyframe it was promised.
const KEYFRAME_PATIENCE: Duration = Duration::from_millis(200);
/// From one PLI to the next.
const KEYFRAME_RETRY: Duration = Duration::from_secs(1);
/// A hole of this age means that a keyframe is needed.
const REPAIR_LIMIT: Duration = Duration::from_millis(600);

/// What was negotiated for a track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReceiveParameters {
    pub(crate) mid: String,
    pub(crate) kind: MediaKind,
    /// Stream id of the msid: the publisher.
    pub(crate) connection_id: String,
    pub(crate) track_id: Option<String>,
    pub(crate) payloads: Vec<ReceivePayload>,
    /// Streams that the offer announced: media, then (if any) its retransmissions.
    pub(crate) streams: Vec<(u32, Option<u32>)>,
    pub(crate) extensions: ExtensionIds,
}

/// A codec of a track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReceivePayload {
    pub(crate) payload_type: u8,
    pub(crate) codec: Codec,
    pub(crate) rtx: Option<u8>,
    pub(crate) nack: bool,
    pub(crate) pli: bool,
}

/// A track, from the description that announced it to the one that took it away.
#[derive(Debug)]
pub(crate) struct Track {
    parameters: ReceiveParameters,
    stream: Option<Stream>,
    /// What earlier streams of this track lost.
    lost_before: u64,
    keyframe: Keyframe,
    last_timestamps: Timestamps,
    stats: TrackStats,
}

/// The stream a track is on.
#[derive(Debug)]
struct Stream {
    ssrc: u32,
    extender: SequenceExtender,
    gaps: Gaps,
    statistics: ReceptionStatistics,
    /// Compact NTP time of the last sender report, and when it came.
    sender_report: Option<(u32, Instant)>,
    /// The codec asks for retransmissions.
    nack: bool,
}

/// Whether a decoder could go on.
#[derive(Clone, Copy, Debug)]
enum Keyframe {
    /// Audio, or a codec that has no PLI.
    NotNeeded,
    /// None since then; ask at that time.
    Missing { ask_at: Instant },
    /// The latest began then.
    Seen { at: Instant },
    /// No packet yet.
    Unknown,
}

/// Of the frame and of the keyframe counted last: parameter sets and layers share their picture's.
#[derive(Clone, Copy, Debug, Default)]
struct Timestamps {
    frame: Option<u32>,
    keyframe: Option<u32>,
}

impl Track {
    pub(crate) fn new(parameters: ReceiveParameters) -> Self {
        let stats = TrackStats {
            connection_id: parameters.connection_id.clone(),
            track_id: parameters.track_id.clone(),
            mid: parameters.mid.clone(),
            kind: parameters.kind,
            codec: None,
            ssrc: None,
            packets: 0,
            bytes: 0,
            lost: 0,
            duplicated: 0,
            out_of_order: 0,
            recovered: 0,
            retransmissions: 0,
            first_packet: None,
            last_packet: None,
            first_keyframe: None,
            keyframes: 0,
            frames: 0,
            nacks: 0,
            plis: 0,
            sender_reports: 0,
            jitter: 0,
            corrupted: 0,
            delay: None,
            ended: false,
        };
        Self {
            parameters,
            stream: None,
            lost_before: 0,
            keyframe: Keyframe::Unknown,
            last_timestamps: Timestamps::default(),
            stats,
        }
    }

    pub(crate) fn parameters(&self) -> &ReceiveParameters {
        &self.parameters
    }

    /// Whether a section of a new offer is this track still.
    pub(crate) fn is_of(&self, parameters: &ReceiveParameters) -> bool {
        let own = &self.parameters;
        !self.stats.ended
            && (&own.mid, &own.connection_id, &own.track_id, own.kind)
                == (
                    &parameters.mid,
                    &parameters.connection_id,
                    &parameters.track_id,
                    parameters.kind,
                )
    }

    pub(crate) fn update(&mut self, parameters: ReceiveParameters) {
        self.parameters = parameters;
    }

    pub(crate) fn end(&mut self) {
        self.stats.ended = true;
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.stats.ended
    }

    pub(crate) fn stats(&self) -> TrackStats {
        let mut stats = self.stats.clone();
        stats.lost = self.lost_before;
        if let Some(stream) = &self.stream {
            stats.lost += stream.gaps.lost();
            stats.jitter = stream.statistics.jitter();
        }
        stats
    }

    pub(crate) fn ssrc(&self) -> Option<u32> {
        self.stream.as_ref().map(|stream| stream.ssrc)
    }

    /// The media payload type that a retransmission payload type repairs.
    pub(crate) fn repaired_by(&self, payload_type: u8) -> Option<u8> {
        let repairs = |payload: &&ReceivePayload| payload.rtx == Some(payload_type);
        self.parameters.payloads.iter().find(repairs).map(|payload| payload.payload_type)
    }

    pub(crate) fn handle_duplicate(&mut self) {
        self.stats.duplicated += 1;
    }

    /// A packet of the track's own stream. How long it took, if that can be known.
    pub(crate) fn handle_media(
        &mut self,
        now: Instant,
        ntp: NtpTime,
        packet: &Packet<'_>,
    ) -> Option<Duration> {
        if self.arrived(now, packet)? { self.count(now, ntp, packet) } else { None }
    }

    /// The same for one whose payload is still encrypted; `false` while payloads have to be looked at.
    pub(crate) fn handle_unverified(&mut self, now: Instant, packet: &Packet<'_>) -> bool {
        let is_content_needed =
            matches!(self.keyframe, Keyframe::Unknown | Keyframe::Missing { .. });
        if is_content_needed || self.ssrc() != Some(packet.ssrc()) {
            return false;
        }
        match self.arrived(now, packet) {
            Some(true) => self.count_packet(now, packet),
            Some(false) => {}
            None => return false,
        }
        true
    }

    /// Whether a packet is a new one; `None` if it is none of this track's.
    fn arrived(&mut self, now: Instant, packet: &Packet<'_>) -> Option<bool> {
        let stream = self.stream_of(packet)?;
        let number = stream.extender.extend(packet.sequence_number());
        let arrival = stream.gaps.arrived(now, number);
        if arrival != Arrival::Duplicate {
            stream.statistics.received(now, number, packet.timestamp());
        }
        match arrival {
            Arrival::Next => {}
            Arrival::Late => self.stats.out_of_order += 1,
            Arrival::Duplicate => self.stats.duplicated += 1,
        }
        Some(arrival != Arrival::Duplicate)
    }

    /// A packet restored from a retransmission.
    pub(crate) fn handle_recovered(&mut self, now: Instant, ntp: NtpTime, packet: &Packet<'_>) {
        self.stats.retransmissions += 1;
        let known = self.stream.as_mut().filter(|stream| stream.ssrc == packet.ssrc());
        // Of a stream that has not begun: nobody can have asked for it.
        let Some(stream) = known else { return };
        let Some(number) = stream.extender.peek(packet.sequence_number()) else { return };
        if stream.extender.highest().is_some_and(|highest| number > highest) {
            stream.extender.extend(packet.sequence_number());
        }
        if stream.gaps.arrived(now, number) == Arrival::Duplicate {
            return self.stats.duplicated += 1;
        }
        self.stats.recovered += 1;
        self.count(now, ntp, packet);
    }

    fn count_packet(&mut self, now: Instant, packet: &Packet<'_>) {
        self.stats.packets += 1;
        self.stats.bytes += packet.payload().len() as u64;
        self.stats.first_packet.get_or_insert(now);
        self.stats.last_packet = Some(now);
    }

    pub(crate) fn handle_sender_report(&mut self, now: Instant, ssrc: u32, ntp: NtpTime) {
        if let Some(stream) = self.stream.as_mut().filter(|stream| stream.ssrc == ssrc) {
            stream.sender_report = Some((ntp.compact(), now));
            self.stats.sender_reports += 1;
        }
    }

    pub(crate) fn report_block(&mut self, now: Instant) -> Option<ReportBlock> {
        let stream = self.stream.as_mut()?;
        Some(stream.statistics.report_block(stream.ssrc, now, stream.sender_report))
    }

    /// When a NACK may be due.
    pub(crate) fn nack_due(&self) -> Option<Instant> {
        if self.stats.ended {
            return None;
        }
        self.stream.as_ref().filter(|stream| stream.nack).and_then(|stream| stream.gaps.due())
    }

    /// The stream and the packets to ask for, when that is due.
    pub(crate) fn nack(&mut self, now: Instant) -> Option<(u32, Vec<u16>)> {
        if self.nack_due().is_none_or(|due| due > now) {
            return None;
        }
        let stream = self.stream.as_mut()?;
        let numbers = stream.gaps.ask(now);
        if numbers.is_empty() {
            return None;
        }
        self.stats.nacks += 1;
        Some((stream.ssrc, numbers))
    }

    /// The stream to ask for a keyframe, when that is due.
    pub(crate) fn picture_loss(&mut self, now: Instant) -> Option<u32> {
        if self.stats.ended {
            return None;
        }
        let stream = self.stream.as_ref()?;
        if let Keyframe::Seen { at } = self.keyframe
            && stream.gaps.is_beyond_repair(now, at, REPAIR_LIMIT)
        {
            self.keyframe = Keyframe::Missing { ask_at: now };
        }
        let Keyframe::Missing { ask_at } = self.keyframe else { return None };
        if ask_at > now {
            return None;
        }
        self.keyframe = Keyframe::Missing { ask_at: now + KEYFRAME_RETRY };
        self.stats.plis += 1;
        Some(stream.ssrc)
    }

    /// Asks for a keyframe as soon as possible, as a decoder does that lost its reference.
    pub(crate) fn want_keyframe(&mut self, now: Instant) {
        if self.parameters.kind == MediaKind::Video {
            self.keyframe = Keyframe::Missing { ask_at: now };
        }
    }

    /// The packet's stream, begun anew if the track moved to another one.
    fn stream_of(&mut self, packet: &Packet<'_>) -> Option<&mut Stream> {
        let payload = self.payload(packet.payload_type())?;
        let (nack, clock_rate) = (payload.nack, payload.codec.clock_rate());
        let ssrc = packet.ssrc();
        if self.stream.as_ref().is_none_or(|stream| stream.ssrc != ssrc) {
            let statistics = ReceptionStatistics::new(clock_rate);
            let stream = Stream {
                ssrc,
                extender: SequenceExtender::new(),
                gaps: Gaps::default(),
                statistics,
                sender_report: None,
                nack,
            };
            let before = self.stream.replace(stream);
            self.lost_before += before.map_or(0, |before| before.gaps.lost());
            self.stats.ssrc = Some(ssrc);
            self.keyframe = Keyframe::Unknown;
        }
        self.stream.as_mut()
    }

    fn payload(&self, payload_type: u8) -> Option<&ReceivePayload> {
        let matches = |payload: &&ReceivePayload| payload.payload_type == payload_type;
        self.parameters.payloads.iter().find(matches)
    }

    /// A packet that was not there before. How long it took, if it is stamped.
    fn count(&mut self, now: Instant, ntp: NtpTime, packet: &Packet<'_>) -> Option<Duration> {
        let &ReceivePayload { codec, pli, .. } = self.payload(packet.payload_type())?;
        self.stats.codec = Some(codec);
        self.count_packet(now, packet);
        let delay = read_stamp(packet.payload()).map(|stamp| {
            self.stats.corrupted += u64::from(!stamp.intact);
            let age = stamp.age(ntp);
            Delay::add(&mut self.stats.delay, age);
            age
        });
        if let Keyframe::Unknown = self.keyframe {
            self.keyframe = if codec.kind() == MediaKind::Video && pli {
                Keyframe::Missing { ask_at: now + KEYFRAME_PATIENCE }
            } else {
                Keyframe::NotNeeded
            };
        }
        let id = self.parameters.extensions.dependency_descriptor;
        let descriptor = id.and_then(|id| packet.extension(id));
        let Some(info) = inspect(codec, packet, descriptor) else { return delay };
        let timestamp = Some(packet.timestamp());
        if info.frame_start && self.last_timestamps.frame != timestamp {
            self.last_timestamps.frame = timestamp;
            self.stats.frames += 1;
        }
        let is_video = codec.kind() == MediaKind::Video;
        if is_video && info.keyframe && self.last_timestamps.keyframe != timestamp {
            self.last_timestamps.keyframe = timestamp;
            self.stats.keyframes += 1;
            self.stats.first_keyframe.get_or_insert(now);
            self.keyframe = Keyframe::Seen { at: now };
        }
        delay
    }
}
