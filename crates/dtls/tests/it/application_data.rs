//! Application data, its limits, and the end of a connection.

use tsubame_dtls::{Config, Event, Role, SendError};

use crate::support::{ALICE, BOB, Pair, config, records};

fn data(text: &[u8]) -> Event {
    Event::ApplicationData(text.to_vec())
}

#[test]
fn queues_are_bounded_on_both_sides() {
    let mut pair = Pair::default_pair();
    pair.connect();
    let mut out = [0; 2048];
    let mut datagrams = Vec::new();
    for round in 0..2 {
        for _ in 0..64 {
            pair.client.send(b"data").unwrap();
        }
        assert_eq!(pair.client.send(b"data"), Err(SendError::Full), "round {round}");
        while let Some(len) = pair.client.poll_transmit(&mut out) {
            datagrams.push(out[..len].to_vec());
        }
    }
    // The embedder takes nothing while 128 datagrams arrive: 64 are kept.
    for datagram in &mut datagrams {
        pair.server.handle_datagram(pair.now, datagram).unwrap();
    }
    assert_eq!(pair.server.counters().application_data_dropped, 64);
    let taken = std::iter::from_fn(|| pair.server.poll_event()).count();
    assert_eq!(taken, 64);
}

#[test]
fn a_datagram_as_large_as_fits_and_one_byte_more() {
    let mut pair = Pair::default_pair();
    assert_eq!(pair.client.max_application_data(), None);
    pair.connect();
    let max = pair.client.max_application_data().unwrap();
    assert_eq!(max, 1200 - 13 - 8 - 16);
    assert_eq!(pair.client.send(&vec![1; max + 1]), Err(SendError::TooLarge { max }));
    pair.client.send(&vec![1; max]).unwrap();
    pair.client.send(b"").unwrap();
    // What does not fit the buffer waits for a larger one.
    assert_eq!(pair.client.poll_transmit(&mut [0; 1199]), None);
    pair.run();
    assert_eq!(pair.sent[4].1.len(), 1200);
    assert_eq!(pair.server_events[1..], [data(&vec![1; max]), data(b"")]);
}

/// Such data stood before all that came behind it, and before the alert that ends the connection, for ever.
#[test]
fn data_that_waits_and_no_longer_fits_the_path_is_dropped() {
    for closed_before in [false, true] {
        let mut pair = Pair::default_pair();
        pair.connect();
        let max = pair.client.max_application_data().unwrap();
        pair.client.send(b"before").unwrap();
        pair.client.send(&vec![1; max]).unwrap();
        pair.client.send(b"behind").unwrap();
        if closed_before {
            pair.client.close();
        }
        pair.client.set_mtu(500);
        pair.client.close();
        pair.run();
        assert_eq!(pair.client.counters().application_data_dropped, 1);
        assert_eq!(pair.server_events[1..], [data(b"before"), data(b"behind"), Event::Closed]);
    }
}

/// RFC 5246 §6.2.1: a record of more than 2^14 bytes would end the connection at the other side.
#[test]
fn a_record_holds_2_to_the_14_bytes_whatever_the_mtu() {
    for mtu in [(1 << 14) + 36, (1 << 14) + 37, (1 << 14) + 38, 16_448, usize::MAX] {
        let mut pair = Pair::new(Config { mtu, ..config(&ALICE) }, config(&BOB));
        pair.connect();
        let max = pair.client.max_application_data().unwrap();
        assert_eq!(max, (1 << 14) - usize::from(mtu == (1 << 14) + 36));
        assert_eq!(pair.client.send(&vec![1; max + 1]), Err(SendError::TooLarge { max }));
        pair.client.send(&vec![1; max]).unwrap();
        let mut out = vec![0; 20_000];
        let len = pair.client.poll_transmit(&mut out).unwrap();
        assert_eq!(len, max + 37);
        pair.server.handle_datagram(pair.now, &mut out[..len]).unwrap();
        pair.run();
        assert_eq!(pair.server_events[1..], [data(&vec![1; max])]);
    }
}

#[test]
fn nothing_is_sent_before_the_handshake_is_complete() {
    let mut pair = Pair::default_pair();
    assert_eq!(pair.client.send(b"data"), Err(SendError::NotConnected));
    assert_eq!(pair.server.send(b"data"), Err(SendError::NotConnected));
}

#[test]
fn replayed_and_forged_records_are_dropped() {
    let mut pair = Pair::default_pair();
    pair.connect();
    for _ in 0..10 {
        pair.client.send(b"once").unwrap();
    }
    pair.run();
    let everything: Vec<_> = pair.sent.clone();
    for (from, datagram) in &everything {
        let to = if *from == Role::Client { Role::Server } else { Role::Client };
        pair.inject(to, datagram.clone());
        let mut forged = datagram.clone();
        *forged.last_mut().unwrap() ^= 1;
        // A fresh sequence number, so that the tag has to speak.
        forged[9] = 0x77;
        pair.inject(to, forged);
    }
    pair.run();
    assert!(pair.client.is_connected() && pair.server.is_connected());
    let received = pair.server_events.iter().filter(|event| **event == data(b"once")).count();
    assert_eq!(received, 10);
    // Ten of data, and Finished twice: there the forger did not touch the sequence number.
    assert_eq!(pair.server.counters().replayed_records, 12);
    assert!(pair.server.counters().unauthenticated_records >= 10);
    // A forged sequence number did not move the window.
    pair.client.send(b"after").unwrap();
    pair.run();
    assert_eq!(pair.server_events.last(), Some(&data(b"after")));
}

#[test]
fn close_notify_ends_both_sides() {
    let mut pair = Pair::default_pair();
    pair.connect();
    pair.client.send(b"last words").unwrap();
    pair.client.close();
    assert!(!pair.client.is_connected());
    assert_eq!(pair.client.send(b"more"), Err(SendError::NotConnected));
    pair.run();
    assert_eq!(pair.server_events, [Event::Connected, data(b"last words"), Event::Closed]);
    assert!(!pair.server.is_connected());
    assert_eq!((pair.client_result, pair.server_result), (Ok(()), Ok(())));
    // Both said it, under their keys, once.
    let alerts = |role| {
        let of_role = pair.sent.iter().filter(|(from, _)| *from == role);
        let all = of_role.flat_map(|(_, datagram)| records(datagram));
        all.filter(|(kind, epoch, _)| (*kind, *epoch) == (21, 1)).count()
    };
    assert_eq!((alerts(Role::Client), alerts(Role::Server)), (1, 1));
    assert!(pair.server.srtp_keying_material(&[]).is_err());
}

#[test]
fn closing_during_the_handshake_tells_the_peer_and_ends_quietly() {
    let mut pair = Pair::default_pair();
    pair.client.close();
    pair.client.close();
    let mut out = [0; 100];
    let len = pair.client.poll_transmit(&mut out).unwrap();
    assert_eq!(out[13..len], [2, 90]);
    assert_eq!(pair.client.poll_transmit(&mut out), None);
    assert_eq!(pair.client.poll_timeout(), None);
    assert_eq!(pair.client.handle_datagram(pair.now, &mut out[..len]), Ok(()));
    assert_eq!(pair.client.handle_timeout(pair.now), Ok(()));
}
