//! Another implementation's program, with its input and output.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};

use crate::peer::PATIENCE;

/// A running program, ended when dropped.
pub(crate) struct Program {
    process: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Program {
    /// `source` says where one gets a program that is missing.
    pub(crate) fn start(command: &mut Command, source: &str) -> Self {
        let name = command.get_program().to_string_lossy().into_owned();
        let spawned =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut process = match spawned {
            Ok(process) => process,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                panic!("{name} is not there: {source}")
            }
            Err(error) => panic!("{name} does not start: {error}"),
        };
        let stdin = process.stdin.take();
        let (sender, lines) = channel();
        forward_lines(process.stdout.take().unwrap(), sender.clone());
        forward_lines(process.stderr.take().unwrap(), sender);
        Self { process, stdin, lines, seen: Vec::new() }
    }

    /// The first line with this text in it that has not been waited for yet.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        self.find(text).unwrap_or_else(|| panic!("{text:?} was not said, but {:#?}", self.seen))
    }

    /// As [`wait_for`](Self::wait_for); `None` when the program ended without it.
    pub(crate) fn find(&mut self, text: &str) -> Option<String> {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if line.contains(text) {
                        return Some(line);
                    }
                }
                Err(RecvTimeoutError::Timeout) => panic!("nothing said but {:#?}", self.seen),
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    /// Everything that was said, once the program has ended.
    pub(crate) fn output(&mut self) -> &[String] {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => self.seen.push(line),
                Err(RecvTimeoutError::Timeout) => panic!("does not end: {:#?}", self.seen),
                Err(RecvTimeoutError::Disconnected) => return &self.seen,
            }
        }
    }

    /// As Ctrl-Z and `fg` do: what waits with a time limit is interrupted.
    pub(crate) fn stop_and_go_on(&self) {
        for signal in ["STOP", "CONT"] {
            let kill = format!("kill -{signal} {}", self.process.id());
            assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        }
    }

    pub(crate) fn write(&mut self, text: &[u8]) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(text).unwrap();
        stdin.flush().unwrap();
    }

    pub(crate) fn end_input(&mut self) {
        self.stdin = None;
    }
}

fn forward_lines(from: impl Read + Send + 'static, to: Sender<String>) {
    std::thread::spawn(move || {
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        while from.read_until(b'\n', &mut line).is_ok_and(|len| len > 0) {
            let text = String::from_utf8_lossy(&line).trim().to_owned();
            line.clear();
            if to.send(text).is_err() {
                return;
            }
        }
    });
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
