//! What the control plane says to the SFU and hears from it, as data.

use std::fmt;

pub use tsubame_rtp::MediaKind;

use crate::id::ConnectionId;

/// What a client may do in its channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Publishes only (2015: `upstream`).
    SendOnly,
    /// Watches only (2015: `downstream`).
    RecvOnly,
    /// Publishes, and watches everybody else.
    SendRecv,
}

impl Role {
    /// Whether media from this client is accepted.
    pub fn sends(self) -> bool {
        matches!(self, Self::SendOnly | Self::SendRecv)
    }

    /// Whether media of the others is forwarded to this client.
    pub fn receives(self) -> bool {
        matches!(self, Self::RecvOnly | Self::SendRecv)
    }
}

/// A video codec that can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VideoCodec {
    /// RFC 6386, RFC 7741.
    Vp8,
    /// RFC 9628, profile 0.
    Vp9,
    /// RFC 6184, constrained baseline unless the client asked for another profile.
    H264,
    /// RFC 7798.
    H265,
    /// The AV1 RTP payload format.
    Av1,
}

/// How a client's audio is to be offered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AudioSettings {
    /// Wanted bit rate in kbit/s.
    pub bit_rate_kbps: Option<u32>,
    /// Opus format parameters (RFC 7587 §6.1) beyond the server's own, in order.
    pub opus_parameters: Vec<(String, String)>,
}

/// How a client's video is to be offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VideoSettings {
    /// The codec a publisher is to send. Says nothing about what a viewer gets.
    pub codec: VideoCodec,
    /// Wanted bit rate in kbit/s.
    pub bit_rate_kbps: Option<u32>,
    /// `profile-level-id` for H.264, six hex digits.
    pub h264_profile_level_id: Option<String>,
}

/// A client that wants into a channel.
#[derive(Clone, Debug)]
pub struct Join {
    /// The channel's name, at most 255 octets. It exists while somebody is in it.
    pub channel: String,
    /// The name this connection gets. Must not be in use.
    pub connection_id: ConnectionId,
    /// Connections that share a bundle id do not receive each other's media.
    pub bundle_id: Option<String>,
    /// What it may do.
    pub role: Role,
    /// Its audio; `None`: it wants none, in neither direction.
    pub audio: Option<AudioSettings>,
    /// Its video; `None`: it wants none, in neither direction.
    pub video: Option<VideoSettings>,
}

/// The `mid`s of the sections in which a client is to send.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mids {
    /// Of its audio, if it sends any.
    pub audio: Option<String>,
    /// Of its video, if it sends any.
    pub video: Option<String>,
}

/// What a client that joined is sent first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// The first offer.
    pub offer: String,
    /// Where the client's own tracks go in it.
    pub mids: Mids,
}

/// Why a client could not join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JoinError {
    /// The SFU is shutting down.
    ShuttingDown,
    /// A connection of that name exists.
    DuplicateConnectionId,
    /// The channel's name is empty or longer than 255 octets.
    InvalidChannel,
    /// As many connections as the configuration allows are there already.
    ServerFull,
    /// Too many handshakes are unfinished (a fifth of the maximum).
    TooManyHalfOpen,
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ShuttingDown => "the server is shutting down",
            Self::DuplicateConnectionId => "the connection id is in use",
            Self::InvalidChannel => "a channel name has 1 to 255 bytes",
            Self::ServerFull => "the server is full",
            Self::TooManyHalfOpen => "too many connections are being set up",
        })
    }
}

impl std::error::Error for JoinError {}

/// Why an answer or a candidate was not accepted. The client's session is over when signaling says so, not before.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// The session has ended meanwhile.
    Gone,
    /// The peer is to blame; the text names the fault in one short sentence.
    Refused(String),
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => f.write_str("the session has ended"),
            Self::Refused(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for RequestError {}

/// What a session's owner is told.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// ICE and DTLS are done, the fingerprint matched, media may flow. Once per session.
    Connected,
    /// The channel's tracks changed: this offer wants an answer within 10 s. Never more than one is outstanding.
    Offer {
        /// The whole session description.
        sdp: String,
    },
    /// The client refused a track in its answer: it does not get it, or, if the track is its own, it does not send it.
    TrackRefused {
        /// Whose track; the client's own id says that it cannot send what it was asked for.
        publisher: ConnectionId,
        /// Which of its tracks.
        kind: MediaKind,
    },
    /// The session is over. The last event.
    Closed(CloseReason),
}

/// Why a session ended without its owner's asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// An offer was not answered within 10 s.
    AnswerTimeout,
    /// ICE and DTLS did not finish within 15 s.
    SetupTimeout,
    /// The peer fell silent: no consent for 30 s (RFC 7675).
    ConsentExpired,
    /// The peer closed DTLS.
    PeerClosed,
    /// The DTLS handshake failed.
    DtlsFailed,
    /// The certificate is not the one that the answer announced.
    FingerprintMismatch,
    /// So many tracks came and went that no SSRC is left under the session's keys.
    SsrcsExhausted,
    /// Events were not read.
    EventsOverflowed,
    /// A fault of ours, contained to this session.
    InternalError,
    /// The SFU is shutting down.
    ShuttingDown,
}

impl CloseReason {
    /// The name as it stands in close frames and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AnswerTimeout => "ANSWER-TIMEOUT",
            Self::SetupTimeout => "SETUP-TIMEOUT",
            Self::ConsentExpired => "CONSENT-EXPIRED",
            Self::PeerClosed => "PEER-CLOSED",
            Self::DtlsFailed => "DTLS-FAILED",
            Self::FingerprintMismatch => "FINGERPRINT-MISMATCH",
            Self::SsrcsExhausted => "SSRCS-EXHAUSTED",
            Self::EventsOverflowed => "EVENTS-OVERFLOWED",
            Self::InternalError => "INTERNAL-ERROR",
            Self::ShuttingDown => "SHUTTING-DOWN",
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
