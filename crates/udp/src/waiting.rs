//! A batch whose socket is full: what it holds waits in the arena, and what is committed meanwhile waits behind it.
//!
//! On Linux EAGAIN means that the socket's send buffer is full, whoever the datagrams are for. So nobody is held up by waiting in order; but
//! when the arena is full as well something has to go, and that is chosen: see [`SendBatch::make_room`].

use crate::priority::Priority;
use crate::report::SendReport;
use crate::send_batch::SendBatch;
use crate::sendmmsg::Cursor;

/// So many runs may wait: enough for a control datagram for each of a thousand destinations.
pub(crate) const MAX_WAITING_RUNS: usize = 1_024;

impl SendBatch {
    /// Whether the socket was full at the latest [`send_or_keep`](crate::Socket::send_or_keep), so that what the batch holds waits.
    pub fn is_waiting(&self) -> bool {
        self.waiting
    }

    /// Drops waiting datagrams until a quarter of the arena and of the runs that may wait is free, for the sake of one of priority
    /// `for_priority`: the least important first, among those the oldest, and none that is more important than that. What was reserved is given back.
    pub fn make_room(&mut self, for_priority: Priority) -> SendReport {
        let bytes = self.arena.len() - self.arena.len() / 4;
        let runs = MAX_WAITING_RUNS - MAX_WAITING_RUNS / 4;
        let mut report = SendReport::default();
        for priority in [Priority::Low, Priority::Normal, Priority::High] {
            if priority <= for_priority {
                self.shed(priority, bytes, runs, &mut report);
            }
        }
        report
    }

    /// Drops everything of one priority: it waited for too long.
    pub fn drop_waiting(&mut self, priority: Priority) -> SendReport {
        let mut report = SendReport::default();
        self.shed(priority, 0, 0, &mut report);
        report
    }

    /// Takes what was not sent to the front of the arena.
    pub(crate) fn keep_from(&mut self, cursor: Cursor) {
        self.runs.drain(..cursor.run);
        if let Some(first) = self.runs.first_mut() {
            first.skip(cursor.datagram);
        }
        self.waiting = !self.runs.is_empty();
        self.close_gaps();
    }

    /// Drops runs of one priority, the oldest first, while more than so many bytes or runs wait.
    fn shed(&mut self, priority: Priority, bytes: usize, runs: usize, report: &mut SendReport) {
        self.reserved = None;
        let (mut bytes_left, mut runs_left) = (self.used, self.runs.len());
        let is_enough = bytes_left <= bytes && runs_left <= runs;
        // Asked for each packet while a socket is full: what changes nothing must cost little.
        if is_enough || !self.runs.iter().any(|run| run.priority == priority) {
            return;
        }
        self.runs.retain(|run| {
            let stays = run.priority != priority || (bytes_left <= bytes && runs_left <= runs);
            if !stays {
                bytes_left -= run.range(0, run.datagrams()).len();
                runs_left -= 1;
                report.shed(priority, run.datagrams());
            }
            stays
        });
        self.close_gaps();
    }

    fn close_gaps(&mut self) {
        self.reserved = None;
        (self.used, self.datagrams) = (0, 0);
        for run in &mut self.runs {
            let range = run.range(0, run.datagrams());
            run.move_to(self.used);
            self.datagrams += run.datagrams();
            let len = range.len();
            if range.start != self.used {
                self.arena.copy_within(range, self.used);
            }
            self.used += len;
        }
        self.waiting &= !self.runs.is_empty();
    }
}
