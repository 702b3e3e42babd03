//! Two full agents: who controls (RFC 8445 §7.3.1.1, §7.2.5.1).

#![allow(clippy::unwrap_used, reason = "a harness that fails is a test that fails")]

mod common;

use common::net::*;
use common::{addr, client, epoch, ms, server};
use tsubame_stun::ice::{Candidate, ControllingAgent, ControllingConfig, Nomination, Role};

#[test]
fn a_role_conflict_is_settled() {
    for seed in 1..=40 {
        for aware in [false, true] {
            let mut net = two_full(seed, aware);
            net.loss = if seed > 20 { 200 } else { 0 };
            net.random = u64::from(seed) * 0x0123_4567_89ab_cdef;
            assert!(net.run(ms(60_000), Net::both_selected), "seed {seed}, aware {aware}");
            let conflicts: u64 = net
                .agents
                .iter()
                .map(|agent| match agent {
                    Agent::Full(agent) => agent.counters().role_conflicts,
                    Agent::Lite(_) => 0,
                })
                .sum();
            assert!(conflicts > 0, "seed {seed}: nobody noticed");
            net.loss = 0;
            net.run(ms(120_000), |_| false);
            assert!(net.one_opinion(), "seed {seed}");
        }
    }
}

fn full(side: usize, role: Role, nomination: Nomination) -> ControllingAgent {
    let now = epoch();
    let (local, remote, address) =
        [(client(), server(), CLIENT), (server(), client(), SERVER)].into_iter().nth(side).unwrap();
    let seed = [u8::try_from(40 + side).unwrap(); 32];
    let config = ControllingConfig { role, nomination, ..ControllingConfig::default() };
    let mut agent = ControllingAgent::new(now, local, seed, config);
    agent.add_local_candidate(now, addr(address));
    agent.set_remote(now, remote, false);
    agent
}

fn of_roles(roles: [Role; 2], nomination: Nomination) -> Net {
    let [mut first, mut second] = [0, 1].map(|side| full(side, roles[side], nomination));
    let now = epoch();
    first.add_remote_candidate(now, &Candidate::host(addr(SERVER), 65_535));
    second.add_remote_candidate(now, &Candidate::host(addr(CLIENT), 65_535));
    Net::new(first, Agent::Full(Box::new(second)), now)
}

fn roles(net: &Net) -> [Role; 2] {
    [0, 1].map(|side: usize| match &net.agents[side] {
        Agent::Full(agent) => agent.role(),
        Agent::Lite(_) => unreachable!(),
    })
}

fn conflicts(net: &Net) -> u64 {
    let of = |agent: &Agent| match agent {
        Agent::Full(agent) => agent.counters().role_conflicts,
        Agent::Lite(_) => 0,
    };
    net.agents.iter().map(of).sum()
}

#[test]
fn one_that_controls_and_one_that_does_not_have_no_conflict() {
    for sides in [[Role::Controlling, Role::Controlled], [Role::Controlled, Role::Controlling]] {
        let mut net = of_roles(sides, Nomination::Regular);
        assert!(net.run(ms(10_000), Net::both_selected));
        assert_eq!((conflicts(&net), roles(&net)), (0, sides));
        assert!(net.one_opinion());
    }
}

#[test]
fn two_that_control_settle_it_by_487() {
    let mut net = of_roles([Role::Controlling; 2], Nomination::Regular);
    assert!(net.run(ms(10_000), Net::both_selected));
    assert!(conflicts(&net) > 0);
    assert_ne!(roles(&net)[0], roles(&net)[1]);
    assert!(net.one_opinion());
}

#[test]
fn two_that_do_not_control_settle_it_by_487() {
    let mut net = of_roles([Role::Controlled; 2], Nomination::Regular);
    assert!(net.run(ms(10_000), Net::both_selected));
    assert!(conflicts(&net) > 0);
    assert_ne!(roles(&net)[0], roles(&net)[1]);
    assert!(net.one_opinion());
}

#[test]
fn a_lite_peer_makes_it_control() {
    let now = epoch();
    let mut first = full(0, Role::Controlled, Nomination::Regular);
    first.set_remote(now, server(), true);
    assert_eq!(first.role(), Role::Controlling);
    first.add_remote_candidate(now, &Candidate::host(addr(SERVER), 65_535));
    let mut net = Net::new(first, lite(now), now);
    assert!(net.run(ms(10_000), Net::both_selected));
}

#[test]
fn the_controlled_side_follows_an_aggressive_nominator_to_the_best_pair() {
    for seed in 1..=40 {
        let [mut first, mut second] = [(0, Role::Controlling), (1, Role::Controlled)]
            .map(|(side, role)| full(side, role, Nomination::Aggressive));
        let now = epoch();
        first.add_local_candidate(now, addr(CLIENT6));
        second.add_local_candidate(now, addr(SERVER6));
        for (address, preference) in [(SERVER, 65_535), (SERVER6, 65_534)] {
            first.add_remote_candidate(now, &Candidate::host(addr(address), preference));
        }
        for (address, preference) in [(CLIENT, 65_535), (CLIENT6, 65_534)] {
            second.add_remote_candidate(now, &Candidate::host(addr(address), preference));
        }
        let mut net = Net::new(first, Agent::Full(Box::new(second)), now);
        net.jitter = ms(150);
        net.seed(seed);
        assert!(net.run(ms(10_000), Net::both_selected));
        net.run(ms(20_000), |_| false);
        assert!(net.one_opinion(), "seed {seed}");
    }
}

/// Both sides of two full agents restart, as an offer and its answer make them.
fn restart_both(net: &mut Net, number: u8) {
    let now = net.now;
    let [ours, theirs] = fresh(number);
    for (side, local, remote, address) in
        [(0, ours.clone(), theirs.clone(), SERVER), (1, theirs, ours, CLIENT)]
    {
        let Agent::Full(agent) = &mut net.agents[side] else { unreachable!() };
        agent.restart(now, local);
        agent.set_remote(now, remote, false);
        agent.add_remote_candidate(now, &Candidate::host(addr(address), 65_535));
    }
}

#[test]
fn restarts_of_two_full_agents_on_a_bad_network_end_with_one_opinion_and_the_same_roles() {
    for seed in 1..=20 {
        let sides = [Role::Controlling, Role::Controlled];
        let mut net = of_roles(sides, Nomination::Regular);
        (net.loss, net.jitter, net.duplicates) = (100, ms(100), 200);
        net.seed(seed);
        assert!(net.run(ms(60_000), Net::both_selected), "seed {seed}");
        for number in 1..=5 {
            restart_both(&mut net, number);
            assert!(net.both_selected(), "the path of before is in use meanwhile");
            let selected = |net: &Net| {
                net.events.iter().all(|events| {
                    let selections = events.iter().filter(|event| event.contains("Selected"));
                    selections.count() > usize::from(number)
                })
            };
            assert!(net.run(ms(60_000), selected), "seed {seed}, restart {number}");
        }
        (net.loss, net.jitter, net.duplicates) = (0, ms(0), 0);
        net.run(ms(60_000), |_| false);
        assert!(net.one_opinion(), "seed {seed}");
        assert_eq!(roles(&net), sides);
        assert_eq!(net.count_events("ConsentExpired"), 0, "seed {seed}");
    }
}

#[test]
fn replayed_datagrams_change_nothing_for_the_controlled_side() {
    for seed in 1..=20 {
        let run = |replay_after| {
            let mut net = of_roles([Role::Controlling, Role::Controlled], Nomination::Regular);
            net.seed(seed);
            net.replay_after = replay_after;
            net.run(ms(120_000), |_| false);
            (net.agents[0].selected(), net.agents[1].selected(), net.events.clone())
        };
        assert_eq!(run(Some(ms(10_000))), run(None), "seed {seed}");
    }
}

/// The controlling side is gone, and whoever saw what it sent sends it again and again.
#[test]
fn replayed_requests_do_not_keep_the_consent_of_the_controlled_side() {
    let mut net = of_roles([Role::Controlling, Role::Controlled], Nomination::Regular);
    assert!(net.run(ms(10_000), Net::both_selected));
    net.run(ms(10_000), |_| false);
    let (log, gone) = (net.log.clone(), net.now);
    net.loss = 1000;
    let to_controlled = tsubame_stun::ice::Path::udp(addr(SERVER), addr(CLIENT));
    for second in 0..40 {
        for datagram in &log {
            net.fly(ms(second * 1000), 1, to_controlled, datagram.clone());
        }
    }
    let expired = |net: &Net| net.events[1].iter().any(|event| event == "ConsentExpired");
    assert!(net.run(ms(40_000), expired));
    assert!(net.now - gone <= ms(30_000), "{:?}", net.now - gone);
}
