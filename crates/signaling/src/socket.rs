//! One client's WebSocket, from the upgrade to the last close frame: reads within limits, drives the `session::Session`, writes from the outbox.

mod drive;
mod incoming;
mod pings;
mod writer;

use std::sync::Arc;

use futures_util::StreamExt;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;

use crate::admission::Place;
use crate::app::App;
use crate::close::{Close, Refusal};
use crate::outbox::outbox;
use crate::socket::drive::converse;
use crate::socket::incoming::Incoming;
use crate::socket::writer::write;

/// Messages to and from one client.
pub(crate) type WebSocket = WebSocketStream<TokioIo<Upgraded>>;

/// How a conversation ends.
#[derive(Debug, PartialEq)]
enum End {
    /// We close.
    Close(Close),
    /// The client closed; the reply to its close frame is on its way.
    Closed,
    /// The connection broke, or the client does not read: nothing can be said any more.
    Broken,
}

impl From<Refusal> for End {
    fn from(refusal: Refusal) -> Self {
        Self::Close(refusal.into())
    }
}

/// Serves one client.
pub(crate) async fn serve(socket: WebSocket, app: Arc<App>, half_open: Place) {
    let (sink, frames) = socket.split();
    let (outbox, reader) = outbox(app.limits.outgoing_bytes);
    let mut writer = tokio::spawn(write(sink, reader));
    let mut incoming = Incoming::new(frames, &app.limits);

    // By its end the SFU's session is gone and the channel was told.
    let end = converse(&app, &mut incoming, &outbox, half_open).await;
    tracing::debug!(?end, "a client's WebSocket ends");

    let patience = app.limits.close_timeout;
    match end {
        End::Close(close) => {
            outbox.close(close);
            if tokio::time::timeout(patience, &mut writer).await.is_ok() {
                let _ = tokio::time::timeout(patience, incoming.drain()).await;
            }
        }
        End::Closed => {
            let _ = tokio::time::timeout(patience, incoming.drain()).await;
        }
        End::Broken => {}
    }
    writer.abort();
}
