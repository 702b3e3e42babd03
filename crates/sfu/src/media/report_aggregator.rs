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
        self.scratch.sort_unstable();
        // The lower of the two in the middle: half of the viewers are not the majority.
        let middle = self.scratch.len().saturating_sub(1) / 2;
        self.scratch.get(middle).map_or(own, |median| own.max(*median))
    }
}
