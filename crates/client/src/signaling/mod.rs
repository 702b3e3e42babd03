//! Sora signaling, both generations.

mod message;
mod seen;
mod socket;

pub(crate) use message::{ServerMessage, answer, candidate, connect, disconnect, pong, re_answer};
pub(crate) use socket::{Incoming, SignalingSocket};

pub use seen::SignalingSeen;

/// How the WebSocket was closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// The close code: 1000 and 4490 in the protocol; 1005 when the frame had none, 1006 when there was no
    /// frame.
    pub code: u16,
    /// The reason, `TYPE-DISCONNECT` for example.
    pub reason: String,
}

impl Close {
    /// No close frame came.
    pub(crate) fn abnormal() -> Self {
        Self { code: 1006, reason: String::new() }
    }
}

impl std::fmt::Display for Close {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.code, self.reason)
    }
}
