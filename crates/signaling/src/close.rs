//! Why a WebSocket is closed: codes and reasons as they stand in the close frame.

use std::borrow::Cow;
use std::fmt;

use tsubame_sfu::{CloseReason, JoinError, RequestError};

use crate::limits::CLOSE_REASON_BYTES;

/// A close frame's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Close {
    pub(crate) code: u16,
    pub(crate) reason: Cow<'static, str>,
}

impl Close {
    /// RFC 6455 §7.4.1: the message is not consistent with its type, here text that is not UTF-8.
    pub(crate) const INVALID_UTF8: Self = Self::fixed(1007, "INVALID-UTF-8");
    /// RFC 6455 §7.4.1: the message is too big.
    pub(crate) const TOO_BIG: Self = Self::fixed(1009, "MESSAGE-TOO-BIG");
    /// The client said `disconnect`.
    pub(crate) const DISCONNECTED: Self = Self::fixed(1000, "TYPE-DISCONNECT");
    /// RFC 6455 §7.4.1: going away.
    pub(crate) const SHUTTING_DOWN: Self = Self::fixed(1001, "SHUTTING-DOWN");

    const fn fixed(code: u16, reason: &'static str) -> Self {
        Self { code, reason: Cow::Borrowed(reason) }
    }

    /// RFC 6455 §7.4.1: a broken WebSocket frame.
    pub(crate) fn protocol_error(detail: impl fmt::Display) -> Self {
        Self { code: 1002, reason: cut(detail.to_string()).into() }
    }
}

impl From<Refusal> for Close {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::ShuttingDown => Self::SHUTTING_DOWN,
            refusal => Self { code: 4490, reason: cut(refusal.to_string()).into() },
        }
    }
}

impl From<CloseReason> for Close {
    fn from(reason: CloseReason) -> Self {
        match reason {
            CloseReason::ShuttingDown => Self::SHUTTING_DOWN,
            reason => Self::fixed(4490, reason.as_str()),
        }
    }
}

/// Cuts `reason` to what a close frame holds, at a character's boundary.
fn cut(mut reason: String) -> String {
    let mut end = CLOSE_REASON_BYTES.min(reason.len());
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    reason.truncate(end);
    reason
}

/// Why a client is refused (close code 4490). `Display` is the reason in the close frame: a name, and what is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The text is no JSON.
    InvalidJson(String),
    /// It nests deeper than this.
    JsonTooDeep(usize),
    /// A binary frame.
    BinaryFrame,
    /// No object with a string `type`.
    MissingType,
    /// A `type` that no generation has.
    UnknownType(String),
    /// A known message at the wrong moment.
    OutOfOrder { message: &'static str, because: &'static str },
    /// A member that is missing or has a wrong value.
    InvalidField { field: &'static str, expected: &'static str },
    /// A role that no generation has.
    UnknownRole(String),
    /// Members of both generations in one `connect`.
    MixedGenerations { one: &'static str, other: &'static str },
    /// A session description over the limit.
    SdpTooBig(usize),
    /// The SFU cannot take the answer.
    InvalidAnswer(String),
    /// The SFU cannot take the candidate.
    InvalidCandidate(String),
    /// Token or webhook said no.
    AuthFailed(&'static str),
    /// The first message did not come.
    FirstMessageTimeout,
    /// Nothing came for too long.
    IdleTimeout,
    /// More messages per second than allowed.
    TooManyMessages,
    /// The SFU did not let the client in.
    ServerFull(&'static str),
    /// Too many from the client's source have no media path yet.
    TooManySettingUp,
    /// We are going: 1001 instead of 4490.
    ShuttingDown,
    /// A fault of ours.
    InternalError,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidJson(detail) => write!(f, "INVALID-JSON: {detail}"),
            Self::JsonTooDeep(limit) => write!(f, "JSON-TOO-DEEP: at most {limit} levels"),
            Self::BinaryFrame => f.write_str("BINARY-FRAME: messages are JSON in text frames"),
            Self::MissingType => {
                f.write_str("INVALID-MESSAGE: a message is an object with a string type")
            }
            Self::UnknownType(name) => write!(f, "UNKNOWN-TYPE: {name:?}"),
            Self::OutOfOrder { message, because } => {
                write!(f, "UNEXPECTED-MESSAGE: {message}: {because}")
            }
            Self::InvalidField { field, expected } => {
                write!(f, "INVALID-MESSAGE: {field} must be {expected}")
            }
            Self::UnknownRole(role) => write!(
                f,
                "UNKNOWN-ROLE: {role:?} (sendonly, recvonly, sendrecv; 2015: upstream, downstream)"
            ),
            Self::MixedGenerations { one, other } => {
                write!(f, "MIXED-GENERATIONS: {one} does not go with {other}")
            }
            Self::SdpTooBig(limit) => write!(f, "SDP-TOO-BIG: at most {limit} bytes"),
            Self::InvalidAnswer(reason) => write!(f, "INVALID-ANSWER: {reason}"),
            Self::InvalidCandidate(reason) => write!(f, "INVALID-CANDIDATE: {reason}"),
            Self::AuthFailed(reason) => write!(f, "AUTH-FAILED: {reason}"),
            Self::FirstMessageTimeout => {
                f.write_str("FIRST-MESSAGE-TIMEOUT: connect did not come in time")
            }
            Self::IdleTimeout => {
                f.write_str("IDLE-TIMEOUT: nothing came for too long, not even a pong")
            }
            Self::TooManyMessages => f.write_str("TOO-MANY-MESSAGES"),
            Self::ServerFull(detail) => write!(f, "SERVER-FULL: {detail}"),
            Self::TooManySettingUp => f.write_str(
                "SERVER-FULL: too many from your address are being set up, try again in 15 s",
            ),
            Self::ShuttingDown => f.write_str("SHUTTING-DOWN"),
            Self::InternalError => f.write_str("INTERNAL-ERROR"),
        }
    }
}

impl From<JoinError> for Refusal {
    fn from(error: JoinError) -> Self {
        match error {
            JoinError::ShuttingDown => Self::ShuttingDown,
            JoinError::ServerFull => Self::ServerFull("as many connections as it may have"),
            JoinError::TooManyHalfOpen => Self::ServerFull("too many are being set up, try again"),
            JoinError::InvalidChannel => {
                Self::InvalidField { field: "channel_id", expected: "1 to 255 bytes" }
            }
            _ => Self::InternalError,
        }
    }
}

impl Refusal {
    /// The SFU refused an answer.
    pub(crate) fn answer(error: RequestError) -> Option<Self> {
        match error {
            RequestError::Refused(reason) => Some(Self::InvalidAnswer(reason)),
            // The session's last event says why, and comes next.
            _ => None,
        }
    }

    /// The SFU refused a candidate.
    pub(crate) fn candidate(error: RequestError) -> Option<Self> {
        match error {
            RequestError::Refused(reason) => Some(Self::InvalidCandidate(reason)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_closes_with_4490_and_names_the_fault() {
        let close = Close::from(Refusal::UnknownRole("admin".into()));
        assert_eq!(close.code, 4490);
        assert!(close.reason.starts_with("UNKNOWN-ROLE: \"admin\""), "{}", close.reason);
    }

    #[test]
    fn a_long_reason_is_cut_at_a_character() {
        // "INVALID-ANSWER: " is 16 bytes, so byte 123 falls inside a three-byte character.
        let close = Close::from(Refusal::InvalidAnswer("\u{3042}".repeat(100)));
        assert_eq!(close.reason.len(), 121);
        let close = Close::from(Refusal::InvalidAnswer("a".repeat(107)));
        assert_eq!(close.reason.len(), 123);
        let close = Close::from(Refusal::InvalidAnswer("a".repeat(108)));
        assert_eq!(close.reason.len(), 123);
    }

    #[test]
    fn what_a_client_wrote_cannot_break_the_reason() {
        let close = Close::from(Refusal::UnknownType("a\r\n\u{1b}[31m".into()));
        assert!(close.reason.chars().all(|character| !character.is_control()));
    }

    #[test]
    fn shutting_down_is_1001_from_every_side() {
        assert_eq!(Close::from(Refusal::ShuttingDown).code, 1001);
        assert_eq!(Close::from(CloseReason::ShuttingDown).code, 1001);
        assert_eq!(Close::from(Refusal::from(JoinError::ShuttingDown)).code, 1001);
    }

    #[test]
    fn an_end_by_the_sfu_is_4490_with_its_name() {
        let close = Close::from(CloseReason::AnswerTimeout);
        assert_eq!((close.code, &*close.reason), (4490, "ANSWER-TIMEOUT"));
    }
}
