//! The task behind a client: it reads the clock, waits for sockets and moves bytes between them and
//! the [`Peer`].

pub(crate) mod clock;
pub(crate) mod connect;

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::{mpsc, oneshot, watch};
use tsubame_udp::{BindOptions, ReceiveBatch, SendBatch, Socket};

use self::clock::now;
use crate::client::ClientEvent;
use crate::config::ClientConfig;
use crate::error::ClientError;
use crate::peer::{Peer, PeerEvent};
use crate::signaling::{self, Close, Incoming, ServerMessage, SignalingSeen, SignalingSocket};
use crate::stats::Stats;

/// How long the server may take to close the WebSocket after `disconnect`.
const DISCONNECT_WAIT: Duration = Duration::from_secs(3);
/// Messages taken from the socket at once; a message can be a run of many datagrams.
const RECEIVE_MESSAGES: usize = 8;
/// Batches taken before everything else gets its turn.
const RECEIVE_ROUNDS: usize = 8;
const SEND_MESSAGES: usize = 32;
const MAX_DATAGRAM: usize = 1400;
const SEND_ARENA: usize = 48 * MAX_DATAGRAM;

/// What the handle asks for.
pub(crate) enum Command {
    Stats(oneshot::Sender<Stats>),
    Signaling(oneshot::Sender<SignalingSeen>),
    RequestKeyframes(Option<String>),
    Send(String),
    Vanish,
    Disconnect,
}

/// What is left of a client that has ended.
#[derive(Clone, Debug)]
pub(crate) struct Final {
    pub(crate) stats: Stats,
    pub(crate) seen: SignalingSeen,
}

type Ready = oneshot::Sender<Result<(), ClientError>>;

/// Connects, tells `ready`, and runs until both signaling and media are over.
pub(crate) async fn run(
    config: ClientConfig,
    commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<ClientEvent>,
    ready: Ready,
    last: watch::Sender<Option<Final>>,
) {
    let (mut driver, ready) = match Driver::start(&config, commands, events).await {
        Ok(driver) => (driver, ready),
        Err(error) => {
            let _ = ready.send(Err(error));
            return;
        }
    };
    driver.ready = Some(ready);
    driver.run().await;
    let Driver { peer, seen, .. } = driver;
    last.send_replace(Some(Final { stats: peer.stats(), seen }));
}

struct Driver {
    peer: Peer,
    socket: AsyncFd<Socket>,
    received: ReceiveBatch,
    outgoing: SendBatch,
    /// `None` once it is closed.
    signaling: Option<SignalingSocket>,
    seen: SignalingSeen,
    /// This side's candidate, told to the server behind the first answer.
    candidate: Option<String>,
    commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<ClientEvent>,
    ready: Option<Ready>,
    /// Media is over: closed, failed, or vanished.
    media_ended: bool,
    /// Nothing is sent any more, not even over the WebSocket.
    vanished: bool,
    /// `disconnect` was said: at this time nobody waits any longer.
    deadline: Option<Instant>,
    ended: bool,
}

/// Something to do.
enum Work {
    Datagrams,
    Signal(Incoming),
    Command(Command),
    HandleDropped,
    Timeout,
}

impl Driver {
    async fn start(
        config: &ClientConfig,
        commands: mpsc::Receiver<Command>,
        events: mpsc::Sender<ClientEvent>,
    ) -> Result<Self, ClientError> {
        connect::check(config)?;
        let options = BindOptions::default();
        let socket = Socket::bind(SocketAddr::new(config.bind, 0), &options)?;
        let local = socket.local_addr();
        let mut peer = Peer::new(now(), connect::peer_config(config)?, connect::seed(config)?);
        let candidate = peer.add_local_candidate(now(), local);
        let (signaling, offer) = connect::connect(config).await?;
        let mut driver = Self {
            peer,
            socket: readable(socket)?,
            received: ReceiveBatch::new(RECEIVE_MESSAGES),
            outgoing: SendBatch::new(SEND_MESSAGES, SEND_ARENA),
            signaling: Some(signaling),
            seen: SignalingSeen::default(),
            candidate: Some(candidate),
            commands,
            events,
            ready: None,
            media_ended: false,
            vanished: false,
            deadline: None,
            ended: false,
        };
        driver.handle_message(offer).await?;
        Ok(driver)
    }

    async fn run(&mut self) {
        loop {
            self.drain();
            if self.ended {
                return;
            }
            match self.wait().await {
                Work::Datagrams => self.receive(),
                Work::Signal(incoming) => self.handle_incoming(incoming).await,
                Work::Command(command) => self.handle_command(command).await,
                Work::HandleDropped => self.ended = true,
                Work::Timeout => self.handle_timeout().await,
            }
        }
    }

    async fn wait(&mut self) -> Work {
        let timer = if self.media_ended { None } else { self.peer.poll_timeout() };
        let timer = [timer, self.deadline].into_iter().flatten().min();
        let Self { socket, signaling, commands, media_ended, .. } = self;
        tokio::select! {
            _ = socket.readable(), if !*media_ended => Work::Datagrams,
            incoming = receive(signaling.as_mut()) => Work::Signal(incoming),
            command = commands.recv() => command.map_or(Work::HandleDropped, Work::Command),
            () = sleep_until(timer) => Work::Timeout,
        }
    }

    /// Takes datagrams off the socket, but not for ever.
    fn receive(&mut self) {
        let Self { peer, socket, received, .. } = self;
        let local = socket.get_ref().local_addr();
        for _ in 0..RECEIVE_ROUNDS {
            // An empty socket is told to the reactor as such; one that is not stays readable.
            let taken =
                socket.try_io(Interest::READABLE, |socket| match socket.receive(received) {
                    Ok(0) => Err(io::ErrorKind::WouldBlock.into()),
                    other => other,
                });
            if taken.is_err() {
                return;
            }
            let now = now();
            received.for_each(|datagram| {
                peer.handle_datagram(now, local, datagram.remote, datagram.data);
            });
        }
    }

    async fn handle_incoming(&mut self, incoming: Incoming) {
        match incoming {
            Incoming::Text(text) => {
                let message = ServerMessage::parse(&text).unwrap_or(ServerMessage::Other);
                if let Err(error) = self.handle_message(message).await {
                    self.fail(error);
                }
            }
            Incoming::Close(close) => self.signaling_closed(close),
        }
    }

    async fn handle_message(&mut self, message: ServerMessage) -> Result<(), ClientError> {
        match message {
            ServerMessage::Offer { sdp, connection_id, message } => {
                self.seen.connection_id = connection_id;
                self.seen.offer = Some(message);
                let answer = self.peer.handle_offer(now(), &sdp)?;
                self.send(&signaling::answer(&answer)).await?;
                if let Some(candidate) = self.candidate.take() {
                    self.send(&signaling::candidate(&candidate)).await?;
                }
                self.offered(sdp, answer);
            }
            ServerMessage::ReOffer { sdp, update } => {
                let answer = self.peer.handle_offer(now(), &sdp)?;
                self.send(&signaling::re_answer(&answer, update)).await?;
                self.offered(sdp, answer);
            }
            ServerMessage::Ping { stats } => {
                self.seen.pings += 1;
                self.send(&signaling::pong(stats)).await?;
            }
            ServerMessage::Notify(notify) => {
                self.seen.add_notification(notify.clone());
                self.emit(ClientEvent::Notify(notify));
            }
            ServerMessage::Push(push) => {
                self.seen.add_push(push.clone());
                self.emit(ClientEvent::Push(push));
            }
            ServerMessage::Redirect { .. } | ServerMessage::Other => {}
        }
        Ok(())
    }

    fn offered(&mut self, sdp: String, answer: String) {
        self.seen.add_offer(sdp.clone(), answer);
        self.emit(ClientEvent::Offer(sdp));
    }

    async fn handle_command(&mut self, command: Command) {
        match command {
            // Who asked may have gone; that is its own business.
            Command::Stats(reply) => drop(reply.send(self.peer.stats())),
            Command::Signaling(reply) => drop(reply.send(self.seen.clone())),
            Command::RequestKeyframes(connection_id) => {
                self.peer.request_keyframes(now(), connection_id.as_deref());
            }
            Command::Send(text) => {
                if let Some(socket) = &mut self.signaling
                    && socket.send_text(text).await.is_err()
                {
                    self.signaling_closed(Close::abnormal());
                }
            }
            Command::Vanish => {
                self.media_ended = true;
                self.vanished = true;
            }
            Command::Disconnect => self.disconnect().await,
        }
    }

    /// As the SDKs do: media ends when the server has closed the WebSocket.
    async fn disconnect(&mut self) {
        if self.send(&signaling::disconnect()).await.is_err() {
            self.signaling_closed(Close::abnormal());
        }
        self.deadline = Some(now() + DISCONNECT_WAIT);
    }

    async fn handle_timeout(&mut self) {
        let now = now();
        if !self.media_ended {
            self.peer.handle_timeout(now);
        }
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            if let Some(socket) = &mut self.signaling {
                socket.close().await;
            }
            self.peer.close(now);
            self.drain();
            self.ended = true;
        }
    }

    /// The drain rule.
    fn drain(&mut self) {
        while let Some(event) = self.peer.poll_event() {
            match event {
                PeerEvent::Connected(profile) => {
                    if let Some(ready) = self.ready.take() {
                        let _ = ready.send(Ok(()));
                    }
                    self.emit(ClientEvent::Connected(profile));
                }
                PeerEvent::Closed => {
                    self.emit(ClientEvent::MediaClosed);
                    self.end_media();
                }
                PeerEvent::Failed(error) => {
                    self.emit(ClientEvent::MediaFailed(error.clone()));
                    self.end_media();
                    self.fail(error.into());
                }
                PeerEvent::PathSelected { .. } => {}
            }
        }
        if !self.media_ended {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let Self { peer, socket, outgoing, .. } = self;
        let mut datagram = [0; MAX_DATAGRAM];
        while let Some(transmit) = peer.poll_transmit(&mut datagram) {
            let remote = transmit.path.remote;
            if outgoing.reserve(None, remote, transmit.len).is_none() {
                socket.get_ref().send(outgoing);
            }
            if let Some(slot) = outgoing.reserve(None, remote, transmit.len) {
                slot.copy_from_slice(&datagram[..transmit.len]);
                outgoing.commit(transmit.len);
            }
        }
        if !outgoing.is_empty() {
            // What the kernel drops, the network could have dropped.
            socket.get_ref().send(outgoing);
        }
    }

    async fn send(&mut self, message: &serde_json::Value) -> Result<(), ClientError> {
        match &mut self.signaling {
            Some(socket) if !self.vanished => socket.send(message).await,
            _ => Ok(()),
        }
    }

    fn end_media(&mut self) {
        self.flush();
        self.media_ended = true;
        self.ended |= self.signaling.is_none();
    }

    fn signaling_closed(&mut self, close: Close) {
        self.signaling = None;
        self.seen.close = Some(close.clone());
        if let Some(ready) = self.ready.take() {
            let _ = ready.send(Err(ClientError::Refused(close.clone())));
            self.ended = true;
        }
        self.emit(ClientEvent::SignalingClosed(close));
        // Without data channels nothing holds the session once the WebSocket is closed.
        self.peer.close(now());
        self.drain();
        self.ended = true;
    }

    fn fail(&mut self, error: ClientError) {
        if let Some(ready) = self.ready.take() {
            let _ = ready.send(Err(error));
            self.ended = true;
        }
    }

    fn emit(&mut self, event: ClientEvent) {
        // Nobody has to listen, and who listens too slowly can ask for everything later.
        let _ = self.events.try_send(event);
    }
}

/// Its successor is `unsafe`, because a type could change its descriptor or close it. A [`Socket`] owns one
/// for life.
#[allow(deprecated, reason = "the only safe way to wait for a descriptor of one's own")]
fn readable(socket: Socket) -> io::Result<AsyncFd<Socket>> {
    AsyncFd::with_interest(socket, Interest::READABLE)
}

/// For ever, if there is no socket.
async fn receive(socket: Option<&mut SignalingSocket>) -> Incoming {
    match socket {
        Some(socket) => socket.receive().await,
        None => std::future::pending().await,
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
