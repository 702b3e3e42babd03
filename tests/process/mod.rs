//! The binary as a process of its own.

#![allow(dead_code, reason = "not every test file uses all of it")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

/// Every port free, nothing of the machine's own.
pub(crate) const ANY_PORT: [&str; 8] = [
    "--listen",
    "127.0.0.1:0",
    "--api-listen",
    "127.0.0.1:0",
    "--udp",
    "127.0.0.1:0",
    "--candidate",
    "127.0.0.1",
];

pub(crate) fn tsubame(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tsubame"));
    command.args(arguments).stdin(Stdio::null());
    command
}

pub(crate) fn run(arguments: &[&str]) -> Output {
    tsubame(arguments).output().expect("it runs")
}

/// It refuses to start: exit code 2, one sentence, nothing on standard output.
pub(crate) fn refused(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    let text = String::from_utf8(output.stderr).expect("text");
    let sentences: Vec<_> = text.lines().filter(|line| line.starts_with("tsubame: ")).collect();
    assert_eq!(sentences.len(), 1, "{text}");
    sentences[0]["tsubame: ".len()..].to_owned()
}

/// A server that is ready.
pub(crate) struct Running {
    pub(crate) process: Child,
    pub(crate) output: BufReader<ChildStdout>,
    /// What came before the ready line.
    pub(crate) before: Vec<String>,
    pub(crate) ready: String,
}

impl Running {
    pub(crate) fn start(arguments: &[&str]) -> Self {
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

    pub(crate) fn field(&self, name: &str) -> &str {
        self.ready
            .split(' ')
            .find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
            .unwrap_or_else(|| panic!("no {name} in {}", self.ready))
    }

    /// The HTTP status of a GET.
    pub(crate) fn status(&self, field: &str, path: &str) -> String {
        let authority = self.field(field).trim_start_matches("http://").trim_end_matches('/');
        let mut stream = TcpStream::connect(authority).expect("it listens");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n")
            .expect("it reads");
        let mut response = String::new();
        stream.read_to_string(&mut response).expect("it answers");
        response.lines().next().unwrap_or_default().to_owned()
    }

    /// Sends a signal and returns the exit code, and what else was printed.
    pub(crate) fn end(mut self, signal: &str) -> (Option<i32>, String) {
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
