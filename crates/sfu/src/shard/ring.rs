//! One direction between two shards: a bounded ring of messages, and one on which their memory comes back.

use std::collections::VecDeque;

use rtrb::{Consumer, Producer, PushError, RingBuffer};

use super::message::ShardMessage;
use crate::limits;

/// The sending end.
pub(crate) struct Sender {
    ring: Producer<ShardMessage>,
    returned: Consumer<Vec<u8>>,
    /// Memory that came back. The last that came is the first to be used again: the processor still has it.
    spare: Vec<Vec<u8>>,
    /// What may not be lost and found no place. While there is something, nothing overtakes it.
    waiting: VecDeque<ShardMessage>,
    /// Places that media leaves free.
    reserve: usize,
    /// Something was sent since the other end was woken last.
    unannounced: bool,
}

/// The receiving end.
pub(crate) struct Receiver {
    ring: Consumer<ShardMessage>,
    give_back: Producer<Vec<u8>>,
}

/// A ring of so many messages.
pub(crate) fn ring(slots: usize) -> (Sender, Receiver) {
    let (ring, receiver) = RingBuffer::new(slots);
    let (give_back, returned) = RingBuffer::new(slots);
    let sender = Sender {
        ring,
        returned,
        spare: Vec::new(),
        waiting: VecDeque::new(),
        reserve: slots / 8,
        unannounced: false,
    };
    (sender, Receiver { ring: receiver, give_back })
}

impl Sender {
    /// Sends what may not be lost: it waits where the ring is full. Whether it was taken: a neighbour that leaves more than
    /// [`limits::WAITING_MESSAGES`] unread has stopped.
    pub(crate) fn send(&mut self, message: ShardMessage) -> bool {
        if !self.waiting.is_empty() {
            return self.wait(message);
        }
        match self.ring.push(message) {
            Ok(()) => {
                self.unannounced = true;
                true
            }
            Err(PushError::Full(message)) => self.wait(message),
        }
    }

    /// Sends what will be said again, or is of no use later. Whether there was room.
    pub(crate) fn try_send(&mut self, message: ShardMessage) -> bool {
        let sent = self.waiting.is_empty() && self.ring.push(message).is_ok();
        self.unannounced |= sent;
        sent
    }

    /// Sends a message with octets, which are copied once. Whether there was room: media leaves an eighth of the ring to the other messages.
    pub(crate) fn try_send_octets(
        &mut self,
        octets: &[u8],
        message: impl FnOnce(Vec<u8>) -> ShardMessage,
    ) -> bool {
        if !self.waiting.is_empty() || self.ring.slots() <= self.reserve {
            return false;
        }
        let mut buffer = self.buffer();
        buffer.extend_from_slice(octets);
        self.try_send(message(buffer))
    }

    /// An empty buffer for a datagram. There are never more of them than the ring has places, and what is being read.
    fn buffer(&mut self) -> Vec<u8> {
        while let Ok(buffer) = self.returned.pop() {
            self.spare.push(buffer);
        }
        let mut buffer = self.spare.pop().unwrap_or_default();
        buffer.clear();
        buffer.reserve_exact(limits::DATAGRAM);
        buffer
    }

    fn wait(&mut self, message: ShardMessage) -> bool {
        let is_room = self.waiting.len() < limits::WAITING_MESSAGES && !self.ring.is_abandoned();
        if is_room {
            self.waiting.push_back(message);
        }
        is_room
    }

    /// Tries again to send what had to wait. Whether something still does.
    pub(crate) fn retry(&mut self) -> bool {
        while let Some(message) = self.waiting.pop_front() {
            match self.ring.push(message) {
                Ok(()) => self.unannounced = true,
                Err(PushError::Full(message)) => {
                    self.waiting.push_front(message);
                    break;
                }
            }
        }
        if self.ring.is_abandoned() {
            self.waiting.clear();
        }
        !self.waiting.is_empty()
    }

    /// Whether the other end has something that it was not told of yet.
    pub(crate) fn take_unannounced(&mut self) -> bool {
        std::mem::take(&mut self.unannounced)
    }
}

impl Receiver {
    pub(crate) fn receive(&mut self) -> Option<ShardMessage> {
        self.ring.pop().ok()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ring.is_empty()
    }

    /// Returns the memory of a message.
    pub(crate) fn give_back(&mut self, octets: Vec<u8>) {
        // Never full: there are no more buffers than places. And if it were, the buffer would be freed.
        let _ = self.give_back.push(octets);
    }
}

#[cfg(test)]
mod tests {
    use tsubame_stun::ice::Path;

    use super::*;

    fn path() -> Path {
        Path::udp(([127, 0, 0, 1], 1).into(), ([127, 0, 0, 1], 2).into())
    }

    fn datagram(sender: &mut Sender, octet: u8) -> bool {
        sender.try_send_octets(&[octet], |octets| ShardMessage::Datagram { path: path(), octets })
    }

    #[test]
    fn media_leaves_room_for_the_rest() {
        let (mut sender, mut receiver) = ring(16);
        assert_eq!((0..20).filter(|octet| datagram(&mut sender, *octet)).count(), 14);
        assert!(sender.try_send(ShardMessage::Claim { path: path() }));
        assert!(sender.send(ShardMessage::Release { path: path() }));
        assert!(!sender.try_send(ShardMessage::Claim { path: path() }), "full");
        for octet in 0..14 {
            let Some(ShardMessage::Datagram { octets, .. }) = receiver.receive() else { panic!() };
            assert_eq!(octets, [octet]);
        }
        assert!(matches!(receiver.receive(), Some(ShardMessage::Claim { .. })));
        assert!(matches!(receiver.receive(), Some(ShardMessage::Release { .. })));
        assert!(receiver.is_empty());
    }

    #[test]
    fn what_may_not_be_lost_waits_and_is_not_overtaken() {
        let (mut sender, mut receiver) = ring(8);
        for _ in 0..10 {
            assert!(sender.send(ShardMessage::Release { path: path() }));
        }
        assert!(receiver.receive().is_some());
        assert!(!sender.try_send(ShardMessage::Claim { path: path() }));
        assert!(!datagram(&mut sender, 1));
        assert!(sender.retry(), "one of the two has a place now");
        let mut received = 1;
        while receiver.receive().is_some() {
            received += 1;
        }
        assert!(!sender.retry());
        assert!(matches!(receiver.receive(), Some(ShardMessage::Release { .. })));
        assert_eq!(received, 9);
        assert!(datagram(&mut sender, 1));
    }

    #[test]
    fn a_neighbour_that_has_stopped_makes_nothing_grow() {
        let (mut sender, receiver) = ring(8);
        for _ in 0..8 + limits::WAITING_MESSAGES {
            assert!(sender.send(ShardMessage::Release { path: path() }));
        }
        assert!(!sender.send(ShardMessage::Release { path: path() }), "one too many");
        drop(receiver);
        assert!(!sender.retry(), "nobody is there any more");
        assert!(!sender.send(ShardMessage::Release { path: path() }));
    }

    #[test]
    fn memory_goes_round_and_a_wake_up_is_for_what_was_sent() {
        let (mut sender, mut receiver) = ring(8);
        assert!(!sender.take_unannounced());
        let mut last = None;
        for octet in 0..100 {
            assert!(datagram(&mut sender, octet));
            assert!(sender.take_unannounced());
            assert!(!sender.take_unannounced());
            let Some(ShardMessage::Datagram { octets, .. }) = receiver.receive() else { panic!() };
            assert_eq!(octets, [octet]);
            let place = octets.as_ptr();
            assert!(last.is_none_or(|last| last == place));
            last = Some(place);
            receiver.give_back(octets);
        }
    }
}
