//! What a swarm has counted.

use std::time::{Duration, Instant};

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
    /// Members that had connected and ended without being dropped: their path died, or the server closed.
    pub ended: u64,
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
    /// Packets that decrypted, and whose contents had changed.
    pub corrupted: u64,
    /// SRTP and SRTCP packets that did not decrypt, or were malformed.
    pub undecryptable: u64,
    /// Datagrams that members' sockets had no room for on their way out: losses that are this process's own.
    pub send_dropped: u64,
    /// The same on their way in.
    pub receive_dropped: u64,
    /// Tracks watched at the moment.
    pub tracks: u64,
    /// Those of them that have had a packet lately: since the moment that was asked about.
    pub flowing: u64,
    /// Picture loss indications sent.
    pub plis: u64,
    /// NACK packets sent.
    pub nacks: u64,
    /// Time the threads were not waiting, all together.
    pub busy: Duration,
    /// The same of each thread, always in the same order.
    pub threads: Vec<Duration>,
    /// Of stamped packets, from their publisher to a watcher's socket. Retransmitted ones are not among them.
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
        self.ended += other.ended;
        self.sent_packets += other.sent_packets;
        self.sent_bytes += other.sent_bytes;
        self.packets += other.packets;
        self.bytes += other.bytes;
        self.lost += other.lost;
        self.duplicated += other.duplicated;
        self.reordered += other.reordered;
        self.recovered += other.recovered;
        self.corrupted += other.corrupted;
        self.undecryptable += other.undecryptable;
        self.send_dropped += other.send_dropped;
        self.receive_dropped += other.receive_dropped;
        self.tracks += other.tracks;
        self.flowing += other.flowing;
        self.plis += other.plis;
        self.nacks += other.nacks;
        self.busy += other.busy;
        self.threads.extend(&other.threads);
        self.delays.add(&other.delays);
        self.times_to_connected.add(&other.times_to_connected);
        self.times_to_first_packet.add(&other.times_to_first_packet);
    }

    /// Adds what one member counted. Its tracks flow if they have had a packet at `flowing_since` or later.
    pub(super) fn add_member(&mut self, stats: &Stats, flowing_since: Instant) {
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
                let flows = track.last_packet.is_some_and(|last| last >= flowing_since);
                self.flowing += u64::from(flows);
            }
        }
        self.undecryptable += stats.dropped;
    }

    /// How long the thread was busy that was busiest between `before` and this.
    pub fn busiest_since(&self, before: &Self) -> Duration {
        let earlier = before.threads.iter().copied().chain(std::iter::repeat(Duration::ZERO));
        let busy = self.threads.iter().zip(earlier).map(|(now, then)| now.saturating_sub(then));
        busy.max().unwrap_or_default()
    }

    /// The share of packets that never came, 0 to 1, between `before` and this.
    pub fn loss_since(&self, before: &Self) -> f64 {
        let lost = self.lost.saturating_sub(before.lost) as f64;
        let packets = self.packets.saturating_sub(before.packets) as f64;
        if lost == 0.0 { 0.0 } else { lost / (lost + packets) }
    }
}

/// When the first media of a member came.
pub(super) fn first_packet(stats: &Stats) -> Option<Instant> {
    let any = stats.tracks.iter().filter_map(|track| track.first_packet).min();
    let video = stats.track(MediaKind::Video).and_then(|track| track.first_packet);
    video.or(any)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_thread_is_that_of_the_window() {
        let of = |threads: [u64; 2]| Measurement {
            threads: threads.map(Duration::from_secs).to_vec(),
            ..Measurement::default()
        };
        // The second was busy before, and hardly since.
        assert_eq!(of([7, 100]).busiest_since(&of([0, 99])), Duration::from_secs(7));
        assert_eq!(of([7, 100]).busiest_since(&Measurement::default()), Duration::from_secs(100));
    }
}
