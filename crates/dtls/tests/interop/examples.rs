//! The example programs, against one another and against OpenSSL.

use std::net::UdpSocket;
use std::process::Command;

use crate::cases::Kind;
use crate::peer::PATIENCE;
use crate::program::Program;

/// Cargo builds examples with the tests of a package (not where `--test` names one), and puts them beside the directory that
/// this test is in.
fn example(name: &str) -> Command {
    let test = std::env::current_exe().unwrap();
    let directory = test.parent().and_then(|deps| deps.parent()).unwrap();
    Command::new(directory.join("examples").join(name))
}

fn start(command: &mut Command) -> Program {
    Program::start(command, "`cargo build -p tsubame-dtls --examples` makes it")
}

fn value<'l>(lines: &'l [String], name: &str) -> &'l str {
    let line = lines.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    line.unwrap_or_else(|| panic!("no {name} in {lines:#?}"))
}

#[test]
fn our_examples_meet() {
    let mut server = start(example("dtls_server").args([
        "--listen",
        "127.0.0.1:0",
        "--once",
        "--cookie",
        "--cert-type",
        "rsa",
        "--mtu",
        "300",
        "--export",
        "EXTRACTOR-dtls_srtp:60",
        "--export",
        "EXPERIMENTAL-test:20",
    ]));
    let fingerprint = server.wait_for("fingerprint: ");
    let (_, fingerprint) = fingerprint.split_once(": ").unwrap();
    let line = server.wait_for("listening on ");
    let address = line.trim_start_matches("listening on ");
    let mut client = start(example("dtls_client").args([
        "--connect",
        address,
        "--fingerprint",
        fingerprint,
        "--suite",
        "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-CHACHA20-POLY1305",
        "--group",
        "P-384",
        "--srtp",
        "SRTP_AES128_CM_SHA1_80",
        "--export",
        "EXTRACTOR-dtls_srtp:60",
        "--export",
        "EXPERIMENTAL-test:20",
        "--send",
        "there and back",
    ]));
    let client = client.output();
    let server = server.output();
    for lines in [client, server] {
        assert_eq!(value(lines, "suite"), "ECDHE-RSA-CHACHA20-POLY1305");
        assert_eq!(value(lines, "group"), "P-384");
        assert_eq!(value(lines, "srtp profile"), "SRTP_AES128_CM_SHA1_80");
        assert_eq!(value(lines, "received 14 bytes"), "there and back");
    }
    for (name, digits) in
        [("exported EXTRACTOR-dtls_srtp", 120), ("exported EXPERIMENTAL-test", 40)]
    {
        assert_eq!(value(client, name), value(server, name));
        assert_eq!(value(client, name).len(), digits);
    }
    assert_eq!(value(client, "peer fingerprint"), fingerprint);
    assert_eq!(value(server, "peer fingerprint"), value(client, "fingerprint"));
    assert!(server.iter().any(|line| line == "closed by the peer"));
}

#[test]
fn the_server_example_serves_openssl() {
    let mut server = start(example("dtls_server").args([
        "--listen",
        "127.0.0.1:0",
        "--once",
        "--export",
        "EXTRACTOR-dtls_srtp:56",
    ]));
    let line = server.wait_for("listening on ");
    let mut openssl = Program::start(
        Command::new("openssl")
            .args(["s_client", "-dtls1_2", "-use_srtp", "SRTP_AEAD_AES_128_GCM"])
            .args(["-connect", line.trim_start_matches("listening on ")])
            .args(["-cert", &Kind::P256.certificate_file(), "-certform", "DER"])
            .args(["-key", &Kind::P256.key_file(), "-keyform", "DER"])
            .args(["-keymatexport", "EXTRACTOR-dtls_srtp", "-keymatexportlen", "56"]),
        crate::openssl::SOURCE,
    );
    let exported = openssl.wait_for("Keying material:").to_lowercase();
    server.stop_and_go_on();
    openssl.write(b"there and back\n");
    openssl.wait_for("there and back");
    openssl.write(b"Q\n");
    let server = server.output();
    assert!(exported.ends_with(value(server, "exported EXTRACTOR-dtls_srtp")));
    assert_eq!(value(server, "peer fingerprint"), Kind::P256.fingerprint().to_string());
}

#[test]
fn what_is_larger_than_a_datagram_of_ours_comes_back_in_pieces() {
    let mut server =
        start(example("dtls_server").args(["--listen", "127.0.0.1:0", "--once", "--mtu", "237"]));
    let line = server.wait_for("listening on ");
    let address = line.trim_start_matches("listening on ");
    let text = "swallow,".repeat(125);
    let mut client = start(example("dtls_client").args(["--connect", address, "--send", &text]));
    assert_eq!(value(client.output(), "received 200 bytes"), &text[..200]);
    let server = server.output();
    assert_eq!(value(server, "received 1000 bytes"), text);
    assert!(server.iter().any(|line| line == "closed by the peer"), "{server:#?}");
}

/// A client that can never be served, and waits.
#[test]
fn who_is_given_up_on_is_told() {
    let mut server = start(example("dtls_server").args([
        "--listen",
        "127.0.0.1:0",
        "--once",
        "--timeout",
        "0.1",
    ]));
    let line = server.wait_for("listening on ");
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(line.trim_start_matches("listening on ")).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    // A ClientHello with one suite, TLS_RSA_WITH_NULL_SHA, and without extensions.
    let body = [&[0xfe, 0xfd][..], &[9; 32], &[0, 0, 0, 2, 0, 2, 1, 0]].concat();
    let length = u8::try_from(body.len()).unwrap();
    let fragment = [&[1, 0, 0, length, 0, 0, 0, 0, 0, 0, 0, length], &body[..]].concat();
    let header = [22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, length + 12];
    socket.send(&[&header, &fragment[..]].concat()).unwrap();
    let mut answer = [0; 100];
    let len = socket.recv(&mut answer).unwrap();
    // A fatal alert: handshake_failure.
    assert_eq!((answer[0], &answer[13..len]), (21, &[2, 40][..]));
    assert!(
        server.output().iter().any(|line| line.contains("extended master secret")
            || line.contains("NoExtendedMasterSecret"))
    );
}

#[test]
fn a_peer_that_was_not_announced_is_sent_away() {
    let mut server = start(example("dtls_server").args(["--listen", "127.0.0.1:0", "--once"]));
    let line = server.wait_for("listening on ");
    let address = line.trim_start_matches("listening on ");
    let other = Kind::P384.fingerprint().to_string();
    let mut client =
        start(example("dtls_client").args(["--connect", address, "--fingerprint", &other]));
    assert!(client.output().iter().any(|line| line == "not the peer that was announced"));
    assert!(server.output().iter().any(|line| line.contains("BadCertificate")
        || line.contains("bad_certificate")
        || line.contains("bad certificate")));
}

#[test]
fn the_help_names_every_option() {
    for (name, own) in [("dtls_server", "--listen"), ("dtls_client", "--connect")] {
        let mut program = start(example(name).arg("--help"));
        let text = program.output().join("\n");
        for option in [
            own,
            "--cert-type",
            "--srtp",
            "--export",
            "--mtu",
            "--suite",
            "--group",
            "--timeout",
            "--help",
        ] {
            assert!(text.contains(option), "{name} {option}");
        }
        let mut program = start(example(name).args(["--no-such-option", "x"]));
        assert!(program.output().iter().any(|line| line.contains("--no-such-option")));
    }
}
