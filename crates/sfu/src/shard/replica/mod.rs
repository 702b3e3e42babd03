//! Tracks of a channel that spans shards (docs/sharding.md).
//!
//! A track lives on the shard of its publisher, its *home*. Every other shard with members of the channel is told of it and keeps a *replica*: a
//! publication like any other, with a cache and subscribers of its own, that gets its packets from a ring instead of a client.
//!
//! | file | what |
//! |---|---|
//! | `attendance` | which shards have members of a channel |
//! | `tracks` | which tracks there are, and whether anybody wants them |
//! | `packets` | what is copied across |
//! | `feedback` | what comes back |

mod attendance;
mod feedback;
mod packets;
mod tracks;

use std::time::Instant;

use super::Shard;
use crate::crossing::{TrackId, TrackMessage};
use crate::keys::PublicationKey;

impl Shard {
    pub(super) fn handle_track_message(
        &mut self,
        now: Instant,
        from: usize,
        track: TrackId,
        message: TrackMessage,
    ) {
        // What is about a track that has ended, or that ended here, is void.
        match message {
            TrackMessage::Packet { incoming, octets } => {
                match self.replica(track) {
                    Some(key) => self.handle_replicated(now, key, incoming, &octets),
                    None => self.counters.replica_unknown += 1,
                }
                self.neighbours.give_back(from, octets);
            }
            TrackMessage::Source { ssrc } => self.source_told(track, ssrc),
            TrackMessage::SenderReport(seen) => self.sender_report_told(track, seen),
            TrackMessage::End => {
                if let Some(key) = self.replica(track) {
                    self.unpublish(key);
                }
            }
            TrackMessage::Watch => self.watched(from, track),
            TrackMessage::Unwatch => self.unwatched(from, track),
            TrackMessage::KeyframeWanted => self.keyframe_wanted_elsewhere(now, from, track),
            TrackMessage::Missing(numbers) => self.missed(from, track, &numbers),
            TrackMessage::Awaited(numbers) => self.awaited(track, &numbers),
            TrackMessage::Losses(counts) => self.losses_told(now, from, track, counts),
        }
    }

    /// The replica of a track of another shard.
    fn replica(&self, track: TrackId) -> Option<PublicationKey> {
        self.replicas.get(&track.arrival).copied()
    }

    /// The publication of this shard that other shards know by that name.
    fn home_of(&self, track: TrackId) -> Option<PublicationKey> {
        let publication = self.publications.get(track.key.0)?;
        (publication.track == track && publication.owner().is_some()).then_some(track.key)
    }
}
