//! dimpl, the DTLS of str0m, in memory and under virtual time. It has no RSA and no SRTP_AES128_CM_HMAC_SHA1_32.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dimpl::crypto::Dtls12CipherSuite;
use dimpl::{Dtls, DtlsCertificate, Output};
use tsubame_dtls::{CipherSuite, Config, Connection, Event, NamedGroup, Role, SrtpProfile};

use crate::cases::{Case, Kind, material_len};
use crate::peer::now;

const SUITES: [CipherSuite; 3] = [
    CipherSuite::EcdheEcdsaAes128GcmSha256,
    CipherSuite::EcdheEcdsaAes256GcmSha384,
    CipherSuite::EcdheEcdsaChaCha20Poly1305Sha256,
];
const PROFILES: [SrtpProfile; 3] =
    [SrtpProfile::AeadAes128Gcm, SrtpProfile::AeadAes256Gcm, SrtpProfile::Aes128CmSha1_80];

#[test]
fn our_client_connects_to_dimpl() {
    for case in cases() {
        let mut pair = Pair::new(Role::Client, case, |_| false);
        pair.check(case);
        // It sends a HelloVerifyRequest first.
        assert_eq!(pair.first_received.as_ref().map(|datagram| datagram[13]), Some(3));
    }
}

#[test]
fn dimpl_connects_to_our_server() {
    for case in cases() {
        Pair::new(Role::Server, case, |_| false).check(case);
    }
}

/// A fifth of the datagrams each way is lost: both retransmit, and understand it of each other.
#[test]
fn both_repeat_what_was_lost() {
    for role in [Role::Client, Role::Server] {
        for seed in 0..40_u64 {
            let lost = move |number: usize| {
                // SplitMix64's mixing of a seed and a number.
                let mut z = (seed << 32 | number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                (z ^ (z >> 31)).is_multiple_of(5)
            };
            let cases = cases();
            let case = cases[usize::try_from(seed).unwrap() % cases.len()];
            Pair::new(role, case, lost).check(case);
        }
    }
}

#[test]
fn both_fragment_for_a_small_mtu() {
    for role in [Role::Client, Role::Server] {
        let case = cases()[0];
        let mut pair = Pair::with_mtu(role, case, 200, |_| false);
        pair.check(case);
        assert!(pair.largest <= 200 && pair.largest > 150, "{}", pair.largest);
    }
}

fn cases() -> Vec<Case> {
    let mut cases = Case::all(&SUITES, &PROFILES);
    for case in &mut cases {
        if case.client == Kind::Rsa {
            case.client = Kind::P384;
        }
    }
    cases
}

/// Our connection and theirs, 10 ms apart.
struct Pair {
    now: Instant,
    ours: Connection,
    theirs: Dtls,
    events: Vec<Event>,
    connected: bool,
    certificate: Vec<u8>,
    material: Option<(Vec<u8>, dimpl::SrtpProfile)>,
    data: Vec<Vec<u8>>,
    closed: bool,
    their_timeout: Option<Instant>,
    lost: Box<dyn Fn(usize) -> bool>,
    sent: usize,
    largest: usize,
    first_received: Option<Vec<u8>>,
}

impl Pair {
    fn new(role: Role, case: Case, lost: impl Fn(usize) -> bool + 'static) -> Self {
        Self::with_mtu(role, case, 1200, lost)
    }

    fn with_mtu(
        role: Role,
        case: Case,
        mtu: usize,
        lost: impl Fn(usize) -> bool + 'static,
    ) -> Self {
        let now = now();
        let config = Config { srtp_profiles: vec![case.profile], mtu, ..case.config(role) };
        let kind = case.theirs(role);
        let certificate = DtlsCertificate {
            certificate: kind.certificate(),
            private_key: std::fs::read(kind.key_file()).unwrap(),
        };
        let group = match case.group {
            NamedGroup::X25519 => dimpl::NamedGroup::X25519,
            NamedGroup::Secp256r1 => dimpl::NamedGroup::Secp256r1,
            NamedGroup::Secp384r1 => dimpl::NamedGroup::Secp384r1,
        };
        let their_config = dimpl::Config::builder()
            .dtls12_cipher_suites(&[Dtls12CipherSuite::from_u16(case.suite.id())])
            .kx_groups(&[group])
            .handshake_timeout(Duration::from_secs(60))
            .flight_retries(20)
            .flight_start_rto(Duration::from_millis(200))
            .mtu(mtu)
            .build()
            .unwrap();
        let mut theirs = Dtls::new_12(Arc::new(their_config), certificate, now);
        theirs.set_active(role == Role::Server);
        theirs.handle_timeout(now).unwrap();
        Self {
            now,
            ours: Connection::new(now, role, Arc::new(config), [3; 32]),
            theirs,
            events: Vec::new(),
            connected: false,
            certificate: Vec::new(),
            material: None,
            data: Vec::new(),
            closed: false,
            their_timeout: None,
            lost: Box::new(lost),
            sent: 0,
            largest: 0,
            first_received: None,
        }
    }

    /// Connects, compares what was agreed on, sends data both ways, and closes.
    fn check(&mut self, case: Case) {
        self.run_until(|pair| pair.connected && pair.ours.is_connected());
        let role = self.ours.role();
        assert_eq!(self.ours.cipher_suite(), Some(case.suite));
        assert_eq!(self.ours.group(), Some(case.group));
        assert_eq!(self.ours.srtp_profile(), Some(case.profile));
        assert_eq!(self.ours.peer_certificate(), Some(&case.theirs(role).certificate()[..]));
        assert_eq!(self.certificate, case.ours(role).certificate());

        let keys = self.ours.srtp_keying_material(&[case.theirs(role).fingerprint()]).unwrap();
        let (local, remote) =
            ((keys.local_key(), keys.local_salt()), (keys.remote_key(), keys.remote_salt()));
        let (client, server) = match role {
            Role::Client => (local, remote),
            Role::Server => (remote, local),
        };
        let (material, profile) = self.material.as_ref().unwrap();
        assert_eq!(*material, [client.0, server.0, client.1, server.1].concat(), "{case:?}");
        assert_eq!(material.len(), material_len(case.profile));
        let same = match case.profile {
            SrtpProfile::AeadAes128Gcm => dimpl::SrtpProfile::AEAD_AES_128_GCM,
            SrtpProfile::AeadAes256Gcm => dimpl::SrtpProfile::AEAD_AES_256_GCM,
            _ => dimpl::SrtpProfile::AES128_CM_SHA1_80,
        };
        assert_eq!(*profile, same);

        // What is lost now stays lost.
        self.lost = Box::new(|_| false);
        self.ours.send(b"from tsubame").unwrap();
        self.theirs.send_application_data(b"from dimpl").unwrap();
        let received = Event::ApplicationData(b"from dimpl".to_vec());
        self.run_until(|pair| pair.data == [b"from tsubame"] && pair.events.contains(&received));
        match role {
            Role::Client => {
                self.theirs.close().unwrap();
                self.run_until(|pair| pair.events.contains(&Event::Closed));
            }
            Role::Server => {
                self.ours.close();
                self.run_until(|pair| pair.closed);
            }
        }
    }

    fn run_until(&mut self, done: impl Fn(&Self) -> bool) {
        for _ in 0..1000 {
            while self.exchange() {}
            if done(self) {
                return;
            }
            let next = [self.ours.poll_timeout(), self.their_timeout].into_iter().flatten().min();
            self.now = next.unwrap().max(self.now + Duration::from_millis(10));
            self.ours.handle_timeout(self.now).unwrap();
            self.theirs.handle_timeout(self.now).unwrap();
        }
        panic!("not done: {:?} {:?} {:?}", self.ours, self.theirs, self.events);
    }

    /// Delivers what both have to send; false if that was nothing.
    fn exchange(&mut self) -> bool {
        let mut moved = false;
        let mut buffer = [0; 4096];
        while let Some(len) = self.ours.poll_transmit(&mut buffer) {
            moved = true;
            if self.arrives(len) {
                self.theirs.handle_packet(&buffer[..len]).unwrap();
            }
        }
        for mut packet in self.poll_theirs() {
            moved = true;
            if self.arrives(packet.len()) {
                self.first_received.get_or_insert_with(|| packet.clone());
                self.ours.handle_datagram(self.now, &mut packet).unwrap();
            }
        }
        self.events.extend(std::iter::from_fn(|| self.ours.poll_event()));
        moved
    }

    fn arrives(&mut self, len: usize) -> bool {
        self.largest = self.largest.max(len);
        self.sent += 1;
        !(self.lost)(self.sent)
    }

    fn poll_theirs(&mut self) -> Vec<Vec<u8>> {
        let mut packets = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            match self.theirs.poll_output(&mut buffer) {
                Output::Packet(packet) => packets.push(packet.to_vec()),
                Output::Timeout(at) => {
                    self.their_timeout = Some(at);
                    return packets;
                }
                Output::Connected => self.connected = true,
                Output::PeerCert(der) => self.certificate = der.to_vec(),
                Output::KeyingMaterial(material, profile) => {
                    self.material = Some((material.to_vec(), profile));
                }
                Output::ApplicationData(data) => self.data.push(data.to_vec()),
                Output::CloseNotify => self.closed = true,
                other => panic!("{other:?}"),
            }
        }
    }
}
