//! How sessions end, and that nothing is left of them.

use std::time::Duration;

use tsubame_client::peer::{PeerConfig, PeerEvent};

use super::world::{Setup, World, id_of, publisher, viewer};
use super::{SECOND, entries, frames};
use crate::api::{CloseReason, Event, JoinError, Role};
use crate::limits;

const CONSENT: Duration = Duration::from_secs(30);

#[test]
fn a_publisher_cut_off_is_reaped_after_thirty_seconds_and_its_viewers_are_told() {
    let mut world = World::new(50, 1);
    let publisher = world.join(&publisher());
    let viewer = world.join(&viewer());
    world.run(2 * SECOND);
    world.cut(publisher);
    // The last check may have been a few seconds ago.
    world.run(CONSENT - 6 * SECOND);
    assert_eq!(world.closed(publisher), None);
    world.run(6 * SECOND);
    assert_eq!(world.closed(publisher), Some(CloseReason::ConsentExpired));
    let id = world.clients[publisher].id;
    assert!(!world.clients[viewer].offer.contains(id.as_str()));
    assert!(world.clients[viewer].peer.stats().tracks.iter().all(|track| track.ended));
    assert_eq!(world.closed(viewer), None);
    assert_eq!(world.shards[0].peers.len(), 1);
}

#[test]
fn a_client_that_never_nominates_is_reaped_as_well() {
    let mut world = World::new(51, 1);
    let publisher = world.join(&publisher());
    world.clients[publisher].nominates = false;
    world.run(2 * SECOND);
    assert!(world.clients[publisher].seen.contains(&Event::Connected));
    assert_eq!(world.shards[0].publications.len(), 2);
    world.clients[publisher].frozen = true;
    world.run(CONSENT + SECOND);
    assert_eq!(world.closed(publisher), Some(CloseReason::ConsentExpired));
}

#[test]
fn a_half_open_client_is_reaped_after_fifteen_seconds() {
    let mut world = World::new(52, 1);
    let viewer = world.join(&viewer());
    world.cut(viewer);
    world.run(limits::SETUP_TIMEOUT - Duration::from_millis(100));
    assert_eq!(world.closed(viewer), None);
    world.run(Duration::from_millis(200));
    assert_eq!(world.closed(viewer), Some(CloseReason::SetupTimeout));
    assert_eq!(entries(&world.shards[0]), 0);
}

#[test]
fn close_notify_ends_the_session_at_once() {
    let mut world = World::new(53, 1);
    let publisher = world.join(&publisher());
    let viewer = world.join(&viewer());
    world.run(SECOND);
    let now = world.now;
    world.clients[publisher].peer.close(now);
    world.run(SECOND / 10);
    assert_eq!(world.closed(publisher), Some(CloseReason::PeerClosed));
    assert!(world.clients[viewer].peer.stats().tracks.iter().all(|track| track.ended));
}

#[test]
fn a_client_whose_signaling_ends_is_told_on_the_media_path() {
    let mut world = World::new(54, 1);
    let viewer = world.join(&viewer());
    world.run(SECOND);
    world.leave(viewer);
    world.run(SECOND);
    assert!(world.clients[viewer].peer_events.contains(&PeerEvent::Closed));
    assert_eq!(entries(&world.shards[0]), 0);
}

#[test]
fn an_owner_that_does_not_listen_any_more_ends_its_session() {
    let mut world = World::new(55, 1);
    let viewer = world.join(&viewer());
    world.run(SECOND);
    world.clients[viewer].hang_up();
    world.join(&publisher());
    world.run(SECOND);
    assert!(world.key(viewer).is_none());
}

#[test]
fn a_shutdown_is_told_to_everybody_and_lets_nobody_in() {
    let mut world = World::new(56, 1);
    for _ in 0..3 {
        world.join(&Setup { role: Role::SendRecv, ..publisher() });
    }
    world.run(SECOND);
    let (half_open, _) = world.join_silently(&viewer()).unwrap();
    world.shut_down();
    assert!(!world.shards[0].is_done());
    assert_eq!(world.knock(&viewer(), id_of(90)), Err(JoinError::ShuttingDown));
    world.run(SECOND);
    for client in 0..=half_open {
        assert_eq!(world.closed(client), Some(CloseReason::ShuttingDown));
    }
    for client in 0..half_open {
        assert!(world.clients[client].peer_events.contains(&PeerEvent::Closed));
    }
    assert!(world.shards[0].is_done());
    assert_eq!(entries(&world.shards[0]), 0);
}

#[test]
fn closed_is_the_last_event() {
    let mut world = World::new(57, 1);
    let client = world.join(&viewer());
    world.join(&publisher());
    world.run(SECOND);
    world.shut_down();
    world.run(SECOND);
    assert_eq!(world.clients[client].seen.last(), Some(&Event::Closed(CloseReason::ShuttingDown)));
}

#[test]
fn nothing_is_left_when_everybody_has_gone() {
    let mut world = World::new(58, 2);
    for _ in 0..6 {
        world.join(&Setup { role: Role::SendRecv, ..publisher() });
    }
    world.run(2 * SECOND);
    assert!(world.shards.iter().all(|shard| entries(shard) > 0));
    for client in 0..6 {
        match client % 3 {
            0 => world.leave(client),
            1 => world.cut(client),
            _ => {
                let now = world.now;
                world.clients[client].peer.close(now);
            }
        }
    }
    world.run(CONSENT + SECOND);
    for shard in &world.shards {
        assert_eq!(entries(shard), 0);
        assert_eq!(shard.timers.len(), 0);
    }
}

#[test]
fn a_thousand_joins_and_leaves_grow_nothing() {
    let mut world = World::with_limit(59, 1, 1_000);
    let small = |config: &mut PeerConfig| {
        config.video = config.video.as_ref().map(|_| tsubame_client::peer::VideoSettings {
            bitrate: 20_000,
            frame_rate: 1,
            ..Default::default()
        });
    };
    let viewer = world.join(&Setup { adjust: small, ..viewer() });
    world.run(SECOND);
    let (before, armed) = (entries(&world.shards[0]), world.shards[0].timers.len());
    // Some get through, most leave half-way.
    for round in 0..1_000 {
        if round % 20 == 0 {
            let client = world.join(&Setup { adjust: small, ..publisher() });
            world.run(SECOND / 4);
            world.leave(client);
            world.clients[client].frozen = true;
        } else {
            world.knock(&publisher(), id_of(5_000 + round)).unwrap();
            world.leave_id(id_of(5_000 + round));
        }
        world.settle();
    }
    world.run(2 * SECOND);
    assert_eq!(entries(&world.shards[0]), before);
    assert!(world.shards[0].peers.capacity() < 64);
    assert!(world.shards[0].publications.capacity() < 64);
    assert_eq!(world.clients[viewer].offer.matches("\nm=").count(), 2);
    assert_eq!(world.closed(viewer), None);
    world.run(limits::SETUP_TIMEOUT);
    assert!(world.shards[0].timers.len() <= armed + 4, "{}", world.shards[0].timers.len());
}

#[test]
fn a_publisher_that_comes_back_from_the_same_address_is_served_through_a_foreign_shard() {
    let mut world = World::new(60, 2);
    // The channel lives on shard 1, and the first client's datagrams land on shard 0.
    let first = world.join(&publisher());
    world.run(SECOND);
    world.clients[first].frozen = true;
    let again = world.join_from(&publisher(), first);
    let viewer = world.join(&viewer());
    world.run(2 * SECOND);
    world.leave(first);
    world.run(2 * SECOND);
    let before = frames(&world, viewer);
    assert!(world.clients[again].seen.contains(&Event::Connected));
    world.run(2 * SECOND);
    assert!(frames(&world, viewer) > before + 40, "the path was released under it");
}
