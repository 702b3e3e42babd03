//! What a peer has sent and received, counted.

use std::time::{Duration, Instant};

use tsubame_rtp::Codec;
pub use tsubame_rtp::MediaKind;
use tsubame_srtp::Profile;

/// A snapshot of a peer.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    /// The SRTP profile, once the keys are there.
    pub profile: Option<Profile>,
    /// The round trip ICE measured.
    pub round_trip: Option<Duration>,
    /// What is published, at most one stream of a kind.
    pub sent: Vec<SentStats>,
    /// What is watched, in the order the tracks were announced; those that ended stay.
    pub tracks: Vec<TrackStats>,
    /// SRTP and SRTCP packets that were dropped: wrong tag, too old, malformed. Replays are duplicates.
    pub dropped: u64,
    /// Packets of streams that no description announced.
    pub unknown: u64,
    /// BYE packets received.
    pub goodbyes: u64,
}

impl Stats {
    /// The tracks of one publisher.
    pub fn tracks_of<'s>(&'s self, connection_id: &'s str) -> impl Iterator<Item = &'s TrackStats> {
        self.tracks.iter().filter(move |track| track.connection_id == connection_id)
    }

    /// The latest track of this kind, if any.
    pub fn track(&self, kind: MediaKind) -> Option<&TrackStats> {
        self.tracks.iter().rev().find(|track| track.kind == kind)
    }

    /// The published stream of this kind, if any.
    pub fn sent(&self, kind: MediaKind) -> Option<&SentStats> {
        self.sent.iter().find(|sent| sent.kind == kind)
    }
}

/// One published stream.
#[derive(Clone, Debug)]
pub struct SentStats {
    /// Audio or video.
    pub kind: MediaKind,
    /// The stream.
    pub ssrc: u32,
    /// Packets sent, without retransmissions.
    pub packets: u64,
    /// Octets of their payloads.
    pub bytes: u64,
    /// Frames: pictures, or packets of audio.
    pub frames: u64,
    /// Keyframes among them.
    pub keyframes: u64,
    /// PLI received.
    pub plis: u64,
    /// FIR received.
    pub firs: u64,
    /// NACK packets received.
    pub nacks: u64,
    /// Sequence numbers they asked for.
    pub nacked_packets: u64,
    /// Retransmissions sent.
    pub retransmissions: u64,
    /// Sequence numbers asked for that were not in the history any more, or asked for again too soon.
    pub not_retransmitted: u64,
    /// Report blocks received.
    pub reports: u64,
    /// Fraction lost of the last one, in 1/256.
    pub fraction_lost: u8,
    /// Cumulative loss of the last one.
    pub cumulative_lost: i32,
    /// The round trip the last one measured.
    pub round_trip: Option<Duration>,
    /// The last REMB, in bit/s.
    pub estimated_bitrate: Option<u64>,
    /// Transport-wide feedback packets received (counted on every stream).
    pub transport_feedback: u64,
}

impl SentStats {
    pub(crate) fn new(kind: MediaKind, ssrc: u32) -> Self {
        Self {
            kind,
            ssrc,
            packets: 0,
            bytes: 0,
            frames: 0,
            keyframes: 0,
            plis: 0,
            firs: 0,
            nacks: 0,
            nacked_packets: 0,
            retransmissions: 0,
            not_retransmitted: 0,
            reports: 0,
            fraction_lost: 0,
            cumulative_lost: 0,
            round_trip: None,
            estimated_bitrate: None,
            transport_feedback: 0,
        }
    }
}

/// One watched track.
#[derive(Clone, Debug)]
pub struct TrackStats {
    /// The publisher: the stream id of the section's msid.
    pub connection_id: String,
    /// The track id of the section's msid.
    pub track_id: Option<String>,
    /// The media section.
    pub mid: String,
    /// Audio or video.
    pub kind: MediaKind,
    /// What the latest packet was encoded with.
    pub codec: Option<Codec>,
    /// The stream of the latest packet.
    pub ssrc: Option<u32>,
    /// Different packets received, those recovered by retransmission included.
    pub packets: u64,
    /// Octets of their payloads.
    pub bytes: u64,
    /// Packets between the first and the latest that are not there (yet).
    pub lost: u64,
    /// Packets received again: replays, and retransmissions of what was there.
    pub duplicated: u64,
    /// Packets that came after a later one, without retransmission.
    pub out_of_order: u64,
    /// Packets recovered by retransmission.
    pub recovered: u64,
    /// Retransmissions received.
    pub retransmissions: u64,
    /// When the first packet came.
    pub first_packet: Option<Instant>,
    /// When the latest packet came.
    pub last_packet: Option<Instant>,
    /// When the first keyframe began.
    pub first_keyframe: Option<Instant>,
    /// Keyframes that began.
    pub keyframes: u64,
    /// Frames that began: pictures, or packets of audio.
    pub frames: u64,
    /// NACK packets sent.
    pub nacks: u64,
    /// PLI sent.
    pub plis: u64,
    /// Sender reports received.
    pub sender_reports: u64,
    /// Interarrival jitter, in timestamp units.
    pub jitter: u32,
    /// Packets of our own synthetic media whose contents arrived changed.
    pub corrupted: u64,
    /// How long our own synthetic media took, where both ends have one clock.
    pub delay: Option<Delay>,
    /// The offer no longer has this track.
    pub ended: bool,
}

/// How long packets took from the generator to the watcher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delay {
    /// The shortest.
    pub min: Duration,
    /// The longest.
    pub max: Duration,
    /// All together.
    pub total: Duration,
    /// How many packets.
    pub packets: u64,
}

impl Delay {
    /// The average.
    pub fn mean(&self) -> Duration {
        let nanos = self.total.as_nanos() / u128::from(self.packets.max(1));
        u64::try_from(nanos).map_or(Duration::MAX, Duration::from_nanos)
    }

    pub(crate) fn add(this: &mut Option<Self>, delay: Duration) {
        let known =
            this.get_or_insert(Self { min: delay, max: delay, total: Duration::ZERO, packets: 0 });
        known.min = known.min.min(delay);
        known.max = known.max.max(delay);
        known.total += delay;
        known.packets += 1;
    }
}
