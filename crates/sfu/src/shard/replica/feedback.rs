//! What comes back: keyframe requests, losses, and packets that did not get across; and the reports that go out with the packets.

use std::time::Instant;

use arrayvec::ArrayVec;

use super::super::Shard;
use super::super::message::ShardMessage;
use crate::crossing::{Home, TrackId, TrackMessage};
use crate::keys::PublicationKey;
use crate::limits;
use crate::media::{LossCounts, SenderReportSeen};

impl Shard {
    /// A subscriber of a replica needs a keyframe, and the replica's own gate lets the request through or keeps it for later. The home's gate
    /// is the one that counts: this one only keeps a crowd from crossing.
    pub(in crate::shard) fn ask_home_for_keyframe(&mut self, key: PublicationKey, now: bool) {
        if now {
            self.tell_home(key, TrackMessage::KeyframeWanted);
        }
        self.arm_replica(key);
    }

    /// Subscribers of another shard need a keyframe, unless they have left meanwhile.
    pub(super) fn keyframe_wanted_elsewhere(&mut self, now: Instant, from: usize, track: TrackId) {
        let Some(key) = self.home_of(track) else { return };
        let Some(publication) = self.publications.get(key.0) else { return };
        if publication.watchers.iter().any(|watcher| watcher.shard == from) {
            self.ask_for_keyframe(now, key);
        }
    }

    /// A subscriber of a replica reported its losses: the home is told of all of them together, at the pace of reports.
    pub(in crate::shard) fn tell_losses_soon(&mut self, now: Instant, key: PublicationKey) {
        let Some(publication) = self.publications.get_mut(key.0) else { return };
        let Some(elsewhere) = publication.elsewhere() else { return };
        if elsewhere.losses_due.is_none() {
            let due = elsewhere.losses_told.map_or(now, |told| told + limits::REPORT_INTERVAL);
            elsewhere.losses_due = Some(due.max(now));
            self.arm_replica(key);
        }
    }

    /// What another shard's subscribers lost.
    pub(super) fn losses_told(
        &mut self,
        now: Instant,
        from: usize,
        track: TrackId,
        counts: LossCounts,
    ) {
        let Some(key) = self.home_of(track) else { return };
        let Some(publication) = self.publications.get_mut(key.0) else { return };
        let mut watchers = publication.watchers.iter_mut();
        if let Some(watcher) = watchers.find(|watcher| watcher.shard == from) {
            watcher.losses = Some((now, counts));
        }
    }

    /// Tells the watchers what the publisher says of its clock. One that is lost is followed by the next.
    pub(in crate::shard) fn replicate_sender_report(&mut self, key: PublicationKey) {
        let Some(publication) = self.publications.get(key.0) else { return };
        let Some(seen) = publication.sender_report else { return };
        for watcher in &publication.watchers {
            let report = TrackMessage::SenderReport(seen);
            self.neighbours.try_send(watcher.shard, ShardMessage::Track(publication.track, report));
        }
    }

    pub(super) fn sender_report_told(&mut self, track: TrackId, seen: SenderReportSeen) {
        let Some(key) = self.replica(track) else { return };
        if let Some(publication) = self.publications.get_mut(key.0) {
            publication.sender_report = Some(seen);
        }
    }

    pub(in crate::shard) fn handle_replica_timeouts(&mut self, now: Instant) {
        while let Some((key, at)) = self.replica_timers.pop(now) {
            let Some(publication) = self.publications.get_mut(key.0) else { continue };
            let Some(elsewhere) = publication.elsewhere() else { continue };
            // Overtaken by an earlier entry, or of a replica that had the key before.
            if elsewhere.armed != Some(at) {
                continue;
            }
            elsewhere.armed = None;
            let losses = elsewhere.losses_due.take_if(|due| *due <= now).is_some();
            let missing = elsewhere.missing_due.take_if(|due| *due <= now).is_some();
            if losses {
                elsewhere.losses_told = Some(now);
                let counts = publication.reports.histogram(now).counts();
                self.try_tell_home(key, TrackMessage::Losses(counts));
            }
            if missing {
                self.ask_home_for_missing(now, key);
            }
            let Some(publication) = self.publications.get_mut(key.0) else { continue };
            if publication.keyframes.poll(now) {
                self.tell_home(key, TrackMessage::KeyframeWanted);
            }
            self.arm_replica(key);
        }
    }

    /// The home has in its cache what was lost on the way here. What it misses itself it says, and that is its
    /// own business from then on.
    fn ask_home_for_missing(&mut self, now: Instant, key: PublicationKey) {
        let Some(publication) = self.publications.get_mut(key.0) else { return };
        let wanted = publication.missing.poll(now, None);
        let still_missing = !publication.missing.is_empty();
        if let Some(elsewhere) = publication.elsewhere().filter(|_| still_missing) {
            elsewhere.missing_due = Some(now + limits::NACK_INTERVAL);
        }
        for numbers in wanted.numbers.chunks(16) {
            let numbers: ArrayVec<u16, 16> = numbers.iter().copied().collect();
            self.try_tell_home(key, TrackMessage::Missing(numbers));
        }
        if wanted.keyframe {
            self.ask_for_keyframe(now, key);
        }
    }

    fn tell_home(&mut self, key: PublicationKey, message: TrackMessage) {
        if let Some((shard, track)) = self.home_elsewhere(key) {
            self.tell_track(shard, track, message);
        }
    }

    /// The same with what is said again anyway.
    fn try_tell_home(&mut self, key: PublicationKey, message: TrackMessage) {
        if let Some((shard, track)) = self.home_elsewhere(key) {
            self.neighbours.try_send(shard, ShardMessage::Track(track, message));
        }
    }

    fn home_elsewhere(&self, key: PublicationKey) -> Option<(usize, TrackId)> {
        let publication = self.publications.get(key.0)?;
        match &publication.home {
            Home::Here(_) => None,
            Home::Elsewhere(elsewhere) => Some((elsewhere.shard, publication.track)),
        }
    }

    /// Wakes a replica when something of it is due.
    pub(super) fn arm_replica(&mut self, key: PublicationKey) {
        let Some(publication) = self.publications.get_mut(key.0) else { return };
        let keyframe = publication.keyframes.poll_timeout();
        let Some(elsewhere) = publication.elsewhere() else { return };
        let due = [keyframe, elsewhere.losses_due, elsewhere.missing_due];
        if let Some(at) = due.into_iter().flatten().min() {
            self.replica_timers.arm(key, &mut elsewhere.armed, at);
        }
    }
}
