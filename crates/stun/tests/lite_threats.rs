//! Each row of the threats to ICE as a test: silence, no state, a counter.

mod common;

use common::{
    Check, Lite, append, append_fingerprint, authentic, bytes, client, ice_vector, path, server,
};
use tsubame_stun::ice::{LiteEvent, Path, peek_username};
use tsubame_stun::{AttributeType, Class};

const REMOTE: &str = "198.51.100.7:5000";

#[test]
fn no_integrity() {
    let mut lite = Lite::answered();
    let check = Check { integrity: false, ..lite.check().nominating(9) };
    lite.assert_ignored(REMOTE, &check.build(), "no MESSAGE-INTEGRITY");
    assert_eq!(lite.agent.counters().missing_integrity, 1);
}

#[test]
fn wrong_integrity() {
    let mut lite = Lite::answered();
    let receiver = common::other_pwd(&server());
    let check = Check { receiver, ..lite.check().nominating(9) };
    lite.assert_ignored(REMOTE, &check.build(), "another password");
    lite.assert_ignored(REMOTE, &Check { sha256: true, ..check }.build(), "SHA-256");
    lite.assert_ignored(REMOTE, &bytes(&ice_vector("wrong_integrity")["message"]), "golden");
    assert_eq!(lite.agent.counters().wrong_integrity, 3);
}

#[test]
fn truncated_integrity() {
    let mut lite = Lite::answered();
    let mut check = Check { integrity: false, fingerprint: false, ..lite.check() }.build();
    append(&mut check, 0x0008, &[]);
    append_fingerprint(&mut check);
    lite.assert_ignored(REMOTE, &check, "empty MESSAGE-INTEGRITY");

    let mut check = Check { integrity: false, fingerprint: false, ..lite.check() }.build();
    append(&mut check, 0x001c, &[]);
    append_fingerprint(&mut check);
    lite.assert_ignored(REMOTE, &check, "empty MESSAGE-INTEGRITY-SHA256");
    assert_eq!(lite.agent.counters().wrong_integrity, 2);
}

#[test]
fn wrong_peer_ufrag_after_the_answer() {
    let mut lite = Lite::answered();
    let check = Check::new(&server(), "evil", 1).nominating(9);
    lite.assert_ignored(REMOTE, &check.build(), "wrong remote ufrag");
    assert_eq!(lite.agent.counters().wrong_remote_ufrag, 1);
}

#[test]
fn unknown_local_ufrag() {
    let mut lite = Lite::answered();
    let receiver = common::other_ufrag(&server(), "tsbm4f9L");
    let check = Check::new(&receiver, &client().ufrag, 1).nominating(9);
    lite.assert_ignored(REMOTE, &check.build(), "not our ufrag");
    assert_eq!(lite.agent.counters().unknown_local_ufrag, 1);
}

#[test]
fn a_nomination_after_the_integrity_is_ignored() {
    for sha256 in [false, true] {
        let mut lite = Lite::answered();
        let mut check = Check { fingerprint: false, sha256, ..lite.check() }.build();
        append(&mut check, AttributeType::USE_CANDIDATE.number(), &[]);
        append_fingerprint(&mut check);
        // The check itself is authentic: it is answered, its path verified. But nobody nominated.
        assert_eq!(lite.feed(path(REMOTE), &check).len(), 1);
        assert_eq!(lite.events(), [LiteEvent::Verified(path(REMOTE))]);
        assert_eq!(lite.agent.selected(), None);
    }
}

#[test]
fn a_username_after_the_integrity_is_ignored() {
    let mut lite = Lite::answered();
    let mut check = Check { fingerprint: false, username: None, ..lite.check() }.build();
    append(&mut check, AttributeType::USERNAME.number(), b"tsbm4f9K:Xo7Q");
    append_fingerprint(&mut check);
    lite.assert_ignored(REMOTE, &check, "USERNAME after MESSAGE-INTEGRITY");
    assert_eq!(peek_username(&check), None);
}

#[test]
fn an_unknown_attribute_after_the_integrity_earns_no_420() {
    let mut lite = Lite::answered();
    let mut check = Check { fingerprint: false, ..lite.check() }.build();
    append(&mut check, 0x7fff, &[1, 2, 3]);
    append_fingerprint(&mut check);
    let sent = lite.feed(path(REMOTE), &check);
    assert_eq!(authentic(&sent[0].1, &server().pwd).class(), Class::SuccessResponse);
}

#[test]
fn wrong_fingerprint() {
    let mut lite = Lite::answered();
    lite.assert_ignored(REMOTE, &bytes(&ice_vector("wrong_fingerprint")["message"]), "golden");
    assert_eq!(lite.agent.counters().wrong_fingerprint, 1);
}

#[test]
fn no_fingerprint() {
    let mut lite = Lite::answered();
    let check = Check { fingerprint: false, ..lite.check().nominating(9) };
    lite.assert_ignored(REMOTE, &check.build(), "no FINGERPRINT");
    assert_eq!(lite.agent.counters().missing_fingerprint, 1);
}

#[test]
fn something_after_the_fingerprint() {
    let mut lite = Lite::answered();
    let mut check = lite.check().nominating(9).build();
    append(&mut check, AttributeType::SOFTWARE.number(), b"late");
    lite.assert_ignored(REMOTE, &check, "SOFTWARE after FINGERPRINT");
    assert_eq!(lite.agent.counters().malformed, 1);
}

#[test]
fn a_username_without_colon() {
    let mut lite = Lite::answered();
    for username in ["tsbm4f9K", "tsbm4f9KXo7Q", "", ":", "tsbm4f9K:", ":Xo7Q", "tsbm4f9K:Xo7Q:"] {
        let check = Check { username: Some(username.into()), ..lite.check() }.build();
        lite.assert_ignored(REMOTE, &check, username);
        assert_eq!(peek_username(&check), None, "{username}");
    }
    let check = Check { username: None, ..lite.check() }.build();
    lite.assert_ignored(REMOTE, &check, "no USERNAME");
    assert_eq!(lite.agent.counters().bad_username, 8);
}

#[test]
fn responses_and_indications() {
    let mut lite = Lite::answered();
    for class in [Class::Indication, Class::SuccessResponse, Class::ErrorResponse] {
        let check = Check { class, ..lite.check().nominating(9) };
        lite.assert_ignored(REMOTE, &check.build(), "not a request");
    }
    assert_eq!(lite.agent.counters().unexpected, 3);
}

#[test]
fn an_unauthenticated_message_is_never_answered_though_it_has_unknown_attributes() {
    let mut lite = Lite::answered();
    let check = Check { extra: vec![(0x7fff, vec![])], integrity: false, ..lite.check() };
    lite.assert_ignored(REMOTE, &check.build(), "unknown attribute, not authentic");
    let check = Check { controlled: true, integrity: false, ..lite.check() };
    lite.assert_ignored(REMOTE, &check.build(), "role conflict, not authentic");
}

#[test]
fn unknown_attributes_of_an_authentic_request_earn_420() {
    let mut lite = Lite::answered();
    let extra = vec![(0x7ffe, vec![1]), (0x7fff, vec![]), (0xfffe, vec![2])];
    let check = Check { extra, ..lite.check().nominating(9) };
    let sent = lite.feed(path(REMOTE), &check.build());
    let response = authentic(&sent[0].1, &server().pwd);
    assert_eq!(response.error_code().map(|error| error.code), Some(420));
    let named: Vec<_> = response.unknown_attributes().unwrap().map(AttributeType::number).collect();
    assert_eq!(named, [0x7ffe, 0x7fff], "what is optional is not complained about");
    assert_eq!(lite.events(), []);
    assert!(!lite.agent.is_verified(&path(REMOTE)));
}

#[test]
fn a_420_stays_small() {
    let mut lite = Lite::answered();
    let extra = (0x7000..0x7100).map(|kind| (kind, vec![])).collect();
    let check = Check { extra, ..lite.check() }.build();
    let sent = lite.feed(path(REMOTE), &check);
    assert!(sent[0].1.len() <= 128, "{}", sent[0].1.len());
}

#[test]
fn a_controlled_peer_earns_487() {
    let mut lite = Lite::answered();
    let check = Check { controlled: true, ..lite.check().nominating(9) };
    let sent = lite.feed(path(REMOTE), &check.build());
    let response = authentic(&sent[0].1, &server().pwd);
    assert_eq!(response.error_code().map(|error| error.code), Some(487));
    assert_eq!(lite.events(), []);
    assert_eq!(lite.agent.selected(), None);
}

#[test]
fn a_malformed_priority_is_dropped() {
    let mut lite = Lite::answered();
    let extra = vec![(AttributeType::PRIORITY.number(), vec![1, 2, 3])];
    let check = Check { priority: None, extra, ..lite.check().nominating(9) };
    lite.assert_ignored(REMOTE, &check.build(), "PRIORITY of three octets");
}

#[test]
fn a_request_may_lack_role_and_priority() {
    let mut lite = Lite::answered();
    let check = Check { priority: None, ..lite.check().nominating(0) };
    let check = Check { priority: None, ..check };
    assert_eq!(lite.feed(path(REMOTE), &check.build()).len(), 1);
    assert_eq!(lite.agent.selected(), Some(path(REMOTE)));
}

#[test]
fn an_answer_tells_the_address_and_leaves_from_the_one_that_was_asked() {
    for (local, remote) in [
        ("192.0.2.1:3478", "198.51.100.7:5000"),
        ("192.0.2.2:3479", "198.51.100.7:5000"),
        ("[2001:db8::1]:3478", "[2001:db8::f00d:1]:50422"),
        ("[::ffff:192.0.2.1]:3478", "[::ffff:198.51.100.9]:7"),
    ] {
        let mut lite = Lite::answered();
        let asked = Path::udp(common::addr(local), common::addr(remote));
        let check = lite.check();
        let sent = lite.feed(asked, &check.build());
        assert_eq!(sent.len(), 1);
        assert_eq!(sent[0].0, asked);
        let response = authentic(&sent[0].1, &server().pwd);
        assert_eq!(response.class(), Class::SuccessResponse);
        assert_eq!(response.transaction_id().0, check.id);
        assert_eq!(response.xor_mapped_address(), Some(asked.remote));
    }
}

#[test]
fn the_answer_to_the_golden_check_is_the_golden_answer() {
    let mut lite = Lite::answered();
    let nomination = bytes(&ice_vector("controlling_nomination")["message"]);
    let golden = common::vectors("stun_ice")
        .into_iter()
        .find(|vector| {
            vector["transaction_id"] == ice_vector("controlling_nomination")["transaction_id"]
                && vector["message_type"] == "0101"
        })
        .unwrap();
    let mapped = &golden["xor_mapped_address"];
    let remote = std::net::SocketAddr::new(
        mapped["ip"].as_str().unwrap().parse().unwrap(),
        u16::try_from(mapped["port"].as_u64().unwrap()).unwrap(),
    );
    let asked = Path::udp(common::addr("[2001:db8::1]:3478"), remote);
    let sent = lite.feed(asked, &nomination);
    assert_eq!(hex::encode(&sent[0].1), golden["message"].as_str().unwrap());
    assert_eq!(lite.agent.selected(), Some(asked));
}

#[test]
fn sha256_is_answered_with_sha256() {
    let mut lite = Lite::answered();
    let check = Check { sha256: true, ..lite.check().nominating(9) };
    let sent = lite.feed(path(REMOTE), &check.build());
    let response = authentic(&sent[0].1, &server().pwd);
    assert!(response.attribute(AttributeType::MESSAGE_INTEGRITY_SHA256).is_some());
    assert!(response.attribute(AttributeType::MESSAGE_INTEGRITY).is_none());
    assert_eq!(lite.agent.selected(), Some(path(REMOTE)));
}

#[test]
fn ten_thousand_forgeries_grow_nothing() {
    let mut lite = Lite::answered();
    lite.nominate(REMOTE, 9);
    let before = lite.agent.poll_timeout();
    let receiver = common::other_pwd(&server());
    for serial in 0..10_000u32 {
        let check = Check::new(&receiver, &client().ufrag, serial).nominating(u32::MAX);
        let [a, b, c, d] = serial.to_be_bytes();
        let from = common::addr(&format!("10.{b}.{c}.{d}:{}", 1024 + u16::from(a)));
        let from = Path::udp(path(REMOTE).local, from);
        assert!(lite.feed(from, &check.build()).is_empty());
        assert!(!lite.agent.is_verified(&from));
    }
    assert_eq!(lite.agent.counters().wrong_integrity, 10_000);
    assert_eq!(lite.agent.poll_timeout(), before);
    assert_eq!(lite.events(), []);
    // And no throttle holds the true peer back (CVE-2022-39368).
    assert_eq!(lite.ask("10.0.0.1:1024"), [LiteEvent::Verified(path("10.0.0.1:1024"))]);
}

#[test]
fn integrity_of_another_length_is_wrong() {
    for length in [0, 4, 16, 19, 20, 24, 28] {
        let mut lite = Lite::answered();
        let mut check = Check { integrity: false, fingerprint: false, ..lite.check() }.build();
        append(&mut check, 0x001c, &vec![0; length]);
        append_fingerprint(&mut check);
        lite.assert_ignored(REMOTE, &check, "truncated MESSAGE-INTEGRITY-SHA256");
        assert_eq!(lite.agent.counters().wrong_integrity, 1);
    }
}

/// A SHA-256 attribute that does not hold is not made up for by a SHA-1 one that does.
#[test]
fn the_weaker_hash_does_not_save_the_stronger() {
    let mut lite = Lite::answered();
    let mut check = Check { fingerprint: false, ..lite.check() }.build();
    append(&mut check, 0x001c, &[0; 32]);
    append_fingerprint(&mut check);
    lite.assert_ignored(REMOTE, &check, "wrong SHA-256 behind a right SHA-1");
}

#[test]
fn turn_is_not_understood_by_an_ice_agent() {
    let mut lite = Lite::answered();
    let check = Check { extra: vec![(0x000d, vec![0; 4])], ..lite.check() }.build();
    let sent = lite.feed(path(REMOTE), &check);
    let response = authentic(&sent[0].1, &server().pwd);
    assert_eq!(response.error_code().unwrap().code, 420);
    assert_eq!(response.unknown_attributes().unwrap().next(), Some(AttributeType::LIFETIME));
}

/// What libwebrtc adds to its checks is comprehension-optional: network cost, nomination counters, its own small
/// integrity, DTLS in STUN.
#[test]
fn the_extensions_of_libwebrtc_are_tolerated() {
    let mut lite = Lite::answered();
    let extra = [0xc001, 0xc057, 0xc058, 0xc059, 0xc05b, 0xc060, 0xc070, 0xc071]
        .map(|kind| (kind, vec![0; 4]))
        .to_vec();
    let check = Check { extra, ..lite.check() }.build();
    let sent = lite.feed(path(REMOTE), &check);
    assert_eq!(authentic(&sent[0].1, &server().pwd).class(), Class::SuccessResponse);
}

/// GOOG-PING (method 0x080) is sent only to peers that announced it.
#[test]
fn methods_other_than_binding_are_met_with_silence() {
    let mut lite = Lite::answered();
    for message_type in [0x0003_u16, 0x0004, 0x0200, 0x0100] {
        let mut check = Check { fingerprint: false, ..lite.check() }.build();
        check[..2].copy_from_slice(&message_type.to_be_bytes());
        append_fingerprint(&mut check);
        lite.assert_ignored(REMOTE, &check, "another method");
    }
}

#[test]
fn the_output_queue_is_bounded() {
    let mut lite = Lite::answered();
    for _ in 0..1000 {
        let check = lite.check().build();
        lite.agent.handle_datagram(lite.now, path(REMOTE), &check);
    }
    let sent = lite.drain();
    assert_eq!(sent.len(), 32);
    assert_eq!(lite.agent.counters().unsent, 968);
    // The queue works again once it was drained.
    let check = lite.check().build();
    assert_eq!(lite.feed(path(REMOTE), &check).len(), 1);
}

#[test]
fn a_buffer_too_small_loses_the_answer_only() {
    let mut lite = Lite::answered();
    let check = lite.check().build();
    lite.agent.handle_datagram(lite.now, path(REMOTE), &check);
    assert!(lite.agent.poll_transmit(&mut [0; 63]).is_none());
    assert_eq!(lite.agent.counters().unsent, 1);
    let check = lite.check().build();
    lite.agent.handle_datagram(lite.now, path(REMOTE), &check);
    // Header, XOR-MAPPED-ADDRESS, MESSAGE-INTEGRITY, FINGERPRINT.
    assert_eq!(lite.agent.poll_transmit(&mut [0; 64]).unwrap().len, 64);
}
