//! How often which size came.

/// Counts values by powers of two: up to 1, up to 2, up to 4, ... and in the last of `N` buckets whatever is larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Histogram<const N: usize> {
    counts: [u64; N],
    sum: u64,
}

impl<const N: usize> Default for Histogram<N> {
    fn default() -> Self {
        Self { counts: [0; N], sum: 0 }
    }
}

impl<const N: usize> Histogram<N> {
    pub(crate) fn record(&mut self, value: u64) {
        let bucket = value.max(1).next_power_of_two().trailing_zeros() as usize;
        if let Some(count) = self.counts.get_mut(bucket.min(N.saturating_sub(1))) {
            *count += 1;
        }
        self.sum = self.sum.wrapping_add(value);
    }

    /// The buckets, smallest first: the largest value that belongs there (`None`: without end), and how many did.
    pub fn buckets(&self) -> impl Iterator<Item = (Option<u64>, u64)> {
        let bound = |bucket| (bucket + 1 < N).then(|| 1_u64 << bucket);
        self.counts.iter().enumerate().map(move |(bucket, count)| (bound(bucket), *count))
    }

    /// How many values there were.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// All values together.
    pub fn sum(&self) -> u64 {
        self.sum
    }

    pub(crate) fn each(&mut self, visit: &mut impl FnMut(&mut u64)) {
        self.counts.iter_mut().for_each(&mut *visit);
        visit(&mut self.sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_falls_into_the_bucket_whose_bound_it_does_not_exceed() {
        for value in [0, 1, 2, 3, 4, 5, 8, 9, u64::MAX / 2] {
            let mut histogram = Histogram::<5>::default();
            histogram.record(value);
            let mut below = 0;
            for (bound, count) in histogram.buckets() {
                let inside = value.max(1) > below && bound.is_none_or(|bound| value <= bound);
                assert_eq!(count, u64::from(inside), "{value} in {bound:?}");
                below = bound.unwrap_or(below);
            }
            assert_eq!((histogram.count(), histogram.sum()), (1, value));
        }
        let bounds =
            Histogram::<5>::default().buckets().map(|(bound, _)| bound).collect::<Vec<_>>();
        assert_eq!(bounds, [Some(1), Some(2), Some(4), Some(8), None]);
    }
}
