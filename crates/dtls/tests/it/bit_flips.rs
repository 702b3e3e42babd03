//! Every datagram of the handshake and of what follows cut at every length, and with every single bit flipped.
//!
//! Nothing may panic, and whoever connects has the same keys as the other side and the right certificate.

use std::time::Duration;

use tsubame_dtls::{CipherSuite, Connection, Error, Event, Role};

use crate::support::{ALICE, BOB, Pair, Rng, START, Weather, config};

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

/// Each AEAD, with data both ways and the closing alert: the datagram that is damaged, and who gets it.
fn protected_datagrams(mut each: impl FnMut(&mut Pair<'_>, Role, Vec<u8>)) {
    for suite in [
        CipherSuite::EcdheEcdsaAes128GcmSha256,
        CipherSuite::EcdheEcdsaAes256GcmSha384,
        CipherSuite::EcdheEcdsaChaCha20Poly1305Sha256,
    ] {
        for to in [Role::Server, Role::Client] {
            for closes in [false, true] {
                let mut server = config(&BOB);
                server.cipher_suites = vec![suite];
                let mut pair = Pair::new(config(&ALICE), server);
                pair.connect();
                let from = match to {
                    Role::Server => &mut pair.client,
                    Role::Client => &mut pair.server,
                };
                if closes {
                    from.close()
                } else {
                    from.send(b"seventeen letters").unwrap()
                }
                let mut out = [0; 2048];
                let len = from.poll_transmit(&mut out).unwrap();
                each(&mut pair, to, out[..len].to_vec());

                // Nothing has moved, and the real one is taken.
                let side = match to {
                    Role::Server => &mut pair.server,
                    Role::Client => &mut pair.client,
                };
                assert!(side.is_connected());
                assert_eq!(side.poll_event(), None);
                side.handle_datagram(pair.now, &mut out[..len]).unwrap();
                let expected = match closes {
                    true => Event::Closed,
                    false => Event::ApplicationData(b"seventeen letters".to_vec()),
                };
                assert_eq!(side.poll_event(), Some(expected));
                assert_eq!(side.poll_event(), None);
            }
        }
    }
}

fn deliver(pair: &mut Pair<'_>, to: Role, mut datagram: Vec<u8>) {
    let side = match to {
        Role::Server => &mut pair.server,
        Role::Client => &mut pair.client,
    };
    assert_eq!(side.handle_datagram(pair.now, &mut datagram), Ok(()));
    assert_eq!(side.poll_transmit(&mut [0; 2048]), None);
}

#[test]
fn every_bit_of_protected_datagrams() {
    protected_datagrams(|pair, to, datagram| {
        for bit in 0..8 * datagram.len() {
            let mut flipped = datagram.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            deliver(pair, to, flipped);
        }
    });
}

#[test]
fn every_truncation_of_protected_datagrams() {
    protected_datagrams(|pair, to, datagram| {
        for len in 0..datagram.len() {
            deliver(pair, to, datagram[..len].to_vec());
            // And with a length that says so.
            if let Some(content) = len.checked_sub(13) {
                let mut shorter = datagram[..len].to_vec();
                shorter[11..13].copy_from_slice(&u16::try_from(content).unwrap().to_be_bytes());
                deliver(pair, to, shorter);
            }
        }
    });
}

/// A copy with a damaged byte comes before each real datagram, which follows at once. What is known to be damaged does no
/// harm to the handshake that is under way; what cannot be known ends it with a reason; and the next one is none the worse.
#[test]
fn a_damaged_copy_before_each_datagram() {
    for target in 0..FLIGHTS {
        let (mut index, mut len) = (0, 1);
        let mut outcomes = [0_usize; 2];
        while index < len {
            let mut pair = Pair::default_pair().tap(|_, number, bytes| {
                if number != target {
                    return vec![bytes];
                }
                // Signatures have not always the same length.
                len = bytes.len();
                let mut damaged = bytes.clone();
                if let Some(byte) = damaged.get_mut(index) {
                    *byte ^= 1 << (index % 8);
                }
                vec![damaged, bytes]
            });
            pair.run();
            outcomes[usize::from(check(&pair))] += 1;
            drop(pair);
            index += 1;
        }
        let share = 100 * outcomes[1] / index;
        println!("flight {}: {share} % of {index} damaged bytes do no harm", target + 1);
        // A hello's random, a certificate, a public value: nobody can tell before the signature.
        assert!(share >= [40, 48, 44, 100][target], "flight {}: {outcomes:?}", target + 1);
        Pair::default_pair().connect();
    }
}
