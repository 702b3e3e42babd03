//! A server that means no good: authentic packets with anything in them, and noise.

mod support;

use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};
use support::{World, peer_address, publisher, session_address, watcher};
use tsubame_client::MediaKind;

fn random(rng: &mut ChaCha20Rng, max: usize) -> Vec<u8> {
    let mut bytes = vec![0; rng.next_u32() as usize % (max + 1)];
    rng.fill_bytes(&mut bytes);
    bytes
}

/// Media still flows to the watcher afterwards.
fn check(world: &mut World) {
    let packets = |world: &World| {
        world.peers[1].stats().track(MediaKind::Video).map_or(0, |track| track.packets)
    };
    let before = packets(world);
    world.run_for(Duration::from_secs(2));
    assert!(packets(world) > before + 100, "{:?}", world.peers[1].stats());
    assert!(world.peers.iter().all(|peer| peer.is_connected()));
}

#[test]
fn authentic_rtcp_with_anything_in_it() {
    let mut world = World::pair(1, publisher(), watcher());
    world.run_for(Duration::from_secs(1));
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let ssrcs: Vec<u32> = world.peers[0].stats().sent.iter().map(|sent| sent.ssrc).collect();
    for round in 0..4000u32 {
        let [_, count, packet_type, pick] = rng.next_u32().to_be_bytes();
        let mut body = random(&mut rng, 120);
        body.resize(body.len().next_multiple_of(4).max(8), 0);
        // Most of it is about a stream that exists.
        if pick & 3 != 0 {
            let ssrc = ssrcs[usize::from(pick) % ssrcs.len()];
            body[4..8].copy_from_slice(&ssrc.to_be_bytes());
        }
        let words = (body.len() / 4) as u16;
        let mut packet = vec![0x80 | count & 0x3f, 200 + packet_type % 8];
        // Now and then the length lies.
        let words = if round % 16 == 0 { words.wrapping_add(1) } else { words };
        packet.extend(words.to_be_bytes());
        packet.extend(body);
        world.sessions[round as usize % 2].send_rtcp(&packet);
        if round % 50 == 0 {
            world.run_for(Duration::from_millis(30));
        }
    }
    check(&mut world);
}

#[test]
fn authentic_rtp_with_anything_in_it() {
    let mut world = World::pair(2, publisher(), watcher());
    world.run_for(Duration::from_secs(1));
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let stats = world.peers[1].stats();
    let known: Vec<u32> = stats.tracks.iter().filter_map(|track| track.ssrc).collect();
    for round in 0..4000u64 {
        let payload_type = [96, 97, 98, 99, 111, 127][rng.next_u32() as usize % 6];
        // Streams of the server's own choice, and retransmissions for a stream that exists.
        let ssrc = if round % 8 == 0 { known[0] ^ 0x55 } else { rng.next_u32() };
        let header = tsubame_rtp::Header {
            marker: round % 3 == 0,
            payload_type,
            sequence_number: (round & 0xffff) as u16,
            timestamp: rng.next_u32(),
            ssrc,
        };
        let mut packet = vec![0; 200];
        let mut writer = tsubame_rtp::HeaderWriter::new(&mut packet, &header).unwrap();
        writer.extension(1, [&b"0"[..], b"1", b"7"][round as usize % 3]).unwrap();
        writer.extension(3, &random(&mut rng, 3)).unwrap();
        let len = writer.finish();
        packet.truncate(len);
        packet.extend(random(&mut rng, 300));
        if round % 5 == 0 {
            // Padding, perhaps more than there is.
            packet[0] |= 0x20;
        }
        world.sessions[1].send(&support::Plain::Rtp { index: round, packet });
        if round % 50 == 0 {
            world.run_for(Duration::from_millis(30));
        }
    }
    // The tracks were pulled over to streams of noise; the real ones pull them back.
    check(&mut world);
}

#[test]
fn noise_from_anywhere() {
    let mut world = World::pair(3, publisher(), watcher());
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    for round in 0..6000u32 {
        let mut datagram = random(&mut rng, 200);
        if let Some(first) = datagram.first_mut() {
            // STUN, DTLS, RTP: one after the other, also while they set up.
            *first = [0, 22, 20, 0x80, 0x90][round as usize % 5];
        }
        let from = if round % 2 == 0 { session_address(1) } else { session_address(77) };
        let now = world.now;
        world.peers[1].handle_datagram(now, peer_address(1), from, &mut datagram);
        if round % 100 == 0 {
            world.run_for(Duration::from_millis(20));
        }
    }
    assert!(world.peers[1].stats().dropped > 1000);
    check(&mut world);
}

#[test]
fn every_prefix_of_an_offer_is_refused_or_answered() {
    let mut world = World::pair(4, publisher(), watcher());
    world.run_for(Duration::from_secs(1));
    let offer = support::Offer::watch(&world.sessions[1], &world.sessions[0], "PUB");
    let now = world.now;
    let mut answered = 0;
    for len in 0..offer.len() {
        answered += u32::from(world.peers[1].handle_offer(now, &offer[..len]).is_ok());
    }
    assert!(answered > 0);
    world.offer(1, &offer);
    check(&mut world);
}
