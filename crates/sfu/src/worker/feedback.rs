//! The sockets for feedback of one shard, and whether the poll watches them.

use std::os::fd::AsRawFd;
use std::time::Instant;

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use tsubame_udp::Socket;

use super::pace::Pace;

/// Above those of the shard's own sockets, one for each of these.
const FIRST_TOKEN: usize = 1 << 16;

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Feedback {
    sockets: Vec<Socket>,
    pace: Pace,
    /// A socket said that there is something.
    is_told: bool,
    /// The latest look left something behind.
    has_more: bool,
    is_watched: bool,
}

impl Feedback {
    pub(super) fn new(sockets: Vec<Socket>) -> Self {
        let pace = Pace::default();
        Self { sockets, pace, is_told: false, has_more: false, is_watched: false }
    }

    pub(super) fn sockets(&self) -> &[Socket] {
        &self.sockets
    }

    /// The poll says that one of the sockets is readable, if the token is one of theirs.
    pub(super) fn told(&mut self, token: Token) {
        self.is_told |= token.0.checked_sub(FIRST_TOKEN).is_some_and(|at| at < self.sockets.len());
    }

    /// Whether to look at the sockets now.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.has_more || self.pace.is_due(now, self.is_told)
    }

    /// Whether there is something left that does not wait for the clock.
    pub(super) fn has_more(&self) -> bool {
        self.has_more
    }

    /// All sockets were looked at.
    pub(super) fn looked(&mut self, now: Instant, datagrams: usize, has_more: bool) {
        self.pace.looked(now, datagrams);
        self.is_told = false;
        self.has_more = has_more;
    }

    pub(super) fn pace(&self) -> &Pace {
        &self.pace
    }

    /// Has the poll watch the sockets, or not while they are looked at by the clock: each datagram would end the wait.
    pub(super) fn watch(&mut self, registry: &Registry) {
        let wanted = self.pace.next().is_none();
        if wanted == self.is_watched {
            return;
        }
        self.is_watched = wanted;
        for (index, socket) in self.sockets.iter().enumerate() {
            let fd = socket.as_raw_fd();
            let mut source = SourceFd(&fd);
            let changed = if wanted {
                // Tells at once of what is there already.
                registry.register(&mut source, Token(FIRST_TOKEN + index), Interest::READABLE)
            } else {
                registry.deregister(&mut source)
            };
            if let Err(error) = changed {
                tracing::warn!(%error, wanted, "a socket for feedback cannot be watched as it should be");
            }
        }
    }
}
