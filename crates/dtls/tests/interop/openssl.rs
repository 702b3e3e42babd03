//! OpenSSL's `s_server` and `s_client`.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use tsubame_dtls::{
    CipherSuite, ClientCertificate, Config, Error, Event, NamedGroup, PeerIncompatible,
    PeerMisbehaved, Role, SrtpProfile, TicketKey, UnauthenticatedErrors,
};

use crate::cases::{Case, Kind, material_len};
use crate::peer::{Peer, now};
use crate::program::Program;

pub(crate) const SOURCE: &str = "Debian has it in the package openssl";

#[test]
fn our_client_connects_to_openssl() {
    for case in Case::all(&CipherSuite::ALL, &SrtpProfile::ALL) {
        connect_to_openssl(case, &[]);
    }
}

#[test]
fn openssl_connects_to_our_server() {
    for case in Case::all(&CipherSuite::ALL, &SrtpProfile::ALL) {
        openssl_connects(case, case.config(Role::Server), &[]);
    }
}

#[test]
fn our_client_answers_the_cookie_of_openssl() {
    let peer = connect_to_openssl(some_case(), &["-listen"]);
    // The first thing that came was a HelloVerifyRequest.
    assert_eq!(peer.first_received.as_ref().map(|datagram| datagram[13]), Some(3));
}

#[test]
fn openssl_answers_our_cookie() {
    let case = some_case();
    let config = Config { hello_verify: true, ..case.config(Role::Server) };
    openssl_connects(case, config, &[]);
}

#[test]
fn both_fragment_for_a_small_mtu() {
    let case = Case { client: Kind::Rsa, ..rsa_case() };
    let config = Config { mtu: 256, ..case.config(Role::Server) };
    let peer = openssl_connects(case, config, &["-mtu", "256"]);
    assert!(peer.largest_sent <= 256 && peer.largest_sent > 200);
}

/// A dozen certificates behind the one that counts: 10 KiB in many fragments, of which the first certificate is taken.
#[test]
fn a_long_chain_of_certificates() {
    let mut to_pem = Command::new("openssl");
    to_pem.args(["x509", "-inform", "DER", "-in", &Kind::Rsa.certificate_file()]);
    let pem = start(&mut to_pem).output().join("\n") + "\n";
    let chain = std::env::temp_dir().join(format!("tsubame-dtls-chain-{}", std::process::id()));
    std::fs::write(&chain, pem.repeat(12)).unwrap();
    let args = ["-cert_chain", chain.to_str().unwrap(), "-mtu", "1200"];
    let case = Case { client: Kind::Rsa, ..rsa_case() };
    let peers =
        [openssl_connects(case, case.config(Role::Server), &args), connect_to_openssl(case, &args)];
    assert!(peers.iter().all(|peer| peer.received > 9000));
    std::fs::remove_file(&chain).unwrap();
}

#[test]
fn every_signature_scheme_both_ways() {
    for scheme in [
        "RSA+SHA256",
        "RSA+SHA384",
        "RSA+SHA512",
        "rsa_pss_rsae_sha256",
        "rsa_pss_rsae_sha384",
        "rsa_pss_rsae_sha512",
    ] {
        let case = Case { client: Kind::Rsa, ..rsa_case() };
        // Our ServerKeyExchange and their CertificateVerify, and the other way round.
        openssl_connects(case, case.config(Role::Server), &["-sigalgs", scheme]);
        connect_to_openssl(case, &["-sigalgs", scheme]);
    }
    for (kind, scheme) in [(Kind::P256, "ECDSA+SHA256"), (Kind::P384, "ECDSA+SHA384")] {
        let case = Case { client: kind, server: kind, ..some_case() };
        openssl_connects(case, case.config(Role::Server), &["-sigalgs", scheme]);
        connect_to_openssl(case, &["-sigalgs", scheme]);
    }
    // TLS 1.2 ties no curve to a hash function: OpenSSL signs with P-384 and SHA-256, and the other way round.
    for (kind, scheme) in [(Kind::P384, "ECDSA+SHA256"), (Kind::P256, "ECDSA+SHA384")] {
        let case = Case { client: Kind::Rsa, server: kind, ..some_case() };
        connect_to_openssl(case, &["-sigalgs", scheme, "-client_sigalgs", "RSA+SHA256"]);
    }
}

#[test]
fn without_extended_master_secret_only_where_the_configuration_says_so() {
    let case = some_case();
    let without = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/keys/no_extended_master_secret.cnf");
    // That a server refuses a client without it is tested in memory: it says so only when its time is over.
    for (role, required) in [(Role::Client, false), (Role::Client, true), (Role::Server, false)] {
        let config = Config { require_extended_master_secret: required, ..case.config(role) };
        match role {
            Role::Server => {
                let mut peer = Peer::server(config);
                let mut command = s_client(case, peer.address(), &[]);
                let mut openssl = start(command.env("OPENSSL_CONF", without));
                check(&mut peer, &mut openssl, case);
            }
            Role::Client => {
                let mut openssl = start(s_server(case, &[]).env("OPENSSL_CONF", without));
                let mut peer = Peer::client(at_once(config), address_of(&mut openssl));
                if required {
                    let why = PeerIncompatible::NoExtendedMasterSecret;
                    assert_eq!(peer.run_to_error(), Error::PeerIncompatible(why));
                } else {
                    check(&mut peer, &mut openssl, case);
                }
            }
        }
    }
}

/// Where the configuration does not insist, a client may be nobody: then there are exported keys, and none for SRTP.
#[test]
fn clients_without_a_certificate_only_where_the_configuration_says_so() {
    let case = some_case();
    let anonymous = |mut command: Command| {
        command.args(["-keymatexport", "EXPERIMENTAL", "-keymatexportlen", "20"]);
        start(&mut command)
    };
    for (role, policy) in [
        (Role::Server, ClientCertificate::Optional),
        (Role::Server, ClientCertificate::Never),
        (Role::Client, ClientCertificate::Optional),
        (Role::Client, ClientCertificate::Never),
    ] {
        let config = Config { client_certificate: policy, ..case.config(role) };
        let (mut peer, mut openssl) = match role {
            Role::Server => {
                let peer = Peer::server(config);
                let mut command = Command::new("openssl");
                command.args(["s_client", "-dtls1_2", "-connect", &peer.address().to_string()]);
                (peer, anonymous(command))
            }
            Role::Client => {
                let mut command = Command::new("openssl");
                let identity = case.server;
                command
                    .args(["s_server", "-dtls1_2", "-accept", "127.0.0.1:0"])
                    .args(["-cert", &identity.certificate_file(), "-certform", "DER"])
                    .args(["-key", &identity.key_file(), "-keyform", "DER"]);
                let mut openssl = anonymous(command);
                (Peer::client(config, address_of(&mut openssl)), openssl)
            }
        };
        peer.run_until(|peer| peer.events.contains(&Event::Connected));
        assert_eq!(peer.connection.peer_certificate().is_some(), role == Role::Client);
        assert!(peer.connection.srtp_keying_material(&[Kind::P384.fingerprint()]).is_err());
        let line = openssl.wait_for("Keying material:");
        let mut exported = [0; 20];
        peer.connection.export_keying_material(b"EXPERIMENTAL", None, &mut exported).unwrap();
        assert!(line.to_lowercase().ends_with(&hex::encode(exported)), "{policy:?}: {line}");
        peer.send(b"from tsubame\n");
        openssl.wait_for("from tsubame");
    }
}

#[test]
fn openssl_resumes_a_session_of_our_server() {
    let case = some_case();
    let tickets = Some(Arc::new(TicketKey::new(&[5; 32], now(), Duration::ZERO).unwrap()));
    let config = Config { tickets, ..case.config(Role::Server) };
    let file = std::env::temp_dir().join(format!("tsubame-dtls-session-{}", std::process::id()));
    let file = file.to_str().unwrap();
    for (args, resumed) in [(["-sess_out", file], false), (["-sess_in", file], true)] {
        let peer = openssl_connects(case, config.clone(), &args);
        assert!(peer.events.contains(&Event::Closed));
        assert_eq!(peer.resumed, Some(resumed));
    }
    std::fs::remove_file(file).unwrap();
}

#[test]
fn our_client_resumes_a_session_of_openssl() {
    let case = some_case();
    let config = Config { ask_for_tickets: true, ..case.config(Role::Client) };
    let mut openssl = start(&mut s_server(case, &[]));
    let server = address_of(&mut openssl);
    let mut first = Peer::client(config.clone(), server);
    check(&mut first, &mut openssl, case);
    assert_eq!(first.resumed, Some(false));
    let mut second = Peer::resuming(config, server, first.session.unwrap());
    check(&mut second, &mut openssl, case);
    assert_eq!(second.resumed, Some(true));
}

/// By default both ends of WebRTC have one (RFC 8827 §6.5).
#[test]
fn by_default_nobody_goes_without_a_certificate() {
    let case = some_case();
    let mut peer = Peer::server(at_once(case.config(Role::Server)));
    let mut command = Command::new("openssl");
    command.args(["s_client", "-dtls1_2", "-connect", &peer.address().to_string()]);
    let _openssl = start(&mut command);
    assert_eq!(peer.run_to_error(), Error::PeerMisbehaved(PeerMisbehaved::NoCertificate));
}

/// What is wrong ends the handshake when it comes, and not when its time is over.
fn at_once(config: Config) -> Config {
    Config { unauthenticated_errors: UnauthenticatedErrors::Fail, ..config }
}

fn some_case() -> Case {
    Case {
        suite: CipherSuite::EcdheEcdsaAes128GcmSha256,
        group: NamedGroup::X25519,
        profile: SrtpProfile::AeadAes128Gcm,
        client: Kind::P256,
        server: Kind::P256,
    }
}

fn rsa_case() -> Case {
    let suite = CipherSuite::EcdheRsaAes128GcmSha256;
    Case { suite, server: Kind::Rsa, ..some_case() }
}

fn connect_to_openssl(case: Case, args: &[&str]) -> Peer {
    let mut openssl = start(&mut s_server(case, args));
    let mut peer = Peer::client(case.config(Role::Client), address_of(&mut openssl));
    check(&mut peer, &mut openssl, case);
    peer
}

fn openssl_connects(case: Case, config: Config, args: &[&str]) -> Peer {
    let mut peer = Peer::server(config);
    let mut openssl = start(&mut s_client(case, peer.address(), args));
    check(&mut peer, &mut openssl, case);
    peer
}

/// Connects, compares what was agreed on, and sends data both ways.
fn check(peer: &mut Peer, openssl: &mut Program, case: Case) {
    peer.connect(case);
    let line = openssl.wait_for("Keying material:");
    let exported = line.split(':').next_back().unwrap().trim().to_lowercase();
    assert_eq!(exported, peer.srtp_material(case), "{case:?}");

    peer.send(b"from tsubame\n");
    openssl.wait_for("from tsubame");
    openssl.write(b"to tsubame\n");
    peer.receive(b"to tsubame\n");

    match peer.connection.role() {
        Role::Server => {
            openssl.write(b"Q\n");
            peer.wait_for_close();
        }
        // s_server closes its socket before it could say close_notify, but understands ours.
        Role::Client => {
            peer.close();
            openssl.wait_for("DONE");
        }
    }
}

fn start(command: &mut Command) -> Program {
    Program::start(command, SOURCE)
}

fn s_server(case: Case, args: &[&str]) -> Command {
    let mut command = openssl("s_server", case, case.server);
    command.args(["-Verify", "1", "-accept", "127.0.0.1:0"]).args(args);
    command
}

fn address_of(s_server: &mut Program) -> SocketAddr {
    let line = s_server.wait_for("ACCEPT");
    line.trim_start_matches("ACCEPT").trim().parse().unwrap()
}

fn s_client(case: Case, server: SocketAddr, args: &[&str]) -> Command {
    let mut command = openssl("s_client", case, case.client);
    command.args(["-connect", &server.to_string()]).args(args);
    command
}

fn openssl(which: &str, case: Case, certificate: Kind) -> Command {
    let mut command = Command::new("openssl");
    command
        .args([which, "-dtls1_2"])
        .args(["-cert", &certificate.certificate_file(), "-certform", "DER"])
        .args(["-key", &certificate.key_file(), "-keyform", "DER"])
        .args(["-cipher", suite_name(case.suite), "-groups", groups(case.group)])
        .args(["-use_srtp", profile_name(case.profile)])
        .args(["-keymatexport", "EXTRACTOR-dtls_srtp"])
        .args(["-keymatexportlen", &material_len(case.profile).to_string()]);
    command
}

fn suite_name(suite: CipherSuite) -> &'static str {
    match suite {
        CipherSuite::EcdheEcdsaAes128GcmSha256 => "ECDHE-ECDSA-AES128-GCM-SHA256",
        CipherSuite::EcdheEcdsaAes256GcmSha384 => "ECDHE-ECDSA-AES256-GCM-SHA384",
        CipherSuite::EcdheEcdsaChaCha20Poly1305Sha256 => "ECDHE-ECDSA-CHACHA20-POLY1305",
        CipherSuite::EcdheRsaAes128GcmSha256 => "ECDHE-RSA-AES128-GCM-SHA256",
        CipherSuite::EcdheRsaAes256GcmSha384 => "ECDHE-RSA-AES256-GCM-SHA384",
        CipherSuite::EcdheRsaChaCha20Poly1305Sha256 => "ECDHE-RSA-CHACHA20-POLY1305",
    }
}

fn groups(group: NamedGroup) -> &'static str {
    match group {
        NamedGroup::X25519 => "X25519:P-256:P-384",
        NamedGroup::Secp256r1 => "P-256:P-384",
        NamedGroup::Secp384r1 => "P-384:P-256",
    }
}

fn profile_name(profile: SrtpProfile) -> &'static str {
    match profile {
        SrtpProfile::Aes128CmSha1_80 => "SRTP_AES128_CM_SHA1_80",
        SrtpProfile::Aes128CmSha1_32 => "SRTP_AES128_CM_SHA1_32",
        SrtpProfile::AeadAes128Gcm => "SRTP_AEAD_AES_128_GCM",
        SrtpProfile::AeadAes256Gcm => "SRTP_AEAD_AES_256_GCM",
    }
}
