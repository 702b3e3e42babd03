//! Packets that wait for others, and those that do not.

use std::time::{Duration, Instant};

use tsubame_netsim::LinkConfig;
use tsubame_rtp::{Header, MediaKind};

use super::world::{World, publisher, viewer};
use super::{SECOND, line_of};
use crate::counters::Counters;
use crate::keys::PublicationKey;
use crate::negotiate::table::extension_id;
use crate::shard::tests::forger::Forger;
use crate::sink::Collected;

const MS: Duration = Duration::from_millis(1);

/// A publisher whose packets are made here, and one viewer.
struct Studio {
    world: World,
    forger: Forger,
    video: u16,
    audio: u16,
    now: Instant,
}

impl Studio {
    fn new(longest: Duration, is_busy: bool) -> Self {
        let mut world = World::new(180, 1);
        let publisher = world.join(&publisher());
        world.join(&viewer());
        world.run(SECOND);
        world.clients[publisher].frozen = true;
        world.run(SECOND / 10);
        let forger = world.forger(publisher);
        let shard = &mut world.shards[0];
        shard.coalescer.longest = longest;
        shard.set_busy(is_busy);
        let highest = |kind| {
            let mut tracks = shard.publications.iter();
            let track = tracks.find(|(_, track)| track.kind() == kind).unwrap().1;
            track.extender.highest().unwrap() as u16
        };
        let (video, audio) = (highest(MediaKind::Video), highest(MediaKind::Audio));
        let now = world.now;
        Self { world, forger, video, audio, now }
    }

    fn track(&self, kind: MediaKind) -> PublicationKey {
        let mut tracks = self.world.shards[0].publications.iter();
        tracks.find(|(_, track)| track.kind() == kind).unwrap().1.key
    }

    /// A packet comes in.
    fn packet(&mut self, kind: MediaKind, marker: bool) {
        let track = &self.world.shards[0].publications[self.track(kind).0];
        let number = if kind == MediaKind::Video { &mut self.video } else { &mut self.audio };
        *number = number.wrapping_add(1);
        let header = Header {
            marker,
            payload_type: track.payload_type,
            sequence_number: *number,
            timestamp: 1,
            ssrc: track.ssrc.unwrap(),
        };
        let mid = [(extension_id::MID, track.mid.as_bytes())];
        let packet = self.forger.rtp(&header, &mid, &[0, 1, 2, 3]);
        self.world.now = self.now;
        self.world.inject(self.forger.address, &packet);
    }

    /// Time passes and a turn ends: how many packets of media went out.
    fn turn(&mut self, after: Duration) -> usize {
        self.now += after;
        let shard = &mut self.world.shards[0];
        let mut sink = Collected::default();
        shard.finish_turn(self.now, &mut sink);
        sink.datagrams.iter().filter(|(_, bytes)| line_of(bytes).is_some()).count()
    }

    fn counters(&self) -> Counters {
        *self.world.shards[0].counters()
    }
}

#[test]
fn a_shard_that_is_not_busy_or_may_not_holds_nothing() {
    for (longest, is_busy) in [(10 * MS, false), (Duration::ZERO, true), (Duration::ZERO, false)] {
        let mut studio = Studio::new(longest, is_busy);
        for _ in 0..5 {
            studio.packet(MediaKind::Video, false);
            assert_eq!(studio.turn(MS), 1);
        }
        assert_eq!(studio.counters().coalesced_batches, 0);
    }
}

#[test]
fn a_busy_shard_holds_the_beginning_of_a_frame_for_so_long_and_no_longer() {
    let mut studio = Studio::new(10 * MS, true);
    studio.packet(MediaKind::Video, false);
    let start = studio.now;
    assert_eq!(studio.turn(Duration::ZERO), 0);
    // It asks to be woken for that.
    assert!(studio.world.shards[0].poll_timeout().is_some_and(|at| at <= start + 10 * MS));
    assert_eq!(studio.world.shards[0].coalescing_ends(), Some(start + 10 * MS));
    studio.packet(MediaKind::Video, false);
    assert_eq!(studio.turn(5 * MS), 0);
    studio.packet(MediaKind::Video, false);
    assert_eq!(studio.turn(5 * MS - MS / 1_000), 0);
    assert_eq!(studio.turn(MS / 1_000), 3, "all of them, together");
    let counters = studio.counters();
    assert_eq!((counters.coalesced_batches, counters.coalesced_microseconds), (1, 10_000));
    assert_eq!(studio.world.shards[0].coalescing_ends(), None);
    // And from the beginning.
    studio.packet(MediaKind::Video, false);
    assert_eq!(studio.turn(MS), 0);
    assert_eq!(studio.turn(10 * MS), 1);
}

#[test]
fn the_end_of_a_frame_takes_the_rest_with_it() {
    let mut studio = Studio::new(10 * MS, true);
    studio.packet(MediaKind::Video, false);
    assert_eq!(studio.turn(Duration::ZERO), 0);
    studio.packet(MediaKind::Video, false);
    assert_eq!(studio.turn(3 * MS), 0);
    studio.packet(MediaKind::Video, true);
    assert_eq!(studio.turn(Duration::ZERO), 3);
    assert_eq!(studio.counters().coalesced_microseconds, 3_000);
    // A frame of one packet is complete.
    studio.packet(MediaKind::Video, true);
    assert_eq!(studio.turn(Duration::ZERO), 1);
    assert_eq!(studio.counters().coalesced_batches, 1);
}

#[test]
fn a_packet_that_was_recovered_does_not_wait() {
    let mut studio = Studio::new(10 * MS, true);
    let before = studio.video;
    studio.packet(MediaKind::Video, false);
    // The next one is lost.
    studio.video = studio.video.wrapping_add(1);
    studio.packet(MediaKind::Video, true);
    assert_eq!(studio.turn(Duration::ZERO), 2);
    let last = std::mem::replace(&mut studio.video, before.wrapping_add(1));
    studio.packet(MediaKind::Video, false);
    assert_eq!(studio.turn(30 * MS), 1, "its frame has gone already");
    // And the next frame does.
    studio.video = last;
    studio.packet(MediaKind::Video, false);
    assert_eq!(studio.turn(MS), 0);
}

#[test]
fn audio_does_not_wait_not_even_for_video() {
    let mut studio = Studio::new(10 * MS, true);
    studio.packet(MediaKind::Video, false);
    studio.packet(MediaKind::Audio, false);
    assert_eq!(studio.turn(Duration::ZERO), 1);
    studio.packet(MediaKind::Audio, false);
    assert_eq!(studio.turn(MS), 1);
    assert_eq!(studio.turn(9 * MS), 1);
}

#[test]
fn what_is_held_goes_when_the_shard_is_no_longer_busy() {
    let mut studio = Studio::new(10 * MS, true);
    studio.packet(MediaKind::Video, false);
    assert_eq!(studio.turn(MS), 0);
    studio.world.shards[0].set_busy(false);
    assert_eq!(studio.turn(MS), 1);
}

#[test]
fn a_batch_that_may_fall_out_of_the_cache_goes() {
    let mut studio = Studio::new(10 * MS, true);
    let half = crate::limits::VIDEO_CACHE / 2;
    for _ in 0..half {
        studio.packet(MediaKind::Video, false);
    }
    assert_eq!(studio.turn(Duration::ZERO), 0);
    studio.packet(MediaKind::Video, false);
    assert!(studio.world.shards[0].is_full());
    assert_eq!(studio.turn(Duration::ZERO), half + 1);
}

#[test]
fn with_everything_held_everything_still_arrives_in_order() {
    let mut world = World::new(181, 1);
    world.shards[0].coalescer.longest = 20 * MS;
    world.shards[0].set_busy(true);
    let publisher = world.join(&publisher());
    // The packets of a frame come a few milliseconds apart.
    let slow = LinkConfig { delay: 10 * MS, rate_bps: Some(3_000_000), ..LinkConfig::default() };
    world.link(publisher, slow);
    let viewer = world.join(&viewer());
    world.run(3 * SECOND);
    let stats = world.clients[viewer].peer.stats();
    let video = stats.tracks.iter().find(|track| track.kind == MediaKind::Video).unwrap();
    assert!(video.frames > 60, "{video:?}");
    assert_eq!((video.lost, video.duplicated, video.corrupted), (0, 0, 0));
    assert!(world.shards[0].counters().coalesced_batches > 10);
    // Packets that nobody waits for any more go with their publisher.
    world.leave(publisher);
    world.run(SECOND);
    assert!(world.shards[0].batched.is_empty());
}
