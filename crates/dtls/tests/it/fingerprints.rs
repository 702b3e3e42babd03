//! No SRTP key leaves before the peer's certificate is the one that signaling announced.

use tsubame_dtls::{Fingerprint, HashAlgorithm, KeyingError};

use crate::support::{ALICE, BOB, Pair, config};

#[test]
fn a_mismatch_in_either_role_yields_no_key() {
    // Any split of the flights: the decision never depends on it.
    for mtu in [64, 100, 300, 1200, 16_384] {
        let mut client = config(&ALICE);
        client.mtu = mtu.min(2000);
        let mut server = config(&BOB);
        server.mtu = mtu.min(2000);
        let mut pair = Pair::new(client, server);
        pair.connect();
        // The own fingerprint is the mistake of comparing a certificate with itself.
        let cases = [
            (&pair.client, BOB.fingerprint(), ALICE.fingerprint()),
            (&pair.server, ALICE.fingerprint(), BOB.fingerprint()),
        ];
        for (side, right, wrong) in cases {
            let mismatch = |expected: &[Fingerprint]| {
                side.srtp_keying_material(expected).unwrap_err() == KeyingError::FingerprintMismatch
            };
            let mut flipped = right.clone();
            flipped.bytes[31] ^= 1;
            let mut cut = right.clone();
            cut.bytes.truncate(31);
            let empty = Fingerprint { algorithm: HashAlgorithm::Sha512, bytes: Vec::new() };
            assert!(mismatch(&[]));
            assert!(mismatch(&[wrong]));
            assert!(mismatch(&[flipped]));
            assert!(mismatch(&[cut]));
            assert!(mismatch(&[empty]));
            assert!(side.srtp_keying_material(&[right]).is_ok());
        }
    }
}

#[test]
fn there_are_no_keys_before_the_handshake_is_complete() {
    let mut stages = Vec::new();
    let mut pair = Pair::default_pair();
    let mut out = [0; 2048];
    for _ in 0..2 {
        while let Some(len) = pair.client.poll_transmit(&mut out) {
            pair.server.handle_datagram(pair.now, &mut out[..len]).unwrap();
        }
        stages.push(pair.client.srtp_keying_material(&[BOB.fingerprint()]).err());
        while let Some(len) = pair.server.poll_transmit(&mut out) {
            pair.client.handle_datagram(pair.now, &mut out[..len]).unwrap();
        }
    }
    stages.push(pair.client.srtp_keying_material(&[BOB.fingerprint()]).err());
    let early = Some(KeyingError::NotConnected);
    assert_eq!(stages, [early, early, None]);
}

#[test]
fn every_hash_function_is_understood() {
    let mut pair = Pair::default_pair();
    pair.connect();
    for algorithm in
        [HashAlgorithm::Sha1, HashAlgorithm::Sha256, HashAlgorithm::Sha384, HashAlgorithm::Sha512]
    {
        let expected = Fingerprint::of(algorithm, BOB.certificate_der());
        assert!(pair.client.srtp_keying_material(&[expected]).is_ok());
    }
}
