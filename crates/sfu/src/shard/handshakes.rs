//! DTLS of clients that are being set up, worked off a few datagrams at a time.
//!
//! A datagram of a handshake may cost a signature, a key exchange and a verification, 100 to 200 µs in all; one of media costs a few. When a crowd
//! joins, its handshakes come in the same batches as everybody's media, and media must not stand behind them. So they wait until what came with
//! them is forwarded, and a few are worked off per turn, in the order of their arrival: [`limits::HANDSHAKES_PER_TURN`], or more where turns take long, so that
//! handshakes get their share of a shard that is full of media, too. The rest is due at once: a shard that has nothing else to do does not sleep over them.

use std::collections::VecDeque;
use std::time::Instant;

use tsubame_stun::ice::Path;

use super::Shard;
use crate::id::ConnectionId;
use crate::keys::PeerKey;
use crate::limits;

/// A datagram that waits.
#[derive(Debug)]
struct Waiting {
    key: PeerKey,
    /// Whose it was when it came: a key is used again.
    id: ConnectionId,
    path: Path,
    /// The shard that handed it over.
    via: Option<usize>,
    datagram: Box<[u8]>,
}

/// Datagrams of handshakes, in the order of their arrival.
#[derive(Debug, Default)]
pub(super) struct Handshakes {
    waiting: VecDeque<Waiting>,
    /// When the first of them came, or the latest were worked off.
    due: Option<Instant>,
}

impl Handshakes {
    /// When the next one wants to be worked off: it is overdue already.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    fn is_full(&self) -> bool {
        self.waiting.len() >= limits::HANDSHAKES_WAITING
    }

    fn push(&mut self, now: Instant, waiting: Waiting) {
        self.due.get_or_insert(now);
        self.waiting.push_back(waiting);
    }

    /// How many of them this turn may work off.
    fn share(&mut self, now: Instant) -> usize {
        let Some(due) = &mut self.due else { return 0 };
        let waited = now.saturating_duration_since(std::mem::replace(due, now));
        let share = waited.as_micros() / limits::HANDSHAKE_INTERVAL.as_micros();
        let share = usize::try_from(share).unwrap_or(usize::MAX);
        share.clamp(limits::HANDSHAKES_PER_TURN, limits::HANDSHAKES_PER_LONG_TURN)
    }

    fn pop(&mut self) -> Option<Waiting> {
        let waiting = self.waiting.pop_front();
        if self.waiting.is_empty() {
            self.due = None;
        }
        waiting
    }
}

impl Shard {
    /// Takes a DTLS datagram: at once where the handshake is done, for then it costs no more than media does, and where this end is the DTLS
    /// client, for then media may be right behind the datagram that makes it readable. Those are few: who may choose becomes the client.
    pub(super) fn handle_dtls(
        &mut self,
        now: Instant,
        key: PeerKey,
        path: Path,
        datagram: &mut [u8],
        via: Option<usize>,
    ) {
        let Some(peer) = self.peers.get_mut(key.0) else { return };
        // One that came earlier may still wait: they stay in order.
        let is_urgent = !peer.transport.is_handshaking() || peer.transport.is_dtls_client();
        if peer.handshakes_waiting == 0 && is_urgent {
            peer.transport.handle_dtls(now, path, datagram);
            return self.read_transport_events(now, key, via);
        }
        // What the transport would not look at need not wait either.
        if !peer.transport.is_verified(&path) {
            return;
        }
        if self.handshakes.is_full() || peer.handshakes_waiting >= limits::HANDSHAKES_PER_CLIENT {
            self.counters.dtls_over_limit += 1;
            return;
        }
        peer.handshakes_waiting += 1;
        let waiting = Waiting { key, id: peer.id, path, via, datagram: (&*datagram).into() };
        self.handshakes.push(now, waiting);
    }

    /// Works off one turn's share.
    pub(super) fn continue_handshakes(&mut self, now: Instant) {
        for _ in 0..self.handshakes.share(now) {
            let Some(Waiting { key, id, path, via, mut datagram }) = self.handshakes.pop() else {
                return;
            };
            let Some(peer) = self.peers.get_mut(key.0).filter(|peer| peer.id == id) else {
                continue;
            };
            peer.handshakes_waiting = peer.handshakes_waiting.saturating_sub(1);
            if peer.closed.is_some() {
                continue;
            }
            self.current = Some(key);
            peer.transport.handle_dtls(now, path, &mut datagram);
            self.read_transport_events(now, key, via);
            self.current = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    #[test]
    fn datagrams_wait_in_order_up_to_the_limit() {
        #[expect(clippy::disallowed_methods, reason = "a test needs some instant to count from")]
        let now = Instant::now();
        let address = SocketAddr::from(([192, 0, 2, 1], 1));
        let waiting = |number: usize| Waiting {
            key: PeerKey(number),
            id: ConnectionId::from_random([1; 16]),
            path: Path::udp(address, address),
            via: None,
            datagram: Box::default(),
        };
        let mut handshakes = Handshakes::default();
        assert_eq!(handshakes.due(), None);
        for number in 0..limits::HANDSHAKES_WAITING {
            assert!(!handshakes.is_full(), "after {number}");
            handshakes.push(now, waiting(number));
        }
        assert!(handshakes.is_full());
        for number in 0..limits::HANDSHAKES_WAITING {
            assert_eq!(handshakes.due(), Some(now), "it does not sleep over what waits");
            assert_eq!(handshakes.pop().map(|waiting| waiting.key), Some(PeerKey(number)));
            assert!(!handshakes.is_full());
        }
        assert_eq!(handshakes.due(), None);
        assert!(handshakes.pop().is_none());
    }

    #[test]
    fn a_long_turn_owes_handshakes_more() {
        #[expect(clippy::disallowed_methods, reason = "a test needs some instant to count from")]
        let start = Instant::now();
        let mut handshakes = Handshakes { due: Some(start), ..Handshakes::default() };
        let mut now = start;
        for (turn, share) in
            [(0, 4), (1_000, 4), (2_400, 4), (5_000, 10), (8_000, 16), (90_000, 16)]
        {
            now += std::time::Duration::from_micros(turn);
            assert_eq!(handshakes.share(now), share, "{turn} us");
        }
        handshakes.due = None;
        assert_eq!(handshakes.share(now), 0);
    }
}
