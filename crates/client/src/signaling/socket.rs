//! The WebSocket.

use futures_util::{SinkExt as _, StreamExt as _};
use rustls_pki_types::ServerName;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use super::Close;
use crate::config::ClientConfig;
use crate::error::ClientError;

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

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
        let uri = request.uri();
        let tls = match uri.scheme_str() {
            Some("ws") => false,
            Some("wss") => true,
            _ => return Err(wrong()),
        };
        let host = uri.host().ok_or_else(wrong)?;
        // An IPv6 address stands in brackets, which are not part of it.
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = uri.port_u16().unwrap_or(if tls { 443 } else { 80 });
        let tcp = TcpStream::connect((host.as_str(), port)).await?;
        tcp.set_nodelay(true)?;
        let stream: Box<dyn Stream> = if tls {
            let tls = config.tls.clone().ok_or(ClientError::NoTls)?;
            let name = ServerName::try_from(host).map_err(|_| wrong())?;
            Box::new(TlsConnector::from(tls).connect(name, tcp).await?)
        } else {
            Box::new(tcp)
        };
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
