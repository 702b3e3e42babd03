//! Interoperability with the machine's OpenSSL over 127.0.0.1, in both roles.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::{SocketAddr, UdpSocket};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use tsubame_dtls::{
    CipherSuite, Config, Connection, Error, Event, Identity, NamedGroup, PeerIncompatible, Role,
    SrtpKeys, SrtpProfile,
};

use crate::support::ALICE;

const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn our_client_connects_to_openssl() {
    for (suite, group, profile) in combinations() {
        let port = free_port();
        let mut args = vec!["s_server", "-Verify", "1"];
        let accept = format!("127.0.0.1:{port}");
        args.extend(["-accept", &accept]);
        let Some(mut openssl) = Openssl::start(&args, suite, group, profile) else { return };
        openssl.wait_for("ACCEPT");
        let server = SocketAddr::from(([127, 0, 0, 1], port));
        let mut peer = Peer::new(Role::Client, config(&ALICE, suite, group), Some(server));
        peer.check(&mut openssl, suite, group, profile);
    }
}

#[test]
fn openssl_connects_to_our_server() {
    for (suite, group, profile) in combinations() {
        let identity = if is_rsa(suite) { &RSA } else { &ALICE };
        let mut peer = Peer::new(Role::Server, config(identity, suite, group), None);
        let connect = peer.socket.local_addr().unwrap().to_string();
        let args = ["s_client", "-connect", &connect];
        let Some(mut openssl) = Openssl::start(&args, suite, group, profile) else { return };
        peer.check(&mut openssl, suite, group, profile);
    }
}

#[test]
fn our_client_answers_the_cookie_of_openssl() {
    let (suite, group, profile) = combinations()[0];
    let port = free_port();
    let accept = format!("127.0.0.1:{port}");
    let args = ["s_server", "-Verify", "1", "-listen", "-accept", &accept];
    let Some(mut openssl) = Openssl::start(&args, suite, group, profile) else { return };
    openssl.wait_for("ACCEPT");
    let server = SocketAddr::from(([127, 0, 0, 1], port));
    let mut peer = Peer::new(Role::Client, config(&ALICE, suite, group), Some(server));
    peer.check(&mut openssl, suite, group, profile);
    // The first thing that came was a HelloVerifyRequest.
    assert_eq!(peer.first_received.as_ref().map(|datagram| datagram[13]), Some(3));
}

#[test]
fn openssl_answers_our_cookie() {
    let (suite, group, profile) = combinations()[0];
    let config = Config { hello_verify: true, ..config(&ALICE, suite, group) };
    let mut peer = Peer::new(Role::Server, config, None);
    let connect = peer.socket.local_addr().unwrap().to_string();
    let args = ["s_client", "-connect", &connect];
    let Some(mut openssl) = Openssl::start(&args, suite, group, profile) else { return };
    peer.check(&mut openssl, suite, group, profile);
}

#[test]
fn both_fragment_for_a_small_mtu() {
    let (suite, group, profile) = combinations()[1];
    let identity = &RSA;
    let config = Config { mtu: 256, ..config(identity, suite, group) };
    let mut peer = Peer::new(Role::Server, config, None);
    let connect = peer.socket.local_addr().unwrap().to_string();
    let args = ["s_client", "-mtu", "256", "-connect", &connect];
    let Some(mut openssl) = Openssl::start(&args, suite, group, profile) else { return };
    peer.check(&mut openssl, suite, group, profile);
    assert!(peer.largest_sent <= 256);
}

#[test]
fn every_signature_scheme_both_ways() {
    let suite = CipherSuite::EcdheRsaAes128GcmSha256;
    let (group, profile) = (NamedGroup::X25519, SrtpProfile::AeadAes128Gcm);
    let schemes = [
        "RSA+SHA256",
        "RSA+SHA384",
        "RSA+SHA512",
        "rsa_pss_rsae_sha256",
        "rsa_pss_rsae_sha384",
        "rsa_pss_rsae_sha512",
    ];
    for scheme in schemes {
        // Our ServerKeyExchange and their CertificateVerify.
        let mut peer = Peer::new(Role::Server, config(&RSA, suite, group), None);
        let connect = peer.socket.local_addr().unwrap().to_string();
        let args = ["s_client", "-sigalgs", scheme, "-connect", &connect];
        let Some(mut openssl) = Openssl::start(&args, suite, group, profile) else { return };
        peer.check(&mut openssl, suite, group, profile);

        // Their ServerKeyExchange and our CertificateVerify.
        let port = free_port();
        let accept = format!("127.0.0.1:{port}");
        let args = ["s_server", "-Verify", "1", "-sigalgs", scheme, "-accept", &accept];
        let Some(mut openssl) = Openssl::start(&args, suite, group, profile) else { return };
        openssl.wait_for("ACCEPT");
        let server = SocketAddr::from(([127, 0, 0, 1], port));
        let mut peer = Peer::new(Role::Client, config(&RSA, suite, group), Some(server));
        peer.check(&mut openssl, suite, group, profile);
    }
}

#[test]
fn without_extended_master_secret_only_where_the_configuration_says_so() {
    let (suite, group, profile) = combinations()[0];
    // That a server refuses a client without it is tested in memory: it says so only when its time is over.
    for (role, required) in [(Role::Client, false), (Role::Client, true), (Role::Server, false)] {
        let config =
            Config { require_extended_master_secret: required, ..config(&ALICE, suite, group) };
        let mut command = Command::new("openssl");
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/keys");
        command.env("OPENSSL_CONF", format!("{directory}/no_extended_master_secret.cnf"));
        let port = free_port();
        let remote = (role == Role::Client).then_some(([127, 0, 0, 1], port).into());
        let mut peer = Peer::new(role, config, remote);
        let address = match remote {
            Some(server) => server.to_string(),
            None => peer.socket.local_addr().unwrap().to_string(),
        };
        let args = match role {
            Role::Client => &["s_server", "-Verify", "1", "-accept", &address][..],
            Role::Server => &["s_client", "-connect", &address],
        };
        let Some(mut openssl) = Openssl::spawn(command, args, suite, group, profile) else {
            return;
        };
        if role == Role::Client {
            openssl.wait_for("ACCEPT");
        }
        if required {
            let why = PeerIncompatible::NoExtendedMasterSecret;
            assert_eq!(peer.run_to_error(), Error::PeerIncompatible(why));
        } else {
            peer.check(&mut openssl, suite, group, profile);
        }
    }
}

#[test]
fn a_p384_identity_of_ours() {
    let certificate = include_bytes!("../keys/p384.cert.der").to_vec();
    let key = include_bytes!("../keys/p384.key.der").to_vec();
    let identity = Arc::new(Identity::from_der(certificate, key).unwrap());
    let (suite, group, profile) = combinations()[0];
    let mut peer = Peer::new(Role::Server, config(&identity, suite, group), None);
    let connect = peer.socket.local_addr().unwrap().to_string();
    let args = ["s_client", "-connect", &connect];
    let Some(mut openssl) = Openssl::start(&args, suite, group, profile) else { return };
    peer.check(&mut openssl, suite, group, profile);
}

static RSA: LazyLock<Arc<Identity>> = LazyLock::new(|| {
    let certificate = include_bytes!("../keys/rsa.cert.der").to_vec();
    let key = include_bytes!("../keys/rsa.key.der").to_vec();
    Arc::new(Identity::from_der(certificate, key).unwrap())
});

/// Every suite; groups and profiles in turn.
fn combinations() -> Vec<(CipherSuite, NamedGroup, SrtpProfile)> {
    let groups = NamedGroup::ALL.into_iter().cycle();
    let profiles = SrtpProfile::ALL.into_iter().cycle();
    CipherSuite::ALL.into_iter().zip(groups).zip(profiles).map(|((s, g), p)| (s, g, p)).collect()
}

fn is_rsa(suite: CipherSuite) -> bool {
    format!("{suite:?}").contains("Rsa")
}

/// OpenSSL wants the curve of an ECDSA certificate among the groups, too (RFC 8422 §5.1): the one to be chosen goes first.
fn config(identity: &Arc<Identity>, suite: CipherSuite, group: NamedGroup) -> Config {
    let others = NamedGroup::ALL.into_iter().filter(|other| *other != group);
    Config {
        cipher_suites: vec![suite],
        groups: [group].into_iter().chain(others).collect(),
        ..Config::new(Arc::clone(identity))
    }
}

fn free_port() -> u16 {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[expect(clippy::disallowed_methods, reason = "a real peer lives in real time")]
fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::print_stderr, reason = "a test that tests nothing has to say so")]
fn say_skipped() {
    eprintln!("skipped: openssl not found");
}

/// An `openssl` process, ended when dropped.
struct Openssl {
    process: Child,
    stdin: ChildStdin,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Openssl {
    /// `None`, with a word, only where there is no such program.
    fn start(
        args: &[&str],
        suite: CipherSuite,
        group: NamedGroup,
        profile: SrtpProfile,
    ) -> Option<Self> {
        Self::spawn(Command::new("openssl"), args, suite, group, profile)
    }

    fn spawn(
        mut command: Command,
        args: &[&str],
        suite: CipherSuite,
        group: NamedGroup,
        profile: SrtpProfile,
    ) -> Option<Self> {
        let key_dir = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/keys");
        let kind = if is_rsa(suite) { "rsa" } else { "p384" };
        let length = material_len(profile).to_string();
        command
            .args(args)
            .arg("-dtls1_2")
            .args(["-cert", &format!("{key_dir}/{kind}.cert.der"), "-certform", "DER"])
            .args(["-key", &format!("{key_dir}/{kind}.key.der"), "-keyform", "DER"])
            .args(["-cipher", openssl_suite(suite), "-groups", openssl_groups(group)])
            .args(["-use_srtp", openssl_profile(profile)])
            .args(["-keymatexport", "EXTRACTOR-dtls_srtp", "-keymatexportlen", &length])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut process = match command.spawn() {
            Ok(process) => process,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                say_skipped();
                return None;
            }
            Err(error) => panic!("openssl does not start: {error}"),
        };
        let stdin = process.stdin.take().unwrap();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            let mut line = Vec::new();
            while stdout.read_until(b'\n', &mut line).is_ok_and(|len| len > 0) {
                let text = String::from_utf8_lossy(&line).trim().to_owned();
                line.clear();
                if sender.send(text).is_err() {
                    return;
                }
            }
        });
        Some(Self { process, stdin, lines, seen: Vec::new() })
    }

    /// The next line with this text in it.
    fn wait_for(&mut self, text: &str) -> String {
        loop {
            let Ok(line) = self.lines.recv_timeout(PATIENCE) else {
                panic!("openssl did not say {text:?} but {:#?}", self.seen);
            };
            self.seen.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
    }
}

impl Drop for Openssl {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Our side, with its socket.
struct Peer {
    connection: Connection,
    socket: UdpSocket,
    remote: Option<SocketAddr>,
    events: Vec<Event>,
    first_received: Option<Vec<u8>>,
    largest_sent: usize,
}

impl Peer {
    fn new(role: Role, config: Config, remote: Option<SocketAddr>) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let connection = Connection::new(now(), role, Arc::new(config), [3; 32]);
        Self {
            connection,
            socket,
            remote,
            events: Vec::new(),
            first_received: None,
            largest_sent: 0,
        }
    }

    /// Connects, compares what was agreed on, and sends data both ways.
    fn check(
        &mut self,
        openssl: &mut Openssl,
        suite: CipherSuite,
        group: NamedGroup,
        profile: SrtpProfile,
    ) {
        self.run_until(|peer| peer.events.contains(&Event::Connected));
        assert_eq!(self.connection.cipher_suite(), Some(suite));
        assert_eq!(self.connection.group(), Some(group));
        assert_eq!(self.connection.srtp_profile(), Some(profile));

        let expected: &[u8] = if is_rsa(suite) {
            include_bytes!("../keys/rsa.cert.der")
        } else {
            include_bytes!("../keys/p384.cert.der")
        };
        assert_eq!(self.connection.peer_certificate(), Some(expected));
        let fingerprint =
            tsubame_dtls::Fingerprint::of(tsubame_dtls::HashAlgorithm::Sha256, expected);
        let keys = self.connection.srtp_keying_material(&[fingerprint]).unwrap();
        let line = openssl.wait_for("Keying material:");
        let exported = line.split(':').next_back().unwrap().trim().to_lowercase();
        assert_eq!(exported, hex::encode(material(&keys, self.connection.role())));

        self.connection.send(b"from tsubame\n").unwrap();
        self.flush();
        openssl.wait_for("from tsubame");
        openssl.stdin.write_all(b"to tsubame\n").unwrap();
        openssl.stdin.flush().unwrap();
        let data = Event::ApplicationData(b"to tsubame\n".to_vec());
        self.run_until(|peer| peer.events.contains(&data));

        if self.connection.role() == Role::Server {
            openssl.stdin.write_all(b"Q\n").unwrap();
            openssl.stdin.flush().unwrap();
            self.run_until(|peer| peer.events.contains(&Event::Closed));
        } else {
            // s_server closes its socket before it could say close_notify, but understands ours.
            self.connection.close();
            self.flush();
            openssl.wait_for("DONE");
        }
        assert!(!self.connection.is_connected());
    }

    fn run_until(&mut self, done: impl Fn(&Self) -> bool) {
        let deadline = now() + PATIENCE;
        loop {
            self.flush();
            if done(self) {
                return;
            }
            assert!(now() < deadline, "nothing happened in time: {:?}", self.events);
            self.step().unwrap();
        }
    }

    fn run_to_error(&mut self) -> Error {
        loop {
            self.flush();
            if let Err(error) = self.step() {
                return error;
            }
        }
    }

    /// Takes one datagram or lets time pass.
    fn step(&mut self) -> Result<(), Error> {
        let mut buffer = [0; 4096];
        let wait = self.connection.poll_timeout().unwrap_or_else(|| now() + PATIENCE);
        let wait = wait.saturating_duration_since(now()).max(Duration::from_millis(1));
        self.socket.set_read_timeout(Some(wait)).unwrap();
        match self.socket.recv_from(&mut buffer) {
            Ok((len, from)) => {
                assert_eq!(*self.remote.get_or_insert(from), from);
                self.first_received.get_or_insert_with(|| buffer[..len].to_vec());
                self.connection.handle_datagram(now(), &mut buffer[..len])
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                self.connection.handle_timeout(now())
            }
            // A port that nobody listens on yet.
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(()),
            Err(error) => panic!("{error}"),
        }
    }

    fn flush(&mut self) {
        let mut out = [0; 2048];
        while let Some(len) = self.connection.poll_transmit(&mut out) {
            self.largest_sent = self.largest_sent.max(len);
            self.socket.send_to(&out[..len], self.remote.unwrap()).unwrap();
        }
        self.events.extend(std::iter::from_fn(|| self.connection.poll_event()));
    }
}

fn material_len(profile: SrtpProfile) -> usize {
    2 * (profile.key_len() + profile.salt_len())
}

/// RFC 5764 §4.2: client key, server key, client salt, server salt.
fn material(keys: &SrtpKeys, role: Role) -> Vec<u8> {
    let local = (keys.local_key(), keys.local_salt());
    let remote = (keys.remote_key(), keys.remote_salt());
    let (client, server) = match role {
        Role::Client => (local, remote),
        Role::Server => (remote, local),
    };
    [client.0, server.0, client.1, server.1].concat()
}

fn openssl_suite(suite: CipherSuite) -> &'static str {
    match suite {
        CipherSuite::EcdheEcdsaAes128GcmSha256 => "ECDHE-ECDSA-AES128-GCM-SHA256",
        CipherSuite::EcdheEcdsaAes256GcmSha384 => "ECDHE-ECDSA-AES256-GCM-SHA384",
        CipherSuite::EcdheEcdsaChaCha20Poly1305Sha256 => "ECDHE-ECDSA-CHACHA20-POLY1305",
        CipherSuite::EcdheRsaAes128GcmSha256 => "ECDHE-RSA-AES128-GCM-SHA256",
        CipherSuite::EcdheRsaAes256GcmSha384 => "ECDHE-RSA-AES256-GCM-SHA384",
        CipherSuite::EcdheRsaChaCha20Poly1305Sha256 => "ECDHE-RSA-CHACHA20-POLY1305",
    }
}

fn openssl_groups(group: NamedGroup) -> &'static str {
    match group {
        NamedGroup::X25519 => "X25519:P-256:P-384",
        NamedGroup::Secp256r1 => "P-256:P-384",
        NamedGroup::Secp384r1 => "P-384:P-256",
    }
}

fn openssl_profile(profile: SrtpProfile) -> &'static str {
    match profile {
        SrtpProfile::Aes128CmSha1_80 => "SRTP_AES128_CM_SHA1_80",
        SrtpProfile::Aes128CmSha1_32 => "SRTP_AES128_CM_SHA1_32",
        SrtpProfile::AeadAes128Gcm => "SRTP_AEAD_AES_128_GCM",
        SrtpProfile::AeadAes256Gcm => "SRTP_AEAD_AES_256_GCM",
    }
}
