//! The WebSocket.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use super::Close;
use crate::config::ClientConfig;
use crate::error::ClientError;
use crate::stream::{self, Stream};

/// An open WebSocket to the signaling server, over TCP or TLS.
pub(crate) struct SignalingSocket {
    socket: WebSocketStream<Box<dyn Stream>>,
    /// The server's close frame, until it is answered and told.
    closing: Option<Close>,
}

/// What came in.
#[derive(Debug)]
pub(crate) enum Incoming {
    Text(String),
    Close(Close),
}

impl SignalingSocket {
    pub(crate) async fn open(url: &str, config: &ClientConfig) -> Result<Self, ClientError> {
        let wrong = || ClientError::Url(url.to_owned());
        let request = url.into_client_request().map_err(|_| wrong())?;
        let secure = match request.uri().scheme_str() {
            Some("ws") => false,
            Some("wss") => true,
            _ => return Err(wrong()),
        };
        let stream = stream::connect(request.uri(), secure, config.tls.as_ref()).await?;
        let (socket, _) = tokio_tungstenite::client_async(request, stream).await?;
        Ok(Self { socket, closing: None })
    }

    pub(crate) async fn send(&mut self, message: &Value) -> Result<(), ClientError> {
        self.socket.send(Message::text(message.to_string())).await?;
        Ok(())
    }

    /// Sends text as it is, JSON or not.
    pub(crate) async fn send_text(&mut self, text: String) -> Result<(), ClientError> {
        self.socket.send(Message::text(text)).await?;
        Ok(())
    }

    /// The next text, or the end. Cancel-safe.
    pub(crate) async fn receive(&mut self) -> Incoming {
        while self.closing.is_none() {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => return Incoming::Text(text.to_string()),
                Some(Ok(Message::Close(frame))) => {
                    let close = frame.map(|frame| Close {
                        code: frame.code.into(),
                        reason: frame.reason.to_string(),
                    });
                    let nameless = || Close { code: 1005, reason: String::new() };
                    self.closing = Some(close.unwrap_or_else(nameless));
                }
                // Binary frames, pings and pongs (which are answered below us).
                Some(Ok(_)) => {}
                Some(Err(_)) | None => self.closing = Some(Close::abnormal()),
            }
        }
        // The answer to the close frame; whoever cancels this comes back for the rest.
        let _ = self.socket.flush().await;
        Incoming::Close(self.closing.take().unwrap_or_else(Close::abnormal))
    }

    /// Closes from this side, without waiting for the server.
    pub(crate) async fn close(&mut self) {
        let _ = self.socket.close(None).await;
    }
}
