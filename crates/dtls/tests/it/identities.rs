//! A side with several certificates shows the first that its peer can do something with.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tsubame_dtls::{
    CipherSuite, ClientCertificate, Config, Connection, Error, Identity, NamedGroup,
    PeerIncompatible, TicketKey, UnauthenticatedErrors,
};

use crate::support::{ALICE, BOB, Pair, START, config};

/// Of P-256, as that of Bob.
static ECDSA: &LazyLock<Arc<Identity>> = &BOB;
static P384: LazyLock<Arc<Identity>> = LazyLock::new(|| from_files("p384"));
static RSA: LazyLock<Arc<Identity>> = LazyLock::new(|| from_files("rsa"));

fn from_files(kind: &str) -> Arc<Identity> {
    let file = |end| {
        let keys = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/keys");
        std::fs::read(format!("{keys}/{kind}.{end}.der")).unwrap()
    };
    Arc::new(Identity::from_der(file("cert"), file("key")).unwrap())
}

/// With the first one preferred.
fn with(identities: &[&Arc<Identity>]) -> Config {
    let (first, others) = identities.split_first().unwrap();
    let more_identities = others.iter().map(|it| Arc::clone(it)).collect();
    // What is wrong is to be told at once.
    let unauthenticated_errors = UnauthenticatedErrors::Fail;
    Config { more_identities, unauthenticated_errors, ..config(first) }
}

fn with_suites(suites: &[CipherSuite], config: Config) -> Config {
    Config { cipher_suites: suites.to_vec(), ..config }
}

const ECDSA_SUITE: CipherSuite = CipherSuite::EcdheEcdsaAes128GcmSha256;
const RSA_SUITE: CipherSuite = CipherSuite::EcdheRsaAes128GcmSha256;

#[test]
fn a_server_prefers_its_first_whatever_the_order_of_suites() {
    for first_and_second in [[&**ECDSA, &*RSA], [&*RSA, &**ECDSA]] {
        let mut pair = Pair::new(config(&ALICE), with(&first_and_second));
        pair.connect();
        let shown = first_and_second[0].certificate_der();
        assert_eq!(pair.client.peer_certificate(), Some(shown));
        assert_eq!(pair.server.identity().map(Identity::certificate_der), Some(shown));
    }
}

#[test]
fn a_server_chooses_by_the_client_s_suites() {
    for (suite, shown) in [(ECDSA_SUITE, &**ECDSA), (RSA_SUITE, &*RSA)] {
        for both in [[&**ECDSA, &*RSA], [&*RSA, &**ECDSA]] {
            let mut pair = Pair::new(with_suites(&[suite], config(&ALICE)), with(&both));
            pair.connect();
            assert_eq!(pair.client.peer_certificate(), Some(shown.certificate_der()));
            assert_eq!(pair.client.cipher_suite(), Some(suite));
        }
    }
}

#[test]
fn a_server_chooses_by_the_client_s_curves() {
    let client = || Config {
        groups: vec![NamedGroup::X25519, NamedGroup::Secp256r1],
        ..with_suites(&[ECDSA_SUITE], config(&ALICE))
    };
    let mut pair = Pair::new(client(), with(&[&P384, ECDSA]));
    pair.connect();
    assert_eq!(pair.client.peer_certificate(), Some(ECDSA.certificate_der()));

    // One of another curve is better than none.
    let mut pair = Pair::new(client(), with(&[&P384]));
    pair.connect();
    assert_eq!(pair.client.peer_certificate(), Some(P384.certificate_der()));
}

#[test]
fn a_server_none_of_whose_certificates_serve_says_what_the_first_lacked() {
    let client = with_suites(&[RSA_SUITE], config(&ALICE));
    let mut pair = Pair::new(client, with(&[ECDSA, &P384]));
    pair.run();
    let why = PeerIncompatible::NoCommonCipherSuite;
    assert_eq!(pair.server_result, Err(Error::PeerIncompatible(why)));
    assert!(pair.server.identity().is_none());
}

#[test]
fn a_client_shows_its_first_and_says_which() {
    let mut pair = Pair::new(with(&[&RSA, &ALICE]), config(&BOB));
    pair.connect();
    assert_eq!(pair.server.peer_certificate(), Some(RSA.certificate_der()));
    assert_eq!(pair.client.identity().map(Identity::certificate_der), Some(RSA.certificate_der()));

    let client = Config { client_certificate: ClientCertificate::Never, ..with(&[&RSA, &ALICE]) };
    let server = Config { client_certificate: ClientCertificate::Optional, ..config(&BOB) };
    let mut pair = Pair::new(client, server);
    pair.connect();
    assert!(pair.client.identity().is_none());
}

/// The ticket is bound to the certificate that was shown, whichever it was (RFC 5077).
#[test]
fn a_session_with_the_second_certificate_is_resumed() {
    let tickets = TicketKey::new(&[1; 32], *START, Duration::from_secs(1_800_000_000));
    let server = Config { tickets: tickets.map(Arc::new), ..with(&[ECDSA, &RSA]) };
    let client =
        || Config { ask_for_tickets: true, ..with_suites(&[RSA_SUITE], with(&[&P384, &ALICE])) };
    let mut pair = Pair::new(client(), server.clone());
    pair.connect();
    assert_eq!(pair.server.identity().map(Identity::certificate_der), Some(RSA.certificate_der()));

    let session = pair.client.session().unwrap();
    let mut pair = Pair::new(client(), server);
    pair.client = Connection::resume(*START, Arc::new(client()), session, [7; 32]);
    pair.connect();
    assert_eq!(pair.client.is_resumed(), Some(true));
    assert_eq!(pair.client.identity().map(Identity::certificate_der), Some(P384.certificate_der()));
    assert_eq!(pair.server.identity().map(Identity::certificate_der), Some(RSA.certificate_der()));
    assert_eq!(pair.client.peer_certificate(), Some(RSA.certificate_der()));
}
