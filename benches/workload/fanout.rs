//! A channel with one publisher and its viewers on a shard of the SFU, in memory: no sockets, no threads, a clock of its own. Everything until
//! media flows is real: offers and answers, ICE, DTLS.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tsubame_client::peer::{Peer, PeerConfig, VideoSettings};
use tsubame_client::{Identity, SrtpProfile};
use tsubame_rtp::NtpTime;
use tsubame_sfu::bench::StandaloneShard;
use tsubame_sfu::{ConnectionId, Event, Join, Role};
use tsubame_stun::ice::Path;

/// What leaves in one turn is written here, round and round: 32 destinations of 8 packets, which stay in a core's second cache.
const ARENA: usize = 32 * 8 * 1_216;
/// Viewers that connect at a time.
const GROUP: usize = 50;
const STEP: Duration = Duration::from_millis(5);
/// The shard's clock while media flows. It all but stands still, so that nobody's consent expires while viewers do nothing.
const TURN: Duration = Duration::from_micros(1);
const NTP: NtpTime = NtpTime(0xe000_0000_0000_0000);

/// One frame's packets as they come from the publisher, encrypted.
pub(crate) type Frame = Vec<Vec<u8>>;

/// See the module's documentation.
pub(crate) struct Room {
    shard: StandaloneShard,
    now: Instant,
    publisher: Client,
    /// The publisher's own clock, which runs.
    publishing: Instant,
    /// The SFU must find somebody to tell.
    _events: Vec<mpsc::Receiver<Event>>,
    arena: Vec<u8>,
}

struct Client {
    peer: Peer,
    path: Path,
}

impl Room {
    /// Everybody protects with `profile`. `begin` is where its clocks begin.
    pub(crate) fn new(
        begin: Instant,
        video: &VideoSettings,
        viewers: usize,
        profile: SrtpProfile,
    ) -> Self {
        let identity = Arc::new(Identity::generate_ecdsa().expect("an identity"));
        let dtls = Arc::new(tsubame_dtls::Config::new(Arc::clone(&identity)));
        // A fifth of the connections there may be can be on their way at once.
        let mut shard = StandaloneShard::new(begin, server(), dtls, viewers + 5 * GROUP);
        let mut config = PeerConfig::new(identity, NTP);
        config.srtp_profiles = vec![profile];
        let watching = config.clone();
        config.video = Some(video.clone());

        let mut now = begin;
        let (publisher, events) = Client::join(now, &mut shard, 0, Role::SendOnly, config);
        let mut clients = vec![publisher];
        let mut all_events = vec![events];
        now = connect(now, &mut shard, &mut clients);
        for number in 1..=viewers {
            let config = watching.clone();
            let (viewer, events) = Client::join(now, &mut shard, number, Role::RecvOnly, config);
            clients.push(viewer);
            all_events.push(events);
            if number == viewers || number.is_multiple_of(GROUP) {
                now = connect(now, &mut shard, &mut clients);
                clients.truncate(1);
            }
        }
        let publisher = clients.swap_remove(0);
        let mut room = Self {
            shard,
            now,
            publisher,
            publishing: now,
            _events: all_events,
            arena: vec![0; ARENA],
        };
        room.wait_for_keyframe(viewers);
        room
    }

    /// The publisher's next frame.
    pub(crate) fn next_frame(&mut self) -> Frame {
        let mut frame = Vec::new();
        while frame.is_empty() {
            let due = self.publisher.peer.poll_timeout().expect("it publishes");
            self.publishing = due.max(self.publishing);
            self.publisher.peer.handle_timeout(self.publishing);
            self.publisher.send(&mut self.shard, self.now, |datagram| {
                let is_media =
                    tsubame_rtp::is_rtp_or_rtcp(datagram) && !tsubame_rtp::is_rtcp(datagram);
                if is_media {
                    frame.push(datagram.to_vec());
                }
                is_media
            });
            // What the SFU answers: consent, requests for keyframes.
            for (path, mut datagram) in self.shard.finish_turn(self.now) {
                if path == self.publisher.path {
                    let Client { peer, path } = &mut self.publisher;
                    peer.handle_datagram(self.publishing, path.remote, path.local, &mut datagram);
                }
            }
            while self.publisher.peer.poll_event().is_some() {}
        }
        frame
    }

    /// What is measured: one turn of the shard, from the datagrams that came to those that leave. How many leave.
    pub(crate) fn forward(&mut self, frame: &mut Frame) -> usize {
        self.now += TURN;
        for datagram in frame {
            self.shard.handle_datagram(self.now, self.publisher.path, datagram);
        }
        self.shard.finish_turn_into(self.now, &mut self.arena)
    }

    /// Viewers are shown nothing before a keyframe.
    fn wait_for_keyframe(&mut self, viewers: usize) {
        for _ in 0..1_000 {
            // The SFU asks for one when its time has come.
            self.now += STEP;
            self.shard.handle_timeout(self.now);
            let mut frame = self.next_frame();
            let packets = frame.len();
            // Beside media there are reports, now and then.
            if self.forward(&mut frame) >= packets * viewers {
                return;
            }
        }
        panic!("{viewers} viewers are not shown a thousand frames");
    }
}

impl Client {
    fn join(
        now: Instant,
        shard: &mut StandaloneShard,
        number: usize,
        role: Role,
        config: PeerConfig,
    ) -> (Self, mpsc::Receiver<Event>) {
        let name = number as u128;
        let id = ConnectionId::from_random(name.to_be_bytes());
        let join = Join {
            channel: "swallows".to_owned(),
            connection_id: id,
            bundle_id: None,
            role,
            audio: None,
            video: Some(tsubame_sfu::VideoSettings {
                codec: tsubame_sfu::VideoCodec::Vp8,
                bit_rate_kbps: None,
                h264_profile_level_id: None,
            }),
        };
        let (joined, events) = shard.join(now, join).expect("room for one more");
        let mut seed = [7; 32];
        seed[..16].copy_from_slice(&name.to_be_bytes());
        let mut peer = Peer::new(now, config, seed);
        let path = Path::udp(server(), address(number));
        peer.add_local_candidate(now, path.remote);
        let answer = peer.handle_offer(now, &joined.offer).expect("an offer");
        shard.answer(now, id, answer).expect("an answer");
        (Self { peer, path }, events)
    }

    /// Hands the shard everything that is to be sent, but what `keep` keeps.
    fn send(
        &mut self,
        shard: &mut StandaloneShard,
        now: Instant,
        mut keep: impl FnMut(&[u8]) -> bool,
    ) {
        let mut datagram = [0; 1_500];
        while let Some(transmit) = self.peer.poll_transmit(&mut datagram) {
            let datagram = &mut datagram[..transmit.len];
            if !keep(datagram) {
                shard.handle_datagram(now, self.path, datagram);
            }
        }
    }
}

/// Lets time pass until all of these clients are connected; says when that is. What goes to others is lost.
fn connect(mut now: Instant, shard: &mut StandaloneShard, clients: &mut [Client]) -> Instant {
    for _ in 0..1_000 {
        for client in &mut *clients {
            client.peer.handle_timeout(now);
        }
        shard.handle_timeout(now);
        // To and fro, until nobody has anything to say.
        loop {
            for client in &mut *clients {
                client.send(shard, now, |_| false);
                while client.peer.poll_event().is_some() {}
            }
            let datagrams = shard.finish_turn(now);
            if datagrams.is_empty() {
                break;
            }
            for (path, mut datagram) in datagrams {
                let to = clients.iter_mut().find(|client| client.path == path);
                if let Some(Client { peer, path }) = to {
                    peer.handle_datagram(now, path.remote, path.local, &mut datagram);
                }
            }
        }
        if clients.iter().all(|client| client.peer.is_connected()) {
            return now;
        }
        now += STEP;
    }
    panic!("{} clients do not connect", clients.len());
}

fn server() -> SocketAddr {
    ([10, 0, 0, 1], 40_000).into()
}

fn address(number: usize) -> SocketAddr {
    let [_, high, middle, low] = (number as u32).to_be_bytes();
    ([10, 1 + high, middle, low], 50_000).into()
}
