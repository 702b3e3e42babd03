//! What the SFU itself misses of a publisher's stream.

use std::time::{Duration, Instant};

use arrayvec::ArrayVec;

/// Missing packets that are remembered; more than that is an outage, not a loss.
const CAPACITY: usize = 256;
/// A packet is asked for again this often.
const TRIES: u8 = 5;
/// And not more often than this, or the round trip.
const MIN_SPACING: Duration = Duration::from_millis(25);
/// How long a packet may be out of order before it counts as missing.
const REORDERING: Duration = Duration::from_millis(5);

#[derive(Clone, Copy, Debug)]
struct Missing {
    number: u64,
    tries: u8,
    next_try: Instant,
}

/// What is to be asked of the publisher now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// Sequence numbers to name in a NACK, ascending.
    pub(crate) numbers: ArrayVec<u16, CAPACITY>,
    /// Something is lost for good: only a keyframe helps.
    pub(crate) keyframe: bool,
}

#[derive(Debug, Default)]
pub(crate) struct NackTracker {
    highest: Option<u64>,
    /// Ascending.
    missing: Vec<Missing>,
    lost: bool,
}

impl NackTracker {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.missing.is_empty() && !self.lost
    }

    /// A packet came, by itself or retransmitted.
    pub(crate) fn received(&mut self, now: Instant, number: u64) {
        let Some(highest) = self.highest else {
            self.highest = Some(number);
            return;
        };
        if number <= highest {
            if let Ok(place) = self.missing.binary_search_by_key(&number, |missing| missing.number)
            {
                self.missing.remove(place);
            }
            return;
        }
        let gap = number - highest - 1;
        if gap as usize > CAPACITY {
            // An outage: what was sent meanwhile is stale by now.
            self.missing.clear();
            self.lost = true;
        } else {
            self.forget_oldest((self.missing.len() + gap as usize).saturating_sub(CAPACITY));
            let next_try = now + REORDERING;
            self.missing.extend((highest + 1..number).map(|number| Missing {
                number,
                tries: 0,
                next_try,
            }));
        }
        self.highest = Some(number);
    }

    /// What to ask for now. Each packet is asked for at most five times, `max(round trip, 25 ms)` apart.
    pub(crate) fn poll(&mut self, now: Instant, round_trip: Option<Duration>) -> Wanted {
        let spacing = round_trip.unwrap_or_default().max(MIN_SPACING);
        let mut wanted = Wanted { keyframe: std::mem::take(&mut self.lost), ..Wanted::default() };
        self.missing.retain_mut(|missing| {
            if missing.next_try > now {
                return true;
            }
            if missing.tries == TRIES {
                wanted.keyframe = true;
                return false;
            }
            missing.tries += 1;
            missing.next_try = now + spacing;
            wanted.numbers.push((missing.number & 0xffff) as u16);
            true
        });
        wanted
    }

    fn forget_oldest(&mut self, count: usize) {
        if count > 0 {
            self.missing.drain(..count.min(self.missing.len()));
            self.lost = true;
        }
    }
}
