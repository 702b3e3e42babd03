//! How much of what a subscriber asks for again it gets.

use std::time::{Duration, Instant};

use crate::limits;

/// Sequence numbers whose resends are remembered: as many as the largest cache can answer, so that no two of them share a place.
const REMEMBERED: usize = limits::VIDEO_CACHE;
/// A packet is resent this often.
const TRIES: u8 = 5;
/// And not more often than this, or the round trip.
const MIN_SPACING: Duration = Duration::from_millis(25);
/// Numbers come round again: after this long one names another packet.
const FORGOTTEN: Duration = Duration::from_secs(10);
/// Retransmissions take at most this part of the media's octets.
const SHARE: usize = 4;
/// Octets that may be resent before any media was sent.
const INITIAL_ALLOWANCE: usize = 16 * 1_200;
/// The most that is saved up.
const LARGEST_ALLOWANCE: usize = 64 * 1_200;

/// For one subscription. Amplification has two bounds: per packet (tries and spacing), and a quarter of the octets that were sent as media.
#[derive(Debug)]
pub(crate) struct NackResponder {
    /// By sequence number, so that each takes one step to find; allocated with the first request.
    resent: Vec<Resent>,
    /// What `Resent::at_millis` counts from.
    start: Option<Instant>,
    allowance: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Resent {
    at_millis: u32,
    number: u16,
    /// None, for a place that was never used.
    tries: u8,
}

impl NackResponder {
    pub(crate) fn new() -> Self {
        Self { resent: Vec::new(), start: None, allowance: INITIAL_ALLOWANCE }
    }

    /// Media went out: a quarter of it may be resent.
    pub(crate) fn media_sent(&mut self, octets: usize) {
        self.allowance = (self.allowance + octets / SHARE).min(LARGEST_ALLOWANCE);
    }

    /// Whether a request for this number counts, by the number of times and the time since the last.
    pub(crate) fn may_resend(
        &mut self,
        now: Instant,
        number: u16,
        round_trip: Option<Duration>,
    ) -> bool {
        let spacing = round_trip.unwrap_or_default().max(MIN_SPACING);
        let start = *self.start.get_or_insert(now);
        // Wraps after 49 days.
        let at_millis = now.saturating_duration_since(start).as_millis() as u32;
        if self.resent.is_empty() {
            self.resent = vec![Resent::default(); REMEMBERED];
        }
        let entry = &mut self.resent[usize::from(number) % REMEMBERED];
        let since = Duration::from_millis(u64::from(at_millis.wrapping_sub(entry.at_millis)));
        if entry.number != number || entry.tries == 0 || since > FORGOTTEN {
            *entry = Resent { at_millis, number, tries: 1 };
            return true;
        }
        if entry.tries == TRIES || since < spacing {
            return false;
        }
        *entry = Resent { at_millis, number, tries: entry.tries + 1 };
        true
    }

    /// Takes `octets` from the allowance, if they are there.
    pub(crate) fn may_release(&mut self, octets: usize) -> bool {
        let Some(left) = self.allowance.checked_sub(octets) else { return false };
        self.allowance = left;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::testing::origin;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn each_number_five_times_a_round_trip_apart() {
        for (round_trip, spacing) in [(None, 25), (Some(ms(3)), 25), (Some(ms(80)), 80)] {
            let start = origin();
            let mut responder = NackResponder::new();
            let resent: Vec<u64> = (0..2_000)
                .filter(|millis| responder.may_resend(start + ms(*millis), 7, round_trip))
                .collect();
            let expected: Vec<u64> = (0..5).map(|n| n * spacing).collect();
            assert_eq!(resent, expected);
        }
    }

    #[test]
    fn numbers_do_not_stand_in_each_others_way() {
        let start = origin();
        let mut responder = NackResponder::new();
        // As many as the cache holds, across the wrap.
        let numbers = || (0..REMEMBERED as u16).map(|n| n.wrapping_sub(100));
        assert!(numbers().all(|number| responder.may_resend(start, number, None)));
        assert!(!numbers().any(|number| responder.may_resend(start, number, None)));
        assert!(numbers().all(|number| responder.may_resend(start + ms(25), number, None)));
    }

    #[test]
    fn number_zero_is_like_any_other() {
        let mut responder = NackResponder::new();
        assert!(responder.may_resend(origin(), 0, None));
        assert!(!responder.may_resend(origin(), 0, None));
    }

    #[test]
    fn a_number_that_came_round_is_another_packet() {
        let start = origin();
        let mut responder = NackResponder::new();
        for n in 0..5 {
            assert!(responder.may_resend(start + ms(n * 30), 9, None));
        }
        assert!(!responder.may_resend(start + ms(120) + FORGOTTEN, 9, None));
        assert!(responder.may_resend(start + ms(121) + FORGOTTEN, 9, None));
    }

    #[test]
    fn the_first_octets_are_free_and_then_it_is_a_quarter() {
        let mut responder = NackResponder::new();
        assert!(responder.may_release(INITIAL_ALLOWANCE));
        assert!(!responder.may_release(1));
        responder.media_sent(4_000);
        assert!(responder.may_release(1_000));
        assert!(!responder.may_release(1));
    }

    #[test]
    fn what_is_too_large_takes_nothing() {
        let mut responder = NackResponder::new();
        assert!(!responder.may_release(INITIAL_ALLOWANCE + 1));
        assert!(responder.may_release(INITIAL_ALLOWANCE));
    }

    #[test]
    fn little_is_saved_up() {
        let mut responder = NackResponder::new();
        responder.media_sent(1 << 30);
        assert!(responder.may_release(LARGEST_ALLOWANCE));
        assert!(!responder.may_release(1));
    }

    /// NACKs at line rate: each of 180 packets a second is asked for a thousand times a second.
    #[test]
    fn a_flood_of_requests_gets_a_quarter_of_the_media() {
        let start = origin();
        let mut responder = NackResponder::new();
        let (mut media, mut resent) = (0, 0);
        for millis in 0..10_000_u64 {
            let now = start + ms(millis);
            if millis % 5 == 0 {
                responder.media_sent(1_200);
                media += 1_200;
            }
            let newest = millis / 5;
            for number in newest.saturating_sub(200)..newest {
                if responder.may_resend(now, number as u16, None) && responder.may_release(1_200) {
                    resent += 1_200;
                }
            }
        }
        assert!(resent <= media / SHARE + INITIAL_ALLOWANCE, "{resent} of {media}");
        assert!(resent >= media / SHARE, "{resent} of {media}: the quarter is given");
    }
}
