//! What a track and a channel know of other shards (docs/sharding.md).

use std::time::Instant;

use arrayvec::ArrayVec;
use tsubame_rtp::Codec;

use crate::id::ConnectionId;
use crate::keys::{PeerKey, PublicationKey};
use crate::media::{LossCounts, SenderReportSeen};
use crate::publication::Incoming;

/// A track, by the same name on all shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TrackId {
    /// Its key on the shard of its publisher.
    pub(crate) key: PublicationKey,
    /// Counts all tracks of the server in the order of their arrival. No two tracks ever have the same.
    pub(crate) arrival: u64,
}

/// Where a track's publisher is.
#[derive(Debug)]
pub(crate) enum Home {
    /// On this shard.
    Here(PeerKey),
    /// On another: what is here is a replica.
    Elsewhere(Elsewhere),
}

/// What a replica needs beyond what every publication has.
#[derive(Debug)]
pub(crate) struct Elsewhere {
    pub(crate) shard: usize,
    /// What the timer heap was told.
    pub(crate) armed: Option<Instant>,
    /// When its viewers' losses are to be told.
    pub(crate) losses_due: Option<Instant>,
    /// When they were told last.
    pub(crate) losses_told: Option<Instant>,
    /// When the home is to be asked for packets that are missing.
    pub(crate) missing_due: Option<Instant>,
}

impl Elsewhere {
    pub(crate) fn new(shard: usize) -> Self {
        Self { shard, armed: None, losses_due: None, losses_told: None, missing_due: None }
    }
}

/// A shard that gets a track's packets.
#[derive(Debug)]
pub(crate) struct Watcher {
    pub(crate) shard: usize,
    /// The frame, by its timestamp, of which a packet found no room: what else there is of it stays behind.
    pub(crate) dropping: Option<u32>,
    /// What its viewers lost, and when it said so.
    pub(crate) losses: Option<(Instant, LossCounts)>,
}

/// Another shard with members of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) shard: usize,
    /// Which of its stays in the channel: what was meant for an earlier one is void.
    pub(crate) epoch: u64,
}

/// A track, as another shard is told of it.
#[derive(Debug)]
pub(crate) struct Announcement {
    pub(crate) channel: String,
    /// Of the shard that is told.
    pub(crate) epoch: u64,
    pub(crate) track: TrackId,
    pub(crate) publisher: ConnectionId,
    pub(crate) bundle_id: Option<String>,
    pub(crate) codec: Codec,
}

/// What is said about one track, from one shard to another.
#[derive(Debug)]
pub(crate) enum TrackMessage {
    /// Home to replica: a packet. The octets are those of the cache, to which `incoming` refers.
    Packet { incoming: Incoming, octets: Vec<u8> },
    /// Home to replica: the packets that follow come from this SSRC.
    Source { ssrc: u32 },
    /// Home to replica: the publisher's sender report.
    SenderReport(SenderReportSeen),
    /// Home to replica: of what it misses these packets have not come to the home either. It sees to them itself.
    Awaited(ArrayVec<u16, 16>),
    /// Home to replica: it has ended.
    End,
    /// Replica to home: there are subscribers here.
    Watch,
    /// Replica to home: there are none any more.
    Unwatch,
    /// Replica to home: a subscriber here needs a keyframe.
    KeyframeWanted,
    /// Replica to home: these packets did not get here.
    Missing(ArrayVec<u16, 16>),
    /// Replica to home: how many subscribers here lost how much.
    Losses(LossCounts),
}
