//! A world under virtual time: peers, a network, and a server just clever enough for them.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod server;

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tsubame_client::Identity;
use tsubame_client::peer::{Peer, PeerConfig, PeerEvent, VideoSettings};
use tsubame_netsim::{LinkConfig, Network};
use tsubame_rtp::NtpTime;

#[allow(unused_imports, reason = "each test binary uses its own part")]
pub(crate) use server::{Offer, Plain, Session};

/// Peers `0..n`, each with a session of the server's.
pub(crate) struct World {
    pub(crate) start: Instant,
    pub(crate) now: Instant,
    pub(crate) network: Network,
    pub(crate) peers: Vec<Peer>,
    pub(crate) sessions: Vec<Session>,
    pub(crate) events: Vec<Vec<PeerEvent>>,
}

pub(crate) fn peer_address(at: usize) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 10_000 + at as u16))
}

pub(crate) fn session_address(at: usize) -> SocketAddr {
    SocketAddr::from(([198, 51, 100, 1], 20_000 + at as u16))
}

/// One certificate for all peers of a test binary: making one takes a while.
pub(crate) fn identity() -> Arc<Identity> {
    static IDENTITY: OnceLock<Arc<Identity>> = OnceLock::new();
    Arc::clone(IDENTITY.get_or_init(|| Arc::new(Identity::generate_ecdsa().unwrap())))
}

pub(crate) fn watcher() -> PeerConfig {
    let ntp = NtpTime::from_unix(Duration::from_secs(1_700_000_000));
    PeerConfig::new(identity(), ntp)
}

pub(crate) fn publisher() -> PeerConfig {
    let mut config = watcher();
    config.receive = false;
    config.audio = true;
    config.video = Some(VideoSettings { bitrate: 600_000, ..VideoSettings::default() });
    config
}

impl World {
    #[expect(clippy::disallowed_methods, reason = "an instant cannot be made from a number")]
    pub(crate) fn new(seed: u64) -> Self {
        let start = Instant::now();
        let mut network = Network::new(seed, start);
        let delay = Duration::from_millis(20);
        network.set_default_link(LinkConfig { delay, ..LinkConfig::default() });
        let (peers, sessions, events) = (Vec::new(), Vec::new(), Vec::new());
        Self { start, now: start, network, peers, sessions, events }
    }

    /// A publisher (0) and a watcher of it (1), offers answered.
    pub(crate) fn pair(seed: u64, publisher: PeerConfig, watcher: PeerConfig) -> Self {
        let mut world = Self::new(seed);
        let publishing = world.add(publisher);
        let offer = Offer::publish(&world.sessions[publishing]);
        world.offer(publishing, &offer);
        let watching = world.add(watcher);
        let offer = Offer::watch(&world.sessions[watching], &world.sessions[publishing], "PUB");
        world.offer(watching, &offer);
        world.sessions[publishing].forward_to = Some(watching);
        world.sessions[watching].forward_to = Some(publishing);
        world
    }

    pub(crate) fn add(&mut self, config: PeerConfig) -> usize {
        let at = self.peers.len();
        let seed = [at as u8 + 1; 32];
        let passive = config.setup == tsubame_client::peer::Setup::Passive;
        let mut peer = Peer::new(self.now, config, seed);
        peer.add_local_candidate(self.now, peer_address(at));
        self.peers.push(peer);
        self.sessions.push(Session::new(self.now, session_address(at), at as u8, passive));
        self.events.push(Vec::new());
        at
    }

    /// Offers, and takes the answer.
    pub(crate) fn offer(&mut self, at: usize, offer: &str) {
        let answer = self.peers[at].handle_offer(self.now, offer).unwrap();
        self.sessions[at].handle_answer(self.now, &answer);
    }

    pub(crate) fn run_for(&mut self, duration: Duration) {
        let end = self.now + duration;
        self.drain();
        while let Some(next) = self.next_event().filter(|next| *next <= end) {
            self.now = next.max(self.now);
            self.deliver();
            for peer in &mut self.peers {
                if peer.poll_timeout().is_some_and(|due| due <= self.now) {
                    peer.handle_timeout(self.now);
                }
            }
            for session in &mut self.sessions {
                session.handle_timeout(self.now);
            }
            self.drain();
        }
        self.now = end;
    }

    fn next_event(&self) -> Option<Instant> {
        let peers = self.peers.iter().filter_map(Peer::poll_timeout);
        let sessions = self.sessions.iter().filter_map(Session::poll_timeout);
        peers.chain(sessions).chain(self.network.next_delivery()).min()
    }

    fn deliver(&mut self) {
        while let Some(mut delivery) = self.network.poll(self.now) {
            if let Some(at) = (0..self.peers.len()).find(|at| peer_address(*at) == delivery.to) {
                let peer = &mut self.peers[at];
                peer.handle_datagram(self.now, delivery.to, delivery.from, &mut delivery.bytes);
                continue;
            }
            let at = self.sessions.iter().position(|s| s.address == delivery.to).unwrap();
            let session = &mut self.sessions[at];
            let forwarded = session.handle_datagram(self.now, delivery.from, &mut delivery.bytes);
            if let (Some(packet), Some(to)) = (forwarded, self.sessions[at].forward_to) {
                self.sessions[to].send(&packet);
            }
        }
    }

    fn drain(&mut self) {
        let mut out = [0; 1400];
        for (at, peer) in self.peers.iter_mut().enumerate() {
            while let Some(transmit) = peer.poll_transmit(&mut out) {
                let (local, remote) = (transmit.path.local, transmit.path.remote);
                self.network.send(self.now, local, remote, &out[..transmit.len]);
            }
            self.events[at].extend(std::iter::from_fn(|| peer.poll_event()));
        }
        for session in &mut self.sessions {
            while let Some((remote, datagram)) = session.poll_transmit() {
                self.network.send(self.now, session.address, remote, &datagram);
            }
        }
    }
}
