//! Every datagram of the handshake cut at every length, and with every single bit flipped.
//!
//! Nothing may panic, and whoever connects has the same keys as the other side and the right certificate.

use std::time::Duration;

use tsubame_dtls::{Connection, Error};

use crate::support::{ALICE, BOB, Pair, Rng, START, Weather};

const FLIGHTS: usize = 4;

#[test]
fn every_truncation() {
    let (mut healed, mut tried) = (0, 0);
    for target in 0..FLIGHTS {
        let mut len = 0;
        loop {
            let mut reached_end = false;
            let mut pair = Pair::default_pair().tap(|_, number, mut bytes| {
                if number == target {
                    reached_end = len >= bytes.len();
                    bytes.truncate(len);
                }
                vec![bytes]
            });
            pair.run();
            healed += u32::from(check(&pair));
            tried += 1;
            drop(pair);
            if reached_end {
                break;
            }
            len += 1;
        }
    }
    // A cut record is noise, and the flight comes again.
    assert!(tried > 1000);
    assert_eq!(healed, tried);
}

#[test]
fn every_bit_of_the_client_hello() {
    every_bit(0);
}

#[test]
fn every_bit_of_flight_4() {
    every_bit(1);
}

#[test]
fn every_bit_of_flight_5() {
    every_bit(2);
}

#[test]
fn every_bit_of_flight_6() {
    every_bit(3);
}

fn every_bit(target: usize) {
    let mut bit = 0;
    let mut outcomes = [0; 2];
    loop {
        let mut reached_end = false;
        let mut pair = Pair::default_pair().tap(|_, number, mut bytes| {
            if number == target {
                match bytes.get_mut(bit / 8) {
                    Some(byte) => *byte ^= 1 << (bit % 8),
                    None => reached_end = true,
                }
            }
            vec![bytes]
        });
        pair.run();
        outcomes[usize::from(check(&pair))] += 1;
        drop(pair);
        if reached_end {
            break;
        }
        bit += 1;
    }
    assert!(bit > 300 && outcomes[1] > 0, "{bit} bits: {outcomes:?}");
}

/// Bytes changed, cut out and doubled in several datagrams at once, while the network loses some.
#[test]
fn random_damage() {
    let mut connected = 0;
    for seed in 0..2000 {
        let mut rng = Rng(seed);
        let mut pair = Pair::default_pair()
            .tap(
                move |_, _, bytes| {
                    if rng.chance(60) { vec![bytes] } else { vec![damage(&mut rng, bytes)] }
                },
            )
            .weather(Weather { loss: 5, duplicates: 10, late: 10 }, seed);
        pair.run();
        connected += u32::from(check(&pair));
    }
    assert!(connected > 100, "{connected}");
}

fn damage(rng: &mut Rng, mut bytes: Vec<u8>) -> Vec<u8> {
    for _ in 0..=rng.below(3) {
        if bytes.is_empty() {
            break;
        }
        let start = usize::try_from(rng.below(bytes.len() as u64)).unwrap();
        let len = usize::try_from(rng.below(40)).unwrap().min(bytes.len() - start);
        match rng.below(4) {
            0 => bytes[start] = rng.next().to_be_bytes()[0],
            1 => drop(bytes.drain(start..start + len)),
            2 => {
                let copy = bytes[start..start + len].to_vec();
                bytes.splice(start..start, copy);
            }
            _ => bytes[start..start + len].fill(0xff),
        }
    }
    bytes
}

/// Whether both sides are connected. If not, both say why, and nobody else was connected to.
fn check(pair: &Pair<'_>) -> bool {
    let both = pair.client.is_connected() && pair.server.is_connected();
    if both {
        pair.assert_agreement();
        let (client, server) = pair.srtp_keys();
        assert_eq!(client.local_key(), server.remote_key());
        assert_eq!(client.remote_key(), server.local_key());
    } else {
        for (side, result, peer) in
            [(&pair.client, pair.client_result, &BOB), (&pair.server, pair.server_result, &ALICE)]
        {
            check_lonely(side, result, peer.certificate_der());
        }
    }
    assert!(pair.now <= *START + Duration::from_secs(16));
    both
}

/// A side whose peer did not connect is dead by an error that blames the peer, or connected to the right one.
fn check_lonely(side: &Connection, result: Result<(), Error>, peer: &[u8]) {
    match result {
        Ok(()) => {
            assert!(side.is_connected());
            assert_eq!(side.peer_certificate(), Some(peer));
        }
        Err(
            Error::Timeout { .. }
            | Error::PeerAlert(_)
            | Error::PeerMisbehaved(_)
            | Error::PeerIncompatible(_),
        ) => assert!(!side.is_connected()),
        Err(other) => panic!("{other}"),
    }
}
