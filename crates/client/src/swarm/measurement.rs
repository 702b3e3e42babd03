//! What a swarm has counted.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::stats::{MediaKind, Stats};

/// Times, in microseconds up to a minute, to three digits.
#[derive(Clone, Debug)]
pub struct Times(Histogram<u64>);

const MAX_MICROS: u64 = 60_000_000;

impl Default for Times {
    fn default() -> Self {
        let histogram = Histogram::new_with_bounds(1, MAX_MICROS, 3);
        // The bounds are constants that the library allows; without them it grows by itself.
        Self(histogram.unwrap_or_else(|_| Histogram::new(3).unwrap_or_else(|_| unreachable!())))
    }
}

impl Times {
    pub(super) fn record(&mut self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(MAX_MICROS);
        self.0.saturating_record(micros.max(1));
    }

    /// How many were measured.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The time that this share of all, 0 to 1, did not exceed. Zero without any.
    pub fn quantile(&self, share: f64) -> Duration {
        Duration::from_micros(self.0.value_at_quantile(share))
    }

    /// The longest.
    pub fn max(&self) -> Duration {
        Duration::from_micros(self.0.max())
    }

    /// Takes another's times in.
    pub fn add(&mut self, other: &Self) {
        // Both have the same bounds.
        let _ = self.0.add(&other.0);
    }
}

/// Sums over all members.
#[derive(Clone, Debug, Default)]
pub struct Measurement {
    /// Members at the moment.
    pub members: u64,
    /// Members that connected, once each.
    pub connected: u64,
    /// Members whose ICE or DTLS failed, or whose path died.
    pub failed: u64,
    /// Media packets sent, without retransmissions.
    pub sent_packets: u64,
    /// Octets of their payloads.
    pub sent_bytes: u64,
    /// Media packets received, different ones.
    pub packets: u64,
    /// Octets of their payloads.
    pub bytes: u64,
    /// Packets between the first and the latest of a track that are not there (yet).
    pub lost: u64,
    /// Packets received again.
    pub duplicated: u64,
    /// Packets that came after a later one.
    pub reordered: u64,
    /// Packets recovered by retransmission.
    pub recovered: u64,
    /// Packets whose contents had changed, or that did not decrypt.
    pub corrupted: u64,
    /// Tracks watched at the moment, and those of them that have had a packet.
    pub tracks: u64,
    /// Tracks that have had a packet.
    pub flowing: u64,
    /// Picture loss indications sent.
    pub plis: u64,
    /// NACK packets sent.
    pub nacks: u64,
    /// Time the threads were not waiting, all together.
    pub busy: Duration,
    /// The most that any one thread was busy.
    pub busiest: Duration,
    /// Of stamped packets, from their publisher to a watcher.
    pub delays: Times,
    /// From the beginning of a member's signaling until media may flow.
    pub times_to_connected: Times,
    /// From the beginning of a member's signaling to the first packet.
    pub times_to_first_packet: Times,
}

impl Measurement {
    /// Adds another thread's.
    pub(super) fn add(&mut self, other: &Self) {
        self.members += other.members;
        self.connected += other.connected;
        self.failed += other.failed;
        self.sent_packets += other.sent_packets;
        self.sent_bytes += other.sent_bytes;
        self.packets += other.packets;
        self.bytes += other.bytes;
        self.lost += other.lost;
        self.duplicated += other.duplicated;
        self.reordered += other.reordered;
        self.recovered += other.recovered;
        self.corrupted += other.corrupted;
        self.tracks += other.tracks;
        self.flowing += other.flowing;
        self.plis += other.plis;
        self.nacks += other.nacks;
        self.busy += other.busy;
        self.busiest = self.busiest.max(other.busiest);
        self.delays.add(&other.delays);
        self.times_to_connected.add(&other.times_to_connected);
        self.times_to_first_packet.add(&other.times_to_first_packet);
    }

    /// Adds what one member counted.
    pub(super) fn add_member(&mut self, stats: &Stats) {
        for sent in &stats.sent {
            self.sent_packets += sent.packets;
            self.sent_bytes += sent.bytes;
        }
        for track in &stats.tracks {
            self.packets += track.packets;
            self.bytes += track.bytes;
            self.lost += track.lost;
            self.duplicated += track.duplicated;
            self.reordered += track.out_of_order;
            self.recovered += track.recovered;
            self.corrupted += track.corrupted;
            self.plis += track.plis;
            self.nacks += track.nacks;
            if !track.ended {
                self.tracks += 1;
                self.flowing += u64::from(track.first_packet.is_some());
            }
        }
        self.corrupted += stats.dropped;
    }

    /// The share of packets that never came, 0 to 1, between `before` and this.
    pub fn loss_since(&self, before: &Self) -> f64 {
        let lost = self.lost.saturating_sub(before.lost) as f64;
        let packets = self.packets.saturating_sub(before.packets) as f64;
        if lost == 0.0 { 0.0 } else { lost / (lost + packets) }
    }
}

/// When the first media of a member came.
pub(super) fn first_packet(stats: &Stats) -> Option<std::time::Instant> {
    let any = stats.tracks.iter().filter_map(|track| track.first_packet).min();
    let video = stats.track(MediaKind::Video).and_then(|track| track.first_packet);
    video.or(any)
}
