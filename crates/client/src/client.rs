//! [`Client`]: the handle of a running client.

use serde_json::Value;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::config::ClientConfig;
use crate::driver::{self, Command, Final};
use crate::error::ClientError;
use crate::peer::PeerError;
use crate::signaling::{Close, SignalingSeen};
use crate::stats::Stats;

/// Events that may wait to be taken; later ones are dropped then.
pub(crate) const MAX_EVENTS: usize = 1024;

/// What happened to a client. Everything in it can also be asked for at any time.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ClientEvent {
    /// An offer or re-offer was answered: its SDP.
    Offer(String),
    /// ICE, DTLS and SRTP are up.
    Connected(tsubame_srtp::Profile),
    /// A `notify` message.
    Notify(Value),
    /// A `push` message.
    Push(Value),
    /// The WebSocket is closed; media may go on.
    SignalingClosed(Close),
    /// The server closed DTLS.
    MediaClosed,
    /// ICE or DTLS failed.
    MediaFailed(PeerError),
}

/// A client that is connected. It runs in a task of its own; dropping the handle ends it at once.
#[derive(Debug)]
pub struct Client {
    commands: mpsc::Sender<Command>,
    events: mpsc::Receiver<ClientEvent>,
    /// What was there when the task ended.
    last: watch::Receiver<Option<Final>>,
    task: JoinHandle<()>,
}

impl Client {
    /// Connects: WebSocket, offer, answer, ICE, DTLS. Returns when media may flow.
    ///
    /// # Errors
    /// Every [`ClientError`]; [`ClientError::Refused`] when the server closed the WebSocket instead.
    pub async fn connect(config: ClientConfig) -> Result<Self, ClientError> {
        let timeout = config.timeout;
        let (commands, commands_in) = mpsc::channel(64);
        let (events_out, events) = mpsc::channel(MAX_EVENTS);
        let (last_out, last) = watch::channel(None);
        let (ready_out, ready) = oneshot::channel();
        let task = tokio::spawn(driver::run(config, commands_in, events_out, ready_out, last_out));
        let client = Self { commands, events, last, task };
        match tokio::time::timeout(timeout, ready).await {
            Ok(Ok(Ok(()))) => Ok(client),
            Ok(Ok(Err(error))) => Err(error),
            Ok(Err(_)) => Err(ClientError::Ended),
            Err(_) => Err(ClientError::Timeout(timeout)),
        }
    }

    /// The next event; `None` once the client has ended and all were taken.
    pub async fn next_event(&mut self) -> Option<ClientEvent> {
        self.events.recv().await
    }

    /// The stream of events itself, for those who select.
    pub fn events(&mut self) -> &mut mpsc::Receiver<ClientEvent> {
        &mut self.events
    }

    /// What was sent and received so far; the last numbers once the client has ended.
    pub async fn stats(&self) -> Stats {
        match self.ask(Command::Stats).await {
            Some(stats) => stats,
            None => self.last.borrow().as_ref().map(|last| last.stats.clone()).unwrap_or_default(),
        }
    }

    /// What the server said so far: offers, notifications, how it closed.
    pub async fn signaling(&self) -> SignalingSeen {
        match self.ask(Command::Signaling).await {
            Some(seen) => seen,
            None => self.last.borrow().as_ref().map(|last| last.seen.clone()).unwrap_or_default(),
        }
    }

    /// The connection id that the offer gave.
    pub async fn connection_id(&self) -> Option<String> {
        self.signaling().await.connection_id
    }

    /// Asks the server for keyframes: of one publisher's video, or of all.
    ///
    /// # Errors
    /// The client has ended.
    pub async fn request_keyframes(&self, connection_id: Option<&str>) -> Result<(), ClientError> {
        self.tell(Command::RequestKeyframes(connection_id.map(str::to_owned))).await
    }

    /// Sends a message of the caller's own over the WebSocket, JSON or not.
    ///
    /// # Errors
    /// The client has ended.
    pub async fn send_signaling(&self, text: &str) -> Result<(), ClientError> {
        self.tell(Command::Send(text.to_owned())).await
    }

    /// Stops answering, sending and receiving media for good, without telling anybody: as a
    /// machine that lost its power does. The WebSocket stays open, and silent.
    ///
    /// # Errors
    /// The client has ended.
    pub async fn vanish(&self) -> Result<(), ClientError> {
        self.tell(Command::Vanish).await
    }

    /// Waits until the WebSocket is closed and says how.
    pub async fn closed(&mut self) -> Close {
        let ended = self.last.wait_for(Option::is_some).await;
        let close =
            ended.ok().and_then(|last| last.as_ref().and_then(|last| last.seen.close.clone()));
        close.unwrap_or_else(Close::abnormal)
    }

    /// Says `disconnect` and goodbye, and waits (3 s at most) for the server to close the WebSocket.
    /// Statistics stay available.
    pub async fn disconnect(&mut self) -> Close {
        // An error means that it has ended already.
        let _ = self.tell(Command::Disconnect).await;
        self.closed().await
    }

    async fn ask<T>(&self, command: fn(oneshot::Sender<T>) -> Command) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.ok()?;
        answer.await.ok()
    }

    async fn tell(&self, command: Command) -> Result<(), ClientError> {
        self.commands.send(command).await.map_err(|_| ClientError::Ended)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.task.abort();
    }
}
