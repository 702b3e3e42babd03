//! Which packets are missing, and when to ask for them again.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Missing packets remembered; beyond that the oldest is given up.
const MAX_MISSING: usize = 1024;
/// A larger jump is a new beginning, not a loss to be repaired.
const MAX_JUMP: u64 = 5000;
/// How long a packet may be late before it is asked for.
const PATIENCE: Duration = Duration::from_millis(10);
/// From one request for a packet to the next.
const RETRY: Duration = Duration::from_millis(60);
/// Requests for one packet.
const MAX_TRIES: u8 = 10;
/// Numbers in one NACK: what fits one datagram in the worst case.
const MAX_NACK: usize = 250;

/// What a packet was to its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// Later than all before it.
    Next,
    /// It was missing.
    Late,
    /// It was there already (or so old that nobody knows).
    Duplicate,
}

#[derive(Clone, Copy, Debug)]
struct Missing {
    since: Instant,
    ask_at: Instant,
    tries: u8,
}

/// The missing packets of one stream, by extended sequence number.
#[derive(Debug, Default)]
pub(crate) struct Gaps {
    range: Option<(u64, u64)>,
    missing: BTreeMap<u64, Missing>,
    /// Missing packets that are no longer remembered.
    forgotten: u64,
    next_ask: Option<Instant>,
}

impl Gaps {
    /// Takes note of a packet.
    pub(crate) fn arrived(&mut self, now: Instant, sequence_number: u64) -> Arrival {
        let Some((first, highest)) = self.range else {
            self.range = Some((sequence_number, sequence_number));
            return Arrival::Next;
        };
        if sequence_number > highest {
            self.range = Some((first, sequence_number));
            self.open(now, highest + 1, sequence_number);
            return Arrival::Next;
        }
        if sequence_number < first && first - sequence_number <= MAX_JUMP {
            // Sent before the first that came: nobody counted it as missing.
            self.range = Some((sequence_number, highest));
            self.open(now, sequence_number + 1, first);
            return Arrival::Late;
        }
        let was_missing = self.missing.remove(&sequence_number).is_some();
        if was_missing { Arrival::Late } else { Arrival::Duplicate }
    }

    /// Packets of the range that never came.
    pub(crate) fn lost(&self) -> u64 {
        self.forgotten + self.missing.len() as u64
    }

    /// When a packet is to be asked for, or a little earlier.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.next_ask
    }

    /// The numbers to ask for now, ascending, as they stand in a NACK.
    pub(crate) fn ask(&mut self, now: Instant) -> Vec<u16> {
        let mut numbers = Vec::new();
        let mut next_ask: Option<Instant> = None;
        for (number, missing) in &mut self.missing {
            if missing.tries >= MAX_TRIES {
                continue;
            }
            if missing.ask_at <= now && numbers.len() < MAX_NACK {
                missing.tries += 1;
                missing.ask_at = now + RETRY;
                numbers.push((number & 0xffff) as u16);
            }
            if missing.tries < MAX_TRIES {
                next_ask = Some(next_ask.map_or(missing.ask_at, |next| next.min(missing.ask_at)));
            }
        }
        self.next_ask = next_ask;
        numbers
    }

    /// Whether a packet that was found missing at `since` or later has been so for `limit`: no
    /// retransmission will bring it in time.
    pub(crate) fn is_beyond_repair(&self, now: Instant, since: Instant, limit: Duration) -> bool {
        let hopeless = |missing: &Missing| missing.since >= since && now >= missing.since + limit;
        self.missing.values().any(hopeless)
    }

    fn open(&mut self, now: Instant, from: u64, to: u64) {
        if from == to {
            return;
        }
        let skipped = (to - from).saturating_sub(MAX_JUMP);
        self.forgotten += skipped;
        self.next_ask.get_or_insert(now + PATIENCE);
        for number in from + skipped..to {
            let missing = Missing { since: now, ask_at: now + PATIENCE, tries: 0 };
            self.missing.insert(number, missing);
            if self.missing.len() > MAX_MISSING {
                self.missing.pop_first();
                self.forgotten += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::testing::origin;

    #[test]
    fn asks_for_what_is_missing_until_it_comes() {
        let now = origin();
        let mut gaps = Gaps::default();
        assert_eq!(gaps.arrived(now, 10), Arrival::Next);
        assert_eq!(gaps.arrived(now, 14), Arrival::Next);
        assert_eq!(gaps.lost(), 3);
        assert!(gaps.ask(now).is_empty(), "it may just be late");
        let due = gaps.due().unwrap();
        assert_eq!(due, now + PATIENCE);
        assert_eq!(gaps.arrived(now, 12), Arrival::Late);
        assert_eq!(gaps.ask(due), [11, 13]);
        assert!(gaps.ask(due).is_empty(), "not twice at once");
        assert_eq!(gaps.ask(due + RETRY), [11, 13]);
        assert_eq!(gaps.arrived(now, 11), Arrival::Late);
        assert_eq!(gaps.arrived(now, 11), Arrival::Duplicate);
        assert_eq!(gaps.arrived(now, 14), Arrival::Duplicate);
        assert_eq!(gaps.lost(), 1);
    }

    #[test]
    fn gives_up_asking_but_not_counting() {
        let mut now = origin();
        let mut gaps = Gaps::default();
        gaps.arrived(now, 1);
        gaps.arrived(now, 3);
        let mut asked = 0;
        while let Some(due) = gaps.due() {
            now = due;
            asked += gaps.ask(now).len();
        }
        assert_eq!(asked, usize::from(MAX_TRIES));
        assert_eq!(gaps.lost(), 1);
        assert_eq!(gaps.arrived(now, 2), Arrival::Late);
        assert_eq!(gaps.lost(), 0);
    }

    #[test]
    fn is_bounded_on_both_sides() {
        let now = origin();
        let mut gaps = Gaps::default();
        gaps.arrived(now, 0);
        gaps.arrived(now, 1 + MAX_MISSING as u64);
        assert_eq!(gaps.missing.len(), MAX_MISSING);
        assert_eq!(gaps.forgotten, 0);
        gaps.arrived(now, 1_000_000);
        assert_eq!(gaps.missing.len(), MAX_MISSING);
        // All between 0 and 1,000,000 but the one in the middle.
        assert_eq!(gaps.lost(), 999_999 - 1);
        assert_eq!(gaps.ask(now + PATIENCE).len(), MAX_NACK);
    }

    #[test]
    fn a_packet_from_before_the_first_widens_the_range() {
        let now = origin();
        let mut gaps = Gaps::default();
        gaps.arrived(now, 100);
        assert_eq!(gaps.arrived(now, 97), Arrival::Late);
        assert_eq!(gaps.lost(), 2);
        assert_eq!(gaps.arrived(now, 98), Arrival::Late);
        assert_eq!(gaps.lost(), 1);
    }

    #[test]
    fn a_long_hole_is_beyond_repair() {
        let now = origin();
        let limit = Duration::from_millis(500);
        let mut gaps = Gaps::default();
        gaps.arrived(now, 1);
        gaps.arrived(now, 3);
        assert!(!gaps.is_beyond_repair(now + limit / 2, now, limit));
        assert!(gaps.is_beyond_repair(now + limit, now, limit));
        let keyframe_since = now + Duration::from_millis(1);
        assert!(!gaps.is_beyond_repair(now + limit, keyframe_since, limit));
    }
}
