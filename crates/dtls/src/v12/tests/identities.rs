//! Which of several certificates is shown to a peer that is particular about signatures or kinds. (What a whole handshake makes of it, and of
//! suites and curves, is in `tests/it/identities.rs`.)

use std::sync::{Arc, LazyLock};

use super::script::US;
use crate::config::Config;
use crate::error::PeerIncompatible;
use crate::identity::Identity;
use crate::v12::client::first_welcome;
use crate::v12::message::{CertificateRequest, ClientHello, ClientOffer};
use crate::v12::server::Choice;
use crate::v12::signature::SignatureScheme::{self, EcdsaSha256, EcdsaSha384, RsaPssSha256};
use crate::v12::{CipherSuite, NamedGroup};

const ECDSA_SIGN: u8 = 64;
const RSA_SIGN: u8 = 1;

static P384: LazyLock<Arc<Identity>> = LazyLock::new(|| from_files("p384"));
static RSA: LazyLock<Arc<Identity>> = LazyLock::new(|| from_files("rsa"));

fn from_files(kind: &str) -> Arc<Identity> {
    let file = |end| {
        let keys = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/keys");
        std::fs::read(format!("{keys}/{kind}.{end}.der")).unwrap()
    };
    Arc::new(Identity::from_der(file("cert"), file("key")).unwrap())
}

/// P-256, P-384, RSA, in this order.
fn config() -> Config {
    let more_identities = vec![Arc::clone(&P384), Arc::clone(&RSA)];
    Config { more_identities, ..Config::new(Arc::clone(&US)) }
}

#[test]
fn a_server_chooses_by_the_schemes_of_the_client() {
    let offer = ClientOffer {
        random: [0; 32],
        session_id: &[],
        ticket: None,
        cookie: &[],
        suites: &CipherSuite::ALL,
        groups: &NamedGroup::ALL,
        srtp_profiles: &[],
    };
    let bytes = offer.encode();
    let choice = |schemes: &[SignatureScheme]| {
        let mut hello = ClientHello::read(&bytes).unwrap();
        hello.schemes = Some(schemes.to_vec());
        let choice = Choice::from_offer(&hello, &config());
        choice.map(|choice| (choice.identity.fingerprint(), choice.scheme, choice.suite.is_rsa()))
    };
    let us = Ok((US.fingerprint(), EcdsaSha256, false));
    assert_eq!(choice(&[EcdsaSha384, EcdsaSha256, RsaPssSha256]), us);
    let p384 = Ok((P384.fingerprint(), EcdsaSha384, false));
    assert_eq!(choice(&[RsaPssSha256, EcdsaSha384]), p384);
    assert_eq!(choice(&[RsaPssSha256]), Ok((RSA.fingerprint(), RsaPssSha256, true)));
    assert_eq!(choice(&[]), Err(PeerIncompatible::NoCommonSignatureScheme));
}

#[test]
fn a_client_chooses_by_the_kinds_and_schemes_of_the_request() {
    let choice = |kinds: &[u8], schemes: &[SignatureScheme]| {
        let mut body = vec![u8::try_from(kinds.len()).unwrap()];
        body.extend(kinds);
        body.extend(u16::try_from(2 * schemes.len()).unwrap().to_be_bytes());
        body.extend(schemes.iter().flat_map(|scheme| scheme.id().to_be_bytes()));
        body.extend([0; 2]);
        let request = CertificateRequest::read(&body).unwrap();
        let welcome = first_welcome(&request, &config());
        welcome.map(|(identity, scheme)| (identity.fingerprint(), scheme))
    };
    let both = [RSA_SIGN, ECDSA_SIGN];
    let all = [RsaPssSha256, EcdsaSha384, EcdsaSha256];
    assert_eq!(choice(&both, &all), Some((US.fingerprint(), EcdsaSha256)));
    assert_eq!(choice(&both, &all[..2]), Some((P384.fingerprint(), EcdsaSha384)));
    assert_eq!(choice(&[RSA_SIGN], &all), Some((RSA.fingerprint(), RsaPssSha256)));
    assert_eq!(choice(&[RSA_SIGN], &all[1..]), None);
    assert_eq!(choice(&[ECDSA_SIGN], &all[..1]), None);
    assert_eq!(choice(&[], &all), None);
}
