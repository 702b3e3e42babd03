//! The release or debug binary as a child process, on free ports.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

/// A running server. Killed when dropped; [`Server::stop`] ends it as an operator would.
pub(crate) struct Server {
    process: Child,
    pub(crate) signaling: String,
    pub(crate) udp: Vec<std::net::SocketAddr>,
}

impl Server {
    /// Starts `tsubame` with these arguments after those that choose free loopback ports.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_tsubame"))
            .args(["--listen", "127.0.0.1:0", "--api-listen", "127.0.0.1:0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let ready = loop {
            let Some(Ok(line)) = lines.next() else {
                let mut said = String::new();
                process.stderr.take().unwrap().read_to_string(&mut said).unwrap();
                panic!("the server ended before it was ready: {said}");
            };
            if line.starts_with("ready ") {
                break line;
            }
        };
        let field = |name: &str| {
            let start = format!("{name}=");
            let value = ready.split(' ').find_map(|field| field.strip_prefix(&start));
            value.unwrap_or_else(|| panic!("no {name} in {ready:?}")).to_owned()
        };
        // Read to the end by nobody: a pipe that is full would stop the server.
        let mut stderr = process.stderr.take().unwrap();
        std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
        let udp = field("udp").split(',').map(|address| address.parse().unwrap()).collect();
        Self { signaling: field("signaling"), udp, process }
    }

    /// Sends SIGTERM and gives the exit status.
    pub(crate) fn stop(mut self) -> std::process::ExitStatus {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.process.wait().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
