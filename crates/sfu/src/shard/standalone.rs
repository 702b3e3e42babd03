//! A shard without sockets and threads, for benches (feature `bench`) and for fuzzers (`--cfg tsubame_fuzzing`), which alone have a way past DTLS and look into its
//! tables.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tsubame_rtp::NtpTime;
use tsubame_stun::ice::Path;

use super::{Census, Neighbours, Shard, Shared};
use crate::api::{Event, Join, JoinError, Joined, RequestError};
use crate::directory::Directory;
use crate::handle::{Command, EVENT_QUEUE};
use crate::id::ConnectionId;
#[cfg(tsubame_fuzzing)]
use crate::keys::PeerKey;
use crate::media::NtpClock;
use crate::sink::Collected;
#[cfg(feature = "bench")]
use crate::sink::Overwritten;

/// One shard, and what a worker would do with it.
pub struct StandaloneShard {
    shard: Shard,
}

impl StandaloneShard {
    /// An empty shard that can be reached at `address`.
    pub fn new(
        now: Instant,
        address: SocketAddr,
        dtls: Arc<tsubame_dtls::Config>,
        max_connections: usize,
    ) -> Self {
        let census = Census::default();
        let candidates = vec![vec![address]];
        let directory = Arc::new(Directory::new(1, 1));
        let shared = Arc::new(Shared {
            candidates,
            dtls,
            max_connections,
            // A bench measures what is forwarded at once.
            coalesce: if cfg!(feature = "bench") {
                Duration::ZERO
            } else {
                Duration::from_millis(5)
            },
            census,
            directory,
            shards: 1,
            hands_over: true,
        });
        let clock = NtpClock::new(now, NtpTime(0xe000_0000_0000_0000));
        let alone = Neighbours::default();
        Self { shard: Shard::new(0, shared, alone, clock, [1; 32]) }
    }

    /// Lets a client in; its events come out of the receiver.
    pub fn join(
        &mut self,
        now: Instant,
        join: Join,
    ) -> Result<(Joined, mpsc::Receiver<Event>), JoinError> {
        let (events, receiver) = mpsc::channel(EVENT_QUEUE);
        let (reply, mut answer) = oneshot::channel();
        let command = Command::Join { join: Box::new(join), events, reply };
        self.shard.handle_command(now, command);
        let joined = answer.try_recv().expect("a reply");
        joined.map(|joined| (joined, receiver))
    }

    /// Hands an answer in.
    pub fn answer(
        &mut self,
        now: Instant,
        id: ConnectionId,
        sdp: String,
    ) -> Result<(), RequestError> {
        let (reply, mut answer) = oneshot::channel();
        self.shard.handle_command(now, Command::Answer { id, sdp, reply });
        answer.try_recv().expect("a reply")
    }

    /// Hands a candidate in.
    #[cfg(tsubame_fuzzing)]
    pub fn candidate(
        &mut self,
        now: Instant,
        id: ConnectionId,
        candidate: String,
    ) -> Result<(), RequestError> {
        let (reply, mut answer) = oneshot::channel();
        self.shard.handle_command(now, Command::Candidate { id, candidate, reply });
        answer.try_recv().expect("a reply")
    }

    /// Signaling ends.
    #[cfg(tsubame_fuzzing)]
    pub fn leave(&mut self, now: Instant, id: ConnectionId) {
        self.shard.handle_command(now, Command::Leave { id });
    }

    /// Everybody has to go.
    #[cfg(tsubame_fuzzing)]
    pub fn shut_down(&mut self, now: Instant) {
        self.shard.handle_command(now, Command::Shutdown);
    }

    /// Gives an answered client this master key as if its handshake were done. Whether there is such a client, and it had none.
    #[cfg(tsubame_fuzzing)]
    pub fn connect(&mut self, now: Instant, id: ConnectionId, master_key: &[u8; 16]) -> bool {
        let Some(key) = self.shard.ids.get(&id).copied() else { return false };
        let Some(peer) = self.shard.peers.get_mut(key.0) else { return false };
        let connected = peer.transport.connect_without_handshake(master_key);
        self.shard.read_transport_events(now, key, None);
        connected
    }

    /// A datagram came.
    pub fn handle_datagram(&mut self, now: Instant, path: Path, datagram: &mut [u8]) {
        self.shard.handle_datagram(now, path, datagram);
    }

    /// Whether the turn has to end before more datagrams.
    #[cfg(tsubame_fuzzing)]
    pub fn is_full(&self) -> bool {
        self.shard.is_full()
    }

    /// When time is to be told.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.shard.poll_timeout()
    }

    /// Time passes.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.shard.handle_timeout(now);
    }

    /// Ends the turn: what is sent.
    pub fn finish_turn(&mut self, now: Instant) -> Vec<(Path, Vec<u8>)> {
        let mut sink = Collected::default();
        self.shard.finish_turn(now, &mut sink);
        sink.datagrams
    }

    /// Ends the turn: what is sent is written into `arena`, round and round, as into the memory of a socket's batch. How many datagrams that was.
    #[cfg(feature = "bench")]
    pub fn finish_turn_into(&mut self, now: Instant, arena: &mut [u8]) -> usize {
        let mut sink = Overwritten { arena, at: 0, datagrams: 0 };
        self.shard.finish_turn(now, &mut sink);
        sink.datagrams
    }

    /// Whether the path proved to be the client's.
    #[cfg(tsubame_fuzzing)]
    pub fn is_verified(&self, id: ConnectionId, path: &Path) -> bool {
        let peer = self.shard.ids.get(&id).and_then(|key| self.shard.peers.get(key.0));
        peer.is_some_and(|peer| peer.transport.is_verified(path))
    }

    /// How many clients there are.
    #[cfg(tsubame_fuzzing)]
    pub fn clients(&self) -> usize {
        self.shard.peers.len()
    }

    /// Panics when the tables contradict each other. To be called between turns.
    #[cfg(tsubame_fuzzing)]
    pub fn check(&self) {
        let Shard { peers, ids, channels, channel_names, publications, subscriptions, .. } =
            &self.shard;
        assert_eq!(ids.len(), peers.len(), "names and clients");
        assert_eq!(channel_names.len(), channels.len(), "names and channels");
        for (index, peer) in peers {
            assert_eq!(ids.get(&peer.id).map(|key| key.0), Some(index), "a client's name");
            let channel = channels.get(peer.channel.0).expect("a client's channel");
            assert!(channel.members.iter().any(|key| key.0 == index), "a member");
            for key in &peer.publications {
                assert_eq!(publications[key.0].owner(), Some(PeerKey(index)), "a client's track");
            }
            for key in &peer.subscriptions {
                assert_eq!(subscriptions[key.0].peer.0, index, "a client's view");
            }
            assert!(peer.streams.len() <= crate::limits::INCOMING_SSRCS, "incoming SSRCs");
            assert!(peer.held.len() <= crate::limits::HELD, "packets held");
            for stream in &peer.streams {
                assert_eq!(
                    publications[stream.publication.0].owner(),
                    Some(PeerKey(index)),
                    "a stream's track"
                );
            }
        }
        for (index, publication) in publications {
            let owner =
                publication.owner().and_then(|owner| peers.get(owner.0)).expect("a track's owner");
            assert_eq!(owner.channel, publication.channel, "a track of another channel");
            assert!(owner.publications.iter().any(|key| key.0 == index), "an owned track");
            assert!(publication.batch.is_empty(), "packets left from the turn");
            for key in &publication.subscribers {
                let subscription = &subscriptions[key.0];
                assert_eq!(subscription.publication.0, index, "a track's viewer");
                assert_ne!(Some(subscription.peer), publication.owner(), "one's own track");
                let viewer = peers.get(subscription.peer.0).expect("a viewer");
                assert_eq!(viewer.channel, publication.channel, "a viewer of another channel");
            }
        }
        let viewed = publications.iter().map(|(_, publication)| publication.subscribers.len());
        assert!(viewed.sum::<usize>() <= subscriptions.len(), "views of no track");
        for (_, channel) in channels {
            assert!(!channel.is_empty(), "a channel without members");
            for key in &channel.members {
                assert!(peers.contains(key.0), "a member that is gone");
            }
            for key in &channel.publications {
                assert!(publications.contains(key.0), "a track that is gone");
            }
        }
        self.shard.demux.check(|key| peers.contains(key.0));
        let (connections, half_open) = self.shard.shared.census.counts();
        assert_eq!(connections, peers.len(), "connections counted");
        let unfinished = peers.iter().filter(|(_, peer)| peer.setup_due.is_some()).count();
        assert_eq!(half_open, unfinished, "half-open connections counted");
        if peers.is_empty() {
            assert!(publications.is_empty() && subscriptions.is_empty(), "tracks of nobody");
        }
    }
}
