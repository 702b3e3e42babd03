//! Transactions that counted already.
//!
//! Message integrity says who made a request, not when or where it was sent: who sees a request pass can send it again, from
//! an address of its own, and a nomination in it would take the media there. A peer never sends one transaction by two
//! paths, so the copy is known by its transaction id, as long as the id is remembered.

use std::collections::VecDeque;

use crate::message::TransactionId;

/// Transactions that are remembered: some minutes of a browser's checks.
const REMEMBERED: usize = 64;

/// Whether a transaction is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// It is news.
    Never,
    /// It came by this path before: a retransmission (or a duplicate), which is answered again and counts once.
    Here,
    /// It came by another path before, or by one that is forgotten.
    Elsewhere,
}

/// The last transactions, each with the serial number of its path.
#[derive(Debug, Default)]
pub(super) struct Replays {
    known: VecDeque<(TransactionId, u32)>,
}

impl Replays {
    /// `serial`: of the path the request came by, if that path is known.
    pub(super) fn seen(&self, id: TransactionId, serial: Option<u32>) -> Seen {
        match self.known.iter().find(|(known, _)| *known == id) {
            None => Seen::Never,
            Some((_, known)) if Some(*known) == serial => Seen::Here,
            Some(_) => Seen::Elsewhere,
        }
    }

    /// Remembers a transaction; the oldest is forgotten.
    pub(super) fn note(&mut self, id: TransactionId, serial: u32) {
        if self.known.len() >= REMEMBERED {
            self.known.pop_front();
        }
        self.known.push_back((id, serial));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_64_are_remembered() {
        let id = |number: u8| TransactionId([number; 12]);
        let mut replays = Replays::default();
        for number in 0..65 {
            replays.note(id(number), 1);
        }
        assert_eq!(replays.known.len(), 64);
        assert_eq!(replays.seen(id(0), Some(1)), Seen::Never);
        assert_eq!(replays.seen(id(1), Some(1)), Seen::Here);
        assert_eq!(replays.seen(id(64), Some(2)), Seen::Elsewhere);
        assert_eq!(replays.seen(id(64), None), Seen::Elsewhere);
    }
}
