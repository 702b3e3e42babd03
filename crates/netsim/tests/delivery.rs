//! What arrives, when and in which order.
#![allow(missing_docs, unreachable_pub, dead_code, clippy::unwrap_used, reason = "tests")]

mod common;

use std::time::Duration;

use common::{MS, a, b, c, network, numbers, start, stream};
use tsubame_netsim::{Delivery, LinkConfig, Network};

#[test]
fn a_plain_link_delivers_at_once_and_in_order() {
    let start = start();
    let mut network = Network::new(1, start);
    for byte in 0..10 {
        network.send(start, a(), b(), &[byte]);
    }
    assert_eq!(network.next_delivery(), Some(start));
    for byte in 0..10 {
        let expected = Delivery { from: a(), to: b(), bytes: vec![byte] };
        assert_eq!(network.poll(start), Some(expected));
    }
    assert_eq!(network.poll(start), None);
    assert_eq!(network.next_delivery(), None);
}

#[test]
fn delay_is_exact_to_the_nanosecond() {
    let start = start();
    let mut network = network(1, start, LinkConfig { delay: 40 * MS, ..Default::default() });
    network.send(start, a(), b(), b"x");
    assert_eq!(network.next_delivery(), Some(start + 40 * MS));
    assert_eq!(network.poll(start + 40 * MS - Duration::from_nanos(1)), None);
    assert!(network.poll(start + 40 * MS).is_some());
}

#[test]
fn a_late_poll_gets_everything_in_order_of_arrival() {
    let start = start();
    let mut network = Network::new(1, start);
    network.set_link(a(), b(), LinkConfig { delay: 20 * MS, ..Default::default() });
    network.set_link(b(), a(), LinkConfig { delay: 10 * MS, ..Default::default() });
    network.send(start, a(), b(), b"slow");
    network.send(start, b(), a(), b"fast");
    let order: Vec<_> =
        std::iter::from_fn(|| network.poll(start + 100 * MS)).map(|each| each.bytes).collect();
    assert_eq!(order, [b"fast", b"slow"]);
}

#[test]
fn directions_are_links_of_their_own() {
    let start = start();
    let mut network = network(1, start, LinkConfig { loss: 1.0, ..Default::default() });
    network.send(start, a(), b(), b"lost");
    network.send(start, b(), a(), b"kept");
    network.send(start, a(), c(), b"kept");
    let arrived: Vec<_> = std::iter::from_fn(|| network.poll(start)).collect();
    assert_eq!(arrived.len(), 2);
    assert!(arrived.iter().all(|delivery| delivery.bytes == b"kept"));
    network.set_link_both_ways(a(), b(), LinkConfig { delay: MS, ..Default::default() });
    network.send(start, a(), b(), b"x");
    network.send(start, b(), a(), b"x");
    assert_eq!(network.next_delivery(), Some(start + MS));
    assert_eq!(std::iter::from_fn(|| network.poll(start + MS)).count(), 2);
}

#[test]
fn the_default_link_is_everybodys_without_another() {
    let start = start();
    let mut network = network(1, start, LinkConfig::default());
    network.send(start, a(), c(), b"before");
    assert!(network.poll(start).is_some());
    network.set_default_link(LinkConfig { delay: MS, ..Default::default() });
    network.send(start, a(), b(), b"own");
    network.send(start, a(), c(), b"default");
    assert_eq!(network.poll(start).unwrap().bytes, b"own");
    assert_eq!(network.poll(start), None);
    assert_eq!(network.poll(start + MS).unwrap().bytes, b"default");
}

#[test]
fn jitter_fills_its_range_and_keeps_the_order() {
    let config = LinkConfig { delay: 10 * MS, jitter: 8 * MS, ..Default::default() };
    let arrived = stream(&mut network(3, start(), config), 2000, 20 * MS, 100);
    let extra: Vec<_> =
        arrived.iter().map(|&(at, number)| at - 20 * MS * number - 10 * MS).collect();
    assert!(extra.iter().all(|&extra| extra < 8 * MS));
    assert!(extra.iter().any(|&extra| extra < MS / 2));
    assert!(extra.iter().any(|&extra| extra > 15 * MS / 2));
    let mean = extra.iter().sum::<Duration>() / 2000;
    assert!((3800..4200).contains(&mean.as_micros()), "{mean:?}");

    // Packets closer together than the jitter do not overtake each other.
    let config = LinkConfig { jitter: 8 * MS, ..Default::default() };
    let arrived = stream(&mut network(3, start(), config), 2000, MS, 100);
    assert!(numbers(&arrived).into_iter().eq(0..2000));
}

#[test]
fn reordering_holds_back_as_many_as_asked() {
    let config =
        LinkConfig { delay: 10 * MS, reorder: 0.1, reorder_by: 25 * MS / 2, ..Default::default() };
    let mut network = network(4, start(), config);
    let arrived = stream(&mut network, 5000, 5 * MS, 100);
    let mut held = 0;
    for &(at, number) in &arrived {
        let took = at - 5 * MS * number;
        assert!(took == 10 * MS || took == 10 * MS + 25 * MS / 2, "{took:?}");
        held += u64::from(took > 10 * MS);
    }
    assert_eq!(held, network.statistics(a(), b()).reordered);
    assert!((400..600).contains(&held), "{held}");
    // 12.5 ms later, two packets at 5 ms distance have overtaken, unless held back themselves.
    let numbers = numbers(&arrived);
    assert!(numbers.windows(2).any(|pair| pair[0] > pair[1]));
    let mut sorted = numbers;
    sorted.sort_unstable();
    assert!(sorted.into_iter().eq(0..5000), "each once");
}

#[test]
fn duplicates_are_as_many_as_asked_and_alike() {
    let config = LinkConfig { duplicate: 0.25, jitter: 3 * MS, ..Default::default() };
    let mut network = network(5, start(), config);
    let arrived = stream(&mut network, 4000, 5 * MS, 100);
    let statistics = network.statistics(a(), b());
    assert!((900..1100).contains(&statistics.duplicated), "{statistics:?}");
    assert_eq!(arrived.len() as u64, 4000 + statistics.duplicated);
    let mut numbers = numbers(&arrived);
    numbers.sort_unstable();
    numbers.dedup();
    assert!(numbers.into_iter().eq(0..4000));
}

#[test]
fn the_mtu_counts_headers() {
    let start = start();
    let mut network = Network::new(1, start);
    network.set_default_link(LinkConfig { mtu: 1280, ..Default::default() });
    for (to, largest) in [(b(), 1280 - 28), (c(), 1280 - 48)] {
        network.send(start, a(), to, &vec![0; largest]);
        network.send(start, a(), to, &vec![0; largest + 1]);
        assert_eq!(network.poll(start).unwrap().bytes.len(), largest);
        assert_eq!(network.poll(start), None);
        assert_eq!(network.statistics(a(), to).too_big, 1);
    }
}

#[test]
fn a_link_that_is_down_loses_what_is_sent_and_not_what_is_under_way() {
    let start = start();
    let mut network = network(1, start, LinkConfig { delay: 10 * MS, ..Default::default() });
    network.send(start, a(), b(), b"before");
    network.set_link_up(a(), b(), false);
    network.send(start + MS, a(), b(), b"during");
    network.send(start + MS, b(), a(), b"other way");
    network.set_link_up(a(), b(), true);
    network.send(start + 2 * MS, a(), b(), b"after");
    let arrived: Vec<_> =
        std::iter::from_fn(|| network.poll(start + 100 * MS)).map(|each| each.bytes).collect();
    assert_eq!(arrived, [&b"other way"[..], b"before", b"after"]);
    assert_eq!(network.statistics(a(), b()).down, 1);

    network.set_link_up_both_ways(a(), b(), false);
    network.send(start + 200 * MS, a(), b(), b"x");
    network.send(start + 200 * MS, b(), a(), b"x");
    assert_eq!(network.next_delivery(), None);
}

#[test]
fn every_packet_is_accounted_for() {
    let start = start();
    let mut network = Network::new(9, start);
    network.set_default_link(LinkConfig {
        loss: 0.1,
        burst_loss: Some(tsubame_netsim::GilbertElliott::bursts(0.1, 3.0)),
        delay: 50 * MS,
        jitter: 10 * MS,
        reorder: 0.1,
        duplicate: 0.1,
        rate_bps: Some(1_000_000),
        queue_bytes: 5000,
        mtu: 1000,
        ..Default::default()
    });
    for number in 0..3000u32 {
        let now = start + 3 * MS * number;
        network.set_link_up(a(), b(), number % 100 != 0);
        network.send(now, a(), b(), &vec![0; 100 + number as usize % 1000]);
        network.send(now, b(), a(), &[0; 600]);
        if number % 2 == 0 {
            while network.poll(now).is_some() {}
        }
    }
    let total = network.total_statistics();
    assert!(
        [total.lost, total.burst_lost, total.queue_dropped, total.too_big, total.down]
            .into_iter()
            .all(|drops| drops > 0)
    );
    assert_eq!(total.sent, 6000);
    let end = start + 60_000 * MS;
    let rest = std::iter::from_fn(|| network.poll(end)).count() as u64;
    assert_eq!(rest, total.in_flight());
    let total = network.total_statistics();
    assert_eq!(total.in_flight(), 0);
    assert_eq!(total.delivered, total.sent + total.duplicated - total.dropped());
}

#[test]
fn bytes_are_counted_without_headers() {
    let start = start();
    let mut network = Network::new(9, start);
    network.send(start, a(), b(), &[0; 10]);
    network.send(start, a(), b(), &[0; 20]);
    assert!(network.poll(start).is_some());
    let statistics = network.statistics(a(), b());
    assert_eq!((statistics.sent_bytes, statistics.delivered_bytes), (30, 10));
    assert_eq!(statistics.in_flight(), 1);
    assert_eq!(network.statistics(b(), a()), Default::default());
}

#[test]
#[should_panic(expected = "the virtual clock went back by 1ms")]
fn time_does_not_go_back() {
    let start = start();
    let mut network = Network::new(1, start + MS);
    network.send(start, a(), b(), b"x");
}

#[test]
#[should_panic(expected = "1.5 is no probability")]
fn a_probability_is_at_most_1() {
    network(1, start(), LinkConfig { loss: 1.5, ..Default::default() });
}

#[test]
#[should_panic(expected = "take the link down instead")]
fn a_rate_is_not_0() {
    network(1, start(), LinkConfig { rate_bps: Some(0), ..Default::default() });
}
