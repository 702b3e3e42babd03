//! The sockets of one shard, each with the batch it sends next.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use tsubame_stun::ice::Path;
use tsubame_udp::{Priority, SendBatch, SendReport, Socket};

use crate::limits;
use crate::metrics::ShardMetrics;
use crate::sink::Sink;

pub(super) struct Network {
    outlets: Vec<Outlet>,
    pub(super) metrics: ShardMetrics,
    /// Of this turn.
    pub(super) now: Instant,
}

/// One socket.
struct Outlet {
    socket: Socket,
    batch: SendBatch,
    fullness: Fullness,
    /// The turn in which it was found to be full, if it was at the latest attempt.
    full_at: Option<Instant>,
    /// Whether the poll was asked to tell when it is writable.
    is_watched: bool,
}

impl Network {
    /// Of so many runs in so many octets per batch.
    pub(super) fn new(sockets: Vec<Socket>, runs: usize, arena: usize, now: Instant) -> Self {
        let outlet = |socket| {
            let batch = SendBatch::new(runs, arena);
            Outlet {
                socket,
                batch,
                fullness: Fullness::default(),
                full_at: None,
                is_watched: false,
            }
        };
        let outlets = sockets.into_iter().map(outlet).collect();
        Self { outlets, metrics: ShardMetrics::default(), now }
    }

    pub(super) fn socket(&self, index: usize) -> &Socket {
        &self.outlets[index].socket
    }

    pub(super) fn flush(&mut self) {
        for outlet in &mut self.outlets {
            if !outlet.batch.is_empty() {
                outlet.send(self.now, &mut self.metrics);
            }
        }
    }

    /// The sockets for which it changed whether somebody waits for them to be writable, and whether so.
    pub(super) fn changes(&mut self) -> impl Iterator<Item = (usize, &Socket, bool)> {
        self.outlets.iter_mut().enumerate().filter_map(|(index, outlet)| {
            let waits = outlet.fullness.since.is_some();
            let changed = std::mem::replace(&mut outlet.is_watched, waits) != waits;
            changed.then_some((index, &outlet.socket, waits))
        })
    }

    /// When video that waits will have waited for too long.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.outlets.iter().filter_map(|outlet| outlet.fullness.poll_timeout()).min()
    }

    pub(super) fn sockets(&self) -> impl Iterator<Item = &Socket> {
        self.outlets.iter().map(|outlet| &outlet.socket)
    }
}

impl Outlet {
    fn send(&mut self, now: Instant, metrics: &mut ShardMetrics) {
        let report = self.socket.send_or_keep(&mut self.batch);
        if report.datagrams > 0 {
            metrics.send_batches.record(report.datagrams);
        }
        metrics.sent += report;
        self.full_at = self.batch.is_waiting().then_some(now);
        if self.fullness.is_too_long(now, self.batch.is_waiting()) {
            // What has waited for so long is of no use to anybody, and what came after it cannot be shown without it.
            metrics.sent += self.batch.drop_waiting(Priority::Low);
            self.fullness.begin_anew(now, self.batch.is_waiting());
        }
    }
}

/// Since when a socket has been full. What it has no room for waits in its batch.
#[derive(Debug, Default)]
struct Fullness {
    since: Option<Instant>,
}

impl Fullness {
    /// Notes whether the socket is full, and says whether it has been for as long as video may wait.
    fn is_too_long(&mut self, now: Instant, is_full: bool) -> bool {
        match self.since {
            Some(since) if is_full => now >= since + limits::WAITING_VIDEO,
            _ => {
                self.begin_anew(now, is_full);
                false
            }
        }
    }

    fn begin_anew(&mut self, now: Instant, is_full: bool) {
        self.since = is_full.then_some(now);
    }

    /// When video that waits will have waited for too long.
    fn poll_timeout(&self) -> Option<Instant> {
        self.since.map(|since| since + limits::WAITING_VIDEO)
    }
}

impl Sink for Network {
    fn datagram(
        &mut self,
        path: &Path,
        priority: Priority,
        max_len: usize,
        write: impl FnOnce(&mut [u8]) -> Option<usize>,
    ) -> bool {
        let Self { outlets, metrics, now } = self;
        let serving =
            outlets.iter_mut().find(|outlet| serves(outlet.socket.local_addr(), path.local));
        let Some(outlet) = serving else { return false };
        let source = Some(path.local.ip());
        if outlet.batch.reserve(source, path.remote, max_len).is_none() {
            // A socket that was full in this turn is so still.
            if outlet.full_at != Some(*now) {
                outlet.send(*now, metrics);
            }
            if outlet.batch.is_waiting()
                && outlet.batch.reserve(source, path.remote, max_len).is_none()
            {
                metrics.sent += outlet.batch.make_room(priority);
            }
        }
        let Some(slot) = outlet.batch.reserve(source, path.remote, max_len) else {
            // Everything that waits matters more.
            metrics.sent += SendReport::refused(priority);
            return false;
        };
        let Some(len) = write(slot) else { return false };
        outlet.batch.commit_as(priority, len);
        true
    }
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_socket_is_full_for_too_long_when_it_has_been_all_the_time() {
        #[expect(clippy::disallowed_methods, reason = "a test needs some instant to count from")]
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut fullness = Fullness::default();
        assert!(!fullness.is_too_long(at(0), false));
        assert_eq!(fullness.poll_timeout(), None);
        // It comes and goes.
        for ms in (1..500).step_by(99) {
            assert!(!fullness.is_too_long(at(ms), true));
            assert!(!fullness.is_too_long(at(ms + 98), true));
            assert!(!fullness.is_too_long(at(ms + 98), false));
        }
        assert!(!fullness.is_too_long(at(1_000), true));
        assert_eq!(fullness.poll_timeout(), Some(at(1_100)));
        assert!(!fullness.is_too_long(at(1_099), true));
        assert!(fullness.is_too_long(at(1_100), true));
        fullness.begin_anew(at(1_100), true);
        assert!(!fullness.is_too_long(at(1_199), true));
        assert!(fullness.is_too_long(at(1_200), true));
        fullness.begin_anew(at(1_200), false);
        assert_eq!(fullness.poll_timeout(), None);
    }
}
