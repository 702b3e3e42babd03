//! libsrtp as a process: `tests/libsrtp/peer.c`, compiled for the test.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use tsubame_srtp::{Profile, Protector, Unprotector};

const NEEDED: &str =
    "this test talks to libsrtp: install the Debian packages gcc, pkgconf and libsrtp2-dev";

/// A sender and a receiver of libsrtp.
pub(crate) struct Peer {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Peer {
    /// `name` tells the tests' binaries apart, which may be built at the same time.
    pub(crate) fn start(name: &str, profile: Profile, arguments: &[&str]) -> Self {
        let key = hex::encode([key(profile), salt(profile)].concat());
        let mut process = Command::new(compile(&format!("{name}-{}", profile.name())))
            .args([profile.name(), &key])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = process.stdin.take().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        Self { process, input, output }
    }

    pub(crate) fn protect_rtp(&mut self, packet: &[u8]) -> Vec<u8> {
        self.ask('P', packet).unwrap()
    }

    pub(crate) fn protect_rtcp(&mut self, packet: &[u8]) -> Vec<u8> {
        self.ask('p', packet).unwrap()
    }

    /// The plaintext, or libsrtp's error.
    pub(crate) fn unprotect_rtp(&mut self, packet: &[u8]) -> Result<Vec<u8>, String> {
        self.ask('U', packet)
    }

    /// The plaintext, or libsrtp's error.
    pub(crate) fn unprotect_rtcp(&mut self, packet: &[u8]) -> Result<Vec<u8>, String> {
        self.ask('u', packet)
    }

    fn ask(&mut self, command: char, packet: &[u8]) -> Result<Vec<u8>, String> {
        writeln!(self.input, "{command} {}", hex::encode(packet)).unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        let line = line.strip_suffix('\n').expect("the peer died: its last words are above");
        match line.strip_prefix('!') {
            Some(error) => Err(error.to_owned()),
            None => Ok(hex::decode(line).unwrap()),
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Ours, with the keys that the peer has.
pub(crate) fn pair(profile: Profile) -> (Protector, Unprotector) {
    let (key, salt) = (key(profile), salt(profile));
    let protector = Protector::new(profile, &key, &salt).unwrap();
    (protector, Unprotector::new(profile, &key, &salt).unwrap())
}

fn key(profile: Profile) -> Vec<u8> {
    (0..profile.key_len() as u8).map(|n| n.wrapping_mul(37) ^ 0xa5).collect()
}

fn salt(profile: Profile) -> Vec<u8> {
    (0..profile.salt_len() as u8).map(|n| n.wrapping_mul(53) ^ 0x3c).collect()
}

fn compile(name: &str) -> PathBuf {
    let flags = run(Command::new("pkg-config").args(["--cflags", "--libs", "libsrtp2"]));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/libsrtp/peer.c");
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("libsrtp-peer-{name}"));
    run(Command::new("cc")
        .args(["-std=c11", "-O1", "-Wall", "-Wextra", "-Werror", "-o"])
        .args([&program, &source])
        .args(flags.split_whitespace()));
    program
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; {NEEDED}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed; {NEEDED}\n{said}");
    String::from_utf8(output.stdout).unwrap()
}
