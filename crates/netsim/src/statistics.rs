//! What happened on a link.

use std::ops::AddAssign;

/// What happened on a link since the network was made, in packets.
///
/// `sent + duplicated` is the sum of all drops, of `delivered`, and of what is still under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkStatistics {
    /// Handed to the network.
    pub sent: u64,
    /// Bytes of them, without headers.
    pub sent_bytes: u64,
    /// Handed out by the network, copies included.
    pub delivered: u64,
    /// Bytes of them, without headers.
    pub delivered_bytes: u64,
    /// Lost by chance, each by itself.
    pub lost: u64,
    /// Lost in bursts.
    pub burst_lost: u64,
    /// Dropped because the queue was full.
    pub queue_dropped: u64,
    /// Dropped for exceeding the MTU.
    pub too_big: u64,
    /// Dropped because the link was down.
    pub down: u64,
    /// Copies made.
    pub duplicated: u64,
    /// Held back so that others could overtake.
    pub reordered: u64,
}

impl LinkStatistics {
    /// Packets that will not arrive, for whatever reason.
    pub fn dropped(&self) -> u64 {
        self.lost + self.burst_lost + self.queue_dropped + self.too_big + self.down
    }

    /// Packets and copies still under way.
    pub fn in_flight(&self) -> u64 {
        self.sent + self.duplicated - self.dropped() - self.delivered
    }
}

impl AddAssign for LinkStatistics {
    fn add_assign(&mut self, other: Self) {
        self.sent += other.sent;
        self.sent_bytes += other.sent_bytes;
        self.delivered += other.delivered;
        self.delivered_bytes += other.delivered_bytes;
        self.lost += other.lost;
        self.burst_lost += other.burst_lost;
        self.queue_dropped += other.queue_dropped;
        self.too_big += other.too_big;
        self.down += other.down;
        self.duplicated += other.duplicated;
        self.reordered += other.reordered;
    }
}
