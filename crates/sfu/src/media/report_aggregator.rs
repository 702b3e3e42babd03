//! What the SFU reports to a publisher of the losses of its subscribers (docs/architecture.md, "Receiver reports").

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A report older than this says nothing about now.
const STALE: Duration = Duration::from_secs(10);

/// The last fraction lost of each subscriber of one track; `K` names a subscriber. As long as the track has subscribers.
///
/// A report costs the logarithm of their number. The median is found when it is asked for, once per report to the publisher, and exactly: a
/// fraction has 256 values, which are counted.
#[derive(Debug)]
pub(crate) struct ReportAggregator<K> {
    fractions: BTreeMap<K, (Instant, u8)>,
}

impl<K: Copy + Ord> ReportAggregator<K> {
    pub(crate) fn new() -> Self {
        Self { fractions: BTreeMap::new() }
    }

    /// What one subscriber lost since its last report, in 1/256.
    pub(crate) fn report(&mut self, now: Instant, subscriber: K, fraction_lost: u8) {
        self.fractions.insert(subscriber, (now, fraction_lost));
    }

    /// The subscriber is gone.
    pub(crate) fn forget(&mut self, subscriber: K) {
        self.fractions.remove(&subscriber);
    }

    /// How many of the subscribers that were heard lately lost how much.
    pub(crate) fn histogram(&self, now: Instant) -> Histogram {
        let mut histogram = Histogram::default();
        for (at, fraction) in self.fractions.values() {
            if is_fresh(now, *at) {
                histogram.add(*fraction, 1);
            }
        }
        histogram
    }
}

/// Whether what was said at `at` says something about now.
fn is_fresh(now: Instant, at: Instant) -> bool {
    now.saturating_duration_since(at) <= STALE
}

/// The same without the fractions that nobody lost: what one shard tells another.
pub(crate) type LossCounts = Box<[(u8, u32)]>;

/// How many subscribers lost which fraction.
#[derive(Clone, Debug)]
pub(crate) struct Histogram {
    counts: [u32; 256],
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: [0; 256] }
    }
}

impl Histogram {
    pub(crate) fn add(&mut self, fraction: u8, subscribers: u32) {
        let count = &mut self.counts[usize::from(fraction)];
        *count = count.saturating_add(subscribers);
    }

    /// Adds what another shard said at `at` of its subscribers, unless that is too long ago.
    pub(crate) fn add_counts(&mut self, now: Instant, at: Instant, counts: &LossCounts) {
        if is_fresh(now, at) {
            for (fraction, subscribers) in counts {
                self.add(*fraction, *subscribers);
            }
        }
    }

    pub(crate) fn counts(&self) -> LossCounts {
        let fractions = (0..=u8::MAX).zip(self.counts);
        fractions.filter(|(_, subscribers)| *subscribers > 0).collect()
    }

    /// max(own, median of the subscribers): one bad viewer of five changes nothing, three of five do.
    pub(crate) fn fraction_lost(&self, own: u8) -> u8 {
        let subscribers: u64 = self.counts.iter().copied().map(u64::from).sum();
        // The lower of the two in the middle: half of the viewers are not the majority.
        let Some(middle) = subscribers.checked_sub(1).map(|last| last / 2) else { return own };
        let mut below = 0;
        let median = (0..=u8::MAX).find(|fraction| {
            below += u64::from(self.counts[usize::from(*fraction)]);
            below > middle
        });
        own.max(median.unwrap_or(own))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::testing::{Random, origin};

    fn aggregate(fractions: &[u8], own: u8) -> u8 {
        let now = origin();
        let mut aggregator = ReportAggregator::new();
        for (subscriber, fraction) in fractions.iter().enumerate() {
            aggregator.report(now, subscriber, *fraction);
        }
        aggregator.histogram(now).fraction_lost(own)
    }

    #[test]
    fn without_subscribers_it_is_our_own() {
        assert_eq!(aggregate(&[], 7), 7);
    }

    #[test]
    fn a_single_subscriber_is_the_majority() {
        assert_eq!(aggregate(&[90], 7), 90);
        assert_eq!(aggregate(&[3], 7), 7, "but never less than our own");
    }

    #[test]
    fn one_bad_viewer_of_five_changes_nothing_and_three_do() {
        assert_eq!(aggregate(&[0, 0, 255, 0, 0], 4), 4);
        assert_eq!(aggregate(&[0, 255, 255, 0, 0], 4), 4);
        assert_eq!(aggregate(&[200, 0, 255, 0, 210], 4), 200);
    }

    #[test]
    fn half_of_the_viewers_are_not_the_majority() {
        assert_eq!(aggregate(&[255, 0], 4), 4);
        assert_eq!(aggregate(&[255, 0, 255, 0], 4), 4);
        assert_eq!(aggregate(&[255, 0, 255, 255], 4), 255);
    }

    #[test]
    fn the_last_report_of_a_subscriber_counts() {
        let now = origin();
        let mut aggregator = ReportAggregator::new();
        for fraction in [255, 255, 10] {
            aggregator.report(now, 'a', fraction);
        }
        assert_eq!(aggregator.histogram(now).fraction_lost(0), 10);
        assert_eq!(aggregator.fractions.len(), 1);
    }

    #[test]
    fn who_is_gone_or_silent_does_not_count() {
        let start = origin();
        let mut aggregator = ReportAggregator::new();
        aggregator.report(start, 'a', 100);
        aggregator.report(start, 'b', 100);
        aggregator.report(start + Duration::from_secs(5), 'c', 20);
        assert_eq!(aggregator.histogram(start + STALE).fraction_lost(0), 100);
        let later = start + STALE + Duration::from_millis(1);
        assert_eq!(
            aggregator.histogram(later).fraction_lost(0),
            20,
            "a and b said nothing for too long"
        );
        aggregator.forget('c');
        assert_eq!(aggregator.histogram(later).fraction_lost(0), 0);
        aggregator.forget('z');
    }

    #[test]
    fn the_median_is_the_one_that_sorting_finds() {
        let mut random = Random::new(3);
        for subscribers in (1..40).chain([3_000]) {
            let mut fractions: Vec<u8> =
                (0..subscribers).map(|_| random.below(256) as u8).collect();
            let found = aggregate(&fractions, 0);
            fractions.sort_unstable();
            assert_eq!(found, fractions[(fractions.len() - 1) / 2]);
        }
    }
}
