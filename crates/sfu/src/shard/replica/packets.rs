//! What is copied across: each packet once per shard that has subscribers of its track.

use std::time::Instant;

use arrayvec::ArrayVec;
use tsubame_rtp as rtp;

use super::super::Shard;
use super::super::message::ShardMessage;
use super::super::receive::incoming;
use crate::crossing::{TrackId, TrackMessage, Watcher};
use crate::keys::PublicationKey;
use crate::limits;
use crate::publication::Incoming;

impl Shard {
    /// Copies a packet to the shards that watch its track. What finds no room is lost, and the rest of its frame with it: a frame with a hole
    /// is of no use, and would take the room of one without.
    pub(in crate::shard) fn replicate(
        &mut self,
        key: PublicationKey,
        incoming: &Incoming,
        octets: &[u8],
    ) {
        let Some(publication) = self.publications.get_mut(key.0) else { return };
        let track = publication.track;
        for watcher in &mut publication.watchers {
            if watcher.dropping == Some(incoming.timestamp) {
                self.counters.replica_overflow += 1;
                continue;
            }
            let message = |octets| {
                let packet = TrackMessage::Packet { incoming: incoming.clone(), octets };
                ShardMessage::Track(track, packet)
            };
            if self.neighbours.try_send_octets(watcher.shard, octets, message) {
                watcher.frame_began(incoming.timestamp);
                self.counters.replicated += 1;
            } else {
                watcher.dropping = Some(incoming.timestamp);
                self.counters.replica_overflow += 1;
            }
        }
    }

    /// A packet came from another shard: what follows is what follows for a packet from a client.
    pub(super) fn handle_replicated(
        &mut self,
        now: Instant,
        key: PublicationKey,
        incoming: Incoming,
        octets: &[u8],
    ) {
        let Some(publication) = self.publications.get_mut(key.0) else { return };
        publication.last_packet = Some(now);
        publication.missing.received(now, incoming.sequence_number);
        if publication.cache.insert(now, incoming.sequence_number, octets) {
            self.line_up(key, incoming);
        } else {
            self.counters.rtp_duplicate += 1;
        }
        let Some(publication) = self.publications.get_mut(key.0) else { return };
        if !publication.missing.is_empty()
            && let Some(elsewhere) = publication.elsewhere()
            && elsewhere.missing_due.is_none()
        {
            elsewhere.missing_due = Some(now + limits::NACK_INTERVAL);
            self.arm_replica(key);
        }
    }

    /// Another shard misses packets. Those that were lost on the way to it are still here; those that this shard misses itself will be
    /// replicated when they come, or a keyframe is asked for here. The other shard is told which these are, so that it asks for none besides.
    pub(super) fn missed(&mut self, from: usize, track: TrackId, numbers: &[u16]) {
        let Some(key) = self.home_of(track) else { return };
        let Some(publication) = self.publications.get_mut(key.0) else { return };
        if publication.watchers.iter().all(|watcher| watcher.shard != from) {
            return;
        }
        let mut awaited = ArrayVec::<u16, 16>::new();
        for number in numbers {
            let Some(sequence_number) = publication.extend_retransmitted(*number) else { continue };
            if publication.missing.contains(sequence_number) {
                // No more of them than were asked for, which is as many as there are places.
                let _ = awaited.try_push(*number);
                continue;
            }
            let Some(cached) = publication.cache.get(sequence_number) else { continue };
            let Ok(packet) = rtp::Packet::parse(cached.bytes) else { continue };
            let Some(incoming) = incoming(sequence_number, &packet, publication.codec) else {
                continue;
            };
            let message =
                |octets| ShardMessage::Track(track, TrackMessage::Packet { incoming, octets });
            if self.neighbours.try_send_octets(from, cached.bytes, message) {
                self.counters.replicated_again += 1;
            } else {
                self.counters.replica_overflow += 1;
            }
        }
        if !awaited.is_empty() {
            // One that is lost is said again when the other shard asks again.
            let awaited = ShardMessage::Track(track, TrackMessage::Awaited(awaited));
            self.neighbours.try_send(from, awaited);
        }
    }

    /// The home sees to these itself.
    pub(super) fn awaited(&mut self, track: TrackId, numbers: &[u16]) {
        let Some(key) = self.replica(track) else { return };
        let Some(publication) = self.publications.get_mut(key.0) else { return };
        for number in numbers {
            publication.missing.forget(*number);
        }
    }
}

impl Watcher {
    /// A packet of this frame found room. Only a later frame ends the one that is dropped: an earlier one may have been late.
    fn frame_began(&mut self, timestamp: u32) {
        let is_later = |dropping: u32| timestamp.wrapping_sub(dropping).cast_signed() > 0;
        if self.dropping.is_some_and(is_later) {
            self.dropping = None;
        }
    }
}
