//! Two agents on a good network: what is selected, when, and how it is kept.

#![allow(clippy::unwrap_used, reason = "a harness that fails is a test that fails")]

mod common;

use common::net::*;
use common::{addr, client, epoch, ms, server};
use tsubame_stun::ice::{
    Candidate, ControllingAgent, ControllingConfig, ControllingEvent, LiteAgent, LiteConfig,
    LiteEvent, Nomination, Path,
};

#[test]
fn two_round_trips_select() {
    let mut net = simple(1);
    assert!(net.run(ms(10_000), Net::both_selected));
    // Check and answer, nomination and answer; at most one pacing interval between them.
    assert!(net.elapsed() <= ms(2 * 40 + 50), "{:?}", net.elapsed());
    let path = Path::udp(addr(CLIENT), addr(SERVER));
    assert_eq!(net.agents[0].selected(), Some(path));
    assert_eq!(net.agents[1].selected(), Some(Path::udp(addr(SERVER), addr(CLIENT))));
    assert_eq!(net.first().round_trip(), Some(ms(40)));
    assert_eq!(net.events[0], [format!("{:?}", ControllingEvent::Selected(path))]);
    assert_eq!(net.sent, [2, 2]);
}

#[test]
fn consent_checks_come_every_five_seconds_more_or_less() {
    let mut net = simple(4);
    net.run(ms(600_000), |_| false);
    let checks = &net.sent_at[2..];
    assert!((100..=150).contains(&checks.len()), "{}", checks.len());
    let gaps: Vec<_> = checks.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.iter().all(|gap| (ms(4000)..=ms(6000)).contains(gap)), "{gaps:?}");
    assert!(gaps.iter().any(|gap| *gap != gaps[0]), "in step");
}

#[test]
fn both_notice_when_the_other_is_gone() {
    let mut net = simple(5);
    assert!(net.run(ms(10_000), Net::both_selected));
    net.loss = 1000;
    let gone = net.now;
    let expired = |net: &Net| {
        net.events.iter().all(|events| events.iter().any(|event| event.contains("ConsentExpired")))
    };
    assert!(net.run(ms(60_000), expired));
    assert!(net.now - gone <= ms(30_100), "{:?}", net.now - gone);
    assert!(net.agents.iter().all(|agent| agent.selected().is_none()));
}

#[test]
fn the_same_seed_gives_the_same_octets() {
    let run = |seed| {
        let mut net = simple(seed);
        net.loss = 200;
        net.run(ms(60_000), |_| false);
        net.log
    };
    assert_eq!(run(6), run(6));
    assert_ne!(run(6), run(7));
}

#[test]
fn silence_is_failure() {
    let mut net = simple(8);
    net.loss = 1000;
    let failed = |net: &Net| net.events[0].iter().any(|event| event == "Failed");
    assert!(net.run(ms(60_000), failed));
    assert_eq!(net.elapsed(), ms(39_500));
    assert_eq!(net.sent[0], 7);
    // Told once, and a further candidate begins anew.
    net.run(ms(60_000), |_| false);
    assert_eq!(net.events[0].len(), 1);
    net.loss = 0;
    let now = net.now;
    net.first().add_remote_candidate(now, &Candidate::host(addr("192.0.2.1:3479"), 65_535));
    assert!(net.run(ms(1000), Net::both_selected));
}

#[test]
fn only_addresses_of_one_family_are_paired_and_checks_are_paced() {
    let mut net = two_families(10, ControllingConfig::default());
    net.loss = 1000;
    net.run(ms(499), |_| false);
    assert_eq!(net.sent_at, [ms(0), ms(50)]);
    let remotes: Vec<_> = net.log.iter().map(Vec::len).collect();
    assert_eq!(remotes.len(), 2);
}

#[test]
fn a_dead_first_choice_gives_way_to_the_second() {
    let mut net = two_families(11, ControllingConfig::default());
    net.dead = vec![addr(CLIENT)];
    assert!(net.run(ms(10_000), Net::both_selected));
    assert_eq!(net.agents[0].selected(), Some(Path::udp(addr(CLIENT6), addr(SERVER6))));
    // 50 ms pacing, a round trip, 200 ms patience, a round trip.
    assert!(net.elapsed() <= ms(50 + 40 + 200 + 40), "{:?}", net.elapsed());
}

#[test]
fn a_better_pair_that_is_a_little_slower_is_waited_for() {
    for (one_way, chosen) in [(ms(100), CLIENT), (ms(200), CLIENT6)] {
        let mut net = two_families(21, ControllingConfig::default());
        net.slow = Some((addr(CLIENT), one_way));
        assert!(net.run(ms(10_000), Net::both_selected));
        assert_eq!(net.agents[0].selected().map(|path| path.local), Some(addr(chosen)));
    }
}

#[test]
fn aggressive_nomination_ends_with_one_opinion() {
    for seed in 1..=20 {
        let config = ControllingConfig {
            nomination: Nomination::Aggressive,
            ..ControllingConfig::default()
        };
        let mut net = two_families(seed, config);
        net.loss = 200;
        net.random = u64::from(seed) * 0x0123_4567_89ab_cdef;
        assert!(net.run(ms(60_000), Net::both_selected));
        net.run(ms(20_000), |_| false);
        let [ours, theirs] = [0, 1].map(|side: usize| net.agents[side].selected().unwrap());
        assert_eq!((ours.local, ours.remote), (theirs.remote, theirs.local), "seed {seed}");
    }
}

#[test]
fn behind_a_translator() {
    let mut net = simple(12);
    net.nat = Some((addr(CLIENT), addr(CLIENT_LATER)));
    assert!(net.run(ms(10_000), Net::both_selected));
    assert_eq!(net.agents[0].selected(), Some(Path::udp(addr(CLIENT), addr(SERVER))));
    assert_eq!(net.agents[1].selected(), Some(Path::udp(addr(SERVER), addr(CLIENT_LATER))));
}

#[test]
fn a_rebound_translator_moves_the_lite_side() {
    let mut net = simple(13);
    net.nat = Some((addr(CLIENT), addr(CLIENT_LATER)));
    assert!(net.run(ms(10_000), Net::both_selected));
    let rebound = addr("203.0.113.7:6001");
    net.nat = Some((addr(CLIENT), rebound));
    let moved = |net: &Net| {
        net.agents[1].selected() == Some(Path::udp(addr(SERVER), addr("203.0.113.7:6001")))
    };
    assert!(net.run(ms(7000), moved));
    net.run(ms(60_000), |_| false);
    assert!(net.both_selected());
    assert!(!net.events.iter().flatten().any(|event| event == "ConsentExpired"));
}

#[test]
fn a_new_network_takes_over_when_the_old_one_is_removed() {
    let mut net = simple(14);
    assert!(net.run(ms(10_000), Net::both_selected));
    net.run(ms(5000), |_| false);
    let now = net.now;
    net.first().add_local_candidate(now, addr(CLIENT_LATER));
    net.first().remove_local_candidate(now, addr(CLIENT));
    assert_eq!(net.first().selected(), None);
    let moved = |net: &Net| {
        net.agents[0].selected().map(|path| path.local) == Some(addr(CLIENT_LATER))
            && net.agents[1].selected().map(|path| path.remote) == Some(addr(CLIENT_LATER))
    };
    assert!(net.run(ms(1000), moved));
}

#[test]
fn checks_that_outrun_the_answer_are_answered() {
    let now = epoch();
    let mut first = controlling(now, 15, ControllingConfig::default());
    first.set_remote(now, server(), true);
    let second = LiteAgent::new(now, server(), LiteConfig::default());
    let mut net = Net::new(first, Agent::Lite(Box::new(second)), now);
    assert!(net.run(ms(1000), Net::both_selected));
    let Agent::Lite(second) = &mut net.agents[1] else { unreachable!() };
    second.set_remote_ufrag(net.now, &client().ufrag);
    assert_eq!(second.poll_event(), None::<LiteEvent>);
    assert!(second.selected().is_some());
}

#[test]
fn a_peer_that_signaled_nothing_is_learnt_from_its_checks() {
    let now = epoch();
    // The first knows no candidate at all: it can only wait for the other's check.
    let mut first = ControllingAgent::new(now, client(), [16; 32], ControllingConfig::default());
    first.add_local_candidate(now, addr(CLIENT));
    first.set_remote(now, server(), false);
    let mut second = ControllingAgent::new(now, server(), [17; 32], ControllingConfig::default());
    second.add_local_candidate(now, addr(SERVER));
    second.set_remote(now, client(), false);
    second.add_remote_candidate(now, &Candidate::host(addr(CLIENT), 65_535));
    let mut net = Net::new(first, Agent::Full(Box::new(second)), now);
    assert!(net.run(ms(10_000), Net::both_selected));
}

#[test]
fn candidates_that_cannot_be_used_are_ignored() {
    let now = epoch();
    let mut agent = ControllingAgent::new(now, client(), [18; 32], ControllingConfig::default());
    agent.add_local_candidate(now, addr(CLIENT));
    agent.set_remote(now, server(), true);
    for text in [
        "candidate:1 1 tcp 5 192.0.2.3 4 typ host tcptype passive",
        "candidate:1 1 udp 5 name.local 4 typ host",
        "candidate:1 2 udp 5 192.0.2.3 4 typ host",
        "candidate:1 1 udp 5 192.0.2.3 0 typ host",
        "candidate:1 1 udp 5 0.0.0.0 4 typ host",
        "candidate:1 1 udp 5 224.0.0.1 4 typ host",
        "candidate:1 1 udp 5 2001:db8::1 4 typ host",
    ] {
        agent.add_remote_candidate(now, &text.parse().unwrap());
        assert_eq!(agent.poll_timeout(), None, "{text}");
        assert!(agent.poll_transmit(&mut [0; 1500]).is_none(), "{text}");
    }
}

/// RFC 8445 §6.1.2.6: candidates of one foundation share their fate, so one of them is tried first.
#[test]
fn pairs_of_one_foundation_are_checked_one_after_the_other() {
    let now = epoch();
    let mut first = controlling(now, 33, ControllingConfig::default());
    for port in [3479, 3480] {
        let candidate = Candidate::host(addr(&format!("192.0.2.1:{port}")), 60_000);
        first.add_remote_candidate(now, &candidate);
    }
    first.add_remote_candidate(now, &Candidate::host(addr("192.0.2.9:3478"), 50_000));
    first.set_remote(now, server(), true);
    let mut net = Net::new(first, lite(now), now);
    net.loss = 1000;
    net.run(ms(499), |_| false);
    assert_eq!(net.sent_at, [ms(0), ms(50)], "one of each foundation");
    net.run(ms(39_000), |_| false);
    assert_eq!(net.sent[0], 14);
    // The first of the foundation has failed: the second begins, and later the third.
    net.run(ms(1_000), |_| false);
    assert!(net.sent[0] > 14);
    let failed = |net: &Net| net.count_events("Failed") == 1;
    assert!(net.run(ms(100_000), failed));
    assert_eq!(net.sent[0], 4 * 7);
}

#[test]
fn a_pacing_of_zero_is_five_milliseconds() {
    let now = epoch();
    let config = ControllingConfig { pacing: ms(0), ..ControllingConfig::default() };
    let mut first = controlling(now, 34, config);
    first.add_remote_candidate(now, &Candidate::host(addr("192.0.2.9:3478"), 50_000));
    first.set_remote(now, server(), true);
    let mut net = Net::new(first, lite(now), now);
    net.loss = 1000;
    net.run(ms(499), |_| false);
    assert_eq!(net.sent_at, [ms(0), ms(5)]);
}
