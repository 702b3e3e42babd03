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
    inlets: Vec<Inlet>,
    pace: Pace,
}

/// One socket.
#[derive(Debug)]
struct Inlet {
    socket: Socket,
    /// It said that there is something, or there was more than one look took.
    is_readable: bool,
    /// The poll tells when there is something.
    is_watched: bool,
}

impl Feedback {
    pub(super) fn new(sockets: impl Iterator<Item = Socket>) -> Self {
        let inlet = |socket| Inlet { socket, is_readable: false, is_watched: false };
        Self { inlets: sockets.map(inlet).collect(), pace: Pace::default() }
    }

    /// How many sockets there are.
    pub(super) fn count(&self) -> usize {
        self.inlets.len()
    }

    pub(super) fn sockets(&self) -> impl Iterator<Item = &Socket> {
        self.inlets.iter().map(|inlet| &inlet.socket)
    }

    /// The poll says that one of the sockets is readable, if the token is one of theirs.
    pub(super) fn told(&mut self, token: Token) {
        let index = token.0.checked_sub(FIRST_TOKEN);
        if let Some(inlet) = index.and_then(|index| self.inlets.get_mut(index)) {
            inlet.is_readable = true;
        }
    }

    /// Whether there is something that does not wait for the clock.
    pub(super) fn is_readable(&self) -> bool {
        self.inlets.iter().any(|inlet| inlet.is_readable)
    }

    /// Whether to look at the sockets now.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.is_readable() || self.pace.next().is_some_and(|next| next <= now)
    }

    /// The socket of that number, if there may be something in it.
    pub(super) fn to_be_read(&self, index: usize) -> Option<&Socket> {
        let inlet = self.inlets.get(index)?;
        (inlet.is_readable || !inlet.is_watched).then_some(&inlet.socket)
    }

    /// A socket was read, and may hold more or not.
    pub(super) fn was_read(&mut self, index: usize, has_more: bool) {
        if let Some(inlet) = self.inlets.get_mut(index) {
            inlet.is_readable = has_more;
        }
    }

    /// The sockets were looked at, and there were so many datagrams.
    pub(super) fn looked(&mut self, now: Instant, datagrams: usize) {
        self.pace.looked(now, datagrams);
    }

    pub(super) fn pace(&self) -> &Pace {
        &self.pace
    }

    /// Has the poll watch the sockets, or not while they are looked at by the clock: each datagram would end the wait. One that cannot be watched is
    /// looked at by the clock.
    pub(super) fn watch(&mut self, now: Instant, registry: &Registry) {
        let wanted = self.pace.next().is_none();
        for (index, inlet) in self.inlets.iter_mut().enumerate() {
            if inlet.is_watched == wanted {
                continue;
            }
            let fd = inlet.socket.as_raw_fd();
            let mut source = SourceFd(&fd);
            let changed = if wanted {
                // Tells at once of what is there already.
                registry.register(&mut source, Token(FIRST_TOKEN + index), Interest::READABLE)
            } else {
                registry.deregister(&mut source)
            };
            match changed {
                Ok(()) => inlet.is_watched = wanted,
                Err(error) => {
                    tracing::warn!(%error, wanted, "watching a socket for feedback failed");
                    self.pace.go_by_the_clock(now);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mio::{Events, Poll};
    use tsubame_udp::{BindOptions, SendBatch};

    use super::*;

    #[expect(clippy::disallowed_methods, reason = "a test needs some instant to count from")]
    fn now() -> Instant {
        Instant::now()
    }

    fn bind() -> Socket {
        Socket::bind(([127, 0, 0, 1], 0).into(), &BindOptions::default()).unwrap()
    }

    fn send(from: &Socket, to: &Socket) {
        let mut batch = SendBatch::new(1, 10);
        batch.reserve(None, to.local_addr(), 1).unwrap()[0] = 1;
        batch.commit(1);
        assert_eq!(from.send(&mut batch).datagrams, 1);
    }

    /// What the poll says within a moment.
    fn ask(poll: &mut Poll, feedback: &mut Feedback) {
        let mut events = Events::with_capacity(8);
        poll.poll(&mut events, Some(Duration::ZERO)).unwrap();
        events.iter().for_each(|event| feedback.told(event.token()));
    }

    #[test]
    fn what_one_socket_has_left_is_not_forgotten_over_another_that_is_empty() {
        let mut feedback = Feedback::new([bind(), bind()].into_iter());
        let mut poll = Poll::new().unwrap();
        feedback.watch(now(), poll.registry());
        assert!(!feedback.is_due(now()));
        let sender = bind();
        send(&sender, &feedback.inlets[0].socket);
        ask(&mut poll, &mut feedback);
        assert!(feedback.is_due(now()));
        assert!(feedback.to_be_read(0).is_some());
        assert!(feedback.to_be_read(1).is_none(), "nothing came there");
        feedback.was_read(0, true);
        feedback.looked(now(), 64);
        assert!(feedback.is_readable() && feedback.is_due(now()));
        feedback.was_read(0, false);
        assert!(!feedback.is_readable());
        assert!(feedback.to_be_read(2).is_none());
    }

    #[test]
    fn by_the_clock_the_poll_says_nothing_and_afterwards_what_came_meanwhile() {
        let mut feedback = Feedback::new([bind(), bind()].into_iter());
        let mut poll = Poll::new().unwrap();
        feedback.watch(now(), poll.registry());
        feedback.pace.go_by_the_clock(now());
        feedback.watch(now(), poll.registry());
        let sender = bind();
        send(&sender, &feedback.inlets[1].socket);
        ask(&mut poll, &mut feedback);
        assert!(!feedback.is_readable());
        assert!(feedback.to_be_read(0).is_some() && feedback.to_be_read(1).is_some());
        // A look that finds nothing ends it.
        feedback.looked(now(), 0);
        assert_eq!(feedback.pace().next(), None);
        feedback.watch(now(), poll.registry());
        ask(&mut poll, &mut feedback);
        assert!(feedback.is_readable());
        assert!(feedback.to_be_read(0).is_none() && feedback.to_be_read(1).is_some());
    }
}
