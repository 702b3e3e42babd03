//! A check is answered without asking for memory, once a path is known.

mod common;

use std::hint::black_box;

use common::{Check, Lite, client, ms, path, server};
use tsubame_stun::ice::peek_username;
use tsubame_stun::{Class, IntegrityAlgorithm, IntegrityKey, Message, MessageBuilder, Method};

fn count(work: impl FnMut()) -> u64 {
    allocation_counter::measure(work).count_total
}

#[test]
fn the_counter_counts() {
    assert_eq!(count(|| drop(black_box(Box::new(1)))), 1);
}

/// Parse, FINGERPRINT, integrity; then a response with both.
#[test]
fn a_request_is_verified_and_answered_by_hand_without_allocation() {
    let key = IntegrityKey::new(server().pwd.as_bytes());
    for sha256 in [false, true] {
        let request = Check { sha256, ..Check::new(&server(), &client().ufrag, 1) }.build();
        let mut out = [0; 256];
        let counted = count(|| {
            let message = Message::parse(black_box(&request)).unwrap();
            message.verify_fingerprint().unwrap();
            let algorithm = message.verify_integrity_with(&key).unwrap();
            let id = message.transaction_id();
            let mut builder =
                MessageBuilder::new(&mut out, Class::SuccessResponse, Method::BINDING, id).unwrap();
            builder.xor_mapped_address(path("198.51.100.7:5000").remote).unwrap();
            builder.integrity_with(&key, algorithm).unwrap().fingerprint().unwrap();
            black_box(builder.finish());
        });
        assert_eq!(counted, 0, "sha256 {sha256}");
        assert_eq!(
            Message::parse(&out[..if sha256 { 76 } else { 64 }])
                .unwrap()
                .verify_integrity_with(&key),
            Ok(if sha256 { IntegrityAlgorithm::Sha256 } else { IntegrityAlgorithm::Sha1 })
        );
    }
}

#[test]
fn a_lite_agent_answers_a_known_peer_without_allocation() {
    let mut lite = Lite::answered();
    lite.nominate("198.51.100.7:5000", 7);
    let checks: Vec<_> = (0..700).map(|_| lite.check().nominating(7).build()).collect();
    let mut out = [0; 1500];
    let mut answered = 0;
    let mut run = |checks: &[Vec<u8>]| {
        for check in checks {
            lite.now += ms(10);
            black_box(peek_username(check));
            lite.agent.handle_datagram(lite.now, path("198.51.100.7:5000"), check);
            while lite.agent.poll_transmit(&mut out).is_some() {
                answered += 1;
            }
            assert_eq!(lite.agent.poll_event(), None);
            black_box(lite.agent.poll_timeout());
        }
    };
    // What is remembered of the past is filled by the first 600.
    run(&checks[..600]);
    assert_eq!(count(|| run(&checks[600..])), 0);
    assert_eq!(answered, 700);
}

#[test]
fn noise_costs_no_allocation() {
    let mut lite = Lite::answered();
    lite.nominate("198.51.100.7:5000", 7);
    let mut noise = vec![vec![0; 20], b"not STUN at all, but long enough".to_vec()];
    noise.push(Check { integrity: false, ..lite.check() }.build());
    noise.push(Check { fingerprint: false, ..lite.check() }.build());
    noise.push(Check { username: None, ..lite.check() }.build());
    noise.push(Check::new(&common::other_pwd(&server()), &client().ufrag, 1).build());
    noise.push(Check::new(&server(), "evil", 2).build());
    let dropped = lite.agent.counters().dropped();
    let counted = count(|| {
        for datagram in &noise {
            lite.agent.handle_datagram(lite.now, path("203.0.113.9:9"), datagram);
        }
    });
    assert_eq!(counted, 0);
    assert_eq!(lite.agent.counters().dropped(), dropped + 7);
}
