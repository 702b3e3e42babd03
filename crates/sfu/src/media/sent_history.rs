//! What was sent to one client under which transport-wide sequence number, and what its feedback says of it.

use std::time::{Duration, Instant};

use tsubame_rtp::rtcp::TransportFeedback;

/// Packets that feedback may still speak of: 2.8 s at 180 packets per second. Allocated with the first packet.
const REMEMBERED: usize = 512;

#[derive(Clone, Copy, Debug)]
struct Sent {
    number: u16,
    octets: u16,
    at: Instant,
    acknowledged: bool,
}

/// Sums over what feedback has said, for the bandwidth estimator that is to come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Delivery {
    /// Packets that arrived, and their octets of payload.
    pub(crate) packets: u64,
    pub(crate) octets: u64,
    /// Packets that the feedback passed over.
    pub(crate) lost: u64,
    /// From the sending of the newest packet that arrived to the coming of the feedback.
    pub(crate) round_trip: Option<Duration>,
}

#[derive(Debug)]
pub(crate) struct SentHistory {
    next: u16,
    ring: Vec<Sent>,
    delivery: Delivery,
}

impl SentHistory {
    pub(crate) fn new() -> Self {
        Self { next: 0, ring: Vec::new(), delivery: Delivery::default() }
    }

    /// The transport-wide sequence number of a packet that leaves now.
    pub(crate) fn stamp(&mut self, now: Instant, octets: usize) -> u16 {
        let number = self.next;
        self.next = number.wrapping_add(1);
        let octets = u16::try_from(octets).unwrap_or(u16::MAX);
        let sent = Sent { number, octets, at: now, acknowledged: false };
        if self.ring.is_empty() {
            self.ring.reserve_exact(REMEMBERED);
        }
        let place = usize::from(number) % REMEMBERED;
        match self.ring.get_mut(place) {
            Some(slot) => *slot = sent,
            None => self.ring.push(sent),
        }
        number
    }

    /// Takes feedback in. What it says of numbers that were never sent, or were acknowledged before, does not count.
    pub(crate) fn feedback(&mut self, now: Instant, feedback: &TransportFeedback<'_>) {
        let mut known = 0;
        let mut newest = None;
        for (number, _) in feedback.arrivals() {
            let Some(sent) = self.ring.get_mut(usize::from(number) % REMEMBERED) else { continue };
            if sent.number != number || sent.acknowledged {
                continue;
            }
            sent.acknowledged = true;
            known += 1;
            newest = newest.max(Some(sent.at));
            self.delivery.packets += 1;
            self.delivery.octets += u64::from(sent.octets);
        }
        if let Some(newest) = newest {
            self.delivery.round_trip = Some(now.saturating_duration_since(newest));
            // Only feedback that acknowledged something is believed about what was lost, and only within what can be remembered.
            let lost = feedback.status_count() - feedback.received_count();
            self.delivery.lost += u64::from(lost).min((REMEMBERED - known) as u64);
        }
    }

    /// What feedback said so far.
    pub(crate) fn delivery(&self) -> Delivery {
        self.delivery
    }
}
