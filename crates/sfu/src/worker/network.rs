//! The sockets of one shard, each with the batch it sends next.

use std::net::{IpAddr, SocketAddr};

use tsubame_stun::ice::Path;
use tsubame_udp::{SendBatch, Socket};

use crate::metrics::ShardMetrics;
use crate::sink::Sink;

pub(super) struct Network {
    pub(super) sockets: Vec<(Socket, SendBatch)>,
    pub(super) metrics: ShardMetrics,
}

impl Network {
    /// Of so many runs in so many octets per batch.
    pub(super) fn new(sockets: Vec<Socket>, runs: usize, arena: usize) -> Self {
        let batched = |socket| (socket, SendBatch::new(runs, arena));
        Self {
            sockets: sockets.into_iter().map(batched).collect(),
            metrics: ShardMetrics::default(),
        }
    }

    pub(super) fn flush(&mut self) {
        for (socket, batch) in &mut self.sockets {
            if !batch.is_empty() {
                send(socket, batch, &mut self.metrics);
            }
        }
    }

    /// Asks the kernel how many datagrams it dropped on their way in.
    pub(super) fn count_overflows(&mut self) {
        // A kernel that cannot tell leaves it at none.
        let overflows = |(socket, _): &(Socket, SendBatch)| socket.receive_overflows().unwrap_or(0);
        self.metrics.receive_overflows =
            self.sockets.iter().map(|socket| u64::from(overflows(socket))).sum();
    }
}

impl Sink for Network {
    fn datagram(
        &mut self,
        path: &Path,
        max_len: usize,
        write: impl FnOnce(&mut [u8]) -> Option<usize>,
    ) -> bool {
        let Some((socket, batch)) =
            self.sockets.iter_mut().find(|(socket, _)| serves(socket.local_addr(), path.local))
        else {
            return false;
        };
        if batch.reserve(Some(path.local.ip()), path.remote, max_len).is_none() {
            send(socket, batch, &mut self.metrics);
        }
        let Some(slot) = batch.reserve(Some(path.local.ip()), path.remote, max_len) else {
            return false;
        };
        let Some(len) = write(slot) else { return false };
        batch.commit(len);
        true
    }
}

fn send(socket: &Socket, batch: &mut SendBatch, metrics: &mut ShardMetrics) {
    metrics.send_batches.record(batch.len() as u64);
    metrics.sent += socket.send(batch);
}

/// Whether a socket bound to `bound` can send from `local`.
fn serves(bound: SocketAddr, local: SocketAddr) -> bool {
    let same_ip = match (bound.ip(), local.ip()) {
        (IpAddr::V4(bound), IpAddr::V4(local)) => bound.is_unspecified() || bound == local,
        (IpAddr::V6(bound), IpAddr::V6(local)) => bound.is_unspecified() || bound == local,
        _ => false,
    };
    same_ip && bound.port() == local.port()
}
