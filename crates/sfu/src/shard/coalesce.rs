//! Holding a track's packets for a moment, so that more of them form a run.
//!
//! The kernel charges per run, and a run is what one subscriber gets of one batch. Publishers that pace their packets (libwebrtc sends a frame in
//! bursts, 5 ms apart) make batches of two or three, so a busy shard may wait for the rest of the frame, where the operator allows it (`--coalesce`).
//! A frame that is complete never waits: its first packets are of no use without its last, so that what waiting costs is at most what the
//! publisher's own pacing costs. What was recovered never waits: what follows it has gone already. Audio never waits either: its packets come one by one, further apart than anybody should wait.

use std::time::{Duration, Instant};

use tsubame_rtp::MediaKind;

use super::Shard;
use crate::keys::PublicationKey;
use crate::publication::Incoming;

/// When packets are held.
#[derive(Debug)]
pub(super) struct Coalescer {
    /// For how long at most. Zero: never.
    pub(super) longest: Duration,
    /// The shard is over half busy: only then it pays.
    is_busy: bool,
}

impl Coalescer {
    pub(super) fn new(longest: Duration) -> Self {
        Self { longest, is_busy: false }
    }
}

impl Shard {
    /// Says whether the shard is over half busy, by whoever can measure it.
    pub(crate) fn set_busy(&mut self, is_busy: bool) {
        self.coalescer.is_busy = is_busy;
    }

    /// Whether the batch of a track has something to wait for.
    pub(super) fn is_to_be_held(&mut self, now: Instant, key: PublicationKey) -> bool {
        let Coalescer { longest, is_busy } = self.coalescer;
        if longest.is_zero() || !is_busy || self.must_forward {
            return false;
        }
        let Some(publication) = self.publications.get_mut(key.0) else { return false };
        let forwarded = publication.forwarded;
        let is_urgent =
            |incoming: &Incoming| incoming.marker || incoming.sequence_number < forwarded;
        let waits = publication.kind() == MediaKind::Video
            && !publication.batch.iter().any(is_urgent)
            && now < *publication.batch_since.get_or_insert(now) + longest;
        publication.is_held |= waits;
        waits
    }

    /// When the first of the batches that are held has to go.
    pub(super) fn coalescing_ends(&self) -> Option<Instant> {
        let since = self.batched.iter().filter_map(|key| self.publications.get(key.0)?.batch_since);
        since.min().map(|since| since + self.coalescer.longest)
    }

    /// A batch goes: how long was it held?
    pub(super) fn count_coalescing(&mut self, now: Instant, key: PublicationKey) {
        let Some(publication) = self.publications.get_mut(key.0) else { return };
        let since = publication.batch_since.take();
        if std::mem::take(&mut publication.is_held) {
            let held = since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
            self.counters.coalesced_batches += 1;
            self.counters.coalesced_microseconds +=
                u64::try_from(held.as_micros()).unwrap_or(u64::MAX);
        }
    }
}
