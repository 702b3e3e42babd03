//! What waits for a client that has not read it yet: bounded in bytes.
//!
//! Hardly ever does anything wait, and there is one of these for every client: so the queue holds no memory while it is empty.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tungstenite::Utf8Bytes;

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
    shared: Arc<Shared>,
    /// Its end is the end of the last clone.
    _writers: Arc<Writers>,
}

/// The reading end, held by the task that writes to the socket.
#[derive(Debug)]
pub(crate) struct OutboxReader(Arc<Shared>);

#[derive(Debug)]
struct Writers(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limit: usize,
    state: Mutex<State>,
    /// For the reader: there is something, or there will be nothing any more.
    readable: Notify,
    /// For whoever waits for an overflow.
    overflow: Notify,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Outgoing>,
    /// Queued or being written.
    bytes: usize,
    overflowed: bool,
    finished: bool,
}

/// An outbox for at most `limit` bytes.
pub(crate) fn outbox(limit: usize) -> (Outbox, OutboxReader) {
    let shared = Arc::new(Shared {
        limit,
        state: Mutex::default(),
        readable: Notify::new(),
        overflow: Notify::new(),
    });
    let writers = Arc::new(Writers(Arc::clone(&shared)));
    (Outbox { shared: Arc::clone(&shared), _writers: writers }, OutboxReader(shared))
}

impl Outbox {
    /// Queues a message. One too many marks the outbox as overflowed, and nothing is queued any more: the client has missed something, so it
    /// has to go.
    pub(crate) fn push(&self, text: Utf8Bytes) {
        let mut state = self.shared.state();
        if state.overflowed {
            return;
        }
        state.bytes += text.len() + MESSAGE_OVERHEAD;
        if state.bytes > self.shared.limit {
            state.overflowed = true;
            self.shared.overflow.notify_one();
            return;
        }
        state.queue.push_back(Outgoing::Text(text));
        drop(state);
        self.shared.readable.notify_one();
    }

    /// Queues the close frame, the last thing that is written.
    pub(crate) fn close(&self, close: Close) {
        self.shared.state().queue.push_back(Outgoing::Close(close));
        self.shared.readable.notify_one();
    }

    /// Returns once the outbox has overflowed. Cancel safe; for one waiter.
    pub(crate) async fn overflowed(&self) {
        while !self.shared.state().overflowed {
            self.shared.overflow.notified().await;
        }
    }
}

impl Drop for Writers {
    fn drop(&mut self) {
        self.0.state().finished = true;
        self.0.readable.notify_one();
    }
}

impl OutboxReader {
    /// The next thing to write; `None` once every [`Outbox`] is gone. Cancel safe.
    pub(crate) async fn next(&mut self) -> Option<Outgoing> {
        loop {
            {
                let mut state = self.0.state();
                if let Some(outgoing) = state.queue.pop_front() {
                    if state.queue.is_empty() {
                        state.queue = VecDeque::new();
                    }
                    return Some(outgoing);
                }
                if state.finished {
                    return None;
                }
            }
            // One that comes between is remembered.
            self.0.readable.notified().await;
        }
    }

    /// `text` is on its way: it no longer counts.
    pub(crate) fn written(&self, text: &Utf8Bytes) {
        self.0.state().bytes -= text.len() + MESSAGE_OVERHEAD;
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
        assert!(!outbox.shared.state().overflowed);
    }

    #[tokio::test]
    async fn one_byte_too_many_overflows() {
        let (outbox, mut reader) = outbox(1000);
        outbox.push(text(500 - MESSAGE_OVERHEAD));
        outbox.push(text(500 - MESSAGE_OVERHEAD));
        assert!(!outbox.shared.state().overflowed);
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

    #[tokio::test]
    async fn an_empty_queue_holds_no_memory_and_what_was_queued_comes_in_order() {
        let (outbox, mut reader) = outbox(1_000_000);
        for bytes in 0..100 {
            outbox.clone().push(text(bytes));
        }
        outbox.close(Close::SHUTTING_DOWN);
        for bytes in 0..100 {
            assert_eq!(reader.next().await, Some(Outgoing::Text(text(bytes))));
        }
        assert_eq!(reader.next().await, Some(Outgoing::Close(Close::SHUTTING_DOWN)));
        assert_eq!(outbox.shared.state().queue.capacity(), 0);
    }

    #[tokio::test]
    async fn a_reader_that_waits_is_told_of_a_message_and_of_the_end() {
        let (outbox, mut reader) = outbox(1_000);
        let reading = tokio::spawn(async move { (reader.next().await, reader.next().await) });
        tokio::task::yield_now().await;
        outbox.push(text(1));
        tokio::task::yield_now().await;
        drop(outbox);
        let (first, end) = reading.await.expect("it reads");
        assert_eq!((first, end), (Some(Outgoing::Text(text(1))), None));
    }
}
