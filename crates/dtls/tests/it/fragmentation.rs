//! Handshake messages cut anew by the network: in any order, with overlaps and duplicates, many to a record or one byte to
//! a datagram (RFC 6347 §4.2.3). And our own fragments, which fit the path.

use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256};
use tsubame_dtls::{Config, Identity, Role};

use crate::support::{ALICE, Pair, Rng, config, fragment, record, records};

const HANDSHAKE: u8 = 22;

/// A handshake message in the clear.
struct Message {
    kind: u8,
    message_seq: u16,
    body: Vec<u8>,
}

/// The messages in the clear of a datagram, each of which is whole there, and all else in it.
fn split(datagram: &[u8]) -> (Vec<Message>, Vec<Vec<u8>>) {
    let (mut messages, mut others) = (Vec::new(), Vec::new());
    for (kind, epoch, record) in records(datagram) {
        if (kind, epoch) == (HANDSHAKE, 0) {
            let content = &record[13..];
            messages.push(Message {
                kind: content[0],
                message_seq: u16::from_be_bytes([content[4], content[5]]),
                body: content[12..].to_vec(),
            });
        } else {
            others.push(record.to_vec());
        }
    }
    (messages, others)
}

impl Message {
    fn fragment(&self, start: usize, end: usize) -> Vec<u8> {
        let [length, offset, len] =
            [self.body.len(), start, end - start].map(|value| u32::try_from(value).unwrap());
        fragment(self.kind, length, self.message_seq, offset, len, &self.body[start..end])
    }

    /// Pieces of at most `largest` bytes that cover the message, and as many that need not.
    fn pieces(&self, rng: &mut Rng, largest: usize) -> Vec<Vec<u8>> {
        let mut pieces = Vec::new();
        let mut start = 0;
        while start < self.body.len() {
            let end = (start + 1 + random(rng, largest)).min(self.body.len());
            pieces.push(self.fragment(start, end));
            let other = random(rng, self.body.len());
            let other_end = (other + 1 + random(rng, largest)).min(self.body.len());
            pieces.push(self.fragment(other, other_end));
            // The next begins within this one, or right behind it.
            start = if rng.chance(50) { end } else { (start + 1).max(end.saturating_sub(3)) };
        }
        if self.body.is_empty() {
            pieces.push(self.fragment(0, 0));
        }
        pieces
    }
}

fn random(rng: &mut Rng, below: usize) -> usize {
    usize::try_from(rng.below(below as u64)).unwrap()
}

fn shuffle<T>(rng: &mut Rng, items: &mut [T]) {
    for index in (1..items.len()).rev() {
        items.swap(index, random(rng, index + 1));
    }
}

/// Cuts what is in the clear, and packs it anew: one to three pieces to a record, one to three records to a datagram.
fn cut(rng: &mut Rng, datagram: &[u8], largest: usize) -> Vec<Vec<u8>> {
    let (messages, others) = split(datagram);
    let mut pieces: Vec<_> =
        messages.iter().flat_map(|message| message.pieces(rng, largest)).collect();
    shuffle(rng, &mut pieces);
    let mut all = others;
    while !pieces.is_empty() {
        let some = pieces.split_off(pieces.len() - (1 + random(rng, 3)).min(pieces.len()));
        // Nothing depends on sequence numbers in the clear.
        all.push(record(HANDSHAKE, rng.below(1 << 48), &some.concat()));
    }
    shuffle(rng, &mut all);
    let mut datagrams = Vec::new();
    while !all.is_empty() {
        let some = all.split_off(all.len() - (1 + random(rng, 3)).min(all.len()));
        datagrams.push(some.concat());
    }
    datagrams
}

#[test]
fn fragments_in_any_order_with_overlaps_and_duplicates() {
    for seed in 0..300 {
        let mut rng = Rng(seed);
        let largest = [1, 7, 60, 400][usize::try_from(seed % 4).unwrap()];
        let mut datagrams = 0;
        let mut pair = Pair::default_pair().tap(|_, _, bytes| {
            let cut = cut(&mut rng, &bytes, largest);
            datagrams += cut.len();
            cut
        });
        pair.connect();
        // The first time was enough.
        for side in [&pair.client, &pair.server] {
            assert_eq!(side.counters().retransmitted_flights, 0, "seed {seed}");
            assert_eq!(side.counters().malformed_records, 0, "seed {seed}");
            assert_eq!(side.counters().rejected_messages, 0, "seed {seed}");
        }
        drop(pair);
        assert!(datagrams > if largest < 60 { 100 } else { 6 }, "seed {seed}: {datagrams}");
    }
}

/// An RSA certificate of more than 10 KiB; whoever signs one can fill it with names.
fn large_rsa() -> Arc<Identity> {
    let key = include_bytes!("../keys/rsa.key.der");
    let key_pair =
        KeyPair::from_pkcs8_der_and_sign_algo(&key.as_slice().into(), &PKCS_RSA_SHA256).unwrap();
    let names: Vec<_> = (0..300).map(|n| format!("a-rather-long-name-{n}.example.com")).collect();
    let certificate = CertificateParams::new(names).unwrap().self_signed(&key_pair).unwrap();
    assert!(certificate.der().len() > 10 * 1024);
    Arc::new(Identity::from_der(certificate.der().to_vec(), key.to_vec()).unwrap())
}

#[test]
fn large_certificates_fit_the_path_on_both_sides() {
    let large = large_rsa();
    for mtu in [1200, 576, 256, 64] {
        let with_mtu = || Config { mtu, ..config(&large) };
        let mut pair = Pair::new(with_mtu(), with_mtu());
        pair.connect();
        assert_eq!(pair.client.peer_certificate(), Some(large.certificate_der()));
        assert_eq!(pair.server.peer_certificate(), Some(large.certificate_der()));
        let longest = pair.sent.iter().map(|(_, datagram)| datagram.len()).max().unwrap();
        assert!(longest <= mtu, "{longest}");
        // And full: the flights take hardly more datagrams than they must.
        let of_server = pair.sent.iter().filter(|(from, _)| *from == Role::Server);
        let (count, bytes) = of_server
            .fold((0, 0), |(count, bytes), (_, datagram)| (count + 1, bytes + datagram.len()));
        assert!(count <= bytes.div_ceil(mtu) + 4, "mtu {mtu}: {count} datagrams, {bytes} bytes");
        assert_eq!(pair.client.counters().retransmitted_flights, 0);
    }
}

#[test]
fn the_default_datagrams_fit_1200_bytes() {
    let large = large_rsa();
    let mut pair = Pair::new(config(&ALICE), config(&large));
    pair.connect();
    for _ in 0..5 {
        let max = pair.server.max_application_data().unwrap();
        pair.server.send(&vec![0; max]).unwrap();
    }
    pair.run();
    let longest = pair.sent.iter().map(|(_, datagram)| datagram.len()).max();
    assert_eq!(longest, Some(1200));
}

/// Flights are cut anew when they are sent again, so a path that turned out narrower than thought is survived.
#[test]
fn a_flight_is_cut_anew_for_a_narrower_path() {
    let large = large_rsa();
    let mut pair = Pair::new(config(&ALICE), config(&large))
        .tap(|_, _, bytes| if bytes.len() > 500 { vec![] } else { vec![bytes] });
    // Nothing of the server's flight arrives until it is told; here its embedder guesses at once.
    pair.server.set_mtu(500);
    pair.client.set_mtu(500);
    pair.connect();
    assert!(pair.sent.iter().all(|(_, datagram)| datagram.len() <= 500));
}
