//! The task that writes.

use futures_util::SinkExt;
use futures_util::stream::SplitSink;
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{Data, OpCode};
use tungstenite::{Bytes, Error, Message, Utf8Bytes};

use super::WebSocket;
use crate::outbox::{OutboxReader, Outgoing};

/// Longer messages go out in fragments of this length (RFC 6455 §5.4). tungstenite copies what it writes into a buffer that never shrinks: without
/// fragments every client would keep as much memory as its longest message took, an offer or a list of everybody in a large channel.
const FRAGMENT: usize = 2 * 1024;

/// Writes what is queued, until the close frame was written or the connection breaks.
pub(super) async fn write(mut sink: SplitSink<WebSocket, Message>, mut reader: OutboxReader) {
    while let Some(outgoing) = reader.next().await {
        match outgoing {
            Outgoing::Text(text) => {
                let result = write_text(&mut sink, text.clone()).await;
                reader.written(&text);
                if result.is_err() {
                    // The reading half sees the same end, and says so.
                    return;
                }
            }
            Outgoing::Close(close) => {
                let reason = (*close.reason).into();
                let frame = CloseFrame { code: close.code.into(), reason };
                let _ = sink.send(Message::Close(Some(frame))).await;
                return;
            }
        }
    }
}

async fn write_text(
    sink: &mut SplitSink<WebSocket, Message>,
    text: Utf8Bytes,
) -> Result<(), Error> {
    if text.len() <= FRAGMENT {
        return sink.send(Message::Text(text)).await;
    }
    let mut rest = Bytes::from(text);
    let mut kind = Data::Text;
    while !rest.is_empty() {
        let fragment = rest.split_to(rest.len().min(FRAGMENT));
        let frame = Frame::message(fragment, OpCode::Data(kind), rest.is_empty());
        sink.feed(Message::Frame(frame)).await?;
        kind = Data::Continue;
    }
    sink.flush().await
}
