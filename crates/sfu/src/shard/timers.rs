//! When each client wants to be looked at next.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

/// A heap of deadlines of clients, or of whatever `K` names. Entries are not taken out when a deadline moves: whoever pops one asks its client
/// whether it is still due. A client has at most one entry that counts, so the heap stays as long as there are clients, plus what was overtaken
/// by an earlier deadline.
#[derive(Debug)]
pub(crate) struct Timers<K> {
    heap: BinaryHeap<Reverse<(Instant, K)>>,
}

impl<K: Copy + Ord> Timers<K> {
    pub(crate) fn new() -> Self {
        Self { heap: BinaryHeap::new() }
    }

    /// Wakes `peer` at `at`, unless `armed`, its present deadline, is earlier already.
    pub(crate) fn arm(&mut self, peer: K, armed: &mut Option<Instant>, at: Instant) {
        if armed.is_some_and(|armed| armed <= at) {
            return;
        }
        *armed = Some(at);
        self.heap.push(Reverse((at, peer)));
    }

    /// A client whose entry fell due, with the time it was armed for.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<(K, Instant)> {
        let Reverse((at, peer)) = *self.heap.peek()?;
        if at > now {
            return None;
        }
        self.heap.pop();
        Some((peer, at))
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::PeerKey;
    use std::time::Duration;

    #[test]
    fn an_earlier_deadline_overtakes_and_a_later_one_waits() {
        #[expect(clippy::disallowed_methods, reason = "a test needs some instant to count from")]
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut timers = Timers::new();
        let mut armed = None;
        timers.arm(PeerKey(1), &mut armed, at(20));
        timers.arm(PeerKey(1), &mut armed, at(30));
        timers.arm(PeerKey(1), &mut armed, at(10));
        assert_eq!(timers.next(), Some(at(10)));
        assert_eq!(timers.pop(at(9)), None);
        assert_eq!(timers.pop(at(10)), Some((PeerKey(1), at(10))));
        assert_eq!(armed, Some(at(10)));
    }
}
