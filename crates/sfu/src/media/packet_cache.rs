//! The packets of one publication, in the clear, shared by all of its subscribers.

use std::time::Instant;

use crate::limits;

/// A ring over extended sequence numbers. Each slot keeps its buffer for ever, so that nothing is allocated once the ring has gone round.
pub(crate) struct PacketCache {
    slots: Box<[Slot]>,
    mask: u64,
    highest: Option<u64>,
}

#[derive(Default)]
struct Slot {
    /// `None` until first used.
    entry: Option<(u64, Instant)>,
    bytes: Vec<u8>,
}

/// A slot's buffer has one of two sizes, so that it grows once at most: this, which holds any packet of audio, ...
const SMALL_BUFFER: usize = 384;
/// ... or a whole datagram.
const LARGE_BUFFER: usize = limits::DATAGRAM;

/// A packet that is still there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CachedPacket<'a> {
    /// The whole plaintext packet.
    pub(crate) bytes: &'a [u8],
    /// When it came.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "what waits for its release will ask how old it is")
    )]
    pub(crate) arrival: Instant,
}

impl PacketCache {
    /// A cache of `slots` packets, rounded up to a power of two.
    pub(crate) fn new(slots: usize) -> Self {
        let slots = slots.next_power_of_two();
        Self {
            slots: (0..slots).map(|_| Slot::default()).collect(),
            mask: slots as u64 - 1,
            highest: None,
        }
    }

    /// How many packets it keeps.
    pub(crate) fn slots(&self) -> usize {
        self.slots.len()
    }

    /// Keeps a packet; `false` if it is there already, too old to keep, or larger than a datagram.
    pub(crate) fn insert(&mut self, now: Instant, sequence_number: u64, packet: &[u8]) -> bool {
        let oldest = self.highest.map_or(0, |highest| highest.saturating_sub(self.mask));
        if sequence_number < oldest || packet.len() > LARGE_BUFFER {
            return false;
        }
        let slot = &mut self.slots[(sequence_number & self.mask) as usize];
        if slot.entry.is_some_and(|(number, _)| number == sequence_number) {
            return false;
        }
        slot.entry = Some((sequence_number, now));
        slot.store(packet);
        self.highest = Some(self.highest.map_or(sequence_number, |h| h.max(sequence_number)));
        true
    }

    /// The packet of this number, unless it never came or another has its place by now.
    pub(crate) fn get(&self, sequence_number: u64) -> Option<CachedPacket<'_>> {
        let slot = &self.slots[(sequence_number & self.mask) as usize];
        let (number, arrival) = slot.entry?;
        (number == sequence_number).then_some(CachedPacket { bytes: &slot.bytes, arrival })
    }
}

impl Slot {
    fn store(&mut self, packet: &[u8]) {
        self.bytes.clear();
        if self.bytes.capacity() < packet.len() {
            let size = if packet.len() <= SMALL_BUFFER { SMALL_BUFFER } else { LARGE_BUFFER };
            self.bytes.reserve_exact(size);
        }
        self.bytes.extend_from_slice(packet);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::media::testing::origin;

    #[test]
    fn what_was_kept_is_found_with_its_time() {
        let start = origin();
        let mut cache = PacketCache::new(8);
        assert!(cache.get(5).is_none());
        assert!(cache.insert(start, 5, b"five"));
        assert!(cache.insert(start + Duration::from_millis(1), 6, b"six"));
        let five = cache.get(5).unwrap();
        assert_eq!((five.bytes, five.arrival), (&b"five"[..], start));
        assert_eq!(cache.get(6).unwrap().arrival, start + Duration::from_millis(1));
        assert!(cache.get(7).is_none());
    }

    #[test]
    fn a_duplicate_changes_nothing() {
        let mut cache = PacketCache::new(8);
        assert!(cache.insert(origin(), 5, b"first"));
        assert!(!cache.insert(origin(), 5, b"forged"));
        assert_eq!(cache.get(5).unwrap().bytes, b"first");
    }

    #[test]
    fn the_ring_holds_its_slots_and_not_one_more() {
        let mut cache = PacketCache::new(8);
        for number in 100..200 {
            assert!(cache.insert(origin(), number, &[number as u8]));
        }
        for number in 0..300 {
            let expected = (192..200).contains(&number).then_some(number as u8);
            assert_eq!(cache.get(number).map(|cached| cached.bytes[0]), expected, "{number}");
        }
    }

    #[test]
    fn a_late_packet_is_kept_while_the_ring_reaches_back_to_it() {
        let mut cache = PacketCache::new(8);
        cache.insert(origin(), 100, b"new");
        assert!(cache.insert(origin(), 93, b"just"));
        assert!(!cache.insert(origin(), 92, b"too old"));
        assert_eq!(cache.get(93).unwrap().bytes, b"just");
        assert_eq!(cache.get(100).unwrap().bytes, b"new", "and does not take a newer one's place");
    }

    #[test]
    fn a_jump_leaves_nothing_old_behind_for_long() {
        let mut cache = PacketCache::new(8);
        cache.insert(origin(), 3, b"old");
        cache.insert(origin(), 1 << 40, b"new");
        assert_eq!(cache.get(3).unwrap().bytes, b"old", "its place is not needed yet");
        cache.insert(origin(), (1 << 40) + 3, b"newer");
        assert!(cache.get(3).is_none());
        assert!(!cache.insert(origin(), 4, b"late"));
    }

    #[test]
    fn a_datagram_fits_and_an_octet_more_does_not() {
        let mut cache = PacketCache::new(2);
        assert!(!cache.insert(origin(), 1, &[0; limits::DATAGRAM + 1]));
        assert!(cache.get(1).is_none());
        assert!(cache.insert(origin(), 1, &[1; limits::DATAGRAM]));
        assert!(cache.insert(origin(), 2, &[]));
        assert!(cache.get(2).unwrap().bytes.is_empty());
    }

    #[test]
    fn a_slot_grows_once_at_most_and_then_never() {
        let mut cache = PacketCache::new(1);
        let mut capacities = Vec::new();
        for (number, len) in [10, 384, 200, 385, 1000, 1500, 7].into_iter().enumerate() {
            cache.insert(origin(), number as u64, &vec![0; len]);
            capacities.push(cache.slots[0].bytes.capacity());
        }
        assert_eq!(capacities[0], capacities[2], "small ones share a buffer");
        assert!(capacities[3] >= limits::DATAGRAM);
        assert!(capacities[3..].iter().all(|capacity| *capacity == capacities[3]));
    }
}
