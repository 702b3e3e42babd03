//! What was sent once comes again: to whom it was meant for, to its sender, later, and in another session.

use tsubame_dtls::{Event, Role};

use crate::support::{ALICE, BOB, Pair, config, other};

/// The datagrams of a handshake and of some data both ways.
fn recorded() -> Vec<(Role, Vec<u8>)> {
    let mut pair = Pair::default_pair();
    talk(&mut pair);
    pair.sent
}

fn talk(pair: &mut Pair<'_>) {
    pair.connect();
    for text in [&b"one"[..], b"two"] {
        pair.client.send(text).unwrap();
        pair.server.send(text).unwrap();
        pair.run();
    }
}

/// Everybody connected once, and got everything once.
fn assert_undisturbed(pair: &Pair<'_>) {
    pair.assert_agreement();
    let data = |text: &[u8]| Event::ApplicationData(text.to_vec());
    let expected = [Event::Connected, data(b"one"), data(b"two")];
    assert_eq!(pair.client_events, expected);
    assert_eq!(pair.server_events, expected);
}

#[test]
fn every_datagram_again_with_each_later_one() {
    for again in 0..8 {
        for step in again..8 {
            let mut kept = Vec::new();
            let mut pair = Pair::default_pair().tap(move |from, number, bytes| {
                if number == again {
                    kept = vec![(from, bytes.clone())];
                }
                let repeated = kept.iter().filter(|(sender, _)| number == step && *sender == from);
                repeated.map(|(_, bytes)| bytes.clone()).chain([bytes.clone()]).collect()
            });
            talk(&mut pair);
            assert_undisturbed(&pair);
        }
    }
}

#[test]
fn a_whole_session_again() {
    let mut pair = Pair::default_pair();
    talk(&mut pair);
    for (from, datagram) in pair.sent.clone() {
        pair.inject(other(from), datagram);
    }
    pair.run();
    assert_undisturbed(&pair);
    // Each protected record was known: Finished and two of data, on either side.
    assert!(pair.client.counters().replayed_records >= 3);
    assert!(pair.server.counters().replayed_records >= 3);
    assert_eq!(pair.client.counters().unauthenticated_records, 0);
}

#[test]
fn every_datagram_back_to_its_sender() {
    for reflected in 0..8 {
        let mut pair = Pair::default_pair();
        talk(&mut pair);
        let (from, datagram) = pair.sent[reflected].clone();
        pair.inject(from, datagram);
        pair.run();
        assert_undisturbed(&pair);
    }
    // And during the handshake.
    let (client, server) = (config(&ALICE), config(&BOB));
    let mut pair = Pair::new(client, server);
    let mut out = [0; 2048];
    let len = pair.client.poll_transmit(&mut out).unwrap();
    let hello = out[..len].to_vec();
    pair.inject(Role::Client, hello.clone());
    pair.inject(Role::Server, hello);
    talk(&mut pair);
    assert_undisturbed(&pair);
}

/// Records of an earlier session of the same peers do not authenticate in a later one.
#[test]
fn an_earlier_session_in_a_later_one() {
    let earlier = recorded();
    let mut pair = Pair::default_pair();
    talk(&mut pair);
    for (from, datagram) in earlier {
        pair.inject(other(from), datagram);
    }
    pair.run();
    assert_undisturbed(&pair);
    let foreign = pair.client.counters();
    // The numbers of Finished and of the data are used: nobody even looks whether they authenticate.
    assert_eq!(foreign.replayed_records + foreign.unauthenticated_records, 3);
}

/// A replayed record is told from a late one: what the window has not seen is taken in any order.
#[test]
fn late_records_within_the_window_are_taken_once() {
    let mut pair = Pair::default_pair();
    pair.connect();
    let mut out = [0; 2048];
    let mut datagrams: Vec<_> = (0..60_u8)
        .map(|number| {
            pair.client.send(&[number]).unwrap();
            let len = pair.client.poll_transmit(&mut out).unwrap();
            out[..len].to_vec()
        })
        .collect();
    datagrams.reverse();
    for datagram in datagrams.iter().chain(&datagrams) {
        pair.server.handle_datagram(pair.now, &mut datagram.clone()).unwrap();
    }
    let received: Vec<_> = std::iter::from_fn(|| pair.server.poll_event()).collect();
    let expected: Vec<_> =
        (0..60_u8).rev().map(|number| Event::ApplicationData(vec![number])).collect();
    assert_eq!(received, expected);
    assert_eq!(pair.server.counters().replayed_records, 60);
}
