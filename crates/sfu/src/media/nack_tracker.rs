//! What the SFU itself misses of a publisher's stream.

use std::time::{Duration, Instant};

use arrayvec::ArrayVec;

/// Missing packets that are remembered; more than that is an outage, not a loss.
const CAPACITY: usize = 256;
/// A packet is asked for this often.
const TRIES: u8 = 5;
/// And not more often than this, or the round trip.
const MIN_SPACING: Duration = Duration::from_millis(25);
/// While the round trip is not known: a publisher that only sends is never measured, and one on a mobile network is 200 ms away.
const UNKNOWN_ROUND_TRIP: Duration = Duration::from_millis(100);
/// How long a packet may be out of order before it counts as missing, ...
const REORDERING: Duration = Duration::from_millis(5);
/// ... unless so many later ones are there.
const OVERTAKEN: u64 = 2;

#[derive(Clone, Copy, Debug)]
struct Missing {
    number: u64,
    tries: u8,
    next_try: Instant,
}

/// What is to be asked of the publisher now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// Sequence numbers to name in a NACK, ascending.
    pub(crate) numbers: ArrayVec<u16, CAPACITY>,
    /// Something is lost for good: only a keyframe helps.
    pub(crate) keyframe: bool,
}

/// The missing packets of one stream, from the first that arrived on.
#[derive(Debug, Default)]
pub(crate) struct NackTracker {
    highest: Option<u64>,
    /// Ascending. Allocated once, with the first loss.
    missing: Vec<Missing>,
    lost: bool,
}

impl NackTracker {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Whether there is nothing to poll for.
    pub(crate) fn is_empty(&self) -> bool {
        self.missing.is_empty() && !self.lost
    }

    /// A packet came, by itself or retransmitted.
    pub(crate) fn received(&mut self, now: Instant, number: u64) {
        let Some(highest) = self.highest else {
            self.highest = Some(number);
            return;
        };
        if number <= highest {
            if let Ok(place) = self.missing.binary_search_by_key(&number, |missing| missing.number)
            {
                self.missing.remove(place);
            }
            return;
        }
        self.highest = Some(number);
        let gap = number - highest - 1;
        if gap > CAPACITY as u64 {
            // An outage: what was sent meanwhile is stale by now.
            self.missing.clear();
            self.lost = true;
        } else if gap > 0 {
            self.add(highest + 1..number, now + REORDERING);
        }
    }

    /// Whether this packet is missing and still asked for.
    pub(crate) fn contains(&self, number: u64) -> bool {
        self.missing.binary_search_by_key(&number, |missing| missing.number).is_ok()
    }

    /// The packet with these low 16 bits is no longer asked for. It is not lost either: it may come.
    pub(crate) fn forget(&mut self, number: u16) {
        self.missing.retain(|missing| (missing.number & 0xffff) as u16 != number);
    }

    /// What to ask for now. Each packet is asked for at most five times, `max(round trip, 25 ms)` apart.
    pub(crate) fn poll(&mut self, now: Instant, round_trip: Option<Duration>) -> Wanted {
        let spacing = round_trip.unwrap_or(UNKNOWN_ROUND_TRIP).max(MIN_SPACING);
        let highest = self.highest.unwrap_or(0);
        let mut wanted = Wanted { keyframe: std::mem::take(&mut self.lost), ..Wanted::default() };
        self.missing.retain_mut(|missing| {
            let overtaken = missing.tries == 0 && missing.number + OVERTAKEN <= highest;
            if missing.next_try > now && !overtaken {
                return true;
            }
            if missing.tries == TRIES {
                wanted.keyframe = true;
                return false;
            }
            missing.tries += 1;
            missing.next_try = now + spacing;
            wanted.numbers.push((missing.number & 0xffff) as u16);
            true
        });
        wanted
    }

    /// `numbers` are above all that are there, and no more than the capacity.
    fn add(&mut self, numbers: std::ops::Range<u64>, next_try: Instant) {
        let count = (numbers.end - numbers.start) as usize;
        self.missing.reserve_exact(CAPACITY - self.missing.len());
        let excess = (self.missing.len() + count).saturating_sub(CAPACITY);
        if excess > 0 {
            self.missing.drain(..excess);
            self.lost = true;
        }
        self.missing.extend(numbers.map(|number| Missing { number, tries: 0, next_try }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::testing::{Random, origin};

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    const NOTHING: [u16; 0] = [];

    fn asked(tracker: &mut NackTracker, now: Instant) -> Vec<u16> {
        tracker.poll(now, None).numbers.to_vec()
    }

    #[test]
    fn nothing_is_missing_before_the_first_packet_or_in_order() {
        let mut tracker = NackTracker::new();
        assert!(tracker.is_empty());
        for number in 1_000..1_100 {
            tracker.received(origin(), number);
        }
        assert!(tracker.is_empty());
        tracker.received(origin(), 900);
        assert!(tracker.is_empty(), "from before the first");
        assert_eq!(asked(&mut tracker, origin() + ms(1_000)), NOTHING);
    }

    #[test]
    fn one_later_packet_may_have_overtaken_it_for_5_ms() {
        let start = origin();
        let mut tracker = NackTracker::new();
        tracker.received(start, 10);
        tracker.received(start, 12);
        assert!(!tracker.is_empty());
        assert_eq!(asked(&mut tracker, start + ms(4)), NOTHING);
        tracker.received(start + ms(4), 11);
        assert!(tracker.is_empty());
        assert_eq!(asked(&mut tracker, start + ms(5)), NOTHING);
    }

    #[test]
    fn five_ms_or_two_later_packets_are_a_loss() {
        let start = origin();
        let mut tracker = NackTracker::new();
        tracker.received(start, 10);
        tracker.received(start, 12);
        assert_eq!(asked(&mut tracker, start + ms(5)), [11]);
        let mut tracker = NackTracker::new();
        tracker.received(start, 10);
        tracker.received(start, 12);
        tracker.received(start, 13);
        assert_eq!(asked(&mut tracker, start), [11]);
        assert_eq!(asked(&mut tracker, start), NOTHING, "and only once for that");
    }

    #[test]
    fn five_tries_a_round_trip_apart_and_then_a_keyframe() {
        let start = origin();
        for (round_trip, spacing) in [(None, 100), (Some(ms(1)), 25), (Some(ms(200)), 200)] {
            let mut tracker = NackTracker::new();
            tracker.received(start, 10);
            tracker.received(start, 12);
            let mut tries = Vec::new();
            let mut keyframes = Vec::new();
            for millis in 0..2_000 {
                let wanted = tracker.poll(start + ms(millis), round_trip);
                if !wanted.numbers.is_empty() {
                    tries.push(millis);
                }
                if wanted.keyframe {
                    keyframes.push(millis);
                }
            }
            let expected: Vec<u64> = (0..5).map(|n| 5 + n * spacing).collect();
            assert_eq!(tries, expected);
            assert_eq!(keyframes, [5 + 5 * spacing]);
            assert!(tracker.is_empty());
        }
    }

    #[test]
    fn what_is_recovered_is_not_asked_for_again() {
        let start = origin();
        let mut tracker = NackTracker::new();
        tracker.received(start, 10);
        tracker.received(start, 14);
        assert_eq!(asked(&mut tracker, start + ms(5)), [11, 12, 13]);
        tracker.received(start + ms(20), 12);
        assert_eq!(asked(&mut tracker, start + ms(105)), [11, 13]);
        tracker.received(start + ms(106), 11);
        tracker.received(start + ms(106), 13);
        tracker.received(start + ms(106), 13);
        assert!(tracker.is_empty());
        assert!(!tracker.poll(start + ms(300), None).keyframe);
    }

    #[test]
    fn numbers_wrap() {
        let start = origin();
        let mut tracker = NackTracker::new();
        tracker.received(start, 65_534);
        tracker.received(start, 65_538);
        assert_eq!(asked(&mut tracker, start + ms(5)), [65_535, 0, 1]);
    }

    #[test]
    fn as_many_as_fit_are_a_loss_and_one_more_is_an_outage() {
        let start = origin();
        let mut tracker = NackTracker::new();
        tracker.received(start, 0);
        tracker.received(start, CAPACITY as u64 + 1);
        let wanted = tracker.poll(start + ms(5), None);
        assert_eq!((wanted.numbers.len(), wanted.keyframe), (CAPACITY, false));
        let mut tracker = NackTracker::new();
        tracker.received(start, 0);
        tracker.received(start, CAPACITY as u64 + 2);
        assert!(!tracker.is_empty(), "a keyframe is to be asked for");
        let wanted = tracker.poll(start, None);
        assert_eq!((wanted.numbers.len(), wanted.keyframe), (0, true));
        assert!(tracker.is_empty());
    }

    #[test]
    fn when_the_list_is_full_the_oldest_are_given_up() {
        let start = origin();
        let mut tracker = NackTracker::new();
        tracker.received(start, 0);
        tracker.received(start, 201);
        tracker.received(start, 302);
        assert_eq!(tracker.missing.len(), CAPACITY);
        assert_eq!(tracker.missing[0].number, 45);
        assert!(tracker.poll(start, None).keyframe);
    }

    #[test]
    fn any_stream_of_numbers_stays_within_bounds_and_in_order() {
        let mut random = Random::new(7);
        let mut tracker = NackTracker::new();
        let mut now = origin();
        let mut number = 1 << 32;
        for _ in 0..50_000 {
            number += random.below(6);
            if random.below(1_000) == 0 {
                number += random.below(1 << 15);
            }
            tracker.received(now, number - random.below(20));
            now += Duration::from_micros(random.below(3_000));
            if random.below(5) == 0 {
                tracker.poll(now, Some(ms(random.below(300))));
            }
            assert!(tracker.missing.len() <= CAPACITY);
            assert!(tracker.missing.windows(2).all(|pair| pair[0].number < pair[1].number));
            assert!(tracker.missing.iter().all(|missing| Some(missing.number) < tracker.highest));
        }
        assert_eq!(tracker.missing.capacity(), CAPACITY, "allocated once");
    }
}
