//! The packets sent last, to be sent again on demand.

use std::time::{Duration, Instant};

use crate::media::{MAX_PAYLOAD, MediaPacket};

/// Packets remembered: about a second of video at 2 Mbit/s.
const CAPACITY: usize = 256;
/// A packet is sent again at most once in this time: a second NACK before that is the same wish.
const MIN_INTERVAL: Duration = Duration::from_millis(25);

/// A packet that was sent.
#[derive(Debug)]
pub(super) struct Sent {
    /// Its 48-bit index; the low 16 bits are the sequence number.
    pub(super) index: u64,
    pub(super) media: MediaPacket,
    payload: Vec<u8>,
    resent: Option<Instant>,
}

impl Sent {
    pub(super) fn payload(&self) -> &[u8] {
        &self.payload[..self.media.len]
    }
}

/// A ring whose buffers are used again.
#[derive(Debug, Default)]
pub(super) struct History {
    ring: Vec<Sent>,
    next: usize,
}

impl History {
    /// Remembers the packet that `write` makes, in the place of the oldest.
    pub(super) fn push(
        &mut self,
        index: u64,
        write: impl FnOnce(&mut [u8]) -> Option<MediaPacket>,
    ) -> Option<&Sent> {
        if self.ring.len() < CAPACITY && self.next == self.ring.len() {
            let media = MediaPacket {
                len: 0,
                timestamp: 0,
                marker: false,
                frame_start: false,
                keyframe: false,
            };
            let payload = vec![0; MAX_PAYLOAD];
            // An index that no sequence number leads to, until there is a packet.
            self.ring.push(Sent { index: u64::MAX, media, payload, resent: None });
        }
        let slot = self.ring.get_mut(self.next)?;
        slot.media = write(&mut slot.payload)?;
        slot.index = index;
        slot.resent = None;
        self.next = (self.next + 1) % CAPACITY;
        Some(slot)
    }

    /// The packet with this sequence number, if it is still there and was not sent again just now.
    pub(super) fn take_for_resend(&mut self, now: Instant, sequence_number: u16) -> Option<&Sent> {
        let matches = |sent: &&mut Sent| {
            sent.index != u64::MAX && sent.index & 0xffff == u64::from(sequence_number)
        };
        let sent = self.ring.iter_mut().find(matches)?;
        if sent.resent.is_some_and(|at| now.duration_since(at) < MIN_INTERVAL) {
            return None;
        }
        sent.resent = Some(now);
        Some(sent)
    }
}
