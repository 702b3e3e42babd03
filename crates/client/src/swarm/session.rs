//! A member's signaling, and the handle that ends it.

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
    id: MemberId,
    mailbox: Mailbox,
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
        // A thread that is gone has nobody left to leave.
        let _ = self.mailbox.send(Command::Leave(self.id));
        self.signaling.abort();
    }
}

pub(super) async fn join(
    config: &ClientConfig,
    mailbox: Mailbox,
    common_clock: (Instant, NtpTime),
    verify_every: u32,
) -> Result<Member, ClientError> {
    connect::check(config)?;
    let timeout = config.timeout;
    let joined =
        tokio::time::timeout(timeout, connect(config, mailbox, common_clock, verify_every));
    joined.await.unwrap_or(Err(ClientError::Timeout(timeout)))
}

async fn connect(
    config: &ClientConfig,
    mailbox: Mailbox,
    common_clock: (Instant, NtpTime),
    verify_every: u32,
) -> Result<Member, ClientError> {
    let since = clock::now();
    let peer = peer(config, common_clock, verify_every)?;
    let (connected, is_connected) = oneshot::channel();
    let start = |offer| start(&mailbox, Start { peer, config, since, offer, connected });
    let (closed_in, closed) = watch::channel(None);
    let (member, signaling) = if whip::is_endpoint(&config.signaling_url) {
        let Answered { member, description, .. } = start(None).await?;
        let guard = Leaving { mailbox: &mailbox, member };
        let resource = whip::post(config, description).await?;
        let (taken, is_taken) = oneshot::channel();
        mailbox.send(Command::Answer { member, answer: resource.answer, taken })?;
        is_taken.await.map_err(|_| ClientError::Ended)??;
        std::mem::forget(guard);
        (member, tokio::spawn(hold(config.clone(), resource.location, closed_in)))
    } else {
        let (mut socket, offer) = connect::connect(config).await?;
        let ServerMessage::Offer { sdp, .. } = offer else { return Err(ClientError::Ended) };
        let Answered { member, description, candidate } = start(Some(sdp)).await?;
        let guard = Leaving { mailbox: &mailbox, member };
        socket.send(&signaling::answer(&description)).await?;
        socket.send(&signaling::candidate(&candidate)).await?;
        std::mem::forget(guard);
        (member, tokio::spawn(run(socket, mailbox.clone(), member, closed_in)))
    };
    // From here on its drop ends the member, also when this future is dropped.
    let mut member = Member { id: member, mailbox, closed, signaling };
    tokio::select! {
        result = is_connected => result.map_err(|_| ClientError::Ended)??,
        close = member.closed() => return Err(ClientError::Refused(close)),
    }
    Ok(member)
}

/// Ends a member that was begun and did not come to be.
struct Leaving<'m> {
    mailbox: &'m Mailbox,
    member: MemberId,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        let _ = self.mailbox.send(Command::Leave(self.member));
    }
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

struct Start<'c> {
    peer: Peer,
    config: &'c ClientConfig,
    since: Instant,
    offer: Option<String>,
    connected: oneshot::Sender<Result<(), ClientError>>,
}

async fn start(mailbox: &Mailbox, start: Start<'_>) -> Result<Answered, ClientError> {
    let Start { peer, config, since, offer, connected } = start;
    let (answered, answer) = oneshot::channel();
    let joining = Joining { peer, bind: any_port(config), offer, since, answered, connected };
    mailbox.send(Command::Join(Box::new(joining)))?;
    answer.await.map_err(|_| ClientError::Ended)?
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
