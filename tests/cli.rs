//! The binary from outside: what it prints, what it refuses, how it ends.

mod process;

use std::net::{TcpListener, UdpSocket};

use process::{ANY_PORT, Running, refused, run};

#[test]
fn version_and_help() {
    let version = run(&["--version"]);
    assert!(version.status.success());
    let text = String::from_utf8_lossy(&version.stdout).into_owned();
    assert_eq!(text.trim_end(), format!("tsubame {}", env!("CARGO_PKG_VERSION")));
    let help = run(&["--help"]);
    assert!(help.status.success());
    let text = String::from_utf8_lossy(&help.stdout).into_owned();
    for word in [
        "--config",
        "--listen",
        "--tls-listen",
        "--tls-cert",
        "--tls-key",
        "--api-listen",
        "--udp",
        "--candidate",
        "--shards",
        "--coalesce",
        "--log",
        "--version",
        "Examples:",
    ] {
        assert!(text.contains(word), "{word} is not in {text}");
    }
}

#[test]
fn it_says_where_it_is_and_is_there() {
    for serve in [&[][..], &["serve"][..]] {
        let server = Running::start(&[serve, &ANY_PORT].concat());
        assert!(server.before.is_empty(), "{:?}", server.before);
        assert!(server.field("signaling").starts_with("ws://127.0.0.1:"));
        assert!(server.field("signaling").ends_with("/signaling"));
        assert_eq!(server.status("page", "/"), "HTTP/1.1 200 OK");
        assert_eq!(server.status("page", "/healthz"), "HTTP/1.1 200 OK");
        assert_eq!(server.status("api", "/healthz"), "HTTP/1.1 200 OK");
        assert!(server.field("udp").starts_with("127.0.0.1:"));
        assert!(!server.ready.contains(":0 ") && !server.ready.ends_with(":0"));
        assert_eq!(server.end("-TERM"), (Some(0), String::new()));
    }
}

#[test]
fn both_signals_end_it_well() {
    for signal in ["-TERM", "-INT"] {
        assert_eq!(Running::start(&ANY_PORT).end(signal).0, Some(0));
    }
}

#[test]
fn a_self_signed_certificate_is_announced_by_its_fingerprint() {
    let server = Running::start(&[&ANY_PORT[..], &["--tls-listen", "127.0.0.1:0"]].concat());
    assert_eq!(server.before.len(), 1);
    let fingerprint = server.before[0]
        .strip_prefix("tls certificate: self-signed, sha-256 ")
        .expect("the fingerprint");
    assert_eq!(fingerprint.split(':').count(), 32);
    assert!(server.field("tls_signaling").starts_with("wss://127.0.0.1:"));
    assert!(server.field("tls_page").starts_with("https://127.0.0.1:"));
    assert_eq!(server.end("-TERM").0, Some(0));
}

#[test]
fn a_tcp_port_that_is_taken() {
    let holder = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let taken = holder.local_addr().expect("bound").to_string();
    let sentence = refused(&["--listen", &taken, "--api-listen", "127.0.0.1:0"]);
    assert_eq!(
        sentence,
        format!(
            "TCP {taken} is in use already: stop what listens there, or choose another port with --listen"
        )
    );
}

#[test]
fn a_udp_port_that_is_taken() {
    let holder = UdpSocket::bind("127.0.0.1:0").expect("loopback");
    let taken = holder.local_addr().expect("bound").to_string();
    let mut arguments = ANY_PORT;
    arguments[5] = &taken;
    let sentence = refused(&arguments);
    assert!(sentence.contains(&taken) && sentence.contains("--udp"), "{sentence}");
}

#[test]
fn a_second_server_does_not_share_the_udp_port() {
    let first = Running::start(&ANY_PORT);
    let mut arguments = ANY_PORT;
    let taken = first.field("udp").to_owned();
    arguments[5] = &taken;
    let sentence = refused(&arguments);
    assert!(sentence.contains(&taken), "{sentence}");
    assert_eq!(first.end("-TERM").0, Some(0));
}

#[test]
fn what_the_sockets_can_do_is_in_the_log() {
    let taken = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let taken = taken.local_addr().expect("an address").to_string();
    // The second address is the end, so that the log of the first can be read.
    let output = run(&[&ANY_PORT[..], &["--udp", &taken]].concat());
    assert_eq!(output.status.code(), Some(2));
    let log = String::from_utf8_lossy(&output.stderr);
    let line = log.lines().find(|line| line.contains("UDP socket bound")).expect("a line");
    for feature in ["gso: ", "gro: ", "pktinfo: ", "ecn: "] {
        assert!(line.contains(feature), "{feature} is not in {line}");
    }
}

#[test]
fn packets_cannot_be_held_for_long() {
    assert_eq!(
        refused(&["--coalesce", "1s"]),
        "--coalesce: \"1s\" is not a duration of at most 20ms: write for example 5ms, or 0 for none"
    );
}

#[test]
fn an_address_that_is_none() {
    assert_eq!(
        refused(&["--listen", "nonsense"]),
        "--listen: \"nonsense\" is not an address: write IP:PORT, for example 127.0.0.1:5000 or [::1]:5000"
    );
}

#[test]
fn an_address_of_another_machine() {
    let sentence = refused(&["--listen", "192.0.2.1:0", "--api-listen", "127.0.0.1:0"]);
    assert_eq!(
        sentence,
        "TCP 192.0.2.1:0 is not an address of this machine: choose one of its own with --listen"
    );
}

#[test]
fn a_configuration_that_cannot_be_read() {
    assert_eq!(
        refused(&["--config", "/does/not/exist.toml"]),
        "/does/not/exist.toml does not exist: check the path after --config"
    );
}

#[test]
fn an_unknown_key_names_its_line() {
    let path = format!("{}/unknown-key.toml", env!("CARGO_TARGET_TMPDIR"));
    std::fs::write(&path, "# a comment\n\nlisen = \"127.0.0.1:0\"\n").expect("it is written");
    let sentence = refused(&["--config", &path]);
    assert!(sentence.starts_with(&format!("{path}:3: unknown key `lisen`")), "{sentence}");
}

#[test]
fn a_short_secret_is_refused_and_not_repeated() {
    let path = format!("{}/short-secret.toml", env!("CARGO_TARGET_TMPDIR"));
    std::fs::write(&path, "access_token = \"hunter2\"\n").expect("it is written");
    let sentence = refused(&["--config", &path]);
    assert!(sentence.contains("at least 32") && !sentence.contains("hunter2"), "{sentence}");
}

#[test]
fn a_file_is_the_same_as_options() {
    let path = format!("{}/whole.toml", env!("CARGO_TARGET_TMPDIR"));
    std::fs::write(
        &path,
        "listen = \"127.0.0.1:0\"\napi_listen = \"127.0.0.1:0\"\nudp = [\"127.0.0.1:0\"]\ncandidate = [\"127.0.0.1\"]\n\
         shards = 1\nlog = \"warn\"\naccess_token = \"0123456789abcdef0123456789abcdef\"\n",
    )
    .expect("it is written");
    let server = Running::start(&["--config", &path]);
    assert_eq!(server.status("page", "/healthz"), "HTTP/1.1 200 OK");
    assert_eq!(server.end("-TERM").0, Some(0));
}

#[test]
fn a_log_filter_that_is_none() {
    let sentence = refused(&[&ANY_PORT[..], &["--log", "a=b=c"]].concat());
    assert!(sentence.starts_with("--log: \"a=b=c\" is no filter"), "{sentence}");
}

#[test]
fn certificate_files_that_are_none() {
    let sentence = refused(
        &[
            &ANY_PORT[..],
            &["--tls-listen", "127.0.0.1:0", "--tls-cert", "/does/not/exist", "--tls-key", "/x"],
        ]
        .concat(),
    );
    assert_eq!(sentence, "/does/not/exist does not exist: check --tls-cert and --tls-key");
}
