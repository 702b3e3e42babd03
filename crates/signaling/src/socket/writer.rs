//! The task that writes.

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::SinkExt;
use futures_util::stream::SplitSink;

use crate::outbox::{OutboxReader, Outgoing};

/// Writes what is queued, until the close frame was written or the connection breaks.
pub(super) async fn write(mut sink: SplitSink<WebSocket, Message>, mut reader: OutboxReader) {
    while let Some(outgoing) = reader.next().await {
        match outgoing {
            Outgoing::Text(text) => {
                let result = sink.send(Message::Text(text.clone())).await;
                reader.written(&text);
                if result.is_err() {
                    // The reading half sees the same end, and says so.
                    return;
                }
            }
            Outgoing::Close(close) => {
                let frame = CloseFrame { code: close.code, reason: (*close.reason).into() };
                let _ = sink.send(Message::Close(Some(frame))).await;
                return;
            }
        }
    }
}
