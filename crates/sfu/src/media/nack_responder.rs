//! How much of what a subscriber asks for again it gets.

use std::time::{Duration, Instant};

/// Sequence numbers whose resends are remembered.
const REMEMBERED: usize = 128;
/// A packet is resent this often.
const TRIES: u8 = 5;
/// And not more often than this, or the round trip.
const MIN_SPACING: Duration = Duration::from_millis(25);
/// Octets that may be resent before any media was sent, and the most that is saved up.
const ALLOWANCE: usize = 64 * 1_200;
/// Retransmissions take at most this part of the media's octets.
const SHARE: usize = 4;

#[derive(Clone, Copy, Debug)]
struct Resent {
    number: u16,
    tries: u8,
    last: Instant,
}

/// For one subscription. Amplification has two bounds: per packet (tries and spacing), and a quarter of the octets that were sent as media.
#[derive(Debug)]
pub(crate) struct NackResponder {
    /// A ring; allocated with the first request.
    resent: Vec<Resent>,
    next: usize,
    allowance: usize,
}

impl NackResponder {
    pub(crate) fn new() -> Self {
        Self { resent: Vec::new(), next: 0, allowance: ALLOWANCE / SHARE }
    }

    /// Media went out: a quarter of it may be resent.
    pub(crate) fn media_sent(&mut self, octets: usize) {
        self.allowance = (self.allowance + octets / SHARE).min(ALLOWANCE);
    }

    /// Whether a request for this number counts, by the number of times and the time since the last.
    pub(crate) fn may_resend(
        &mut self,
        now: Instant,
        number: u16,
        round_trip: Option<Duration>,
    ) -> bool {
        let spacing = round_trip.unwrap_or_default().max(MIN_SPACING);
        if let Some(resent) = self.resent.iter_mut().find(|resent| resent.number == number) {
            // Numbers come round again: an old entry is another packet's.
            if now.saturating_duration_since(resent.last) > Duration::from_secs(10) {
                resent.tries = 0;
            } else if resent.tries == TRIES || now.saturating_duration_since(resent.last) < spacing
            {
                return false;
            }
            resent.tries += 1;
            resent.last = now;
            return true;
        }
        let entry = Resent { number, tries: 1, last: now };
        if self.resent.len() < REMEMBERED {
            self.resent.push(entry);
        } else {
            self.resent[self.next] = entry;
            self.next = (self.next + 1) % REMEMBERED;
        }
        true
    }

    /// Takes `octets` from the allowance, if they are there.
    pub(crate) fn may_release(&mut self, octets: usize) -> bool {
        let allowed = self.allowance >= octets;
        if allowed {
            self.allowance -= octets;
        }
        allowed
    }
}
