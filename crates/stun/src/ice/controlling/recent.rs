//! The requests of the peer that counted already: a retransmission or a copy of one is answered, and changes nothing.

use std::collections::VecDeque;

use crate::ice::path::Path;
use crate::message::TransactionId;

/// Requests that are remembered: some minutes of a peer that keeps consent.
const REMEMBERED: usize = 64;

/// The last requests, and the way each came.
#[derive(Debug, Default)]
pub(super) struct Recent {
    known: VecDeque<(TransactionId, Path)>,
}

impl Recent {
    /// Notes a request. True if it is news.
    pub(super) fn note(&mut self, id: TransactionId, path: Path) -> bool {
        if self.known.contains(&(id, path)) {
            return false;
        }
        if self.known.len() >= REMEMBERED {
            self.known.pop_front();
        }
        self.known.push_back((id, path));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_64_are_remembered_each_with_its_way() {
        let path = |port| Path::udp(([10, 0, 0, 1], 1).into(), ([10, 0, 0, 2], port).into());
        let mut recent = Recent::default();
        for number in 0..64 {
            assert!(recent.note(TransactionId([number; 12]), path(1)));
        }
        assert!(!recent.note(TransactionId([0; 12]), path(1)));
        assert!(recent.note(TransactionId([63; 12]), path(2)), "by another way");
        assert_eq!(recent.known.len(), REMEMBERED);
        assert!(recent.note(TransactionId([0; 12]), path(1)), "the oldest is forgotten");
    }
}
