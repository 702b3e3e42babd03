//! What somebody who knows the addresses, but no keys, can throw into a handshake and a connection.

use tsubame_dtls::{Config, Event, Role};

use crate::support::{ALICE, BOB, Pair, Rng, config, fragment, message, record, records};

/// A ClientHello whose only suite encrypts nothing (TLS_RSA_WITH_NULL_SHA).
fn null_hello(sequence: u64) -> Vec<u8> {
    let mut body = vec![0xfe, 0xfd];
    body.extend_from_slice(&[9; 32]);
    body.extend_from_slice(&[0, 0, 0, 2, 0, 2, 1, 0, 0, 4, 0, 23, 0, 0]);
    message(1, 0, sequence, &body)
}

fn alerts() -> Vec<Vec<u8>> {
    let mut all: Vec<_> = [0, 10, 40, 50, 70, 90].map(|kind| record(21, 5, &[2, kind])).into();
    all.push(record(21, 6, &[1, 0]));
    all.push(record(21, 6, &[]));
    // The same in the epoch of the keys, without them.
    all.extend(all.clone().into_iter().map(|mut alert| {
        alert[4] = 1;
        alert
    }));
    all
}

fn noise(rng: &mut Rng) -> Vec<u8> {
    let len = rng.below(200) as usize;
    let mut bytes: Vec<u8> = (0..len).map(|_| rng.next().to_be_bytes()[0]).collect();
    // Half of it looks like DTLS at first sight.
    if rng.chance(50)
        && let [first, second, third, ..] = bytes.as_mut_slice()
    {
        [*first, *second, *third] = [20 + (*first % 4), 0xfe, 0xfd];
    }
    bytes
}

#[test]
fn both_sides_outlive_a_flood_before_and_during_the_handshake() {
    for seed in 0..30 {
        let mut rng = Rng(seed);
        let mut pair = Pair::default_pair().tap(move |_, number, bytes| {
            let mut all = alerts();
            all.extend((0..20).map(|_| noise(&mut rng)));
            all.extend((0..5).map(|n| null_hello(n + 10 * number as u64)));
            all.push(bytes);
            all.extend(alerts());
            all
        });
        for role in [Role::Client, Role::Server] {
            pair.inject(role, null_hello(0));
            // Messages ahead of their turn, of kinds that are not due then.
            (0..8).for_each(|message_seq| pair.inject(role, message(14, message_seq, 1, &[])));
        }
        pair.connect();
        assert!(pair.server.counters().unauthenticated_alerts > 0);
        assert!(pair.client.counters().unauthenticated_alerts > 0);
        assert!(pair.server.counters().rejected_messages > 0);
        assert!(pair.client.counters().rejected_messages > 0);
        assert_eq!(pair.client_events, [Event::Connected]);
        assert_eq!(pair.server_events, [Event::Connected]);
    }
}

#[test]
fn noise_earns_no_reply() {
    let mut pair = Pair::default_pair();
    let mut out = [0; 2048];
    for mut datagram in [alerts(), vec![null_hello(0), null_hello(1)]].concat() {
        pair.server.handle_datagram(pair.now, &mut datagram).unwrap();
        assert_eq!(pair.server.poll_transmit(&mut out), None);
    }
    assert_eq!(pair.server.counters().rejected_messages, 2);
}

#[test]
fn fragments_that_claim_too_much_or_nothing() {
    let huge = 0xff_ffff;
    let body = [7; 10];
    let mut bad = vec![
        fragment(1, huge, 0, 0, 10, &body),
        fragment(1, huge, 0, huge - 10, 10, &body),
        fragment(1, huge, 0, huge, huge, &body),
        fragment(1, 16 * 1024 + 1, 0, 0, 10, &body),
        fragment(1, 100, 0, 95, 10, &body),
        fragment(1, 100, 0, 0, 11, &body),
        fragment(1, 100, 0, 50, 0, &[]),
        fragment(20, 12, 0, 0, 12, &[0; 12]),
        vec![1],
        vec![],
    ];
    for message_seq in 0..=u16::MAX {
        bad.push(fragment(11, 16 * 1024, message_seq, 0, 10, &body));
    }
    let mut pair = Pair::default_pair();
    for (sequence, content) in bad.iter().enumerate() {
        let mut datagram = record(22, sequence as u64, content);
        pair.server.handle_datagram(pair.now, &mut datagram).unwrap();
    }
    assert!(pair.server.counters().bad_fragments > 65_000);
    // The forged beginning of message 0 gives way to the real ClientHello.
    pair.connect();
}

#[test]
fn a_datagram_full_of_empty_fragments() {
    // As many zero-length messages as a datagram holds, each the next in turn or not.
    let mut content = Vec::new();
    for message_seq in 0..5000 {
        content.extend_from_slice(&fragment(14, 0, message_seq % 9, 0, 0, &[]));
    }
    let mut pair = Pair::default_pair();
    for chunk in content.chunks(12 * 1000) {
        let mut datagram = record(22, 0, chunk);
        pair.server.handle_datagram(pair.now, &mut datagram).unwrap();
    }
    pair.connect();
}

#[test]
fn records_that_are_cut_or_of_unknown_kind_or_epoch() {
    let good = null_hello(0);
    let mut unknown_kind = good.clone();
    unknown_kind[0] = 63;
    let mut unknown_version = good.clone();
    unknown_version[1] = 3;
    let mut later_epoch = good.clone();
    later_epoch[4] = 2;
    let mut pair = Pair::default_pair();
    for mut datagram in [unknown_kind, unknown_version, good[..12].to_vec(), good[..20].to_vec()] {
        pair.server.handle_datagram(pair.now, &mut datagram).unwrap();
    }
    assert_eq!(pair.server.counters().malformed_records, 4);
    pair.server.handle_datagram(pair.now, &mut later_epoch).unwrap();
    assert_eq!(pair.server.counters().wrong_epoch, 1);
    pair.connect();
}

#[test]
fn records_of_the_next_epoch_are_kept_up_to_sixteen() {
    let mut pair = Pair::default_pair();
    for sequence in 0..20 {
        let mut early = record(23, sequence, &[0; 40]);
        early[4] = 1;
        pair.server.handle_datagram(pair.now, &mut early).unwrap();
    }
    assert_eq!(pair.server.counters().early_records_dropped, 4);
    pair.connect();
    assert_eq!(pair.server.counters().unauthenticated_records, 16);
}

/// What a forger puts in the place of this message: due, and wrong in what can be seen at once.
fn due_and_wrong(kind: u8, body: &[u8]) -> Vec<Vec<u8>> {
    let other_version = || [&[0xfe, 0xff], &body[2..]].concat();
    let other_suite = || [&body[..35], &[0, 1], &body[37..]].concat();
    let other_signature = || {
        let mut body = body.to_vec();
        *body.last_mut().unwrap() ^= 1;
        body
    };
    match kind {
        // ServerHello, Certificate (none, no X.509, nonsense), ServerKeyExchange, CertificateRequest (nothing we can sign
        // with), CertificateVerify.
        2 => vec![other_version(), other_suite()],
        11 => vec![vec![0; 3], vec![0, 0, 5, 0, 0, 2, 0x30, 0], b"nonsense".to_vec()],
        12 => vec![other_signature(), [&[3, 0, 99], &body[3..]].concat()],
        13 => vec![vec![1, 1, 0, 2, 4, 1, 0, 0]],
        15 => vec![other_signature(), [&[2, 3], &body[2..]].concat()],
        _ => vec![],
    }
}

/// Each message of either side comes alone, and before it everything that a forger can put in its place.
#[test]
fn a_message_that_is_due_and_wrong_ends_nothing() {
    let mut forged = [0; 2];
    let mut pair = Pair::default_pair().tap(|from, _, bytes| {
        let mut all = Vec::new();
        for (kind, epoch, whole) in records(&bytes) {
            if (kind, epoch) == (22, 0) {
                let message_seq = u16::from_be_bytes([whole[17], whole[18]]);
                let wrong = due_and_wrong(whole[13], &whole[25..]);
                forged[usize::from(from == Role::Client)] += wrong.len() as u64;
                all.extend(wrong.iter().map(|body| message(whole[13], message_seq, 99, body)));
            }
            all.push(whole.to_vec());
        }
        all
    });
    pair.connect();
    // They were not early nor late, but looked at and refused.
    let refused = [&pair.client, &pair.server].map(|it| it.counters().rejected_messages);
    assert_eq!(pair.sent.len(), 4);
    drop(pair);
    assert_eq!(forged, [8, 5]);
    assert_eq!(refused, forged);
}

/// RFC 6347 §4.2.1: forged hellos, and forged requests for cookies, before every datagram of a handshake with a cookie.
#[test]
fn forged_hellos_and_cookies_do_not_end_an_exchange_of_cookies() {
    for message_seq in 0..3 {
        let server = Config { hello_verify: true, ..config(&BOB) };
        let mut pair = Pair::new(config(&ALICE), server).tap(|from, number, bytes| {
            let forged = match from {
                Role::Client => null_hello(number as u64),
                // Two at most: with the server's own that makes not more than the client answers.
                Role::Server if number < 4 => message(3, message_seq, 77, &[0xfe, 0xfd, 1, 9]),
                Role::Server => return vec![bytes],
            };
            vec![forged, bytes]
        });
        pair.connect();
    }
}
