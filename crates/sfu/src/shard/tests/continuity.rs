//! What a viewer sees while a publisher pads, changes its SSRC, goes and comes.

use std::time::Duration;

use tsubame_rtp::{Header, MediaKind, Packet};

use super::forger::Forger;
use super::world::{World, publisher, viewer};
use super::{SECOND, packets};
use crate::negotiate::table::extension_id;

const MS: Duration = Duration::from_millis(1);

/// A publisher whose peer is silenced and that is forged instead, and a viewer.
struct Stage {
    world: World,
    forger: Forger,
    viewer: usize,
    numbers: u16,
}

const VP8_KEYFRAME: &[u8] = &[0x10, 0, 0, 0, 0x9d, 0x01, 0x2a, 0x10, 0, 0x10, 0, 1, 2, 3, 4];
const VP8_DELTA: &[u8] = &[0x10, 1, 2, 3, 4, 5, 6];

impl Stage {
    fn new(seed: u8) -> Self {
        Self::across(seed, 1)
    }

    /// The same with the viewer on the last of so many shards, and the publisher on the first.
    fn across(seed: u8, shards: usize) -> Self {
        let mut world = World::new(seed, shards);
        let publisher = world.join_on(0, &publisher());
        let viewer = world.join_on(shards - 1, &viewer());
        world.run(SECOND / 2);
        world.clients[publisher].frozen = true;
        world.run(SECOND / 10);
        world.tap = Some(Vec::new());
        let forger = world.forger(publisher);
        Self { world, forger, viewer, numbers: 100 }
    }

    fn send(&mut self, ssrc: u32, number: u16, timestamp: u32, payload: &[u8]) {
        self.hand_in(ssrc, number, timestamp, payload);
        self.world.settle();
    }

    /// The same without the end of the turn.
    fn hand_in(&mut self, ssrc: u32, number: u16, timestamp: u32, payload: &[u8]) {
        let header =
            Header { marker: true, payload_type: 96, sequence_number: number, timestamp, ssrc };
        let mid = self.mid();
        let datagram = self.forger.rtp(&header, &[(extension_id::MID, mid.as_bytes())], payload);
        self.world.inject(self.forger.address, &datagram);
    }

    /// The next packet of a stream, 20 ms after the one before it.
    fn next(&mut self, ssrc: u32, payload: &[u8]) {
        self.numbers += 1;
        self.world.run(20 * MS);
        let timestamp = u32::from(self.numbers) * 1_800;
        self.send(ssrc, self.numbers, timestamp, payload);
    }

    /// Packets that come in one batch, the last one of which ends the frame.
    fn burst(&mut self, ssrc: u32, payloads: &[&[u8]]) {
        let mid = self.mid();
        self.world.run(20 * MS);
        for (place, payload) in payloads.iter().enumerate() {
            self.numbers += 1;
            let header = Header {
                marker: place + 1 == payloads.len(),
                payload_type: 96,
                sequence_number: self.numbers,
                timestamp: 90_000,
                ssrc,
            };
            let extensions: &[_] = &[(extension_id::MID, mid.as_bytes())];
            let datagram = self.forger.rtp(&header, extensions, payload);
            self.world.inject(self.forger.address, &datagram);
        }
        self.world.settle();
    }

    /// The same as `next`, with nothing but padding.
    fn next_padding(&mut self, ssrc: u32) {
        self.numbers += 1;
        let mut header = vec![0xa0, 96];
        header.extend(self.numbers.to_be_bytes());
        header.extend((u32::from(self.numbers) * 1_800).to_be_bytes());
        header.extend(ssrc.to_be_bytes());
        let mut padding = [0; 200];
        padding[199] = 200;
        let datagram = self.forger.raw_rtp(u64::from(self.numbers), &header, &padding);
        self.world.inject(self.forger.address, &datagram);
        self.world.settle();
    }

    fn mid(&self) -> String {
        let shard = &self.world.shards[0];
        let video = shard.publications.iter().find(|(_, p)| p.kind() == MediaKind::Video);
        video.unwrap().1.mid.clone()
    }

    /// Sequence numbers and timestamps of the video that the viewer was sent since the last call.
    fn sent(&mut self) -> Vec<(u16, u32)> {
        let mut opener = self.world.forger(self.viewer);
        let ssrc = self.world.subscription(self.viewer, MediaKind::Video).ssrc;
        let tap = self.world.tap.replace(Vec::new()).unwrap();
        let down = tap.iter().filter(|tapped| tapped.client == self.viewer && !tapped.up);
        down.filter_map(|tapped| {
            let bytes = opener.open_rtp(&tapped.bytes)?;
            let packet = Packet::parse(&bytes).unwrap();
            (packet.ssrc() == ssrc).then(|| (packet.sequence_number(), packet.timestamp()))
        })
        .collect()
    }
}

fn is_continuous(sent: &[(u16, u32)]) -> bool {
    sent.windows(2).all(|pair| pair[1].0 == pair[0].0.wrapping_add(1))
}

#[test]
fn padding_is_not_forwarded_and_leaves_no_gap() {
    for shards in [1, 2] {
        let mut stage = Stage::across(110, shards);
        stage.next(1, VP8_KEYFRAME);
        for _ in 0..10 {
            stage.next(1, VP8_DELTA);
            stage.next_padding(1);
            stage.next_padding(1);
        }
        stage.next(1, VP8_DELTA);
        let sent = stage.sent();
        assert_eq!(sent.len(), 12);
        assert!(is_continuous(&sent), "{sent:?}");
    }
}

#[test]
fn a_publisher_that_changes_its_ssrc_goes_on_in_number_and_time() {
    for shards in [1, 2] {
        let mut stage = Stage::across(111, shards);
        stage.next(1, VP8_KEYFRAME);
        for _ in 0..5 {
            stage.next(1, VP8_DELTA);
        }
        // Numbers and timestamps of the new stream have nothing to do with those of the old one.
        stage.world.run(100 * MS);
        stage.send(2, 30_000, 77, VP8_KEYFRAME);
        stage.send(2, 30_001, 77, VP8_DELTA);
        let sent = stage.sent();
        assert_eq!(sent.len(), 8);
        assert!(is_continuous(&sent), "{sent:?}");
        let step = sent[6].1.wrapping_sub(sent[5].1);
        assert!((8_900..=9_100).contains(&step), "100 ms at 90 kHz, not {step}");
        assert_eq!(sent[6].1, sent[7].1);
    }
}

#[test]
fn packets_of_two_ssrcs_in_one_turn_leave_no_jump() {
    for shards in [1, 2] {
        let mut stage = Stage::across(118, shards);
        stage.next(1, VP8_KEYFRAME);
        stage.next(1, VP8_DELTA);
        stage.hand_in(1, stage.numbers + 1, 200_000, VP8_KEYFRAME);
        stage.hand_in(2, 30_000, 77, VP8_KEYFRAME);
        stage.hand_in(2, 30_001, 3_077, VP8_DELTA);
        stage.world.settle();
        stage.send(2, 30_002, 6_077, VP8_DELTA);
        let sent = stage.sent();
        assert_eq!(sent.len(), 5, "{sent:?}, without what was left of the old one");
        assert!(is_continuous(&sent), "{sent:?}");
        assert!(stage.world.shards.iter().all(|shard| shard.batched.is_empty()));
    }
}

#[test]
fn a_new_ssrc_begins_with_a_keyframe() {
    for shards in [1, 2] {
        let mut stage = Stage::across(112, shards);
        stage.next(1, VP8_KEYFRAME);
        stage.next(1, VP8_DELTA);
        let before = stage.world.shards[0].counters().keyframes_requested;
        stage.next(2, VP8_DELTA);
        stage.next(2, VP8_DELTA);
        assert_eq!(stage.sent().len(), 2);
        assert!(stage.world.shards[0].counters().keyframes_requested > before);
        stage.next(2, VP8_KEYFRAME);
        stage.next(2, VP8_DELTA);
        assert_eq!(stage.sent().len(), 2);
    }
}

#[test]
fn what_still_comes_from_a_replaced_ssrc_is_dropped() {
    for shards in [1, 2] {
        let mut stage = Stage::across(113, shards);
        stage.next(1, VP8_KEYFRAME);
        stage.next(2, VP8_KEYFRAME);
        stage.sent();
        stage.next(1, VP8_KEYFRAME);
        assert!(stage.sent().is_empty());
        stage.next(2, VP8_DELTA);
        assert_eq!(stage.sent().len(), 1);
    }
}

#[test]
fn an_ssrc_that_was_replaced_comes_back_when_its_successor_is_silent() {
    for shards in [1, 2] {
        let mut stage = Stage::across(115, shards);
        stage.next(1, VP8_KEYFRAME);
        stage.next(2, VP8_KEYFRAME);
        stage.world.run(SECOND);
        stage.next(1, VP8_KEYFRAME);
        stage.next(1, VP8_DELTA);
        let sent = stage.sent();
        assert_eq!(sent.len(), 4);
        assert!(is_continuous(&sent), "{sent:?}");
    }
}

#[test]
fn sequence_numbers_wrap_without_a_gap() {
    for shards in [1, 2] {
        let mut stage = Stage::across(114, shards);
        stage.send(1, 65_530, 0, VP8_KEYFRAME);
        for step in 1..=5 {
            stage.send(1, 65_530 + step, 3_000 * u32::from(step), VP8_DELTA);
        }
        // Past the wrap the roll-over counter is one.
        for step in 0..5_u16 {
            let mut header = vec![0x80, 0x80 | 96];
            header.extend(step.to_be_bytes());
            header.extend((30_000 + u32::from(step)).to_be_bytes());
            header.extend(1_u32.to_be_bytes());
            let datagram = stage.forger.raw_rtp(0x1_0000 + u64::from(step), &header, VP8_DELTA);
            stage.world.inject(stage.forger.address, &datagram);
            stage.world.settle();
        }
        let sent = stage.sent();
        assert_eq!(sent.len(), 11);
        assert!(is_continuous(&sent), "{sent:?}");
    }
}

#[test]
fn packets_out_of_order_leave_under_their_own_numbers() {
    for shards in [1, 2] {
        let mut stage = Stage::across(115, shards);
        stage.send(1, 10, 0, VP8_KEYFRAME);
        for number in [12, 11, 14, 13, 15] {
            stage.send(1, number, 3_000 * u32::from(number), VP8_DELTA);
        }
        let mut sent = stage.sent();
        assert_eq!(sent[2].0.wrapping_add(1), sent[1].0);
        sent.sort_unstable();
        assert_eq!(sent.len(), 6);
        assert!(is_continuous(&sent), "{sent:?}");
    }
}

#[test]
fn a_publisher_may_come_and_go_many_times() {
    let mut world = World::new(116, 1);
    let viewer = world.join(&viewer());
    world.run(SECOND);
    for _ in 0..5 {
        let publisher = world.join(&publisher());
        let before = packets(&world, viewer, MediaKind::Video);
        world.run(SECOND);
        assert!(packets(&world, viewer, MediaKind::Video) > before + 20);
        world.leave(publisher);
        world.run(SECOND / 4);
    }
    let stats = world.clients[viewer].peer.stats();
    assert!(stats.tracks.iter().all(|track| (track.lost, track.corrupted) == (0, 0)));
    assert_eq!((stats.unknown, stats.dropped), (0, 0));
}

#[test]
fn packets_of_a_frame_that_differ_by_an_octet_leave_equally_long_and_unchanged() {
    let mut stage = Stage::new(117);
    stage.next(1, VP8_KEYFRAME);
    stage.sent();
    let frame: Vec<Vec<u8>> = [200, 200, 201, 201, 80]
        .map(|len| VP8_DELTA.iter().copied().cycle().take(len).collect())
        .into();
    stage.burst(1, &frame.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let mut opener = stage.world.forger(stage.viewer);
    let tap = stage.world.tap.take().unwrap();
    let sent: Vec<_> = tap
        .iter()
        .filter(|tapped| tapped.client == stage.viewer && !tapped.up)
        .filter_map(|tapped| Some((tapped.bytes.len(), opener.open_rtp(&tapped.bytes)?)))
        .collect();
    let lengths: Vec<usize> = sent.iter().map(|(len, _)| *len).collect();
    assert_eq!(lengths[..3], [lengths[3]; 3], "one run");
    assert_eq!(lengths[4], lengths[3] - 121, "the last may be shorter");
    for ((_, bytes), payload) in sent.iter().zip(&frame) {
        assert_eq!(Packet::parse(bytes).unwrap().payload(), payload);
    }
}
