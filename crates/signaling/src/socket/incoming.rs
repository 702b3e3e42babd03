//! What a client sends: size, rate and kind are checked here, meaning is not.

use futures_util::StreamExt;
use futures_util::stream::SplitStream;
use tokio::time::Instant;
use tungstenite::error::{Error, ProtocolError};
use tungstenite::{Message, Utf8Bytes};

use super::{End, WebSocket};
use crate::clock;
use crate::close::{Close, Refusal};
use crate::limits::Limits;

/// The reading half.
pub(super) struct Incoming {
    frames: SplitStream<WebSocket>,
    rate: Rate,
    last_heard: Instant,
}

impl Incoming {
    pub(super) fn new(frames: SplitStream<WebSocket>, limits: &Limits) -> Self {
        let now = clock::now();
        Self { frames, rate: Rate::new(limits.messages_per_second, now), last_heard: now }
    }

    /// When the client last said anything, a ping or a pong included.
    pub(super) fn last_heard(&self) -> Instant {
        self.last_heard
    }

    /// The next message: text, or `None` for a ping or a pong. Cancel safe.
    pub(super) async fn next(&mut self) -> Result<Option<Utf8Bytes>, End> {
        let message = match self.frames.next().await {
            None => return Err(End::Broken),
            Some(Err(error)) => return Err(end_of(error)),
            Some(Ok(message)) => message,
        };
        self.last_heard = clock::now();
        if !self.rate.allows(self.last_heard) {
            return Err(Refusal::TooManyMessages.into());
        }
        match message {
            Message::Text(text) => Ok(Some(text)),
            Message::Binary(_) => Err(Refusal::BinaryFrame.into()),
            // Whole messages come out of the reader, never a frame.
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Ok(None),
            Message::Close(_) => Err(End::Closed),
        }
    }

    /// Reads on until the client has closed.
    pub(super) async fn drain(&mut self) {
        while let Some(Ok(_)) = self.frames.next().await {}
    }
}

fn end_of(error: Error) -> End {
    match error {
        Error::Capacity(_) => End::Close(Close::TOO_BIG),
        Error::Utf8(_) => End::Close(Close::INVALID_UTF8),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => End::Broken,
        Error::Protocol(error) => End::Close(Close::protocol_error(error)),
        _ => End::Broken,
    }
}

/// A token bucket that holds one second's worth of messages.
struct Rate {
    per_second: u32,
    tokens: f64,
    filled: Instant,
}

impl Rate {
    fn new(per_second: u32, now: Instant) -> Self {
        Self { per_second, tokens: f64::from(per_second), filled: now }
    }

    fn allows(&mut self, now: Instant) -> bool {
        let rate = f64::from(self.per_second);
        let gained = now.duration_since(self.filled).as_secs_f64() * rate;
        self.tokens = (self.tokens + gained).min(rate);
        self.filled = now;
        if self.tokens < 1.0 {
            return false;
        }
        self.tokens -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_second_holds_its_messages_and_no_more() {
        let start = clock::now();
        let mut rate = Rate::new(50, start);
        for _ in 0..50 {
            assert!(rate.allows(start));
        }
        assert!(!rate.allows(start));
        assert!(!rate.allows(start + Duration::from_millis(19)));
        assert!(rate.allows(start + Duration::from_millis(40)));
    }

    #[test]
    fn a_steady_50_a_second_is_fine_for_ever() {
        let start = clock::now();
        let mut rate = Rate::new(50, start);
        for tick in 0..10_000 {
            assert!(rate.allows(start + Duration::from_millis(20) * tick), "message {tick}");
        }
    }

    #[test]
    fn silence_is_not_saved_up() {
        let start = clock::now();
        let mut rate = Rate::new(50, start);
        let later = start + Duration::from_secs(3600);
        for _ in 0..50 {
            assert!(rate.allows(later));
        }
        assert!(!rate.allows(later));
    }
}
