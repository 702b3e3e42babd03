//! A client and servers that are not what they should be.

use std::sync::Arc;

use super::script::{Script, THEM, US};
use crate::alert::AlertDescription;
use crate::config::{Config, Role};
use crate::error::{Error, PeerIncompatible, PeerMisbehaved};
use crate::identity::Identity;
use crate::srtp::SrtpProfile;
use crate::v12::group::{KeyExchange, NamedGroup};
use crate::v12::handshake::Negotiated;
use crate::v12::key_schedule::{MasterSecret, Randoms};
use crate::v12::message::{
    Certificate, ClientHello, ClientKeyExchange, HandshakeType, HelloVerifyRequest, ServerChoice,
    ServerEcdhParams, encode_certificate_request,
};
use crate::v12::signature::SignatureScheme;
use crate::v12::suite::CipherSuite;
use crate::wire::{put_u16, with_length};

const RANDOM: [u8; 32] = [8; 32];

/// A server that can do each step rightly or wrongly.
struct Server {
    script: Script,
    client_random: [u8; 32],
}

impl Server {
    fn new() -> Self {
        Self::against(Config::new(Arc::clone(&US)))
    }

    fn against(config: Config) -> Self {
        let mut script = Script::new(Role::Client, config);
        script.receive();
        let body = script.last_body(HandshakeType::CLIENT_HELLO);
        let client_random = ClientHello::read(&body).unwrap().random;
        Self { script, client_random }
    }

    fn hello(&mut self, body: &[u8]) -> Result<(), Error> {
        self.script.send(0, HandshakeType::SERVER_HELLO, body)
    }

    fn certificate(&mut self, identity: &Identity) -> Result<(), Error> {
        let body = Certificate { end_entity: Some(identity.certificate_der()) }.encode();
        self.script.send(0, HandshakeType::CERTIFICATE, &body)
    }

    fn key_exchange(&mut self, group: u16, public: &[u8], signer: &Identity) -> Result<(), Error> {
        let mut params = Vec::new();
        ServerEcdhParams::new(NamedGroup::X25519, public, &mut params);
        params[1..3].copy_from_slice(&group.to_be_bytes());
        let randoms = Randoms { client: self.client_random, server: RANDOM };
        let signed = [&randoms.client[..], &randoms.server, &params].concat();
        let signature = signer.sign(SignatureScheme::EcdsaSha256, &signed).unwrap();
        put_u16(&mut params, SignatureScheme::EcdsaSha256.id());
        with_length::<2>(&mut params, |out| out.extend_from_slice(&signature));
        self.script.send(0, HandshakeType::SERVER_KEY_EXCHANGE, &params)
    }

    fn request(&mut self) -> Result<(), Error> {
        self.script.send(0, HandshakeType::CERTIFICATE_REQUEST, &encode_certificate_request())
    }

    fn done(&mut self) -> Result<(), Error> {
        self.script.send(0, HandshakeType::SERVER_HELLO_DONE, &[])
    }

    fn up_to_key_exchange() -> Self {
        let mut server = Self::new();
        server.hello(&choice().encode()).unwrap();
        server.certificate(&THEM).unwrap();
        server
    }

    /// The client took the message for noise and says so when its time is over.
    fn assert_ignored(&mut self, result: Result<(), Error>, error: Error) {
        assert_eq!(result, Ok(()));
        assert_eq!(self.script.after_timeout(), Err(error));
        assert!(self.script.endpoint.established().is_none());
    }

    /// The same, and the server is told at the end.
    fn assert_refused(&mut self, result: Result<(), Error>, error: Error, alert: AlertDescription) {
        let mut out = [0; 2048];
        while let Some(len) = self.script.endpoint.poll_transmit(&mut out) {
            assert_ne!(out[..len][0], 21, "no alert before the end");
        }
        self.assert_ignored(result, error);
        self.script.receive();
        assert_eq!(self.script.alerts, [(2, alert.0)]);
    }

    fn assert_dead(&mut self, result: Result<(), Error>, error: Error, alert: AlertDescription) {
        assert_eq!(result, Err(error));
        assert!(self.script.endpoint.established().is_none());
        self.script.receive();
        assert_eq!(self.script.alerts, [(2, alert.0)]);
    }
}

fn choice() -> ServerChoice<'static> {
    ServerChoice {
        session_id: b"",
        promises_ticket: false,
        random: RANDOM,
        suite: CipherSuite::EcdheEcdsaAes128GcmSha256,
        extended_master_secret: true,
        secure_renegotiation: true,
        point_formats: true,
        srtp_profile: Some(SrtpProfile::AeadAes128Gcm),
    }
}

fn x25519() -> Vec<u8> {
    KeyExchange::generate(NamedGroup::X25519).unwrap().public().to_vec()
}

fn illegal(message: HandshakeType, field: &'static str) -> Error {
    Error::PeerMisbehaved(PeerMisbehaved::IllegalParameter { message, field })
}

#[test]
fn the_script_itself_is_right() {
    let mut server = Server::up_to_key_exchange();
    server.key_exchange(29, &x25519(), &THEM).unwrap();
    assert_eq!(server.script.endpoint.peer_certificate(), Some(THEM.certificate_der()));
    server.request().unwrap();
    server.done().unwrap();
    let mut out = [0; 2048];
    assert!(server.script.endpoint.poll_transmit(&mut out).is_some(), "flight 5");
}

#[test]
fn finished_that_does_not_match() {
    let mut server = Server::up_to_key_exchange();
    let exchange = KeyExchange::generate(NamedGroup::X25519).unwrap();
    server.key_exchange(29, exchange.public(), &THEM).unwrap();
    server.request().unwrap();
    server.done().unwrap();
    server.script.receive();

    let key_exchange = server.script.last_body(HandshakeType::CLIENT_KEY_EXCHANGE);
    let client = ClientKeyExchange::read(&key_exchange).unwrap();
    let pre_master = exchange.agree(client.public).unwrap();
    // The session's hash ends before CertificateVerify.
    let verify = server.script.last_body(HandshakeType::CERTIFICATE_VERIFY);
    let end = server.script.transcript.len() - 12 - verify.len();
    let suite = choice().suite;
    let session_hash = suite.hash().digest(&server.script.transcript[..end]);
    let master = MasterSecret::extended(suite.hash(), &pre_master, session_hash.as_ref());
    let randoms = Randoms { client: server.client_random, server: RANDOM };
    let negotiated = Negotiated {
        suite,
        randoms,
        extended_master_secret: true,
        srtp_profile: None,
        ticket_promised: false,
    };
    negotiated.install_keys(&master, Role::Server, &mut server.script.records);

    let result = server.script.send(1, HandshakeType::FINISHED, &[0; 12]);
    let why = PeerMisbehaved::WrongVerifyData;
    server.assert_dead(result, why.into(), AlertDescription::DECRYPT_ERROR);
}

#[test]
fn hellos_that_choose_what_was_not_offered() {
    let hello = HandshakeType::SERVER_HELLO;
    // Fixed part: version 0..2, random, session id length 34, suite 35..37, compression 37, extensions from 38.
    type Edit = fn(&mut Vec<u8>);
    let extensions = |content: &'static [u8]| {
        let mut body = choice().encode();
        body.truncate(38);
        with_length::<2>(&mut body, |out| {
            out.extend_from_slice(&[0, 23, 0, 0]);
            out.extend_from_slice(content);
        });
        body
    };
    let edited = |edit: Edit| {
        let mut body = choice().encode();
        edit(&mut body);
        body
    };
    let parameter = AlertDescription::ILLEGAL_PARAMETER;
    let cases = [
        (
            edited(|body| body[1] = 0xff),
            Error::PeerIncompatible(PeerIncompatible::Version(0xfeff)),
            AlertDescription::PROTOCOL_VERSION,
        ),
        (
            edited(|body| body[1] = 0xfc),
            Error::PeerIncompatible(PeerIncompatible::Version(0xfefc)),
            AlertDescription::PROTOCOL_VERSION,
        ),
        // TLS_RSA_WITH_NULL_SHA, and a real one that was not offered.
        (edited(|body| body[35..37].fill(0)), illegal(hello, "cipher suite"), parameter),
        (edited(|body| body[36] = 0x2f), illegal(hello, "cipher suite"), parameter),
        (edited(|body| body[37] = 1), illegal(hello, "compression method"), parameter),
        (
            ServerChoice { extended_master_secret: false, ..choice() }.encode(),
            Error::PeerIncompatible(PeerIncompatible::NoExtendedMasterSecret),
            AlertDescription::HANDSHAKE_FAILURE,
        ),
        (
            extensions(&[0, 16, 0, 0]),
            Error::PeerMisbehaved(PeerMisbehaved::UnsolicitedExtension(16)),
            AlertDescription::UNSUPPORTED_EXTENSION,
        ),
        (extensions(&[0, 14, 0, 5, 0, 2, 0, 9, 0]), illegal(hello, "SRTP profile"), parameter),
        (extensions(&[0, 14, 0, 5, 0, 2, 0, 1, 0]), illegal(hello, "SRTP profile"), parameter),
        (
            extensions(&[0, 14, 0, 7, 0, 4, 0, 7, 0, 8, 0]),
            illegal(hello, "SRTP profile"),
            parameter,
        ),
        (extensions(&[0, 14, 0, 6, 0, 2, 0, 7, 1, 1]), illegal(hello, "SRTP MKI"), parameter),
        (extensions(&[0, 11, 0, 2, 1, 1]), illegal(hello, "point formats"), parameter),
        (extensions(&[0xff, 1, 0, 2, 1, 1]), illegal(hello, "renegotiation_info"), parameter),
    ];
    for (body, error, alert) in cases {
        let mut server = Server::against(Config {
            srtp_profiles: vec![SrtpProfile::AeadAes128Gcm, SrtpProfile::AeadAes256Gcm],
            cipher_suites: vec![CipherSuite::EcdheEcdsaAes128GcmSha256],
            ..Config::new(Arc::clone(&US))
        });
        let result = server.hello(&body);
        server.assert_refused(result, error, alert);
    }
}

#[test]
fn a_key_exchange_signed_by_another() {
    let mut server = Server::up_to_key_exchange();
    let result = server.key_exchange(29, &x25519(), &US);
    let why = PeerMisbehaved::BadSignature(HandshakeType::SERVER_KEY_EXCHANGE);
    server.assert_refused(result, why.into(), AlertDescription::DECRYPT_ERROR);
    assert_eq!(server.script.endpoint.peer_certificate(), None);
}

#[test]
fn a_key_exchange_of_another_handshake() {
    let mut server = Server::up_to_key_exchange();
    server.client_random = [0; 32];
    let result = server.key_exchange(29, &x25519(), &THEM);
    let why = PeerMisbehaved::BadSignature(HandshakeType::SERVER_KEY_EXCHANGE);
    server.assert_refused(result, why.into(), AlertDescription::DECRYPT_ERROR);
}

#[test]
fn a_key_exchange_on_a_group_that_was_not_offered() {
    for group in [0x11ec, 30, 0x0a0a] {
        let mut server = Server::up_to_key_exchange();
        let result = server.key_exchange(group, &x25519(), &THEM);
        let error = illegal(HandshakeType::SERVER_KEY_EXCHANGE, "group");
        server.assert_refused(result, error, AlertDescription::ILLEGAL_PARAMETER);
    }
}

#[test]
fn a_public_value_off_the_curve() {
    let mut server = Server::up_to_key_exchange();
    server.key_exchange(23, &[4; 65], &THEM).unwrap();
    server.request().unwrap();
    let result = server.done();
    let why = PeerMisbehaved::BadKeyShare(NamedGroup::Secp256r1);
    server.assert_dead(result, why.into(), AlertDescription::ILLEGAL_PARAMETER);
}

#[test]
fn a_server_that_wants_no_certificate() {
    let mut server = Server::up_to_key_exchange();
    server.key_exchange(29, &x25519(), &THEM).unwrap();
    let result = server.done();
    let why = PeerMisbehaved::UnexpectedMessage {
        got: HandshakeType::SERVER_HELLO_DONE,
        expected: HandshakeType::CERTIFICATE_REQUEST,
    };
    server.assert_ignored(result, why.into());
}

#[test]
fn a_server_without_a_signature() {
    let mut server = Server::up_to_key_exchange();
    let result = server.request();
    let why = PeerMisbehaved::UnexpectedMessage {
        got: HandshakeType::CERTIFICATE_REQUEST,
        expected: HandshakeType::SERVER_KEY_EXCHANGE,
    };
    server.assert_ignored(result, why.into());
}

#[test]
fn a_server_that_takes_no_signature_of_ours() {
    // Types and schemes of RSA only.
    for request in
        [&[1, 1, 0, 2, 4, 1, 0, 0][..], &[1, 64, 0, 2, 2, 3, 0, 0], &[1, 1, 0, 2, 4, 3, 0, 0]]
    {
        let mut server = Server::up_to_key_exchange();
        server.key_exchange(29, &x25519(), &THEM).unwrap();
        let result = server.script.send(0, HandshakeType::CERTIFICATE_REQUEST, request);
        let why = PeerIncompatible::NoCommonSignatureScheme;
        server.assert_refused(result, why.into(), AlertDescription::HANDSHAKE_FAILURE);
    }
}

#[test]
fn a_certificate_that_does_not_suit_the_suite() {
    let mut server = Server::new();
    let suite = CipherSuite::EcdheRsaAes128GcmSha256;
    server.hello(&ServerChoice { suite, ..choice() }.encode()).unwrap();
    let result = server.certificate(&THEM);
    let why = PeerIncompatible::UnsupportedCertificateKey;
    server.assert_refused(result, why.into(), AlertDescription::UNSUPPORTED_CERTIFICATE);
}

/// One for every request that was forged in the server's name, and not for ever.
#[test]
fn four_cookies_are_taken_and_not_a_fifth() {
    let mut server = Server::new();
    for n in 1..=4 {
        let cookie = HelloVerifyRequest { cookie: &[n; 255] }.encode();
        server.script.send(0, HandshakeType::HELLO_VERIFY_REQUEST, &cookie).unwrap();
        server.script.receive();
        let body = server.script.last_body(HandshakeType::CLIENT_HELLO);
        let hello = ClientHello::read(&body).unwrap();
        assert_eq!(hello.cookie, [n; 255]);
        assert_eq!(hello.random, server.client_random);
    }
    let cookie = HelloVerifyRequest { cookie: &[5; 255] }.encode();
    let result = server.script.send(0, HandshakeType::HELLO_VERIFY_REQUEST, &cookie);
    let why = PeerMisbehaved::UnexpectedMessage {
        got: HandshakeType::HELLO_VERIFY_REQUEST,
        expected: HandshakeType::SERVER_HELLO,
    };
    server.assert_ignored(result, why.into());
}

/// Each costs a verification, so there is an end to it.
#[test]
fn seven_key_exchanges_that_do_not_verify_are_noise_and_the_eighth_ends_the_handshake() {
    let forged = |server: &mut Server| {
        let next_seq = server.script.next_seq;
        let result = server.key_exchange(29, &x25519(), &US);
        server.script.next_seq = next_seq;
        result
    };
    let mut server = Server::up_to_key_exchange();
    (0..7).for_each(|_| forged(&mut server).unwrap());
    server.key_exchange(29, &x25519(), &THEM).unwrap();
    assert_eq!(server.script.endpoint.peer_certificate(), Some(THEM.certificate_der()));

    let mut server = Server::up_to_key_exchange();
    (0..7).for_each(|_| forged(&mut server).unwrap());
    let result = forged(&mut server);
    let why = PeerMisbehaved::BadSignature(HandshakeType::SERVER_KEY_EXCHANGE);
    server.assert_dead(result, why.into(), AlertDescription::DECRYPT_ERROR);
}

#[test]
fn without_the_requirement_a_server_without_extended_master_secret_is_taken() {
    let mut server = Server::against(Config {
        require_extended_master_secret: false,
        ..Config::new(Arc::clone(&US))
    });
    server.hello(&ServerChoice { extended_master_secret: false, ..choice() }.encode()).unwrap();
}
