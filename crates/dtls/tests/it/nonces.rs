//! No record is ever encrypted twice under one nonce, however often a flight is sent again.

use std::collections::HashSet;

use tsubame_dtls::{Role, SrtpProfile};

use crate::support::{Pair, Weather, records};

#[test]
fn epoch_and_sequence_are_used_once_and_are_the_explicit_nonce() {
    let mut retransmitted = 0;
    for seed in 0..100 {
        let weather = Weather { loss: 40, duplicates: 20, late: 20 };
        let mut pair = Pair::default_pair().weather(weather, seed);
        pair.run();
        if pair.client.is_connected() && pair.server.is_connected() {
            for _ in 0..5 {
                pair.client.send(b"x").unwrap();
                pair.server.send(b"x").unwrap();
            }
            pair.client.close();
            pair.run();
        }
        retransmitted += pair.client.counters().retransmitted_flights;
        retransmitted += pair.server.counters().retransmitted_flights;
        let mut seen: HashSet<(Role, Vec<u8>)> = HashSet::new();
        for (from, datagram) in &pair.sent {
            for (_, epoch, record) in records(datagram) {
                let epoch_and_sequence = &record[3..11];
                assert!(seen.insert((*from, epoch_and_sequence.to_vec())), "seed {seed}");
                if epoch == 1 {
                    assert_eq!(&record[13..21], epoch_and_sequence);
                }
            }
        }
    }
    assert!(retransmitted > 100, "{retransmitted}");
}

#[test]
fn both_directions_have_keys_of_their_own() {
    let mut pair = Pair::default_pair();
    pair.connect();
    assert_eq!(pair.client.srtp_profile(), Some(SrtpProfile::AeadAes128Gcm));
    // The same sequence number, nonce and plaintext in both directions.
    pair.client.send(b"same").unwrap();
    pair.server.send(b"same").unwrap();
    let before = pair.sent.len();
    pair.run();
    let [(_, first), (_, second)] = &pair.sent[before..] else { panic!("two datagrams") };
    assert_eq!(first[..21], second[..21]);
    assert_ne!(first[21..], second[21..]);
    // And nobody takes his own record for the other's.
    let mut reflected = first.clone();
    reflected[10] += 100;
    reflected[20] += 100;
    pair.inject(Role::Client, reflected);
    pair.run();
    assert_eq!(pair.client.counters().unauthenticated_records, 1);
}
