//! Two connections, and a network between them with a virtual clock.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use tsubame_dtls::{Config, Connection, Error, Event, Identity, Role, SrtpKeys};

/// Keys and certificates are made once per process.
pub(crate) static ALICE: LazyLock<Arc<Identity>> =
    LazyLock::new(|| Arc::new(Identity::generate_ecdsa().unwrap()));
pub(crate) static BOB: LazyLock<Arc<Identity>> =
    LazyLock::new(|| Arc::new(Identity::generate_ecdsa().unwrap()));
pub(crate) static START: LazyLock<Instant> = LazyLock::new(epoch);

#[expect(clippy::disallowed_methods, reason = "virtual time has to start somewhere")]
fn epoch() -> Instant {
    Instant::now()
}

/// A small generator (SplitMix64): tests are the same every time.
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// What the network does, in percent of datagrams.
#[derive(Clone, Copy, Default)]
pub(crate) struct Weather {
    pub(crate) loss: u64,
    pub(crate) duplicates: u64,
    /// Datagrams delayed by up to 300 ms more, so that others overtake them.
    pub(crate) late: u64,
}

struct InFlight {
    at: Instant,
    /// Keeps datagrams due at the same time in order.
    number: u64,
    to: Role,
    bytes: Vec<u8>,
}

type Tap<'a> = Box<dyn FnMut(Role, usize, Vec<u8>) -> Vec<Vec<u8>> + 'a>;

/// A client and a server, 10 ms apart unless told otherwise.
pub(crate) struct Pair<'a> {
    pub(crate) now: Instant,
    pub(crate) client: Connection,
    pub(crate) server: Connection,
    pub(crate) client_events: Vec<Event>,
    pub(crate) server_events: Vec<Event>,
    pub(crate) client_result: Result<(), Error>,
    pub(crate) server_result: Result<(), Error>,
    /// Every datagram that was sent, by whom.
    pub(crate) sent: Vec<(Role, Vec<u8>)>,
    /// When the second side was connected.
    pub(crate) connected_at: Option<Instant>,
    /// Each way.
    pub(crate) delay: Duration,
    weather: Weather,
    rng: Rng,
    network: Vec<InFlight>,
    pushed: u64,
    tap: Tap<'a>,
}

impl<'a> Pair<'a> {
    pub(crate) fn new(client: Config, server: Config) -> Self {
        let now = *START;
        Self {
            now,
            client: Connection::new(now, Role::Client, Arc::new(client), [1; 32]),
            server: Connection::new(now, Role::Server, Arc::new(server), [2; 32]),
            client_events: Vec::new(),
            server_events: Vec::new(),
            client_result: Ok(()),
            server_result: Ok(()),
            sent: Vec::new(),
            connected_at: None,
            delay: Duration::from_millis(10),
            weather: Weather::default(),
            rng: Rng(0),
            network: Vec::new(),
            pushed: 0,
            tap: Box::new(|_, _, bytes| vec![bytes]),
        }
    }

    pub(crate) fn default_pair() -> Self {
        Self::new(Config::new(Arc::clone(&ALICE)), Config::new(Arc::clone(&BOB)))
    }

    pub(crate) fn weather(mut self, weather: Weather, seed: u64) -> Self {
        self.weather = weather;
        self.rng = Rng(seed);
        self
    }

    /// Lets a function see each datagram with its sender and number, and say what arrives instead.
    pub(crate) fn tap(
        mut self,
        tap: impl FnMut(Role, usize, Vec<u8>) -> Vec<Vec<u8>> + 'a,
    ) -> Self {
        self.tap = Box::new(tap);
        self
    }

    /// Runs until nothing is left to happen.
    pub(crate) fn run(&mut self) {
        loop {
            self.flush();
            let next_datagram = self.network.iter().map(|datagram| datagram.at).min();
            let timeouts = [self.client.poll_timeout(), self.server.poll_timeout()];
            let Some(next) = timeouts.into_iter().flatten().chain(next_datagram).min() else {
                return;
            };
            self.now = self.now.max(next);
            assert!(self.now < *START + Duration::from_secs(60), "no end in sight");
            self.deliver();
            if timeouts[0].is_some_and(|at| at <= self.now) {
                let result = self.client.handle_timeout(self.now);
                self.client_result = self.client_result.and(result);
            }
            if timeouts[1].is_some_and(|at| at <= self.now) {
                let result = self.server.handle_timeout(self.now);
                self.server_result = self.server_result.and(result);
            }
        }
    }

    /// Runs, and both sides must connect.
    pub(crate) fn connect(&mut self) {
        self.run();
        assert_eq!((self.client_result, self.server_result), (Ok(()), Ok(())));
        assert!(self.client.is_connected() && self.server.is_connected());
        self.assert_agreement();
    }

    /// Both sides are connected to the certificate the other one has, with the same keys.
    pub(crate) fn assert_agreement(&self) {
        let mut exported = [[0; 32]; 2];
        for (side, out) in [&self.client, &self.server].into_iter().zip(&mut exported) {
            side.export_keying_material(b"EXPERIMENTAL test", None, out).unwrap();
        }
        assert_eq!(exported[0], exported[1]);
        assert_ne!(exported[0], [0; 32]);
        assert_eq!(self.client.srtp_profile(), self.server.srtp_profile());
        assert_eq!(self.client.cipher_suite(), self.server.cipher_suite());
        assert_eq!(self.client.group(), self.server.group());
    }

    /// SRTP keys of client and server, each against the other's fingerprint.
    pub(crate) fn srtp_keys(&self) -> (SrtpKeys, SrtpKeys) {
        let keys = |connection: &Connection, identity: &Identity| {
            connection.srtp_keying_material(&[identity.fingerprint()]).unwrap()
        };
        (keys(&self.client, &BOB), keys(&self.server, &ALICE))
    }

    /// Puts a datagram on its way that neither side sent.
    pub(crate) fn inject(&mut self, to: Role, bytes: Vec<u8>) {
        self.push(to, Duration::ZERO, bytes);
    }

    fn flush(&mut self) {
        for from in [Role::Client, Role::Server] {
            let mut out = [0; 2048];
            loop {
                let side = match from {
                    Role::Client => &mut self.client,
                    Role::Server => &mut self.server,
                };
                let Some(len) = side.poll_transmit(&mut out) else { break };
                self.send(from, out[..len].to_vec());
            }
        }
        if self.client.is_connected() && self.server.is_connected() {
            self.connected_at.get_or_insert(self.now);
        }
        self.client_events.extend(std::iter::from_fn(|| self.client.poll_event()));
        self.server_events.extend(std::iter::from_fn(|| self.server.poll_event()));
    }

    fn send(&mut self, from: Role, bytes: Vec<u8>) {
        let number = self.sent.len();
        self.sent.push((from, bytes.clone()));
        let to = other(from);
        for bytes in (self.tap)(from, number, bytes) {
            if self.rng.chance(self.weather.loss) {
                continue;
            }
            let copies = if self.rng.chance(self.weather.duplicates) { 2 } else { 1 };
            for _ in 0..copies {
                let late = self.rng.chance(self.weather.late);
                let extra = if late { self.rng.below(300) } else { 0 };
                self.push(to, self.delay + Duration::from_millis(extra), bytes.clone());
            }
        }
    }

    fn push(&mut self, to: Role, delay: Duration, bytes: Vec<u8>) {
        let number = self.pushed;
        self.pushed += 1;
        self.network.push(InFlight { at: self.now + delay, number, to, bytes });
    }

    fn deliver(&mut self) {
        self.network.sort_by_key(|datagram| (datagram.at, datagram.number));
        let due = self.network.partition_point(|datagram| datagram.at <= self.now);
        for mut datagram in self.network.drain(..due).collect::<Vec<_>>() {
            let (side, result) = match datagram.to {
                Role::Client => (&mut self.client, &mut self.client_result),
                Role::Server => (&mut self.server, &mut self.server_result),
            };
            let handled = side.handle_datagram(self.now, &mut datagram.bytes);
            *result = result.and(handled);
            self.flush();
        }
    }
}

pub(crate) fn other(role: Role) -> Role {
    match role {
        Role::Client => Role::Server,
        Role::Server => Role::Client,
    }
}

pub(crate) fn config(identity: &Arc<Identity>) -> Config {
    Config::new(Arc::clone(identity))
}

/// A record of epoch 0.
pub(crate) fn record(content_type: u8, sequence: u64, content: &[u8]) -> Vec<u8> {
    let mut out = vec![content_type, 0xfe, 0xfd];
    out.extend_from_slice(&sequence.to_be_bytes());
    out.extend_from_slice(&u16::try_from(content.len()).unwrap().to_be_bytes());
    out.extend_from_slice(content);
    out
}

/// A handshake fragment with whatever lengths one likes.
pub(crate) fn fragment(
    kind: u8,
    length: u32,
    message_seq: u16,
    offset: u32,
    fragment_length: u32,
    body: &[u8],
) -> Vec<u8> {
    let mut out = vec![kind];
    out.extend_from_slice(&length.to_be_bytes()[1..]);
    out.extend_from_slice(&message_seq.to_be_bytes());
    out.extend_from_slice(&offset.to_be_bytes()[1..]);
    out.extend_from_slice(&fragment_length.to_be_bytes()[1..]);
    out.extend_from_slice(body);
    out
}

/// A whole handshake message in one record of epoch 0.
pub(crate) fn message(kind: u8, message_seq: u16, sequence: u64, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap();
    record(22, sequence, &fragment(kind, length, message_seq, 0, length, body))
}

/// The records of a datagram: content type, epoch, and the whole record.
pub(crate) fn records(mut datagram: &[u8]) -> Vec<(u8, u16, &[u8])> {
    let mut out = Vec::new();
    while !datagram.is_empty() {
        let length = 13 + usize::from(u16::from_be_bytes([datagram[11], datagram[12]]));
        let (record, rest) = datagram.split_at(length);
        out.push((record[0], u16::from_be_bytes([record[3], record[4]]), record));
        datagram = rest;
    }
    out
}
