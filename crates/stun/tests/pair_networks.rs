//! Networks of the controlling side that go away, and candidates that come at odd times.

#![allow(clippy::unwrap_used, reason = "a harness that fails is a test that fails")]

mod common;

use common::net::*;
use common::{Check, addr, client, epoch, ms, server};
use std::time::Duration;
use tsubame_stun::ice::{
    Candidate, ControllingAgent, ControllingConfig, LiteAgent, LiteConfig, Nomination, Path,
};
use tsubame_stun::{Class, Message, MessageBuilder, Method};

/// Both pairs work, the first is selected, and its network goes: the second was checked long ago.
#[test]
fn the_removal_of_the_network_in_use_leads_to_the_other_one() {
    for nomination in [Nomination::Regular, Nomination::Aggressive] {
        let config = ControllingConfig { nomination, ..ControllingConfig::default() };
        let mut net = two_families(60, config);
        assert!(net.run(ms(10_000), Net::both_selected));
        net.run(ms(20_000), |_| false);
        let (now, path) = (net.now, net.first().selected().unwrap());
        assert_eq!(path.local, addr(CLIENT), "{nomination:?}");
        net.first().remove_local_candidate(now, path.local);
        net.drain(0);
        assert_eq!(net.count_events("SelectionLost"), 1);
        assert_eq!(net.first().selected(), None);
        let moved = |net: &Net| {
            net.agents.iter().all(|agent| {
                agent.selected().is_some_and(|path| path.local.is_ipv6() && path.remote.is_ipv6())
            })
        };
        assert!(net.run(ms(1000), moved), "{nomination:?}");
    }
}

#[test]
fn the_removal_of_the_old_network_during_a_restart_is_told() {
    let mut net = simple(61);
    assert!(net.run(ms(10_000), Net::both_selected));
    let now = net.now;
    net.first().restart(now, fresh(1)[0].clone());
    net.first().remove_local_candidate(now, addr(CLIENT));
    net.drain(0);
    assert_eq!(net.first().selected(), None);
    assert_eq!(net.count_events("SelectionLost"), 1);
}

#[test]
fn addresses_of_nobody_are_ignored_in_their_mapped_form_too() {
    let now = epoch();
    let mut agent = ControllingAgent::new(now, client(), [18; 32], ControllingConfig::default());
    agent.add_local_candidate(now, addr(CLIENT));
    agent.add_local_candidate(now, addr(CLIENT6));
    agent.set_remote(now, server(), true);
    for address in [
        "0.0.0.0",
        "224.0.0.1",
        "239.255.255.250",
        "255.255.255.255",
        "::ffff:0.0.0.0",
        "::ffff:224.0.0.1",
        "::ffff:255.255.255.255",
        "::",
        "ff02::1",
    ] {
        let text = format!("candidate:1 1 udp 5 {address} 4 typ host");
        agent.add_remote_candidate(now, &text.parse().unwrap());
        assert!(agent.poll_transmit(&mut [0; 1500]).is_none(), "{address}");
        assert_eq!(agent.poll_timeout(), None, "{address}");
    }
    let mapped = "candidate:1 1 udp 5 ::ffff:192.0.2.1 4 typ host".parse().unwrap();
    agent.add_remote_candidate(now, &mapped);
    assert!(agent.poll_transmit(&mut [0; 1500]).is_some(), "an address of somebody's");
}

#[test]
fn candidates_of_another_generation_that_came_before_the_credentials_are_forgotten() {
    let now = epoch();
    let mut agent = ControllingAgent::new(now, client(), [18; 32], ControllingConfig::default());
    agent.add_local_candidate(now, addr(CLIENT));
    for (host, ufrag) in [("192.0.2.66", "old"), ("192.0.2.1", &*server().ufrag)] {
        let text = format!("candidate:{ufrag} 1 udp 5 {host} 3478 typ host ufrag {ufrag}");
        agent.add_remote_candidate(now, &text.parse().unwrap());
    }
    agent.set_remote(now, server(), true);
    agent.handle_timeout(now + ms(50));
    let sent: Vec<_> =
        std::iter::from_fn(|| agent.poll_transmit(&mut [0; 1500])).map(|sent| sent.path).collect();
    assert_eq!(sent, [Path::udp(addr(CLIENT), addr(SERVER))]);
}

#[test]
fn failure_is_told_once_however_often_what_is_known_is_added_again() {
    let mut net = simple(62);
    net.loss = 1000;
    net.run(ms(60_000), |_| false);
    assert_eq!(net.events[0], ["Failed"]);
    let now = net.now;
    net.first().add_local_candidate(now, addr(CLIENT));
    net.first().add_remote_candidate(now, &Candidate::host(addr(SERVER), 65_535));
    net.drain(0);
    assert_eq!(net.events[0], ["Failed"]);
}

#[test]
fn failure_is_told_again_when_a_check_of_the_peer_began_anew_and_failed() {
    let mut net = simple(63);
    net.loss = 1000;
    net.run(ms(60_000), |_| false);
    let check = Check { controlled: true, ..Check::new(&client(), &server().ufrag, 1) }.build();
    net.fly(ms(0), 0, Path::udp(addr(CLIENT), addr(SERVER)), check);
    net.run(ms(60_000), |_| false);
    assert_eq!(net.events[0], ["Failed", "Failed"]);
}

/// A peer that refuses whatever role is claimed.
#[test]
fn a_peer_that_refuses_every_role_is_a_failure() {
    let now = epoch();
    let mut agent = controlling(now, 64, ControllingConfig::default());
    agent.set_remote(now, server(), false);
    let mut now = now;
    let mut refused = 0;
    loop {
        let mut out = [0; 1500];
        while let Some(sent) = agent.poll_transmit(&mut out) {
            let id = Message::parse(&out[..sent.len]).unwrap().transaction_id();
            let mut error = [0; 200];
            let mut builder =
                MessageBuilder::new(&mut error, Class::ErrorResponse, Method::BINDING, id).unwrap();
            builder.error_code(tsubame_stun::attribute::ErrorCode::ROLE_CONFLICT).unwrap();
            builder.integrity(server().pwd.as_bytes()).unwrap().fingerprint().unwrap();
            let length = builder.finish();
            agent.handle_datagram(now, sent.path, &error[..length]);
            refused += 1;
            assert!(refused < 20, "without end");
        }
        let Some(due) = agent.poll_timeout() else { break };
        now = now.max(due);
        agent.handle_timeout(now);
    }
    let events: Vec<_> = std::iter::from_fn(|| agent.poll_event()).collect();
    assert_eq!(format!("{events:?}"), "[Failed]");
}

/// A round trip of 300 ms, and a check of the peer's that somebody repeats every 40 ms; or the peer itself asks that often.
#[test]
fn checks_of_the_peer_without_end_do_not_keep_a_pair_from_succeeding() {
    for repeated in [true, false] {
        let mut net = two_full(65, true);
        net.delay = ms(150);
        let to_first = Path::udp(addr(CLIENT), addr(SERVER));
        for number in 0..100u32 {
            let serial = if repeated { 7 } else { number };
            let check = Check { role: false, ..Check::new(&client(), &server().ufrag, serial) };
            net.fly(ms(u64::from(number) * 40), 0, to_first, check.build());
        }
        assert!(net.run(ms(3_000), Net::both_selected), "repeated: {repeated}");
    }
}

#[test]
fn a_retransmitted_request_triggers_one_check() {
    let now = epoch();
    let mut agent = controlling(now, 66, ControllingConfig::default());
    agent.set_remote(now, server(), false);
    let path = Path::udp(addr(CLIENT), addr(SERVER));
    let check = Check { controlled: true, ..Check::new(&client(), &server().ufrag, 1) }.build();
    let mut requests = 0;
    for step in 0..10 {
        let now = now + ms(40 * step);
        agent.handle_datagram(now, path, &check);
        agent.handle_timeout(now);
        let mut out = [0; 1500];
        while let Some(sent) = agent.poll_transmit(&mut out) {
            let class = Message::parse(&out[..sent.len]).unwrap().class();
            requests += usize::from(class == Class::Request);
        }
    }
    assert_eq!(requests, 2, "the first, and the one that was triggered");
}

#[test]
fn timers_out_of_range_neither_spin_nor_panic() {
    for odd in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
        let now = epoch();
        let config = ControllingConfig {
            pacing: odd,
            keepalive: odd,
            consent_timeout: odd,
            nomination_patience: odd,
            ..ControllingConfig::default()
        };
        let mut first = controlling(now, 67, config);
        first.set_remote(now, server(), true);
        let config =
            LiteConfig { consent_timeout: odd, nomination_window: odd, ..LiteConfig::default() };
        let mut second = LiteAgent::new(now, server(), config);
        second.set_remote_ufrag(now, &client().ufrag);
        let mut net = Net::new(first, Agent::Lite(Box::new(second)), now);
        assert!(net.run(ms(200_000), |net| net.agents[0].selected().is_some()), "{odd:?}");
        net.run(ms(200_000), |_| false);
        assert!(net.sent[0] < 5_000, "{odd:?}: {} requests", net.sent[0]);
    }
}

/// However many checks run beside it, what is nominated is repeated for ten seconds.
#[test]
fn a_nomination_is_given_up_after_ten_seconds_beside_a_hundred_other_checks() {
    let now = epoch();
    let mut first = controlling(now, 68, ControllingConfig::default());
    for number in 0..99 {
        let address = addr(&format!("10.0.0.{number}:9"));
        first.add_remote_candidate(now, &Candidate::host(address, 1));
    }
    first.set_remote(now, server(), true);
    let mut net = Net::new(first, lite(now), now);
    let nominated = |net: &Net| {
        let is_nomination = |octets: &Vec<u8>| Message::parse(octets).unwrap().use_candidate();
        net.log.iter().filter(|octets| is_nomination(octets)).count()
    };
    assert!(net.run(ms(5_000), |net| nominated(net) == 1));
    net.loss = 1000;
    net.run(ms(9_600), |_| false);
    assert_eq!(nominated(&net), 20);
}

/// Datagrams that are not authentic do nothing but be counted: no timer is looked at.
#[test]
fn noise_does_not_make_the_agent_do_what_is_due() {
    let now = epoch();
    let mut agent = controlling(now, 69, ControllingConfig::default());
    agent.set_remote(now, server(), true);
    while agent.poll_transmit(&mut [0; 1500]).is_some() {}
    let due = agent.poll_timeout().unwrap();
    let forged = Check::new(&common::other_pwd(&client()), &server().ufrag, 1).build();
    for noise in [&forged[..], &forged[..30], b"noise"] {
        agent.handle_datagram(due, Path::udp(addr(CLIENT), addr(SERVER)), noise);
        assert!(agent.poll_transmit(&mut [0; 1500]).is_none());
        assert_eq!(agent.poll_timeout(), Some(due));
    }
    agent.handle_timeout(due);
    assert!(agent.poll_transmit(&mut [0; 1500]).is_some());
}
