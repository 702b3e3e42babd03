//! A crowd that joins does not hold up anybody's media.

use std::time::Duration;

use tsubame_client::peer::{self, PeerConfig};
use tsubame_netsim::LinkConfig;
use tsubame_rtp::{Header, MediaKind};
use tsubame_stun::ice::Path;

use super::world::{Setup, World, publisher, viewer};
use super::{SECOND, line_of, packets};
use crate::limits;
use crate::negotiate::table::extension_id;
use crate::sink::Collected;

/// What DTLS looks like from outside: a handshake record without a message.
const RECORD: [u8; 13] = [22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// Viewers whose path the server knows, and who have not begun their handshake.
fn about_to_shake_hands(world: &mut World, count: usize) -> Vec<usize> {
    let crowd: Vec<usize> = (0..count)
        .map(|_| {
            let client = world.join(&viewer());
            world.link(
                client,
                LinkConfig { delay: Duration::from_millis(20), ..Default::default() },
            );
            client
        })
        .collect();
    let paths = |world: &World, client| {
        let key = world.key(client).unwrap();
        world.shards[0].peers[key.0].paths.len()
    };
    world.run_until(SECOND, |world| crowd.iter().all(|&client| paths(world, client) > 0));
    for &client in &crowd {
        world.clients[client].frozen = true;
    }
    crowd
}

fn waiting(world: &World) -> usize {
    world.shards[0].handshakes.len()
}

#[test]
fn media_of_the_same_batch_goes_first_and_handshakes_follow_a_few_per_turn() {
    let mut world = World::new(170, 1);
    let publisher = world.join(&publisher());
    let audience = world.join(&viewer());
    world.run(SECOND);
    assert!(packets(&world, audience, MediaKind::Video) > 0);
    world.clients[publisher].frozen = true;
    let crowd = about_to_shake_hands(&mut world, 10);
    world.run(SECOND / 10);

    for client in crowd {
        let from = world.clients[client].address;
        world.inject(from, &RECORD);
    }
    let shard = &world.shards[0];
    let video = shard.publications.iter().find(|(_, track)| track.kind() == MediaKind::Video);
    let track = video.unwrap().1;
    let header = Header {
        marker: true,
        payload_type: track.payload_type,
        sequence_number: (track.extender.highest().unwrap() as u16).wrapping_add(1),
        timestamp: 1,
        ssrc: track.ssrc.unwrap(),
    };
    let mid = [(extension_id::MID, track.mid.as_bytes())];
    let mut forger = world.forger(publisher);
    let packet = forger.rtp(&header, &mid, &[0x10, 1, 0, 0]);
    world.inject(forger.address, &packet);

    let now = world.now;
    let audience = world.clients[audience].address;
    let shard = &mut world.shards[0];
    let mut sink = Collected::default();
    shard.finish_turn(now, &mut sink);
    let to_audience =
        |(path, bytes): &(Path, Vec<u8>)| path.remote == audience && line_of(bytes).is_some();
    assert_eq!(sink.datagrams.iter().filter(|datagram| to_audience(datagram)).count(), 1);
    assert_eq!(shard.handshakes.len(), 10, "none before the media");
    for left in [6, 2, 0] {
        assert!(shard.poll_timeout().is_some_and(|at| at <= now), "it does not sleep meanwhile");
        shard.handle_timeout(now);
        shard.finish_turn(now, &mut sink);
        assert_eq!(shard.handshakes.len(), left);
    }
    assert!(shard.poll_timeout().is_none_or(|at| at > now));
}

#[test]
fn of_a_crowd_that_joins_at_once_everybody_connects() {
    let mut world = World::new(171, 1);
    world.join(&publisher());
    world.run(SECOND);
    let crowd: Vec<usize> = (0..18).map(|_| world.join(&viewer())).collect();
    world.run(3 * SECOND);
    for client in crowd {
        assert!(packets(&world, client, MediaKind::Video) > 0, "{client}");
    }
    let (most, longest) = world.handshakes;
    assert_eq!(most, limits::HANDSHAKES_PER_TURN);
    assert!(longest > 2 * limits::HANDSHAKES_PER_TURN, "only {longest} waited: that is no crowd");
    assert_eq!(world.shards[0].counters().dtls_over_limit, 0);
    assert_eq!(waiting(&world), 0);
}

#[test]
fn one_client_has_so_many_datagrams_waiting_and_no_more() {
    let mut world = World::new(172, 1);
    let client = about_to_shake_hands(&mut world, 1)[0];
    let from = world.clients[client].address;
    for _ in 0..limits::HANDSHAKES_PER_CLIENT {
        world.inject(from, &RECORD);
    }
    assert_eq!(world.shards[0].counters().dtls_over_limit, 0);
    world.inject(from, &RECORD);
    assert_eq!(world.shards[0].counters().dtls_over_limit, 1);
    assert_eq!(waiting(&world), limits::HANDSHAKES_PER_CLIENT);
    // That it flooded costs it nothing afterwards.
    world.run(SECOND / 100);
    assert_eq!(waiting(&world), 0);
    world.clients[client].frozen = false;
    world.join(&publisher());
    world.run(3 * SECOND);
    assert!(packets(&world, client, MediaKind::Video) > 0);
    assert_eq!(world.shards[0].counters().dtls_over_limit, 1);
}

#[test]
fn what_waits_of_one_who_left_is_not_taken_for_its_successors() {
    let mut world = World::new(173, 1);
    let gone = about_to_shake_hands(&mut world, 1)[0];
    let key = world.key(gone);
    let from = world.clients[gone].address;
    for _ in 0..3 {
        world.inject(from, &RECORD);
    }
    world.leave(gone);
    world.settle();
    let successor = world.join_from(&viewer(), gone);
    assert_eq!(world.key(successor), key, "the same place");
    world.join(&publisher());
    world.run(3 * SECOND);
    assert!(packets(&world, successor, MediaKind::Video) > 0);
    assert_eq!(waiting(&world), 0);
}

/// The handshake records that went to a client.
fn records_to(sink: &Collected, address: std::net::SocketAddr) -> usize {
    let is_record =
        |(path, bytes): &&(Path, Vec<u8>)| path.remote == address && bytes.first() == Some(&22);
    sink.datagrams.iter().filter(is_record).count()
}

#[test]
fn no_flight_is_sent_again_while_what_may_be_its_answer_waits() {
    let mut world = World::new(174, 1);
    world.tap = Some(Vec::new());
    let client = world.join(&viewer());
    let is_server_hello = |bytes: &[u8]| bytes.first() == Some(&22) && bytes.get(13) == Some(&2);
    world.run_until(SECOND, |world| {
        let mut tap = world.tap.iter().flatten();
        tap.any(|tapped| !tapped.up && is_server_hello(&tapped.bytes))
    });
    world.clients[client].frozen = true;
    let from = world.clients[client].address;
    let later = world.now + 3 * SECOND;
    for _ in 0..limits::HANDSHAKES_PER_LONG_TURN + 2 {
        // More than one client may have waiting: their number is what counts here.
        let key = world.key(client).unwrap();
        world.shards[0].peers[key.0].handshakes_waiting = 1;
        world.inject(from, &RECORD);
    }
    let key = world.key(client).unwrap();
    let shard = &mut world.shards[0];
    shard.peers[key.0].handshakes_waiting = limits::HANDSHAKES_PER_LONG_TURN + 2;
    let mut sink = Collected::default();
    shard.handle_timeout(later);
    shard.finish_turn(later, &mut sink);
    assert_eq!(shard.handshakes.len(), 2);
    assert_eq!(records_to(&sink, from), 0);
    // None of it was the answer.
    assert!(shard.poll_timeout().is_some_and(|at| at <= later));
    shard.handle_timeout(later);
    shard.finish_turn(later, &mut sink);
    assert_eq!(shard.handshakes.len(), 0);
    assert!(records_to(&sink, from) > 0);
}

#[test]
fn media_right_behind_the_last_flight_of_a_dtls_server_is_not_lost() {
    let mut world = World::new(175, 1);
    let audience = world.join(&viewer());
    world.run(SECOND);
    world.handshakes = (0, 0);
    let passive = |config: &mut PeerConfig| config.setup = peer::Setup::Passive;
    let publisher = world.join(&Setup { adjust: passive, ..publisher() });
    world.run(2 * SECOND);
    assert!(packets(&world, audience, MediaKind::Video) > 0);
    let key = world.key(publisher).unwrap();
    assert!(world.shards[0].peers[key.0].transport.is_dtls_client());
    assert_eq!(world.handshakes.1, 0, "nothing of it waited while media passed");
    assert_eq!(world.shards[0].counters().rtp_not_authentic, 0);
}
