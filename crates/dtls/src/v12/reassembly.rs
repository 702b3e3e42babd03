//! Handshake messages out of fragments (RFC 6347 §4.2.3), within limits.
//!
//! Nothing is authenticated here. What a forger can do is bounded: 64 KiB are kept, no message is larger than 16 KiB, no
//! more than eight messages are open, and a message nearer to its turn displaces one further off.

use super::message::HandshakeType;
use crate::wire::{Reader, put_u16};

pub(crate) const MAX_MESSAGE: usize = 16 * 1024;
pub(crate) const MAX_TOTAL: usize = 64 * 1024;
/// Messages beyond the next one that are kept; the longest flight of 1.2 has five.
const MAX_AHEAD: u16 = 7;
/// Gaps in one message. A whole 16 KiB message in the smallest fragments, shuffled, stays below this.
const MAX_RANGES: usize = 256;

/// One fragment, as it stands in a record.
#[derive(Clone, Copy)]
pub(crate) struct Fragment<'a> {
    pub(crate) kind: HandshakeType,
    length: usize,
    pub(crate) message_seq: u16,
    offset: usize,
    body: &'a [u8],
}

impl<'a> Fragment<'a> {
    /// Reads the next fragment of a record's content.
    pub(crate) fn read(reader: &mut Reader<'a>) -> Option<Self> {
        let kind = HandshakeType(reader.u8()?);
        let length = reader.u24()?;
        let message_seq = reader.u16()?;
        let offset = reader.u24()?;
        let body = reader.vec24()?;
        Some(Self { kind, length, message_seq, offset, body })
    }

    /// Whether the message begins with it: a message in many fragments is repeated once.
    pub(crate) fn is_first(&self) -> bool {
        self.offset == 0
    }

    fn end(&self) -> usize {
        self.offset.saturating_add(self.body.len())
    }
}

/// A whole handshake message.
pub(crate) struct Message {
    pub(crate) kind: HandshakeType,
    pub(crate) epoch: u16,
    message_seq: u16,
    pub(crate) body: Vec<u8>,
}

impl Message {
    pub(crate) fn message_seq(&self) -> u16 {
        self.message_seq
    }

    /// Appends the message as the handshake's hash sees it: in one fragment (RFC 6347 §4.2.6).
    pub(crate) fn append_to(&self, transcript: &mut Vec<u8>) {
        append_whole(transcript, self.kind, self.message_seq, &self.body);
    }
}

/// Appends a handshake message in one fragment. `body` is at most 16 KiB.
pub(crate) fn append_whole(out: &mut Vec<u8>, kind: HandshakeType, message_seq: u16, body: &[u8]) {
    let [.., l0, l1, l2] = body.len().to_be_bytes();
    out.extend_from_slice(&[kind.0, l0, l1, l2]);
    put_u16(out, message_seq);
    out.extend_from_slice(&[0, 0, 0, l0, l1, l2]);
    out.extend_from_slice(body);
}

/// What became of a fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inserted {
    Kept,
    /// It contradicts those before it, which are given up for it.
    StartedAnew,
    /// Its message has been handled: the peer repeats itself.
    Repeated,
    /// It is of no use or beyond a limit.
    Dropped,
    /// Its message is larger than any may be.
    TooLarge,
}

/// Collects fragments and gives messages out in the order of their sequence numbers.
#[derive(Default)]
pub(crate) struct Reassembly {
    next_seq: u16,
    open: Vec<Partial>,
}

struct Partial {
    kind: HandshakeType,
    epoch: u16,
    message_seq: u16,
    length: usize,
    /// As long as the furthest byte that came, not as long as a fragment claimed.
    body: Vec<u8>,
    /// Disjoint received ranges in ascending order, not touching each other.
    ranges: Vec<(usize, usize)>,
}

impl Reassembly {
    pub(crate) fn insert(&mut self, epoch: u16, fragment: Fragment<'_>) -> Inserted {
        if self.is_past(fragment.message_seq) {
            return Inserted::Repeated;
        }
        if fragment.length > MAX_MESSAGE {
            return Inserted::TooLarge;
        }
        if fragment.message_seq - self.next_seq > MAX_AHEAD
            || fragment.end() > fragment.length
            || (fragment.body.is_empty() && fragment.length != 0)
        {
            return Inserted::Dropped;
        }
        // A fragment that contradicts the ones before it starts its message anew: if it is the forged one, the peer's
        // retransmission does the same to it.
        let before = self.open.len();
        self.open.retain(|partial| {
            partial.message_seq != fragment.message_seq || partial.agrees_with(epoch, &fragment)
        });
        let contradicts = self.open.len() < before;
        if !self.open.iter().any(|partial| partial.message_seq == fragment.message_seq) {
            if !self.make_room(&fragment) {
                return Inserted::Dropped;
            }
            self.open.push(Partial::new(epoch, &fragment));
        }
        let Some(partial) =
            self.open.iter_mut().find(|partial| partial.message_seq == fragment.message_seq)
        else {
            return Inserted::Dropped;
        };
        match (partial.add(&fragment), contradicts) {
            (true, false) => Inserted::Kept,
            (true, true) => Inserted::StartedAnew,
            (false, _) => Inserted::Dropped,
        }
    }

    /// Makes it the turn of the message that this fragment is of, for a server that remembers none of the hellos before.
    /// `false` for one too far from the first to be a hello.
    pub(crate) fn begin_with(&mut self, fragment: &Fragment<'_>) -> bool {
        let begins = fragment.message_seq <= MAX_AHEAD;
        if begins {
            self.next_seq = fragment.message_seq;
        }
        begins
    }

    /// Takes the next message in order out, if it is whole. Its turn remains until [`accept`](Self::accept): a message
    /// that turns out to be noise makes room for the real one.
    pub(crate) fn take_next(&mut self) -> Option<Message> {
        let index = self
            .open
            .iter()
            .position(|partial| partial.message_seq == self.next_seq && partial.is_whole())?;
        let partial = self.open.swap_remove(index);
        Some(Message {
            kind: partial.kind,
            epoch: partial.epoch,
            message_seq: partial.message_seq,
            body: partial.body,
        })
    }

    /// The message last taken was good; it is the next one's turn.
    pub(crate) fn accept(&mut self) {
        self.next_seq = self.next_seq.saturating_add(1);
        self.open.retain(|partial| partial.message_seq >= self.next_seq);
    }

    /// The handshake is over: what was collected in the clear beyond it is nobody's. Gives the type of a message that came
    /// protected.
    pub(crate) fn forget_unfinished(&mut self) -> Option<HandshakeType> {
        let open = std::mem::take(&mut self.open);
        open.iter().find(|partial| partial.epoch > 0).map(|partial| partial.kind)
    }

    /// The sequence number of the message whose turn it is.
    pub(crate) fn next_seq(&self) -> u16 {
        self.next_seq
    }

    /// Whether a message with this number was handled.
    pub(crate) fn is_past(&self, message_seq: u16) -> bool {
        message_seq < self.next_seq
    }

    fn reserved(&self) -> usize {
        self.open.iter().map(|partial| partial.length).sum()
    }

    /// Gives up messages further from their turn until this one fits.
    fn make_room(&mut self, fragment: &Fragment<'_>) -> bool {
        while self.reserved() + fragment.length > MAX_TOTAL {
            let furthest = self.open.iter().enumerate().max_by_key(|(_, open)| open.message_seq);
            match furthest {
                Some((index, open)) if open.message_seq > fragment.message_seq => {
                    self.open.swap_remove(index);
                }
                _ => return false,
            }
        }
        true
    }
}

impl Partial {
    fn new(epoch: u16, fragment: &Fragment<'_>) -> Self {
        Self {
            kind: fragment.kind,
            epoch,
            message_seq: fragment.message_seq,
            length: fragment.length,
            body: Vec::new(),
            ranges: Vec::new(),
        }
    }

    fn agrees_with(&self, epoch: u16, fragment: &Fragment<'_>) -> bool {
        (self.kind, self.epoch, self.length) == (fragment.kind, epoch, fragment.length)
    }

    fn add(&mut self, fragment: &Fragment<'_>) -> bool {
        let (mut start, mut end) = (fragment.offset, fragment.end());
        let touches = |range: &(usize, usize)| range.0 <= end && start <= range.1;
        if self.ranges.len() >= MAX_RANGES && !self.ranges.iter().any(touches) {
            return false;
        }
        #[cfg(test)]
        super::tests::work::count(|work| {
            let zeroed = end.saturating_sub(self.body.len());
            work.moved += zeroed + fragment.body.len() + size_of_val(self.ranges.as_slice());
        });
        if self.body.len() < end {
            self.body.resize(end, 0);
        }
        if let Some(to) = self.body.get_mut(start..end) {
            to.copy_from_slice(fragment.body);
        }
        self.ranges.retain(|range| {
            let touches = range.0 <= end && start <= range.1;
            if touches {
                (start, end) = (start.min(range.0), end.max(range.1));
            }
            !touches
        });
        let position = self.ranges.partition_point(|range| range.0 < start);
        self.ranges.insert(position, (start, end));
        true
    }

    fn is_whole(&self) -> bool {
        self.ranges.first() == Some(&(0, self.length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fragment(message_seq: u16, length: usize, offset: usize, body: &[u8]) -> Fragment<'_> {
        Fragment { kind: HandshakeType::CERTIFICATE, length, message_seq, offset, body }
    }

    #[test]
    fn fragments_in_any_order_with_overlaps_and_duplicates() {
        let whole: Vec<u8> = (0..100).collect();
        let pieces = [(90, 100), (0, 10), (5, 40), (60, 95), (0, 10), (39, 41), (41, 60)];
        let mut reassembly = Reassembly::default();
        for (start, end) in pieces {
            assert!(reassembly.take_next().is_none());
            let inserted = reassembly.insert(0, fragment(0, 100, start, &whole[start..end]));
            assert_eq!(inserted, Inserted::Kept);
        }
        assert_eq!(reassembly.take_next().unwrap().body, whole);
        assert!(reassembly.take_next().is_none());
    }

    #[test]
    fn messages_come_in_order_and_once() {
        let mut reassembly = Reassembly::default();
        reassembly.insert(0, fragment(1, 1, 0, b"b"));
        assert!(reassembly.take_next().is_none());
        reassembly.insert(0, fragment(0, 1, 0, b"a"));
        for expected in [b"a", b"b"] {
            assert_eq!(reassembly.take_next().unwrap().body, expected);
            reassembly.accept();
        }
        assert_eq!(reassembly.insert(0, fragment(0, 1, 0, b"a")), Inserted::Repeated);
    }

    #[test]
    fn a_rejected_message_keeps_its_turn() {
        let mut reassembly = Reassembly::default();
        reassembly.insert(0, fragment(0, 5, 0, b"noise"));
        assert!(reassembly.take_next().is_some());
        assert_eq!(reassembly.insert(0, fragment(0, 4, 0, b"real")), Inserted::Kept);
        assert_eq!(reassembly.take_next().unwrap().body, b"real");
    }

    #[test]
    fn empty_messages_and_empty_fragments() {
        let mut reassembly = Reassembly::default();
        assert_eq!(reassembly.insert(0, fragment(0, 10, 3, b"")), Inserted::Dropped);
        assert!(reassembly.open.is_empty());
        assert_eq!(reassembly.insert(0, fragment(0, 0, 0, b"")), Inserted::Kept);
        assert!(reassembly.take_next().unwrap().body.is_empty());
    }

    #[test]
    fn limits_hold_on_both_sides() {
        let mut reassembly = Reassembly::default();
        for length in [(1 << 24) - 1, MAX_MESSAGE + 1] {
            assert_eq!(reassembly.insert(0, fragment(0, length, 0, b"x")), Inserted::TooLarge);
        }
        for (length, offset) in [(10, 10), (10, (1 << 24) - 1)] {
            assert_eq!(reassembly.insert(0, fragment(0, length, offset, b"x")), Inserted::Dropped);
        }
        assert!(reassembly.open.is_empty());
        assert_eq!(reassembly.insert(0, fragment(0, MAX_MESSAGE, 0, b"x")), Inserted::Kept);
        assert_eq!(reassembly.insert(0, fragment(MAX_AHEAD, 1, 0, b"x")), Inserted::Kept);
        assert_eq!(reassembly.insert(0, fragment(MAX_AHEAD + 1, 1, 0, b"x")), Inserted::Dropped);
        assert_eq!(reassembly.insert(0, fragment(u16::MAX, 1, 0, b"x")), Inserted::Dropped);
    }

    #[test]
    fn every_message_seq_keeps_within_64_kib_and_the_nearest_wins() {
        let mut reassembly = Reassembly::default();
        for message_seq in (0..=u16::MAX).rev() {
            reassembly.insert(0, fragment(message_seq, MAX_MESSAGE, 0, &[0; 1000]));
            assert!(reassembly.reserved() <= MAX_TOTAL);
        }
        let mut kept: Vec<u16> = reassembly.open.iter().map(|open| open.message_seq).collect();
        kept.sort_unstable();
        assert_eq!(kept, [0, 1, 2, 3]);
        assert_eq!(reassembly.insert(0, fragment(4, 1, 0, b"x")), Inserted::Dropped);
    }

    #[test]
    fn one_byte_fragments_with_gaps_are_bounded_and_heal() {
        let mut reassembly = Reassembly::default();
        for offset in (0..MAX_MESSAGE).step_by(2) {
            reassembly.insert(0, fragment(0, MAX_MESSAGE, offset, b"x"));
        }
        assert_eq!(reassembly.open[0].ranges.len(), MAX_RANGES);
        let whole = vec![7; MAX_MESSAGE];
        assert_eq!(reassembly.insert(0, fragment(0, MAX_MESSAGE, 0, &whole)), Inserted::Kept);
        assert_eq!(reassembly.take_next().unwrap().body, whole);
    }

    #[test]
    fn a_contradiction_starts_the_message_anew() {
        let mut reassembly = Reassembly::default();
        reassembly.insert(0, fragment(0, 9, 0, b"forged"));
        reassembly.insert(0, fragment(0, 4, 0, b"re"));
        assert!(reassembly.take_next().is_none());
        reassembly.insert(0, fragment(0, 4, 2, b"al"));
        assert_eq!(reassembly.take_next().unwrap().body, b"real");
    }
}
