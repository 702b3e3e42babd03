//! The batch to send: one arena, and the runs its datagrams form.

use std::net::{IpAddr, SocketAddr};

use crate::address::canonical;
use crate::priority::Priority;
use crate::run::Run;
use crate::sendmmsg::Messages;
use crate::waiting::MAX_WAITING_RUNS;

/// Datagrams to be sent together, written in place and sent in order by
/// [`Socket::send`](crate::Socket::send).
///
/// [`reserve`](Self::reserve) gives a slot, [`commit`](Self::commit) makes a datagram of it.
/// Consecutive datagrams of equal size from one source to one destination (the last may be
/// shorter) become one run, which costs the kernel little more than one datagram: so write
/// destination by destination. Datagrams are never reordered.
///
/// All of its memory is allocated by [`new`](Self::new), but for the list of runs that wait while
/// the socket is full ([`Socket::send_or_keep`](crate::Socket::send_or_keep)).
pub struct SendBatch {
    pub(crate) arena: Box<[u8]>,
    pub(crate) used: usize,
    pub(crate) runs: Vec<Run>,
    max_runs: usize,
    pub(crate) datagrams: usize,
    /// The socket was full, and what is here waits for it.
    pub(crate) waiting: bool,
    pub(crate) reserved: Option<Reservation>,
    messages: Messages,
}

pub(crate) struct Reservation {
    source: Option<IpAddr>,
    destination: SocketAddr,
    len: usize,
}

impl SendBatch {
    /// A batch of up to `messages` runs (more than 64 gain nothing) in `arena` bytes. An arena that
    /// stays in the processor's second-level cache is best: 32 destinations x 8 packets x 1,216
    /// bytes are 311,296.
    pub fn new(messages: usize, arena: usize) -> Self {
        let max_runs = messages.max(1);
        Self {
            arena: vec![0; arena].into_boxed_slice(),
            used: 0,
            // One more than promised: whether a datagram joins the last run is known only when
            // its length is.
            runs: Vec::with_capacity(max_runs + 1),
            max_runs,
            datagrams: 0,
            waiting: false,
            reserved: None,
            messages: Messages::new(max_runs + 1),
        }
    }

    /// A slot of `max_len` bytes for a datagram to `destination`, holding stale bytes.
    ///
    /// The datagram leaves from the host's address `source` where the socket is bound to the
    /// wildcard address; a socket bound to one address always sends from that.
    ///
    /// `None`: the batch is full, send it first. (An empty batch refuses only what is larger than
    /// its arena.) A slot that was not committed is given back by the next `reserve`.
    pub fn reserve(
        &mut self,
        source: Option<IpAddr>,
        destination: SocketAddr,
        max_len: usize,
    ) -> Option<&mut [u8]> {
        self.reserved = None;
        let destination = canonical(destination);
        let source = source.map(|ip| ip.to_canonical()).filter(|ip| !ip.is_unspecified());
        if !self.has_room_for_run(source, destination) {
            return None;
        }
        let slot = self.arena.get_mut(self.used..)?.get_mut(..max_len)?;
        self.reserved = Some(Reservation { source, destination, len: max_len });
        Some(slot)
    }

    /// Makes the first `len` bytes of the slot reserved last a datagram of [`Priority::Normal`].
    ///
    /// # Panics
    /// When no slot is reserved, or `len` is more than was reserved.
    pub fn commit(&mut self, len: usize) {
        self.commit_as(Priority::Normal, len);
    }

    /// The same for a datagram of some priority. Those of different priority do not form a run.
    ///
    /// # Panics
    /// As [`commit`](Self::commit).
    pub fn commit_as(&mut self, priority: Priority, len: usize) {
        let Some(Reservation { source, destination, len: reserved }) = self.reserved.take() else {
            panic!("commit without reserve");
        };
        assert!(len <= reserved, "committed {len} bytes of {reserved}");
        let last = self.runs.last_mut();
        let joined = last.is_some_and(|run| run.join(source, destination, priority, len));
        if !joined {
            self.runs.push(Run::new(source, destination, priority, self.used, len));
        }
        self.used += len;
        self.datagrams += 1;
    }

    /// Datagrams committed.
    pub fn len(&self) -> usize {
        self.datagrams
    }

    /// Whether no datagram is committed.
    pub fn is_empty(&self) -> bool {
        self.datagrams == 0
    }

    /// Runs the datagrams form so far.
    pub fn runs(&self) -> usize {
        self.runs.len()
    }

    /// Throws away what was committed.
    pub fn clear(&mut self) {
        self.used = 0;
        self.runs.clear();
        self.datagrams = 0;
        self.waiting = false;
        self.reserved = None;
    }

    fn has_room_for_run(&self, source: Option<IpAddr>, destination: SocketAddr) -> bool {
        let max_runs =
            if self.waiting { MAX_WAITING_RUNS.max(self.max_runs) } else { self.max_runs };
        match self.runs.last() {
            Some(last) if self.runs.len() == max_runs => last.is_open_for(source, destination),
            _ => self.runs.len() < max_runs,
        }
    }

    /// What flushing works on.
    pub(crate) fn parts(&mut self) -> (&mut [u8], &[Run], &mut Messages) {
        (&mut self.arena, &self.runs, &mut self.messages)
    }
}

impl std::fmt::Debug for SendBatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SendBatch")
            .field("datagrams", &self.datagrams)
            .field("runs", &self.runs.len())
            .field("max_runs", &self.max_runs)
            .field("bytes", &self.used)
            .field("arena", &self.arena.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    fn put(batch: &mut SendBatch, port: u16, bytes: &[u8]) -> bool {
        let Some(slot) = batch.reserve(None, to(port), bytes.len()) else { return false };
        slot.copy_from_slice(bytes);
        batch.commit(bytes.len());
        true
    }

    #[test]
    fn an_uncommitted_slot_is_given_back() {
        let mut batch = SendBatch::new(4, 100);
        batch.reserve(None, to(1), 100).unwrap().fill(1);
        assert!(batch.is_empty());
        batch.reserve(None, to(2), 100).unwrap()[..3].copy_from_slice(b"abc");
        batch.commit(3);
        assert_eq!((batch.len(), batch.runs()), (1, 1));
        let (arena, runs, _) = batch.parts();
        assert_eq!(runs[0].destination, to(2));
        assert_eq!(&arena[runs[0].range(0, 1)], b"abc");
    }

    #[test]
    fn a_refused_reserve_gives_back_too() {
        let mut batch = SendBatch::new(4, 10);
        batch.reserve(None, to(1), 10).unwrap();
        assert!(batch.reserve(None, to(1), 11).is_none());
        assert!(std::panic::catch_unwind(move || batch.commit(1)).is_err());
    }

    #[test]
    fn commits_less_than_reserved_lie_close() {
        let mut batch = SendBatch::new(4, 10);
        for _ in 0..5 {
            batch.reserve(None, to(1), 2).unwrap();
            batch.commit(1);
        }
        assert_eq!((batch.len(), batch.runs()), (5, 1));
        assert!(batch.reserve(None, to(1), 6).is_none());
        assert!(batch.reserve(None, to(1), 5).is_some());
    }

    #[test]
    fn full_arena() {
        let mut batch = SendBatch::new(4, 10);
        assert!(put(&mut batch, 1, b"123456"));
        assert!(!put(&mut batch, 1, b"12345"));
        assert!(put(&mut batch, 1, b"1234"));
        assert!(!put(&mut batch, 1, b"1"));
        batch.clear();
        assert!(put(&mut batch, 1, b"1234567890"));
    }

    #[test]
    fn full_runs_still_take_what_may_join_the_last() {
        let mut batch = SendBatch::new(2, 1000);
        assert!(put(&mut batch, 1, b"abcd"));
        assert!(put(&mut batch, 2, b"abcd"));
        assert!(!put(&mut batch, 1, b"abcd"), "a third run");
        assert!(put(&mut batch, 2, b"efgh"));
        assert!(put(&mut batch, 2, b"longer"), "may have joined; becomes the run of reserve");
        assert_eq!(batch.runs(), 3);
        assert!(!put(&mut batch, 2, b"longer"), "now it is full");
        assert_eq!(batch.len(), 4);
    }

    #[test]
    fn mapped_and_unspecified_addresses_are_made_plain() {
        let mut batch = SendBatch::new(2, 1000);
        let mapped = "[::ffff:192.0.2.1]:1".parse().unwrap();
        batch.reserve(Some("0.0.0.0".parse().unwrap()), mapped, 4).unwrap();
        batch.commit(4);
        assert!(put(&mut batch, 1, b"abcd"));
        assert_eq!(batch.runs(), 1);
    }

    #[test]
    #[should_panic(expected = "committed 5 bytes of 4")]
    fn committing_more_than_reserved_is_a_bug() {
        let mut batch = SendBatch::new(2, 1000);
        batch.reserve(None, to(1), 4).unwrap();
        batch.commit(5);
    }
}
