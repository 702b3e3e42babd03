//! The SFU as the control plane sees it: a cheap handle and one [`Session`] per client.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use crate::api::{Event, Join, JoinError, Joined, RequestError};
use crate::directory::{Directory, Seat};
use crate::id::ConnectionId;
use crate::metrics::{Published, ShardMetrics};

/// Events a session's owner may leave unread before the session is ended: one answer can refuse every track there is a section for.
pub(crate) const EVENT_QUEUE: usize = 256;

/// What a shard is asked to do. Answers go back on the `reply`.
#[derive(Debug)]
pub(crate) enum Command {
    Join {
        join: Box<Join>,
        events: mpsc::Sender<Event>,
        reply: oneshot::Sender<Result<Joined, JoinError>>,
    },
    Answer {
        id: ConnectionId,
        sdp: String,
        reply: oneshot::Sender<Result<(), RequestError>>,
    },
    Candidate {
        id: ConnectionId,
        candidate: String,
        reply: oneshot::Sender<Result<(), RequestError>>,
    },
    Leave {
        id: ConnectionId,
    },
    Shutdown,
}

/// The sending end of one shard's mailbox.
///
/// The queue has no length limit of its own: every command but `Leave` is awaited by its session's one task, and a session leaves once, so
/// it never holds more than two commands per session.
pub(crate) struct Mailbox {
    commands: mpsc::UnboundedSender<Command>,
    wake: Box<dyn Fn() + Send + Sync>,
    metrics: Arc<Published>,
}

impl Mailbox {
    pub(crate) fn new(
        commands: mpsc::UnboundedSender<Command>,
        wake: Box<dyn Fn() + Send + Sync>,
        metrics: Arc<Published>,
    ) -> Self {
        Self { commands, wake, metrics }
    }

    /// Whether the shard is there to read it.
    pub(crate) fn send(&self, command: Command) -> bool {
        let sent = self.commands.send(command).is_ok();
        if sent {
            (self.wake)();
        }
        sent
    }
}

/// A running SFU, from outside. Clones are cheap and lead to the same SFU.
#[derive(Clone)]
pub struct Handle {
    shards: Arc<[Mailbox]>,
    directory: Arc<Directory>,
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handle").field("shards", &self.shards.len()).finish()
    }
}

impl Handle {
    pub(crate) fn new(shards: Vec<Mailbox>, directory: Arc<Directory>) -> Self {
        Self { shards: shards.into(), directory }
    }

    /// Lets a client into a channel and makes its first offer.
    pub async fn join(&self, join: Join) -> Result<(Joined, Session), JoinError> {
        let id = join.connection_id;
        let seat = self.directory.take_seat(&join.channel, id)?;
        let (events, receiver) = mpsc::channel(EVENT_QUEUE);
        let (reply, answer) = oneshot::channel();
        if !self.shards[seat.shard()].send(Command::Join { join: Box::new(join), events, reply }) {
            return Err(JoinError::ShuttingDown);
        }
        // Made before the reply is awaited: whoever gives up waiting drops it, and so leaves.
        let mut session =
            Session { id, seat, shards: Arc::clone(&self.shards), events: receiver, joined: true };
        match answer.await {
            Ok(Ok(joined)) => Ok((joined, session)),
            Ok(Err(error)) => {
                session.joined = false;
                Err(error)
            }
            Err(_) => Err(JoinError::ShuttingDown),
        }
    }

    /// What each shard did since its start, as of its last turn. Costs the shards nothing.
    pub fn metrics(&self) -> Vec<ShardMetrics> {
        self.shards.iter().map(|shard| shard.metrics.read()).collect()
    }

    /// Asks every shard to end its sessions and stop.
    pub(crate) fn shutdown(&self) {
        for shard in self.shards.iter() {
            shard.send(Command::Shutdown);
        }
    }
}

/// One client's session. Dropping it leaves the channel.
pub struct Session {
    id: ConnectionId,
    /// Given up after the shard was told.
    seat: Seat,
    shards: Arc<[Mailbox]>,
    events: mpsc::Receiver<Event>,
    /// Whether there is something to leave.
    joined: bool,
}

impl Session {
    /// The connection's name.
    pub fn id(&self) -> ConnectionId {
        self.id
    }

    /// The next event; `None` once the session is over and everything was read. Cancel safe.
    pub async fn next_event(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// Hands in the answer to the outstanding offer.
    pub async fn answer(&self, sdp: String) -> Result<(), RequestError> {
        self.request(|reply| Command::Answer { id: self.id, sdp, reply }).await
    }

    /// Hands in a trickled candidate, with or without its `candidate:` prefix. An empty one says that there are no more.
    pub async fn candidate(&self, candidate: String) -> Result<(), RequestError> {
        self.request(|reply| Command::Candidate { id: self.id, candidate, reply }).await
    }

    async fn request(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<(), RequestError>>) -> Command,
    ) -> Result<(), RequestError> {
        let (reply, answer) = oneshot::channel();
        if !self.shards[self.seat.shard()].send(command(reply)) {
            return Err(RequestError::Gone);
        }
        answer.await.unwrap_or(Err(RequestError::Gone))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.joined {
            self.shards[self.seat.shard()].send(Command::Leave { id: self.id });
        }
    }
}
