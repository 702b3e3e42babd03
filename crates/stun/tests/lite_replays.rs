//! Requests that come more than once, and answers that are never longer than what asked for them.

mod common;

use common::{Check, Lite, authentic, client, ms, path, server};
use tsubame_stun::Class;
use tsubame_stun::ice::LiteEvent;

const A: &str = "198.51.100.7:5000";
const THIEF: &str = "203.0.113.66:6666";

#[test]
fn a_replayed_nomination_from_another_address_is_met_with_silence() {
    let mut lite = Lite::answered();
    lite.ask(A);
    let nomination = lite.check().nominating(9).build();
    assert_eq!(lite.feed(path(A), &nomination).len(), 1);
    lite.events();
    lite.now += ms(5000);
    lite.assert_ignored(THIEF, &nomination, "a nomination that was seen on its way");
    assert_eq!(lite.agent.counters().replayed, 1);
    assert_eq!(lite.agent.selected(), Some(path(A)));
}

/// A copy that is faster than the request itself does not keep the peer out, and what was seen nowhere else decides: one race
/// that the copy does not win gives the peer its media, for good.
#[test]
fn a_copy_that_is_faster_than_the_request_does_not_shut_the_peer_out() {
    let mut lite = Lite::answered();
    for round in 0..20 {
        let nomination = lite.check().nominating(9).build();
        lite.feed(path(THIEF), &nomination);
        lite.now += ms(20);
        assert_eq!(lite.feed(path(A), &nomination).len(), 1, "round {round}: answered");
        assert!(lite.agent.is_verified(&path(A)));
        lite.now += ms(3000);
    }
    lite.nominate(A, 9);
    assert_eq!(lite.agent.selected(), Some(path(A)), "the one that was not copied");
    for round in 0..20 {
        lite.now += ms(3000);
        let nomination = lite.check().nominating(9).build();
        lite.feed(path(THIEF), &nomination);
        lite.now += ms(1);
        assert_eq!(lite.feed(path(A), &nomination).len(), 1, "round {round}: answered");
        assert_eq!(lite.agent.selected(), Some(path(A)), "round {round}");
    }
}

/// Who sees every request of the peer pass and repeats it at once is verified, perhaps, and gets no media for it.
#[test]
fn a_copy_that_comes_a_millisecond_later_never_moves_the_selection() {
    for from in [THIEF, "203.0.113.66:6667"] {
        let mut lite = Lite::answered();
        lite.events();
        for round in 0..100 {
            let nomination = lite.check().nominating(9).build();
            assert_eq!(lite.feed(path(A), &nomination).len(), 1);
            lite.now += ms(1);
            lite.feed(path(from), &nomination);
            assert_eq!(lite.agent.selected(), Some(path(A)), "round {round}");
            lite.now += ms(2500);
        }
        let selections =
            lite.events().iter().filter(|event| matches!(event, LiteEvent::Selected(_))).count();
        assert_eq!(selections, 1);
    }
}

#[test]
fn a_copy_from_a_path_that_is_verified_by_requests_of_its_own_moves_nothing() {
    let mut lite = Lite::answered();
    lite.nominate(A, 9);
    lite.ask(THIEF);
    lite.now += ms(2000);
    lite.ask(A);
    let nomination = lite.check().nominating(9).build();
    lite.feed(path(A), &nomination);
    lite.now += ms(1);
    assert_eq!(lite.feed(path(THIEF), &nomination).len(), 1, "which is the copy cannot be told");
    assert_eq!(lite.agent.selected(), Some(path(A)));
}

/// The limit of the defence, as docs/protocols/stun.md says it.
#[test]
fn a_copy_is_known_for_512_transactions_and_believed_after_that() {
    let mut lite = Lite::answered();
    let old = lite.check().nominating(9).build();
    lite.feed(path(A), &old);
    for _ in 0..511 {
        lite.now += ms(2500);
        lite.ask(A);
    }
    lite.assert_ignored(THIEF, &old, "it is remembered");
    lite.ask(A);
    assert_eq!(lite.feed(path(THIEF), &old).len(), 1);
    assert_eq!(lite.agent.selected(), Some(path(THIEF)));
}

#[test]
fn a_copy_of_the_first_request_is_met_with_silence_once_its_path_is_known_by_another() {
    let mut lite = Lite::answered();
    let nomination = lite.check().nominating(9).build();
    lite.feed(path(A), &nomination);
    lite.ask(A);
    lite.assert_ignored(THIEF, &nomination, "a copy of the first");
}

/// A translator that forgets between two transmissions: the first came by an address that nobody uses any more.
#[test]
fn a_retransmission_by_another_address_counts_if_nothing_else_is_known_of_the_first() {
    let mut lite = Lite::answered();
    let check = lite.check().build();
    lite.feed(path(THIEF), &check);
    lite.events();
    for _ in 0..3 {
        lite.now += ms(1000);
        assert_eq!(lite.feed(path(A), &check).len(), 1);
    }
    assert_eq!(lite.events(), [LiteEvent::Verified(path(A))]);
}

#[test]
fn a_replay_to_another_of_our_addresses_is_met_with_silence() {
    let mut lite = Lite::answered();
    let nomination = lite.check().nominating(9).build();
    lite.feed(path(A), &nomination);
    lite.ask(A);
    let there = tsubame_stun::ice::Path::udp(common::addr("192.0.2.2:3478"), common::addr(A));
    assert!(lite.feed(there, &nomination).is_empty());
    assert!(!lite.agent.is_verified(&there));
}

#[test]
fn a_retransmission_is_answered_again_and_counts_once() {
    let mut lite = Lite::answered();
    let nomination = lite.check().nominating(9).build();
    let first = lite.feed(path(A), &nomination);
    lite.events();
    let due = lite.agent.poll_timeout();
    lite.now += ms(500);
    assert_eq!(lite.feed(path(A), &nomination), first);
    assert_eq!(lite.events(), []);
    assert_eq!(lite.agent.poll_timeout(), due, "consent is as old as the request");
}

#[test]
fn repeated_requests_of_a_peer_that_is_gone_do_not_keep_consent() {
    let mut lite = Lite::answered();
    let nomination = lite.check().nominating(9).build();
    lite.feed(path(A), &nomination);
    lite.events();
    for _ in 0..29 {
        assert_eq!(lite.pass(ms(1000)), []);
        lite.feed(path(A), &nomination);
    }
    assert_eq!(lite.pass(ms(1000)), [LiteEvent::Forgotten(path(A)), LiteEvent::ConsentExpired]);
}

#[test]
fn an_old_nomination_is_no_later_one_whatever_came_between() {
    let mut lite = Lite::answered();
    let old = lite.check().nominating(9).build();
    lite.feed(path(A), &old);
    lite.events();
    lite.now += ms(2000);
    assert_eq!(lite.nominate(THIEF, 5).len(), 2, "set-up is over: the latest nomination wins");
    for _ in 0..20 {
        lite.ask(A);
    }
    lite.feed(path(A), &old);
    assert_eq!(lite.agent.selected(), Some(path(THIEF)));
}

/// The shortest request ICE allows, and those that are shorter: no response is longer than its request.
#[test]
fn no_response_is_longer_than_its_request() {
    let mut shortest = usize::MAX;
    for remote in [A, "[2001:db8::7]:5000"] {
        for sha256 in [false, true] {
            for extra in [
                vec![],
                vec![(0x7fff, vec![])],
                (0..40).map(|kind| (0x7f00 + kind, vec![])).collect(),
            ] {
                for controlled in [false, true] {
                    for priority in [None, Some(7)] {
                        let mut lite = Lite::new();
                        let check = Check {
                            sha256,
                            extra: extra.clone(),
                            controlled,
                            priority,
                            username: Some("tsbm4f9K:Xo7Q".into()),
                            ..lite.check()
                        };
                        let request = check.build();
                        let responses = lite.feed(path(remote), &request);
                        assert_eq!(responses.len(), 1);
                        assert!(responses[0].1.len() <= request.len(), "{check:?}");
                        authentic(&responses[0].1, &server().pwd);
                        shortest = shortest.min(request.len());
                    }
                }
            }
        }
    }
    assert!(shortest <= 84, "{shortest}");
}

/// A request without PRIORITY and role is shorter than the answer to it over IPv6: it counts, and is not answered.
#[test]
fn a_response_that_would_be_longer_is_not_sent() {
    let mut lite = Lite::answered();
    let bare = Check { priority: None, role: false, ..lite.check() };
    let request = bare.build();
    assert_eq!(request.len(), 72);
    assert_eq!(lite.feed(path(A), &request)[0].1.len(), 64, "IPv4 fits");
    let again = Check { id: [9; 12], ..bare }.build();
    assert_eq!(lite.feed(path("[2001:db8::7]:5000"), &again), []);
    assert_eq!(lite.agent.counters().amplifying, 1);
}

#[test]
fn errors_leave_their_reason_out_where_it_has_no_room() {
    let mut lite = Lite::answered();
    let check =
        Check { extra: vec![(0x7fff, vec![])], priority: None, role: false, ..lite.check() };
    let request = check.build();
    let sent = lite.feed(path(A), &request);
    let response = authentic(&sent[0].1, &server().pwd);
    assert_eq!(response.class(), Class::ErrorResponse);
    let error = response.error_code().unwrap();
    assert_eq!((error.code, error.reason), (420, ""));
    assert_eq!(response.unknown_attributes().unwrap().count(), 1);
    assert!(sent[0].1.len() <= request.len());
}

#[test]
fn a_hundred_forgeries_and_replays_earn_no_octet() {
    let mut lite = Lite::answered();
    lite.ask(A);
    let seen = lite.check().nominating(9).build();
    lite.feed(path(A), &seen);
    let forged = Check::new(&common::other_pwd(&server()), &client().ufrag, 1).build();
    let mut octets = 0;
    for port in 1..=100 {
        let from = path(&format!("203.0.113.66:{port}"));
        for datagram in [&seen, &forged] {
            octets += lite.feed(from, datagram).iter().map(|(_, sent)| sent.len()).sum::<usize>();
        }
    }
    assert_eq!(octets, 0);
}
