//! Watching: tracks, what is missing of them, and what the server is told about it.

mod gaps;
mod track;
mod tracks;
mod transport_feedback;

pub(crate) use track::{ReceiveParameters, ReceivePayload};
pub(crate) use tracks::{Feedback, Tracks};
