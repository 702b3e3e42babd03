//! Sending a whole batch, whatever the kernel says to single messages of it.
//!
//! `sendmmsg` stops at the first message that fails and says why only when it is called again with
//! that message first. Each failure concerns one destination, and must not cost the others their
//! datagrams: see [`judge`].

use std::sync::atomic::{AtomicBool, Ordering};

use crate::report::{DropReason, SendReport};
use crate::run::Run;
use crate::send_batch::SendBatch;
use crate::sendmmsg::{Cursor, Kernel, Shape, advance};

/// What a socket can do, as far as sending is concerned.
pub(crate) struct Abilities<'a> {
    /// Cleared for good when a send shows that the kernel or the device cannot do it.
    pub(crate) gso: &'a AtomicBool,
    pub(crate) pktinfo: bool,
}

/// What to do about a message that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Nothing happened: the same again.
    Again,
    /// The socket is full: what is left is kept, or tried once more and given up.
    Full,
    /// The run does not pass this path as one: send its datagrams singly.
    Split,
    /// No run will ever pass: send datagrams singly from now on.
    SplitForever,
    /// Leave out this message.
    SkipMessage(DropReason),
    /// Leave out the rest of this run: it goes to the same place and would fare the same.
    SkipRun(DropReason),
}

/// What an errno means for a message of `datagrams` datagrams.
fn judge(errno: i32, datagrams: usize) -> Verdict {
    let is_run = datagrams > 1;
    match errno {
        libc::EINTR => Verdict::Again,
        libc::EAGAIN => Verdict::Full,
        // udp_send_skb() in Linux: EIO where the device cannot checksum segments, EINVAL (in later
        // kernels EMSGSIZE) where a segment is larger than the path allows; singly they get fragmented.
        libc::EIO if is_run => Verdict::SplitForever,
        libc::EMSGSIZE | libc::EINVAL if is_run => Verdict::Split,
        libc::EMSGSIZE => Verdict::SkipMessage(DropReason::TooBig),
        libc::ENOBUFS | libc::ENOMEM => Verdict::SkipMessage(DropReason::NoBuffers),
        libc::ECONNREFUSED => Verdict::SkipRun(DropReason::Refused),
        libc::ENETUNREACH
        | libc::EHOSTUNREACH
        | libc::ENETDOWN
        | libc::EHOSTDOWN
        | libc::ENONET
        | libc::ENODEV => Verdict::SkipRun(DropReason::Unreachable),
        libc::EPERM | libc::EACCES => Verdict::SkipRun(DropReason::NotPermitted),
        libc::EINVAL | libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL | libc::EDESTADDRREQ => {
            Verdict::SkipRun(DropReason::Invalid)
        }
        _ => Verdict::SkipRun(DropReason::Other),
    }
}

/// What becomes of what a full socket has no room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WhenFull {
    /// It is dropped.
    Drop,
    /// It stays in the batch.
    Keep,
}

/// Sends the batch in order and leaves in it nothing, or what is to be kept. Never waits and never allocates.
pub(crate) fn flush(
    batch: &mut SendBatch,
    when_full: WhenFull,
    abilities: &Abilities<'_>,
    kernel: &mut impl Kernel,
) -> SendReport {
    let mut flush = Flush {
        cursor: Cursor { run: 0, datagram: 0 },
        split: None,
        when_full,
        is_full: false,
        report: SendReport::default(),
    };
    while flush.cursor.run < batch.runs() {
        match flush.pass(batch, abilities, kernel) {
            Pass::Over => {}
            Pass::Full => {
                // One that goes on waiting is no other event.
                flush.report.kept += u64::from(!batch.is_waiting());
                batch.keep_from(flush.cursor);
                return flush.report;
            }
        }
    }
    batch.clear();
    flush.report
}

/// How filling the headers and sending them ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pass {
    /// They are sent, or have to be filled otherwise.
    Over,
    /// The socket is full, and what is left is to be kept.
    Full,
}

struct Flush {
    cursor: Cursor,
    /// The run that goes out datagram by datagram.
    split: Option<usize>,
    when_full: WhenFull,
    /// The socket was full once already.
    is_full: bool,
    report: SendReport,
}

impl Flush {
    /// Fills the headers once and sends them, until they are sent or have to be filled otherwise.
    fn pass(
        &mut self,
        batch: &mut SendBatch,
        abilities: &Abilities<'_>,
        kernel: &mut impl Kernel,
    ) -> Pass {
        let (arena, runs, messages) = batch.parts();
        let shape = Shape {
            gso: abilities.gso.load(Ordering::Relaxed),
            split: self.split,
            pktinfo: abilities.pktinfo,
        };
        let mut filled = messages.fill(arena, runs, self.cursor, shape);
        let mut next = 0;
        while let Some(&failing) = filled.spans.get(next) {
            self.report.syscalls += 1;
            let errno = match filled.send(next, kernel) {
                Ok(sent) if sent > 0 => {
                    for span in &filled.spans[next..next + sent] {
                        self.report.sent(span.datagrams, span.bytes);
                        self.cursor = advance(self.cursor, span.datagrams, runs);
                    }
                    next += sent;
                    continue;
                }
                // Cannot happen; nothing sent and no reason given is no progress either.
                Ok(_) => libc::EAGAIN,
                Err(errno) => errno,
            };
            let left = runs[self.cursor.run].datagrams() - self.cursor.datagram;
            match judge(errno, failing.datagrams) {
                Verdict::Again => {}
                Verdict::Full if self.when_full == WhenFull::Keep => return Pass::Full,
                Verdict::Full if !self.is_full => self.is_full = true,
                Verdict::Full => {
                    self.give_up(runs);
                    return Pass::Over;
                }
                Verdict::Split => {
                    self.split = Some(self.cursor.run);
                    self.report.split_runs += 1;
                    return Pass::Over;
                }
                Verdict::SplitForever => {
                    abilities.gso.store(false, Ordering::Relaxed);
                    self.report.split_runs += 1;
                    return Pass::Over;
                }
                Verdict::SkipRun(reason) if failing.datagrams < left => {
                    self.skip(reason, left, runs);
                    return Pass::Over;
                }
                Verdict::SkipRun(reason) | Verdict::SkipMessage(reason) => {
                    self.skip(reason, failing.datagrams, runs);
                    next += 1;
                }
            }
        }
        Pass::Over
    }

    fn skip(&mut self, reason: DropReason, datagrams: usize, runs: &[Run]) {
        self.report.dropped.count(reason, datagrams);
        self.cursor = advance(self.cursor, datagrams, runs);
    }

    fn give_up(&mut self, runs: &[Run]) {
        while let Some(run) = runs.get(self.cursor.run) {
            let left = run.datagrams() - self.cursor.datagram;
            self.report.shed(run.priority, left);
            self.cursor = advance(self.cursor, left, runs);
        }
    }
}

#[cfg(test)]
#[path = "flush_tests.rs"]
mod tests;
