//! One client's transport: ICE, then DTLS, then SRTP keys, on whatever path the peer proved to be its own.
//!
//! This is where the protocol crates meet. What each of them exports is glued here and nowhere else.

use std::sync::Arc;
use std::time::Instant;

use tsubame_dtls as dtls;
use tsubame_srtp as srtp;
use tsubame_stun::ice::{Credentials, LiteAgent, LiteConfig, LiteEvent, Path};
use tsubame_udp::{Priority, prefetch};

use crate::api::CloseReason;
use crate::sink::Sink;

/// The largest control datagram (STUN answer or DTLS record flight) that is written.
const CONTROL_DATAGRAM: usize = 1_500;

/// What a transport tells its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TransportEvent {
    /// An authenticated request came over this path: datagrams from it are this client's.
    Verified(Path),
    /// The path is no longer this client's.
    Forgotten(Path),
    /// The handshake is done, the fingerprint matched and the keys are installed. Once.
    Connected,
    /// The session is over.
    Closed(CloseReason),
}

/// What the answer says of the other end.
#[derive(Clone, Debug)]
pub(crate) struct Remote {
    pub(crate) ufrag: String,
    pub(crate) fingerprints: Vec<dtls::Fingerprint>,
    /// The role that is left to us.
    pub(crate) role: dtls::Role,
}

struct Keys {
    protector: srtp::Protector,
    unprotector: srtp::Unprotector,
}

/// See the module's documentation. Follows the drain rule: after any `handle_*` or `set_remote`, call [`Transport::flush`] and
/// [`Transport::poll_event`] until `None`.
pub(crate) struct Transport {
    ice: LiteAgent,
    dtls_config: Arc<dtls::Config>,
    dtls_random: [u8; 32],
    dtls: Option<Box<dtls::Connection>>,
    /// The path DTLS came from last; used until one is nominated.
    dtls_path: Option<Path>,
    remote: Option<Remote>,
    keys: Option<Box<Keys>>,
    closed: Option<CloseReason>,
    closed_reported: bool,
    connected_pending: bool,
}

impl Transport {
    pub(crate) fn new(
        now: Instant,
        credentials: Credentials,
        dtls_config: Arc<dtls::Config>,
        dtls_random: [u8; 32],
    ) -> Self {
        Self {
            ice: LiteAgent::new(now, credentials, LiteConfig::default()),
            dtls_config,
            dtls_random,
            dtls: None,
            dtls_path: None,
            remote: None,
            keys: None,
            closed: None,
            closed_reported: false,
            connected_pending: false,
        }
    }

    /// Takes what the first answer says. Later answers do not change it.
    pub(crate) fn set_remote(&mut self, now: Instant, remote: Remote) {
        if self.remote.is_some() {
            return;
        }
        self.ice.set_remote_ufrag(now, &remote.ufrag);
        // A ClientHello may have come before the answer, and been served.
        if self.dtls.as_ref().is_some_and(|dtls| dtls.role() != remote.role) {
            self.dtls = None;
        }
        self.remote = Some(remote);
        self.start_dtls_client(now);
        self.install_keys();
    }

    /// The path media goes out on.
    pub(crate) fn path(&self) -> Option<Path> {
        self.ice.selected().or(self.dtls_path)
    }

    /// Whether the path proved itself and is still alive.
    pub(crate) fn is_verified(&self, path: &Path) -> bool {
        self.ice.is_verified(path)
    }

    /// Whether a DTLS datagram may cost asymmetric cryptography.
    pub(crate) fn is_handshaking(&self) -> bool {
        self.closed.is_none() && self.dtls.as_ref().is_none_or(|dtls| !dtls.is_connected())
    }

    /// Whether this end is the DTLS client: then the peer's last flight ends the handshake, and media may follow at once.
    pub(crate) fn is_dtls_client(&self) -> bool {
        self.dtls.as_ref().is_some_and(|dtls| dtls.role() == dtls::Role::Client)
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.keys.is_some() && self.closed.is_none()
    }

    pub(crate) fn local_ufrags(&self) -> impl Iterator<Item = &str> {
        self.ice.local_ufrags()
    }

    /// Whether it was an authentic check, which moved the state.
    pub(crate) fn handle_stun(&mut self, now: Instant, path: Path, datagram: &[u8]) -> bool {
        let before = self.ice.counters().requests;
        self.ice.handle_datagram(now, path, datagram);
        self.start_dtls_client(now);
        self.ice.counters().requests != before
    }

    /// DTLS is served only on paths that authenticated STUN verified: nobody else can disturb a handshake or make us answer.
    pub(crate) fn handle_dtls(&mut self, now: Instant, path: Path, datagram: &mut [u8]) {
        if self.closed.is_some() || !self.ice.is_verified(&path) {
            return;
        }
        let dtls = match &mut self.dtls {
            Some(dtls) => dtls,
            None if self.remote.as_ref().is_none_or(|remote| remote.role == dtls::Role::Server) => {
                self.dtls.insert(Box::new(dtls::Connection::new(
                    now,
                    dtls::Role::Server,
                    Arc::clone(&self.dtls_config),
                    self.dtls_random,
                )))
            }
            None => return,
        };
        self.dtls_path = Some(path);
        if let Err(error) = dtls.handle_datagram(now, datagram) {
            tracing::debug!(%error, "DTLS ended");
            self.close(dtls_close_reason(&error));
        }
        self.read_dtls_events();
    }

    /// Authenticates and decrypts an RTP packet in place: the plaintext packet's length. `None`: drop it.
    pub(crate) fn unprotect_rtp(&mut self, path: &Path, packet: &mut [u8]) -> Option<usize> {
        if !self.ice.is_verified(path) {
            return None;
        }
        self.keys
            .as_mut()?
            .unprotector
            .unprotect_rtp(packet)
            .ok()
            .map(|unprotected| unprotected.len)
    }

    /// The same for a compound RTCP packet.
    pub(crate) fn unprotect_rtcp(&mut self, path: &Path, packet: &mut [u8]) -> Option<usize> {
        if !self.ice.is_verified(path) {
            return None;
        }
        self.keys.as_mut()?.unprotector.unprotect_rtcp(packet).ok()
    }

    /// What is needed to send media: the path and the keys, once both are there.
    pub(crate) fn sender(&mut self) -> Option<(Path, &mut srtp::Protector)> {
        let path = self.path()?;
        if self.closed.is_some() {
            return None;
        }
        Some((path, &mut self.keys.as_mut()?.protector))
    }

    /// Has what [`Transport::sender`] reads fetched into the caches, but for the keys.
    pub(crate) fn prefetch_sender(&self) {
        prefetch(&self.ice);
        prefetch(&self.keys);
        prefetch(&self.closed);
    }

    /// Has the keys for sending fetched into the caches.
    pub(crate) fn prefetch_keys(&self) {
        if let Some(keys) = &self.keys {
            prefetch(&keys.protector);
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.ice.handle_timeout(now);
    }

    /// The same for DTLS, whose flights are sent again when no answer came. Not while a datagram of the peer waits to be read: it stays due.
    pub(crate) fn handle_dtls_timeout(&mut self, now: Instant) {
        if let Some(dtls) = &mut self.dtls
            && let Err(error) = dtls.handle_timeout(now)
        {
            tracing::debug!(%error, "DTLS ended");
            self.close(dtls_close_reason(&error));
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let dtls = self.dtls.as_ref().and_then(|dtls| dtls.poll_timeout());
        [self.ice.poll_timeout(), dtls].into_iter().flatten().min()
    }

    /// Writes all control datagrams that are due.
    pub(crate) fn flush(&mut self, sink: &mut impl Sink) {
        let mut datagram = [0; CONTROL_DATAGRAM];
        while let Some(transmit) = self.ice.poll_transmit(&mut datagram) {
            send(sink, &transmit.path, datagram.get(..transmit.len));
        }
        let Some(path) = self.path() else { return };
        if let Some(dtls) = &mut self.dtls {
            while let Some(len) = dtls.poll_transmit(&mut datagram) {
                send(sink, &path, datagram.get(..len));
            }
        }
    }

    pub(crate) fn poll_event(&mut self) -> Option<TransportEvent> {
        while let Some(event) = self.ice.poll_event() {
            match event {
                LiteEvent::Verified(path) => return Some(TransportEvent::Verified(path)),
                LiteEvent::Forgotten(path) => {
                    if self.dtls_path == Some(path) {
                        self.dtls_path = None;
                    }
                    // A peer that never nominated a path gives consent by its checks all the same.
                    if self.keys.is_some() && self.ice.poll_timeout().is_none() {
                        self.close(CloseReason::ConsentExpired);
                    }
                    return Some(TransportEvent::Forgotten(path));
                }
                LiteEvent::Selected(path) => tracing::debug!(?path, "path selected"),
                LiteEvent::ConsentExpired => self.close(CloseReason::ConsentExpired),
            }
        }
        if std::mem::take(&mut self.connected_pending) {
            return Some(TransportEvent::Connected);
        }
        let reason = self.closed?;
        (!std::mem::replace(&mut self.closed_reported, true))
            .then_some(TransportEvent::Closed(reason))
    }

    /// Says goodbye to the peer, as far as there is somebody to say it to.
    pub(crate) fn say_goodbye(&mut self, sink: &mut impl Sink) {
        if let Some(dtls) = &mut self.dtls {
            dtls.close();
        }
        self.flush(sink);
    }

    /// What the other end encrypts with, and what it decrypts with.
    #[cfg(test)]
    pub(crate) fn keys_of_the_other_end(&self) -> Option<(srtp::Protector, srtp::Unprotector)> {
        let (dtls, remote) = (self.dtls.as_ref()?, self.remote.as_ref()?);
        let keys = dtls.srtp_keying_material(&remote.fingerprints).ok()?;
        let profile = srtp::Profile::from_dtls_id(keys.profile().id())?;
        Some((
            srtp::Protector::new(profile, keys.remote_key(), keys.remote_salt()).ok()?,
            srtp::Unprotector::new(profile, keys.local_key(), keys.local_salt()).ok()?,
        ))
    }

    /// This master key in both directions, as if the handshake were done.
    #[cfg(tsubame_fuzzing)]
    pub(crate) fn connect_without_handshake(&mut self, key: &[u8; 16]) -> bool {
        use crate::fuzzing::{SALT, SRTP_PROFILE};
        if self.keys.is_some() || self.closed.is_some() || self.remote.is_none() {
            return false;
        }
        let protector = srtp::Protector::new(SRTP_PROFILE, key, &SALT);
        let unprotector = srtp::Unprotector::new(SRTP_PROFILE, key, &SALT);
        let (Ok(protector), Ok(unprotector)) = (protector, unprotector) else { return false };
        self.keys = Some(Box::new(Keys { protector, unprotector }));
        self.connected_pending = true;
        true
    }

    /// How many SSRCs of RTP and RTCP have replay windows.
    #[cfg(test)]
    pub(crate) fn incoming_ssrcs(&self) -> (usize, usize) {
        self.keys.as_ref().map_or((0, 0), |keys| keys.unprotector.ssrcs())
    }

    fn close(&mut self, reason: CloseReason) {
        self.closed.get_or_insert(reason);
    }

    /// Where the peer said `setup:passive` the first flight is ours, and leaves as soon as there is a verified path to send it on.
    fn start_dtls_client(&mut self, now: Instant) {
        let is_client =
            self.remote.as_ref().is_some_and(|remote| remote.role == dtls::Role::Client);
        if !is_client || self.dtls.is_some() {
            return;
        }
        let Some(path) = self.ice.selected() else { return };
        self.dtls_path = Some(path);
        self.dtls = Some(Box::new(dtls::Connection::new(
            now,
            dtls::Role::Client,
            Arc::clone(&self.dtls_config),
            self.dtls_random,
        )));
    }

    fn read_dtls_events(&mut self) {
        let mut connected = false;
        let mut closed = false;
        if let Some(dtls) = &mut self.dtls {
            while let Some(event) = dtls.poll_event() {
                match event {
                    dtls::Event::Connected => connected = true,
                    dtls::Event::Closed => closed = true,
                    // SCTP comes with data channels; until then nothing was negotiated that could carry it.
                    _ => {}
                }
            }
        }
        if connected {
            self.install_keys();
        }
        if closed {
            self.close(CloseReason::PeerClosed);
        }
    }

    /// Keys come out of DTLS only against the fingerprint of the answer, so there are none before both are known.
    fn install_keys(&mut self) {
        let (Some(dtls), Some(remote)) = (&self.dtls, &self.remote) else { return };
        if self.keys.is_some() || !dtls.is_connected() {
            return;
        }
        let keys = match dtls.srtp_keying_material(&remote.fingerprints) {
            Ok(keys) => keys,
            // The two ends have no SRTP profile in common.
            Err(dtls::KeyingError::NoProfile) => return self.close(CloseReason::DtlsFailed),
            Err(_) => return self.close(CloseReason::FingerprintMismatch),
        };
        let Some(profile) = srtp::Profile::from_dtls_id(keys.profile().id()) else {
            return self.close(CloseReason::DtlsFailed);
        };
        let protector = srtp::Protector::new(profile, keys.local_key(), keys.local_salt());
        let unprotector = srtp::Unprotector::new(profile, keys.remote_key(), keys.remote_salt());
        match (protector, unprotector) {
            (Ok(protector), Ok(unprotector)) => {
                self.keys = Some(Box::new(Keys { protector, unprotector }));
                self.connected_pending = true;
            }
            _ => self.close(CloseReason::InternalError),
        }
    }
}

fn send(sink: &mut impl Sink, path: &Path, datagram: Option<&[u8]>) {
    let Some(datagram) = datagram else { return };
    sink.datagram(path, Priority::High, datagram.len(), |out| {
        out.get_mut(..datagram.len())?.copy_from_slice(datagram);
        Some(datagram.len())
    });
}

fn dtls_close_reason(error: &dtls::Error) -> CloseReason {
    match error {
        dtls::Error::Timeout { .. } => CloseReason::SetupTimeout,
        _ => CloseReason::DtlsFailed,
    }
}
