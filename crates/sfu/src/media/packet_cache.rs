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

/// A packet that is still there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CachedPacket<'a> {
    /// The whole plaintext packet.
    pub(crate) bytes: &'a [u8],
}

impl PacketCache {
    /// A cache of `slots` packets, a power of two.
    pub(crate) fn new(slots: usize) -> Self {
        let slots = slots.next_power_of_two();
        Self {
            slots: (0..slots).map(|_| Slot::default()).collect(),
            mask: slots as u64 - 1,
            highest: None,
        }
    }

    /// Keeps a packet; `false` if it is there already, too old to keep, or larger than a datagram.
    pub(crate) fn insert(&mut self, now: Instant, sequence_number: u64, packet: &[u8]) -> bool {
        let oldest = self.highest.map_or(0, |highest| highest.saturating_sub(self.mask));
        if sequence_number < oldest || packet.len() > limits::DATAGRAM {
            return false;
        }
        let slot = &mut self.slots[(sequence_number & self.mask) as usize];
        if slot.entry.is_some_and(|(number, _)| number == sequence_number) {
            return false;
        }
        slot.entry = Some((sequence_number, now));
        slot.bytes.clear();
        slot.bytes.extend_from_slice(packet);
        self.highest = Some(self.highest.map_or(sequence_number, |h| h.max(sequence_number)));
        true
    }

    pub(crate) fn get(&self, sequence_number: u64) -> Option<CachedPacket<'_>> {
        let slot = &self.slots[(sequence_number & self.mask) as usize];
        let (number, _) = slot.entry?;
        (number == sequence_number).then_some(CachedPacket { bytes: &slot.bytes })
    }
}
