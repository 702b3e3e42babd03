//! When feedback is looked at: at once while there is little of it, at intervals while there is much.
//!
//! Each of 500 viewers sends a dozen RTCP packets per second. Every one of them that finds the shard asleep costs a wake-up, which is more than
//! reading it does, and drives what forwards media out of the processor's caches. None of them is in a hurry that a few milliseconds spoil. The
//! same is true of the shard's timers for reports and consent.

use std::time::{Duration, Instant};

/// Between two looks while there is much feedback.
const INTERVAL: Duration = Duration::from_millis(4);
/// Looks that follow each other more closely than this are many.
const CLOSE: Duration = Duration::from_millis(2);
/// So many of them in a row, and feedback is looked at by the clock.
const STREAK: u32 = 4;
/// A look by the clock that finds fewer datagrams was not worth it: from then on the sockets say when there is something.
const WORTHWHILE: usize = 2;

/// See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct Pace {
    last: Option<Instant>,
    /// Looks that followed closely on the one before.
    streak: u32,
    /// By the clock: when the next look is due.
    next: Option<Instant>,
}

impl Pace {
    /// Notes that feedback was looked at, and that there were so many datagrams.
    pub(super) fn looked(&mut self, now: Instant, datagrams: usize) {
        let is_close = self.last.is_some_and(|last| now < last + CLOSE);
        self.streak = if is_close { (self.streak + 1).min(STREAK) } else { 0 };
        self.last = Some(now);
        let goes_on = match self.next {
            Some(_) => datagrams >= WORTHWHILE,
            None => self.streak >= STREAK,
        };
        self.next = goes_on.then(|| now + INTERVAL);
    }

    /// While feedback is looked at by the clock: when next.
    pub(super) fn next(&self) -> Option<Instant> {
        self.next
    }

    /// Has feedback looked at by the clock, until a look finds little.
    pub(super) fn go_by_the_clock(&mut self, now: Instant) {
        self.next = Some(now + INTERVAL);
    }

    /// When something that is in no hurry and due at `at` is to be done: together with the next look, if that comes later.
    pub(super) fn postponed(&self, at: Instant) -> Instant {
        self.next.map_or(at, |next| at.max(next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Instant {
        #[expect(clippy::disallowed_methods, reason = "a test needs some instant to count from")]
        Instant::now()
    }

    const fn us(micros: u64) -> Duration {
        Duration::from_micros(micros)
    }

    /// After so many looks so far apart, each at one datagram.
    fn after(looks: u32, apart: Duration) -> (Pace, Instant) {
        let (mut pace, mut now) = (Pace::default(), start());
        for _ in 0..looks {
            now += apart;
            pace.looked(now, 1);
        }
        (pace, now)
    }

    #[test]
    fn little_feedback_is_looked_at_when_it_comes() {
        let (pace, now) = after(1_000, CLOSE);
        assert_eq!(pace.next(), None);
        assert_eq!(pace.postponed(now), now);
        let (pace, _) = after(STREAK, us(10));
        assert_eq!(pace.next(), None, "a burst is not much");
    }

    #[test]
    fn much_feedback_is_looked_at_by_the_clock() {
        let (pace, now) = after(STREAK + 1, us(500));
        assert_eq!(pace.next(), Some(now + INTERVAL));
        assert_eq!(pace.postponed(now), now + INTERVAL);
        assert_eq!(pace.postponed(now + 2 * INTERVAL), now + 2 * INTERVAL);
    }

    #[test]
    fn it_stays_so_while_each_look_finds_enough() {
        let (mut pace, mut now) = after(STREAK + 1, us(500));
        for _ in 0..100 {
            now += INTERVAL;
            pace.looked(now, WORTHWHILE);
            assert_eq!(pace.next(), Some(now + INTERVAL));
        }
        now += INTERVAL;
        pace.looked(now, WORTHWHILE - 1);
        assert_eq!(pace.next(), None);
        // And it takes another streak.
        for _ in 0..STREAK {
            assert_eq!(pace.next(), None);
            now += us(500);
            pace.looked(now, 1);
        }
        assert!(pace.next().is_some());
    }
}
