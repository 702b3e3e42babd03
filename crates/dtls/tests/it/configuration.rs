//! Configurations that do not meet.

use std::sync::Arc;
use std::time::Duration;

use tsubame_dtls::{
    AlertDescription, ApiMisuse, CipherSuite, Config, Error, HandshakeType, Identity,
    IdentityError, KeyingError, NamedGroup, PeerIncompatible, Role, SrtpProfile,
};

use crate::support::{ALICE, BOB, Pair, config};

/// The server says why. The client hears it only when the server gives up, which here is when it gives up itself.
fn assert_incompatible(client: Config, server: Config, why: PeerIncompatible) {
    let mut pair = Pair::new(client, server);
    pair.run();
    assert_eq!(pair.server_result, Err(Error::PeerIncompatible(why)));
    let told =
        Error::Timeout { waiting_for: HandshakeType::SERVER_HELLO, unauthenticated_alert: None };
    assert_eq!(pair.client_result, Err(told));
    // One word to the client at the end, in the clear.
    let from_server: Vec<_> =
        pair.sent.iter().filter(|(from, _)| *from == Role::Server).map(|(_, d)| &d[13..]).collect();
    assert_eq!(from_server, [&[2, AlertDescription::HANDSHAKE_FAILURE.0][..]]);
}

#[test]
fn nothing_in_common() {
    let mut client = config(&ALICE);
    client.groups = vec![NamedGroup::X25519];
    let mut server = config(&BOB);
    server.groups = vec![NamedGroup::Secp384r1];
    assert_incompatible(client, server, PeerIncompatible::NoCommonGroup);

    let mut client = config(&ALICE);
    client.cipher_suites = vec![CipherSuite::EcdheRsaAes128GcmSha256];
    assert_incompatible(client, config(&BOB), PeerIncompatible::NoCommonCipherSuite);
}

/// RFC 5764 §4.1.1: the connection stands, and there are no SRTP keys.
#[test]
fn no_srtp_profile_in_common() {
    let mut client = config(&ALICE);
    client.srtp_profiles = vec![SrtpProfile::Aes128CmSha1_32];
    let mut server = config(&BOB);
    server.srtp_profiles = vec![SrtpProfile::AeadAes128Gcm];
    let mut pair = Pair::new(client, server);
    pair.connect();
    for (end, peer) in [(&pair.client, &*BOB), (&pair.server, &*ALICE)] {
        assert_eq!(end.srtp_profile(), None);
        let keys = end.srtp_keying_material(&[peer.fingerprint()]);
        assert_eq!(keys.err(), Some(KeyingError::NoProfile));
    }
}

#[test]
fn configurations_that_cannot_work_are_the_embedders_mistake() {
    let no_suites = Config { cipher_suites: vec![], ..config(&ALICE) };
    let no_groups = Config { groups: vec![], ..config(&BOB) };
    let mut pair = Pair::new(no_suites, no_groups);
    pair.run();
    assert_eq!(pair.client_result, Err(Error::ApiMisuse(ApiMisuse::NoCipherSuite)));
    assert_eq!(pair.server_result, Err(Error::ApiMisuse(ApiMisuse::NoGroup)));
    assert!(pair.sent.is_empty());

    // A server needs suites for its own certificate, a client only such as it can check.
    let rsa_only = vec![CipherSuite::EcdheRsaAes128GcmSha256];
    let mut pair = Pair::new(config(&ALICE), Config { cipher_suites: rsa_only, ..config(&BOB) });
    pair.run();
    assert_eq!(pair.server_result, Err(Error::ApiMisuse(ApiMisuse::NoCipherSuite)));
}

#[test]
fn identities_that_are_none() {
    let rsa_certificate = include_bytes!("../keys/rsa.cert.der");
    let rsa_key = include_bytes!("../keys/rsa.key.der");
    let p384_certificate = include_bytes!("../keys/p384.cert.der");
    let from = |certificate: &[u8], key: &[u8]| {
        Identity::from_der(certificate.to_vec(), key.to_vec()).map(|_| ()).unwrap_err()
    };
    assert_eq!(from(rsa_certificate, b"key"), IdentityError::UnsupportedKey);
    assert_eq!(from(b"certificate", rsa_key), IdentityError::BadCertificate);
    assert_eq!(from(p384_certificate, rsa_key), IdentityError::KeyMismatch);
    assert_eq!(from(&[0; 16 * 1024], rsa_key), IdentityError::CertificateTooLarge);
}

#[test]
fn rsa_keys_of_other_sizes_than_2048_to_4096_bits() {
    for key in [
        include_bytes!("../keys/rsa1024.key.der").as_slice(),
        include_bytes!("../keys/rsa4104.key.der"),
    ] {
        let certificate = include_bytes!("../keys/rsa.cert.der").to_vec();
        let refused = Identity::from_der(certificate, key.to_vec()).map(|_| ());
        assert_eq!(refused, Err(IdentityError::UnsupportedKey));
    }
}

#[test]
fn identities_in_pem() {
    // One text with both, the key in PKCS #1.
    let text = include_str!("../keys/rsa.pem");
    let identity = Identity::from_pem(text, text).unwrap();
    assert_eq!(identity.certificate_der(), include_bytes!("../keys/rsa.cert.der"));
    let mut pair = Pair::new(config(&ALICE), config(&Arc::new(identity)));
    pair.connect();

    // Two texts, the key in PKCS #8, and something before them.
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    let certificate = rcgen::CertificateParams::default().self_signed(&key).unwrap();
    let identity =
        Identity::from_pem(&format!("Subject: me\n{}", certificate.pem()), &key.serialize_pem());
    assert_eq!(identity.unwrap().certificate_der(), &certificate.der()[..]);

    let key = key.serialize_pem();
    let error = |certificate: &str, key: &str| Identity::from_pem(certificate, key).unwrap_err();
    assert_eq!(error(&key, &key), IdentityError::BadPem);
    assert_eq!(error(&certificate.pem(), &certificate.pem()), IdentityError::BadPem);
    assert_eq!(error(text, ""), IdentityError::BadPem);
    assert_eq!(error(text, &key), IdentityError::KeyMismatch);
    let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    assert_eq!(error(&certificate.pem(), &encrypted), IdentityError::BadPem);
    let broken = key.replacen('M', "*", 1);
    assert_eq!(error(&certificate.pem(), &broken), IdentityError::BadPem);
}

#[test]
fn rsa_keys_in_pkcs_1() {
    let certificate = include_bytes!("../keys/rsa.cert.der").to_vec();
    // RFC 5208 §5: what PKCS #8 puts around a key of 2,048 bits has 26 bytes.
    let key = include_bytes!("../keys/rsa.key.der")[26..].to_vec();
    assert!(Identity::from_der(certificate, key).is_ok());
}

#[test]
fn generated_identities_differ() {
    assert_ne!(ALICE.fingerprint(), BOB.fingerprint());
    assert_ne!(ALICE.certificate_der(), BOB.certificate_der());
}

/// Times beyond any clock's end are no timers.
#[test]
fn the_longest_durations_there_are_mean_never() {
    let endless = |identity| Config {
        handshake_timeout: Duration::MAX,
        initial_rto: Duration::MAX,
        max_rto: Duration::MAX,
        ..config(identity)
    };
    let mut pair = Pair::new(endless(&ALICE), endless(&BOB));
    assert_eq!(pair.client.poll_timeout(), None);
    pair.client.handle_timeout(pair.now + Duration::from_secs(1 << 30)).unwrap();
    pair.client.set_initial_rto(Duration::MAX);
    pair.server.seed_round_trip(Duration::MAX);
    // A repeated hello is answered by its own rules.
    pair.connect();
    assert_eq!((pair.client.poll_timeout(), pair.server.poll_timeout()), (None, None));
}
