//! From a shard's thread to whoever asks, without a lock: one writer, relaxed stores, once per turn.

use std::sync::atomic::{AtomicU64, Ordering};

use super::ShardMetrics;

/// The numbers as of some turn. Each is right; two of them may be a turn apart.
#[derive(Debug)]
pub(crate) struct Published {
    values: Box<[AtomicU64]>,
}

impl Published {
    pub(crate) fn new() -> Self {
        let mut values = Vec::new();
        ShardMetrics::default().each(&mut |value| values.push(AtomicU64::new(*value)));
        Self { values: values.into_boxed_slice() }
    }

    pub(crate) fn publish(&self, metrics: &mut ShardMetrics) {
        let mut values = self.values.iter();
        metrics.each(&mut |value| {
            if let Some(place) = values.next() {
                place.store(*value, Ordering::Relaxed);
            }
        });
    }

    pub(crate) fn read(&self) -> ShardMetrics {
        let mut metrics = ShardMetrics::default();
        let mut values = self.values.iter();
        metrics.each(&mut |value| {
            if let Some(place) = values.next() {
                *value = place.load(Ordering::Relaxed);
            }
        });
        metrics
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_arrives_in_its_own_place() {
        let published = Published::new();
        let mut metrics = ShardMetrics::default();
        let mut next = 0;
        metrics.each(&mut |value| {
            next += 1;
            *value = next;
        });
        // As many numbers as the structure is wide: none is left out, none visited twice.
        assert_eq!(size_of::<ShardMetrics>() as u64, next * 8);
        published.publish(&mut metrics);
        assert_eq!(published.read(), metrics);
    }

    #[test]
    fn publishing_allocates_nothing() {
        let published = Published::new();
        let mut metrics = ShardMetrics::default();
        let counted = allocation_counter::measure(|| published.publish(&mut metrics));
        assert_eq!(counted.count_total, 0);
    }
}
