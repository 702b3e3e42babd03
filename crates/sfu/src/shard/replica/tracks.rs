//! Which tracks there are, and whether anybody wants them.

use super::super::Shard;
use super::super::message::ShardMessage;
use crate::crossing::{Announcement, Elsewhere, Home, Link, TrackId, TrackMessage, Watcher};
use crate::keys::PublicationKey;
use crate::media::NackTracker;
use crate::publication::{Identity, Publication, PublisherFeedback};

impl Shard {
    /// Tells all shards of the channel of a new track.
    pub(in crate::shard) fn announce(&mut self, key: PublicationKey) {
        let Some(publication) = self.publications.get(key.0) else { return };
        let Some(channel) = self.channels.get(publication.channel.0) else { return };
        for link in channel.links.clone() {
            self.announce_to(link, key);
        }
    }

    /// Tells one of them, if the track is one of this shard's.
    pub(super) fn announce_to(&mut self, link: Link, key: PublicationKey) {
        let Some(publication) = self.publications.get(key.0) else { return };
        let Some(channel) = self.channels.get(publication.channel.0) else { return };
        if publication.owner().is_none() {
            return;
        }
        let announcement = Announcement {
            channel: channel.name.clone(),
            epoch: link.epoch,
            track: publication.track,
            publisher: publication.owner_id,
            bundle_id: publication.bundle_id.clone(),
            codec: publication.codec,
        };
        self.tell_shard(link.shard, ShardMessage::Announce(Box::new(announcement)));
    }

    /// Another shard has a track: it gets a replica and is offered here, in its place in the order of arrival.
    pub(in crate::shard) fn announced(&mut self, from: usize, announcement: Announcement) {
        let track = announcement.track;
        let Some(channel_key) = self.channel_names.get(&announcement.channel).copied() else {
            return;
        };
        let Some(channel) = self.channels.get_mut(channel_key.0) else { return };
        if channel.epoch != announcement.epoch || self.replicas.contains_key(&track.arrival) {
            return;
        }
        let key = PublicationKey(self.publications.vacant_key());
        let identity = Identity {
            key,
            home: Home::Elsewhere(Elsewhere::new(from)),
            track,
            owner_id: announcement.publisher,
            bundle_id: announcement.bundle_id,
            channel: channel_key,
            codec: announcement.codec,
        };
        let place = channel.publications.partition_point(|other| {
            let other = self.publications.get(other.0);
            other.is_some_and(|other| other.track.arrival < track.arrival)
        });
        channel.publications.insert(place, key);
        let members = channel.members.clone();
        let replica = Publication::new(identity, String::new(), PublisherFeedback::default());
        self.publications.insert(replica);
        self.replicas.insert(track.arrival, key);
        for member in members {
            self.subscribe(member, key);
        }
    }

    /// A publication is no more: the other shards are told of the end of a track, and a replica is forgotten.
    pub(in crate::shard) fn end_elsewhere(&mut self, publication: &Publication) {
        match publication.home {
            Home::Here(_) => {
                let Some(channel) = self.channels.get(publication.channel.0) else { return };
                for link in channel.links.clone() {
                    self.tell_track(link.shard, publication.track, TrackMessage::End);
                }
            }
            Home::Elsewhere(_) => {
                self.replicas.remove(&publication.track.arrival);
            }
        }
    }

    /// A publication has its first subscriber here.
    pub(in crate::shard) fn watch(&mut self, key: PublicationKey) {
        let Some(publication) = self.publications.get_mut(key.0) else { return };
        let track = publication.track;
        let Some(elsewhere) = publication.elsewhere() else { return };
        let shard = elsewhere.shard;
        // What came to pass while nobody watched is not missed. The home says where it stands.
        publication.ssrc = None;
        publication.sender_report = None;
        publication.missing = NackTracker::new();
        self.tell_track(shard, track, TrackMessage::Watch);
    }

    /// A publication has no subscribers here any more.
    pub(in crate::shard) fn unwatch(&mut self, key: PublicationKey) {
        let Some(publication) = self.publications.get_mut(key.0) else { return };
        let track = publication.track;
        let Some(elsewhere) = publication.elsewhere() else { return };
        let shard = elsewhere.shard;
        publication.missing = NackTracker::new();
        self.tell_track(shard, track, TrackMessage::Unwatch);
    }

    /// Another shard wants a track's packets from now on.
    pub(super) fn watched(&mut self, from: usize, track: TrackId) {
        let Some(key) = self.home_of(track) else { return };
        let Some(publication) = self.publications.get_mut(key.0) else { return };
        if publication.watchers.iter().all(|watcher| watcher.shard != from) {
            publication.watchers.push(Watcher { shard: from, dropping: None, losses: None });
        }
        let (ssrc, sender_report) = (publication.ssrc, publication.sender_report);
        if let Some(ssrc) = ssrc {
            self.tell_track(from, track, TrackMessage::Source { ssrc });
        }
        if let Some(seen) = sender_report {
            self.tell_track(from, track, TrackMessage::SenderReport(seen));
        }
    }

    /// And no longer.
    pub(super) fn unwatched(&mut self, from: usize, track: TrackId) {
        if let Some(key) = self.home_of(track) {
            self.forget_watcher(from, key);
        }
    }

    pub(super) fn forget_watcher(&mut self, shard: usize, key: PublicationKey) {
        if let Some(publication) = self.publications.get_mut(key.0) {
            publication.watchers.retain(|watcher| watcher.shard != shard);
        }
    }

    /// Tells the watchers which SSRC a track is made of now.
    pub(in crate::shard) fn replicate_source(&mut self, key: PublicationKey) {
        let Some(publication) = self.publications.get(key.0) else { return };
        let Some(ssrc) = publication.ssrc else { return };
        for watcher in &publication.watchers {
            let source = ShardMessage::Track(publication.track, TrackMessage::Source { ssrc });
            if !self.neighbours.send(watcher.shard, source) {
                self.counters.handover_overflow += 1;
            }
        }
    }

    /// A replica's packets come from this SSRC from now on.
    pub(super) fn source_told(&mut self, track: TrackId, ssrc: u32) {
        let Some(key) = self.replica(track) else { return };
        let Some(publication) = self.publications.get_mut(key.0) else { return };
        let before = publication.ssrc.replace(ssrc);
        if before.is_some_and(|before| before != ssrc) {
            publication.missing = NackTracker::new();
            publication.sender_report = None;
            self.restart_subscribers(key);
        }
    }

    pub(super) fn tell_track(&mut self, shard: usize, track: TrackId, message: TrackMessage) {
        self.tell_shard(shard, ShardMessage::Track(track, message));
    }
}
