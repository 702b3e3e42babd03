//! How busy a shard is.

use std::time::{Duration, Instant};

/// The share of time at work is taken over windows of this length.
const WINDOW: Duration = Duration::from_millis(100);

/// Time at work and time at rest, in turns.
#[derive(Debug)]
pub(super) struct BusyMeter {
    window: Instant,
    busy: Duration,
    over_half: bool,
}

impl BusyMeter {
    pub(super) fn new(now: Instant) -> Self {
        Self { window: now, busy: Duration::ZERO, over_half: false }
    }

    /// Time until `now` was spent at work, so long of it.
    pub(super) fn worked(&mut self, now: Instant, duration: Duration) {
        self.busy += duration;
        self.look(now);
    }

    /// Time until `now` was spent waiting.
    pub(super) fn rested(&mut self, now: Instant) {
        self.look(now);
    }

    /// Whether more than half of the last window was work.
    pub(super) fn is_over_half(&self) -> bool {
        self.over_half
    }

    fn look(&mut self, now: Instant) {
        let window = now.saturating_duration_since(self.window);
        if window >= WINDOW {
            self.over_half = self.busy > window / 2;
            self.window = now;
            self.busy = Duration::ZERO;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// After so many turns of so much work and so much rest.
    fn is_over_half(turns: u32, work: Duration, rest: Duration) -> bool {
        #[expect(clippy::disallowed_methods, reason = "a test needs some instant to count from")]
        let mut now = Instant::now();
        let mut meter = BusyMeter::new(now);
        for _ in 0..turns {
            now += work;
            meter.worked(now, work);
            now += rest;
            meter.rested(now);
        }
        meter.is_over_half()
    }

    #[test]
    fn more_than_half_of_a_window_is_over_half() {
        assert!(!is_over_half(100, MS, MS));
        assert!(is_over_half(100, MS * 11 / 10, MS * 9 / 10));
        assert!(!is_over_half(100, MS * 9 / 10, MS * 11 / 10));
        assert!(is_over_half(1, 150 * MS, 10 * MS));
    }

    #[test]
    fn nothing_is_said_before_a_window_is_over_and_a_long_rest_ends_it() {
        assert!(!is_over_half(99, MS, Duration::ZERO));
        assert!(is_over_half(100, MS, Duration::ZERO));
        assert!(!is_over_half(1, 99 * MS, 200 * MS));
    }
}
