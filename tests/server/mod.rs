//! The release or debug binary as a child process, on free ports.

#![allow(dead_code, reason = "every test file uses its own part of this")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

/// A running server. Killed when dropped; [`Server::stop`] ends it as an operator would.
pub(crate) struct Server {
    process: Child,
    pub(crate) signaling: String,
    /// Host and port of the HTTP API.
    pub(crate) api: String,
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
        let api = field("api").trim_start_matches("http://").trim_end_matches('/').to_owned();
        Self { signaling: field("signaling"), api, udp, process }
    }

    /// The sum over all shards of a metric that `GET /metrics` serves: `name` is what stands before its labels.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let mut stream = TcpStream::connect(&self.api).unwrap();
        let request =
            format!("GET /metrics HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.api);
        stream.write_all(request.as_bytes()).unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        assert!(response.starts_with("HTTP/1.1 200"), "{response}");
        let start = format!("{name}{{");
        let lines = response.lines().filter(|line| line.starts_with(&start));
        let values = lines.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap());
        values.reduce(|sum, value| sum + value).unwrap_or_else(|| panic!("no {name}: {response}"))
    }

    /// Octets of memory that is the process's own and resident.
    pub(crate) fn anonymous_memory(&self) -> usize {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1_024
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
