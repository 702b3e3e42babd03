//! The hot path does not allocate.

use std::time::Duration;

use tsubame_rtp::Header;
use tsubame_stun::ice::Path;

use super::SECOND;
use super::forger::Forger;
use super::world::{SERVER, World, publisher, viewer};
use crate::negotiate::table::extension_id;
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

#[test]
fn forwarding_allocates_nothing_once_everything_has_gone_round() {
    let mut world = World::new(160, 1);
    let publisher = world.join(&publisher());
    for _ in 0..VIEWERS {
        world.join(&viewer());
        world.run(SECOND / 10);
    }
    world.run(SECOND);
    let mut forger = world.forger(publisher);
    let shard = &mut world.shards[0];
    let video = shard.publications.iter().find(|(_, p)| p.rtx_payload_type.is_some());
    let mid = video.unwrap().1.mid.clone();
    let mut batches = batches(&mut forger, &mid);
    let path = Path::udp(SERVER.into(), forger.address);
    let mut now = world.now;
    let mut sink = Arena { bytes: vec![0; 2_000], datagrams: 0 };
    let mut turns = |batches: &mut [Vec<Vec<u8>>]| {
        for batch in batches {
            now += Duration::from_millis(10);
            for datagram in batch {
                shard.handle_datagram(now, path, datagram);
            }
            shard.handle_timeout(now);
            shard.finish_turn(now, &mut sink);
        }
        std::mem::take(&mut sink.datagrams)
    };
    // Fills the cache, and every list that grows to its size.
    let a_box = allocation_counter::measure(|| drop(std::hint::black_box(Box::new(1))));
    assert_eq!(a_box.count_total, 1, "nothing is counted");
    let (warm_up, steady) = batches.split_at_mut(200);
    turns(warm_up);
    let mut sent = 0;
    let counted = allocation_counter::measure(|| sent = turns(steady));
    assert!(sent >= 100 * BATCH * VIEWERS, "{sent}");
    assert_eq!(counted.count_total, 0, "{counted:?}");
}
