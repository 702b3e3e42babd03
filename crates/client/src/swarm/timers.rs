//! Who has to be woken when.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use super::command::MemberId;

/// Deadlines, one per member that counts: a member's own. An entry that is earlier than that, because the deadline has moved back, fires
/// early and is armed again.
#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, MemberId)>>,
}

impl Timers {
    /// `armed` is the earliest entry the member has; the new one is needed only if it is earlier.
    pub(super) fn arm(
        &mut self,
        member: MemberId,
        armed: &mut Option<Instant>,
        due: Option<Instant>,
    ) {
        let Some(due) = due else { return };
        if armed.is_none_or(|armed| due < armed) {
            self.heap.push(Reverse((due, member)));
            *armed = Some(due);
        }
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((due, _))| *due)
    }

    pub(super) fn pop(&mut self, now: Instant) -> Option<(Instant, MemberId)> {
        let Reverse((due, _)) = *self.heap.peek()?;
        if due > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry)
    }
}
