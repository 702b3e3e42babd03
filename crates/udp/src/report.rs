//! What became of a batch that was sent.

use std::ops::AddAssign;

use crate::gso::MAX_RUN_DATAGRAMS;
use crate::priority::{ByPriority, Priority};

/// What became of a batch, or, added up, of many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SendReport {
    /// Datagrams the kernel took.
    pub datagrams: u64,
    /// Payload bytes the kernel took.
    pub bytes: u64,
    /// Messages those were: `datagrams / runs` is what segmentation offload gained.
    pub runs: u64,
    /// `sendmmsg` calls made.
    pub syscalls: u64,
    /// Runs the kernel refused as a whole, and which went out again datagram by datagram: a path
    /// with a small MTU, or a kernel that cannot do GSO.
    pub split_runs: u64,
    /// How long the runs were.
    pub run_lengths: RunLengths,
    /// Times the socket became full, so that the rest of the batch was kept.
    pub kept: u64,
    /// Datagrams that were not sent.
    pub dropped: Dropped,
    /// Those among them that a full socket cost ([`Dropped::would_block`]), by their priority.
    pub shed: ByPriority,
}

impl SendReport {
    /// What became of a datagram that was not even taken into a batch, because what waits there for a full socket matters more.
    pub fn refused(priority: Priority) -> Self {
        let mut report = Self::default();
        report.shed(priority, 1);
        report
    }

    /// Counts one message of `datagrams` datagrams that the kernel took.
    pub(crate) fn sent(&mut self, datagrams: usize, bytes: usize) {
        self.datagrams += datagrams as u64;
        self.bytes += bytes as u64;
        self.runs += 1;
        self.run_lengths.count(datagrams);
    }

    /// Counts datagrams for which a full socket had no room.
    pub(crate) fn shed(&mut self, priority: Priority, datagrams: usize) {
        self.dropped.count(DropReason::WouldBlock, datagrams);
        self.shed.count(priority, datagrams);
    }
}

impl AddAssign for SendReport {
    fn add_assign(&mut self, other: Self) {
        self.datagrams += other.datagrams;
        self.bytes += other.bytes;
        self.runs += other.runs;
        self.syscalls += other.syscalls;
        self.split_runs += other.split_runs;
        self.run_lengths += other.run_lengths;
        self.kept += other.kept;
        self.dropped += other.dropped;
        self.shed += other.shed;
    }
}

/// A histogram of run lengths, in datagrams, as the kernel got them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunLengths([u64; RunLengths::BUCKETS]);

impl RunLengths {
    const BUCKETS: usize = MAX_RUN_DATAGRAMS.ilog2() as usize + 1;

    /// The buckets: (shortest run in it, longest run in it, how many).
    pub fn buckets(&self) -> impl Iterator<Item = (usize, usize, u64)> {
        self.0.iter().enumerate().map(|(bucket, &runs)| {
            let shortest = 1 << bucket;
            (shortest, (2 * shortest - 1).min(MAX_RUN_DATAGRAMS), runs)
        })
    }

    /// The buckets' counts, in their order, for whoever keeps them elsewhere.
    pub fn counts_mut(&mut self) -> &mut [u64] {
        &mut self.0
    }

    fn count(&mut self, datagrams: usize) {
        let bucket = datagrams.clamp(1, MAX_RUN_DATAGRAMS).ilog2() as usize;
        self.0[bucket] += 1;
    }
}

impl AddAssign for RunLengths {
    fn add_assign(&mut self, other: Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }
}

/// Why a datagram was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DropReason {
    /// The socket's send buffer was full (EAGAIN), for longer than the datagram was kept.
    WouldBlock,
    /// The kernel was short of memory or the device's queue was full (ENOBUFS, ENOMEM).
    NoBuffers,
    /// Larger than a datagram, or than the path where fragmenting is off (EMSGSIZE).
    TooBig,
    /// No route, or a network or interface that is down (ENETUNREACH and its like).
    Unreachable,
    /// Nobody listens there (ECONNREFUSED).
    Refused,
    /// A firewall of this host said no (EPERM, EACCES).
    NotPermitted,
    /// An address that cannot be sent to or from (EINVAL, EAFNOSUPPORT, EADDRNOTAVAIL).
    Invalid,
    /// Any other error.
    Other,
}

/// Datagrams that were not sent, by [`DropReason`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// [`DropReason::WouldBlock`].
    pub would_block: u64,
    /// [`DropReason::NoBuffers`].
    pub no_buffers: u64,
    /// [`DropReason::TooBig`].
    pub too_big: u64,
    /// [`DropReason::Unreachable`].
    pub unreachable: u64,
    /// [`DropReason::Refused`].
    pub refused: u64,
    /// [`DropReason::NotPermitted`].
    pub not_permitted: u64,
    /// [`DropReason::Invalid`].
    pub invalid: u64,
    /// [`DropReason::Other`].
    pub other: u64,
}

impl Dropped {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.reasons().iter().map(|(_, datagrams)| datagrams).sum()
    }

    /// Each reason with its count.
    pub fn reasons(&self) -> [(DropReason, u64); 8] {
        [
            (DropReason::WouldBlock, self.would_block),
            (DropReason::NoBuffers, self.no_buffers),
            (DropReason::TooBig, self.too_big),
            (DropReason::Unreachable, self.unreachable),
            (DropReason::Refused, self.refused),
            (DropReason::NotPermitted, self.not_permitted),
            (DropReason::Invalid, self.invalid),
            (DropReason::Other, self.other),
        ]
    }

    pub(crate) fn count(&mut self, reason: DropReason, datagrams: usize) {
        *self.slot(reason) += datagrams as u64;
    }

    fn slot(&mut self, reason: DropReason) -> &mut u64 {
        match reason {
            DropReason::WouldBlock => &mut self.would_block,
            DropReason::NoBuffers => &mut self.no_buffers,
            DropReason::TooBig => &mut self.too_big,
            DropReason::Unreachable => &mut self.unreachable,
            DropReason::Refused => &mut self.refused,
            DropReason::NotPermitted => &mut self.not_permitted,
            DropReason::Invalid => &mut self.invalid,
            DropReason::Other => &mut self.other,
        }
    }
}

impl AddAssign for Dropped {
    fn add_assign(&mut self, other: Self) {
        for (reason, datagrams) in other.reasons() {
            *self.slot(reason) += datagrams;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_lengths_fall_into_their_buckets() {
        for length in 1..=MAX_RUN_DATAGRAMS {
            let mut lengths = RunLengths::default();
            lengths.count(length);
            for (shortest, longest, runs) in lengths.buckets() {
                let inside = (shortest..=longest).contains(&length);
                assert_eq!(runs, u64::from(inside), "{length} in {shortest}..={longest}");
            }
        }
        assert_eq!(RunLengths::default().buckets().last(), Some((64, 64, 0)));
    }

    #[test]
    fn reports_add_up() {
        let mut report = SendReport { syscalls: 1, split_runs: 2, ..Default::default() };
        report.sent(4, 4000);
        for (reason, _) in Dropped::default().reasons() {
            report.dropped.count(reason, 3);
        }
        report.kept = 1;
        for priority in [Priority::Low, Priority::Normal, Priority::High] {
            report.shed(priority, 1);
        }
        let mut sum = report;
        sum += report;
        assert_eq!((sum.kept, sum.shed), (2, ByPriority { low: 2, normal: 2, high: 2 }));
        assert_eq!((sum.dropped.would_block, sum.shed.total()), (12, 6));
        assert_eq!((sum.datagrams, sum.bytes, sum.runs), (8, 8000, 2));
        assert_eq!((sum.syscalls, sum.split_runs), (2, 4));
        assert_eq!(sum.dropped.total(), 48 + 6);
        assert!(sum.dropped.reasons()[1..].iter().all(|&(_, datagrams)| datagrams == 6));
        assert_eq!(sum.run_lengths.buckets().map(|(_, _, runs)| runs).sum::<u64>(), 2);
    }
}
