//! The numbers that a subscription's packets go out under: without gaps where the SFU left something out, and without a jump where the source
//! changed.

use std::collections::VecDeque;
use std::time::Instant;

use tsubame_rtp::MediaKind;
use tsubame_udp::prefetch;

/// How many times packets may have been left out, or the source changed, before the oldest numbers are forgotten: 32 octets each.
const VIDEO_SEGMENTS: usize = 64;
const AUDIO_SEGMENTS: usize = 8;

/// Where a packet that was sent came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// In the publication's numbering.
    pub(crate) sequence_number: u64,
    /// What was added to its timestamp.
    pub(crate) timestamp_offset: u32,
}

/// Packets of the source that go out under consecutive numbers. Lost and late ones are among them: they have a number whether they come or not.
/// The outgoing numbers of one segment end where those of the next begin.
#[derive(Clone, Copy, Debug)]
struct Segment {
    /// Its first packet, in the source's numbering, ...
    source: u64,
    /// ... and the first one that does not belong to it.
    end: u64,
    /// What `source` goes out as.
    out: u64,
    timestamp_offset: u32,
}

impl Segment {
    fn out_of(&self, source: u64) -> u64 {
        self.out + (source - self.source)
    }
}

/// The packet with the highest number so far.
#[derive(Clone, Copy, Debug)]
struct Last {
    source: u64,
    out: u64,
    out_timestamp: u32,
    at: Instant,
}

/// The map is a short list of segments, so that it costs a subscription nothing per packet and is still exact in both directions.
#[derive(Debug)]
pub(crate) struct SequenceMap {
    clock_rate: u32,
    start: (u64, u32),
    /// Oldest first; never more than it was allocated for.
    segments: VecDeque<Segment>,
    capacity: usize,
    last: Option<Last>,
    /// The next packet comes from a new source.
    switching: bool,
}

impl SequenceMap {
    /// The first packet goes out as `first_number` (below 2^15, so that a receiver cannot take the first wrap for an earlier one) and
    /// `first_timestamp`.
    pub(crate) fn new(
        kind: MediaKind,
        clock_rate: u32,
        first_number: u64,
        first_timestamp: u32,
    ) -> Self {
        let capacity = match kind {
            MediaKind::Audio => AUDIO_SEGMENTS,
            MediaKind::Video => VIDEO_SEGMENTS,
        };
        Self {
            clock_rate,
            start: (first_number, first_timestamp),
            segments: VecDeque::with_capacity(capacity),
            capacity,
            last: None,
            switching: true,
        }
    }

    /// The number (a 48-bit packet index) and timestamp of a packet. One that comes late has the number it would have had; `None` where that is
    /// not known: it was left out, it is from before the first one that was sent, or older than what is remembered.
    pub(crate) fn forward(
        &mut self,
        now: Instant,
        source: u64,
        timestamp: u32,
    ) -> Option<(u64, u32)> {
        if self.switching {
            self.begin(now, source, timestamp);
        }
        let holds = |segment: &&Segment| segment.source <= source && source < segment.end;
        let segment = self.segments.iter().rev().find(holds)?;
        let out = segment.out_of(source);
        let out_timestamp = timestamp.wrapping_add(segment.timestamp_offset);
        if self.last.is_none_or(|last| out > last.out) {
            self.last = Some(Last { source, out, out_timestamp, at: now });
        }
        Some((out, out_timestamp))
    }

    /// Has what the next [`SequenceMap::forward`] reads fetched into the caches.
    pub(crate) fn prefetch(&self) {
        if let Some(current) = self.segments.back() {
            prefetch(current);
        }
    }

    /// The packet is not sent and leaves no gap, unless a later one was sent already: then its number is gone.
    pub(crate) fn skip(&mut self, source: u64) {
        let (Some(last), Some(current)) = (self.last, self.segments.back_mut()) else { return };
        if self.switching || source < current.source {
            return;
        }
        if source == current.source {
            // Nothing of this segment was sent: it begins later. (Otherwise `last` is in it, and below.)
            if last.out < current.out {
                current.source += 1;
            }
            return;
        }
        if last.out >= current.out_of(source) {
            return;
        }
        let next = Segment {
            source: source + 1,
            end: u64::MAX,
            out: current.out_of(source),
            timestamp_offset: current.timestamp_offset,
        };
        current.end = source;
        self.push(next);
    }

    /// The next packet that is forwarded comes from another source: numbers go on from the last, timestamps by the time that has passed.
    pub(crate) fn switch_source(&mut self) {
        self.switching = true;
    }

    /// What was sent under this number, if that is still known. A number that is not yet sent is taken for one of 2^16 packets ago.
    pub(crate) fn source_of(&self, number: u16) -> Option<Origin> {
        let last = self.last?;
        let back = (last.out as u16).wrapping_sub(number);
        let out = last.out.checked_sub(u64::from(back))?;
        let segment = self.segments.iter().rev().find(|segment| segment.out <= out)?;
        let sequence_number = segment.source + (out - segment.out);
        (sequence_number < segment.end)
            .then_some(Origin { sequence_number, timestamp_offset: segment.timestamp_offset })
    }

    /// What is added to timestamps, once a packet of the present source was sent.
    pub(crate) fn timestamp_offset(&self) -> Option<u32> {
        let current = self.segments.back().filter(|_| !self.switching)?;
        Some(current.timestamp_offset)
    }

    /// `source` is the first packet of a source, or of all.
    fn begin(&mut self, now: Instant, source: u64, timestamp: u32) {
        self.switching = false;
        let (out, out_timestamp) = self.next_number_and_timestamp(now);
        self.close(source);
        let timestamp_offset = out_timestamp.wrapping_sub(timestamp);
        self.push(Segment { source, end: u64::MAX, out, timestamp_offset });
    }

    fn next_number_and_timestamp(&self, now: Instant) -> (u64, u32) {
        let Some(last) = self.last else { return self.start };
        let elapsed = now.saturating_duration_since(last.at).as_micros();
        let ticks = elapsed * u128::from(self.clock_rate) / 1_000_000;
        // At least one tick: two frames never share a timestamp.
        (last.out + 1, last.out_timestamp.wrapping_add((ticks as u32).max(1)))
    }

    /// The present source has sent its last packet.
    fn close(&mut self, next_source: u64) {
        let Some(last) = self.last else { return };
        // Segments of which nothing was sent.
        while self.segments.back().is_some_and(|segment| segment.out > last.out) {
            self.segments.pop_back();
        }
        if let Some(current) = self.segments.back_mut() {
            current.end = last.source + 1;
        }
        // Numbers of the new source that the old one used as well cannot be told apart.
        if self.segments.back().is_some_and(|segment| segment.end > next_source) {
            self.segments.clear();
        }
    }

    fn push(&mut self, segment: Segment) {
        if self.segments.len() == self.capacity {
            self.segments.pop_front();
        }
        self.segments.push_back(segment);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::time::Duration;

    use super::*;
    use crate::media::testing::{Random, origin};

    const FIRST: u64 = 1_000;
    const FIRST_TIMESTAMP: u32 = 50_000;

    fn video() -> SequenceMap {
        SequenceMap::new(MediaKind::Video, 90_000, FIRST, FIRST_TIMESTAMP)
    }

    /// Outgoing number of a packet whose timestamp does not matter.
    fn forward(map: &mut SequenceMap, source: u64) -> Option<u64> {
        map.forward(origin(), source, 0).map(|(out, _)| out)
    }

    fn source_of(map: &SequenceMap, out: u64) -> Option<u64> {
        map.source_of(out as u16).map(|found| found.sequence_number)
    }

    #[test]
    fn numbers_and_timestamps_begin_where_they_were_told_to() {
        let mut map = video();
        assert_eq!(map.forward(origin(), 7_777, 123), Some((FIRST, FIRST_TIMESTAMP)));
        assert_eq!(map.forward(origin(), 7_778, 123), Some((FIRST + 1, FIRST_TIMESTAMP)));
        assert_eq!(map.forward(origin(), 7_779, 3_123), Some((FIRST + 2, FIRST_TIMESTAMP + 3_000)));
    }

    #[test]
    fn losses_of_the_source_stay_gaps_and_late_packets_fill_them() {
        let mut map = video();
        assert_eq!(forward(&mut map, 10), Some(FIRST));
        assert_eq!(forward(&mut map, 13), Some(FIRST + 3));
        assert_eq!(forward(&mut map, 12), Some(FIRST + 2));
        assert_eq!(forward(&mut map, 11), Some(FIRST + 1));
        assert_eq!(forward(&mut map, 14), Some(FIRST + 4));
    }

    #[test]
    fn what_comes_from_before_the_first_has_no_number() {
        let mut map = video();
        forward(&mut map, 10);
        assert_eq!(forward(&mut map, 9), None);
        assert_eq!(source_of(&map, FIRST - 1), None);
    }

    #[test]
    fn skipped_packets_leave_no_gap() {
        let mut map = video();
        assert_eq!(forward(&mut map, 10), Some(FIRST));
        map.skip(11);
        map.skip(12);
        assert_eq!(forward(&mut map, 13), Some(FIRST + 1));
        map.skip(14);
        assert_eq!(forward(&mut map, 15), Some(FIRST + 2));
        assert_eq!(forward(&mut map, 14), None, "it was left out");
        assert_eq!(forward(&mut map, 11), None);
    }

    #[test]
    fn a_late_packet_around_a_skipped_one_has_the_number_it_would_have_had() {
        let mut map = video();
        forward(&mut map, 10);
        // 11 is late, 12 is skipped, 13 is late, 14 comes.
        map.skip(12);
        assert_eq!(forward(&mut map, 14), Some(FIRST + 3));
        assert_eq!(forward(&mut map, 11), Some(FIRST + 1));
        assert_eq!(forward(&mut map, 13), Some(FIRST + 2));
    }

    #[test]
    fn a_late_skip_leaves_its_gap_and_disturbs_nobody() {
        let mut map = video();
        forward(&mut map, 10);
        forward(&mut map, 12);
        map.skip(11);
        assert_eq!(forward(&mut map, 13), Some(FIRST + 3));
        map.skip(9);
        map.skip(12);
        assert_eq!(forward(&mut map, 14), Some(FIRST + 4));
    }

    #[test]
    fn skipping_twice_counts_once() {
        let mut map = video();
        forward(&mut map, 10);
        for _ in 0..3 {
            map.skip(11);
        }
        assert_eq!(forward(&mut map, 12), Some(FIRST + 1));
        map.skip(12);
        assert_eq!(forward(&mut map, 13), Some(FIRST + 2), "it was sent, so it cannot be left out");
    }

    #[test]
    fn a_new_source_goes_on_by_the_wall_clock() {
        let start = origin();
        let mut map = video();
        map.forward(start, 10, 1_000);
        map.forward(start, 11, 4_000);
        map.switch_source();
        assert_eq!(map.timestamp_offset(), None);
        let later = start + Duration::from_millis(500);
        let expected = FIRST_TIMESTAMP + 3_000 + 45_000;
        assert_eq!(map.forward(later, 500_000, 0xffff_fff0), Some((FIRST + 2, expected)));
        assert_eq!(map.forward(later, 500_001, 0x10), Some((FIRST + 3, expected + 0x20)));
        let offset = map.timestamp_offset().unwrap();
        assert_eq!(0xffff_fff0_u32.wrapping_add(offset), expected);
    }

    #[test]
    fn a_new_source_in_the_same_instant_has_another_timestamp() {
        let mut map = video();
        map.forward(origin(), 10, 0);
        map.switch_source();
        assert_eq!(map.forward(origin(), 99, 0), Some((FIRST + 1, FIRST_TIMESTAMP + 1)));
    }

    #[test]
    fn late_packets_of_the_old_source_keep_their_numbers_and_timestamps() {
        let start = origin();
        let mut map = video();
        map.forward(start, 10, 0);
        map.forward(start, 12, 3_000);
        map.switch_source();
        map.forward(start + Duration::from_secs(1), 1_000, 7);
        assert_eq!(map.forward(start, 11, 3_000), Some((FIRST + 1, FIRST_TIMESTAMP + 3_000)));
        assert_eq!(map.forward(start, 13, 6_000), None, "its number was given to the new source");
        assert_eq!(source_of(&map, FIRST + 2), Some(12));
        assert_eq!(source_of(&map, FIRST + 3), Some(1_000));
    }

    #[test]
    fn a_source_that_reuses_numbers_forgets_the_old_ones() {
        let mut map = video();
        forward(&mut map, 1_000);
        forward(&mut map, 1_001);
        map.switch_source();
        assert_eq!(forward(&mut map, 5), Some(FIRST + 2));
        assert_eq!(forward(&mut map, 1_001), Some(FIRST + 2 + 996), "a jump of the new source");
        assert_eq!(source_of(&map, FIRST + 1), None);
    }

    #[test]
    fn switching_after_skips_leaves_no_gap() {
        let mut map = video();
        forward(&mut map, 10);
        map.skip(11);
        map.skip(12);
        map.switch_source();
        map.skip(900);
        assert_eq!(forward(&mut map, 901), Some(FIRST + 1));
        assert_eq!(source_of(&map, FIRST), Some(10));
        assert_eq!(source_of(&map, FIRST + 1), Some(901));
    }

    #[test]
    fn what_was_never_sent_has_no_origin() {
        let mut map = video();
        assert_eq!(map.source_of(FIRST as u16), None);
        map.skip(3);
        forward(&mut map, 10);
        assert_eq!(source_of(&map, FIRST + 1), None, "not sent yet");
        assert_eq!(source_of(&map, FIRST), Some(10));
    }

    #[test]
    fn origins_survive_the_wrap_of_the_number() {
        let mut map = SequenceMap::new(MediaKind::Video, 90_000, 32_767, 0);
        for source in 0..40_000 {
            assert_eq!(forward(&mut map, source), Some(32_767 + source));
        }
        assert_eq!(map.source_of(65_535).map(|o| o.sequence_number), Some(65_535 - 32_767));
        assert_eq!(map.source_of(0).map(|o| o.sequence_number), Some(65_536 - 32_767));
    }

    #[test]
    fn the_history_is_bounded_and_what_was_forgotten_has_no_number() {
        let mut map = SequenceMap::new(MediaKind::Audio, 48_000, FIRST, 0);
        // Every other packet is left out.
        for source in (0..100).step_by(2) {
            assert_eq!(forward(&mut map, source), Some(FIRST + source / 2));
            map.skip(source + 1);
        }
        assert_eq!(map.segments.len(), AUDIO_SEGMENTS);
        assert_eq!(map.segments.capacity(), AUDIO_SEGMENTS, "allocated once");
        assert_eq!(source_of(&map, FIRST + 49), Some(98));
        assert_eq!(source_of(&map, FIRST + 20), None);
        assert_eq!(forward(&mut map, 40), None);
        assert_eq!(forward(&mut map, 98), Some(FIRST + 49));
    }

    #[test]
    fn a_map_is_small() {
        let size = |segments| size_of::<SequenceMap>() + segments * size_of::<Segment>();
        assert!(size(VIDEO_SEGMENTS) <= 2_560, "{}", size(VIDEO_SEGMENTS));
        assert!(size(AUDIO_SEGMENTS) <= 512, "{}", size(AUDIO_SEGMENTS));
    }

    /// Against a model that remembers everything: whatever is sent, lost, late, skipped or switched, no number is given twice, none is left out
    /// but for what the source lost, and every answer of `source_of` is right.
    #[test]
    fn a_random_walk_agrees_with_a_model() {
        for seed in 0..200 {
            let mut random = Random::new(seed);
            let mut map = video();
            let mut given: HashMap<u64, u64> = HashMap::new();
            let mut source = 1 << 32;
            let mut late: Vec<u64> = Vec::new();
            let mut skipped = 0;
            let mut first_of_source = source;
            let mut out_base = FIRST;
            for _ in 0..2_000 {
                match random.below(100) {
                    0..70 => {
                        let out = forward(&mut map, source).expect("the newest has a number");
                        // From the first of its source every packet counts, but for the skipped ones.
                        assert_eq!(out, out_base + (source - first_of_source) - skipped);
                        assert_eq!(given.insert(out, source), None, "a number was given twice");
                        source += 1;
                    }
                    70..80 if source > first_of_source => {
                        late.push(source);
                        source += 1;
                    }
                    80..92 if source > first_of_source => {
                        map.skip(source);
                        skipped += 1;
                        source += 1;
                    }
                    // Between a switch and the first packet of the new source nobody forwards the old one's.
                    92..98 if !map.switching => {
                        let Some(index) =
                            (!late.is_empty()).then(|| random.below(late.len() as u64))
                        else {
                            continue;
                        };
                        let source = late.swap_remove(index as usize);
                        if let Some(out) = forward(&mut map, source) {
                            assert_eq!(given.insert(out, source), None, "a number was given twice");
                        }
                    }
                    98 if !given.is_empty() => {
                        map.switch_source();
                        source += 100_000;
                        (first_of_source, skipped) = (source, 0);
                        out_base = given.keys().max().unwrap() + 1;
                    }
                    _ => {}
                }
            }
            let highest = *given.keys().max().unwrap();
            let mut known = 0;
            for (out, source) in given.iter().filter(|(out, _)| highest - **out < 1 << 15) {
                if let Some(found) = source_of(&map, *out) {
                    assert_eq!(found, *source);
                    known += 1;
                }
            }
            assert!(known >= VIDEO_SEGMENTS / 2, "{known}");
        }
    }
}
