//! What one subscriber may spend on keyframes, beneath the publication's gate.

use std::time::{Duration, Instant};

use super::keyframe_gate;

/// Requests in a row before it counts.
const BURST: u32 = 3;
/// After that, one request per this long at first ...
const FIRST_INTERVAL: Duration = Duration::from_secs(2);
/// ... doubling up to this while the subscriber keeps asking.
const LONGEST_INTERVAL: Duration = Duration::from_secs(16);
/// Requests this close to one that was paid for are the same wish, repeated because the answer is under way: the gate upstream merges them.
const SAME_WISH: Duration = keyframe_gate::INTERVAL;

/// A token bucket whose refill slows down while its owner empties it: one broken viewer cannot buy everybody a keyframe every 500 ms.
#[derive(Debug)]
pub(crate) struct KeyframeBudget {
    tokens: u32,
    interval: Duration,
    /// Since when the next token is being earned.
    earning_since: Option<Instant>,
    paid: Option<Instant>,
}

impl KeyframeBudget {
    pub(crate) fn new() -> Self {
        Self { tokens: BURST, interval: FIRST_INTERVAL, earning_since: None, paid: None }
    }

    /// Whether a request of this subscriber counts.
    pub(crate) fn request(&mut self, now: Instant) -> bool {
        if self.paid.is_some_and(|paid| now.saturating_duration_since(paid) < SAME_WISH) {
            return true;
        }
        self.earn(now);
        if self.tokens == 0 {
            return false;
        }
        if self.tokens == BURST {
            self.earning_since = Some(now);
        }
        self.tokens -= 1;
        self.paid = Some(now);
        if self.tokens == 0 {
            // Empty: who goes on asking waits longer for each of the next.
            self.interval = (self.interval * 2).min(LONGEST_INTERVAL);
        }
        true
    }

    fn earn(&mut self, now: Instant) {
        let Some(since) = self.earning_since else { return };
        let elapsed = now.saturating_duration_since(since);
        let earned = (elapsed.as_nanos() / self.interval.as_nanos()).min(u128::from(BURST)) as u32;
        self.tokens = (self.tokens + earned).min(BURST);
        self.earning_since = Some(since + self.interval * earned);
        if self.tokens == BURST {
            self.interval = FIRST_INTERVAL;
            self.earning_since = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::testing::origin;

    /// When the budget lets through requests that come every `every`, counted from the start, in milliseconds.
    fn paid_at(budget: &mut KeyframeBudget, start: Instant, every: u64, until: u64) -> Vec<u64> {
        let mut paid = Vec::new();
        for millis in (0..until).step_by(every as usize) {
            let before = budget.paid;
            if budget.request(start + Duration::from_millis(millis)) && budget.paid != before {
                paid.push(millis);
            }
        }
        paid
    }

    #[test]
    fn a_viewer_who_asks_now_and_then_always_counts() {
        let start = origin();
        let mut budget = KeyframeBudget::new();
        for minute in 0..10 {
            for second in [0, 5, 12] {
                let now = start + Duration::from_secs(minute * 60 + second);
                assert!(budget.request(now), "{minute}:{second}");
            }
        }
    }

    #[test]
    fn repetitions_of_one_wish_cost_nothing() {
        let start = origin();
        let mut budget = KeyframeBudget::new();
        for millis in (0..500).step_by(20) {
            assert!(budget.request(start + Duration::from_millis(millis)));
        }
        assert_eq!(budget.tokens, BURST - 1);
    }

    #[test]
    fn three_wishes_in_a_row_count_and_the_fourth_does_not() {
        let start = origin();
        let mut budget = KeyframeBudget::new();
        let answers: Vec<_> =
            (0..4).map(|n| budget.request(start + Duration::from_millis(500 * n))).collect();
        assert_eq!(answers, [true, true, true, false]);
    }

    #[test]
    fn a_broken_viewer_backs_off_to_one_wish_per_16_s() {
        let start = origin();
        let mut budget = KeyframeBudget::new();
        let paid = paid_at(&mut budget, start, 20, 120_000);
        assert_eq!(paid[..3], [0, 500, 1_000]);
        let gaps: Vec<_> = paid[2..].windows(2).map(|pair| pair[1] - pair[0]).collect();
        // The first token was being earned since the first wish.
        assert!(gaps[0] <= 4_000 && gaps[1] >= 4_000, "{gaps:?}");
        assert!(gaps.windows(2).all(|pair| pair[1] >= pair[0]), "slower and slower: {gaps:?}");
        assert!(gaps[3..].iter().all(|gap| (16_000..16_100).contains(gap)), "{gaps:?}");
        assert!(paid.len() <= 12, "{paid:?}");
    }

    #[test]
    fn a_viewer_who_stops_asking_is_forgiven() {
        let start = origin();
        let mut budget = KeyframeBudget::new();
        paid_at(&mut budget, start, 20, 60_000);
        let later = start + Duration::from_secs(60 + 3 * 16);
        assert_eq!(paid_at(&mut budget, later, 20, 2_000), [0, 500, 1_000]);
        assert_eq!(budget.interval, FIRST_INTERVAL * 2, "from the beginning");
    }

    #[test]
    fn time_that_stands_still_or_runs_back_earns_nothing() {
        let start = origin() + Duration::from_secs(10);
        let mut budget = KeyframeBudget::new();
        for n in 0..3 {
            assert!(budget.request(start + SAME_WISH * n));
        }
        let end = start + SAME_WISH * 3;
        for _ in 0..1_000 {
            assert!(!budget.request(end));
        }
        assert_eq!(budget.tokens, 0);
    }
}
