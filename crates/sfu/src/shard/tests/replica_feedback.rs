//! What comes back from other shards, and what becomes of packets that find no room on the way to them.

use std::time::Duration;

use tsubame_netsim::LinkConfig;
use tsubame_rtp::rtcp::{self, Packet};
use tsubame_rtp::{Header, MediaKind};

use super::forger::Forger;
use super::world::{Setup, World, publisher, viewer};
use super::{SECOND, frames};
use crate::crossing::TrackMessage;
use crate::negotiate::table::extension_id;
use crate::shard::message::ShardMessage;

const MS: Duration = Duration::from_millis(1);

/// A publisher on shard 0, and viewers on all shards that have had their keyframe long ago: each forged, with its SSRC.
fn settled(seed: u8, shards: usize, per_shard: usize) -> (World, Vec<(Forger, u32)>) {
    let mut world = World::with_limit(seed, shards, 1_000);
    world.join_on(0, &Setup { audio: false, adjust: slow_video, ..publisher() });
    let viewers: Vec<usize> =
        (0..shards * per_shard).map(|number| world.join_on(number % shards, &viewer())).collect();
    world.run(4 * SECOND);
    let forgers = viewers.into_iter().map(|client| {
        let ssrc = world.subscription(client, MediaKind::Video).ssrc;
        let forger = world.forger(client);
        world.clients[client].frozen = true;
        (forger, ssrc)
    });
    let forgers = forgers.collect();
    world.run(SECOND);
    (world, forgers)
}

fn slow_video(config: &mut tsubame_client::peer::PeerConfig) {
    config.video = config.video.as_ref().map(|_| tsubame_client::peer::VideoSettings {
        bitrate: 50_000,
        frame_rate: 10,
        ..Default::default()
    });
}

fn ask(world: &mut World, (forger, ssrc): &mut (Forger, u32)) {
    let datagram = forger.rtcp(|writer| writer.picture_loss_indication(Forger::SSRC, *ssrc));
    world.inject(forger.address, &datagram);
}

#[test]
fn viewers_of_all_shards_together_buy_one_keyframe_per_500_ms() {
    let (mut world, mut forgers) = settled(200, 4, 10);
    let mut count = world.shards[0].counters().keyframes_requested;
    let mut asked = vec![];
    for _ in 0..60 {
        for forger in &mut forgers {
            ask(&mut world, forger);
        }
        for step in [0, 10, 10] {
            world.run(step * MS);
            let requested = world.shards[0].counters().keyframes_requested;
            asked.extend((count..requested).map(|_| world.elapsed()));
            count = requested;
        }
    }
    assert_eq!(asked.len(), 3, "{asked:?}");
    assert!(asked.windows(2).all(|pair| pair[1] - pair[0] >= 500 * MS), "{asked:?}");
    let others: u64 = world.shards[1..].iter().map(|s| s.counters().keyframes_requested).sum();
    assert_eq!(others, 0, "nobody but the home asks the publisher");
}

#[test]
fn a_request_from_another_shard_goes_to_the_publisher_at_once_and_the_next_at_the_end_of_the_interval()
 {
    let (mut world, mut forgers) = settled(201, 3, 1);
    let before = world.shards[0].counters().keyframes_requested;
    let asked = |world: &World| world.shards[0].counters().keyframes_requested - before;
    ask(&mut world, &mut forgers[1]);
    world.settle();
    assert_eq!(asked(&world), 1);
    world.run(250 * MS);
    ask(&mut world, &mut forgers[2]);
    world.run(240 * MS);
    assert_eq!(asked(&world), 1);
    world.run(20 * MS);
    assert_eq!(asked(&world), 2);
    world.run(2 * SECOND);
    assert_eq!(asked(&world), 2);
}

/// The largest fraction lost that the publisher of five viewers on three shards is told, when so many of them lose 30 %.
fn worst_fraction(lossy: usize) -> u8 {
    let mut world = World::new(202, 3);
    let publisher = world.join_on(0, &publisher());
    let viewers: Vec<usize> =
        [1, 1, 2, 0, 2].into_iter().map(|shard| world.join_on(shard, &viewer())).collect();
    world.run(2 * SECOND);
    for viewer in viewers.into_iter().take(lossy) {
        world.link(viewer, LinkConfig { delay: 10 * MS, loss: 0.3, ..LinkConfig::default() });
    }
    let mut worst = 0;
    for _ in 0..70 {
        world.run(100 * MS);
        let stats = world.clients[publisher].peer.stats();
        worst = worst.max(stats.sent(MediaKind::Video).unwrap().fraction_lost);
    }
    worst
}

#[test]
fn losses_are_the_median_of_all_viewers_of_all_shards() {
    // All viewers of shard 1, and they are not the majority.
    assert_eq!(worst_fraction(2), 0);
    assert!(worst_fraction(3) > 40);
}

#[test]
fn losses_of_a_shard_whose_viewers_have_left_do_not_count() {
    let mut world = World::new(203, 2);
    let publisher = world.join_on(0, &publisher());
    world.join_on(0, &viewer());
    let lossy: Vec<usize> = (0..3).map(|_| world.join_on(1, &viewer())).collect();
    for viewer in &lossy {
        world.link(*viewer, LinkConfig { delay: 10 * MS, loss: 0.3, ..LinkConfig::default() });
    }
    let told = |world: &World| {
        let stats = world.clients[publisher].peer.stats();
        stats.sent(MediaKind::Video).unwrap().fraction_lost
    };
    world.run_until(8 * SECOND, |world| told(world) > 40);
    for viewer in lossy {
        world.leave(viewer);
    }
    world.run(3 * SECOND);
    assert_eq!(told(&world), 0);
}

#[test]
fn a_viewers_losses_are_made_good_from_the_cache_of_its_own_shard() {
    let mut world = World::new(204, 2);
    world.join_on(0, &publisher());
    let viewer = world.join_on(1, &viewer());
    world.run(SECOND);
    world.link(viewer, LinkConfig { delay: 10 * MS, loss: 0.1, ..LinkConfig::default() });
    world.run(3 * SECOND);
    assert!(world.shards[1].counters().retransmitted > 20);
    assert_eq!(world.shards[0].counters().retransmitted, 0);
    assert_eq!(world.shards[0].counters().replicated_again, 0);
}

#[test]
fn what_the_publisher_loses_reaches_other_shards_when_it_is_recovered() {
    let mut world = World::new(205, 2);
    let publisher = world.join_on(0, &Setup { audio: false, ..publisher() });
    let viewer = world.join_on(1, &viewer());
    world.run(SECOND);
    world.link(publisher, LinkConfig { delay: 10 * MS, loss: 0.05, ..LinkConfig::default() });
    world.run(3 * SECOND);
    world.link(publisher, LinkConfig { delay: 10 * MS, ..LinkConfig::default() });
    world.run(SECOND);
    let stats = world.clients[viewer].peer.stats();
    let video = stats.track(MediaKind::Video).unwrap();
    assert!(video.frames > 110 && video.out_of_order > 10, "{video:?}");
    assert_eq!(video.corrupted, 0);
}

#[test]
fn sender_reports_go_out_to_viewers_of_other_shards() {
    let mut world = World::new(206, 2);
    world.join_on(0, &publisher());
    let viewer = world.join_on(1, &viewer());
    world.run(2 * SECOND);
    let mut forger = world.forger(viewer);
    world.tap = Some(Vec::new());
    world.run(3 * SECOND);
    let tap = world.tap.take().unwrap();
    let mut reports = vec![];
    for tapped in tap.iter().filter(|tapped| tapped.client == viewer && !tapped.up) {
        let Some(compound) = forger.open_rtcp(&tapped.bytes) else { continue };
        for packet in rtcp::packets(&compound).flatten() {
            if let Packet::SenderReport(report) = packet {
                reports.push(report.info());
            }
        }
    }
    for kind in [MediaKind::Audio, MediaKind::Video] {
        let subscription = world.subscription(viewer, kind);
        let own: Vec<_> = reports.iter().filter(|info| info.ssrc == subscription.ssrc).collect();
        assert!(own.len() >= 2, "{kind:?}");
        // The clocks go together: a second apart in one is a second in the other.
        let rate = f64::from(if kind == MediaKind::Audio { 48_000 } else { 90_000 });
        let ticks = f64::from(own[1].rtp_timestamp.wrapping_sub(own[0].rtp_timestamp));
        let elapsed = own[1].ntp.0.wrapping_sub(own[0].ntp.0) as f64 / f64::from(u32::MAX);
        assert!((ticks / rate - elapsed).abs() < 0.001, "{ticks} ticks in {elapsed} s");
    }
}

/// A publisher on shard 0 that is forged, a viewer on shard 1, and a ring of 16 places between them, of which media has 14.
struct Narrow {
    world: World,
    forger: Forger,
    viewer: usize,
    mid: String,
    numbers: u16,
}

impl Narrow {
    fn new(seed: u8) -> Self {
        let mut world = World::narrow(seed, 2, 16);
        let publisher = world.join_on(0, &Setup { audio: false, ..publisher() });
        let viewer = world.join_on(1, &viewer());
        world.run(2 * SECOND);
        world.clients[publisher].frozen = true;
        world.run(SECOND);
        let forger = world.forger(publisher);
        let (_, publication) = world.shards[0].publications.iter().next().unwrap();
        let mid = publication.mid.clone();
        Self { world, forger, viewer, mid, numbers: 100 }
    }

    /// A frame of so many packets; they reach shard 0.
    fn frame(&mut self, timestamp: u32, packets: u16, keyframe: bool) {
        for place in 0..packets {
            let header = Header {
                marker: place + 1 == packets,
                payload_type: 96,
                sequence_number: self.numbers,
                timestamp,
                ssrc: 77,
            };
            self.numbers += 1;
            let payload: &[u8] = match (keyframe, place) {
                (true, 0) => &[0x10, 0, 0, 0, 0x9d, 0x01, 0x2a, 0x10, 0, 0x10, 0, 1, 2, 3, 4],
                (false, 0) => &[0x10, 1, 2, 3, 4, 5, 6],
                _ => &[0, 1, 2, 3, 4, 5, 6],
            };
            let extensions: &[_] = &[(extension_id::MID, self.mid.as_bytes())];
            let datagram = self.forger.rtp(&header, extensions, payload);
            // The first client's datagrams land on shard 0, where it lives.
            self.world.inject(self.forger.address, &datagram);
        }
    }

    /// What lies in the ring: timestamps and sequence numbers of packets. Nobody else will see it.
    fn take(&mut self, at_most: usize) -> Vec<(u32, u64)> {
        let messages = std::iter::from_fn(|| self.world.shards[1].poll_neighbours());
        let packets = messages.filter_map(|(_, message)| match message {
            ShardMessage::Track(_, TrackMessage::Packet { incoming, .. }) => {
                Some((incoming.timestamp, incoming.sequence_number & 0xffff))
            }
            _ => None,
        });
        packets.take(at_most).collect()
    }

    fn overflow(&self) -> u64 {
        self.world.shards[0].counters().replica_overflow
    }
}

#[test]
fn a_full_ring_loses_a_track_to_the_end_of_the_frame_and_the_next_one_whole() {
    let mut narrow = Narrow::new(207);
    narrow.world.deaf = Some(1);
    let before = narrow.overflow();
    narrow.frame(1, 6, true);
    let switched = narrow.take(6);
    assert_eq!(switched.len(), 6);
    narrow.frame(2, 6, false);
    narrow.frame(3, 6, false);
    // Two of these find room, and that the others do not is not mended by there being room again.
    narrow.frame(4, 4, false);
    assert_eq!(narrow.overflow(), before + 2);
    let taken = narrow.take(usize::MAX);
    assert_eq!(taken.iter().map(|packet| packet.0).collect::<Vec<_>>()[12..], [4, 4]);
    let last = taken.last().unwrap().1;
    narrow.frame(4, 3, false);
    assert_eq!(narrow.overflow(), before + 5);
    assert!(narrow.take(usize::MAX).is_empty());
    narrow.frame(5, 3, false);
    assert_eq!(narrow.take(usize::MAX), [(5, last + 6), (5, last + 7), (5, last + 8)]);
    assert_eq!(narrow.overflow(), before + 5);
}

#[test]
fn what_was_lost_on_the_way_is_fetched_from_the_home() {
    let mut narrow = Narrow::new(208);
    narrow.frame(1, 3, true);
    let stats = |narrow: &Narrow| {
        let stats = narrow.world.clients[narrow.viewer].peer.stats();
        stats.track(MediaKind::Video).unwrap().packets
    };
    narrow.world.run(50 * MS);
    let before = stats(&narrow);
    narrow.world.deaf = Some(1);
    narrow.frame(2, 20, false);
    narrow.world.settle();
    assert_eq!(narrow.overflow(), 6);
    narrow.world.deaf = None;
    narrow.world.settle();
    narrow.frame(3, 2, false);
    narrow.world.run(5 * MS);
    let asked = narrow.world.shards[0].counters().keyframes_requested;
    narrow.world.run(300 * MS);
    assert_eq!(narrow.world.shards[0].counters().replicated_again, 6);
    assert_eq!(stats(&narrow) - before, 22, "all of them");
    assert_eq!(narrow.world.shards[0].counters().keyframes_requested, asked, "without a keyframe");
}

#[test]
fn what_the_home_misses_itself_is_left_to_the_home() {
    let mut narrow = Narrow::new(211);
    narrow.frame(1, 3, true);
    narrow.world.run(50 * MS);
    // The middle of this frame is lost on the way to the home.
    let lost = narrow.numbers + 1;
    narrow.frame(2, 1, false);
    narrow.numbers += 1;
    narrow.frame(2, 2, false);
    narrow.world.settle();
    let missing = |narrow: &Narrow, shard: usize| {
        let (_, publication) = narrow.world.shards[shard].publications.iter().next().unwrap();
        !publication.missing.is_empty()
    };
    assert!(missing(&narrow, 0) && missing(&narrow, 1));
    narrow.world.run(50 * MS);
    assert!(missing(&narrow, 0), "the publisher does not answer");
    assert!(!missing(&narrow, 1), "and that is the home's business");
    // It comes late, and reaches the viewer.
    let sent = |narrow: &Narrow| {
        let stats = narrow.world.clients[narrow.viewer].peer.stats();
        stats.track(MediaKind::Video).unwrap().packets
    };
    let before = sent(&narrow);
    narrow.numbers = lost;
    narrow.frame(2, 1, false);
    narrow.world.run(50 * MS);
    assert_eq!(sent(&narrow), before + 1);
    assert!(!missing(&narrow, 0));
}

#[test]
fn a_shard_that_missed_too_much_asks_for_a_keyframe_and_goes_on() {
    let mut world = World::narrow(209, 2, 64);
    world.join_on(0, &publisher());
    let here = world.join_on(0, &viewer());
    let there = world.join_on(1, &viewer());
    world.run(2 * SECOND);
    let asked = world.shards[0].counters().keyframes_requested;
    world.deaf = Some(1);
    world.run(8 * SECOND);
    assert!(world.shards[0].counters().replica_overflow > 600);
    world.deaf = None;
    world.run(SECOND / 2);
    assert!(world.shards[0].counters().keyframes_requested > asked);
    let before = frames(&world, there);
    world.run(SECOND);
    assert!(frames(&world, there) >= before + 25);
    let stats = world.clients[here].peer.stats();
    assert!(stats.tracks.iter().all(|track| (track.lost, track.corrupted) == (0, 0)));
}

#[test]
fn a_viewer_that_left_wants_no_keyframe_any_more() {
    let mut world = World::narrow(210, 2, 64);
    world.join_on(0, &publisher());
    let viewer = world.join_on(1, &viewer());
    world.run(2 * SECOND);
    // More is lost than can be fetched, and before shard 1 knows, its last viewer has left.
    world.deaf = Some(1);
    world.run(8 * SECOND);
    let asked = world.shards[0].counters().keyframes_requested;
    world.leave(viewer);
    world.settle();
    world.deaf = None;
    world.run(2 * SECOND);
    assert_eq!(world.shards[0].counters().keyframes_requested, asked);
    assert!(world.shards[1].counters().replica_unknown > 0);
}
