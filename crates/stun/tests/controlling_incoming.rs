//! What single datagrams do to a controlling agent: checks of a full peer's, and strange responses.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

mod common;

use std::time::Instant;

use common::{Check, addr, authentic, client, epoch, ms, server};
use tsubame_stun::ice::{Candidate, ControllingAgent, ControllingConfig, Path, Role};
use tsubame_stun::{Class, Message, MessageBuilder, Method};

fn here() -> Path {
    Path::udp(addr("198.51.100.7:5000"), addr("192.0.2.1:3478"))
}

/// An agent whose only check is on its way, and that check.
fn agent(now: Instant) -> (ControllingAgent, Vec<u8>) {
    let mut agent = ControllingAgent::new(now, client(), [7; 32], ControllingConfig::default());
    agent.add_local_candidate(now, here().local);
    agent.add_remote_candidate(now, &Candidate::host(here().remote, 65_535));
    agent.set_remote(now, server(), false);
    let check = transmit(&mut agent).unwrap();
    (agent, check)
}

fn transmit(agent: &mut ControllingAgent) -> Option<Vec<u8>> {
    let mut out = [0; 1500];
    let len = agent.poll_transmit(&mut out)?.len;
    Some(out[..len].to_vec())
}

/// A check of the peer's, which is controlled as it should be.
fn peer_check(serial: u32) -> Check {
    Check { controlled: true, ..Check::new(&client(), &server().ufrag, serial) }
}

fn success(request: &[u8], pwd: &str, mapped: bool) -> Vec<u8> {
    let id = Message::parse(request).unwrap().transaction_id();
    let mut out = [0; 200];
    let mut builder =
        MessageBuilder::new(&mut out, Class::SuccessResponse, Method::BINDING, id).unwrap();
    if mapped {
        builder.xor_mapped_address(here().local).unwrap();
    }
    builder.integrity(pwd.as_bytes()).unwrap().fingerprint().unwrap();
    let length = builder.finish();
    out[..length].to_vec()
}

#[test]
fn a_check_carries_what_the_rfc_wants() {
    let (agent, check) = agent(epoch());
    let message = authentic(&check, &server().pwd);
    assert_eq!(message.username(), Some("tsbm4f9K:Xo7Q"));
    assert_eq!(message.priority(), Some((110 << 24) + (65_535 << 8) + 255));
    assert!(message.ice_controlling().is_some() && message.ice_controlled().is_none());
    assert!(!message.use_candidate());
    assert_eq!(agent.selected(), None);
}

#[test]
fn the_checks_of_the_peer_are_answered_if_they_are_authentic() {
    let now = epoch();
    let (mut agent, _) = agent(now);
    let stranger = common::other_ufrag(&client(), "else");
    let forged = common::other_pwd(&client());
    for (check, what) in [
        (Check { controlled: true, ..Check::new(&stranger, &server().ufrag, 1) }, "local ufrag"),
        (Check { controlled: true, ..Check::new(&client(), "evil", 2) }, "remote ufrag"),
        (Check { controlled: true, ..Check::new(&forged, &server().ufrag, 3) }, "password"),
        (Check { integrity: false, ..peer_check(4) }, "no integrity"),
        (Check { fingerprint: false, ..peer_check(5) }, "no fingerprint"),
        (Check { priority: None, ..peer_check(6) }, "no PRIORITY"),
        (Check { username: None, ..peer_check(7) }, "no USERNAME"),
        (Check { class: Class::Indication, ..peer_check(8) }, "indication"),
    ] {
        let dropped = agent.counters().dropped();
        agent.handle_datagram(now, here(), &check.build());
        assert_eq!(transmit(&mut agent), None, "{what}");
        assert_eq!(agent.counters().dropped(), dropped + 1, "{what}");
    }
    let check = peer_check(9);
    agent.handle_datagram(now, here(), &check.build());
    let response = transmit(&mut agent).unwrap();
    let response = authentic(&response, &client().pwd);
    assert_eq!(response.class(), Class::SuccessResponse);
    assert_eq!(response.transaction_id().0, check.id);
    assert_eq!(response.xor_mapped_address(), Some(here().remote));
}

#[test]
fn the_larger_tie_breaker_keeps_control() {
    let now = epoch();
    let (mut agent, check) = agent(now);
    // The check helper claims control with a tie-breaker of 1, which is not the larger one.
    assert!(Message::parse(&check).unwrap().ice_controlling().unwrap() > 1);
    agent.handle_datagram(now, here(), &Check { controlled: false, ..peer_check(1) }.build());
    let response = transmit(&mut agent).unwrap();
    let error = authentic(&response, &client().pwd).error_code().unwrap().code;
    assert_eq!(error, 487);
}

#[test]
fn a_487_makes_it_controlled_and_a_nomination_of_the_peer_counts() {
    let now = epoch();
    let (mut agent, check) = agent(now);
    let id = Message::parse(&check).unwrap().transaction_id();
    let mut out = [0; 200];
    let mut builder =
        MessageBuilder::new(&mut out, Class::ErrorResponse, Method::BINDING, id).unwrap();
    builder.error_code(tsubame_stun::attribute::ErrorCode::ROLE_CONFLICT).unwrap();
    builder.integrity(server().pwd.as_bytes()).unwrap().fingerprint().unwrap();
    let length = builder.finish();
    agent.handle_datagram(now, here(), &out[..length]);

    let now = now + ms(50);
    agent.handle_timeout(now);
    let again = transmit(&mut agent).unwrap();
    let before = Message::parse(&check).unwrap().ice_controlling();
    let after = Message::parse(&again).unwrap().ice_controlled();
    assert!(after.is_some() && after != before, "another role, another tie-breaker");
    agent.handle_datagram(now, here(), &success(&again, &server().pwd, true));
    assert_eq!(agent.selected(), None, "the controlled side does not nominate");
    let nomination = Check { controlled: false, ..peer_check(3).nominating(5) };
    agent.handle_datagram(now, here(), &nomination.build());
    assert_eq!(agent.selected(), Some(here()));

    // Both controlled: the larger tie-breaker takes control, the request is answered.
    agent.handle_datagram(now, here(), &peer_check(4).build());
    let mut answers = std::iter::from_fn(|| transmit(&mut agent));
    let last = answers.by_ref().last().unwrap();
    assert_eq!(authentic(&last, &client().pwd).class(), Class::SuccessResponse);
}

#[test]
fn a_success_without_mapped_address_is_as_good_as_lost() {
    let now = epoch();
    let (mut agent, check) = agent(now);
    agent.handle_datagram(now, here(), &success(&check, &server().pwd, false));
    assert_eq!(agent.counters().bad_attribute, 1);
    assert_eq!(agent.round_trip(), None);
    agent.handle_datagram(now, here(), &success(&check, "another password", true));
    assert_eq!(agent.counters().wrong_integrity, 1);
    assert_eq!(agent.round_trip(), None);
    agent.handle_datagram(now + ms(30), here(), &success(&check, &server().pwd, true));
    assert_eq!(agent.round_trip(), Some(ms(30)));
    agent.handle_datagram(now + ms(60), here(), &success(&check, &server().pwd, true));
    assert_eq!(agent.counters().unknown_transaction, 1, "a response counts once");
}

#[test]
fn a_triggered_check_does_not_void_the_response_to_the_one_before() {
    let now = epoch();
    let (mut agent, first) = agent(now);
    agent.handle_datagram(now, here(), &peer_check(1).build());
    transmit(&mut agent).unwrap();
    agent.handle_timeout(now + ms(50));
    let second = transmit(&mut agent).unwrap();
    assert_ne!(
        Message::parse(&first).unwrap().transaction_id(),
        Message::parse(&second).unwrap().transaction_id()
    );
    agent.handle_datagram(now + ms(80), here(), &success(&first, &server().pwd, true));
    assert_eq!(agent.counters().unknown_transaction, 0);
    assert_eq!(agent.round_trip(), Some(ms(80)));
}

#[test]
fn an_undrained_output_queue_is_bounded() {
    let now = epoch();
    let (mut agent, _) = agent(now);
    for number in 0..99 {
        agent.add_remote_candidate(now, &Candidate::host(addr(&format!("10.0.0.{number}:9")), 1));
    }
    while let Some(due) = agent.poll_timeout() {
        agent.handle_timeout(due);
    }
    let queued = std::iter::from_fn(|| transmit(&mut agent)).count();
    assert_eq!(queued, 256);
    assert_eq!(agent.counters().unsent, 100 * 7 - 1 - 256);
}

#[test]
fn a_late_response_to_a_check_does_not_end_the_nomination() {
    let now = epoch();
    let (mut agent, first) = agent(now);
    // A check of the peer's triggers a second check while the first is under way.
    agent.handle_datagram(now, here(), &peer_check(1).build());
    transmit(&mut agent).unwrap();
    let now = now + ms(50);
    agent.handle_timeout(now);
    let second = transmit(&mut agent).unwrap();
    agent.handle_datagram(now, here(), &success(&second, &server().pwd, true));
    let now = now + ms(50);
    agent.handle_timeout(now);
    let nomination = transmit(&mut agent).unwrap();
    assert!(Message::parse(&nomination).unwrap().use_candidate());
    agent.handle_datagram(now, here(), &success(&first, &server().pwd, true));
    assert_eq!(agent.poll_timeout(), Some(now + ms(500)), "it is still repeated");
    agent.handle_datagram(now, here(), &success(&nomination, &server().pwd, true));
    assert_eq!(agent.selected(), Some(here()));
}

#[test]
fn two_checks_refused_for_one_conflict_change_the_role_once() {
    let now = epoch();
    let (mut agent, first) = agent(now);
    agent.add_local_candidate(now, addr("198.51.100.8:5000"));
    agent.handle_timeout(now + ms(50));
    let second = transmit(&mut agent).unwrap();
    let there = Path::udp(addr("198.51.100.8:5000"), here().remote);
    for (check, path) in [(&first, here()), (&second, there)] {
        let id = Message::parse(check).unwrap().transaction_id();
        let mut out = [0; 200];
        let mut builder =
            MessageBuilder::new(&mut out, Class::ErrorResponse, Method::BINDING, id).unwrap();
        builder.error_code(tsubame_stun::attribute::ErrorCode::ROLE_CONFLICT).unwrap();
        builder.integrity(server().pwd.as_bytes()).unwrap().fingerprint().unwrap();
        let length = builder.finish();
        agent.handle_datagram(now + ms(60), path, &out[..length]);
        assert_eq!(agent.role(), Role::Controlled);
    }
}

#[test]
fn a_retransmission_is_the_same_message_whatever_the_role_is_by_then() {
    let now = epoch();
    let (mut agent, check) = agent(now);
    // The peer claims control with the largest tie-breaker there is.
    let mut claim = Check { controlled: false, tie_breaker: u64::MAX, ..peer_check(1) };
    claim.priority = Some(1);
    // It comes by a way of its own, so that the check that runs is not replaced by a triggered one.
    let elsewhere = Path::udp(here().local, addr("203.0.113.3:3"));
    agent.handle_datagram(now, elsewhere, &claim.build());
    assert_eq!(agent.role(), Role::Controlled);
    transmit(&mut agent).unwrap();
    agent.handle_timeout(now + ms(50));
    transmit(&mut agent).unwrap();
    agent.handle_timeout(now + ms(500));
    assert_eq!(transmit(&mut agent).unwrap(), check);
}

/// RFC 8445 §7.3.1.4, §6.1.4.2: what the peer checks is checked at the next opportunity, before anything that waits.
#[test]
fn a_check_of_the_peer_triggers_one_back_before_others() {
    let now = epoch();
    let (mut agent, _) = agent(now);
    for number in 1..=5 {
        let better = Candidate::host(addr(&format!("10.0.0.{number}:9")), 65_535);
        agent.add_remote_candidate(now, &better);
    }
    let from = Path::udp(here().local, addr("203.0.113.3:3"));
    let check = Check { priority: Some(1), ..peer_check(1) };
    agent.handle_datagram(now, from, &check.build());
    transmit(&mut agent).unwrap();
    agent.handle_timeout(now + ms(50));
    let sent = agent.poll_transmit(&mut [0; 1500]).unwrap();
    assert_eq!(sent.path, from);
}

#[test]
fn a_peer_reflexive_address_is_learnt_and_can_be_selected() {
    let now = epoch();
    let (mut agent, _) = agent(now);
    let from = Path::udp(here().local, addr("203.0.113.3:3"));
    agent.handle_datagram(now, from, &peer_check(1).build());
    transmit(&mut agent).unwrap();
    // The signaled address stays silent until it is given up.
    let mut now = now;
    while agent.selected().is_none() {
        now = agent.poll_timeout().unwrap().max(now);
        agent.handle_timeout(now);
        let mut out = [0; 1500];
        while let Some(sent) = agent.poll_transmit(&mut out) {
            if sent.path == from {
                let response = success(&out[..sent.len], &server().pwd, true);
                agent.handle_datagram(now, from, &response);
            }
        }
    }
    assert_eq!(agent.selected(), Some(from));
}

#[test]
fn a_thousand_peer_reflexive_addresses_stay_bounded_and_the_last_still_works() {
    let now = epoch();
    let (mut agent, _) = agent(now);
    let mut last = here();
    for number in 1..=1000u32 {
        last = Path::udp(here().local, addr(&format!("203.0.113.3:{}", 1000 + number)));
        agent.handle_datagram(now, last, &peer_check(number).build());
        while transmit(&mut agent).is_some() {}
    }
    let mut paths = std::collections::BTreeSet::new();
    let mut now = now;
    for _ in 0..400 {
        now = agent.poll_timeout().unwrap().max(now);
        agent.handle_timeout(now);
        while let Some(sent) = agent.poll_transmit(&mut [0; 1500]) {
            paths.insert(sent.path);
        }
    }
    assert!(paths.contains(&last));
    assert!(paths.len() <= 100, "{}", paths.len());
}

#[test]
fn a_response_with_a_guessed_password_changes_nothing() {
    let now = epoch();
    let (mut agent, check) = agent(now);
    let due = agent.poll_timeout();
    for guess in ["", "password", &client().pwd, &server().ufrag] {
        agent.handle_datagram(now, here(), &success(&check, guess, true));
    }
    assert_eq!(agent.counters().wrong_integrity, 4);
    assert_eq!((agent.poll_timeout(), agent.selected()), (due, None));
}
