//! The public face of a connection, whatever version it speaks.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use crate::alert::AlertDescription;
use crate::config::{Config, Role};
use crate::counters::Counters;
use crate::error::Error;
use crate::fingerprint::{Fingerprint, any_matches};
use crate::identity::Identity;
use crate::session::Session;
use crate::srtp::{KeyingError, SrtpKeys, SrtpProfile};
use crate::v12::{CipherSuite, Endpoint, NamedGroup};

/// RFC 5764 §4.2.
const SRTP_LABEL: &[u8] = b"EXTRACTOR-dtls_srtp";

/// Labels the protocol itself uses (RFC 5705 §4, RFC 7627 §4): exporting under one would give away its own secrets.
const PROTOCOL_LABELS: [&[u8]; 5] = [
    b"client finished",
    b"server finished",
    b"master secret",
    b"key expansion",
    b"extended master secret",
];

/// One DTLS connection with one peer, client or server, without socket and clock.
///
/// *Drain rule*: after any `handle_*` (and after [`new`](Self::new), [`send`](Self::send) and [`close`](Self::close)), call
/// [`poll_transmit`](Self::poll_transmit) and [`poll_event`](Self::poll_event) until `None`, then ask
/// [`poll_timeout`](Self::poll_timeout).
pub struct Connection {
    endpoint: Endpoint,
}

impl Connection {
    /// A connection at the start of its handshake. A client has its first flight ready at once.
    ///
    /// `random` must be unpredictable and new for each connection: the hello random and the cookie secret come from it.
    /// Ephemeral keys and signatures take theirs from elsewhere: neither AWS-LC nor *ring* accepts any.
    pub fn new(now: Instant, role: Role, config: Arc<Config>, random: [u8; 32]) -> Self {
        Self { endpoint: Endpoint::new(now, role, config, random) }
    }

    /// A client's connection that resumes an earlier one with the same server, if that still agrees, and if this
    /// configuration would make the same impression on it: the same certificate shown, or none, and with
    /// [`ClientCertificate::Required`](crate::ClientCertificate) never none. Otherwise the handshake is a full one. The
    /// server's certificate is that of the earlier connection. `random` as for [`new`](Self::new).
    pub fn resume(now: Instant, config: Arc<Config>, session: Session, random: [u8; 32]) -> Self {
        let endpoint = Endpoint::resume(now, Role::Client, config, Some(session), random);
        Self { endpoint }
    }

    /// As client, once connected: what the connection can be resumed with, if the server told.
    pub fn session(&self) -> Option<Session> {
        (self.role() == Role::Client).then(|| self.endpoint.session())?
    }

    /// Whether an earlier session was resumed; `None` until connected.
    pub fn is_resumed(&self) -> Option<bool> {
        Some(self.endpoint.established()?.resumed)
    }

    /// Client or server.
    pub fn role(&self) -> Role {
        self.endpoint.role()
    }

    /// Takes a datagram from the peer, decrypting it in place. Noise is dropped, counted and `Ok`.
    ///
    /// # Errors
    /// The connection is dead; what is left to transmit (an alert) may still be polled. Every later call gives the same
    /// error.
    pub fn handle_datagram(&mut self, now: Instant, datagram: &mut [u8]) -> Result<(), Error> {
        self.endpoint.handle_datagram(now, datagram)
    }

    /// Lets time pass: retransmits, or gives the handshake up. Harmless when called early.
    ///
    /// # Errors
    /// As [`handle_datagram`](Self::handle_datagram).
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        self.endpoint.handle_timeout(now)
    }

    /// Writes the next datagram for the peer and returns its length. `out` should hold [`Config::mtu`] bytes; a
    /// smaller one of at least 64 bytes gets smaller handshake datagrams, and application data that does not fit it
    /// waits.
    pub fn poll_transmit(&mut self, out: &mut [u8]) -> Option<usize> {
        self.endpoint.poll_transmit(out)
    }

    /// What happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.endpoint.poll_event()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due; `None` once connected, closed or dead.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.endpoint.poll_timeout()
    }

    /// Sets the first retransmission timeout, from a round trip measured by ICE. Held between 50 ms and twice
    /// [`Config::initial_rto`], which makes 400 ms by default. Applies to flights to come and to the one under way, whose
    /// timer runs anew from when it was last sent, doubled as often as it was.
    pub fn set_initial_rto(&mut self, rto: Duration) {
        self.endpoint.set_initial_rto(rto);
    }

    /// Sets the first retransmission timeout to three times a round trip that ICE measured on this path: what RFC 6298
    /// §2.2 makes of a first measurement (RFC 6347 §4.2.4.1 points there). Held as there, so by default a round trip
    /// below 17 ms gives 50 ms, one of 50 ms gives 150 ms and one above 133 ms gives 400 ms. It doubles with each
    /// retransmission up to [`Config::max_rto`]. Otherwise as [`set_initial_rto`](Self::set_initial_rto).
    pub fn seed_round_trip(&mut self, round_trip: Duration) {
        self.set_initial_rto(round_trip.saturating_mul(3));
    }

    /// Whether the handshake is complete and the connection is neither closed nor dead.
    pub fn is_connected(&self) -> bool {
        self.endpoint.is_connected()
    }

    /// Which of the configuration's identities this side showed, now or in the session that is resumed. `None` until
    /// connected, and for a client that showed none.
    pub fn identity(&self) -> Option<&Identity> {
        self.endpoint.identity()
    }

    /// The peer's certificate in DER, once the peer has proved that it holds its key: a server's by its
    /// ServerKeyExchange, a client's by its CertificateVerify; in a session that is resumed the one that was proved in the
    /// full handshake, once Finished shows that the peer has that session. `None` for a client that showed none
    /// ([`ClientCertificate`](crate::ClientCertificate)).
    pub fn peer_certificate(&self) -> Option<&[u8]> {
        self.endpoint.peer_certificate()
    }

    /// The negotiated SRTP profile, once connected.
    pub fn srtp_profile(&self) -> Option<SrtpProfile> {
        self.endpoint.established()?.srtp_profile()
    }

    /// The negotiated cipher suite, once connected.
    pub fn cipher_suite(&self) -> Option<CipherSuite> {
        Some(self.endpoint.established()?.suite())
    }

    /// The group of the key exchange, once connected.
    pub fn group(&self) -> Option<NamedGroup> {
        Some(self.endpoint.established()?.group())
    }

    /// The SRTP keys, but only to who knows the peer's certificate from signaling.
    ///
    /// `expected` are the fingerprints that signaling announced; those with the strongest hash function count, and one
    /// of them has to match (RFC 8122 §5).
    ///
    /// # Errors
    /// [`KeyingError::FingerprintMismatch`] when none does, `expected` is empty, or the peer has no certificate.
    pub fn srtp_keying_material(&self, expected: &[Fingerprint]) -> Result<SrtpKeys, KeyingError> {
        let established = self.endpoint.established().ok_or(KeyingError::NotConnected)?;
        let certificate = self.peer_certificate().ok_or(KeyingError::FingerprintMismatch)?;
        if !any_matches(expected, certificate) {
            return Err(KeyingError::FingerprintMismatch);
        }
        let profile = established.srtp_profile().ok_or(KeyingError::NoProfile)?;
        let mut material = Zeroizing::new(vec![0; profile.material_len()]);
        established.export(SRTP_LABEL, None, &mut material);
        SrtpKeys::split(profile, self.role(), &material).ok_or(KeyingError::NoProfile)
    }

    /// Keying material for another protocol (RFC 5705), the same on both sides. `context` is at most 65,535 bytes;
    /// an empty one differs from none.
    ///
    /// # Errors
    /// Not connected; or a label that is refused: those the protocol uses itself, and `EXTRACTOR-dtls_srtp`, whose keys
    /// [`srtp_keying_material`](Self::srtp_keying_material) gives against a fingerprint only.
    pub fn export_keying_material(
        &self,
        label: &[u8],
        context: Option<&[u8]>,
        out: &mut [u8],
    ) -> Result<(), ExportError> {
        let established = self.endpoint.established().ok_or(ExportError::NotConnected)?;
        if label == SRTP_LABEL || PROTOCOL_LABELS.contains(&label) {
            return Err(ExportError::ReservedLabel);
        }
        if context.is_some_and(|context| context.len() > usize::from(u16::MAX)) {
            return Err(ExportError::ContextTooLong);
        }
        established.export(label, context, out);
        Ok(())
    }

    /// Queues application data: one record in one datagram.
    ///
    /// # Errors
    /// Nothing was queued.
    pub fn send(&mut self, data: &[u8]) -> Result<(), SendError> {
        self.endpoint.send(data)
    }

    /// Most bytes that [`send`](Self::send) takes at once, once connected.
    pub fn max_application_data(&self) -> Option<usize> {
        self.is_connected().then(|| self.endpoint.max_application_data())
    }

    /// Ends the connection with a close_notify, after application data already queued. During the handshake the peer is
    /// told that this side gave up.
    pub fn close(&mut self) {
        self.endpoint.close();
    }

    /// Ends the connection with a fatal alert: [`AlertDescription::BAD_CERTIFICATE`] when the peer's certificate is not
    /// the one that signaling announced (RFC 8122 §6.2). Later calls give [`Error::Aborted`].
    pub fn abort(&mut self, alert: AlertDescription) {
        self.endpoint.abort(alert);
    }

    /// Changes the size of the largest datagram to send, in bytes of UDP payload, held between 64 and 16,448: the path
    /// carries less, or more, than [`Config::mtu`]. Flights are cut anew when they are sent again; application
    /// data that waits and no longer fits is dropped and counted.
    pub fn set_mtu(&mut self, mtu: usize) {
        self.endpoint.set_mtu(mtu);
    }

    /// What was dropped, and why.
    pub fn counters(&self) -> &Counters {
        self.endpoint.counters()
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("role", &self.role())
            .field("connected", &self.is_connected())
            .finish_non_exhaustive()
    }
}

/// What happened on a connection.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Event {
    /// The handshake is complete, and its keys are those of whoever holds the key of
    /// [`Connection::peer_certificate`]. Whose that is, the fingerprint says. A server that does not insist on a
    /// client's certificate ([`ClientCertificate::Required`](crate::ClientCertificate) does) may be connected to anybody,
    /// and has no such certificate then.
    Connected,
    /// The peer sent application data.
    ApplicationData(Vec<u8>),
    /// The peer closed the connection by close_notify.
    Closed,
}

/// Why application data was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// The handshake is not complete, or the connection is closed or dead.
    NotConnected,
    /// The queue is full: poll first.
    Full,
    /// It does not fit one datagram of [`Config::mtu`] bytes.
    TooLarge {
        /// Most bytes that fit.
        max: usize,
    },
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConnected => f.write_str("not connected"),
            Self::Full => f.write_str("the queue is full"),
            Self::TooLarge { max } => write!(f, "more than {max} bytes"),
        }
    }
}

impl std::error::Error for SendError {}

/// Why nothing was exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExportError {
    /// The handshake is not complete.
    NotConnected,
    /// The label is the protocol's own, or that of DTLS-SRTP.
    ReservedLabel,
    /// The context is longer than 65,535 bytes.
    ContextTooLong,
}

impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotConnected => "not connected",
            Self::ReservedLabel => "the label is reserved",
            Self::ContextTooLong => "the context is longer than 65,535 bytes",
        })
    }
}

impl std::error::Error for ExportError {}
