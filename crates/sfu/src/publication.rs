//! One published track: what its publisher sends, as the SFU received it.

use std::time::Instant;

use arrayvec::ArrayVec;
use tsubame_rtp::rtcp::ReportBlock;
use tsubame_rtp::{Codec, MediaKind, ReceptionStatistics, SequenceExtender};

use crate::crossing::{Elsewhere, Home, TrackId, Watcher};
use crate::id::ConnectionId;
use crate::keys::{ChannelKey, PeerKey, PublicationKey, SubscriptionKey};
use crate::limits;
use crate::media::sender_report::SenderReportSeen;
use crate::media::{Histogram, KeyframeGate, NackTracker, PacketCache, ReportAggregator};
use crate::negotiate::table;

/// Header extensions of one packet that are passed on as they came.
pub(crate) const PASSED_EXTENSIONS: usize = 6;
/// And their octets, all together: the longest dependency descriptor has its place. What is beyond is left out.
pub(crate) const PASSED_OCTETS: usize = 256;

/// A packet of this turn's batch; its octets are in the publication's cache.
#[derive(Clone, Debug)]
pub(crate) struct Incoming {
    pub(crate) sequence_number: u64,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    pub(crate) keyframe: bool,
    pub(crate) payload: (u16, u16),
    /// Id and place in the packet.
    pub(crate) extensions: ArrayVec<(u8, u16, u8), PASSED_EXTENSIONS>,
}

impl Incoming {
    /// The extensions that are passed on, out of the octets of the packet.
    pub(crate) fn extensions_in<'a>(
        &'a self,
        packet: &'a [u8],
    ) -> impl Iterator<Item = (u8, &'a [u8])> {
        self.extensions.iter().filter_map(|(id, offset, len)| {
            let start = usize::from(*offset);
            Some((*id, packet.get(start..start + usize::from(*len))?))
        })
    }
}

/// What may be asked of the publisher.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PublisherFeedback {
    pub(crate) nack: bool,
    pub(crate) pli: bool,
    pub(crate) fir: bool,
}

pub(crate) struct Publication {
    pub(crate) key: PublicationKey,
    pub(crate) home: Home,
    pub(crate) track: TrackId,
    pub(crate) owner_id: ConnectionId,
    /// Members with the same do not get it.
    pub(crate) bundle_id: Option<String>,
    pub(crate) channel: ChannelKey,
    pub(crate) codec: Codec,
    /// Of the section it comes in.
    pub(crate) mid: String,
    pub(crate) payload_type: u8,
    pub(crate) rtx_payload_type: Option<u8>,
    pub(crate) feedback: PublisherFeedback,
    /// `None` until the first packet.
    pub(crate) ssrc: Option<u32>,
    /// When its last packet came.
    pub(crate) last_packet: Option<Instant>,
    pub(crate) extender: SequenceExtender,
    /// Added to extended sequence numbers, so that those of a new SSRC follow those of the old one.
    sequence_base: u64,
    pub(crate) reception: ReceptionStatistics,
    pub(crate) cache: PacketCache,
    pub(crate) missing: NackTracker,
    pub(crate) keyframes: KeyframeGate,
    /// A keyframe request is to go out with the next feedback.
    pub(crate) keyframe_wanted: bool,
    /// Command sequence number of the last FIR (RFC 5104 §4.3.1.1).
    pub(crate) full_intra_requests: u8,
    pub(crate) reports: ReportAggregator<SubscriptionKey>,
    pub(crate) sender_report: Option<SenderReportSeen>,
    pub(crate) batch: Vec<Incoming>,
    /// Since when the batch could have been forwarded, where that may be put off.
    pub(crate) batch_since: Option<Instant>,
    /// That was put off.
    pub(crate) is_held: bool,
    /// The highest number that was in a batch that went.
    pub(crate) forwarded: u64,
    /// In the order of their arrival.
    pub(crate) subscribers: Vec<SubscriptionKey>,
    /// Shards with replicas that have subscribers. A replica itself has none.
    pub(crate) watchers: Vec<Watcher>,
}

/// What a publication is from its beginning to its end.
pub(crate) struct Identity {
    pub(crate) key: PublicationKey,
    pub(crate) home: Home,
    pub(crate) track: TrackId,
    pub(crate) owner_id: ConnectionId,
    pub(crate) bundle_id: Option<String>,
    pub(crate) channel: ChannelKey,
    pub(crate) codec: Codec,
}

impl Publication {
    pub(crate) fn new(identity: Identity, mid: String, feedback: PublisherFeedback) -> Self {
        let Identity { key, home, track, owner_id, bundle_id, channel, codec } = identity;
        let slots = match codec.kind() {
            MediaKind::Audio => limits::AUDIO_CACHE,
            MediaKind::Video => limits::VIDEO_CACHE,
        };
        Self {
            key,
            home,
            track,
            owner_id,
            bundle_id,
            channel,
            codec,
            mid,
            payload_type: table::payload_type(codec),
            rtx_payload_type: table::rtx_payload_type(codec),
            feedback,
            ssrc: None,
            last_packet: None,
            extender: SequenceExtender::new(),
            sequence_base: 0,
            reception: ReceptionStatistics::new(codec.clock_rate()),
            cache: PacketCache::new(slots),
            missing: NackTracker::new(),
            keyframes: KeyframeGate::new(),
            keyframe_wanted: false,
            full_intra_requests: 0,
            reports: ReportAggregator::new(),
            sender_report: None,
            batch: Vec::new(),
            batch_since: None,
            is_held: false,
            forwarded: 0,
            subscribers: Vec::new(),
            watchers: Vec::new(),
        }
    }

    /// Its publisher, unless it is a replica.
    pub(crate) fn owner(&self) -> Option<PeerKey> {
        match self.home {
            Home::Here(owner) => Some(owner),
            Home::Elsewhere(_) => None,
        }
    }

    /// What a replica has beyond that.
    pub(crate) fn elsewhere(&mut self) -> Option<&mut Elsewhere> {
        match &mut self.home {
            Home::Here(_) => None,
            Home::Elsewhere(elsewhere) => Some(elsewhere),
        }
    }

    pub(crate) fn kind(&self) -> MediaKind {
        self.codec.kind()
    }

    /// The publisher sends from a new SSRC: everything that counted packets starts anew, above the numbers that were.
    pub(crate) fn switch_ssrc(&mut self, ssrc: u32) {
        if let Some(highest) = self.extender.highest() {
            // A multiple of 2^16, so that the low half of a number stays what the publisher gave the packet.
            let used = highest.saturating_sub(SequenceExtender::ORIGIN) | 0xffff;
            self.sequence_base += used + 1 + (1 << 17);
        }
        self.ssrc = Some(ssrc);
        self.extender = SequenceExtender::new();
        self.reception = ReceptionStatistics::new(self.codec.clock_rate());
        self.missing = NackTracker::new();
        self.sender_report = None;
    }

    /// Extends a sequence number of the present SSRC.
    pub(crate) fn extend(&mut self, sequence_number: u16) -> u64 {
        self.sequence_base + self.extender.extend(sequence_number)
    }

    /// The same, for a packet that was retransmitted: it does not move the highest number seen, and one above that was never missed.
    pub(crate) fn extend_retransmitted(&self, sequence_number: u16) -> Option<u64> {
        let highest = self.extender.highest()?;
        let number = self.extender.peek(sequence_number).filter(|number| *number <= highest)?;
        Some(self.sequence_base + number)
    }

    /// What the publisher is told of this track: the SFU's own reception, and of its subscribers' losses what the aggregate says.
    pub(crate) fn report_block(&mut self, now: Instant) -> Option<ReportBlock> {
        let seen = self.sender_report.map(|seen| (seen.ntp.compact(), seen.arrival));
        let mut block = self.reception.report_block(self.ssrc?, now, seen);
        block.fraction_lost = self.losses(now).fraction_lost(block.fraction_lost);
        Some(block)
    }

    /// What its subscribers lost, on all shards together.
    fn losses(&self, now: Instant) -> Histogram {
        let mut losses = self.reports.histogram(now);
        for (at, counts) in self.watchers.iter().filter_map(|watcher| watcher.losses.as_ref()) {
            losses.add_counts(now, *at, counts);
        }
        losses
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_a_new_ssrc_follow_the_old_ones_and_keep_their_low_half() {
        let key = PublicationKey(0);
        let identity = Identity {
            key,
            home: Home::Here(PeerKey(0)),
            track: TrackId { key, arrival: 0 },
            owner_id: ConnectionId::from_random([1; 16]),
            bundle_id: None,
            channel: ChannelKey(0),
            codec: Codec::Vp8,
        };
        let mut publication =
            Publication::new(identity, "0".to_owned(), PublisherFeedback::default());
        let mut highest = 0;
        for (ssrc, numbers) in [(1, [65_530, 3, 5_000]), (2, [7, 8, 9]), (3, [40_000, 39_999, 2])] {
            publication.switch_ssrc(ssrc);
            let floor = highest;
            for number in numbers {
                let extended = publication.extend(number);
                assert_eq!(extended & 0xffff, u64::from(number), "a NACK names this");
                assert!(extended > floor, "the cache still holds the old ones");
                highest = highest.max(extended);
            }
        }
    }
}
