//! DTLS 1.2: full handshakes in memory with certificates on both sides, until both have the SRTP keys.
//!
//! X25519 (P-256 with rtc-dtls, which prefers it and cannot be told otherwise), AES-128-GCM with SHA-256, the extended master
//! secret, `SRTP_AEAD_AES_128_GCM`, no cookie. All sign with the same keys.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Instant;

use tsubame_dtls::{Connection, Identity};

use crate::dtls_openssl::OpenSsl;
use crate::dtls_peers::{Dimpl, Rtc};
use crate::measure::{Contestant, Role, time};
use crate::table::{Group, Row};
use crate::workload::dtls::{RSA_CERTIFICATE, RSA_KEY, Side, handshake, sides, transfer};

/// Certificate and PKCS #8 key in DER.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) certificate: Vec<u8>,
    pub(crate) key: Vec<u8>,
    pub(crate) is_rsa: bool,
}

impl Pair {
    fn ecdsa() -> Self {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).expect("a key");
        let parameters = rcgen::CertificateParams::new(Vec::new()).expect("parameters");
        let certificate = parameters.self_signed(&key).expect("a certificate");
        Self { certificate: certificate.der().to_vec(), key: key.serialize_der(), is_rsa: false }
    }

    fn rsa() -> Self {
        Self { certificate: RSA_CERTIFICATE.to_vec(), key: RSA_KEY.to_vec(), is_rsa: true }
    }

    fn identity(&self) -> Arc<Identity> {
        let identity = Identity::from_der(self.certificate.clone(), self.key.clone());
        Arc::new(identity.expect("an identity"))
    }
}

pub(crate) fn groups() -> [Group; 1] {
    let (client, ecdsa, rsa) = (Pair::ecdsa(), Pair::ecdsa(), Pair::rsa());
    let mut rows = Vec::new();
    for (kind, server) in [("ECDSA P-256", &ecdsa), ("RSA 2048", &rsa)] {
        for (what, part) in [("both sides", Part::Both), ("server alone", Part::Server)] {
            rows.push(Row {
                name: format!("handshake, {kind}, {what}"),
                contestants: contestants(&client, server, part),
            });
        }
    }
    rows.push(Row {
        name: "1,000 octets of application data, sent and received".to_owned(),
        contestants: transfers(&client, &ecdsa),
    });
    let name = if cfg!(feature = "ring") { "DTLS 1.2, feature `ring`" } else { "DTLS 1.2" };
    [Group { name, rows }]
}

/// What of a handshake is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Both,
    Server,
}

/// Two ends that can be brought together. What the server does runs inside of `server_turn`.
pub(crate) trait Endpoints {
    fn handshake(&mut self, server_turn: &mut dyn FnMut(&mut dyn FnMut()));
}

struct Ours(Side, Side);

impl Endpoints for Ours {
    fn handshake(&mut self, server_turn: &mut dyn FnMut(&mut dyn FnMut())) {
        handshake(Instant::now(), (&self.0, &self.1), server_turn);
    }
}

fn contestants(client: &Pair, server: &Pair, part: Part) -> Vec<Contestant> {
    let (ours, theirs) = sides(&client.identity(), &server.identity());
    let mut all = vec![
        contestant("tsubame-dtls", Role::Ours, part, Ours(ours, theirs)),
        contestant("rtc-dtls", Role::Peer, part, Rtc::new(client, server)),
        contestant("OpenSSL", Role::Peer, part, OpenSsl::new(client, server)),
    ];
    // It has no RSA.
    if !server.is_rsa {
        all.push(contestant("dimpl", Role::Peer, part, Dimpl::new(client, server)));
    }
    all
}

fn contestant(
    name: &'static str,
    role: Role,
    part: Part,
    mut endpoints: impl Endpoints + 'static,
) -> Contestant {
    Contestant::timed(name, role, move |times| {
        let spent = Cell::new(0);
        for _ in 0..times {
            if part == Part::Both {
                spent.set(spent.get() + time(|| endpoints.handshake(&mut |turn| turn())));
            } else {
                endpoints.handshake(&mut |turn| spent.set(spent.get() + time(turn)));
            }
        }
        spent.get()
    })
}

fn transfers(client: &Pair, server: &Pair) -> Vec<Contestant> {
    const DATA: [u8; 1000] = [0x5a; 1000];

    let (ours, theirs) = sides(&client.identity(), &server.identity());
    let now = Instant::now();
    let (mut from, mut to): (Connection, Connection) =
        handshake(now, (&ours, &theirs), |turn| turn());
    let mut out = [0; 1200];
    let mut dimpl = Dimpl::new(client, server).connected();
    let mut openssl = OpenSsl::new(client, server).connected();
    let mut rtc = Rtc::new(client, server).connected();
    vec![
        Contestant::plain("tsubame-dtls", Role::Ours, move || {
            assert_eq!(transfer(&mut from, &mut to, now, &DATA, &mut out), DATA.len());
        }),
        Contestant::plain("rtc-dtls", Role::Peer, move || {
            assert_eq!(rtc.transfer(&DATA), DATA.len());
        }),
        Contestant::plain("OpenSSL", Role::Peer, move || {
            assert_eq!(openssl.transfer(&DATA), DATA.len());
        }),
        Contestant::plain("dimpl", Role::Peer, move || {
            assert_eq!(dimpl.transfer(&DATA), DATA.len());
        }),
    ]
}
