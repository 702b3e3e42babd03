//! What the SFU reports to a publisher of the losses of its subscribers (docs/architecture.md, "Receiver reports").

use std::time::{Duration, Instant};

/// A report older than this says nothing about now.
const STALE: Duration = Duration::from_secs(10);

/// The last fraction lost of each subscriber of one track; `K` names a subscriber. As long as the track has subscribers.
#[derive(Debug)]
pub(crate) struct ReportAggregator<K> {
    fractions: Vec<(K, Instant, u8)>,
    scratch: Vec<u8>,
}

impl<K: Copy + PartialEq> ReportAggregator<K> {
    pub(crate) fn new() -> Self {
        Self { fractions: Vec::new(), scratch: Vec::new() }
    }

    /// What one subscriber lost since its last report, in 1/256.
    pub(crate) fn report(&mut self, now: Instant, subscriber: K, fraction_lost: u8) {
        match self.fractions.iter_mut().find(|(key, ..)| *key == subscriber) {
            Some(entry) => *entry = (subscriber, now, fraction_lost),
            None => self.fractions.push((subscriber, now, fraction_lost)),
        }
    }

    /// The subscriber is gone.
    pub(crate) fn forget(&mut self, subscriber: K) {
        self.fractions.retain(|(key, ..)| *key != subscriber);
    }

    /// max(own, median of the subscribers): one bad viewer of five changes nothing, three of five do.
    pub(crate) fn fraction_lost(&mut self, now: Instant, own: u8) -> u8 {
        self.scratch.clear();
        let fresh = self
            .fractions
            .iter()
            .filter(|(_, at, _)| now.saturating_duration_since(*at) <= STALE)
            .map(|(.., fraction)| *fraction);
        self.scratch.extend(fresh);
        if self.scratch.is_empty() {
            return own;
        }
        // The lower of the two in the middle: half of the viewers are not the majority.
        let middle = (self.scratch.len() - 1) / 2;
        let (_, median, _) = self.scratch.select_nth_unstable(middle);
        own.max(*median)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::testing::origin;

    fn aggregate(fractions: &[u8], own: u8) -> u8 {
        let now = origin();
        let mut aggregator = ReportAggregator::new();
        for (subscriber, fraction) in fractions.iter().enumerate() {
            aggregator.report(now, subscriber, *fraction);
        }
        aggregator.fraction_lost(now, own)
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
        assert_eq!(aggregator.fraction_lost(now, 0), 10);
        assert_eq!(aggregator.fractions.len(), 1);
    }

    #[test]
    fn who_is_gone_or_silent_does_not_count() {
        let start = origin();
        let mut aggregator = ReportAggregator::new();
        aggregator.report(start, 'a', 100);
        aggregator.report(start, 'b', 100);
        aggregator.report(start + Duration::from_secs(5), 'c', 20);
        assert_eq!(aggregator.fraction_lost(start + STALE, 0), 100);
        let later = start + STALE + Duration::from_millis(1);
        assert_eq!(aggregator.fraction_lost(later, 0), 20, "a and b said nothing for too long");
        aggregator.forget('c');
        assert_eq!(aggregator.fraction_lost(later, 0), 0);
        aggregator.forget('z');
    }
}
