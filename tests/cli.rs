//! The binary from outside: what it prints, what it refuses, how it ends.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

/// Every port free, nothing of the machine's own.
const ANY_PORT: [&str; 8] = [
    "--listen",
    "127.0.0.1:0",
    "--api-listen",
    "127.0.0.1:0",
    "--udp",
    "127.0.0.1:0",
    "--candidate",
    "127.0.0.1",
];

fn tsubame(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tsubame"));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Output {
    tsubame(arguments).output().expect("it runs")
}

/// It refuses to start: exit code 2, one sentence, nothing on standard output.
fn refused(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    let text = String::from_utf8(output.stderr).expect("text");
    let sentences: Vec<_> = text.lines().filter(|line| line.starts_with("tsubame: ")).collect();
    assert_eq!(sentences.len(), 1, "{text}");
    sentences[0]["tsubame: ".len()..].to_owned()
}

/// A server that is ready.
struct Running {
    process: Child,
    output: BufReader<ChildStdout>,
    /// What came before the ready line.
    before: Vec<String>,
    ready: String,
}

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let mut process = tsubame(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let output = BufReader::new(process.stdout.take().expect("piped"));
        let mut running = Self { process, output, before: Vec::new(), ready: String::new() };
        loop {
            let mut line = String::new();
            let read = running.output.read_line(&mut line).expect("text");
            assert!(read > 0, "it ended before it was ready: {:?}", running.before);
            let line = line.trim_end().to_owned();
            if line.starts_with("ready ") {
                running.ready = line;
                return running;
            }
            running.before.push(line);
        }
    }

    fn field(&self, name: &str) -> &str {
        self.ready
            .split(' ')
            .find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
            .unwrap_or_else(|| panic!("no {name} in {}", self.ready))
    }

    /// The HTTP status of a GET.
    fn status(&self, field: &str, path: &str) -> String {
        let authority = self.field(field).trim_start_matches("http://").trim_end_matches('/');
        let mut stream = TcpStream::connect(authority).expect("it listens");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n")
            .expect("it reads");
        let mut response = String::new();
        stream.read_to_string(&mut response).expect("it answers");
        response.lines().next().unwrap_or_default().to_owned()
    }

    /// Sends a signal and returns the exit code, and what else was printed.
    fn end(mut self, signal: &str) -> (Option<i32>, String) {
        let sent = Command::new("kill")
            .args([signal, &self.process.id().to_string()])
            .status()
            .expect("kill runs");
        assert!(sent.success());
        let status = self.process.wait().expect("it ends");
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).expect("text");
        (status.code(), rest)
    }
}

impl Drop for Running {
    /// A test that failed leaves no server behind.
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

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
