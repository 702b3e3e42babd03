//! ICE restarts of a full agent (RFC 8445 §9) against a lite one that restarts, too.

#![allow(clippy::unwrap_used, reason = "a harness that fails is a test that fails")]

mod common;

use common::net::*;
use common::{addr, ms, server};
use tsubame_stun::ice::{Candidate, Path};
use tsubame_stun::{Class, Message};

fn selections(net: &Net, side: usize) -> usize {
    net.events[side].iter().filter(|event| event.contains("Selected")).count()
}

#[test]
fn media_stays_on_the_old_path_until_the_new_one_is_nominated() {
    let mut net = simple(50);
    assert!(net.run(ms(10_000), Net::both_selected));
    net.restart(1);
    let path = Path::udp(addr(CLIENT), addr(SERVER));
    assert_eq!(net.first().selected(), Some(path), "in between, the old one");
    assert!(net.run(ms(1_000), |net| selections(net, 0) == 2 && selections(net, 1) == 2));
    assert_eq!(net.first().selected(), Some(path));
    assert_eq!(net.first().local(), &fresh(1)[0]);
    net.run(ms(120_000), |_| false);
    assert!(net.one_opinion());
    assert_eq!(net.count_events("ConsentExpired"), 0);
}

#[test]
fn the_old_path_keeps_its_consent_while_the_answer_is_awaited() {
    let mut net = simple(51);
    assert!(net.run(ms(10_000), Net::both_selected));
    let now = net.now;
    net.first().restart(now, fresh(1)[0].clone());
    net.run(ms(120_000), |_| false);
    assert!(net.both_selected());
    assert_eq!(net.count_events("ConsentExpired"), 0);
    assert_eq!(net.first().round_trip(), Some(ms(40)));
    // The checks are those of the old generation.
    let last = net.log.iter().rev().find(|octets| {
        Message::parse(octets).is_ok_and(|message| message.class() == Class::Request)
    });
    let last = Message::parse(last.unwrap()).unwrap();
    assert_eq!(last.username(), Some("tsbm4f9K:Xo7Q"));
}

#[test]
fn the_loss_of_the_old_path_during_a_restart_is_told() {
    let mut net = simple(52);
    assert!(net.run(ms(10_000), Net::both_selected));
    let now = net.now;
    net.first().restart(now, fresh(1)[0].clone());
    net.loss = 1000;
    net.run(ms(31_000), |_| false);
    assert_eq!(net.count_events("ConsentExpired"), 2);
    assert_eq!(net.first().selected(), None);
    assert_eq!(net.first().poll_timeout(), None);
}

#[test]
fn ten_restarts_in_a_row_with_loss() {
    for seed in 1..=20 {
        let mut net = simple(seed);
        (net.loss, net.jitter) = (100, ms(100));
        net.seed(seed);
        assert!(net.run(ms(60_000), Net::both_selected));
        for number in 1..=10 {
            net.restart(number);
            let told = usize::from(number) + 1;
            assert!(net.run(ms(60_000), |net| selections(net, 0) >= told), "seed {seed}");
            assert_eq!(net.first().local(), &fresh(number)[0]);
        }
        (net.loss, net.jitter) = (0, ms(0));
        net.run(ms(60_000), |_| false);
        assert!(net.one_opinion());
    }
}

#[test]
fn a_candidate_of_another_generation_is_ignored() {
    let mut net = simple(53);
    let now = net.now;
    let restarted = fresh(1);
    net.first().restart(now, restarted[0].clone());
    net.first().set_remote(now, restarted[1].clone(), true);
    let candidate = |ufrag: &str| {
        let text = format!("candidate:1 1 udp 5 192.0.2.1 3478 typ host ufrag {ufrag}");
        text.parse::<Candidate>().unwrap()
    };
    net.first().add_remote_candidate(now, &candidate(&server().ufrag));
    assert_eq!(net.first().poll_timeout(), None, "it was the old generation's");
    net.first().add_remote_candidate(now, &candidate(&restarted[1].ufrag));
    let due = net.first().poll_timeout().unwrap();
    net.first().handle_timeout(due);
    assert!(net.first().poll_transmit(&mut [0; 1500]).is_some());
}
