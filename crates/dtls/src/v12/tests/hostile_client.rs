//! A server and clients that are not what they should be.

use std::sync::Arc;

use super::script::{Script, THEM, US};
use crate::alert::AlertDescription;
use crate::config::{Config, Role};
use crate::connection::Event;
use crate::error::{Error, PeerIncompatible, PeerMisbehaved};
use crate::identity::Identity;
use crate::srtp::SrtpProfile;
use crate::v12::group::{KeyExchange, NamedGroup};
use crate::v12::handshake::Negotiated;
use crate::v12::key_schedule::{MasterSecret, Randoms};
use crate::v12::message::{
    Certificate, CertificateVerify, ClientKeyExchange, ClientOffer, Finished, HandshakeType,
    HelloVerifyRequest, ServerHello, ServerKeyExchange,
};
use crate::v12::reassembly::append_whole;
use crate::v12::record::{ContentType, DTLS_1_2, split_record};
use crate::v12::signature::SignatureScheme;
use crate::v12::suite::CipherSuite;
use crate::wire::{put_u16, with_length};

const RANDOM: [u8; 32] = [6; 32];

/// A client that can do each step rightly or wrongly.
struct Client {
    script: Script,
    master: Option<MasterSecret>,
}

fn offer() -> Vec<u8> {
    ClientOffer {
        session_id: b"",
        ticket: None,
        random: RANDOM,
        cookie: &[],
        suites: &CipherSuite::ALL,
        groups: &NamedGroup::ALL,
        srtp_profiles: &SrtpProfile::ALL,
    }
    .encode()
}

impl Client {
    fn new() -> Self {
        Self::against(Config::new(Arc::clone(&US)))
    }

    fn against(config: Config) -> Self {
        Self { script: Script::new(Role::Server, config), master: None }
    }

    fn hello(&mut self, body: &[u8]) {
        self.script.send(0, HandshakeType::CLIENT_HELLO, body).unwrap();
        self.script.receive();
    }

    fn certificate(&mut self, identity: &Identity) -> Result<(), Error> {
        let body = Certificate { end_entity: Some(identity.certificate_der()) }.encode();
        self.script.send(0, HandshakeType::CERTIFICATE, &body)
    }

    fn key_exchange(&mut self) -> Result<(), Error> {
        let body = self.script.last_body(HandshakeType::SERVER_KEY_EXCHANGE);
        let server = ServerKeyExchange::read(&body).unwrap();
        let exchange = KeyExchange::generate(NamedGroup::from_id(server.group).unwrap()).unwrap();
        let body = ClientKeyExchange { public: exchange.public() }.encode();
        let pre_master = exchange.agree(server.public).unwrap();
        let result = self.script.send(0, HandshakeType::CLIENT_KEY_EXCHANGE, &body);

        let hello_body = self.script.last_body(HandshakeType::SERVER_HELLO);
        let hello = ServerHello::read(&hello_body).unwrap();
        let suite = CipherSuite::from_id(hello.suite).unwrap();
        let hash = suite.hash();
        let session_hash = hash.digest(&self.script.transcript);
        let master = MasterSecret::extended(hash, &pre_master, session_hash.as_ref());
        let randoms = Randoms { client: RANDOM, server: hello.random };
        let negotiated = Negotiated {
            suite,
            randoms,
            extended_master_secret: true,
            srtp_profile: None,
            ticket_promised: false,
        };
        negotiated.install_keys(&master, Role::Client, &mut self.script.records);
        self.master = Some(master);
        result
    }

    fn verify(&mut self, identity: &Identity) -> Result<(), Error> {
        let scheme = SignatureScheme::EcdsaSha256;
        let signature = identity.sign(scheme, &self.script.transcript).unwrap();
        self.verify_with(&CertificateVerify::encode(scheme, &signature))
    }

    fn verify_with(&mut self, body: &[u8]) -> Result<(), Error> {
        self.script.send(0, HandshakeType::CERTIFICATE_VERIFY, body)
    }

    fn verify_data(&self) -> Vec<u8> {
        let master = self.master.as_ref().unwrap();
        let verify_data = master.verify_data(Role::Client, &self.script.transcript);
        Finished { verify_data }.encode()
    }

    fn finished(&mut self) -> Result<(), Error> {
        let body = self.verify_data();
        self.script.send(1, HandshakeType::FINISHED, &body)
    }

    /// Up to and without CertificateVerify.
    fn up_to_verify() -> Self {
        let mut client = Self::new();
        client.hello(&offer());
        client.certificate(&THEM).unwrap();
        client.key_exchange().unwrap();
        client
    }

    fn connected() -> Self {
        let mut client = Self::up_to_verify();
        client.verify(&THEM).unwrap();
        client.finished().unwrap();
        client.script.receive();
        assert!(client.script.endpoint.is_connected());
        client
    }

    /// The server took the message for noise and says so when its time is over; it has no keys to give.
    fn assert_ignored(&mut self, result: Result<(), Error>, error: Error) {
        assert_eq!(result, Ok(()));
        assert_eq!(self.script.after_timeout(), Err(error));
        assert!(self.script.endpoint.established().is_none());
        assert_eq!(self.script.endpoint.poll_event(), None);
    }

    /// The same, and the peer is told at the end.
    fn assert_refused(&mut self, result: Result<(), Error>, error: Error, alert: AlertDescription) {
        self.script.receive();
        assert_eq!(self.script.alerts, []);
        self.assert_ignored(result, error);
        self.script.receive();
        assert_eq!(self.script.alerts, [(2, alert.0)]);
    }

    /// The server is dead by this error, told the peer so, and has no keys to give.
    fn assert_dead(&mut self, result: Result<(), Error>, error: Error, alert: AlertDescription) {
        assert_eq!(result, Err(error));
        assert!(!self.script.endpoint.is_connected());
        assert!(self.script.endpoint.established().is_none());
        self.script.receive();
        assert_eq!(self.script.alerts.last(), Some(&(2, alert.0)));
        // Nothing brings it back.
        assert_eq!(self.script.endpoint.handle_datagram(self.script.now, &mut []), Err(error));
        assert!(!matches!(self.script.endpoint.poll_event(), Some(Event::Connected)));
    }
}

fn misbehaved(why: PeerMisbehaved) -> Error {
    Error::PeerMisbehaved(why)
}

fn unexpected(got: HandshakeType, expected: HandshakeType) -> Error {
    misbehaved(PeerMisbehaved::UnexpectedMessage { got, expected })
}

#[test]
fn the_script_itself_is_right() {
    let client = Client::connected();
    assert_eq!(client.script.endpoint.peer_certificate(), Some(THEM.certificate_der()));
    let master = client.master.unwrap();
    let body = client.script.last_body(HandshakeType::FINISHED);
    let before = client.script.transcript.len() - 12 - body.len();
    let expected = master.verify_data(Role::Server, &client.script.transcript[..before]);
    assert_eq!(body, expected);
}

#[test]
fn several_messages_in_one_record() {
    let mut client = Client::new();
    client.hello(&offer());
    client.script.held = Some(Vec::new());
    client.certificate(&THEM).unwrap();
    client.key_exchange().unwrap();
    client.verify(&THEM).unwrap();
    let held = client.script.held.take().unwrap();
    client.script.send_record(0, ContentType::Handshake, &held).unwrap();
    client.finished().unwrap();
    assert!(client.script.endpoint.is_connected());
}

#[test]
fn certificate_verify_left_out() {
    let mut client = Client::up_to_verify();
    let result = client.finished();
    let error = unexpected(HandshakeType::FINISHED, HandshakeType::CERTIFICATE_VERIFY);
    client.assert_dead(result, error, AlertDescription::UNEXPECTED_MESSAGE);
    assert_eq!(client.script.endpoint.peer_certificate(), None);
}

#[test]
fn certificate_and_certificate_verify_left_out() {
    let mut client = Client::new();
    client.hello(&offer());
    let result = client.key_exchange();
    let error = unexpected(HandshakeType::CLIENT_KEY_EXCHANGE, HandshakeType::CERTIFICATE);
    client.assert_ignored(result, error);
}

#[test]
fn certificate_verify_too_early() {
    let mut client = Client::new();
    client.hello(&offer());
    client.certificate(&THEM).unwrap();
    let result = client.verify(&THEM);
    let error = unexpected(HandshakeType::CERTIFICATE_VERIFY, HandshakeType::CLIENT_KEY_EXCHANGE);
    client.assert_ignored(result, error);
}

#[test]
fn certificate_verify_of_another_key() {
    let mut client = Client::up_to_verify();
    let result = client.verify(&US);
    let error = misbehaved(PeerMisbehaved::BadSignature(HandshakeType::CERTIFICATE_VERIFY));
    client.assert_refused(result, error, AlertDescription::DECRYPT_ERROR);
    assert_eq!(client.script.endpoint.peer_certificate(), None);
}

#[test]
fn certificate_verify_of_another_handshake() {
    let mut other = Client::up_to_verify();
    let scheme = SignatureScheme::EcdsaSha256;
    let signature = THEM.sign(scheme, &other.script.transcript).unwrap();
    let body = CertificateVerify::encode(scheme, &signature);
    other.verify_with(&body).unwrap();

    let mut client = Client::up_to_verify();
    let result = client.verify_with(&body);
    let error = misbehaved(PeerMisbehaved::BadSignature(HandshakeType::CERTIFICATE_VERIFY));
    client.assert_refused(result, error, AlertDescription::DECRYPT_ERROR);
}

#[test]
fn certificate_verify_with_a_scheme_of_another_key_or_none() {
    let kind = HandshakeType::CERTIFICATE_VERIFY;
    let illegal = PeerMisbehaved::IllegalParameter { message: kind, field: "scheme" };
    let cases = [
        (0x0401, PeerMisbehaved::BadSignature(kind), AlertDescription::DECRYPT_ERROR),
        // ECDSA with SHA-1, which is not asked for.
        (0x0203, illegal, AlertDescription::ILLEGAL_PARAMETER),
        (0x0a0a, illegal, AlertDescription::ILLEGAL_PARAMETER),
    ];
    for (id, why, alert) in cases {
        let mut client = Client::up_to_verify();
        let transcript = client.script.transcript.clone();
        let signature = THEM.sign(SignatureScheme::EcdsaSha256, &transcript).unwrap();
        let mut body = CertificateVerify::encode(SignatureScheme::EcdsaSha256, &signature);
        body[..2].copy_from_slice(&u16::to_be_bytes(id));
        let result = client.verify_with(&body);
        client.assert_refused(result, misbehaved(why), alert);
    }
}

#[test]
fn certificates_that_are_none() {
    let send = |body: &[u8]| {
        let mut client = Client::new();
        client.hello(&offer());
        let result = client.script.send(0, HandshakeType::CERTIFICATE, body);
        (client, result)
    };
    let (mut client, result) = send(&[0, 0, 0]);
    let error = misbehaved(PeerMisbehaved::NoCertificate);
    client.assert_refused(result, error, AlertDescription::HANDSHAKE_FAILURE);

    let trailing = [THEM.certificate_der(), &[0]].concat();
    for der in [&b""[..], b"\x30\x00", b"no certificate", &trailing] {
        let (mut client, result) = send(&Certificate { end_entity: Some(der) }.encode());
        let error = misbehaved(PeerMisbehaved::BadCertificate);
        client.assert_refused(result, error, AlertDescription::BAD_CERTIFICATE);
    }

    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let ed25519 = rcgen::CertificateParams::default().self_signed(&key).unwrap();
    let (mut client, result) = send(&Certificate { end_entity: Some(ed25519.der()) }.encode());
    let error = Error::PeerIncompatible(PeerIncompatible::UnsupportedCertificateKey);
    client.assert_refused(result, error, AlertDescription::UNSUPPORTED_CERTIFICATE);
}

#[test]
fn public_values_off_the_curve() {
    let cases: [(NamedGroup, &[u8]); 5] = [
        // The all-zero point gives an all-zero secret.
        (NamedGroup::X25519, &[0; 32]),
        (NamedGroup::X25519, &[1; 31]),
        (NamedGroup::Secp256r1, &[4; 65]),
        (NamedGroup::Secp256r1, &[]),
        (NamedGroup::Secp384r1, &[4; 97]),
    ];
    for (group, public) in cases {
        let mut client =
            Client::against(Config { groups: vec![group], ..Config::new(Arc::clone(&US)) });
        client.hello(&offer());
        client.certificate(&THEM).unwrap();
        let body = ClientKeyExchange { public }.encode();
        let result = client.script.send(0, HandshakeType::CLIENT_KEY_EXCHANGE, &body);
        let error = misbehaved(PeerMisbehaved::BadKeyShare(group));
        client.assert_dead(result, error, AlertDescription::ILLEGAL_PARAMETER);
    }
}

#[test]
fn finished_that_does_not_match() {
    let mut client = Client::up_to_verify();
    client.verify(&THEM).unwrap();
    let result = client.script.send(1, HandshakeType::FINISHED, &[0; 12]);
    let error = misbehaved(PeerMisbehaved::WrongVerifyData);
    client.assert_dead(result, error, AlertDescription::DECRYPT_ERROR);

    let mut client = Client::up_to_verify();
    client.verify(&THEM).unwrap();
    let result = client.script.send(1, HandshakeType::FINISHED, &[0; 11]);
    let error = misbehaved(PeerMisbehaved::Malformed(HandshakeType::FINISHED));
    client.assert_dead(result, error, AlertDescription::DECRYPT_ERROR);
}

#[test]
fn finished_in_the_clear_is_noise() {
    let mut client = Client::up_to_verify();
    client.verify(&THEM).unwrap();
    let body = client.verify_data();
    let (transcript, next_seq) = (client.script.transcript.clone(), client.script.next_seq);
    client.script.send(0, HandshakeType::FINISHED, &body).unwrap();
    assert!(!client.script.endpoint.is_connected());
    (client.script.transcript, client.script.next_seq) = (transcript, next_seq);
    client.finished().unwrap();
    assert!(client.script.endpoint.is_connected());
}

#[test]
fn malformed_messages_in_the_clear_are_noise_and_are_named_at_the_end() {
    let mut client = Client::new();
    client.hello(&offer());
    let (transcript, next_seq) = (client.script.transcript.clone(), client.script.next_seq);
    client.script.send(0, HandshakeType::CERTIFICATE, b"nonsense").unwrap();
    let mut lost = Client::new();
    lost.hello(&offer());
    lost.script.send(0, HandshakeType::CERTIFICATE, b"nonsense").unwrap();

    // The real one still has its turn.
    (client.script.transcript, client.script.next_seq) = (transcript, next_seq);
    client.certificate(&THEM).unwrap();
    client.key_exchange().unwrap();
    client.verify(&THEM).unwrap();
    client.finished().unwrap();
    assert!(client.script.endpoint.is_connected());
    // Where none comes, the handshake ends with the reason.
    let error = misbehaved(PeerMisbehaved::Malformed(HandshakeType::CERTIFICATE));
    assert_eq!(lost.script.after_timeout(), Err(error));
}

#[test]
fn application_data_waits_for_finished() {
    let mut client = Client::up_to_verify();
    for _ in 0..20 {
        client.script.send_record(1, ContentType::ApplicationData, b"early").unwrap();
    }
    assert_eq!(client.script.endpoint.poll_event(), None);
    client.verify(&THEM).unwrap();
    assert_eq!(client.script.endpoint.poll_event(), None);
    client.finished().unwrap();
    assert_eq!(client.script.endpoint.poll_event(), Some(Event::Connected));
    for _ in 0..16 {
        let data = Event::ApplicationData(b"early".to_vec());
        assert_eq!(client.script.endpoint.poll_event(), Some(data));
    }
    assert_eq!(client.script.endpoint.poll_event(), None);
    assert_eq!(client.script.endpoint.counters().application_data_dropped, 4);
}

/// Of a peer that has keys and has proved nothing.
#[test]
fn early_application_data_is_kept_up_to_32_kib() {
    let mut client = Client::up_to_verify();
    let large = vec![7; 1 << 14];
    for data in [&large[..], &large[1..], b"12", b"3", b"4"] {
        client.script.send_record(1, ContentType::ApplicationData, data).unwrap();
    }
    client.verify(&THEM).unwrap();
    client.finished().unwrap();
    assert_eq!(client.script.endpoint.poll_event(), Some(Event::Connected));
    // One byte was left when two came, and the next took it.
    let lengths = std::iter::from_fn(|| match client.script.endpoint.poll_event()? {
        Event::ApplicationData(data) => Some(data.len()),
        _ => None,
    });
    assert_eq!(lengths.collect::<Vec<_>>(), [1 << 14, (1 << 14) - 1, 1]);
    assert_eq!(client.script.endpoint.counters().application_data_dropped, 2);
}

#[test]
fn alerts_with_keys_end_a_handshake_and_a_connection() {
    let mut client = Client::up_to_verify();
    let result = client.script.send_record(1, ContentType::Alert, &[2, 40]);
    assert_eq!(result, Err(Error::PeerAlert(AlertDescription::HANDSHAKE_FAILURE)));

    let mut client = Client::connected();
    client.script.send_record(1, ContentType::Alert, &[1, 100]).unwrap();
    assert!(client.script.endpoint.is_connected());
    let result = client.script.send_record(1, ContentType::Alert, &[2, 80]);
    assert_eq!(result, Err(Error::PeerAlert(AlertDescription::INTERNAL_ERROR)));
    assert!(!client.script.endpoint.is_connected());
    // An alert is not answered by one.
    client.script.receive();
    assert_eq!(client.script.alerts, []);
}

#[test]
fn renegotiation_is_refused() {
    for kind in [HandshakeType::CLIENT_HELLO, HandshakeType::HELLO_REQUEST] {
        // The messages of a new handshake are counted from 0, as those of the old one were.
        for message_seq in [0, 7] {
            let mut client = Client::connected();
            client.script.next_seq = message_seq;
            assert_eq!(client.script.endpoint.poll_event(), Some(Event::Connected));
            let result = client.script.send(1, kind, &offer());
            let error = misbehaved(PeerMisbehaved::AfterTheHandshake(kind));
            client.assert_dead(result, error, AlertDescription::UNEXPECTED_MESSAGE);
        }
    }
}

#[test]
fn nonsense_under_the_keys_ends_a_connection() {
    let malformed = (PeerMisbehaved::MalformedAlert, AlertDescription::ILLEGAL_PARAMETER);
    let unexpected =
        |kind| (PeerMisbehaved::UnexpectedRecord(kind), AlertDescription::UNEXPECTED_MESSAGE);
    let cut = (PeerMisbehaved::MalformedFragment, AlertDescription::ILLEGAL_PARAMETER);
    let overflow = (PeerMisbehaved::RecordOverflow, AlertDescription::RECORD_OVERFLOW);
    let large = vec![0; (1 << 14) + 1];
    for (kind, content, (error, alert)) in [
        (ContentType::Alert, &[2][..], malformed),
        (ContentType::Alert, &[2, 40, 2, 40], malformed),
        (ContentType::Alert, &[], malformed),
        (ContentType::Alert, &[0x42, 10], malformed),
        (ContentType::ChangeCipherSpec, &[1], unexpected(20)),
        (ContentType::Handshake, &[20, 0, 0], cut),
        (ContentType::ApplicationData, &large, overflow),
    ] {
        let mut client = Client::connected();
        assert_eq!(client.script.endpoint.poll_event(), Some(Event::Connected));
        let result = client.script.send_record(1, kind, content);
        client.assert_dead(result, misbehaved(error), alert);
    }
}

#[test]
fn plaintext_after_the_handshake_is_dropped() {
    let mut client = Client::connected();
    for kind in [ContentType::ApplicationData, ContentType::Alert, ContentType::Handshake] {
        client.script.send_record(0, kind, &[2, 40]).unwrap();
    }
    assert!(client.script.endpoint.is_connected());
    assert_eq!(client.script.endpoint.counters().wrong_epoch, 3);
    assert_eq!(client.script.endpoint.poll_event(), Some(Event::Connected));
    assert_eq!(client.script.endpoint.poll_event(), None);
}

/// A hello as browsers send it that offer DTLS 1.3 with a post-quantum share and fall back to 1.2.
fn browser_hello(point_formats: bool) -> Vec<u8> {
    const GREASE: u16 = 0x6a6a;
    fn extension(out: &mut Vec<u8>, id: u16, content: &[u8]) {
        put_u16(out, id);
        with_length::<2>(out, |out| out.extend_from_slice(content));
    }
    fn list16(ids: &[u16]) -> Vec<u8> {
        let mut out = Vec::new();
        with_length::<2>(&mut out, |out| ids.iter().for_each(|id| put_u16(out, *id)));
        out
    }
    let mut out = Vec::new();
    put_u16(&mut out, DTLS_1_2);
    out.extend_from_slice(&RANDOM);
    out.extend_from_slice(&[0, 0]);
    let suites = [GREASE, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xcca9, 0xcca8, 0xc009, 0x002f];
    out.extend_from_slice(&list16(&suites));
    out.extend_from_slice(&[1, 0]);
    with_length::<2>(&mut out, |out| {
        extension(out, GREASE, &[]);
        extension(out, 23, &[]);
        extension(out, 0xff01, &[0]);
        extension(out, 10, &list16(&[GREASE, 0x11ec, 29, 23, 24]));
        if point_formats {
            extension(out, 11, &[1, 0]);
        }
        extension(out, 35, &[]);
        let schemes = [0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601, 0x0201];
        extension(out, 13, &list16(&schemes));
        extension(out, 14, &[list16(&[GREASE, 7, 8, 1]), vec![4, 1, 2, 3, 4]].concat());
        extension(out, 28, &[0x40, 1]);
        // key_share: X25519MLKEM768 and X25519.
        let mut shares = Vec::new();
        with_length::<2>(&mut shares, |shares| {
            extension(shares, GREASE, &[0]);
            extension(shares, 0x11ec, &[0x55; 1216]);
            extension(shares, 29, &[0x77; 32]);
        });
        extension(out, 51, &shares);
        extension(out, 43, &[&[6][..], &[0x6a, 0x6a, 0xfe, 0xfc, 0xfe, 0xfd]].concat());
        extension(out, 45, &[1, 1]);
        extension(out, 0x1a1a, &[0]);
    });
    assert!(out.len() > 1400);
    out
}

#[test]
fn browsers_that_offer_1_3_get_1_2() {
    for point_formats in [true, false] {
        let mut client = Client::new();
        client.hello(&browser_hello(point_formats));
        let body = client.script.last_body(HandshakeType::SERVER_HELLO);
        let hello = ServerHello::read(&body).unwrap();
        assert_eq!((hello.version, hello.suite), (DTLS_1_2, 0xc02b));
        assert_eq!(hello.use_srtp.unwrap().profiles, [7]);
        assert_eq!(hello.uncompressed_points.is_some(), point_formats);
        assert!(hello.extended_master_secret);
        assert_eq!(hello.renegotiation_info, Some(&[0][..]));
        assert_eq!(hello.unsolicited, None);
        client.certificate(&THEM).unwrap();
        client.key_exchange().unwrap();
        client.verify(&THEM).unwrap();
        client.finished().unwrap();
        assert!(client.script.endpoint.is_connected());
    }
}

#[test]
fn a_browser_hello_in_fragments_out_of_order() {
    let body = browser_hello(true);
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]] {
        let mut client = Client::new();
        for piece in order {
            let (start, end) = (body.len() * piece / 4, body.len() * (piece + 1) / 4);
            let [.., l0, l1, l2] = body.len().to_be_bytes();
            let [.., o0, o1, o2] = start.to_be_bytes();
            let [.., f0, f1, f2] = (end - start).to_be_bytes();
            let header = [1, l0, l1, l2, 0, 0, o0, o1, o2, f0, f1, f2];
            let content = [&header, &body[start..end]].concat();
            client.script.receive();
            assert!(client.script.received.is_empty());
            client.script.send_record(0, ContentType::Handshake, &content).unwrap();
        }
        client.script.receive();
        assert_eq!(client.script.received.len(), 5);
    }
}

#[test]
fn hellos_that_cannot_be_served_end_nothing() {
    type Edit = fn(&mut Vec<u8>);
    let cut_extensions: Edit = |body| body.truncate(2 + 32 + 2 + 2 + 12 + 2);
    let null_suite: Edit = |body| {
        body.truncate(2 + 32 + 2);
        body.extend_from_slice(&[0, 2, 0, 1, 1, 0]);
    };
    let cases: [(Edit, PeerIncompatible, AlertDescription); 5] = [
        (null_suite, PeerIncompatible::NoExtendedMasterSecret, AlertDescription::HANDSHAKE_FAILURE),
        (
            cut_extensions,
            PeerIncompatible::NoExtendedMasterSecret,
            AlertDescription::HANDSHAKE_FAILURE,
        ),
        (
            |body| body[1] = 0xff,
            PeerIncompatible::Version(0xfeff),
            AlertDescription::PROTOCOL_VERSION,
        ),
        (
            |body| body[38..50].fill(0),
            PeerIncompatible::NoCommonCipherSuite,
            AlertDescription::HANDSHAKE_FAILURE,
        ),
        (
            |body| body[51] = 7,
            PeerIncompatible::NoNullCompression,
            AlertDescription::ILLEGAL_PARAMETER,
        ),
    ];
    for (edit, why, alert) in cases {
        let mut client = Client::new();
        let mut body = offer();
        edit(&mut body);
        client.hello(&body);
        assert!(client.script.received.is_empty());
        assert_eq!(client.script.alerts, []);
        let mut abandoned = client;

        // The same again, and then a good one: connected.
        let mut client = Client::new();
        client.hello(&body);
        client.script.transcript.clear();
        client.script.next_seq = 0;
        client.hello(&offer());
        client.certificate(&THEM).unwrap();
        client.key_exchange().unwrap();
        client.verify(&THEM).unwrap();
        client.finished().unwrap();
        assert!(client.script.endpoint.is_connected());

        assert_eq!(abandoned.script.after_timeout(), Err(Error::PeerIncompatible(why)));
        abandoned.script.receive();
        assert_eq!(abandoned.script.alerts, [(2, alert.0)]);
    }
}

/// A hello with this cookie, and otherwise as [`offer`] or a stranger's.
fn hello_with(random: [u8; 32], cookie: &[u8]) -> Vec<u8> {
    ClientOffer {
        session_id: b"",
        ticket: None,
        random,
        cookie,
        suites: &CipherSuite::ALL,
        groups: &NamedGroup::ALL,
        srtp_profiles: &SrtpProfile::ALL,
    }
    .encode()
}

impl Client {
    fn of_a_server_with_cookies() -> Self {
        Self::against(Config { hello_verify: true, ..Config::new(Arc::clone(&US)) })
    }

    /// Sends a hello under this number; the cookie that is the answer to it, under the same number, unless it is another.
    fn cookie_for(&mut self, message_seq: u16, hello: &[u8]) -> Option<Vec<u8>> {
        let mut message = Vec::new();
        append_whole(&mut message, HandshakeType::CLIENT_HELLO, message_seq, hello);
        self.script.send_record(0, ContentType::Handshake, &message).unwrap();
        let mut out = [0; 2048];
        let len = self.script.endpoint.poll_transmit(&mut out)?;
        let (_, content, _) = split_record(&mut out[..len]).unwrap();
        let content = content.to_vec();
        let fragment = &content[..12];
        assert_eq!(fragment[4..6], message_seq.to_be_bytes());
        let is_request = fragment[0] == HandshakeType::HELLO_VERIFY_REQUEST.0;
        is_request.then(|| HelloVerifyRequest::read(&content[12..]).unwrap().cookie.to_vec())
    }
}

/// RFC 6347 §4.2.1.
#[test]
fn a_wrong_cookie_is_as_good_as_none() {
    let mut client = Client::of_a_server_with_cookies();
    let cookie = client.cookie_for(0, &offer()).unwrap();
    assert_eq!(client.cookie_for(1, &hello_with(RANDOM, &[9; 32])), Some(cookie.clone()));
    // Another's, or one with a bit more or less.
    let of_another = client.cookie_for(1, &hello_with([7; 32], &[])).unwrap();
    assert_ne!(of_another, cookie);
    for wrong in [&of_another[..], &cookie[1..], &[&cookie[..], &[0]].concat()] {
        assert_eq!(client.cookie_for(1, &hello_with(RANDOM, wrong)), Some(cookie.clone()));
    }
    assert_eq!(client.script.endpoint.counters().rejected_messages, 0);
    assert_eq!(client.cookie_for(1, &hello_with(RANDOM, &cookie)), None);
    assert_eq!(client.script.endpoint.counters().repeated_messages, 0);
}

/// Whatever hellos a forger sends, and under whatever numbers, the client's are the first to the server.
#[test]
fn forged_hellos_do_not_stand_in_the_way_of_the_client_s_cookie() {
    let mut client = Client::of_a_server_with_cookies();
    let forge = |client: &mut Client| {
        for message_seq in 0..8 {
            assert!(client.cookie_for(message_seq, &hello_with([7; 32], &[])).is_some());
            assert!(client.cookie_for(message_seq, &hello_with([7; 32], &[1; 32])).is_some());
        }
        // The beginning of one.
        let fragment = [1, 0, 0, 200, 0, 1, 0, 0, 0, 0, 0, 1, 9];
        client.script.send_record(0, ContentType::Handshake, &fragment).unwrap();
    };
    forge(&mut client);
    let cookie = client.cookie_for(0, &offer()).unwrap();
    forge(&mut client);
    client.script.transcript.clear();
    client.script.expect_from(1);
    client.script.next_seq = 1;
    client.hello(&hello_with(RANDOM, &cookie));
    client.certificate(&THEM).unwrap();
    client.key_exchange().unwrap();
    client.verify(&THEM).unwrap();
    client.finished().unwrap();
    assert!(client.script.endpoint.is_connected());
}

/// Each costs a verification, so there is an end to it.
#[test]
fn seven_certificate_verifies_that_do_not_verify_are_noise_and_the_eighth_ends_the_handshake() {
    let body = CertificateVerify::encode(SignatureScheme::EcdsaSha256, &[0; 70]);
    let forged = |client: &mut Client| {
        let (transcript, next_seq) = (client.script.transcript.clone(), client.script.next_seq);
        let result = client.verify_with(&body);
        (client.script.transcript, client.script.next_seq) = (transcript, next_seq);
        result
    };
    let mut client = Client::up_to_verify();
    (0..7).for_each(|_| forged(&mut client).unwrap());
    client.verify(&THEM).unwrap();
    client.finished().unwrap();
    assert!(client.script.endpoint.is_connected());

    let mut client = Client::up_to_verify();
    (0..7).for_each(|_| forged(&mut client).unwrap());
    let result = forged(&mut client);
    let why = PeerMisbehaved::BadSignature(HandshakeType::CERTIFICATE_VERIFY);
    client.assert_dead(result, misbehaved(why), AlertDescription::DECRYPT_ERROR);
}
