//! What was sent to one client under which transport-wide sequence number, and what its feedback says of it.

use std::time::{Duration, Instant};

use tsubame_rtp::rtcp::TransportFeedback;
use tsubame_udp::prefetch;

/// Packets that feedback may still speak of: 2.8 s at 180 packets per second. A power of two, and far below 2^15.
const REMEMBERED: u16 = 512;

/// Sums over what feedback has said, for the bandwidth estimator that is to come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Delivery {
    /// Packets that arrived, ...
    pub(crate) packets: u64,
    /// ... and their octets of payload.
    pub(crate) octets: u64,
    /// Packets that the feedback passed over and that have not come since.
    pub(crate) lost: u64,
    /// From the sending of the newest packet that arrived to the coming of the feedback.
    pub(crate) round_trip: Option<Duration>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Fate {
    #[default]
    Unknown,
    Lost,
    Arrived,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sent {
    /// Since `SentHistory::start`; wraps after 71 minutes.
    at_micros: u32,
    octets: u16,
    fate: Fate,
}

/// Stamps packets and takes their feedback in. Only what was really sent counts, and each packet once.
#[derive(Debug)]
pub(crate) struct SentHistory {
    next: u16,
    /// How many of the numbers before `next` are remembered.
    len: u16,
    /// By number; allocated with the first packet.
    ring: Vec<Sent>,
    start: Option<Instant>,
    delivery: Delivery,
}

impl SentHistory {
    pub(crate) fn new() -> Self {
        Self { next: 0, len: 0, ring: Vec::new(), start: None, delivery: Delivery::default() }
    }

    /// The transport-wide sequence number of a packet that leaves now.
    pub(crate) fn stamp(&mut self, now: Instant, octets: usize) -> u16 {
        if self.ring.is_empty() {
            self.ring = vec![Sent::default(); usize::from(REMEMBERED)];
        }
        let number = self.next;
        let at_micros = self.micros(now);
        let octets = u16::try_from(octets).unwrap_or(u16::MAX);
        self.ring[place(number)] = Sent { at_micros, octets, fate: Fate::Unknown };
        self.next = number.wrapping_add(1);
        self.len = (self.len + 1).min(REMEMBERED);
        number
    }

    /// Has the place of the next packet fetched into the caches.
    pub(crate) fn prefetch(&self) {
        if let Some(next) = self.ring.get(place(self.next)) {
            prefetch(next);
        }
    }

    /// Takes feedback in, and gives what is new in it. What it says of numbers that were never sent, or that arrived before, does not count.
    pub(crate) fn feedback(&mut self, now: Instant, feedback: &TransportFeedback<'_>) -> Delivery {
        let now_micros = self.micros(now);
        let before = self.delivery;
        let mut youngest: Option<u32> = None;
        for (number, _) in feedback.arrivals() {
            if !self.remembers(number) {
                continue;
            }
            let sent = &mut self.ring[place(number)];
            match sent.fate {
                Fate::Arrived => continue,
                // Late, not lost.
                Fate::Lost => self.delivery.lost -= 1,
                Fate::Unknown => {}
            }
            sent.fate = Fate::Arrived;
            self.delivery.packets += 1;
            self.delivery.octets += u64::from(sent.octets);
            let age = now_micros.wrapping_sub(sent.at_micros);
            youngest = Some(youngest.map_or(age, |youngest| youngest.min(age)));
        }
        self.mark_lost(feedback.base_sequence_number(), feedback.status_count());
        let round_trip = youngest.map(|micros| Duration::from_micros(u64::from(micros)));
        self.delivery.round_trip = round_trip.or(before.round_trip);
        Delivery {
            packets: self.delivery.packets - before.packets,
            octets: self.delivery.octets - before.octets,
            lost: self.delivery.lost.saturating_sub(before.lost),
            round_trip,
        }
    }

    /// What feedback said so far.
    pub(crate) fn delivery(&self) -> Delivery {
        self.delivery
    }

    /// Of `count` numbers from `base` on, those that are remembered and of which nothing good was heard. At most as many steps as are remembered.
    fn mark_lost(&mut self, base: u16, count: u16) {
        let back = self.next.wrapping_sub(base);
        if back > 1 << 15 {
            // It begins with a number that was not sent yet.
            return;
        }
        let end = back.saturating_sub(count);
        for back in end + 1..=back.min(self.len) {
            let sent = &mut self.ring[place(self.next.wrapping_sub(back))];
            if sent.fate == Fate::Unknown {
                sent.fate = Fate::Lost;
                self.delivery.lost += 1;
            }
        }
    }

    fn remembers(&self, number: u16) -> bool {
        (1..=self.len).contains(&self.next.wrapping_sub(number))
    }

    fn micros(&mut self, now: Instant) -> u32 {
        let start = *self.start.get_or_insert(now);
        now.saturating_duration_since(start).as_micros() as u32
    }
}

fn place(number: u16) -> usize {
    usize::from(number % REMEMBERED)
}

#[cfg(test)]
mod tests {
    use tsubame_rtp::rtcp::{self, Packet, TransportFeedbackHeader, Writer};

    use super::*;
    use crate::media::testing::{Random, origin};

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// Feedback on the numbers from `base` on: which of them came.
    fn feed(history: &mut SentHistory, now: Instant, base: u16, came: &[bool]) -> Delivery {
        let arrivals: Vec<_> = came.iter().map(|came| came.then_some(0)).collect();
        let header = TransportFeedbackHeader {
            sender_ssrc: 1,
            media_ssrc: 2,
            base_sequence_number: base,
            feedback_packet_count: 0,
        };
        let mut out = vec![0; 100_000];
        let mut writer = Writer::new(&mut out);
        assert_eq!(writer.transport_feedback(&header, &arrivals), Ok(came.len()));
        let len = writer.finish();
        let Some(Ok(Packet::TransportFeedback(feedback))) = rtcp::packets(&out[..len]).next()
        else {
            panic!("no feedback")
        };
        history.feedback(now, &feedback)
    }

    fn stamped(count: usize) -> SentHistory {
        let mut history = SentHistory::new();
        for _ in 0..count {
            history.stamp(origin(), 1_000);
        }
        history
    }

    fn sums(delivery: Delivery) -> (u64, u64, u64) {
        (delivery.packets, delivery.octets, delivery.lost)
    }

    #[test]
    fn numbers_follow_each_other_and_wrap() {
        let mut history = SentHistory::new();
        for number in 0..70_000_u32 {
            assert_eq!(history.stamp(origin(), 1), number as u16);
        }
        assert_eq!(history.ring.len(), usize::from(REMEMBERED));
    }

    #[test]
    fn arrivals_losses_and_the_round_trip() {
        let start = origin();
        let mut history = SentHistory::new();
        for n in 0..4 {
            history.stamp(start + ms(10 * n), 100 * (n as usize + 1));
        }
        let new = feed(&mut history, start + ms(70), 0, &[true, false, true]);
        assert_eq!(sums(new), (2, 400, 1));
        assert_eq!(new.round_trip, Some(ms(50)), "since the newest that arrived");
        assert_eq!(history.delivery(), new);
        let new = feed(&mut history, start + ms(90), 3, &[true]);
        assert_eq!(sums(new), (1, 400, 0));
        assert_eq!(sums(history.delivery()), (3, 800, 1));
    }

    #[test]
    fn feedback_that_repeats_itself_counts_once() {
        let mut history = stamped(3);
        feed(&mut history, origin(), 0, &[true, false, true]);
        let again = feed(&mut history, origin() + ms(1), 0, &[true, false, true]);
        assert_eq!(again, Delivery::default());
        assert_eq!(history.delivery().round_trip, Some(ms(0)), "the last that was measured");
    }

    #[test]
    fn one_that_was_late_is_not_lost() {
        let mut history = stamped(3);
        assert_eq!(sums(feed(&mut history, origin(), 0, &[true, false, true])), (2, 2_000, 1));
        assert_eq!(sums(feed(&mut history, origin(), 1, &[true])), (1, 1_000, 0));
        assert_eq!(sums(history.delivery()), (3, 3_000, 0));
    }

    #[test]
    fn numbers_that_were_never_sent_do_not_count() {
        let mut history = SentHistory::new();
        assert_eq!(feed(&mut history, origin(), 0, &[true; 100]), Delivery::default());
        let mut history = stamped(10);
        assert_eq!(sums(feed(&mut history, origin(), 10, &[true; 600])), (0, 0, 0));
        assert_eq!(sums(feed(&mut history, origin(), 10, &[false, true])), (0, 0, 0));
        // All the way round to what was sent.
        assert_eq!(sums(feed(&mut history, origin(), 11, &vec![false; 65_535])), (0, 0, 0));
        // Half of it was sent.
        assert_eq!(
            sums(feed(&mut history, origin(), 8, &[true, false, true, false])),
            (1, 1_000, 1)
        );
    }

    #[test]
    fn numbers_that_are_forgotten_do_not_count() {
        let mut history = stamped(600);
        let forgotten = 600 - usize::from(REMEMBERED);
        assert_eq!(sums(feed(&mut history, origin(), 0, &vec![true; forgotten])), (0, 0, 0));
        assert_eq!(sums(feed(&mut history, origin(), 0, &vec![false; forgotten + 1])), (0, 0, 1));
        assert_eq!(sums(feed(&mut history, origin(), 0, &[true; 600])), (512, 512_000, 0));
    }

    #[test]
    fn feedback_on_65_535_packets_is_about_those_that_were_sent() {
        let mut history = stamped(70_000);
        let base = (70_000_u32 - 20_000) as u16;
        assert_eq!(sums(feed(&mut history, origin(), base, &vec![false; 65_535])), (0, 0, 512));
    }

    #[test]
    fn a_lying_client_cannot_count_more_than_was_sent() {
        let mut random = Random::new(11);
        let mut history = SentHistory::new();
        let mut sent = 0;
        for _ in 0..2_000 {
            for _ in 0..random.below(40) {
                history.stamp(origin(), 1_000);
                sent += 1;
            }
            let came: Vec<bool> =
                (0..random.below(200) + 1).map(|_| random.below(2) == 0).collect();
            feed(&mut history, origin(), random.below(1 << 16) as u16, &came);
            let delivery = history.delivery();
            assert!(delivery.packets + delivery.lost <= sent);
            assert_eq!(delivery.octets, delivery.packets * 1_000);
        }
        assert!(history.delivery().packets > 0);
    }

    #[test]
    fn a_history_is_small() {
        assert!(size_of::<SentHistory>() + usize::from(REMEMBERED) * size_of::<Sent>() <= 4_200);
    }
}
