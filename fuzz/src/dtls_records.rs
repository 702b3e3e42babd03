//! Protected records of a peer that was authenticated and misbehaves, at any moment of the handshake and after it: alerts,
//! application data, handshake messages, several in one datagram, replayed and out of order.
//!
//! Under `--cfg tsubame_fuzzing` DTLS has a null cipher, so that what is written here reaches what lies behind authentication;
//! without it the same records are noise, and have to be dropped.
//!
//! What has to hold: no record is taken twice; the keys of a connection never change; after the end there is silence.

use std::collections::BTreeSet;
use std::time::Duration;

use tsubame_dtls::{CipherSuite, Config};

use crate::dtls::{self, CLIENT, SERVER};
use crate::dtls_pair::Pair;
use crate::input::Input;

/// Where the records written here begin to count: far above those of the endpoints, but near enough to each other to be in
/// one replay window.
const BASE: u64 = 1_000;
const APPLICATION_DATA: u8 = 23;

/// See the module's documentation.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let options = input.u8();
    let chacha = options & 1 != 0;
    let suite = if chacha {
        CipherSuite::EcdheEcdsaChaCha20Poly1305Sha256
    } else {
        CipherSuite::EcdheEcdsaAes128GcmSha256
    };
    let server = Config { cipher_suites: vec![suite], ..Config::clone(&SERVER) };
    let mut pair = Pair::new(Config::clone(&CLIENT), server);
    // So much of the handshake goes undisturbed.
    for _ in 0..options >> 4 {
        let _ = pair.deliver(0, 0) || pair.deliver(1, 0);
    }
    if options & 2 != 0 {
        pair.heal();
    }
    let mut keys = exported(&pair);
    // Application data that was written here, by who got it and its record's number.
    let mut written = BTreeSet::new();
    while let Some(operation) = input.operation() {
        let to = usize::from(operation >> 7);
        match operation % 8 {
            0 => drop(pair.deliver(1 - to, usize::from(input.u8()))),
            1 => pair.pass(Duration::from_millis(u64::from(input.u8()) * 4)),
            2 => {
                let data = unmarked(input.short());
                let _ = pair.sides[to].connection.send(&data);
                pair.drain();
            }
            3 => {
                let number = BASE + u64::from(input.u8());
                let mark = [&[0xda, to as u8], &number.to_be_bytes()[..]].concat();
                let mut datagram = protect(chacha, APPLICATION_DATA, number, &mark);
                written.insert((to, mark));
                pair.hand(to, &mut datagram);
            }
            4 if input.u8() == 0 => {
                pair.sides[to].connection.close();
                pair.drain();
            }
            _ => {
                let mut datagram = Vec::new();
                for _ in 0..=(operation >> 5 & 3) {
                    let [kind, number] = input.array();
                    let body = match kind % 4 {
                        // A handshake fragment that is whole or nearly so.
                        0 => {
                            let [kind, message_seq, more] = input.array();
                            let part = input.short();
                            let length = part.len() + usize::from(more % 4);
                            dtls::fragment(kind % 32, length, message_seq.into(), 0, part)
                        }
                        _ => unmarked(input.short()),
                    };
                    let content_type = if kind % 4 == 0 { dtls::HANDSHAKE } else { 19 + kind % 6 };
                    let number = BASE + u64::from(number);
                    datagram.extend(protect(chacha, content_type, number, &body));
                }
                pair.hand(to, &mut datagram);
            }
        }
        pair.check();
        let now = exported(&pair);
        for (before, now) in keys.iter_mut().zip(now) {
            assert!(before.is_none() || now.is_none() || *before == now, "keys that change");
            *before = before.or(now);
        }
    }
    // What is marked was written here; each mark names its record.
    for (index, side) in pair.sides.iter().enumerate() {
        let mut seen = BTreeSet::new();
        for data in side.received.iter().filter(|data| data.starts_with(&[0xda])) {
            if written.contains(&(index, data.clone())) {
                if !cfg!(tsubame_fuzzing) {
                    panic!("taken without a key");
                }
                assert!(seen.insert(data), "a record that was taken twice");
            }
        }
    }
}

fn exported(pair: &Pair) -> [Option<[u8; 16]>; 2] {
    [0, 1].map(|index| {
        let mut out = [0; 16];
        let connection = &pair.sides[index].connection;
        connection.export_keying_material(b"fuzzing", None, &mut out).ok().map(|()| out)
    })
}

/// Nothing that could be taken for a mark.
fn unmarked(data: &[u8]) -> Vec<u8> {
    let mut data = data.to_vec();
    data.iter_mut().take(1).for_each(|first| *first &= 0x7f);
    data
}

/// A record of epoch 1 as it is where neither encryption nor tag counts.
fn protect(chacha: bool, content_type: u8, number: u64, content: &[u8]) -> Vec<u8> {
    let explicit: &[u8] = if chacha { &[] } else { &[0; 8] };
    let body = [explicit, content, &[0; 16]].concat();
    dtls::record(content_type, 1, number, &body)
}
