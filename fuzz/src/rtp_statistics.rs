//! A stream whose packets come late, twice, never, and around the end of their numbers, beside a model that counts them one
//! by one.

use std::collections::BTreeSet;
use std::time::Duration;

use tsubame_rtp::{ReceptionStatistics, SequenceExtender};

use crate::input::{Input, epoch};

/// See the module's documentation.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let clock_rate = [8_000, 48_000, 90_000, 1_000][input.index(4)];
    let mut number = input.u16();
    let mut now = epoch();
    let mut extender = SequenceExtender::new();
    let mut statistics = ReceptionStatistics::new(clock_rate);
    // The model: every extended number that came, and how many packets that were.
    let mut all = BTreeSet::new();
    let mut packets: u64 = 0;
    let mut before = (0, 0);
    while let Some(operation) = input.operation() {
        if operation % 8 == 0 {
            let sender_report = (operation > 127).then_some((input.u32(), now));
            now += Duration::from_millis(u64::from(input.u8()));
            let block = statistics.report_block(7, now, sender_report);
            let expected = span(&all);
            let lost = (expected - before.0).saturating_sub(packets - before.1);
            let fraction = (lost * 256).checked_div(expected - before.0).unwrap_or(0).min(255);
            before = (expected, packets);
            assert_eq!(u64::from(block.fraction_lost), fraction);
            let lost = expected as i64 - packets as i64;
            assert_eq!(i64::from(block.cumulative_lost), lost.clamp(-0x80_0000, 0x7f_ffff));
            let highest = all.last().copied().unwrap_or(0);
            assert_eq!(block.extended_highest_sequence_number, highest as u32);
            assert_eq!(block.last_sender_report, sender_report.map_or(0, |(time, _)| time));
            continue;
        }
        let step = match operation % 8 {
            1..=4 => 1,
            5 => i16::from(input.u8() as i8),
            _ => input.u16().cast_signed(),
        };
        number = number.wrapping_add_signed(step);
        now += Duration::from_micros(u64::from(operation) * 500);
        let (highest, peeked) = (extender.highest(), extender.peek(number));
        let extended = extender.extend(number);
        assert_eq!(extended as u16, number);
        assert!(highest.is_none_or(|highest| extended.abs_diff(highest) <= 1 << 15));
        assert_eq!(peeked, highest.map(|_| extended));
        assert_eq!(extender.highest(), highest.max(Some(extended)));
        all.insert(extended);
        packets += 1;
        statistics.received(now, extended, input.u32());
        assert_eq!(statistics.expected(), span(&all));
        assert_eq!(statistics.packets_received(), packets);
        let _ = statistics.jitter();
    }
}

/// From the lowest to the highest number.
fn span(all: &BTreeSet<u64>) -> u64 {
    all.first().zip(all.last()).map_or(0, |(first, last)| last - first + 1)
}
