//! The same seed and inputs give the same deliveries, and nothing else matters.
#![allow(missing_docs, unreachable_pub, dead_code, clippy::unwrap_used, reason = "tests")]

mod common;

use std::time::{Duration, Instant};

use common::{MS, a, b, c, drive, from_a_to_b, network, numbers, packets, start, stream};
use tsubame_netsim::{GilbertElliott, LinkConfig, Network};

fn everything() -> LinkConfig {
    LinkConfig {
        loss: 0.05,
        burst_loss: Some(GilbertElliott::bursts(0.05, 3.0)),
        delay: 30 * MS,
        jitter: 10 * MS,
        reorder: 0.05,
        duplicate: 0.05,
        rate_bps: Some(5_000_000),
        queue_bytes: 10_000,
        ..Default::default()
    }
}

fn run(seed: u64, start: Instant) -> Vec<(Duration, u32)> {
    stream(&mut network(seed, start, everything()), 2000, 2 * MS, 1200)
}

#[test]
fn the_same_seed_gives_the_same() {
    let start = start();
    let reference = run(1, start);
    assert_eq!(reference, run(1, start));
    assert_eq!(reference, run(1, start + 12_345 * MS), "whatever the time of day");
    assert_ne!(reference, run(2, start));
}

#[test]
fn decisions_are_the_same_on_every_machine() {
    let config = LinkConfig { loss: 0.5, ..Default::default() };
    let arrived = stream(&mut network(7, start(), config), 32, MS, 1200);
    assert_eq!(numbers(&arrived), [0, 1, 9, 10, 12, 14, 17, 18, 27, 29]);
}

#[test]
fn other_links_change_nothing() {
    let start = start();
    let reference = run(1, start);

    let mut network = Network::new(1, start);
    // Links made before and after, in both directions and from a third, all of them busy.
    network.set_default_link(LinkConfig { loss: 0.3, ..everything() });
    network.send(start, c(), a(), b"first");
    network.set_link(a(), b(), everything());
    network.set_link(c(), b(), LinkConfig { rate_bps: Some(10_000), ..everything() });
    let mut sendings = Vec::new();
    for (number, sending) in packets(2000, 2 * MS, 1200).enumerate() {
        let (at, _, _, bytes) = sending.clone();
        sendings.push((at, b(), a(), bytes.clone()));
        for _ in 0..number % 4 {
            sendings.push((at, c(), b(), bytes.clone()));
        }
        sendings.push(sending);
        sendings.push((at, a(), c(), bytes));
    }
    let arrived = drive(&mut network, sendings);
    assert!(arrived.len() > 2 * reference.len(), "the others were busy");
    let arrived = from_a_to_b(&arrived);
    assert_eq!(arrived, reference);
}

#[test]
fn one_setting_does_not_shift_the_luck_of_another() {
    let loss = |config: LinkConfig| {
        let mut network = network(3, start(), LinkConfig { loss: 0.2, ..config });
        let mut arrived = numbers(&stream(&mut network, 1000, 20 * MS, 1200));
        arrived.sort_unstable();
        arrived.dedup();
        arrived
    };
    let reference = loss(LinkConfig::default());
    assert!(reference.len() < 900);
    for config in [
        LinkConfig { jitter: 15 * MS, ..Default::default() },
        LinkConfig { reorder: 0.3, ..Default::default() },
        LinkConfig { duplicate: 0.3, ..Default::default() },
        LinkConfig { rate_bps: Some(10_000_000), ..Default::default() },
        LinkConfig { delay: 100 * MS, ..Default::default() },
    ] {
        assert_eq!(loss(config.clone()), reference, "{config:?}");
    }
}

#[test]
fn packets_that_never_left_do_not_shift_the_luck_of_later_ones() {
    let run = |down: bool| {
        let start = start();
        let mut network = network(4, start, LinkConfig { loss: 0.5, ..Default::default() });
        network.set_link_up(a(), b(), !down);
        for number in 0..100u8 {
            network.send(start, a(), b(), &[number]);
        }
        while network.poll(start).is_some() {}
        network.set_link_up(a(), b(), true);
        numbers(&stream(&mut network, 100, MS, 1200))
    };
    assert_eq!(run(true), run(false));
}

#[test]
fn less_loss_loses_a_part_of_the_same() {
    let lost = |loss| {
        let config = LinkConfig { loss, ..Default::default() };
        let arrived = numbers(&stream(&mut network(5, start(), config), 1000, MS, 1200));
        (0..1000).filter(|number| !arrived.contains(number)).collect::<Vec<u32>>()
    };
    let (few, many) = (lost(0.1), lost(0.3));
    assert!(!few.is_empty() && few.len() < many.len());
    assert!(few.iter().all(|number| many.contains(number)));
}
