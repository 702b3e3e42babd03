//! Two agents on a bad network: loss, reordering, duplicates, replays, and hostile peers.

#![allow(clippy::unwrap_used, reason = "a harness that fails is a test that fails")]

mod common;

use common::net::*;
use common::{addr, client, epoch, ms, server};
use tsubame_stun::ice::{Candidate, ControllingAgent, ControllingConfig, ControllingEvent, Path};

#[test]
fn loss_delays_and_does_not_defeat() {
    for seed in 1..=40 {
        let mut net = simple(seed);
        net.loss = 300;
        net.random = u64::from(seed) * 0x0123_4567_89ab_cdef;
        assert!(net.run(ms(60_000), Net::both_selected), "seed {seed}");
    }
}

#[test]
fn loss_of_a_tenth_never_ends_consent() {
    let mut net = simple(3);
    net.loss = 100;
    assert!(net.run(ms(60_000), Net::both_selected));
    net.run(ms(3_600_000), |_| false);
    assert!(net.both_selected());
    assert!(!net.events.iter().flatten().any(|event| event.contains("Expired")));
}

#[test]
fn a_wrong_password_is_met_with_silence() {
    let now = epoch();
    let mut first = controlling(now, 9, ControllingConfig::default());
    let wrong = common::other_pwd(&server());
    first.set_remote(now, wrong, true);
    let mut net = Net::new(first, lite(now), now);
    net.run(ms(60_000), |_| false);
    assert_eq!(net.sent[1], 0);
    assert_eq!(net.events[0], ["Failed"]);
}

#[test]
fn ten_thousand_candidates_make_a_hundred_pairs() {
    let now = epoch();
    let mut agent = ControllingAgent::new(now, client(), [19; 32], ControllingConfig::default());
    for number in 0..100 {
        agent.add_local_candidate(now, addr(&format!("198.51.100.{number}:5000")));
    }
    for number in 0..10_000u32 {
        let [_, _, c, d] = number.to_be_bytes();
        let candidate = Candidate::host(addr(&format!("10.0.{c}.{d}:4000")), 1);
        agent.add_remote_candidate(now, &candidate);
    }
    agent.set_remote(now, server(), true);
    let mut net = Net::new(agent, lite(now), now);
    net.loss = 1000;
    let failed = |net: &Net| net.events[0].iter().any(|event| event == "Failed");
    assert!(net.run(ms(4_000_000), failed));
    assert_eq!(net.sent[0], 700);
    // RFC 8445 §14.3: with a hundred open pairs nothing is repeated before each was tried once.
    assert!(net.sent_at[..100].windows(2).all(|two| two[1] - two[0] == ms(50)));
    assert!(net.sent_at[100] >= ms(5000), "{:?}", net.sent_at[100]);
}

#[test]
fn a_response_by_another_way_fails_the_pair() {
    let now = epoch();
    let mut agent = controlling(now, 20, ControllingConfig::default());
    agent.set_remote(now, server(), true);
    let mut out = [0; 1500];
    let sent = agent.poll_transmit(&mut out).unwrap();
    let mut lite = common::Lite::answered();
    let (_, response) =
        lite.feed(Path::udp(addr(SERVER), addr(CLIENT)), &out[..sent.len]).remove(0);
    agent.handle_datagram(now, Path::udp(addr(CLIENT), addr("192.0.2.66:3478")), &response);
    assert_eq!(agent.counters().asymmetric_response, 1);
    assert_eq!(agent.poll_event(), Some(ControllingEvent::Failed));
    assert_eq!(agent.selected(), None);
}

/// Seven transmissions are too few now and then (RFC 8489 §6.2.1: 0.51^7 is nearly one in a hundred). Then the agent says
/// so, and its embedder does what is done about it: an ICE restart.
#[test]
fn with_loss_of_30_percent_each_way_all_of_1000_connect() {
    let (mut took, mut restarts) = (Vec::new(), 0);
    for round in 0..1000u64 {
        let mut net = simple(1 + u8::try_from(round % 200).unwrap());
        net.loss = 300;
        net.random = (round + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut failures = 0;
        let over =
            |net: &Net, failures| net.both_selected() || net.count_events("Failed") > failures;
        while net.run(ms(600_000), |net| over(net, failures)) && !net.both_selected() {
            failures += 1;
            restarts += 1;
            net.restart(u8::try_from(failures).unwrap());
        }
        assert!(net.both_selected(), "round {round}");
        took.push(net.elapsed());
    }
    took.sort();
    assert!(restarts <= 20, "{restarts}");
    assert!(took[499] < ms(2_000), "median {:?}", took[499]);
    assert!(took[949] < ms(10_000), "p95 {:?}", took[949]);
}

#[test]
fn an_unanswered_nomination_is_tried_again() {
    let mut net = simple(32);
    // Check and answer pass, all of the nomination's twenty transmissions are lost, and two of the next check's.
    assert!(net.run(ms(1_000), |net| net.sent == [2, 1]));
    net.loss = 1000;
    net.run(ms(11_000), |_| false);
    assert_eq!(net.sent[0], 23);
    net.loss = 0;
    assert!(net.run(ms(3_000), Net::both_selected));
    assert_eq!(net.count_events("Failed"), 0);
}

#[test]
fn reordering_does_not_defeat() {
    for seed in 1..=100 {
        let mut net = two_families(seed, ControllingConfig::default());
        net.jitter = ms(400);
        net.seed(seed);
        assert!(net.run(ms(60_000), Net::both_selected), "seed {seed}");
        net.run(ms(120_000), |_| false);
        assert!(net.one_opinion(), "seed {seed}");
        assert_eq!(net.count_events("ConsentExpired"), 0, "seed {seed}");
    }
}

#[test]
fn duplication_changes_nothing() {
    for seed in 1..=50 {
        let run = |duplicates| {
            let mut net = two_families(seed, ControllingConfig::default());
            net.duplicates = duplicates;
            net.run(ms(60_000), |_| false);
            (net.agents[0].selected(), net.agents[1].selected(), net.events.clone())
        };
        assert_eq!(run(1000), run(0), "seed {seed}");
    }
}

#[test]
fn loss_reordering_and_duplication_together_end_with_one_opinion() {
    for seed in 1..=100 {
        for full in [false, true] {
            let mut net = if full {
                two_full(seed, true)
            } else {
                two_families(seed, ControllingConfig::default())
            };
            (net.loss, net.duplicates, net.jitter) = (100, 200, ms(300));
            net.seed(seed);
            assert!(net.run(ms(120_000), Net::both_selected), "seed {seed}");
            (net.loss, net.duplicates, net.jitter) = (0, 0, ms(0));
            net.run(ms(60_000), |_| false);
            assert!(net.one_opinion(), "seed {seed}, full {full}");
        }
    }
}

/// Everything that is sent arrives once more, ten seconds later, from where it came.
#[test]
fn replayed_datagrams_change_nothing() {
    for seed in 1..=50 {
        let run = |replay_after| {
            let mut net = two_families(seed, ControllingConfig::default());
            net.replay_after = replay_after;
            net.run(ms(120_000), |_| false);
            (net.agents[0].selected(), net.agents[1].selected(), net.events.clone())
        };
        assert_eq!(run(Some(ms(10_000))), run(None), "seed {seed}");
    }
}

/// Who repeats what it saw does not keep a session alive that is over.
#[test]
fn replayed_requests_do_not_keep_consent() {
    let mut net = simple(30);
    assert!(net.run(ms(10_000), Net::both_selected));
    net.run(ms(10_000), |_| false);
    let log = net.log.clone();
    net.loss = 1000;
    let gone = net.now;
    let to_lite = Path::udp(addr(SERVER), addr(CLIENT));
    let to_full = Path::udp(addr(CLIENT), addr(SERVER));
    for second in 0..40 {
        for datagram in &log {
            net.fly(ms(second * 1000), 1, to_lite, datagram.clone());
            net.fly(ms(second * 1000), 0, to_full, datagram.clone());
        }
    }
    net.run(ms(40_000), |net| net.count_events("ConsentExpired") == 2);
    assert!(net.now - gone <= ms(30_000), "{:?}", net.now - gone);
}

#[test]
fn replayed_requests_from_another_address_move_nothing() {
    let mut net = simple(31);
    assert!(net.run(ms(10_000), Net::both_selected));
    net.run(ms(30_000), |_| false);
    let (events, sent) = (net.events.clone(), net.sent[1]);
    let thief = addr("203.0.113.66:6666");
    for datagram in net.log.clone() {
        net.fly(ms(0), 1, Path::udp(addr(SERVER), thief), datagram);
    }
    net.run(ms(2), |_| false);
    assert_eq!(net.sent[1], sent, "no reply");
    assert_eq!(net.events, events, "no event");
    assert_eq!(net.agents[1].selected(), Some(Path::udp(addr(SERVER), addr(CLIENT))));
    let Agent::Lite(lite) = &net.agents[1] else { unreachable!() };
    assert!(!lite.is_verified(&Path::udp(addr(SERVER), thief)));
    assert!(lite.counters().replayed > 0);
}
