//! Shards, clients and the network between them, under a virtual clock.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tsubame_client::peer::{Peer, PeerConfig, PeerEvent, VideoSettings};
use tsubame_dtls::Identity;
use tsubame_netsim::{LinkConfig, Network};
use tsubame_rtp::{MediaKind, NtpTime};
use tsubame_stun::ice::Path;

use crate::api::{
    AudioSettings, CloseReason, Event, Join, JoinError, Joined, RequestError, Role, VideoCodec,
    VideoSettings as WantedVideo,
};
use crate::directory::{Directory, Seat};
use crate::handle::Command;
use crate::id::ConnectionId;
use crate::keys::PeerKey;
use crate::media::NtpClock;
use crate::shard::{Census, Neighbours, Shard, Shared};
use crate::sink::Collected;
use crate::subscription::Subscription;

use super::checks;
use super::forger::Forger;

pub(super) const SERVER: ([u8; 4], u16) = ([10, 0, 0, 1], 40_000);

/// One client: the peer, and its signaling, which is instantaneous.
pub(super) struct Client {
    pub(super) id: ConnectionId,
    pub(super) peer: Peer,
    pub(super) address: SocketAddr,
    pub(super) shard: usize,
    /// Given up when it leaves.
    seat: Option<Seat>,
    events: mpsc::Receiver<Event>,
    /// What signaling was told.
    pub(super) seen: Vec<Event>,
    pub(super) peer_events: Vec<PeerEvent>,
    /// Re-offers stay unanswered.
    pub(super) mute: bool,
    /// The peer does nothing any more, neither on its own nor when it is sent something.
    pub(super) frozen: bool,
    /// Its checks lose their USE-CANDIDATE.
    pub(super) nominates: bool,
    /// The last offer.
    pub(super) offer: String,
    edit_offer: fn(String) -> String,
    edit_answer: fn(String) -> String,
}

/// A datagram that was seen on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tapped {
    pub(super) at: Duration,
    pub(super) client: usize,
    /// To the server, as it arrived there; or from the server, as it left.
    pub(super) up: bool,
    pub(super) bytes: Vec<u8>,
}

impl Client {
    /// Its signaling stops reading events.
    pub(super) fn hang_up(&mut self) {
        self.events = mpsc::channel(1).1;
    }
}

pub(super) struct World {
    pub(super) now: Instant,
    start: Instant,
    pub(super) network: Network,
    pub(super) shards: Vec<Shard>,
    pub(super) clients: Vec<Client>,
    /// What passes between clients and server, once there is a tap.
    pub(super) tap: Option<Vec<Tapped>>,
    /// The shards' panics are contained as a worker does it. Otherwise they are the test's.
    pub(super) contains_panics: bool,
    /// The most datagrams of handshakes worked off in one turn of a shard, and the most that waited.
    pub(super) handshakes: (usize, usize),
    /// Where who comes next is let in.
    pub(super) place: Place,
    directory: Arc<Directory>,
    /// A shard that does not hear what the others say.
    pub(super) deaf: Option<usize>,
    /// Each shard has a port of its own. Otherwise datagrams land on the shard that the client's port names.
    port_per_shard: bool,
    seed: u8,
}

/// Which shard a client is let in on.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// The last one; clients' datagrams land on the shard that their port names.
    Last,
    On(usize),
    /// Where the directory says.
    Directory,
}

/// How a client joins and what its peer does.
pub(super) struct Setup {
    pub(super) channel: &'static str,
    pub(super) role: Role,
    pub(super) audio: bool,
    pub(super) video: bool,
    pub(super) bundle_id: Option<&'static str>,
    pub(super) adjust: fn(&mut PeerConfig),
    /// What happens to an offer before the peer sees it, and to its answer before the SFU does.
    pub(super) edit_offer: fn(String) -> String,
    pub(super) edit_answer: fn(String) -> String,
}

pub(super) fn publisher() -> Setup {
    Setup {
        channel: "swallows",
        role: Role::SendOnly,
        audio: true,
        video: true,
        bundle_id: None,
        adjust: |_| {},
        edit_offer: |offer| offer,
        edit_answer: |answer| answer,
    }
}

pub(super) fn viewer() -> Setup {
    Setup { role: Role::RecvOnly, ..publisher() }
}

/// Certificates cost time: all clients share one.
fn identity() -> Arc<Identity> {
    static IDENTITY: OnceLock<Arc<Identity>> = OnceLock::new();
    Arc::clone(IDENTITY.get_or_init(|| Arc::new(Identity::generate_ecdsa().unwrap())))
}

fn contain_if(contains: bool, shard: &mut Shard, work: impl FnOnce(&mut Shard)) {
    if contains {
        crate::worker::contain(shard, work);
    } else {
        work(shard);
    }
}

/// The name of the client that joins as the `index`th.
pub(super) fn id_of(index: usize) -> ConnectionId {
    ConnectionId::from_random((index as u128 + 1).wrapping_mul(0x0101_0101_0101_0101).to_be_bytes())
}

fn address_of(index: usize) -> SocketAddr {
    let (high, low) = ((index / 250) as u8, (index % 250) as u8);
    SocketAddr::from(([10, 0, 1 + high, 1 + low], 50_000 + index as u16))
}

fn address_of_shard(shard: usize, port_per_shard: bool) -> SocketAddr {
    let (ip, port) = SERVER;
    SocketAddr::from((ip, if port_per_shard { port + shard as u16 } else { port }))
}

fn client_at(address: SocketAddr) -> Option<usize> {
    usize::from(address.port()).checked_sub(50_000)
}

impl World {
    /// A server of `shards` shards, and links of 10 ms each way.
    pub(super) fn new(seed: u8, shards: usize) -> Self {
        Self::with_limit(seed, shards, 100)
    }

    /// The same with room for so many connections per shard.
    pub(super) fn with_limit(seed: u8, shards: usize, max_connections: usize) -> Self {
        let directory = Directory::new(shards, crate::limits::CHANNEL_ON_ONE_SHARD);
        Self::with(seed, Neighbours::connect(shards), directory, max_connections, false)
    }

    /// A server whose shards have ports of their own.
    pub(super) fn with_port_per_shard(seed: u8, shards: usize) -> Self {
        let directory = Directory::new(shards, 2);
        let mut world = Self::with(seed, Neighbours::connect(shards), directory, 100, true);
        world.place = Place::Directory;
        world
    }

    /// A server whose channels spread when they have so many members on each of their shards.
    pub(super) fn spreading(seed: u8, shards: usize, members_per_shard: usize) -> Self {
        let directory = Directory::new(shards, members_per_shard);
        let neighbours = Neighbours::connect(shards);
        let mut world = Self::with(seed, neighbours, directory, 1_000, false);
        world.place = Place::Directory;
        world
    }

    /// A server whose shards speak over rings of so many places.
    pub(super) fn narrow(seed: u8, shards: usize, places: usize) -> Self {
        let directory = Directory::new(shards, crate::limits::CHANNEL_ON_ONE_SHARD);
        Self::with(seed, Neighbours::connect_with(shards, places), directory, 100, false)
    }

    fn with(
        seed: u8,
        neighbours: Vec<Neighbours>,
        directory: Directory,
        max_connections: usize,
        port_per_shard: bool,
    ) -> Self {
        #[expect(clippy::disallowed_methods, reason = "a virtual clock has to start somewhere")]
        let start = Instant::now();
        let mut network = Network::new(u64::from(seed), start);
        network.set_default_link(LinkConfig {
            delay: Duration::from_millis(10),
            ..LinkConfig::default()
        });
        let directory = Arc::new(directory);
        let shared = Arc::new(Shared {
            candidates: (0..neighbours.len())
                .map(|shard| vec![address_of_shard(shard, port_per_shard)])
                .collect(),
            dtls: Arc::new(tsubame_dtls::Config::new(identity())),
            max_connections,
            coalesce: Duration::ZERO,
            census: Census::default(),
            directory: Arc::clone(&directory),
            shards: neighbours.len(),
            hands_over: !port_per_shard,
        });
        let clock = NtpClock::new(start, NtpTime(0xe000_0000_0000_0000));
        let shards = neighbours
            .into_iter()
            .enumerate()
            .map(|(index, neighbours)| {
                let seed = [seed.wrapping_add(index as u8); 32];
                Shard::new(index, Arc::clone(&shared), neighbours, clock, seed)
            })
            .collect();
        Self {
            now: start,
            start,
            network,
            shards,
            clients: Vec::new(),
            tap: None,
            contains_panics: false,
            handshakes: (0, 0),
            place: Place::Last,
            directory,
            deaf: None,
            port_per_shard,
            seed,
        }
    }

    /// Lets a client in and answers its first offer. Its index.
    pub(super) fn join(&mut self, setup: &Setup) -> usize {
        let (client, offer) = self.join_silently(setup).expect("refused");
        self.answer(client, &offer).expect("answer refused");
        client
    }

    /// The same without the answer.
    pub(super) fn join_silently(&mut self, setup: &Setup) -> Result<(usize, String), JoinError> {
        self.join_at(setup, address_of(self.clients.len()))
    }

    /// Lets a client in on this shard.
    pub(super) fn join_on(&mut self, shard: usize, setup: &Setup) -> usize {
        let place = std::mem::replace(&mut self.place, Place::On(shard));
        let client = self.join(setup);
        self.place = place;
        client
    }

    /// Somebody is about to come in on this shard.
    pub(super) fn take_seat_on(&self, shard: usize, setup: &Setup, id: ConnectionId) -> Seat {
        self.directory.take_seat_on(shard, setup.channel, id).expect("a name in use")
    }

    /// Lets a client in that has the address of another one, which is frozen.
    pub(super) fn join_from(&mut self, setup: &Setup, other: usize) -> usize {
        let address = self.clients[other].address;
        let (client, offer) = self.join_at(setup, address).expect("refused");
        self.answer(client, &offer).expect("answer refused");
        client
    }

    /// Lets a client in that is the same whoever came before: its name, its address and its seed follow from `number`.
    pub(super) fn join_as(&mut self, setup: &Setup, number: usize) -> usize {
        let (client, offer) = self.join_with(setup, number, address_of(number)).expect("refused");
        self.answer(client, &offer).expect("answer refused");
        client
    }

    fn join_at(
        &mut self,
        setup: &Setup,
        address: SocketAddr,
    ) -> Result<(usize, String), JoinError> {
        self.join_with(setup, self.clients.len(), address)
    }

    fn join_with(
        &mut self,
        setup: &Setup,
        number: usize,
        address: SocketAddr,
    ) -> Result<(usize, String), JoinError> {
        let index = self.clients.len();
        let id = id_of(number);
        let (joined, events, seat) = self.request_join(setup, id)?;
        let mut config = PeerConfig::new(identity(), NtpTime(0xe000_0000_0000_0000));
        config.audio = setup.audio && setup.role.sends();
        config.video = (setup.video && setup.role.sends()).then(VideoSettings::default);
        config.receive = setup.role.receives();
        (setup.adjust)(&mut config);
        let mut seed = [self.seed.wrapping_mul(31); 32];
        seed[..4].copy_from_slice(&(number as u32 + 1).to_be_bytes());
        let mut peer = Peer::new(self.now, config, seed);
        peer.add_local_candidate(self.now, address);
        self.clients.push(Client {
            id,
            peer,
            address,
            shard: seat.shard(),
            seat: Some(seat),
            events,
            seen: Vec::new(),
            peer_events: Vec::new(),
            mute: false,
            frozen: false,
            nominates: true,
            offer: joined.offer.clone(),
            edit_offer: setup.edit_offer,
            edit_answer: setup.edit_answer,
        });
        Ok((index, joined.offer))
    }

    /// Asks to be let in under a name of one's own choice; the client is nobody's peer.
    pub(super) fn knock(&mut self, setup: &Setup, id: ConnectionId) -> Result<Joined, JoinError> {
        self.request_join(setup, id).map(|(joined, ..)| joined)
    }

    fn request_join(
        &mut self,
        setup: &Setup,
        id: ConnectionId,
    ) -> Result<(Joined, mpsc::Receiver<Event>, Seat), JoinError> {
        let seat = match self.place {
            Place::Last => self.directory.take_seat_on(self.shards.len() - 1, setup.channel, id)?,
            Place::On(shard) => self.directory.take_seat_on(shard, setup.channel, id)?,
            Place::Directory => self.directory.take_seat(setup.channel, id)?,
        };
        let join = Join {
            channel: setup.channel.to_owned(),
            connection_id: id,
            bundle_id: setup.bundle_id.map(str::to_owned),
            role: setup.role,
            audio: setup.audio.then(AudioSettings::default),
            video: setup.video.then_some(WantedVideo {
                codec: VideoCodec::Vp8,
                bit_rate_kbps: None,
                h264_profile_level_id: None,
            }),
        };
        let (events, receiver) = mpsc::channel(crate::handle::EVENT_QUEUE);
        let (reply, mut answer) = oneshot::channel();
        let command = Command::Join { join: Box::new(join), events, reply };
        self.shards[seat.shard()].handle_command(self.now, command);
        let joined = answer.try_recv().expect("no reply")?;
        Ok((joined, receiver, seat))
    }

    pub(super) fn answer(&mut self, client: usize, offer: &str) -> Result<(), RequestError> {
        let Client { peer, edit_offer, edit_answer, .. } = &mut self.clients[client];
        let offer = edit_offer(offer.to_owned());
        let answer = edit_answer(peer.handle_offer(self.now, &offer).expect("bad offer"));
        self.hand_in(client, answer)
    }

    pub(super) fn hand_in(&mut self, client: usize, sdp: String) -> Result<(), RequestError> {
        let Client { id, shard, .. } = self.clients[client];
        let (reply, mut result) = oneshot::channel();
        self.shards[shard].handle_command(self.now, Command::Answer { id, sdp, reply });
        result.try_recv().expect("no reply")
    }

    /// Signaling ends: nothing is said on the media path.
    pub(super) fn leave(&mut self, client: usize) {
        let Client { id, shard, .. } = self.clients[client];
        self.shards[shard].handle_command(self.now, Command::Leave { id });
        self.clients[client].seat = None;
    }

    /// The same for one that only knocked.
    pub(super) fn leave_id(&mut self, id: ConnectionId) {
        for shard in &mut self.shards {
            shard.handle_command(self.now, Command::Leave { id });
        }
    }

    pub(super) fn shut_down(&mut self) {
        for shard in &mut self.shards {
            shard.handle_command(self.now, Command::Shutdown);
        }
    }

    /// A datagram reaches the server from `from`, as if it had come over the network.
    pub(super) fn inject(&mut self, from: SocketAddr, datagram: &[u8]) {
        self.inject_at(SERVER.into(), from, datagram);
    }

    /// The same to one of the server's addresses.
    pub(super) fn inject_at(&mut self, to: SocketAddr, from: SocketAddr, datagram: &[u8]) {
        let shard = self.landing(to, from);
        let path = Path::udp(to, from);
        self.shards[shard].handle_datagram(self.now, path, &mut datagram.to_vec());
    }

    /// The shard that has a datagram first.
    fn landing(&self, to: SocketAddr, from: SocketAddr) -> usize {
        match self.port_per_shard {
            true => usize::from(to.port() - SERVER.1),
            false => usize::from(from.port()) % self.shards.len(),
        }
    }

    /// Where a client sends to.
    pub(super) fn server_of(&self, client: usize) -> SocketAddr {
        address_of_shard(self.clients[client].shard, self.port_per_shard)
    }

    /// The shard's side of a client.
    pub(super) fn key(&self, client: usize) -> Option<PeerKey> {
        let Client { id, shard, .. } = self.clients[client];
        self.shards[shard].ids.get(&id).copied()
    }

    /// Who holds a connected client's keys and does with them what its peer would not.
    pub(super) fn forger(&self, client: usize) -> Forger {
        let Client { address, shard, .. } = self.clients[client];
        let key = self.key(client).expect("gone");
        let keys = self.shards[shard].peers[key.0].transport.keys_of_the_other_end();
        let (protector, unprotector) = keys.expect("not connected");
        Forger::new(address, protector, unprotector)
    }

    /// The client's view of the first track of this kind that it gets.
    pub(super) fn subscription(&self, client: usize, kind: MediaKind) -> &Subscription {
        let shard = &self.shards[self.clients[client].shard];
        let key = self.key(client).expect("gone");
        let all = shard.peers[key.0].subscriptions.iter().map(|key| &shard.subscriptions[key.0]);
        all.into_iter().find(|subscription| subscription.kind == kind).expect("not subscribed")
    }

    /// Why the client's session ended, if it has.
    pub(super) fn closed(&self, client: usize) -> Option<CloseReason> {
        self.clients[client].seen.iter().find_map(|event| match event {
            Event::Closed(reason) => Some(*reason),
            _ => None,
        })
    }

    /// Offers that a client was sent, without the first.
    pub(super) fn offers(&self, client: usize) -> usize {
        let is_offer = |event: &&Event| matches!(event, Event::Offer { .. });
        self.clients[client].seen.iter().filter(is_offer).count()
    }

    /// From now on nothing goes to or comes from this client.
    pub(super) fn cut(&mut self, client: usize) {
        let address = self.clients[client].address;
        self.network.set_link_up_both_ways(address, self.server_of(client), false);
    }

    pub(super) fn link(&mut self, client: usize, config: LinkConfig) {
        let address = self.clients[client].address;
        self.network.set_link_both_ways(address, self.server_of(client), config);
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.now.duration_since(self.start)
    }

    /// Lets the world go on for so long.
    pub(super) fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        loop {
            self.settle();
            let next = self.next_event().filter(|next| *next <= end);
            let Some(next) = next else { break };
            // Whatever is overdue happens now, and a timer that does not move on would show as a world that stands still.
            self.now = next.max(self.now);
            for client in self.clients.iter_mut().filter(|client| !client.frozen) {
                if client.peer.poll_timeout().is_some_and(|at| at <= self.now) {
                    client.peer.handle_timeout(self.now);
                }
            }
            for shard in &mut self.shards {
                let before = shard.handshakes.len();
                shard.handle_timeout(self.now);
                let done = before - shard.handshakes.len();
                let (most, longest) = self.handshakes;
                self.handshakes = (most.max(done), longest.max(before));
            }
        }
        self.now = end;
    }

    /// Goes on until `done`, at most so long.
    pub(super) fn run_until(&mut self, limit: Duration, done: impl Fn(&Self) -> bool) {
        let end = self.now + limit;
        while !done(self) {
            assert!(self.now < end, "it did not happen within {limit:?}");
            self.run(Duration::from_millis(5));
        }
    }

    fn next_event(&self) -> Option<Instant> {
        let awake = self.clients.iter().filter(|client| !client.frozen);
        let peers = awake.filter_map(|client| client.peer.poll_timeout()).min();
        let shards = self.shards.iter().filter_map(Shard::poll_timeout).min();
        [peers, shards, self.network.next_delivery()].into_iter().flatten().min()
    }

    /// Everything that happens at this moment.
    pub(super) fn settle(&mut self) {
        loop {
            self.deliver();
            let mut quiet = !self.exchange_messages();
            quiet &= !self.signal();
            for shard in &mut self.shards {
                let mut sink = Collected::default();
                let now = self.now;
                let finish = |shard: &mut Shard| shard.finish_turn(now, &mut sink);
                contain_if(self.contains_panics, shard, finish);
                for (path, datagram) in sink.datagrams {
                    quiet = false;
                    if let (Some(tap), Some(client)) = (&mut self.tap, client_at(path.remote)) {
                        let at = self.now - self.start;
                        tap.push(Tapped { at, client, up: false, bytes: datagram.clone() });
                    }
                    self.network.send(self.now, path.local, path.remote, &datagram);
                }
            }
            let mut datagram = [0; 1_500];
            for client in self.clients.iter_mut().filter(|client| !client.frozen) {
                while let Some(transmit) = client.peer.poll_transmit(&mut datagram) {
                    quiet = false;
                    let (from, to) = (transmit.path.local, transmit.path.remote);
                    self.network.send(self.now, from, to, &datagram[..transmit.len]);
                }
                while let Some(event) = client.peer.poll_event() {
                    client.peer_events.push(event);
                }
            }
            quiet &= !self.signal();
            if quiet {
                break;
            }
        }
    }

    fn deliver(&mut self) {
        while let Some(mut delivery) = self.network.poll(self.now) {
            if delivery.to.ip() == SocketAddr::from(SERVER).ip() {
                if let (Some(tap), Some(client)) = (&mut self.tap, client_at(delivery.from)) {
                    let at = self.now - self.start;
                    tap.push(Tapped { at, client, up: true, bytes: delivery.bytes.clone() });
                }
                let sender = client_at(delivery.from).and_then(|client| self.clients.get(client));
                if let Some(client) = sender.filter(|client| !client.nominates) {
                    delivery.bytes = checks::without_nomination(&delivery.bytes, &client.offer);
                }
                let shard = self.landing(delivery.to, delivery.from);
                let path = Path::udp(delivery.to, delivery.from);
                let (now, contains) = (self.now, self.contains_panics);
                contain_if(contains, &mut self.shards[shard], |shard| {
                    shard.handle_datagram(now, path, &mut delivery.bytes);
                });
            } else {
                let (now, to, from) = (self.now, delivery.to, delivery.from);
                let Some(client) = self.recipient(to) else { continue };
                client.peer.handle_datagram(now, to, from, &mut delivery.bytes);
            }
        }
    }

    /// The client at an address: the one that has its port by rule, or one that took its place.
    fn recipient(&mut self, address: SocketAddr) -> Option<&mut Client> {
        let awake = |client: &Client| !client.frozen && client.address == address;
        let by_rule = client_at(address)?;
        if self.clients.get(by_rule).is_some_and(awake) {
            return self.clients.get_mut(by_rule);
        }
        self.clients.iter_mut().find(|client| awake(client))
    }

    /// Whether one shard had something to say to another.
    fn exchange_messages(&mut self) -> bool {
        let mut any = false;
        for shard in &mut self.shards {
            shard.neighbours().retry();
        }
        for (index, shard) in self.shards.iter_mut().enumerate() {
            if self.deaf == Some(index) {
                continue;
            }
            while let Some((from, message)) = shard.poll_neighbours() {
                any = true;
                shard.handle_message(self.now, from, message);
            }
        }
        any
    }

    /// Brings what the SFU has to say to signaling. Whether there was something.
    fn signal(&mut self) -> bool {
        let mut any = false;
        for client in 0..self.clients.len() {
            while let Ok(event) = self.clients[client].events.try_recv() {
                any = true;
                if let Event::Offer { sdp } = &event {
                    self.clients[client].offer.clone_from(sdp);
                    if !self.clients[client].mute {
                        self.answer(client, sdp).expect("re-answer refused");
                    }
                }
                self.clients[client].seen.push(event);
            }
        }
        any
    }
}
