//! dimpl and rtc-dtls behind the interface of `dtls`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use dimpl::crypto::{Dtls12CipherSuite, NamedGroup};
use dimpl::{Dtls, DtlsCertificate, Output};
use rtc_crypto::SignatureScheme;
use rtc_dtls::cipher_suite::CipherSuiteId;
use rtc_dtls::config::{ClientAuthType, ConfigBuilder, ExtendedMasterSecretType, HandshakeConfig};
use rtc_dtls::crypto::{Certificate, CryptoPrivateKey};
use rtc_dtls::endpoint::{Endpoint, EndpointEvent};
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc_shared::TransportProtocol;

use crate::dtls::{Endpoints, Pair};

/// Its handshake ends with events that hold the peer's certificate and the SRTP keys.
pub(crate) struct Dimpl {
    config: Arc<dimpl::Config>,
    client: DtlsCertificate,
    server: DtlsCertificate,
}

impl Dimpl {
    pub(crate) fn new(client: &Pair, server: &Pair) -> Self {
        let config = dimpl::Config::builder()
            .mtu(1200)
            .require_client_certificate(true)
            .use_server_cookie(false)
            .dtls12_cipher_suites(&[Dtls12CipherSuite::ECDHE_ECDSA_AES128_GCM_SHA256])
            .kx_groups(&[NamedGroup::X25519])
            .build()
            .expect("a configuration");
        let certificate = |pair: &Pair| DtlsCertificate {
            certificate: pair.certificate.clone(),
            private_key: pair.key.clone(),
        };
        Self { config: Arc::new(config), client: certificate(client), server: certificate(server) }
    }

    pub(crate) fn connected(&self) -> DimplPair {
        self.run(&mut |turn| turn())
    }

    fn run(&self, server_turn: &mut dyn FnMut(&mut dyn FnMut())) -> DimplPair {
        let now = Instant::now();
        let mut client = DimplSide::new(&self.config, &self.client, true, now);
        let mut server = None;
        server_turn(&mut || {
            server = Some(DimplSide::new(&self.config, &self.server, false, now));
        });
        let mut server = server.expect("made above");
        let (mut to_client, mut to_server) = (Vec::with_capacity(8), Vec::with_capacity(8));
        while !(client.is_done() && server.is_done()) {
            client.pump(now, &mut to_client, &mut to_server);
            server_turn(&mut || server.pump(now, &mut to_server, &mut to_client));
        }
        DimplPair { client, server }
    }
}

impl Endpoints for Dimpl {
    fn handshake(&mut self, server_turn: &mut dyn FnMut(&mut dyn FnMut())) {
        self.run(server_turn);
    }
}

struct DimplSide {
    dtls: Dtls,
    connected: bool,
    authenticated: bool,
    keyed: bool,
}

impl DimplSide {
    fn new(
        config: &Arc<dimpl::Config>,
        certificate: &DtlsCertificate,
        active: bool,
        now: Instant,
    ) -> Self {
        let mut dtls = Dtls::new_12(Arc::clone(config), certificate.clone(), now);
        dtls.set_active(active);
        dtls.handle_timeout(now).expect("started");
        Self { dtls, connected: false, authenticated: false, keyed: false }
    }

    fn is_done(&self) -> bool {
        self.connected && self.authenticated && self.keyed
    }

    fn pump(&mut self, now: Instant, incoming: &mut Vec<Vec<u8>>, outgoing: &mut Vec<Vec<u8>>) {
        let mut out = [0; 2048];
        self.drain(&mut out, outgoing);
        for datagram in incoming.drain(..) {
            self.dtls.handle_packet(&datagram).expect("a peer that behaves");
            self.drain(&mut out, outgoing);
        }
        self.dtls.handle_timeout(now).expect("no timeout");
        self.drain(&mut out, outgoing);
    }

    /// Octets of application data that came.
    fn drain(&mut self, out: &mut [u8], outgoing: &mut Vec<Vec<u8>>) -> usize {
        let mut received = 0;
        loop {
            match self.dtls.poll_output(out) {
                Output::Packet(packet) => outgoing.push(packet.to_vec()),
                Output::Connected => self.connected = true,
                Output::PeerCert(_) => self.authenticated = true,
                Output::KeyingMaterial(..) => self.keyed = true,
                Output::ApplicationData(data) => received += data.len(),
                Output::Timeout(_) => return received,
                _ => {}
            }
        }
    }
}

pub(crate) struct DimplPair {
    client: DimplSide,
    server: DimplSide,
}

impl DimplPair {
    pub(crate) fn transfer(&mut self, data: &[u8]) -> usize {
        let (mut out, mut datagrams) = ([0; 2048], Vec::with_capacity(1));
        self.client.dtls.send_application_data(data).expect("sent");
        self.client.drain(&mut out, &mut datagrams);
        let mut received = 0;
        for datagram in datagrams.drain(..) {
            self.server.dtls.handle_packet(&datagram).expect("a record");
        }
        received += self.server.drain(&mut out, &mut datagrams);
        received
    }
}

const CLIENT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 1);
const SERVER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 2);

pub(crate) struct Rtc {
    client: Arc<HandshakeConfig>,
    server: Arc<HandshakeConfig>,
}

impl Rtc {
    pub(crate) fn new(client: &Pair, server: &Pair) -> Self {
        let provider = rtc_crypto::default_provider().expect("ring");
        let suite = if server.is_rsa {
            CipherSuiteId::Tls_Ecdhe_Rsa_With_Aes_128_Gcm_Sha256
        } else {
            CipherSuiteId::Tls_Ecdhe_Ecdsa_With_Aes_128_Gcm_Sha256
        };
        let config = |pair: &Pair, is_client| {
            let scheme = if pair.is_rsa {
                SignatureScheme::RsaPkcs1Sha256
            } else {
                SignatureScheme::EcdsaP256Sha256
            };
            let key = provider.crypto().import_signing_key(scheme, &pair.key).expect("a key");
            let certificate = Certificate {
                certificate: vec![pair.certificate.clone().into()],
                private_key: CryptoPrivateKey::from_signing_key(key),
            };
            let config = ConfigBuilder::default()
                .with_crypto_provider(Arc::clone(&provider))
                .with_certificates(vec![certificate])
                .with_cipher_suites(vec![suite])
                .with_srtp_protection_profiles(vec![SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm])
                .with_client_auth(ClientAuthType::RequireAnyClientCert)
                .with_extended_master_secret(ExtendedMasterSecretType::Require)
                .with_insecure_skip_verify(true)
                .build(is_client, None);
            Arc::new(config.expect("a configuration"))
        };
        Self { client: config(client, true), server: config(server, false) }
    }

    pub(crate) fn connected(&self) -> RtcPair {
        self.run(&mut |turn| turn())
    }

    fn run(&self, server_turn: &mut dyn FnMut(&mut dyn FnMut())) -> RtcPair {
        let now = Instant::now();
        let mut client = Endpoint::new(CLIENT, TransportProtocol::UDP, None);
        client.connect(now, SERVER, Arc::clone(&self.client), None).expect("started");
        let mut server = None;
        server_turn(&mut || {
            let config = Some(Arc::clone(&self.server));
            server = Some(Endpoint::new(SERVER, TransportProtocol::UDP, config));
        });
        let mut server = server.expect("made above");
        let (mut client_done, mut server_done) = (false, false);
        while !(client_done && server_done) {
            let mut datagrams: Vec<_> = std::iter::from_fn(|| client.poll_transmit()).collect();
            let mut answers = Vec::with_capacity(8);
            server_turn(&mut || {
                for datagram in datagrams.drain(..) {
                    let events = server.read(now, CLIENT, None, datagram.message);
                    server_done |= is_complete(&events.expect("a peer that behaves"));
                }
                answers.extend(std::iter::from_fn(|| server.poll_transmit()));
            });
            for datagram in answers {
                let events = client.read(now, SERVER, None, datagram.message);
                client_done |= is_complete(&events.expect("a peer that behaves"));
            }
        }
        export(&client, SERVER);
        server_turn(&mut || export(&server, CLIENT));
        RtcPair { client, server, now }
    }
}

fn is_complete(events: &[EndpointEvent]) -> bool {
    events.iter().any(|event| matches!(event, EndpointEvent::HandshakeComplete))
}

fn export(endpoint: &Endpoint, remote: SocketAddr) {
    let state = endpoint.get_connection_state(remote).expect("a connection");
    let keys = state.export_keying_material("EXTRACTOR-dtls_srtp", &[], 2 * (16 + 12));
    std::hint::black_box(keys.expect("keys"));
}

impl Endpoints for Rtc {
    fn handshake(&mut self, server_turn: &mut dyn FnMut(&mut dyn FnMut())) {
        self.run(server_turn);
    }
}

pub(crate) struct RtcPair {
    client: Endpoint,
    server: Endpoint,
    now: Instant,
}

impl RtcPair {
    pub(crate) fn transfer(&mut self, data: &[u8]) -> usize {
        self.client.write(self.now, SERVER, data).expect("sent");
        let mut received = 0;
        while let Some(datagram) = self.client.poll_transmit() {
            let events = self.server.read(self.now, CLIENT, None, datagram.message);
            for event in events.expect("a record") {
                if let EndpointEvent::ApplicationData(data) = event {
                    received += data.len();
                }
            }
        }
        received
    }
}
