//! Shards, clients and the network between them, under a virtual clock.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tsubame_client::peer::{Peer, PeerConfig, PeerEvent, VideoSettings};
use tsubame_dtls::Identity;
use tsubame_netsim::{LinkConfig, Network};
use tsubame_rtp::NtpTime;
use tsubame_stun::ice::Path;

use crate::api::{
    AudioSettings, Event, Join, JoinError, Joined, RequestError, Role, VideoCodec,
    VideoSettings as WantedVideo,
};
use crate::handle::Command;
use crate::id::ConnectionId;
use crate::media::NtpClock;
use crate::shard::{Shard, Shared};
use crate::sink::Collected;

pub(super) const SERVER: ([u8; 4], u16) = ([10, 0, 0, 1], 40_000);

/// One client: the peer, and its signaling, which is instantaneous.
pub(super) struct Client {
    pub(super) id: ConnectionId,
    pub(super) peer: Peer,
    pub(super) address: SocketAddr,
    /// The shard of its channel.
    shard: usize,
    events: mpsc::Receiver<Event>,
    /// What signaling was told.
    pub(super) seen: Vec<Event>,
    pub(super) peer_events: Vec<PeerEvent>,
    /// Re-offers stay unanswered.
    pub(super) mute: bool,
    /// The last offer.
    pub(super) offer: String,
}

pub(super) struct World {
    pub(super) now: Instant,
    start: Instant,
    pub(super) network: Network,
    pub(super) shards: Vec<Shard>,
    pub(super) clients: Vec<Client>,
    seed: u8,
}

/// How a client joins and what its peer does.
pub(super) struct Setup {
    pub(super) channel: &'static str,
    pub(super) role: Role,
    pub(super) audio: bool,
    pub(super) video: bool,
    pub(super) adjust: fn(&mut PeerConfig),
}

pub(super) fn publisher() -> Setup {
    Setup { channel: "swallows", role: Role::SendOnly, audio: true, video: true, adjust: |_| {} }
}

pub(super) fn viewer() -> Setup {
    Setup { role: Role::RecvOnly, ..publisher() }
}

/// Certificates cost time: all clients share one.
fn identity() -> Arc<Identity> {
    static IDENTITY: OnceLock<Arc<Identity>> = OnceLock::new();
    Arc::clone(IDENTITY.get_or_init(|| Arc::new(Identity::generate_ecdsa().unwrap())))
}

impl World {
    /// A server of `shards` shards, and links of 10 ms each way.
    pub(super) fn new(seed: u8, shards: usize) -> Self {
        #[expect(clippy::disallowed_methods, reason = "a virtual clock has to start somewhere")]
        let start = Instant::now();
        let mut network = Network::new(u64::from(seed), start);
        network.set_default_link(LinkConfig {
            delay: Duration::from_millis(10),
            ..LinkConfig::default()
        });
        let shared = Arc::new(Shared {
            candidates: vec![SERVER.into()],
            dtls: Arc::new(tsubame_dtls::Config::new(identity())),
            max_connections: 100,
        });
        let clock = NtpClock::new(start, NtpTime(0xe000_0000_0000_0000));
        let shards = (0..shards)
            .map(|index| {
                let seed = [seed.wrapping_add(index as u8); 32];
                Shard::new(index, Arc::clone(&shared), clock, seed)
            })
            .collect();
        Self { now: start, start, network, shards, clients: Vec::new(), seed }
    }

    /// Lets a client in and answers its first offer. Its index.
    pub(super) fn join(&mut self, setup: &Setup) -> usize {
        let (client, offer) = self.join_silently(setup).expect("refused");
        self.answer(client, &offer).expect("answer refused");
        client
    }

    /// The same without the answer.
    pub(super) fn join_silently(&mut self, setup: &Setup) -> Result<(usize, String), JoinError> {
        let index = self.clients.len();
        let id = ConnectionId::from_random([index as u8 + 1; 16]);
        let (joined, events, shard) = self.request_join(setup, id)?;
        let mut config = PeerConfig::new(identity(), NtpTime(0xe000_0000_0000_0000));
        config.audio = setup.audio && setup.role.sends();
        config.video = (setup.video && setup.role.sends()).then(VideoSettings::default);
        config.receive = setup.role.receives();
        (setup.adjust)(&mut config);
        let seed = self.seed.wrapping_mul(31).wrapping_add(index as u8 + 1);
        let mut peer = Peer::new(self.now, config, [seed; 32]);
        let address = SocketAddr::from(([10, 0, 1, index as u8 + 1], 50_000 + index as u16));
        peer.add_local_candidate(self.now, address);
        self.clients.push(Client {
            id,
            peer,
            address,
            shard,
            events,
            seen: Vec::new(),
            peer_events: Vec::new(),
            mute: false,
            offer: joined.offer.clone(),
        });
        Ok((index, joined.offer))
    }

    fn request_join(
        &mut self,
        setup: &Setup,
        id: ConnectionId,
    ) -> Result<(Joined, mpsc::Receiver<Event>, usize), JoinError> {
        let join = Join {
            channel: setup.channel.to_owned(),
            connection_id: id,
            bundle_id: None,
            role: setup.role,
            audio: setup.audio.then(AudioSettings::default),
            video: setup.video.then_some(WantedVideo {
                codec: VideoCodec::Vp8,
                bit_rate_kbps: None,
                h264_profile_level_id: None,
            }),
        };
        // The channel lives on the last shard, clients' datagrams land on the shard that their port names.
        let shard = self.shards.len() - 1;
        let (events, receiver) = mpsc::channel(crate::handle::EVENT_QUEUE);
        let (reply, mut answer) = oneshot::channel();
        let command = Command::Join { join: Box::new(join), events, reply };
        self.shards[shard].handle_command(self.now, command);
        let joined = answer.try_recv().expect("no reply")?;
        Ok((joined, receiver, shard))
    }

    pub(super) fn answer(&mut self, client: usize, offer: &str) -> Result<(), RequestError> {
        let answer = self.clients[client].peer.handle_offer(self.now, offer).expect("bad offer");
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
    }

    /// From now on nothing goes to or comes from this client.
    pub(super) fn cut(&mut self, client: usize) {
        let address = self.clients[client].address;
        self.network.set_link_up_both_ways(address, SERVER.into(), false);
    }

    pub(super) fn link(&mut self, client: usize, config: LinkConfig) {
        let address = self.clients[client].address;
        self.network.set_link_both_ways(address, SERVER.into(), config);
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
            for client in &mut self.clients {
                if client.peer.poll_timeout().is_some_and(|at| at <= self.now) {
                    client.peer.handle_timeout(self.now);
                }
            }
            for shard in &mut self.shards {
                shard.handle_timeout(self.now);
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
        let peers = self.clients.iter().filter_map(|client| client.peer.poll_timeout()).min();
        let shards = self.shards.iter().filter_map(Shard::poll_timeout).min();
        [peers, shards, self.network.next_delivery()].into_iter().flatten().min()
    }

    /// Everything that happens at this moment.
    fn settle(&mut self) {
        loop {
            self.deliver();
            self.exchange_messages();
            self.signal();
            let mut quiet = true;
            for shard in &mut self.shards {
                let mut sink = Collected::default();
                shard.finish_turn(self.now, &mut sink);
                for (path, datagram) in sink.datagrams {
                    quiet = false;
                    self.network.send(self.now, path.local, path.remote, &datagram);
                }
            }
            let mut datagram = [0; 1_500];
            for client in &mut self.clients {
                while let Some(transmit) = client.peer.poll_transmit(&mut datagram) {
                    quiet = false;
                    let (from, to) = (transmit.path.local, transmit.path.remote);
                    self.network.send(self.now, from, to, &datagram[..transmit.len]);
                }
                while let Some(event) = client.peer.poll_event() {
                    client.peer_events.push(event);
                }
            }
            if quiet {
                break;
            }
        }
    }

    fn deliver(&mut self) {
        while let Some(mut delivery) = self.network.poll(self.now) {
            if delivery.to == SERVER.into() {
                let shard = usize::from(delivery.from.port()) % self.shards.len();
                let path = Path::udp(delivery.to, delivery.from);
                self.shards[shard].handle_datagram(self.now, path, &mut delivery.bytes);
            } else if let Some(client) =
                self.clients.iter_mut().find(|client| client.address == delivery.to)
            {
                let (to, from) = (delivery.to, delivery.from);
                client.peer.handle_datagram(self.now, to, from, &mut delivery.bytes);
            }
        }
    }

    fn exchange_messages(&mut self) {
        for from in 0..self.shards.len() {
            while let Some((to, message)) = self.shards[from].poll_message() {
                self.shards[to].handle_message(self.now, message);
            }
        }
    }

    fn signal(&mut self) {
        for client in 0..self.clients.len() {
            while let Ok(event) = self.clients[client].events.try_recv() {
                if let Event::Offer { sdp } = &event {
                    self.clients[client].offer.clone_from(sdp);
                    if !self.clients[client].mute {
                        self.answer(client, sdp).expect("re-answer refused");
                    }
                }
                self.clients[client].seen.push(event);
            }
        }
    }
}
