//! Several shards behind one port: datagrams land anywhere, and are handed over. And behind a port each: then nothing is.

use tsubame_netsim::LinkConfig;
use tsubame_rtp::MediaKind;

use super::checks::check;
use super::world::{Setup, World, publisher, viewer};
use super::{SECOND, frames};
use crate::api::Role;

/// A meeting of six, on networks that lose; everything that happened, as far as it shows.
fn meeting(world: &mut World) -> Vec<(u64, u64, u64, Option<u32>)> {
    for client in 0..6 {
        world.join(&Setup { role: Role::SendRecv, ..publisher() });
        world.link(
            client,
            LinkConfig {
                delay: std::time::Duration::from_millis(15),
                loss: 0.03,
                reorder: 0.05,
                ..LinkConfig::default()
            },
        );
        world.run(SECOND / 4);
    }
    world.run(2 * SECOND);
    world.leave(2);
    world.run(2 * SECOND);
    let clients = world.clients.iter();
    clients
        .flat_map(|client| client.peer.stats().tracks)
        .map(|track| (track.packets, track.lost, track.recovered, track.ssrc))
        .collect()
}

#[test]
fn two_and_four_shards_are_as_deterministic_as_one() {
    for shards in [2, 4] {
        let first = meeting(&mut World::new(170, shards));
        assert!(first.iter().filter(|track| track.0 > 100).count() >= 40);
        assert_eq!(first, meeting(&mut World::new(170, shards)), "{shards} shards");
    }
}

#[test]
fn with_a_port_for_each_shard_a_channel_on_all_of_them_hands_nothing_over() {
    for shards in [2, 4] {
        // Two members of the channel on each, as far as they go.
        let mut world = World::with_port_per_shard(176, shards);
        let first = meeting(&mut world);
        assert!(first.iter().filter(|track| track.0 > 100).count() >= 40);
        let counted = || world.shards.iter().map(|shard| shard.counters());
        assert!(counted().all(|counters| counters.handed_over == 0));
        assert!(counted().any(|counters| counters.replicated > 0));
        assert_eq!(first, meeting(&mut World::with_port_per_shard(176, shards)), "{shards} shards");
    }
}

#[test]
fn a_check_at_the_port_of_another_shard_goes_nowhere() {
    let mut world = World::with_port_per_shard(177, 2);
    let client = world.join(&viewer());
    world.run(SECOND);
    assert_eq!(world.clients[client].shard, 0);
    let from = std::net::SocketAddr::from(([203, 0, 113, 9], 1_000));
    let mut elsewhere = world.server_of(client);
    elsewhere.set_port(elsewhere.port() + 1);
    world.inject_at(elsewhere, from, &check("Aabc:x", "nobody's password, really", [1; 12], true));
    assert_eq!(world.shards[1].counters().handed_over, 0);
    assert_eq!(world.shards[1].counters().unknown_ufrag, 1);
}

#[test]
fn a_claimed_path_is_released_when_its_client_leaves() {
    let mut world = World::new(171, 4);
    // Lands on shard 0, and belongs to shard 3.
    let client = world.join(&viewer());
    world.run(SECOND);
    let path =
        tsubame_stun::ice::Path::udp(super::world::SERVER.into(), world.clients[client].address);
    assert_eq!(world.shards[0].demux.shard_by_path(&path), Some(3));
    world.leave(client);
    world.run(SECOND / 10);
    assert_eq!(world.shards[0].demux.shard_by_path(&path), None);
    assert!(world.shards.iter().all(|shard| shard.demux.len() == 0));
}

#[test]
fn a_claimed_path_is_released_when_its_client_falls_silent() {
    let mut world = World::new(172, 2);
    let client = world.join(&viewer());
    world.run(SECOND);
    assert!(world.shards[0].demux.len() > 0);
    world.cut(client);
    world.run(31 * SECOND);
    assert!(world.shards.iter().all(|shard| shard.demux.len() == 0));
}

#[test]
fn what_names_a_shard_that_is_not_there_goes_nowhere() {
    let mut world = World::new(173, 2);
    world.join(&viewer());
    world.run(SECOND);
    let before = *world.shards[0].counters();
    let from = std::net::SocketAddr::from(([203, 0, 113, 9], 1_000));
    for first in ["C", "z", "9", "+", "*"] {
        world.inject(
            from,
            &check(&format!("{first}abc:x"), "nobody's password, really", [1; 12], true),
        );
    }
    assert_eq!(world.shards[0].counters().handed_over, before.handed_over);
    assert_eq!(world.shards[0].counters().unknown_ufrag, before.unknown_ufrag + 5);
}

#[test]
fn a_shard_is_handed_no_more_at_a_time_than_it_can_hold() {
    let mut world = World::new(174, 2);
    world.join(&viewer());
    world.run(SECOND);
    let from = std::net::SocketAddr::from(([203, 0, 113, 9], 1_000));
    let datagram = check("Babc:x", "nobody's password, really", [1; 12], true);
    let room = crate::limits::RING_PLACES / 8 * 7;
    for _ in 0..room + 10 {
        world.inject(from, &datagram);
    }
    assert_eq!(world.shards[0].counters().handover_overflow, 10);
    world.run(SECOND);
    assert_eq!(world.shards[1].counters().unknown_ufrag, room as u64);
}

#[test]
fn a_client_that_comes_back_to_another_shards_channel_from_the_same_address_is_served() {
    // Both land on shard 0. The first one's channel lives there, the second one's on shard 1.
    let mut world = World::new(175, 2);
    let first = world.join_on(0, &Setup { channel: "here", ..viewer() });
    world.run(SECOND);
    world.clients[first].frozen = true;
    let again = world.join_from(&publisher(), first);
    let watching = world.join(&viewer());
    world.run(3 * SECOND);
    assert!(frames(&world, watching) > 40);
    assert!(world.clients[again].peer.stats().sent(MediaKind::Video).unwrap().reports > 0);
}
