//! The hot path does not allocate.

use std::time::{Duration, Instant};

use tsubame_rtp::Header;
use tsubame_stun::ice::Path;
use tsubame_udp::Priority;

use super::SECOND;
use super::forger::Forger;
use super::world::{SERVER, World, publisher, viewer};
use crate::negotiate::table::extension_id;
use crate::shard::Shard;
use crate::sink::Sink;

/// A sink like a socket's batch: its memory is there from the beginning.
struct Arena {
    bytes: Vec<u8>,
    datagrams: usize,
}

impl Sink for Arena {
    fn datagram(
        &mut self,
        _path: &Path,
        _priority: Priority,
        max_len: usize,
        write: impl FnOnce(&mut [u8]) -> Option<usize>,
    ) -> bool {
        let written = self.bytes.get_mut(..max_len).and_then(write).is_some();
        self.datagrams += usize::from(written);
        written
    }
}

const VIEWERS: usize = 20;
const BATCH: usize = 8;

/// Packets of one publisher, eight at a time, ten milliseconds apart: a keyframe now and then, sizes as they come.
fn batches(forger: &mut Forger, mid: &str) -> Vec<Vec<Vec<u8>>> {
    let packet = |number: u16| {
        let header = Header {
            marker: number % 8 == 7,
            payload_type: 96,
            sequence_number: number,
            timestamp: u32::from(number / 8) * 900,
            ssrc: 1,
        };
        let mut payload =
            vec![0x10, u8::from(!number.is_multiple_of(800)), 0, 0, 0x9d, 0x01, 0x2a, 9, 0, 9, 0];
        payload.resize(if number % 8 == 7 { 300 } else { 1_100 }, 5);
        let twcc = number.to_be_bytes();
        let extensions = [(extension_id::MID, mid.as_bytes()), (extension_id::TRANSPORT_CC, &twcc)];
        forger.rtp(&header, &extensions, &payload)
    };
    let packets: Vec<Vec<u8>> = (0..BATCH as u16 * 300).map(packet).collect();
    packets.chunks(BATCH).map(<[_]>::to_vec).collect()
}

/// What one batch does on all shards, wherever it lands.
fn turn(shards: &mut [Shard], now: Instant, path: Path, batch: &mut [Vec<u8>], sink: &mut Arena) {
    let landing = usize::from(path.remote.port()) % shards.len();
    for datagram in batch {
        shards[landing].handle_datagram(now, path, datagram);
    }
    // Once for what is handed over, once for what comes of it on a third shard, once for what that says.
    for _ in 0..3 {
        for shard in &mut *shards {
            shard.neighbours().retry();
            while let Some((from, message)) = shard.poll_neighbours() {
                shard.handle_message(now, from, message);
            }
            shard.handle_timeout(now);
            shard.finish_turn(now, sink);
        }
    }
}

/// Lets a publisher that has joined send to everybody: the allocations of the last third, in which `viewers` get everything.
fn allocations(world: &mut World, publisher: usize, viewers: usize) -> u64 {
    let mut forger = world.forger(publisher);
    let shard = &world.shards[world.clients[publisher].shard];
    let video = shard.publications.iter().find(|(_, p)| p.rtx_payload_type.is_some());
    let mid = video.unwrap().1.mid.clone();
    let mut batches = batches(&mut forger, &mid);
    let path = Path::udp(SERVER.into(), forger.address);
    let mut now = world.now;
    let mut sink = Arena { bytes: vec![0; 2_000], datagrams: 0 };
    let mut turns = |batches: &mut [Vec<Vec<u8>>]| {
        for batch in batches {
            now += Duration::from_millis(10);
            turn(&mut world.shards, now, path, batch, &mut sink);
        }
        std::mem::take(&mut sink.datagrams)
    };
    let a_box = allocation_counter::measure(|| drop(std::hint::black_box(Box::new(1))));
    assert_eq!(a_box.count_total, 1, "nothing is counted");
    // Fills the cache, and every list that grows to its size.
    let (warm_up, steady) = batches.split_at_mut(200);
    turns(warm_up);
    let mut sent = 0;
    let counted = allocation_counter::measure(|| sent = turns(steady));
    assert!(sent >= 100 * BATCH * viewers, "{sent}");
    counted.count_total
}

fn join_viewers(world: &mut World) {
    for _ in 0..VIEWERS {
        world.join(&viewer());
        world.run(SECOND / 10);
    }
    world.run(SECOND);
}

#[test]
fn forwarding_allocates_nothing_once_everything_has_gone_round() {
    let mut world = World::new(160, 1);
    let publisher = world.join(&publisher());
    join_viewers(&mut world);
    assert_eq!(allocations(&mut world, publisher, VIEWERS), 0);
}

#[test]
fn handing_datagrams_over_allocates_nothing() {
    let mut world = World::new(161, 2);
    // Lands on shard 0, and belongs to shard 1.
    let publisher = world.join(&publisher());
    join_viewers(&mut world);
    let before = world.shards[0].counters().handed_over;
    assert_eq!(allocations(&mut world, publisher, VIEWERS), 0);
    assert!(world.shards[0].counters().handed_over >= before + 300 * BATCH as u64);
}

#[test]
fn copying_tracks_to_other_shards_allocates_nothing() {
    let mut world = World::new(162, 3);
    let publisher = world.join_on(0, &publisher());
    for number in 0..VIEWERS {
        world.join_on(number % 3, &viewer());
        world.run(SECOND / 10);
    }
    world.run(SECOND);
    let before = world.shards[0].counters().replicated;
    assert_eq!(allocations(&mut world, publisher, VIEWERS), 0);
    assert!(world.shards[0].counters().replicated >= before + 2 * 300 * BATCH as u64);
}
