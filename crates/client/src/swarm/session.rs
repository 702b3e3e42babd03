//! A member's signaling, and the handle that ends it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use hyper::Uri;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tsubame_rtp::NtpTime;

use super::any_port;
use super::command::{Answered, Command, Joining, Mailbox, MemberId};
use crate::config::ClientConfig;
use crate::driver::{clock, connect};
use crate::error::ClientError;
use crate::peer::Peer;
use crate::signaling::{self, Close, Incoming, ServerMessage, SignalingSocket};
use crate::whip;

/// A member of a swarm that is connected. Dropping it ends it at once.
#[derive(Debug)]
pub struct Member {
    leaving: Leaving,
    closed: watch::Receiver<Option<Close>>,
    signaling: JoinHandle<()>,
}

impl Member {
    /// Waits until the server has closed the WebSocket, and says how.
    pub async fn closed(&mut self) -> Close {
        let closed = self.closed.wait_for(Option::is_some).await;
        closed.ok().and_then(|close| close.clone()).unwrap_or_else(Close::abnormal)
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.leaving.mark();
        self.signaling.abort();
    }
}

/// A member that is to be, of which the caller tells a server in whatever protocol that speaks. Dropping it ends it.
#[derive(Debug)]
pub struct Negotiation {
    leaving: Leaving,
    description: String,
    candidate: String,
    is_connected: oneshot::Receiver<Result<(), ClientError>>,
}

impl Negotiation {
    /// The member's session description: its answer if it was begun with an offer, else its offer. The candidate is in an offer, not in an answer.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Its one candidate, `candidate:...`.
    pub fn candidate(&self) -> &str {
        &self.candidate
    }

    /// Takes the server's answer to the member's offer.
    ///
    /// # Errors
    /// It cannot be understood.
    pub async fn take_answer(&self, answer: String) -> Result<(), ClientError> {
        let Leaving { mailbox, member, .. } = &self.leaving;
        let (taken, is_taken) = oneshot::channel();
        mailbox.send(Command::Answer { member: *member, answer, taken })?;
        is_taken.await.map_err(|_| ClientError::Ended)?
    }

    /// Returns when media may flow. It is the caller who limits the time.
    ///
    /// # Errors
    /// ICE or DTLS failed.
    pub async fn connected(self) -> Result<Member, ClientError> {
        // Nobody but the caller knows when the server ends the session.
        self.connected_beside(|closed| tokio::spawn(async move { closed.closed().await })).await
    }

    async fn connected_beside(
        self,
        signaling: impl FnOnce(watch::Sender<Option<Close>>) -> JoinHandle<()>,
    ) -> Result<Member, ClientError> {
        let (closed_in, closed) = watch::channel(None);
        let Self { leaving, is_connected, .. } = self;
        // From here on its drop ends the signaling, also when this future is dropped.
        let mut member = Member { leaving, closed, signaling: signaling(closed_in) };
        tokio::select! {
            result = is_connected => result.map_err(|_| ClientError::Ended)??,
            close = member.closed() => return Err(ClientError::Refused(close)),
        }
        Ok(member)
    }
}

/// Ends a member, whether it came to be or not.
#[derive(Debug)]
struct Leaving {
    mailbox: Mailbox,
    member: MemberId,
    has_left: Arc<AtomicBool>,
}

impl Leaving {
    /// What ends from here on was meant to end.
    fn mark(&self) {
        self.has_left.store(true, Ordering::Release);
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.mark();
        // A thread that is gone has nobody left to leave.
        let _ = self.mailbox.send(Command::Leave(self.member));
    }
}

/// What a member is made with, beside its configuration.
pub(super) struct Place {
    pub(super) mailbox: Mailbox,
    pub(super) clock: (Instant, NtpTime),
    pub(super) verify_every: u32,
}

pub(super) async fn join(config: &ClientConfig, place: Place) -> Result<Member, ClientError> {
    connect::check(config)?;
    let timeout = config.timeout;
    let joined = tokio::time::timeout(timeout, connect(config, place));
    joined.await.unwrap_or(Err(ClientError::Timeout(timeout)))
}

async fn connect(config: &ClientConfig, place: Place) -> Result<Member, ClientError> {
    let since = clock::now();
    if whip::is_endpoint(&config.signaling_url) {
        let negotiation = begin(config, place, since, None).await?;
        let resource = whip::post(config, negotiation.description.clone()).await?;
        negotiation.take_answer(resource.answer).await?;
        let config = config.clone();
        let hold = |closed| tokio::spawn(hold(config, resource.location, closed));
        negotiation.connected_beside(hold).await
    } else {
        let (mut socket, offer) = connect::connect(config).await?;
        let ServerMessage::Offer { sdp, .. } = offer else { return Err(ClientError::Ended) };
        let negotiation = begin(config, place, since, Some(sdp)).await?;
        socket.send(&signaling::answer(&negotiation.description)).await?;
        socket.send(&signaling::candidate(&negotiation.candidate)).await?;
        let Leaving { mailbox, member, .. } = &negotiation.leaving;
        let (mailbox, member) = (mailbox.clone(), *member);
        negotiation
            .connected_beside(|closed| tokio::spawn(run(socket, mailbox, member, closed)))
            .await
    }
}

/// Makes a member that answers `offer`, or makes one of its own. It began to connect at `since`.
pub(super) async fn begin(
    config: &ClientConfig,
    place: Place,
    since: Instant,
    offer: Option<String>,
) -> Result<Negotiation, ClientError> {
    let Place { mailbox, clock, verify_every } = place;
    let peer = peer(config, clock, verify_every)?;
    let (connected, is_connected) = oneshot::channel();
    let (answered, answer) = oneshot::channel();
    let has_left = Arc::new(AtomicBool::new(false));
    let (bind, left) = (any_port(config), Arc::clone(&has_left));
    let joining = Joining { peer, bind, offer, since, has_left: left, answered, connected };
    mailbox.send(Command::Join(Box::new(joining)))?;
    let answered = answer.await.map_err(|_| ClientError::Ended)??;
    let Answered { member, description, candidate } = answered;
    Ok(Negotiation {
        leaving: Leaving { mailbox, member, has_left },
        description,
        candidate,
        is_connected,
    })
}

fn peer(
    config: &ClientConfig,
    (started, ntp): (Instant, NtpTime),
    verify_every: u32,
) -> Result<Peer, ClientError> {
    let mut peer = connect::peer_config(config)?;
    peer.verify_every = verify_every;
    let now = clock::now();
    peer.ntp = ntp + now.saturating_duration_since(started);
    Ok(Peer::new(now, peer, connect::seed(config)?))
}

/// Keeps a WHIP or WHEP session, which says nothing, until the member is dropped.
async fn hold(config: ClientConfig, location: Option<Uri>, closed: watch::Sender<Option<Close>>) {
    let _deleting = Deleting { config, location };
    // While the sender lives, nobody closed anything.
    closed.closed().await;
}

/// Deletes the session at the server, as far as that can be.
struct Deleting {
    config: ClientConfig,
    location: Option<Uri>,
}

impl Drop for Deleting {
    fn drop(&mut self) {
        let Some(location) = self.location.take() else { return };
        let config = self.config.clone();
        // Without a runtime the process ends, and the session by its silence.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { whip::delete(&config, &location).await });
        }
    }
}

/// Answers what the server says until it closes.
async fn run(
    mut socket: SignalingSocket,
    mailbox: Mailbox,
    member: MemberId,
    closed: watch::Sender<Option<Close>>,
) {
    let close = loop {
        match socket.receive().await {
            Incoming::Text(text) => {
                let message = ServerMessage::parse(&text).unwrap_or(ServerMessage::Other);
                if respond(&mut socket, &mailbox, member, message).await.is_err() {
                    break Close::abnormal();
                }
            }
            Incoming::Close(close) => break close,
        }
    };
    // Without data channels nothing holds the session once the WebSocket is closed.
    let _ = mailbox.send(Command::Leave(member));
    closed.send_replace(Some(close));
}

async fn respond(
    socket: &mut SignalingSocket,
    mailbox: &Mailbox,
    member: MemberId,
    message: ServerMessage,
) -> Result<(), ClientError> {
    match message {
        ServerMessage::ReOffer { sdp, update } => {
            let (answered, answer) = oneshot::channel();
            mailbox.send(Command::Offer { member, offer: sdp, answered })?;
            let answer = answer.await.map_err(|_| ClientError::Ended)??;
            socket.send(&signaling::re_answer(&answer, update)).await
        }
        ServerMessage::Ping { stats } => socket.send(&signaling::pong(stats)).await,
        _ => Ok(()),
    }
}
