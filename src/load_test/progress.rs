//! What is going on, for whoever waits: one line on standard error.

use std::io::{IsTerminal, Write};

use super::report::{Media, Quantiles};

/// Rewrites its line on a terminal, and writes lines elsewhere.
pub(super) struct Progress {
    terminal: bool,
    /// Columns of the line that stands there.
    width: usize,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self { terminal: std::io::stderr().is_terminal(), width: 0 }
    }

    /// So many clients of so many have joined. Only some of these are written where lines stay.
    pub(super) fn joined(&mut self, what: &str, done: usize, of: usize) {
        if self.terminal || done == of || done.is_multiple_of(100) {
            self.say(&format!("{done} of {of} {what} joined"));
        }
    }

    pub(super) fn media(&mut self, media: &Media, delay: &Quantiles) {
        self.say(&format!(
            "{:.0} packets/s, {:.1} Mbit/s, lost {:.3} %, delay p50 {:.2} ms, p99 {:.2} ms",
            media.packets_per_second,
            media.bits_per_second / 1e6,
            media.loss * 100.0,
            delay.p50,
            delay.p99,
        ));
    }

    pub(super) fn say(&mut self, text: &str) {
        let mut out = std::io::stderr().lock();
        // Without a standard error there is nobody to tell.
        let _ = if self.terminal {
            let width = std::mem::replace(&mut self.width, text.len());
            write!(out, "\r{text:width$}").and_then(|()| out.flush())
        } else {
            writeln!(out, "{text}")
        };
    }

    /// What comes next begins on a line of its own.
    pub(super) fn end(&mut self) {
        if std::mem::take(&mut self.width) > 0 {
            let _ = writeln!(std::io::stderr());
        }
    }
}
