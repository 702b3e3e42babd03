//! What a receiver reports about one source (RFC 3550 §6.4.1, appendices A.3 and A.8).

use std::time::{Duration, Instant};

use crate::bytes::{low8, low32};
use crate::ntp::compact_duration;
use crate::rtcp::ReportBlock;

/// Losses and jitter of one source.
///
/// Feed it packets that arrived on the stream itself and were not replayed; recovered packets (RTX) do not
/// count, or loss would be hidden from the sender's congestion control.
#[derive(Clone, Debug)]
pub struct ReceptionStatistics {
    clock_rate: u32,
    sequence: Option<Sequence>,
    received: u64,
    transit: Option<Transit>,
    /// Jitter in timestamp units times 16 (appendix A.8).
    jitter: u32,
    expected_prior: u64,
    received_prior: u64,
}

#[derive(Clone, Copy, Debug)]
struct Sequence {
    base: u64,
    highest: u64,
}

#[derive(Clone, Copy, Debug)]
struct Transit {
    arrival: Instant,
    timestamp: u32,
}

/// Beyond this a step of the timestamp is a jump of the source's clock, not jitter.
const LARGEST_STEP: Duration = Duration::from_secs(5);

impl ReceptionStatistics {
    /// Statistics of a source whose timestamps advance by `clock_rate` per second.
    #[must_use]
    pub const fn new(clock_rate: u32) -> Self {
        Self {
            clock_rate,
            sequence: None,
            received: 0,
            transit: None,
            jitter: 0,
            expected_prior: 0,
            received_prior: 0,
        }
    }

    /// Counts a packet: its extended sequence number (see [`SequenceExtender`](crate::SequenceExtender))
    /// and its RTP timestamp.
    pub fn received(&mut self, now: Instant, sequence_number: u64, timestamp: u32) {
        self.received += 1;
        let sequence = self
            .sequence
            .get_or_insert(Sequence { base: sequence_number, highest: sequence_number });
        // A packet sent before the first that arrived moves the base: it was expected after all.
        sequence.base = sequence.base.min(sequence_number);
        sequence.highest = sequence.highest.max(sequence_number);
        self.update_jitter(now, timestamp);
    }

    /// RFC 3550 appendix A.8, with the arrival kept as an instant instead of timestamp units.
    fn update_jitter(&mut self, arrival: Instant, timestamp: u32) {
        let Some(previous) = self.transit.replace(Transit { arrival, timestamp }) else { return };
        let elapsed = arrival.saturating_duration_since(previous.arrival);
        let elapsed = i64::from(self.units(elapsed));
        let step = i64::from(timestamp.wrapping_sub(previous.timestamp).cast_signed());
        let deviation = (elapsed - step).unsigned_abs();
        if deviation > u64::from(self.units(LARGEST_STEP)) {
            return;
        }
        // In 64 bits, because with a clock rate of billions the sum has more than 32.
        let jitter = u64::from(self.jitter);
        let smoothed = (jitter + deviation).saturating_sub((jitter + 8) >> 4);
        self.jitter = u32::try_from(smoothed).unwrap_or(u32::MAX);
    }

    /// A duration in timestamp units, to the nearest (a 30th of a second has no whole nanoseconds), saturating.
    fn units(&self, duration: Duration) -> u32 {
        let scaled = duration.as_nanos() * u128::from(self.clock_rate);
        let units = (scaled + 500_000_000) / 1_000_000_000;
        u32::try_from(units).unwrap_or(u32::MAX)
    }

    /// The report block for `ssrc`, and the beginning of the next interval: fraction lost is that since
    /// the last call. `last_sender_report` is the compact NTP time of the source's last sender report and when it came.
    pub fn report_block(
        &mut self,
        ssrc: u32,
        now: Instant,
        last_sender_report: Option<(u32, Instant)>,
    ) -> ReportBlock {
        let expected = self.expected();
        let expected_interval = expected.saturating_sub(self.expected_prior);
        let received_interval = self.received.saturating_sub(self.received_prior);
        self.expected_prior = expected;
        self.received_prior = self.received;
        let lost_interval = expected_interval.saturating_sub(received_interval);
        let fraction = (lost_interval << 8).checked_div(expected_interval).unwrap_or(0);
        ReportBlock {
            ssrc,
            fraction_lost: low8(fraction.min(255)),
            cumulative_lost: self.cumulative_lost(),
            extended_highest_sequence_number: low32(self.sequence.map_or(0, |s| s.highest)),
            jitter: self.jitter(),
            last_sender_report: last_sender_report.map_or(0, |(compact, _)| compact),
            delay_since_last_sender_report: last_sender_report
                .map_or(0, |(_, at)| compact_duration(now.saturating_duration_since(at))),
        }
    }

    /// Interarrival jitter in timestamp units (RFC 3550 §6.4.1).
    #[must_use]
    pub const fn jitter(&self) -> u32 {
        self.jitter >> 4
    }

    /// Packets expected less packets received, clamped to the 24-bit field; negative with duplicates.
    #[must_use]
    pub fn cumulative_lost(&self) -> i32 {
        let lost = i128::from(self.expected()) - i128::from(self.received);
        i32::try_from(lost.clamp(-0x80_0000, 0x7f_ffff)).unwrap_or(0)
    }

    /// Packets that the sequence numbers say were sent.
    #[must_use]
    pub fn expected(&self) -> u64 {
        self.sequence.map_or(0, |s| (s.highest - s.base).saturating_add(1))
    }

    /// Packets that arrived.
    #[must_use]
    pub const fn packets_received(&self) -> u64 {
        self.received
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SequenceExtender;

    const O: u64 = SequenceExtender::ORIGIN;

    #[expect(
        clippy::disallowed_methods,
        reason = "an Instant has no other origin, and only differences matter"
    )]
    fn instant() -> Instant {
        Instant::now()
    }

    /// Appendix A.8 by hand: 8 kHz, 160 units a packet, arrivals 5 ms (40 units) late and early in turn.
    /// 0; 0 + 40 - (8 >> 4) = 40; 40 + 40 - (48 >> 4) = 77; 77 + 40 - (85 >> 4) = 112; each divided by 16.
    #[test]
    fn jitter_by_hand() {
        let start = instant();
        let mut statistics = ReceptionStatistics::new(8000);
        let mut jitters = Vec::new();
        for (index, millis) in (0..).zip([0, 20, 45, 60, 85]) {
            let at = start + Duration::from_millis(millis);
            statistics.received(at, O + u64::from(index), index * 160);
            jitters.push(statistics.jitter());
        }
        assert_eq!(jitters, [0, 0, 2, 4, 7]);
        assert_eq!(statistics.report_block(1, start, None).jitter, 7);
    }

    /// Appendix A.3 by hand, over the wrap: 17 expected, 3 lost, 3 * 256 / 17 = 45; then four more expected and five
    /// received, one of them late.
    #[test]
    fn loss_by_hand() {
        let now = instant();
        let mut extender = SequenceExtender::new();
        let mut statistics = ReceptionStatistics::new(90_000);
        let first = (65_530..=65_535).chain([0, 1, 4, 5, 6, 8, 9, 10]);
        for number in first {
            statistics.received(now, extender.extend(number), 0);
        }
        let block = statistics.report_block(1, now, None);
        assert_eq!((block.fraction_lost, block.cumulative_lost), (45, 3));
        assert_eq!(block.extended_highest_sequence_number, 1 << 16 | 10);
        for number in [11, 3, 12, 13, 14] {
            statistics.received(now, extender.extend(number), 0);
        }
        let block = statistics.report_block(1, now, None);
        assert_eq!((block.fraction_lost, block.cumulative_lost), (0, 2));
        assert_eq!(block.extended_highest_sequence_number, 1 << 16 | 14);
    }

    #[test]
    fn fraction_lost_is_that_of_the_interval() {
        let now = instant();
        let mut statistics = ReceptionStatistics::new(90_000);
        for seq in (0..100).filter(|seq| seq % 4 != 1) {
            statistics.received(now, O + seq, 0);
        }
        let block = statistics.report_block(7, now, None);
        assert_eq!(block.ssrc, 7);
        assert_eq!(block.fraction_lost, 64, "a quarter of 256");
        assert_eq!(block.cumulative_lost, 25);
        assert_eq!(block.extended_highest_sequence_number, 99);
        assert_eq!(block.last_sender_report, 0);
        assert_eq!(block.delay_since_last_sender_report, 0);
        for seq in 100..200 {
            statistics.received(now, O + seq, 0);
        }
        let block = statistics.report_block(7, now, None);
        assert_eq!(block.fraction_lost, 0);
        assert_eq!(block.cumulative_lost, 25);
        assert_eq!(statistics.expected(), 200);
        assert_eq!(statistics.packets_received(), 175);
    }

    #[test]
    fn duplicates_make_loss_negative_and_fraction_zero() {
        let now = instant();
        let mut statistics = ReceptionStatistics::new(90_000);
        for seq in [0, 0, 0, 1] {
            statistics.received(now, O + seq, 0);
        }
        let block = statistics.report_block(1, now, None);
        assert_eq!((block.fraction_lost, block.cumulative_lost), (0, -2));
    }

    #[test]
    fn nothing_expected_is_nothing_lost() {
        let block = ReceptionStatistics::new(48_000).report_block(1, instant(), None);
        assert_eq!((block.fraction_lost, block.cumulative_lost, block.jitter), (0, 0, 0));
    }

    #[test]
    fn total_loss_of_an_interval_but_one_is_not_more_than_255() {
        let now = instant();
        let mut statistics = ReceptionStatistics::new(90_000);
        statistics.received(now, O, 0);
        statistics.report_block(1, now, None);
        statistics.received(now, O + 30_000, 0);
        assert_eq!(statistics.report_block(1, now, None).fraction_lost, 255);
    }

    #[test]
    fn a_steady_source_has_no_jitter_and_an_unsteady_one_has_its_deviation() {
        let mut now = instant();
        let mut statistics = ReceptionStatistics::new(48_000);
        for seq in 0..200u32 {
            statistics.received(now, O + u64::from(seq), seq.wrapping_mul(960));
            now += Duration::from_millis(20);
        }
        assert_eq!(statistics.jitter(), 0);
        // Now each packet is alternately 5 ms early and late: every deviation is 10 ms, 480 units.
        for seq in 200..1000u32 {
            let shift = if seq % 2 == 0 { 0 } else { 10 };
            let arrival = now + Duration::from_millis(shift);
            statistics.received(arrival, O + u64::from(seq), seq.wrapping_mul(960));
            now += Duration::from_millis(20);
        }
        let jitter = statistics.jitter();
        assert!((475..=485).contains(&jitter), "{jitter}");
    }

    /// 30 frames a second: 3,000 units each, and 33,333,333 ns.
    #[test]
    fn frames_at_their_time_have_no_jitter() {
        let start = instant();
        let mut statistics = ReceptionStatistics::new(90_000);
        for frame in 0..300 {
            let at = start + Duration::from_secs(1) / 30 * frame;
            statistics.received(at, O + u64::from(frame), frame * 3_000);
        }
        assert_eq!(statistics.jitter, 0, "not even a 16th of a unit");
    }

    #[test]
    fn a_jump_of_the_timestamp_is_not_jitter() {
        let now = instant();
        let mut statistics = ReceptionStatistics::new(90_000);
        statistics.received(now, O, 0);
        statistics.received(now, O + 1, 0x7000_0000);
        assert_eq!(statistics.jitter(), 0);
    }

    /// The largest clock rate that a description can name: a second of waiting is a deviation of 32 bits.
    #[test]
    fn jitter_of_the_largest_clock_rate_saturates() {
        let mut now = instant();
        let mut statistics = ReceptionStatistics::new(u32::MAX);
        for seq in 0..4 {
            statistics.received(now, O + seq, 0);
            now += Duration::from_secs(1);
        }
        assert_eq!(statistics.jitter(), u32::MAX >> 4);
        assert_eq!(statistics.report_block(1, now, None).jitter, u32::MAX >> 4);
        // And it falls again, by a 16th, with a packet that comes at its time: 100 ms are a tenth of the rate.
        statistics.received(now - Duration::from_millis(900), O + 4, 429_496_730);
        assert_eq!(statistics.jitter(), 251_658_239);
    }

    #[test]
    fn delay_since_the_last_sender_report() {
        let at = instant();
        let now = at + Duration::from_millis(5250);
        let block = ReceptionStatistics::new(1).report_block(1, now, Some((0xb705_2000, at)));
        assert_eq!(block.last_sender_report, 0xb705_2000);
        assert_eq!(block.delay_since_last_sender_report, 0x0005_4000);
    }
}
