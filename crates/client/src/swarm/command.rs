//! What the media threads are told.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use tokio::sync::{mpsc, oneshot};

use super::measurement::Measurement;
use crate::error::ClientError;
use crate::peer::Peer;

/// Names a member on its thread. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct MemberId(pub(super) u64);

/// A member that is to be.
pub(super) struct Joining {
    pub(super) peer: Peer,
    pub(super) bind: std::net::SocketAddr,
    /// The server's. `None`: it answers ours.
    pub(super) offer: Option<String>,
    /// When it began to connect.
    pub(super) since: Instant,
    /// Set before its owner lets it go: the server's answer to that may be here before the command is.
    pub(super) has_left: Arc<AtomicBool>,
    pub(super) answered: oneshot::Sender<Result<Answered, ClientError>>,
    pub(super) connected: oneshot::Sender<Result<(), ClientError>>,
}

/// A member's first description: the answer to the server's offer, or an offer.
pub(super) struct Answered {
    pub(super) member: MemberId,
    pub(super) description: String,
    pub(super) candidate: String,
}

pub(super) enum Command {
    Join(Box<Joining>),
    /// A later offer.
    Offer {
        member: MemberId,
        offer: String,
        answered: oneshot::Sender<Result<String, ClientError>>,
    },
    /// The answer to a member's own offer.
    Answer {
        member: MemberId,
        answer: String,
        taken: oneshot::Sender<Result<(), ClientError>>,
    },
    /// Says goodbye and ends.
    Leave(MemberId),
    Measure {
        /// When the latest packet of a track has to have come for the track to be flowing.
        flowing_since: Instant,
        measured: oneshot::Sender<Measurement>,
    },
}

/// The way to a thread, which ends when the last of these is gone.
#[derive(Clone, Debug)]
pub(super) struct Mailbox {
    commands: mpsc::UnboundedSender<Command>,
}

impl Mailbox {
    pub(super) fn new(commands: mpsc::UnboundedSender<Command>) -> Self {
        Self { commands }
    }

    pub(super) fn send(&self, command: Command) -> Result<(), ClientError> {
        self.commands.send(command).map_err(|_| ClientError::Ended)
    }
}
