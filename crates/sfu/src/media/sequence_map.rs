//! The numbers that a subscription's packets go out under: without gaps where the SFU left something out, and without a jump where the source
//! changed.

use std::time::Instant;

use tsubame_rtp::MediaKind;

/// Numbers given out that can be looked up again, for retransmission.
const VIDEO_HISTORY: usize = 512;
const AUDIO_HISTORY: usize = 64;
/// Numbers left out that are remembered, so that a late packet before or after one still gets its own number.
const SKIPS: usize = 16;

/// Where a packet that was sent came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// In the publication's numbering.
    pub(crate) sequence_number: u64,
    /// What was added to its timestamp.
    pub(crate) timestamp_offset: u32,
}

#[derive(Clone, Copy, Debug)]
struct Last {
    source: u64,
    out: u64,
    out_timestamp: u32,
    at: Instant,
}

#[derive(Debug)]
pub(crate) struct SequenceMap {
    clock_rate: u32,
    /// What a packet's number is lowered by, in wrapping arithmetic. Changes with every skip.
    offset: u64,
    timestamp_offset: u32,
    /// Numbers below this belong to an earlier source, or to before the start.
    first: u64,
    /// The offsets that held before: (numbers below this, offset).
    skips: [(u64, u64); SKIPS],
    skip_count: usize,
    last: Option<Last>,
    /// The next packet comes from a new source.
    switching: bool,
    start: (u64, u32),
    /// By outgoing number: what it came from, relative to its number.
    history: Box<[(u32, u32)]>,
    kind_history: usize,
}

impl SequenceMap {
    /// The first packet goes out as `first_number` (below 2^15, so that a late one may still go before it) and `first_timestamp`.
    pub(crate) fn new(
        kind: MediaKind,
        clock_rate: u32,
        first_number: u64,
        first_timestamp: u32,
    ) -> Self {
        Self {
            clock_rate,
            offset: 0,
            timestamp_offset: 0,
            first: 0,
            skips: [(0, 0); SKIPS],
            skip_count: 0,
            last: None,
            switching: true,
            start: (first_number, first_timestamp),
            history: Box::default(),
            kind_history: match kind {
                MediaKind::Audio => AUDIO_HISTORY,
                MediaKind::Video => VIDEO_HISTORY,
            },
        }
    }

    /// The number (a 48-bit packet index) and timestamp of a packet; `None` where it has none: it is older than what is known.
    pub(crate) fn forward(
        &mut self,
        now: Instant,
        source: u64,
        timestamp: u32,
    ) -> Option<(u64, u32)> {
        if self.switching {
            self.begin(now, source, timestamp);
        }
        if source < self.first {
            return None;
        }
        let out = source.wrapping_sub(self.offset_of(source)?);
        let out_timestamp = timestamp.wrapping_add(self.timestamp_offset);
        if self.last.is_none_or(|last| source > last.source) {
            self.last = Some(Last { source, out, out_timestamp, at: now });
        }
        self.remember(out, source);
        Some((out, out_timestamp))
    }

    /// The packet is not sent and leaves no gap.
    pub(crate) fn skip(&mut self, source: u64) {
        let Some(last) = self.last else { return };
        // One that comes late has had its number already: the gap stands, and is no worse than a lost packet.
        if self.switching || source <= last.source {
            return;
        }
        self.push_skip(source + 1);
    }

    /// The next packet comes from another source: numbers go on from the last, timestamps by the time that has passed.
    pub(crate) fn switch_source(&mut self) {
        self.switching = true;
    }

    /// What was sent under this number, if that is still known.
    pub(crate) fn source_of(&self, number: u16) -> Option<Origin> {
        let last = self.last?;
        let back = (last.out as u16).wrapping_sub(number);
        let out = last.out.checked_sub(u64::from(back))?;
        let len = self.history.len() as u64;
        if len == 0 || u64::from(back) >= len {
            return None;
        }
        let (low, timestamp_offset) = self.history[(out % len) as usize];
        // The slot holds the low half of the source's number and, beside it, nothing to tell whose it is: check by distance.
        let source_low = low;
        let distance = (last.source as u32).wrapping_sub(source_low);
        let source = last.source.checked_sub(u64::from(distance))?;
        if source < self.first || source.wrapping_sub(self.offset_of(source)?) != out {
            return None;
        }
        Some(Origin { sequence_number: source, timestamp_offset })
    }

    /// What is added to timestamps, once a packet was sent.
    pub(crate) fn timestamp_offset(&self) -> Option<u32> {
        self.last.filter(|_| !self.switching).map(|_| self.timestamp_offset)
    }

    fn begin(&mut self, now: Instant, source: u64, timestamp: u32) {
        let (out, out_timestamp) = match self.last {
            None => self.start,
            Some(last) => {
                let elapsed = now.saturating_duration_since(last.at).as_micros();
                let ticks = elapsed * u128::from(self.clock_rate) / 1_000_000;
                // At least one tick: two frames never share a timestamp.
                (last.out + 1, last.out_timestamp.wrapping_add((ticks as u32).max(1)))
            }
        };
        self.offset = source.wrapping_sub(out);
        self.timestamp_offset = out_timestamp.wrapping_sub(timestamp);
        self.first = source;
        self.skip_count = 0;
        self.last = None;
        self.switching = false;
    }

    fn push_skip(&mut self, from: u64) {
        if self.skip_count == SKIPS {
            // The oldest is forgotten; packets from before it have no number any more.
            self.first = self.first.max(self.skips[0].0);
            self.skips.copy_within(1.., 0);
            self.skip_count -= 1;
        }
        self.skips[self.skip_count] = (from, self.offset);
        self.skip_count += 1;
        self.offset = self.offset.wrapping_add(1);
    }

    fn offset_of(&self, source: u64) -> Option<u64> {
        let earlier = self.skips[..self.skip_count].iter().find(|(from, _)| source < *from);
        match earlier {
            // The packet that was left out itself.
            Some((from, _)) if source + 1 == *from => None,
            Some((_, offset)) => Some(*offset),
            None => Some(self.offset),
        }
    }

    fn remember(&mut self, out: u64, source: u64) {
        if self.history.is_empty() {
            self.history = vec![(0, 0); self.kind_history].into_boxed_slice();
        }
        let len = self.history.len() as u64;
        self.history[(out % len) as usize] = (source as u32, self.timestamp_offset);
    }
}
