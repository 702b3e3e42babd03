//! https and wss.

mod support;

use std::sync::{Arc, Mutex};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use support::{Client, connect, start};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tsubame_signaling::{Config, TlsError, TlsIdentity};

/// Trusts everybody and remembers whom: what a user does who compares fingerprints.
#[derive(Debug)]
struct Remember {
    provider: Arc<CryptoProvider>,
    seen: Mutex<Option<CertificateDer<'static>>>,
}

impl ServerCertVerifier for Remember {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        *self.seen.lock().expect("one thread") = Some(certificate.clone().into_owned());
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

async fn secure(
    server: &support::Running,
    config: ClientConfig,
    name: &'static str,
) -> std::io::Result<TlsStream<TcpStream>> {
    let address = server.addresses.tls_listen.expect("on");
    let stream = TcpStream::connect(address).await.expect("the server listens");
    let name = ServerName::try_from(name).expect("a name");
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

async fn joins(stream: TlsStream<TcpStream>) {
    let (socket, _) = tokio_tungstenite::client_async("wss://localhost/signaling", stream)
        .await
        .expect("the upgrade is answered");
    let mut client = Client { socket };
    client.send(connect()).await;
    assert_eq!(client.next().await["type"], "offer");
}

fn builder() -> rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier> {
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
}

#[tokio::test]
async fn a_self_signed_certificate_is_the_one_of_the_fingerprint() {
    let identity = TlsIdentity::self_signed(&[support::LOOPBACK]).expect("a certificate");
    let fingerprint = identity.fingerprint();
    let server = start(Config { tls: Some(identity), ..Config::default() }).await;

    let remember =
        Arc::new(Remember { provider: Arc::new(ring::default_provider()), seen: Mutex::new(None) });
    let verifier: Arc<dyn ServerCertVerifier> = remember.clone();
    let config =
        builder().dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
    joins(secure(&server, config, "localhost").await.expect("a handshake")).await;

    let seen = remember.seen.lock().expect("one thread").take().expect("a certificate");
    let digest = ::ring::digest::digest(&::ring::digest::SHA256, &seen);
    let octets: Vec<_> = digest.as_ref().iter().map(|octet| format!("{octet:02X}")).collect();
    assert_eq!(octets.join(":"), fingerprint);

    // Whoever trusts it reaches the server by address and by name, and by no other.
    let mut roots = RootCertStore::empty();
    roots.add(seen).expect("a certificate");
    for (name, good) in [("localhost", true), ("127.0.0.1", true), ("example.com", false)] {
        let config = builder().with_root_certificates(roots.clone()).with_no_client_auth();
        assert_eq!(secure(&server, config, name).await.is_ok(), good, "{name}");
    }
}

#[tokio::test]
async fn a_certificate_from_files() {
    let folder = env!("CARGO_TARGET_TMPDIR");
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("made");
    let (certificate, key) = (format!("{folder}/cert.pem"), format!("{folder}/key.pem"));
    std::fs::write(&certificate, made.cert.pem()).expect("written");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("written");
    let load = |certificate: &str, key: &str| {
        TlsIdentity::from_pem_files(certificate.as_ref(), key.as_ref())
    };
    let identity = load(&certificate, &key).expect("they fit");
    let server = start(Config { tls: Some(identity), ..Config::default() }).await;
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).expect("a certificate");
    let config = builder().with_root_certificates(roots).with_no_client_auth();
    joins(secure(&server, config, "localhost").await.expect("a handshake")).await;

    assert!(matches!(load(&key, &key), Err(TlsError::Unreadable { .. })), "no certificate");
    assert!(matches!(load(&certificate, &certificate), Err(TlsError::Unreadable { .. })), "no key");
    let other = rcgen::KeyPair::generate().expect("made").serialize_pem();
    let other_key = format!("{folder}/other-key.pem");
    std::fs::write(&other_key, other).expect("written");
    assert!(matches!(load(&certificate, &other_key), Err(TlsError::Unusable(_))));
    let missing = load("/does/not/exist", &key).expect_err("missing");
    assert_eq!(missing.to_string(), "/does/not/exist does not exist");
}

#[tokio::test]
async fn plain_http_on_the_tls_port_gets_nothing_and_harms_nobody() {
    let identity = TlsIdentity::self_signed(&[]).expect("a certificate");
    let server = start(Config { tls: Some(identity), ..Config::default() }).await;
    let address = server.addresses.tls_listen.expect("on");
    let response = support::request(address, "GET", "/healthz", "").await;
    assert!(!response.contains("200"), "{response}");
    server.join().await;
}
