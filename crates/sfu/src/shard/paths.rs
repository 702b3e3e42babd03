//! Whose a path is, among the clients of this shard and between the shards.

use tsubame_stun::ice::Path;

use super::{Shard, ShardMessage, Shared};
use crate::keys::PeerKey;

impl Shard {
    pub(super) fn hand_over_by_path(&mut self, path: Path, datagram: &[u8], via: Option<usize>) {
        match self.demux.shard_by_path(&path) {
            Some(shard) if via.is_none() => self.hand_over(shard, path, datagram),
            _ => self.counters.unknown_path += 1,
        }
    }

    /// Whether a check for a client of that shard is to be handed over: at most once, so that nothing can go in circles.
    pub(super) fn may_hand_over(&self, shard: usize, via: Option<usize>) -> bool {
        let Shared { hands_over, shards, .. } = *self.shared;
        hands_over && shard != self.index && shard < shards && via.is_none()
    }

    pub(super) fn hand_over(&mut self, shard: usize, path: Path, datagram: &[u8]) {
        let message = |octets| ShardMessage::Datagram { path, octets };
        match self.neighbours.try_send_octets(shard, datagram, message) {
            true => self.counters.handed_over += 1,
            false => self.counters.handover_overflow += 1,
        }
    }

    pub(super) fn claim_path(&mut self, key: PeerKey, path: Path, via: Option<usize>) {
        let Some(peer) = self.peers.get_mut(key.0) else { return };
        peer.paths.push((path, via));
        if let Some(shard) = via {
            // One that is lost is made again with the next check.
            if !self.neighbours.try_send(shard, ShardMessage::Claim { path }) {
                self.counters.handover_overflow += 1;
            }
        }
        self.demux.add_path(path, key);
    }

    /// Somebody else may have proved meanwhile that the path is its own, with an address it made up or one that was used again. The latest
    /// authentic check says whose it is, here and on the shard it came through: that one is told each time, since it cannot tell us when
    /// somebody of its own took the path, and since a claim may have got lost.
    pub(super) fn reclaim_path(&mut self, key: PeerKey, path: Path, via: Option<usize>) {
        let Some(peer) = self.peers.get_mut(key.0) else { return };
        let is_known = self.demux.peer_by_path(&path) == Some(key) && via.is_none();
        if is_known || !peer.transport.is_verified(&path) {
            return;
        }
        peer.paths.retain(|(known, _)| *known != path);
        self.claim_path(key, path, via);
    }

    pub(super) fn release_path(&mut self, key: PeerKey, path: Path) {
        let Some(peer) = self.peers.get_mut(key.0) else { return };
        let Some(place) = peer.paths.iter().position(|(known, _)| *known == path) else { return };
        let (_, via) = peer.paths.swap_remove(place);
        self.give_up_path(key, path, via);
    }

    /// Forgets the path here and where it was claimed, unless it is another client's by now.
    pub(super) fn give_up_path(&mut self, key: PeerKey, path: Path, via: Option<usize>) {
        if self.demux.remove_path(&path, key)
            && let Some(via) = via
        {
            self.tell_shard(via, ShardMessage::Release { path });
        }
    }

    /// Tells another shard what nobody says again.
    pub(super) fn tell_shard(&mut self, shard: usize, message: ShardMessage) {
        if !self.neighbours.send(shard, message) {
            self.counters.handover_overflow += 1;
        }
    }
}
