//! What the shards tell of themselves: plain numbers that a shard's thread counts for itself and publishes once per turn.

mod histogram;
mod published;

use tsubame_udp::{ByPriority, Dropped, ReceiveCounters, SendReport};

use crate::counters::Counters;
pub use histogram::Histogram;
pub(crate) use published::Published;

/// Turns of a shard's loop fall into buckets up to 2^19 µs (half a second).
const TURN_BUCKETS: usize = 21;
/// Batches of datagrams into buckets up to 4,096.
const BATCH_BUCKETS: usize = 14;

/// What one shard did since its start, and what it holds now. Docs: docs/metrics.md.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShardMetrics {
    /// What became of what came in, and what was done about it.
    pub counters: Counters,
    /// What became of what was sent.
    pub sent: SendReport,
    /// What the sockets gave.
    pub received: ReceiveCounters,
    /// Datagrams that the kernel dropped because a socket's receive buffer was full, as of about a second ago.
    pub receive_overflows: u64,
    /// Datagrams per send batch.
    pub send_batches: Histogram<BATCH_BUCKETS>,
    /// Datagrams per receive batch.
    pub receive_batches: Histogram<BATCH_BUCKETS>,
    /// How long the loop's turns took, in microseconds, each rounded up.
    pub turns: Histogram<TURN_BUCKETS>,
    /// Nanoseconds the shard was at work.
    pub busy: u64,
    /// Nanoseconds the shard waited for something to do.
    pub idle: u64,
    /// What the shard holds.
    pub population: Population,
}

/// What a shard holds at the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Population {
    /// Clients that were let in and have not left.
    pub connections: u64,
    /// Channels with somebody in them.
    pub channels: u64,
    /// Tracks that are published.
    pub publications: u64,
    /// Copies of tracks that are published on other shards.
    pub replicas: u64,
    /// Tracks times those who are subscribed to them.
    pub subscriptions: u64,
}

impl ShardMetrics {
    /// Visits every number, always in the same order. Everything is taken apart by name, so that nothing new can be forgotten here.
    fn each(&mut self, visit: &mut impl FnMut(&mut u64)) {
        let Self {
            counters,
            sent,
            received,
            receive_overflows,
            send_batches,
            receive_batches,
            turns,
            busy,
            idle,
            population,
        } = self;
        counters.each(visit);
        each_of_sent(sent, visit);
        let ReceiveCounters {
            syscalls,
            messages,
            datagrams,
            bytes,
            oversized,
            truncated,
            empty,
            no_source_port,
            socket_errors,
        } = received;
        for value in [syscalls, messages, datagrams, bytes, oversized, truncated, empty] {
            visit(value);
        }
        for value in [no_source_port, socket_errors, receive_overflows, busy, idle] {
            visit(value);
        }
        send_batches.each(visit);
        receive_batches.each(visit);
        turns.each(visit);
        let Population { connections, channels, publications, replicas, subscriptions } =
            population;
        for value in [connections, channels, publications, replicas, subscriptions] {
            visit(value);
        }
    }
}

fn each_of_sent(sent: &mut SendReport, visit: &mut impl FnMut(&mut u64)) {
    let SendReport {
        datagrams,
        bytes,
        runs,
        syscalls,
        split_runs,
        run_lengths,
        kept,
        dropped,
        shed,
    } = sent;
    for value in [datagrams, bytes, runs, syscalls, split_runs, kept] {
        visit(value);
    }
    run_lengths.counts_mut().iter_mut().for_each(&mut *visit);
    let Dropped {
        would_block,
        no_buffers,
        too_big,
        unreachable,
        refused,
        not_permitted,
        invalid,
        other,
    } = dropped;
    for value in [would_block, no_buffers, too_big, unreachable] {
        visit(value);
    }
    let ByPriority { low, normal, high } = shed;
    for value in [low, normal, high] {
        visit(value);
    }
    for value in [refused, not_permitted, invalid, other] {
        visit(value);
    }
}
