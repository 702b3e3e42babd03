//! How much of one thing is done before the next has its turn.

use std::time::{Duration, Instant};

/// A bound in number and in time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    pub(super) most: usize,
    pub(super) time: Duration,
}

impl Budget {
    /// Does `work` until it says that there is none left, or the budget is used up. What was begun is finished: it takes longer than `time` by
    /// one piece of work at most.
    pub(super) fn spend(self, mut clock: impl FnMut() -> Instant, mut work: impl FnMut() -> bool) {
        let end = clock() + self.time;
        for _ in 0..self.most {
            if !work() || clock() >= end {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// How many of `there` pieces of work, each of which takes so long, are done on a budget of eight and ten milliseconds.
    fn done(there: usize, each: Duration) -> usize {
        #[expect(clippy::disallowed_methods, reason = "a test needs some instant to count from")]
        let now = Cell::new(Instant::now());
        let mut done = 0;
        Budget { most: 8, time: 10 * MS }.spend(
            || now.get(),
            || {
                if done == there {
                    return false;
                }
                done += 1;
                now.set(now.get() + each);
                true
            },
        );
        done
    }

    #[test]
    fn as_much_is_done_as_the_budget_allows_and_no_more() {
        for (there, each, expected) in [
            (0, MS, 0),
            (7, MS, 7),
            (8, MS, 8),
            (9, MS, 8),
            // Ten milliseconds are over after three of four each.
            (8, 4 * MS, 3),
            (8, 5 * MS, 2),
            (8, 100 * MS, 1),
        ] {
            assert_eq!(done(there, each), expected, "{there} of {each:?}");
        }
    }
}
