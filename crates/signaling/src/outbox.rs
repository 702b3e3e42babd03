//! What waits for a client that has not read it yet: bounded in bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use axum::extract::ws::Utf8Bytes;
use tokio::sync::{Notify, mpsc};

use crate::close::Close;

/// What one queued message costs beside its text.
const MESSAGE_OVERHEAD: usize = 64;

/// One thing to write.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outgoing {
    Text(Utf8Bytes),
    Close(Close),
}

/// The sending end; clones lead to the same client.
#[derive(Clone, Debug)]
pub(crate) struct Outbox {
    queue: mpsc::UnboundedSender<Outgoing>,
    gauge: Arc<Gauge>,
}

/// The reading end, held by the task that writes to the socket.
#[derive(Debug)]
pub(crate) struct OutboxReader {
    queue: mpsc::UnboundedReceiver<Outgoing>,
    gauge: Arc<Gauge>,
}

#[derive(Debug)]
struct Gauge {
    limit: usize,
    bytes: AtomicUsize,
    overflowed: AtomicBool,
    wake: Notify,
}

/// An outbox for at most `limit` bytes.
pub(crate) fn outbox(limit: usize) -> (Outbox, OutboxReader) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let gauge = Arc::new(Gauge {
        limit,
        bytes: AtomicUsize::new(0),
        overflowed: AtomicBool::new(false),
        wake: Notify::new(),
    });
    (Outbox { queue: sender, gauge: Arc::clone(&gauge) }, OutboxReader { queue: receiver, gauge })
}

impl Outbox {
    /// Queues a message. One too many marks the outbox as overflowed, and nothing is queued any more: the client has missed something, so it
    /// has to go.
    pub(crate) fn push(&self, text: Utf8Bytes) {
        if self.gauge.overflowed.load(Ordering::Relaxed) {
            return;
        }
        let cost = text.len() + MESSAGE_OVERHEAD;
        let before = self.gauge.bytes.fetch_add(cost, Ordering::Relaxed);
        if before + cost > self.gauge.limit {
            self.gauge.overflowed.store(true, Ordering::Relaxed);
            self.gauge.wake.notify_one();
            return;
        }
        // A reader that is gone means the connection is: its session is being taken down.
        let _ = self.queue.send(Outgoing::Text(text));
    }

    /// Queues the close frame, the last thing that is written.
    pub(crate) fn close(&self, close: Close) {
        let _ = self.queue.send(Outgoing::Close(close));
    }

    /// Returns once the outbox has overflowed. Cancel safe; for one waiter.
    pub(crate) async fn overflowed(&self) {
        while !self.gauge.overflowed.load(Ordering::Relaxed) {
            self.gauge.wake.notified().await;
        }
    }
}

impl OutboxReader {
    /// The next thing to write; `None` once every [`Outbox`] is gone.
    pub(crate) async fn next(&mut self) -> Option<Outgoing> {
        self.queue.recv().await
    }

    /// `text` is on its way: it no longer counts.
    pub(crate) fn written(&self, text: &Utf8Bytes) {
        self.gauge.bytes.fetch_sub(text.len() + MESSAGE_OVERHEAD, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: usize) -> Utf8Bytes {
        "a".repeat(bytes).into()
    }

    #[tokio::test]
    async fn what_was_written_does_not_count() {
        let (outbox, mut reader) = outbox(1000);
        for _ in 0..100 {
            outbox.push(text(1000 - MESSAGE_OVERHEAD));
            let Some(Outgoing::Text(text)) = reader.next().await else { panic!("no text") };
            reader.written(&text);
        }
        assert!(!outbox.gauge.overflowed.load(Ordering::Relaxed));
    }

    #[tokio::test]
    async fn one_byte_too_many_overflows() {
        let (outbox, mut reader) = outbox(1000);
        outbox.push(text(500 - MESSAGE_OVERHEAD));
        outbox.push(text(500 - MESSAGE_OVERHEAD));
        assert!(!outbox.gauge.overflowed.load(Ordering::Relaxed));
        outbox.push(text(0));
        outbox.overflowed().await;
        // What came after is not delivered out of context, even where there is room again.
        for _ in 0..2 {
            let Some(Outgoing::Text(text)) = reader.next().await else { panic!("no text") };
            reader.written(&text);
        }
        outbox.push(text(1));
        drop(outbox);
        assert_eq!(reader.next().await, None);
    }
}
