//! What one viewer's network does to the others: nothing.

use std::time::Duration;

use tsubame_netsim::LinkConfig;

use super::world::{Setup, World, publisher, viewer};
use super::{SECOND, without};

const MS: Duration = Duration::from_millis(1);

/// Never to be asked for keyframes: the one thing that viewers share.
fn deaf_publisher() -> Setup {
    Setup {
        edit_answer: |answer| {
            without(&answer, &["a=rtcp-fb:96 ccm fir\r\n", "a=rtcp-fb:96 nack pli\r\n"])
        },
        ..publisher()
    }
}

/// When what left for the good viewer, decrypted.
fn sent_to_good_viewer(with_bad_viewer: bool) -> Vec<(Duration, Vec<u8>)> {
    let mut world = World::new(100, 1);
    let good = world.join(&viewer());
    let bad = with_bad_viewer.then(|| world.join(&viewer()));
    world.run(2 * SECOND);
    if let Some(bad) = bad {
        world.link(
            bad,
            LinkConfig {
                delay: 150 * MS,
                jitter: 50 * MS,
                loss: 0.3,
                reorder: 0.2,
                duplicate: 0.05,
                rate_bps: Some(2_000_000),
                queue_bytes: 20_000,
                ..LinkConfig::default()
            },
        );
    }
    let mut forger = world.forger(good);
    world.tap = Some(Vec::new());
    let first = world.join_as(&deaf_publisher(), 50);
    world.run(4 * SECOND);
    world.leave(first);
    world.run(SECOND);
    world.join_as(&deaf_publisher(), 51);
    world.run(4 * SECOND);
    let tap = world.tap.take().unwrap();
    let down = tap.into_iter().filter(|tapped| tapped.client == good && !tapped.up);
    down.filter_map(|tapped| Some((tapped.at, forger.open_rtp(&tapped.bytes)?))).collect()
}

#[test]
fn a_viewer_on_the_worst_network_changes_no_octet_of_what_another_is_sent() {
    let alone = sent_to_good_viewer(false);
    let together = sent_to_good_viewer(true);
    assert!(alone.len() > 700, "{}", alone.len());
    for (place, (a, b)) in alone.iter().zip(&together).enumerate() {
        assert_eq!(a.0, b.0, "packet {place} left at another time");
        assert!(a.1 == b.1, "packet {place} differs");
    }
    assert_eq!(alone.len(), together.len());
}
