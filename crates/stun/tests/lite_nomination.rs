//! Which path is used: the latest nomination, damped while the session sets up.

mod common;

use common::{Check, Lite, client, ms, path, server};
use tsubame_stun::ice::LiteConfig;
use tsubame_stun::ice::LiteEvent::{Forgotten, Selected, Verified};

const A: &str = "198.51.100.7:5000";
const B: &str = "198.51.100.8:5000";
const C: &str = "198.51.100.9:5000";

#[test]
fn the_first_nomination_is_believed_at_once() {
    let mut lite = Lite::answered();
    assert_eq!(lite.ask(A), [Verified(path(A))]);
    assert_eq!(lite.agent.selected(), None);
    assert_eq!(lite.nominate(A, 5), [Selected(path(A))]);
    assert_eq!(lite.agent.selected(), Some(path(A)));
    assert_eq!(lite.nominate(A, 5), []);
}

#[test]
fn aggressive_nomination_settles_for_the_highest_priority() {
    let mut lite = Lite::answered();
    assert_eq!(lite.nominate(B, 50), [Verified(path(B)), Selected(path(B))]);
    lite.now += ms(20);
    assert_eq!(lite.nominate(A, 10), [Verified(path(A))], "lower: no flapping");
    lite.now += ms(20);
    assert_eq!(lite.nominate(C, 90), [Verified(path(C)), Selected(path(C))]);
    lite.now += ms(20);
    assert_eq!(lite.nominate(B, 50), []);
    assert_eq!(lite.nominate(A, 90), [], "equal: no flapping");
    assert_eq!(lite.agent.selected(), Some(path(C)));
}

#[test]
fn after_set_up_the_latest_wins() {
    let mut lite = Lite::answered();
    lite.nominate(A, 90);
    lite.now += ms(999);
    assert_eq!(lite.nominate(B, 10), [Verified(path(B))]);
    lite.now += ms(1);
    assert_eq!(lite.nominate(B, 10), [Selected(path(B))]);
    lite.now += ms(5);
    assert_eq!(lite.nominate(A, 10), [Selected(path(A))]);
}

#[test]
fn a_retransmission_is_not_a_later_nomination() {
    let mut lite = Lite::answered();
    let first = lite.check().nominating(90).build();
    lite.feed(path(A), &first);
    lite.now += ms(2000);
    lite.nominate(B, 10);
    assert_eq!(lite.agent.selected(), Some(path(B)));
    lite.now += ms(10);
    assert_eq!(lite.feed(path(A), &first).len(), 1, "it is answered");
    assert_eq!(lite.agent.selected(), Some(path(B)), "but it is old");
}

#[test]
fn a_check_without_nomination_selects_nothing() {
    let mut lite = Lite::answered();
    lite.nominate(A, 9);
    lite.now += ms(20_000);
    assert_eq!(lite.ask(B), [Verified(path(B))], "though the selected path is silent");
    assert_eq!(lite.agent.selected(), Some(path(A)));
}

#[test]
fn a_silent_path_yields_to_a_nomination() {
    // A window so long that only silence can explain the change.
    let config = LiteConfig { nomination_window: ms(60_000), ..LiteConfig::default() };
    let mut lite = Lite::with(config);
    lite.nominate(A, 90);
    lite.now += ms(14_999);
    assert_eq!(lite.nominate(B, 10), [Verified(path(B))]);
    lite.now += ms(1);
    assert_eq!(lite.nominate(B, 10), [Selected(path(B))]);
}

/// Firefox settles for one of the pairs it nominated and keeps asking on it without nominating it again.
#[test]
fn a_silent_path_yields_to_one_that_was_nominated_and_still_asks() {
    let mut lite = Lite::answered();
    lite.nominate(A, 90);
    assert_eq!(lite.nominate(B, 10), [Verified(path(B))]);
    for _ in 0..2 {
        lite.now += ms(5000);
        assert_eq!(lite.ask(B), []);
    }
    lite.now += ms(5000);
    assert_eq!(lite.ask(B), [Selected(path(B))]);
}

#[test]
fn checks_before_the_answer_count_if_their_ufrag_is_that_of_the_answer() {
    let mut lite = Lite::new();
    assert_eq!(lite.nominate(A, 9), [Verified(path(A)), Selected(path(A))]);
    lite.agent.set_remote_ufrag(lite.now, &client().ufrag);
    assert_eq!(lite.events(), []);
    assert_eq!(lite.agent.selected(), Some(path(A)));
}

#[test]
fn checks_before_the_answer_with_another_ufrag_are_undone() {
    let mut lite = Lite::new();
    let stranger = Check::new(&server(), "evil", 77).nominating(u32::MAX).build();
    lite.feed(path(B), &stranger);
    assert_eq!(lite.events(), [Verified(path(B)), Selected(path(B))]);
    assert_eq!(lite.nominate(A, 9), [Verified(path(A))]);
    lite.agent.set_remote_ufrag(lite.now, &client().ufrag);
    assert_eq!(lite.events(), [Forgotten(path(B))]);
    assert_eq!(lite.agent.selected(), None);
    assert!(!lite.agent.is_verified(&path(B)) && lite.agent.is_verified(&path(A)));
    assert_eq!(lite.ask(A), [Selected(path(A))], "it was nominated before");
}

#[test]
fn one_remote_address_by_two_local_ones_is_two_paths() {
    let mut lite = Lite::answered();
    let other = tsubame_stun::ice::Path { local: common::addr("192.0.2.2:3478"), ..path(A) };
    lite.nominate(A, 9);
    assert!(!lite.agent.is_verified(&other));
    lite.now += ms(2000);
    let check = lite.check().nominating(9).build();
    assert_eq!(lite.feed(other, &check)[0].0, other);
    assert_eq!(lite.agent.selected(), Some(other));
}
