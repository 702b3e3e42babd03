//! Two endpoints, one on each side, and the datagrams between them: what `dtls_handshake` and `dtls_records` share.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tsubame_dtls::{Config, Connection, Event, Fingerprint, HashAlgorithm, Role};

use crate::input::epoch;

/// Datagrams held at most in each direction.
const HELD: usize = 64;

/// One endpoint.
pub struct Side {
    /// The endpoint.
    pub connection: Connection,
    /// What it sent and the other has not got yet.
    pub sent: VecDeque<Vec<u8>>,
    /// It returned an error, once and for all.
    pub dead: bool,
    /// The peer closed.
    pub closed: bool,
    /// Application data that it gave out.
    pub received: Vec<Vec<u8>>,
    config: Arc<Config>,
}

/// Both: the client, then the server.
pub struct Pair {
    /// Virtual time.
    pub now: Instant,
    /// The endpoints.
    pub sides: [Side; 2],
}

impl Pair {
    /// At the start of their handshake.
    pub fn new(client: Config, server: Config) -> Self {
        let now = epoch();
        let side = |role, config, random| {
            let config = Arc::new(config);
            Side {
                connection: Connection::new(now, role, Arc::clone(&config), [random; 32]),
                sent: VecDeque::new(),
                dead: false,
                closed: false,
                received: Vec::new(),
                config,
            }
        };
        let sides = [side(Role::Client, client, 7), side(Role::Server, server, 8)];
        let mut pair = Self { now, sides };
        pair.drain();
        pair
    }

    /// Hands a datagram to one of them.
    pub fn hand(&mut self, to: usize, datagram: &mut [u8]) {
        let side = &mut self.sides[to];
        if !side.dead {
            side.dead = side.connection.handle_datagram(self.now, datagram).is_err();
        }
        self.drain();
    }

    /// Hands over the datagram that one of them sent as the `index`th of those on their way. Whether there was one.
    pub fn deliver(&mut self, from: usize, index: usize) -> bool {
        let count = self.sides[from].sent.len().max(1);
        let Some(mut datagram) = self.sides[from].sent.remove(index % count) else { return false };
        self.hand(1 - from, &mut datagram);
        true
    }

    /// Lets time pass, keeping no timer but at its end.
    pub fn pass(&mut self, step: Duration) {
        self.now += step;
        for side in self.sides.iter_mut().filter(|side| !side.dead) {
            side.dead = side.connection.handle_timeout(self.now).is_err();
        }
        self.drain();
    }

    /// Takes everything that they have to say.
    pub fn drain(&mut self) {
        for side in &mut self.sides {
            let mut out = [0; 2_048];
            while let Some(len) = side.connection.poll_transmit(&mut out) {
                assert!(len <= side.config.mtu, "{len} octets");
                if side.sent.len() < HELD {
                    side.sent.push_back(out[..len].to_vec());
                }
            }
            while let Some(event) = side.connection.poll_event() {
                assert!(!side.closed, "{event:?} after the end");
                match event {
                    Event::ApplicationData(data) => side.received.push(data),
                    Event::Closed => side.closed = true,
                    _ => {}
                }
            }
        }
    }

    /// From here on everything arrives, until both are connected or nothing more can happen.
    pub fn heal(&mut self) {
        let end = self.now + Duration::from_secs(20);
        while self.now < end {
            while self.deliver(0, 0) || self.deliver(1, 0) {}
            if self.sides.iter().all(|side| side.connection.is_connected()) {
                return;
            }
            let alive = self.sides.iter().filter(|side| !side.dead);
            let next = alive.filter_map(|side| side.connection.poll_timeout()).min();
            let Some(next) = next else { return };
            self.pass(next.saturating_duration_since(self.now));
        }
    }

    /// Whatever happened to them: who is connected has the right peer, and both agree.
    pub fn check(&self) {
        for (side, other) in [(0, 1), (1, 0)].map(|(a, b)| (&self.sides[a], &self.sides[b])) {
            if !side.connection.is_connected() {
                assert!(side.connection.srtp_keying_material(&[]).is_err());
                continue;
            }
            assert!(!side.dead);
            let certificate = other.config.identity.certificate_der();
            assert_eq!(side.connection.peer_certificate(), Some(certificate), "a stranger");
            let wrong = Fingerprint::of(HashAlgorithm::Sha256, b"somebody else");
            assert!(side.connection.srtp_keying_material(&[wrong]).is_err());
        }
        let [client, server] = [&self.sides[0].connection, &self.sides[1].connection];
        if client.is_connected() && server.is_connected() {
            let export = |connection: &Connection| {
                let mut out = [0; 32];
                connection.export_keying_material(b"fuzzing", None, &mut out).expect("connected");
                out
            };
            assert_eq!(export(client), export(server), "connected, but not with each other");
            assert_eq!(client.srtp_profile(), server.srtp_profile());
            assert_eq!(client.cipher_suite(), server.cipher_suite());
            assert_eq!(client.group(), server.group());
        }
    }
}
