//! The machines of forwarding, each beside a model: outgoing numbers, what is missing, the packet cache, transport-wide
//! feedback from end to end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use tsubame_rtp::MediaKind;
use tsubame_sfu::fuzzing::{
    FuzzedFeedback, FuzzedNackTracker, FuzzedPacketCache, FuzzedSequenceMap,
};

use crate::input::{Input, epoch};

/// See the module's documentation.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    match input.index(4) {
        0 => sequence_map(&mut input),
        1 => nack_tracker(&mut input),
        2 => packet_cache(&mut input),
        _ => feedback(&mut input),
    }
}

/// No two packets under one number, the order is kept, and the way back leads to what was sent.
fn sequence_map(input: &mut Input<'_>) {
    let kind = if input.flag() { MediaKind::Video } else { MediaKind::Audio };
    let mut map = FuzzedSequenceMap::new(kind, u64::from(input.u16() >> 1), input.u32());
    let mut now = epoch();
    let mut source = 0;
    let mut next = (1 << 32) + u64::from(input.u16());
    // By outgoing number: the source and its packet. By packet of the present source: its outgoing number.
    let mut sent: BTreeMap<u64, (u32, u64)> = BTreeMap::new();
    let mut present: BTreeMap<u64, u64> = BTreeMap::new();
    let mut skipped = BTreeSet::new();
    while let Some(operation) = input.operation() {
        now += Duration::from_millis(u64::from(operation >> 4));
        match operation % 8 {
            0..=4 => {
                // The next, one that was lost before, or one after a gap.
                let number = match operation % 8 {
                    0..=2 => next,
                    3 => next.saturating_sub(u64::from(input.u8())),
                    _ => next + u64::from(input.u8() % 16),
                };
                if skipped.contains(&number) {
                    continue;
                }
                next = next.max(number + 1);
                let timestamp = (number as u32).wrapping_mul(3_000);
                let Some((out, out_timestamp)) = map.forward(now, number, timestamp) else {
                    assert!(number < next - 1 || present.is_empty(), "the newest has no number");
                    continue;
                };
                let before = sent.insert(out, (source, number));
                assert!(before.is_none_or(|before| before == (source, number)), "a number twice");
                let known = present.insert(number, out);
                assert!(known.is_none_or(|known| known == out), "another number than before");
                let below = present.range(..number).next_back();
                assert!(below.is_none_or(|(_, below)| *below < out), "out of order");
                let above = present.range(number + 1..).next();
                assert!(above.is_none_or(|(_, above)| *above > out), "out of order");
                let last = sent.last_key_value().map_or(0, |(last, _)| *last);
                if last == out {
                    let offset = out_timestamp.wrapping_sub(timestamp);
                    assert_eq!(map.source_of(out as u16), Some((number, offset)), "the way back");
                }
            }
            5 | 6 => {
                map.skip(next);
                skipped.insert(next);
                next += 1;
            }
            _ => {
                map.switch_source();
                source += 1;
                // Publications number their packets on when their source changes, and leave room.
                next += 1_000;
                present.clear();
                skipped.clear();
            }
        }
    }
}

/// Only what is missing is asked for, at most five times, not too often, and not too much.
fn nack_tracker(input: &mut Input<'_>) {
    let mut tracker = FuzzedNackTracker::default();
    let mut now = epoch();
    let mut highest = 1 << 32;
    let mut received = BTreeSet::new();
    let mut asked: BTreeMap<u64, (u8, Instant)> = BTreeMap::new();
    while let Some(operation) = input.operation() {
        now += Duration::from_millis(u64::from(operation >> 5));
        let number = match operation % 8 {
            0..=2 => highest + 1,
            3 => highest + 1 + u64::from(input.u8() % 8),
            4 => highest + u64::from(input.u16() % 600),
            5 => highest - u64::from(input.u8()),
            _ => {
                let millis = input.u8();
                let round_trip = (millis != 0).then(|| Duration::from_millis(millis.into()));
                now += Duration::from_millis(u64::from(operation >> 2));
                let (numbers, _) = tracker.poll(now, round_trip);
                assert!(numbers.len() <= 256);
                let spacing = round_trip.unwrap_or(Duration::from_millis(100));
                let spacing = spacing.max(Duration::from_millis(25));
                let mut before = None;
                for number in numbers {
                    let back = (highest as u16).wrapping_sub(number);
                    let number = highest - u64::from(back);
                    assert!(!received.contains(&number), "asked for what is there");
                    assert!(received.first().is_some_and(|first| number > *first), "before all");
                    assert!(before < Some(number), "not in order");
                    before = Some(number);
                    let (tries, next) = asked.entry(number).or_insert((0, now));
                    assert!(*next <= now, "asked again too early");
                    *tries += 1;
                    *next = now + spacing;
                    assert!(*tries <= 5, "asked for too often");
                }
                continue;
            }
        };
        tracker.received(now, number);
        // Only a number above all others, or one that is missing, is news.
        received.insert(number);
        highest = highest.max(number);
    }
}

/// What is found is what was put in.
fn packet_cache(input: &mut Input<'_>) {
    let mut cache = FuzzedPacketCache::new(1 + input.index(64));
    let slots = cache.slots() as u64;
    let now = epoch();
    let mut highest = None;
    let mut model: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
    let base = (1 << 32) + u64::from(input.u8());
    while let Some(operation) = input.operation() {
        let number = base + u64::from(input.u8()) + u64::from(operation >> 5) * 100;
        if operation % 4 == 0 {
            let expected = model.get(&number).map(Vec::as_slice);
            assert_eq!(cache.get(number), expected);
            continue;
        }
        let mut packet = input.short().to_vec();
        packet.resize(packet.len() * usize::from(operation % 8), 7);
        let old = highest.is_some_and(|highest: u64| number + slots <= highest);
        let taken = cache.insert(now, number, &packet);
        assert_eq!(taken, !old && !model.contains_key(&number) && packet.len() <= 1_500);
        if taken {
            highest = highest.max(Some(number));
            model.retain(|known, _| *known % slots != number % slots);
            model.insert(number, packet);
        }
    }
    for (number, packet) in &model {
        assert_eq!(cache.get(*number), Some(packet.as_slice()));
    }
}

/// Whatever the network does to packets and reports, nothing counts that was not sent and did not arrive, and nothing twice.
fn feedback(input: &mut Input<'_>) {
    let mut feedback = FuzzedFeedback::default();
    let mut now = epoch();
    let mut flying: Vec<(u16, u64, usize)> = Vec::new();
    let mut reports: Vec<Vec<u8>> = Vec::new();
    let mut sent: u64 = 0;
    let mut arrived: BTreeMap<u64, usize> = BTreeMap::new();
    let (mut packets, mut octets) = (0, 0);
    while let Some(operation) = input.operation() {
        now += Duration::from_micros(u64::from(operation) * 300);
        match operation % 8 {
            0..=2 => {
                let size = usize::from(input.u8()) * 5;
                let number = feedback.sent(now, size);
                assert_eq!(number, sent as u16);
                flying.push((number, sent, size));
                sent += 1;
            }
            3 | 4 if !flying.is_empty() => {
                let index = input.index(flying.len());
                let (number, serial, size) = flying.swap_remove(index);
                feedback.received(now, number);
                arrived.insert(serial, size);
            }
            5 if !flying.is_empty() => {
                let index = input.index(flying.len());
                flying.swap_remove(index);
            }
            6 => {
                let report = feedback.report();
                assert!(report.len() <= 1_200);
                if !report.is_empty() {
                    reports.push(report);
                }
            }
            7 if !reports.is_empty() => {
                let index = input.index(reports.len());
                // Kept now and then: it comes again.
                let report = reports[index].clone();
                if input.flag() {
                    reports.swap_remove(index);
                }
                let (new_packets, new_octets, all) = feedback.reported(now, &report);
                packets += new_packets;
                octets += new_octets;
                assert_eq!([packets, octets], all[..2], "the parts are not the whole");
                assert!(packets <= arrived.len() as u64, "more than arrived");
                assert!(octets <= arrived.values().map(|size| *size as u64).sum::<u64>());
                assert!(all[2] + packets <= sent, "more lost and arrived than were sent");
            }
            _ => {}
        }
    }
}
