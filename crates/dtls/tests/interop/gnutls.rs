//! GnuTLS's `gnutls-serv` and `gnutls-cli`. It knows no SRTP profile with GCM.

use std::net::{SocketAddr, UdpSocket};
use std::process::Command;

use tsubame_dtls::{CipherSuite, NamedGroup, Role, SrtpProfile};

use crate::cases::{Case, Kind, material_len};
use crate::peer::Peer;
use crate::program::Program;

const SOURCE: &str = "Debian has it in the package gnutls-bin";
const PROFILES: [SrtpProfile; 2] = [SrtpProfile::Aes128CmSha1_80, SrtpProfile::Aes128CmSha1_32];

#[test]
fn gnutls_connects_to_our_server() {
    for case in Case::all(&CipherSuite::ALL, &PROFILES) {
        let mut peer = Peer::server(case.config(Role::Server));
        let mut gnutls = Program::start(&mut gnutls_cli(case, peer.address()), SOURCE);
        peer.connect(case);
        gnutls.write(b"to tsubame\n");
        peer.receive(b"to tsubame\n");
        peer.send(b"from tsubame\n");
        gnutls.wait_for("Key material:").split(':').next_back().map(str::trim).map_or_else(
            || panic!("no keys"),
            |exported| assert_eq!(exported, peer.srtp_material(case), "{case:?}"),
        );
        gnutls.wait_for("from tsubame");
        gnutls.end_input();
        peer.wait_for_close();
        gnutls.wait_for("Peer has closed the GnuTLS connection");
        gnutls.output();
    }
}

/// The server prints no keys over UDP; that both ends have the same is shown by the data it sends back. It asks for a
/// cookie, and ends no session by itself.
#[test]
fn our_client_connects_to_gnutls() {
    for case in Case::all(&CipherSuite::ALL, &PROFILES) {
        let (mut gnutls, server) = gnutls_serv(case);
        let mut peer = Peer::client(case.config(Role::Client), server);
        peer.connect(case);
        // The first thing that came was a HelloVerifyRequest.
        assert_eq!(peer.first_received.as_ref().map(|datagram| datagram[13]), Some(3));
        peer.send(b"there and back\n");
        peer.receive(b"there and back\n");
        gnutls.wait_for("there and back");
        peer.close();
    }
}

fn gnutls_cli(case: Case, server: SocketAddr) -> Command {
    let mut command = gnutls("gnutls-cli", case, case.client);
    command
        .args(["--insecure", "--disable-sni"])
        .args(["--keymatexport", "EXTRACTOR-dtls_srtp"])
        .args(["--keymatexportsize", &material_len(case.profile).to_string()])
        .args(["--port", &server.port().to_string(), &server.ip().to_string()]);
    command
}

/// It does not say which port it got, so one is tried that was free a moment ago.
fn gnutls_serv(case: Case) -> (Program, SocketAddr) {
    for _ in 0..5 {
        let probe = UdpSocket::bind("127.0.0.1:0").unwrap();
        let server = probe.local_addr().unwrap();
        drop(probe);
        let mut command = gnutls("gnutls-serv", case, case.server);
        command.args(["--echo", "--require-client-cert", "--nodb"]);
        command.args(["--port", &server.port().to_string()]);
        let mut gnutls = Program::start(&mut command, SOURCE);
        let listening = gnutls.find("listening on IPv4");
        if listening.is_some_and(|line| line.ends_with("done")) {
            return (gnutls, server);
        }
    }
    panic!("gnutls-serv found no free port five times");
}

fn gnutls(program: &str, case: Case, certificate: Kind) -> Command {
    let mut command = Command::new(program);
    command
        .args(["--udp", "--x509fmtder"])
        .args(["--x509certfile", &certificate.certificate_file()])
        .args(["--x509keyfile", &certificate.key_file()])
        .args(["--priority", &priority(case)])
        .args(["--srtp-profiles", profile_name(case.profile)]);
    command
}

fn priority(case: Case) -> String {
    let (exchange, cipher) = match case.suite {
        CipherSuite::EcdheEcdsaAes128GcmSha256 => ("ECDHE-ECDSA", "AES-128-GCM"),
        CipherSuite::EcdheEcdsaAes256GcmSha384 => ("ECDHE-ECDSA", "AES-256-GCM"),
        CipherSuite::EcdheEcdsaChaCha20Poly1305Sha256 => ("ECDHE-ECDSA", "CHACHA20-POLY1305"),
        CipherSuite::EcdheRsaAes128GcmSha256 => ("ECDHE-RSA", "AES-128-GCM"),
        CipherSuite::EcdheRsaAes256GcmSha384 => ("ECDHE-RSA", "AES-256-GCM"),
        CipherSuite::EcdheRsaChaCha20Poly1305Sha256 => ("ECDHE-RSA", "CHACHA20-POLY1305"),
    };
    // The group to be agreed on goes first; the curves of certificates have to be among them.
    let groups = match case.group {
        NamedGroup::X25519 => "+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1",
        NamedGroup::Secp256r1 => "+GROUP-SECP256R1:+GROUP-SECP384R1",
        NamedGroup::Secp384r1 => "+GROUP-SECP384R1:+GROUP-SECP256R1",
    };
    format!(
        "NONE:+VERS-DTLS1.2:+{exchange}:+{cipher}:+AEAD:+SIGN-ALL:+CTYPE-ALL:+COMP-NULL:{groups}"
    )
}

fn profile_name(profile: SrtpProfile) -> &'static str {
    match profile {
        SrtpProfile::Aes128CmSha1_80 => "SRTP_AES128_CM_HMAC_SHA1_80",
        SrtpProfile::Aes128CmSha1_32 => "SRTP_AES128_CM_HMAC_SHA1_32",
        other => panic!("GnuTLS has no {other:?}"),
    }
}
