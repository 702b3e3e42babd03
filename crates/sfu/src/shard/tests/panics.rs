//! A fault of ours costs the session that ran into it, and no other.

use super::world::{World, publisher, viewer};
use super::{SECOND, frames};
use crate::api::CloseReason;
use crate::publication::Incoming;
use crate::shard::Trap;
use crate::sink::Collected;

/// Two publishers and a viewer of both; the shard panics at `trap` over the first one.
fn after(trap: Trap) {
    let mut world = World::new(150, 1);
    let [unlucky, lucky] = [world.join(&publisher()), world.join(&publisher())];
    let watching = world.join(&viewer());
    world.run(SECOND);
    let key = world.key(unlucky).unwrap();
    world.shards[0].trap = Some((trap, key));
    world.contains_panics = true;
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    world.run(2 * SECOND);
    std::panic::set_hook(hook);
    assert_eq!(world.closed(unlucky), Some(CloseReason::InternalError), "{trap:?}");
    assert_eq!(world.shards[0].counters().panics, 1, "{trap:?}");
    assert_eq!((world.closed(lucky), world.closed(watching)), (None, None));
    let before = frames(&world, watching);
    world.run(SECOND);
    assert!(frames(&world, watching) >= before + 25, "{trap:?}");
    assert_eq!(world.shards[0].peers.len(), 2);
    assert_eq!(world.shards[0].publications.len(), 2);
    assert_eq!(world.shards[0].subscriptions.len(), 2);
}

#[test]
fn a_panic_over_a_packet_ends_only_its_sender() {
    after(Trap::Receive);
}

#[test]
fn a_panic_while_forwarding_ends_only_the_publisher_and_loses_no_other_batch() {
    after(Trap::Forward);
}

#[test]
fn a_panic_while_settling_a_client_ends_only_that_client() {
    after(Trap::Settle);
}

#[test]
fn what_a_replica_does_is_not_blamed_on_whoever_came_before_it() {
    let mut world = World::new(152, 2);
    world.join_on(0, &publisher());
    let innocent = world.join_on(1, &viewer());
    world.run(SECOND);
    let key = world.key(innocent);
    let now = world.now;
    let shard = &mut world.shards[1];
    let replica = *shard.replicas.values().next().unwrap();
    shard.publications[replica.0].subscribers.clear();
    shard.batched.push_back(replica);
    shard.current = key;
    shard.forward_batches(now, &mut Collected::default());
    assert_eq!(shard.current, None);
}

/// Whoever it was, and whether the track is the shard's own or a replica.
#[test]
fn a_panic_in_the_middle_of_a_batch_does_not_stop_the_track() {
    for home in [0, 1] {
        let mut world = World::new(151, 2);
        world.join_on(home, &publisher());
        let [unlucky, lucky] = [world.join_on(0, &viewer()), world.join_on(0, &viewer())];
        world.run(SECOND);
        // As a panic over what the first viewer is sent leaves it.
        let key = world.key(unlucky).unwrap();
        let shard = &mut world.shards[0];
        for (_, publication) in &mut shard.publications {
            publication.batch.push(Incoming {
                sequence_number: 0,
                timestamp: 0,
                marker: false,
                keyframe: false,
                payload: (0, 0),
                extensions: Default::default(),
            });
        }
        shard.current = Some(key);
        shard.end_current_after_panic();
        let before = frames(&world, lucky);
        world.run(SECOND);
        assert!(frames(&world, lucky) >= before + 25, "home {home}");
        assert_eq!(world.closed(unlucky), Some(CloseReason::InternalError));
        assert_eq!(world.closed(lucky), None);
    }
}
