//! How long paths, consent and credentials of a lite agent live.

mod common;

use common::{Check, Lite, client, ms, path, server};
use tsubame_stun::ice::LiteEvent::{ConsentExpired, Forgotten, Selected, Verified};
use tsubame_stun::ice::{Credentials, LiteConfig};

const A: &str = "198.51.100.7:5000";
const B: &str = "198.51.100.8:5000";

fn remote(number: u16) -> String {
    format!("198.51.100.7:{}", 5000 + number)
}

#[test]
fn consent_expires_after_thirty_seconds_of_silence() {
    let mut lite = Lite::answered();
    lite.nominate(A, 9);
    assert_eq!(lite.pass(ms(29_999)), []);
    assert_eq!(lite.agent.selected(), Some(path(A)));
    assert_eq!(lite.pass(ms(1)), [Forgotten(path(A)), ConsentExpired]);
    assert_eq!(lite.agent.selected(), None);
    assert_eq!(lite.agent.poll_timeout(), None);
}

#[test]
fn authenticated_requests_keep_consent() {
    let mut lite = Lite::answered();
    lite.nominate(A, 9);
    for _ in 0..20 {
        assert_eq!(lite.pass(ms(29_000)), []);
        assert_eq!(lite.ask(A), []);
    }
}

#[test]
fn requests_by_another_path_or_without_integrity_do_not_keep_consent() {
    let mut lite = Lite::answered();
    lite.nominate(A, 9);
    lite.pass(ms(29_000));
    assert_eq!(lite.ask(B), [Verified(path(B))]);
    let forged = Check { integrity: false, ..lite.check() }.build();
    lite.assert_ignored(A, &forged, "no integrity");
    assert_eq!(lite.pass(ms(1000)), [Forgotten(path(A)), ConsentExpired]);
    assert!(lite.agent.is_verified(&path(B)));
}

#[test]
fn a_late_datagram_does_not_hide_that_consent_expired() {
    let mut lite = Lite::answered();
    lite.nominate(A, 9);
    lite.now += ms(30_000); // The timer was late: nobody called handle_timeout.
    assert_eq!(
        lite.nominate(A, 9),
        [Forgotten(path(A)), ConsentExpired, Verified(path(A)), Selected(path(A))]
    );
}

#[test]
fn silent_paths_are_forgotten_and_the_selected_one_stays() {
    let mut lite = Lite::answered();
    lite.nominate(A, 9);
    lite.ask(B);
    lite.pass(ms(20_000));
    lite.ask(A);
    assert_eq!(lite.pass(ms(10_000)), [Forgotten(path(B))]);
    assert_eq!(lite.agent.selected(), Some(path(A)));
}

#[test]
fn eight_paths_fit_and_the_ninth_takes_the_place_of_the_oldest_unselected() {
    let mut lite = Lite::answered();
    lite.nominate(&remote(0), 9);
    for number in 1..8 {
        lite.now += ms(1);
        assert_eq!(lite.ask(&remote(number)), [Verified(path(&remote(number)))]);
    }
    for number in 0..8 {
        assert!(lite.agent.is_verified(&path(&remote(number))));
    }
    lite.now += ms(1);
    assert_eq!(
        lite.ask(&remote(8)),
        [Forgotten(path(&remote(1))), Verified(path(&remote(8)))],
        "0 is the oldest, but selected"
    );
    lite.now += ms(1);
    lite.ask(&remote(2));
    lite.now += ms(1);
    assert_eq!(
        lite.ask(&remote(9)),
        [Forgotten(path(&remote(3))), Verified(path(&remote(9)))],
        "2 was heard meanwhile"
    );
    assert_eq!(lite.agent.counters().evicted_paths, 2);
}

#[test]
fn a_limit_of_one_is_two() {
    let config = LiteConfig { max_paths: 1, ..LiteConfig::default() };
    let mut lite = Lite::with(config);
    lite.nominate(A, 9);
    lite.ask(B);
    assert!(lite.agent.is_verified(&path(A)) && lite.agent.is_verified(&path(B)));
}

#[test]
fn ten_thousand_remote_addresses_leave_eight_paths() {
    let mut lite = Lite::answered();
    lite.nominate(A, 9);
    let mut verified = 1;
    for number in 1..10_001u16 {
        for event in lite.ask(&remote(number)) {
            match event {
                Verified(_) => verified += 1,
                Forgotten(_) => verified -= 1,
                other => panic!("{other:?}"),
            }
        }
        assert!(verified <= 8);
    }
    assert_eq!(lite.agent.selected(), Some(path(A)));
}

#[test]
fn undrained_events_are_bounded() {
    let mut lite = Lite::answered();
    for number in 0..1000 {
        let check = lite.check().build();
        lite.agent.handle_datagram(lite.now, path(&remote(number)), &check);
    }
    assert_eq!(lite.events().len(), 256);
}

fn renewed() -> Credentials {
    Credentials { ufrag: "newufrag".into(), pwd: "n".repeat(24) }
}

fn ufrags(lite: &Lite) -> Vec<String> {
    lite.agent.local_ufrags().map(str::to_owned).collect()
}

#[test]
fn old_and_new_ufrag_are_valid_until_the_new_one_is_nominated() {
    let mut lite = Lite::answered();
    lite.nominate(A, 90);
    lite.agent.restart(lite.now, renewed());
    assert_eq!(ufrags(&lite), ["newufrag", "tsbm4f9K"]);
    assert_eq!(lite.agent.local(), &renewed());
    assert_eq!(lite.ask(A), [], "the old ones still serve");
    assert_eq!(lite.agent.selected(), Some(path(A)));

    lite.agent.set_remote_ufrag(lite.now, "peer2");
    lite.ask(A);
    let check = Check::new(&renewed(), "peer2", 2001).build();
    assert_eq!(lite.feed(path(B), &check).len(), 1);
    assert_eq!(lite.events(), [Verified(path(B))]);
    assert_eq!(ufrags(&lite).len(), 2, "a check is no nomination");

    // The priority is lower, but it is a new generation.
    let check = Check::new(&renewed(), "peer2", 2002).nominating(1).build();
    assert_eq!(lite.feed(path(B), &check).len(), 1);
    assert_eq!(lite.events(), [Selected(path(B))]);
    assert_eq!(ufrags(&lite), ["newufrag"]);
    let old = lite.check().nominating(u32::MAX).build();
    lite.assert_ignored(A, &old, "the old credentials are over");
}

#[test]
fn each_generation_has_a_remote_ufrag_of_its_own() {
    let mut lite = Lite::answered();
    lite.nominate(A, 90);
    lite.agent.restart(lite.now, renewed());
    let early = Check::new(&renewed(), "anybody", 2001).build();
    assert_eq!(lite.feed(path(B), &early).len(), 1, "no answer yet to the new credentials");
    lite.events();
    lite.agent.set_remote_ufrag(lite.now, "peer2");
    assert_eq!(lite.events(), [Forgotten(path(B))], "and it was another's");
    assert_eq!(lite.agent.selected(), Some(path(A)));

    let crossed = Check::new(&renewed(), &client().ufrag, 2002).build();
    lite.assert_ignored(A, &crossed, "new local, old remote");
    let crossed = Check::new(&server(), "peer2", 2003).build();
    lite.assert_ignored(A, &crossed, "old local, new remote");
    assert_eq!(lite.agent.counters().wrong_remote_ufrag, 2);
}

#[test]
fn a_restart_on_the_same_path_is_told_too() {
    let mut lite = Lite::answered();
    lite.nominate(A, 90);
    lite.agent.restart(lite.now, renewed());
    lite.agent.set_remote_ufrag(lite.now, "peer2");
    let check = Check::new(&renewed(), "peer2", 1001).nominating(90).build();
    lite.feed(path(A), &check);
    assert_eq!(lite.events(), [Selected(path(A))]);
    assert_eq!(ufrags(&lite), ["newufrag"]);
}

#[test]
fn many_restarts_keep_two_generations_and_the_one_in_use() {
    let mut lite = Lite::answered();
    lite.nominate(A, 90);
    for number in 0..100 {
        let local = Credentials { ufrag: format!("ufrag{number}"), pwd: "p".repeat(24) };
        lite.agent.restart(lite.now, local);
        assert_eq!(ufrags(&lite), [format!("ufrag{number}"), "tsbm4f9K".into()]);
        assert_eq!(lite.ask(A), []);
    }
}

#[test]
fn an_unanswered_generation_ends_with_the_answer_to_the_next() {
    let mut lite = Lite::new();
    lite.nominate(A, 90);
    lite.agent.restart(lite.now, renewed());
    lite.agent.set_remote_ufrag(lite.now, "peer2");
    assert_eq!(ufrags(&lite), ["newufrag"]);
    assert_eq!(lite.events(), [Forgotten(path(A))]);
    assert_eq!(lite.agent.selected(), None);
}

#[test]
fn a_path_that_was_confirmed_stays_so_whoever_asks_on_it_later() {
    let mut lite = Lite::answered();
    lite.nominate(A, 90);
    lite.agent.restart(lite.now, renewed());
    let early = Check::new(&renewed(), "anybody", 1001).build();
    assert_eq!(lite.feed(path(A), &early).len(), 1);
    lite.agent.set_remote_ufrag(lite.now, "peer2");
    assert_eq!(lite.events(), []);
    assert_eq!(lite.agent.selected(), Some(path(A)));
}

#[test]
fn a_limit_of_one_is_two_even_before_a_selection() {
    let mut lite = Lite::with(LiteConfig { max_paths: 1, ..LiteConfig::default() });
    lite.ask(A);
    lite.ask(B);
    assert!(lite.agent.is_verified(&path(A)) && lite.agent.is_verified(&path(B)));
}
