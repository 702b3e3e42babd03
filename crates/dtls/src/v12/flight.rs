//! Flights: what this side sends in one go and sends again until the peer answers (RFC 6347 §4.2.4).

use std::time::{Duration, Instant};

use super::message::HandshakeType;
use super::reassembly::append_whole;
use super::record::{ContentType, DTLS_1_0, DTLS_1_2, Records};

const FRAGMENT_HEADER_LEN: usize = 12;
/// A datagram with less room than this left for a message's bytes is sent without them.
const SMALLEST_TAIL: usize = 32;
/// A peer that repeats its flight gets ours again, but not more often than this or a quarter of the timeout.
const MIN_ANSWER_INTERVAL: Duration = Duration::from_millis(25);

enum Entry {
    Handshake { epoch: u16, kind: HandshakeType, message_seq: u16, body: Vec<u8> },
    ChangeCipherSpec,
}

#[derive(Clone, Copy, Default)]
struct Cursor {
    entry: usize,
    offset: usize,
}

/// The flight being sent, or waiting to be sent again.
pub(crate) struct Flight {
    entries: Vec<Entry>,
    next_message_seq: u16,
    launches: u64,
    /// Where sending stands; `None` when everything is out.
    cursor: Option<Cursor>,
    launched: Instant,
    initial_rto: Duration,
    max_rto: Duration,
    /// How often the timer of this flight has expired; each time doubles it.
    expirations: u32,
    deadline: Option<Instant>,
}

impl Flight {
    pub(crate) fn new(now: Instant, initial_rto: Duration, max_rto: Duration) -> Self {
        Self {
            entries: Vec::new(),
            next_message_seq: 0,
            launches: 0,
            cursor: None,
            launched: now,
            initial_rto,
            max_rto,
            expirations: 0,
            deadline: None,
        }
    }

    /// Also moves the timer that runs, doubled as often as it was: the round trip may become known after a launch.
    pub(crate) fn set_initial_rto(&mut self, rto: Duration) {
        self.initial_rto = rto;
        if self.deadline.is_some() {
            self.deadline = self.launched.checked_add(self.rto());
        }
    }

    /// The number of the next message. A server that asks for cookies remembers no hello, and takes it from the client's.
    pub(crate) fn set_next_message_seq(&mut self, message_seq: u16) {
        self.next_message_seq = message_seq;
    }

    fn rto(&self) -> Duration {
        let doubled = self.initial_rto.saturating_mul(1 << self.expirations.min(16));
        doubled.min(self.max_rto.max(self.initial_rto))
    }

    /// Forgets the flight: the peer answered it, or nobody will.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.cursor = None;
        self.deadline = None;
    }

    /// Adds a message to the flight and to the transcript.
    pub(crate) fn push(
        &mut self,
        epoch: u16,
        kind: HandshakeType,
        body: Vec<u8>,
        transcript: &mut Vec<u8>,
    ) {
        let message_seq = self.next_message_seq;
        self.next_message_seq = message_seq.saturating_add(1);
        append_whole(transcript, kind, message_seq, &body);
        self.entries.push(Entry::Handshake { epoch, kind, message_seq, body });
    }

    pub(crate) fn push_change_cipher_spec(&mut self) {
        self.entries.push(Entry::ChangeCipherSpec);
    }

    /// Sends the flight, and again whenever the timer expires.
    pub(crate) fn launch(&mut self, now: Instant) {
        self.launch_untimed(now);
        self.expirations = 0;
        self.deadline = now.checked_add(self.rto());
    }

    /// Sends the flight, and again only when the peer repeats its own: the last flight, and HelloVerifyRequest.
    pub(crate) fn launch_untimed(&mut self, now: Instant) {
        self.launches += 1;
        self.launched = now;
        self.cursor = Some(Cursor::default());
        self.deadline = None;
    }

    /// How many flights there were, repetitions not counted.
    pub(crate) fn launches(&self) -> u64 {
        self.launches
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Sends the flight again if its timer has expired, with double the time until the next.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> bool {
        let expired = self.deadline.is_some_and(|deadline| deadline <= now);
        if expired {
            self.expirations = self.expirations.saturating_add(1);
            self.launched = now;
            self.cursor = Some(Cursor::default());
            self.deadline = now.checked_add(self.rto());
        }
        expired
    }

    /// The peer repeated its flight, so it may have missed ours (RFC 6347 §4.2.4).
    pub(crate) fn answer_repetition(&mut self, now: Instant) -> bool {
        let interval = (self.initial_rto / 4).max(MIN_ANSWER_INTERVAL);
        let due = self.cursor.is_none()
            && !self.entries.is_empty()
            && now.saturating_duration_since(self.launched) >= interval;
        if due {
            self.launched = now;
            self.cursor = Some(Cursor::default());
            self.deadline = self.deadline.and_then(|_| now.checked_add(self.rto()));
        }
        due
    }

    /// Writes the next datagram of the flight, every record under a new sequence number.
    pub(crate) fn write_datagram(&mut self, records: &mut Records, out: &mut [u8]) -> usize {
        let mut written = 0;
        while let Some(cursor) = self.cursor {
            let Some(entry) = self.entries.get(cursor.entry) else {
                self.cursor = None;
                break;
            };
            let room = out.get_mut(written..).unwrap_or_default();
            let Some((len, next_offset)) = entry.write(cursor.offset, records, room, written > 0)
            else {
                break;
            };
            written += len;
            self.cursor = Some(match next_offset {
                Some(offset) => Cursor { offset, ..cursor },
                None => Cursor { entry: cursor.entry + 1, offset: 0 },
            });
        }
        written
    }
}

impl Entry {
    /// Writes one record from `offset` on; gives its length, and where the rest begins if there is one.
    fn write(
        &self,
        offset: usize,
        records: &mut Records,
        out: &mut [u8],
        follows_others: bool,
    ) -> Option<(usize, Option<usize>)> {
        let Self::Handshake { epoch, kind, message_seq, body } = self else {
            let len = records.seal(0, ContentType::ChangeCipherSpec, &[&[1]], out)?;
            return Some((len, None));
        };
        let rest = body.get(offset..)?;
        let room = records.room(*epoch, out.len())?.checked_sub(FRAGMENT_HEADER_LEN)?;
        let take = rest.len().min(room);
        let too_small = if follows_others { SMALLEST_TAIL } else { 1 };
        if take < rest.len() && take < too_small {
            return None;
        }
        let fragment = rest.get(..take)?;
        let header = fragment_header(*kind, body.len(), *message_seq, offset, take);
        // RFC 5246 §E.1: nobody knows yet what the peer reads, so a ClientHello stands under the oldest version.
        let version = if *kind == HandshakeType::CLIENT_HELLO { DTLS_1_0 } else { DTLS_1_2 };
        let parts: [&[u8]; 2] = [&header, fragment];
        let len = records.seal_under(version, *epoch, ContentType::Handshake, &parts, out)?;
        Some((len, (take < rest.len()).then_some(offset + take)))
    }
}

fn fragment_header(
    kind: HandshakeType,
    length: usize,
    message_seq: u16,
    offset: usize,
    fragment_length: usize,
) -> [u8; FRAGMENT_HEADER_LEN] {
    let [.., l0, l1, l2] = length.to_be_bytes();
    let [m0, m1] = message_seq.to_be_bytes();
    let [.., o0, o1, o2] = offset.to_be_bytes();
    let [.., f0, f1, f2] = fragment_length.to_be_bytes();
    [kind.0, l0, l1, l2, m0, m1, o0, o1, o2, f0, f1, f2]
}
