//! Why a client did not connect, or is no longer connected.

use std::fmt;
use std::io;
use std::time::Duration;

use tokio_tungstenite::tungstenite;

use crate::peer::PeerError;
use crate::signaling::Close;

/// What went wrong with a [`Client`](crate::Client).
#[derive(Debug)]
#[non_exhaustive]
pub enum ClientError {
    /// The URL is not `ws://` or `wss://` with a host.
    Url(String),
    /// `wss://` without [`ClientConfig::tls`](crate::ClientConfig::tls).
    NoTls,
    /// The 2015 generation has no role that publishes and watches.
    RoleNotInGeneration,
    /// All but H.265 can be published; this cannot.
    CannotPublish(tsubame_rtp::Codec),
    /// No random numbers, or no certificate could be made from them.
    Identity(String),
    /// A socket: opening, binding, or TLS.
    Io(io::Error),
    /// The WebSocket: its handshake was refused, or a frame was wrong.
    WebSocket(Box<tungstenite::Error>),
    /// The server closed the WebSocket before the session was up: 4490 and a reason, for a refusal.
    Refused(Close),
    /// A WHIP or WHEP endpoint answered with this status instead of 201.
    Http(u16),
    /// It could not be asked: what the connection says.
    HttpConnection(String),
    /// WHIP publishes and WHEP watches; nothing does both.
    RoleNotInWhip,
    /// A message from the server that the protocol does not know in this place.
    UnexpectedMessage(String),
    /// More redirects than one follows.
    TooManyRedirects,
    /// ICE, DTLS or SDP.
    Peer(PeerError),
    /// Not connected within [`ClientConfig::timeout`](crate::ClientConfig::timeout).
    Timeout(Duration),
    /// The client's task has ended.
    Ended,
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => write!(f, "not a WebSocket URL: {url}"),
            Self::NoTls => f.write_str("wss:// needs a TLS configuration"),
            Self::RoleNotInGeneration => f.write_str("the 2015 generation has no sendrecv"),
            Self::CannotPublish(codec) => write!(f, "{codec:?} cannot be published"),
            Self::Identity(cause) => write!(f, "no identity: {cause}"),
            Self::Io(error) => error.fmt(f),
            Self::WebSocket(error) => write!(f, "WebSocket: {error}"),
            Self::Refused(close) => write!(f, "refused: {close}"),
            Self::Http(status) => write!(f, "the endpoint answered {status}, not 201"),
            Self::HttpConnection(cause) => write!(f, "HTTP: {cause}"),
            Self::RoleNotInWhip => {
                f.write_str("WHIP publishes and WHEP watches, nothing does both")
            }
            Self::UnexpectedMessage(what) => write!(f, "unexpected message: {what}"),
            Self::TooManyRedirects => f.write_str("too many redirects"),
            Self::Peer(error) => error.fmt(f),
            Self::Timeout(timeout) => write!(f, "not connected within {timeout:?}"),
            Self::Ended => f.write_str("the client has ended"),
        }
    }
}

impl std::error::Error for ClientError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::WebSocket(error) => Some(error),
            Self::Peer(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for ClientError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<tungstenite::Error> for ClientError {
    fn from(error: tungstenite::Error) -> Self {
        Self::WebSocket(Box::new(error))
    }
}

impl From<PeerError> for ClientError {
    fn from(error: PeerError) -> Self {
        Self::Peer(error)
    }
}
