//! The bottleneck: its rate and its queue.
#![allow(missing_docs, unreachable_pub, dead_code, clippy::unwrap_used, reason = "tests")]

mod common;

use std::time::Duration;

use common::{MS, a, b, c, network, numbers, start, stream};
use tsubame_netsim::{LinkConfig, Network};

fn limited(rate_bps: u64, queue_bytes: usize) -> LinkConfig {
    LinkConfig { rate_bps: Some(rate_bps), queue_bytes, ..Default::default() }
}

#[test]
fn a_packet_takes_its_time_headers_included() {
    let start = start();
    let mut network = Network::new(1, start);
    network.set_default_link(limited(1_000_000, 10_000));
    // 1,000 bytes at 1 Mbit/s are 8 ms.
    network.send(start, a(), b(), &[0; 1000 - 28]);
    network.send(start, a(), c(), &[0; 1000 - 48]);
    assert_eq!(network.next_delivery(), Some(start + 8 * MS));
    assert_eq!(std::iter::from_fn(|| network.poll(start + 8 * MS)).count(), 2);
}

#[test]
fn packets_below_the_rate_do_not_wait() {
    // 8 ms each, every 8 ms.
    let arrived = stream(&mut network(1, start(), limited(1_000_000, 0)), 100, 8 * MS, 1000 - 28);
    assert!(arrived.iter().all(|&(at, number)| at == 8 * MS * (number + 1)));
    assert_eq!(arrived.len(), 100);
}

#[test]
fn packets_above_the_rate_leave_at_the_rate() {
    let mut network = network(1, start(), limited(1_000_000, 1_000_000));
    let arrived = stream(&mut network, 500, 2 * MS, 1000 - 28);
    assert!(arrived.iter().all(|&(at, number)| at == 8 * MS * (number + 1)));
    assert_eq!(network.statistics(a(), b()).queue_dropped, 0);
}

#[test]
fn rates_that_do_not_divide_stay_exact() {
    // 300 packets of 1,000 bytes at 7 bit/us: 342,857.142857... us.
    let mut network = network(1, start(), limited(7_000_000, 1_000_000));
    let arrived = stream(&mut network, 300, Duration::ZERO, 1000 - 28);
    let (last, _) = arrived[299];
    assert_eq!(last, Duration::from_nanos(2_400_000 * 1_000 / 7));
}

#[test]
fn the_queue_holds_its_bytes_and_not_one_more() {
    let start = start();
    for (queue, fit) in [(0, 1), (1999, 1), (2000, 2), (2999, 2), (3000, 3)] {
        let mut network = network(1, start, limited(1_000_000, queue));
        for byte in 0..5 {
            network.send(start, a(), b(), &[byte; 1000 - 28]);
        }
        assert_eq!(network.statistics(a(), b()).queue_dropped, 5 - fit, "queue of {queue}");
        // The first leaves after 8 ms, and its place is free from then on.
        network.send(start + 8 * MS - Duration::from_nanos(1), a(), b(), &[8; 1000 - 28]);
        assert_eq!(network.statistics(a(), b()).queue_dropped, 6 - fit, "queue of {queue}");
        network.send(start + 8 * MS, a(), b(), &[9; 1000 - 28]);
        assert_eq!(network.statistics(a(), b()).queue_dropped, 6 - fit, "queue of {queue}");
        let end = start + 100 * MS;
        let order: Vec<_> =
            std::iter::from_fn(|| network.poll(end)).map(|each| each.bytes[0]).collect();
        assert_eq!(order, (0..fit as u8).chain([9]).collect::<Vec<_>>());
    }
}

#[test]
fn the_queue_is_a_delay_that_drains() {
    let mut network = network(1, start(), limited(1_000_000, 50_000));
    let arrived = stream(&mut network, 40, Duration::ZERO, 1000 - 28);
    assert_eq!(arrived.last(), Some(&(320 * MS, 39)));
    let arrived = stream(&mut network, 1, MS, 1000 - 28);
    assert_eq!(arrived, [(8 * MS, 0)], "idle again");
}

#[test]
fn overload_delivers_the_rate() {
    let mut network = network(1, start(), limited(2_000_000, 20_000));
    // 10 Mbit/s offered for 10 s.
    let arrived = stream(&mut network, 12_500, Duration::from_micros(800), 1000 - 28);
    let seconds = arrived.last().unwrap().0.as_secs_f64();
    let rate = arrived.len() as f64 * 8000.0 / seconds;
    assert!((1_990_000.0..=2_000_001.0).contains(&rate), "{rate}");
    assert!(numbers(&arrived).is_sorted());
}

#[test]
fn the_rate_may_change_while_packets_wait() {
    let start = start();
    let mut network = network(1, start, limited(1_000_000, 10_000));
    network.send(start, a(), b(), &[0; 1000 - 28]);
    network.set_link(a(), b(), limited(8_000_000, 10_000));
    network.send(start, a(), b(), &[1; 1000 - 28]);
    assert_eq!(network.poll(start + 8 * MS).unwrap().bytes[0], 0);
    assert_eq!(network.next_delivery(), Some(start + 9 * MS), "behind the other, at its own rate");
}

#[test]
fn what_is_lost_has_used_the_link() {
    let start = start();
    let config = LinkConfig { loss: 1.0, ..limited(1_000_000, 10_000) };
    let mut network = network(1, start, config);
    network.send(start, a(), b(), &[0; 1000 - 28]);
    network.set_link(a(), b(), limited(1_000_000, 10_000));
    network.send(start, a(), b(), &[1; 1000 - 28]);
    assert_eq!(network.next_delivery(), Some(start + 16 * MS));
}
