//! Our side of a connection, with a socket and a clock.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tsubame_dtls::{Config, Connection, Error, Event, Role, Session};

use crate::cases::Case;

/// How long anything may take. Nothing does, but the machine may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

#[expect(clippy::disallowed_methods, reason = "a real peer lives in real time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

pub(crate) struct Peer {
    pub(crate) connection: Connection,
    socket: UdpSocket,
    /// A server's is the first who sends.
    remote: Option<SocketAddr>,
    pub(crate) events: Vec<Event>,
    pub(crate) first_received: Option<Vec<u8>>,
    pub(crate) largest_sent: usize,
    /// Known once connected, also when that is over.
    pub(crate) resumed: Option<bool>,
    pub(crate) session: Option<Session>,
    /// In bytes.
    pub(crate) received: usize,
}

impl Peer {
    pub(crate) fn client(config: Config, server: SocketAddr) -> Self {
        Self::new(Role::Client, config, Some(server))
    }

    pub(crate) fn server(config: Config) -> Self {
        Self::new(Role::Server, config, None)
    }

    pub(crate) fn resuming(config: Config, server: SocketAddr, session: Session) -> Self {
        let mut peer = Self::client(config.clone(), server);
        peer.connection = Connection::resume(now(), Arc::new(config), session, [4; 32]);
        peer
    }

    fn new(role: Role, config: Config, remote: Option<SocketAddr>) -> Self {
        Self {
            connection: Connection::new(now(), role, Arc::new(config), [3; 32]),
            socket: UdpSocket::bind("127.0.0.1:0").unwrap(),
            remote,
            events: Vec::new(),
            first_received: None,
            largest_sent: 0,
            resumed: None,
            session: None,
            received: 0,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.socket.local_addr().unwrap()
    }

    /// Connects, and everything is as the case says.
    pub(crate) fn connect(&mut self, case: Case) {
        self.run_until(|peer| peer.events.contains(&Event::Connected));
        self.resumed = self.connection.is_resumed();
        self.session = self.connection.session();
        assert_eq!(self.connection.cipher_suite(), Some(case.suite), "{case:?}");
        assert_eq!(self.connection.group(), Some(case.group), "{case:?}");
        assert_eq!(self.connection.srtp_profile(), Some(case.profile), "{case:?}");
        let theirs = case.theirs(self.connection.role()).certificate();
        assert_eq!(self.connection.peer_certificate(), Some(&theirs[..]), "{case:?}");
    }

    /// The keying material of DTLS-SRTP in hex, in the order of RFC 5764 §4.2: client key, server key, client salt, server
    /// salt.
    pub(crate) fn srtp_material(&self, case: Case) -> String {
        let role = self.connection.role();
        let keys =
            self.connection.srtp_keying_material(&[case.theirs(role).fingerprint()]).unwrap();
        let local = (keys.local_key(), keys.local_salt());
        let remote = (keys.remote_key(), keys.remote_salt());
        let (client, server) = match role {
            Role::Client => (local, remote),
            Role::Server => (remote, local),
        };
        hex::encode([client.0, server.0, client.1, server.1].concat())
    }

    pub(crate) fn send(&mut self, data: &[u8]) {
        self.connection.send(data).unwrap();
        self.flush();
    }

    pub(crate) fn receive(&mut self, data: &[u8]) {
        let event = Event::ApplicationData(data.to_vec());
        self.run_until(|peer| peer.events.contains(&event));
    }

    pub(crate) fn close(&mut self) {
        self.connection.close();
        self.flush();
        assert!(!self.connection.is_connected());
    }

    pub(crate) fn wait_for_close(&mut self) {
        self.run_until(|peer| peer.events.contains(&Event::Closed));
        assert!(!self.connection.is_connected());
    }

    pub(crate) fn run_until(&mut self, done: impl Fn(&Self) -> bool) {
        let deadline = now() + PATIENCE;
        loop {
            self.flush();
            if done(self) {
                return;
            }
            assert!(now() < deadline, "nothing happened in time: {:?}", self.events);
            self.step().unwrap();
        }
    }

    pub(crate) fn run_to_error(&mut self) -> Error {
        loop {
            self.flush();
            if let Err(error) = self.step() {
                return error;
            }
        }
    }

    /// Takes one datagram or lets time pass.
    fn step(&mut self) -> Result<(), Error> {
        let mut buffer = [0; 65_536];
        let wait = self.connection.poll_timeout().unwrap_or_else(|| now() + PATIENCE);
        let wait = wait.saturating_duration_since(now()).max(Duration::from_millis(1));
        self.socket.set_read_timeout(Some(wait)).unwrap();
        match self.socket.recv_from(&mut buffer) {
            // What somebody else's program left behind for this port.
            Ok((_, from)) if *self.remote.get_or_insert(from) != from => Ok(()),
            Ok((len, _)) => {
                self.received += len;
                self.first_received.get_or_insert_with(|| buffer[..len].to_vec());
                self.connection.handle_datagram(now(), &mut buffer[..len])
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                self.connection.handle_timeout(now())
            }
            // A port that nobody listens on yet; a test that was stopped and goes on.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::ConnectionRefused | ErrorKind::Interrupted
                ) =>
            {
                Ok(())
            }
            Err(error) => panic!("{error}"),
        }
    }

    fn flush(&mut self) {
        let mut out = [0; 16 * 1024];
        while let Some(len) = self.connection.poll_transmit(&mut out) {
            self.largest_sent = self.largest_sent.max(len);
            self.socket.send_to(&out[..len], self.remote.unwrap()).unwrap();
        }
        self.events.extend(std::iter::from_fn(|| self.connection.poll_event()));
    }
}
