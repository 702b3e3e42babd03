//! Transactions that were seen already.
//!
//! Message integrity says who made a request, not when it was made or where it was sent from: who sees a request pass can
//! send it again from an address of its own, and a nomination in it would take the media there. A peer never sends one
//! transaction by two paths, so a copy is known by its transaction id for as long as the id is remembered.
//!
//! Which of two is the copy? The later one, if the earlier came by a path that is known by other requests, too. But a copy
//! can be quicker than the request itself, and a translator can forget an address between two transmissions: where the
//! earlier one is all that is known of its path, both are answered; and so are two that come shortly after each other by paths
//! that are both known. A copy, however quick, does not shut the peer out. But what came twice says nothing about where the
//! media belongs: neither path has it to its credit, and it moves the selection only to a path that has more of its own.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::message::TransactionId;

/// Transactions that are remembered: twenty minutes of a browser's checks on one path. Who recorded more of them, and
/// repeats them all in a circle, is believed.
const REMEMBERED: usize = 512;
/// How far apart a request and a copy that was faster can be.
const RACE: Duration = Duration::from_millis(500);

/// What is known of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// It is news.
    Never,
    /// It came by this path before: a retransmission (or a duplicate), which is answered again and counts once.
    Here,
    /// It came by another path before, and which of the two is the copy cannot be told.
    Contested,
    /// It came by another path before: a copy.
    Elsewhere,
}

#[derive(Clone, Copy, Debug)]
struct Transaction {
    id: TransactionId,
    /// Serial number of the path it came by first.
    serial: u32,
    /// When that was, milliseconds after the beginning.
    at: u32,
    /// Whether it came by another path, too.
    contested: bool,
}

/// The last transactions.
#[derive(Debug)]
pub(super) struct Replays {
    beginning: Instant,
    known: VecDeque<Transaction>,
}

impl Replays {
    pub(super) fn new(now: Instant) -> Self {
        Self { beginning: now, known: VecDeque::new() }
    }

    /// `serial`: of the path the request came by, if that path is verified. `is_established`: whether the path of a serial
    /// number still is, and by more than one request.
    pub(super) fn seen(
        &self,
        now: Instant,
        id: TransactionId,
        serial: Option<u32>,
        is_established: impl Fn(u32) -> bool,
    ) -> Seen {
        let mut same = self.known.iter().filter(|known| known.id == id).peekable();
        let Some(first) = same.peek().copied() else { return Seen::Never };
        if same.any(|known| Some(known.serial) == serial) {
            return Seen::Here;
        }
        let apart = Duration::from_millis(self.milliseconds(now).wrapping_sub(first.at).into());
        let is_race = serial.is_some() && apart <= RACE;
        if is_race || !is_established(first.serial) { Seen::Contested } else { Seen::Elsewhere }
    }

    /// Notes that a transaction came by several paths. Gives the serial number of the one that had it to its credit so far.
    pub(super) fn contest(&mut self, id: TransactionId) -> Option<u32> {
        let first = self.known.iter_mut().find(|known| known.id == id)?;
        let had_credit = !std::mem::replace(&mut first.contested, true);
        had_credit.then_some(first.serial)
    }

    /// Remembers a transaction that came by the path of this serial number; the oldest is forgotten.
    pub(super) fn note(&mut self, now: Instant, id: TransactionId, serial: u32) {
        if self.known.len() >= REMEMBERED {
            self.known.pop_front();
        }
        let at = self.milliseconds(now);
        self.known.push_back(Transaction { id, serial, at, contested: false });
    }

    /// Wraps around after 49 days, when nothing of that age is remembered.
    fn milliseconds(&self, now: Instant) -> u32 {
        let elapsed = now.saturating_duration_since(self.beginning).as_millis();
        u32::try_from(elapsed & u128::from(u32::MAX)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beginning() -> (Instant, Replays) {
        #[expect(clippy::disallowed_methods, reason = "an Instant has to come from somewhere")]
        let now = Instant::now();
        (now, Replays::new(now))
    }

    fn id(number: u16) -> TransactionId {
        let mut id = [0; 12];
        id[..2].copy_from_slice(&number.to_be_bytes());
        TransactionId(id)
    }

    #[test]
    fn the_last_512_are_remembered() {
        let (now, mut replays) = beginning();
        for number in 0..513 {
            replays.note(now, id(number), 1);
        }
        assert_eq!(replays.known.len(), 512);
        assert_eq!(replays.seen(now, id(0), Some(1), |_| true), Seen::Never);
        assert_eq!(replays.seen(now, id(1), Some(1), |_| true), Seen::Here);
        assert_eq!(replays.seen(now, id(512), None, |_| true), Seen::Elsewhere);
    }

    #[test]
    fn a_transaction_is_taken_from_the_credit_of_its_path_once() {
        let (now, mut replays) = beginning();
        replays.note(now, id(1), 7);
        assert_eq!(replays.contest(id(1)), Some(7));
        replays.note(now, id(1), 8);
        assert_eq!(replays.contest(id(1)), None);
        assert_eq!(replays.contest(id(2)), None);
    }

    #[test]
    fn who_may_be_second_and_how_late() {
        let (now, mut replays) = beginning();
        replays.note(now, id(1), 1);
        replays.note(now, id(2), 2);
        let is_established = |serial| serial == 2;
        let late = now + RACE + Duration::from_millis(1);
        for (at, number, serial, seen) in [
            // Nothing else is known of path 1.
            (late, 1, None, Seen::Contested),
            (late, 1, Some(2), Seen::Contested),
            // Path 2 is known by others, too.
            (now, 2, None, Seen::Elsewhere),
            (now, 2, Some(1), Seen::Contested),
            (late, 2, Some(1), Seen::Elsewhere),
            (late, 2, Some(2), Seen::Here),
        ] {
            assert_eq!(replays.seen(at, id(number), serial, is_established), seen, "{number}");
        }
    }
}
