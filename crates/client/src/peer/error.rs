//! Why a peer is dead.

use std::fmt;

use tsubame_dtls::KeyingError;

use super::NegotiationError;

/// What ended a [`Peer`](super::Peer).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PeerError {
    /// The offer is not SDP.
    Sdp(tsubame_sdp::ParseError),
    /// The offer cannot be answered.
    Negotiation(NegotiationError),
    /// DTLS failed.
    Dtls(tsubame_dtls::Error),
    /// The server's certificate is not the one its offer announced, or no SRTP profile was agreed on.
    Keying(KeyingError),
    /// No path to the server's candidates.
    IceFailed,
    /// The server stopped to answer (RFC 7675).
    ConsentExpired,
}

impl fmt::Display for PeerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sdp(error) => write!(f, "offer: {error}"),
            Self::Negotiation(error) => write!(f, "offer: {error}"),
            Self::Dtls(error) => write!(f, "DTLS: {error}"),
            Self::Keying(error) => write!(f, "SRTP keys: {error}"),
            Self::IceFailed => f.write_str("no path to the server"),
            Self::ConsentExpired => f.write_str("the server stopped to answer"),
        }
    }
}

impl std::error::Error for PeerError {}

impl From<tsubame_sdp::ParseError> for PeerError {
    fn from(error: tsubame_sdp::ParseError) -> Self {
        Self::Sdp(error)
    }
}

impl From<NegotiationError> for PeerError {
    fn from(error: NegotiationError) -> Self {
        Self::Negotiation(error)
    }
}

impl From<tsubame_dtls::Error> for PeerError {
    fn from(error: tsubame_dtls::Error) -> Self {
        Self::Dtls(error)
    }
}
