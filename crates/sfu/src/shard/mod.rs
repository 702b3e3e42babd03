//! One shard's state: its clients, channels and tracks, and what happens to a datagram among them.
//!
//! Pure: it is told the time, given datagrams and commands, and writes into a [`Sink`]. [`crate::worker`] drives it.
//!
//! *Turn rule*: feed commands, datagrams and the time, in any number, then call [`Shard::finish_turn`] once. Forwarding happens there, so
//! that all packets of a batch reach one subscriber together.
//!
//! | file | what |
//! |---|---|
//! | `demux` | whose datagram is it |
//! | `paths` | claiming paths, here and from other shards; hand-over |
//! | `membership` | join, leave, who gets whose tracks |
//! | `message`, `ring`, `neighbours` | what shards say to each other, and on what |
//! | `negotiation` | offers, answers, candidates |
//! | `receive` | RTP from publishers |
//! | `coalesce` | packets that wait for others |
//! | `forward` | packets to subscribers |
//! | `template`, `header`, `evening` | their headers; padding that makes them form runs |
//! | `feedback_in` | RTCP from clients |
//! | `feedback_out` | RTCP to clients |
//! | `handshakes` | DTLS of clients that are being set up, a few datagrams per turn |
//! | `replica` | tracks of other shards |
//! | `timers` | who wants to be looked at when |

mod census;
mod coalesce;
mod compound;
mod demux;
mod evening;
mod feedback_in;
mod feedback_out;
mod forward;
mod handshakes;
mod header;
mod membership;
mod message;
mod negotiation;
mod neighbours;
mod paths;
mod receive;
mod replica;
mod ring;
#[cfg(any(feature = "bench", tsubame_fuzzing))]
pub(crate) mod standalone;
mod template;
mod timers;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand_chacha::ChaCha12Rng;
use rand_core::{Rng, SeedableRng};
use slab::Slab;
use tsubame_stun::ice::{self, Path};

use crate::api::{CloseReason, Event};
use crate::channel::Channel;
use crate::counters::Counters;
use crate::directory::Directory;
use crate::handle::Command;
use crate::id::ConnectionId;
use crate::keys::{ChannelKey, PeerKey, PublicationKey};
use crate::limits;
use crate::media::NtpClock;
use crate::metrics::Population;
use crate::peer::Peer;
use crate::publication::Publication;
use crate::sink::Sink;
use crate::subscription::Subscription;
use crate::transport::TransportEvent;

pub(crate) use census::Census;
use coalesce::Coalescer;
use demux::Demux;
pub(crate) use demux::MAX_SHARDS;
use handshakes::Handshakes;
use message::ShardMessage;
pub(crate) use neighbours::Neighbours;
use template::Templates;
use timers::Timers;

/// What the shards of one server have in common.
pub(crate) struct Shared {
    /// Addresses to advertise, of each shard, in order of preference.
    pub(crate) candidates: Vec<Vec<SocketAddr>>,
    pub(crate) dtls: Arc<tsubame_dtls::Config>,
    /// On all shards together.
    pub(crate) max_connections: usize,
    /// For how long a busy shard may hold packets.
    pub(crate) coalesce: Duration,
    pub(crate) census: Census,
    pub(crate) directory: Arc<Directory>,
    /// How many there are.
    pub(crate) shards: usize,
    /// They share their ports, so that datagrams land anywhere. Otherwise what lands on the wrong one was sent there on purpose, and its shard could
    /// not answer from there.
    pub(crate) hands_over: bool,
}

/// See the module's documentation.
pub(crate) struct Shard {
    index: usize,
    shared: Arc<Shared>,
    random: ChaCha12Rng,
    clock: NtpClock,
    peers: Slab<Peer>,
    ids: HashMap<ConnectionId, PeerKey>,
    channels: Slab<Channel>,
    channel_names: HashMap<String, ChannelKey>,
    publications: Slab<Publication>,
    subscriptions: Slab<Subscription>,
    demux: Demux,
    handshakes: Handshakes,
    timers: Timers<PeerKey>,
    /// Replicas of other shards' tracks, by the number of their arrival.
    replicas: HashMap<u64, PublicationKey>,
    replica_timers: Timers<PublicationKey>,
    /// Counts the stays in channels.
    epochs: u64,
    templates: Templates,
    coalescer: Coalescer,
    /// Publications with packets of this turn.
    batched: VecDeque<PublicationKey>,
    /// Clients with something to settle in this turn.
    touched: VecDeque<PeerKey>,
    /// A batch is so long that its first packets may be gone from the cache before the turn ends by itself.
    must_forward: bool,
    neighbours: Neighbours,
    /// Whose input is being handled, to know whom to blame for a panic.
    current: Option<PeerKey>,
    shutting_down: bool,
    counters: Counters,
    /// Where, and over whose input, the shard is to panic.
    #[cfg(test)]
    trap: Option<(Trap, PeerKey)>,
}

/// A place for a test to make the shard panic.
#[cfg(test)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trap {
    Receive,
    Forward,
    Settle,
}

impl Shard {
    pub(crate) fn new(
        index: usize,
        shared: Arc<Shared>,
        neighbours: Neighbours,
        clock: NtpClock,
        seed: [u8; 32],
    ) -> Self {
        Self {
            index,
            coalescer: Coalescer::new(shared.coalesce),
            shared,
            random: ChaCha12Rng::from_seed(seed),
            clock,
            peers: Slab::new(),
            ids: HashMap::new(),
            channels: Slab::new(),
            channel_names: HashMap::new(),
            publications: Slab::new(),
            subscriptions: Slab::new(),
            demux: Demux::default(),
            handshakes: Handshakes::default(),
            timers: Timers::new(),
            replicas: HashMap::new(),
            replica_timers: Timers::new(),
            epochs: 0,
            templates: Templates::default(),
            batched: VecDeque::new(),
            touched: VecDeque::new(),
            must_forward: false,
            neighbours,
            current: None,
            shutting_down: false,
            counters: Counters::default(),
            #[cfg(test)]
            trap: None,
        }
    }

    pub(crate) fn handle_command(&mut self, now: Instant, command: Command) {
        match command {
            Command::Join { join, events, reply } => {
                let result = self.join(now, *join, events);
                if let Err(Ok(_)) = reply.send(result) {
                    // Nobody waits any more; the session's drop sends a `Leave` after this.
                }
            }
            Command::Answer { id, sdp, reply } => {
                let _ = reply.send(self.answer(now, id, &sdp));
            }
            Command::Candidate { id, candidate, reply } => {
                let _ = reply.send(self.candidate(id, &candidate));
            }
            Command::Leave { id } => self.leave(id),
            Command::Shutdown => self.shut_down(),
        }
    }

    /// Whether another shard has something to say.
    pub(crate) fn has_messages(&self) -> bool {
        self.neighbours.has_received()
    }

    /// The next thing that another shard says, and which.
    pub(crate) fn poll_neighbours(&mut self) -> Option<(usize, ShardMessage)> {
        self.neighbours.receive()
    }

    pub(crate) fn handle_message(&mut self, now: Instant, from: usize, message: ShardMessage) {
        match message {
            ShardMessage::Datagram { path, mut octets } => {
                self.handle_datagram_via(now, path, &mut octets, Some(from));
                self.neighbours.give_back(from, octets);
            }
            ShardMessage::Claim { path } => self.demux.add_foreign(path, from),
            ShardMessage::Release { path } => self.demux.remove_foreign(&path, from),
            ShardMessage::Attend { channel, epoch, is_answer } => {
                self.attended(from, &channel, epoch, is_answer);
            }
            ShardMessage::Depart { channel } => self.departed(from, &channel),
            ShardMessage::Announce(announcement) => self.announced(from, *announcement),
            ShardMessage::Track(track, message) => {
                self.handle_track_message(now, from, track, message);
            }
        }
    }

    /// Takes a datagram from one of the shard's own sockets. It is decrypted where it lies.
    pub(crate) fn handle_datagram(&mut self, now: Instant, path: Path, datagram: &mut [u8]) {
        self.handle_datagram_via(now, path, datagram, None);
    }

    fn handle_datagram_via(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &mut [u8],
        via: Option<usize>,
    ) {
        if datagram.len() > limits::DATAGRAM {
            self.counters.oversized += 1;
            return;
        }
        if tsubame_stun::is_stun(datagram) {
            return self.handle_stun(now, path, datagram, via);
        }
        let Some(key) = self.demux.peer_by_path(&path) else {
            return self.hand_over_by_path(path, datagram, via);
        };
        if self.is_over(key) {
            return;
        }
        self.current = Some(key);
        if tsubame_rtp::is_rtp_or_rtcp(datagram) {
            if tsubame_rtp::is_rtcp(datagram) {
                self.handle_rtcp(now, key, &path, datagram);
            } else {
                self.handle_rtp(now, key, &path, datagram);
            }
        } else if tsubame_dtls::is_dtls(datagram) {
            self.handle_dtls(now, key, path, datagram, via);
        } else {
            self.counters.unknown_protocol += 1;
        }
        self.current = None;
    }

    fn handle_stun(&mut self, now: Instant, path: Path, datagram: &mut [u8], via: Option<usize>) {
        let Some((ufrag, _)) = ice::peek_username(datagram) else {
            self.counters.stun_without_username += 1;
            return;
        };
        let Some(key) = self.demux.peer_by_ufrag(ufrag) else {
            match demux::shard_of_ufrag(ufrag) {
                Some(shard) if self.may_hand_over(shard, via) => {
                    self.hand_over(shard, path, datagram);
                }
                _ => self.counters.unknown_ufrag += 1,
            }
            return;
        };
        let Some(peer) = self.peers.get_mut(key.0).filter(|peer| peer.closed.is_none()) else {
            return;
        };
        self.current = Some(key);
        let authentic = peer.transport.handle_stun(now, path, datagram);
        self.read_transport_events(now, key, via);
        if authentic {
            self.reclaim_path(key, path, via);
        }
        self.current = None;
    }

    /// Whether the turn should be finished before more datagrams are handed in.
    pub(crate) fn is_full(&self) -> bool {
        self.must_forward
    }

    /// The rings to and from the other shards.
    pub(crate) fn neighbours(&mut self) -> &mut Neighbours {
        &mut self.neighbours
    }

    /// When [`Shard::handle_timeout`] is to be called.
    #[cfg(any(test, feature = "bench", tsubame_fuzzing))]
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        [self.poll_prompt_timeout(), self.poll_patient_timeout()].into_iter().flatten().min()
    }

    /// When [`Shard::handle_timeout`] has to be called at once.
    pub(crate) fn poll_prompt_timeout(&self) -> Option<Instant> {
        [self.handshakes.due(), self.coalescing_ends()].into_iter().flatten().min()
    }

    /// When it has to be called for what may come some milliseconds late: reports, consent, repetitions.
    pub(crate) fn poll_patient_timeout(&self) -> Option<Instant> {
        [self.timers.next(), self.replica_timers.next()].into_iter().flatten().min()
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        // Before the timers: what waits may be the answer that one of them takes for lost.
        self.continue_handshakes(now);
        while let Some((key, at)) = self.timers.pop(now) {
            let Some(peer) = self.peers.get_mut(key.0) else { continue };
            // Overtaken by an earlier entry, which re-armed.
            if peer.armed != Some(at) {
                continue;
            }
            peer.armed = None;
            self.current = Some(key);
            peer.transport.handle_timeout(now);
            if peer.handshakes_waiting == 0 {
                peer.transport.handle_dtls_timeout(now);
            }
            if peer.setup_due.is_some_and(|due| due <= now) {
                peer.close(CloseReason::SetupTimeout);
            }
            if peer.negotiation.answer_due.is_some_and(|due| due <= now) {
                peer.close(CloseReason::AnswerTimeout);
            }
            self.read_transport_events(now, key, None);
            self.current = None;
        }
        self.handle_replica_timeouts(now);
    }

    /// Forwards what came, settles what changed, and arms the timers.
    pub(crate) fn finish_turn(&mut self, now: Instant, sink: &mut impl Sink) {
        self.forward_batches(now, sink);
        while let Some(key) = self.touched.pop_front() {
            self.current = Some(key);
            self.settle(now, key, sink);
        }
        self.current = None;
    }

    /// One client's share of the end of a turn.
    fn settle(&mut self, now: Instant, key: PeerKey, sink: &mut impl Sink) {
        let Some(peer) = self.peers.get_mut(key.0) else { return };
        peer.touched = false;
        #[cfg(test)]
        if peer.closed.is_none() {
            self.spring(Trap::Settle, key);
        }
        let Some(peer) = self.peers.get_mut(key.0) else { return };
        if let Some(reason) = peer.closed {
            // Nobody is there to hear it, or what would say it may be broken.
            if !matches!(reason, CloseReason::ConsentExpired | CloseReason::InternalError) {
                peer.transport.say_goodbye(sink);
            }
            return self.remove(key, Some(reason));
        }
        peer.transport.flush(sink);
        self.write_feedback(now, key, sink);
        self.release_held(now, key, sink);
        self.offer_changes(now, key);
        let keyframe = self.keyframe_deadline(key);
        let Some(peer) = self.peers.get_mut(key.0) else { return };
        if peer.closed.is_some() {
            return self.touch(key);
        }
        if let Some(at) = peer.next_deadline().into_iter().chain(keyframe).min() {
            self.timers.arm(key, &mut peer.armed, at);
        }
    }

    /// Whether the client only waits to be taken out: nothing of it counts any more.
    fn is_over(&self, key: PeerKey) -> bool {
        self.peers.get(key.0).is_none_or(|peer| peer.closed.is_some())
    }

    /// The client is looked at before the turn ends.
    fn touch(&mut self, key: PeerKey) {
        if let Some(peer) = self.peers.get_mut(key.0)
            && !std::mem::replace(&mut peer.touched, true)
        {
            self.touched.push_back(key);
        }
    }

    fn read_transport_events(&mut self, now: Instant, key: PeerKey, via: Option<usize>) {
        self.touch(key);
        while let Some(event) =
            self.peers.get_mut(key.0).and_then(|peer| peer.transport.poll_event())
        {
            match event {
                TransportEvent::Verified(path) => self.claim_path(key, path, via),
                TransportEvent::Forgotten(path) => self.release_path(key, path),
                TransportEvent::Connected => self.connected(now, key),
                TransportEvent::Closed(reason) => {
                    if let Some(peer) = self.peers.get_mut(key.0) {
                        peer.close(reason);
                    }
                }
            }
        }
    }

    fn connected(&mut self, now: Instant, key: PeerKey) {
        let Some(peer) = self.peers.get_mut(key.0) else { return };
        if peer.setup_due.take().is_some() {
            self.shared.census.set_up();
        }
        peer.report_due = Some(now + limits::REPORT_INTERVAL);
        peer.tell(Event::Connected);
        tracing::debug!(connection = %peer.id, "connected");
        self.publish_negotiated(key);
        self.activate_subscriptions(now, key);
    }

    fn shut_down(&mut self) {
        self.shutting_down = true;
        for (index, peer) in &mut self.peers {
            peer.close(CloseReason::ShuttingDown);
            if !std::mem::replace(&mut peer.touched, true) {
                self.touched.push_back(PeerKey(index));
            }
        }
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    pub(crate) fn population(&self) -> Population {
        Population {
            connections: self.peers.len() as u64,
            channels: self.channels.len() as u64,
            publications: (self.publications.len() - self.replicas.len()) as u64,
            replicas: self.replicas.len() as u64,
            subscriptions: self.subscriptions.len() as u64,
        }
    }

    /// Whether a shutdown was asked for and everybody is gone.
    pub(crate) fn is_done(&self) -> bool {
        self.shutting_down && self.peers.is_empty()
    }

    /// Ends the session whose input made the shard panic. Whatever else that input had touched is left as it is.
    pub(crate) fn end_current_after_panic(&mut self) -> Option<ConnectionId> {
        self.counters.panics += 1;
        // The batch over which it happened is off the list already: what is left of it would keep the next packets from being lined up.
        for (key, publication) in &mut self.publications {
            if !self.batched.contains(&PublicationKey(key)) {
                publication.batch.clear();
            }
        }
        let key = self.current.take()?;
        let peer = self.peers.get_mut(key.0)?;
        // Whatever it was closed for before: after this nothing more is said to it.
        peer.closed = Some(CloseReason::InternalError);
        let id = peer.id;
        self.touch(key);
        Some(id)
    }

    #[cfg(test)]
    fn spring(&self, trap: Trap, key: PeerKey) {
        assert_ne!(self.trap, Some((trap, key)), "this is what the test wanted");
    }

    fn random_bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.random.fill_bytes(&mut bytes);
        bytes
    }
}
