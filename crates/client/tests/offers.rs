//! Peers that make the offer themselves, as WHIP and WHEP want it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use std::time::Duration;

use support::{World, publisher, watcher};
use tsubame_client::MediaKind;
use tsubame_client::peer::PeerEvent;

/// `offering` makes an offer to `answering`; both are peers, without a server between them.
fn negotiate(world: &mut World, offering: usize, answering: usize) {
    let offer = world.peers[offering].create_offer(world.now);
    let answer = world.peers[answering].handle_offer(world.now, &offer).unwrap();
    world.peers[offering].handle_answer(world.now, &answer).unwrap();
}

fn both_kinds_flow(world: &World, watching: usize) {
    let stats = world.peers[watching].stats();
    for kind in [MediaKind::Audio, MediaKind::Video] {
        let track = stats.track(kind).unwrap();
        assert!(track.packets > 50, "{kind:?}: {}", track.packets);
        assert_eq!((track.lost, track.corrupted), (0, 0), "{kind:?}");
    }
    assert!(matches!(world.events[watching].last(), Some(PeerEvent::Connected(_))));
}

#[test]
fn a_publisher_offers_what_it_publishes() {
    let mut world = World::new(1);
    let (publishing, watching) = (world.add(publisher()), world.add(watcher()));
    negotiate(&mut world, publishing, watching);
    world.run_for(Duration::from_secs(5));
    both_kinds_flow(&world, watching);
}

#[test]
fn a_watcher_offers_to_watch() {
    let mut world = World::new(2);
    let (publishing, watching) = (world.add(publisher()), world.add(watcher()));
    negotiate(&mut world, watching, publishing);
    world.run_for(Duration::from_secs(5));
    both_kinds_flow(&world, watching);
}

#[test]
fn an_answer_that_is_none_changes_nothing() {
    let mut world = World::new(3);
    let (publishing, watching) = (world.add(publisher()), world.add(watcher()));
    let offer = world.peers[publishing].create_offer(world.now);
    assert!(world.peers[publishing].handle_answer(world.now, "v=0").is_err());
    let answer = world.peers[watching].handle_offer(world.now, &offer).unwrap();
    let keyless = answer.replace("a=fingerprint", "a=finger");
    assert!(world.peers[publishing].handle_answer(world.now, &keyless).is_err());
    world.peers[publishing].handle_answer(world.now, &answer).unwrap();
    world.run_for(Duration::from_secs(5));
    both_kinds_flow(&world, watching);
}
