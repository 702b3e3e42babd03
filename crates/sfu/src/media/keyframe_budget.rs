//! What one subscriber may spend on keyframes, beneath the publication's gate.

use std::time::{Duration, Instant};

/// Requests in a row before it counts.
const BURST: u32 = 3;
/// After that, one request per this long at first ...
const FIRST_INTERVAL: Duration = Duration::from_secs(2);
/// ... doubling up to this while the subscriber keeps asking.
const LONGEST_INTERVAL: Duration = Duration::from_secs(16);

/// A token bucket whose refill slows down while its owner empties it: one broken viewer cannot buy everybody a keyframe every 500 ms.
#[derive(Debug)]
pub(crate) struct KeyframeBudget {
    tokens: u32,
    interval: Duration,
    refilled: Option<Instant>,
}

impl KeyframeBudget {
    pub(crate) fn new() -> Self {
        Self { tokens: BURST, interval: FIRST_INTERVAL, refilled: None }
    }

    /// Whether a request of this subscriber counts.
    pub(crate) fn request(&mut self, now: Instant) -> bool {
        self.refill(now);
        if self.tokens == 0 {
            return false;
        }
        self.tokens -= 1;
        if self.tokens == 0 {
            self.interval = (self.interval * 2).min(LONGEST_INTERVAL);
        }
        true
    }

    fn refill(&mut self, now: Instant) {
        let refilled = *self.refilled.get_or_insert(now);
        let elapsed = now.saturating_duration_since(refilled);
        let earned =
            (elapsed.as_millis() / self.interval.as_millis()).min(u128::from(BURST)) as u32;
        if earned == 0 {
            return;
        }
        self.tokens = (self.tokens + earned).min(BURST);
        self.refilled = Some(now);
        if self.tokens == BURST {
            self.interval = FIRST_INTERVAL;
        }
    }
}
