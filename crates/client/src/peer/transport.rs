//! One bundled transport: ICE finds the path, DTLS the keys, SRTP uses them.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tsubame_dtls::{Config, Connection, Event, Role};
use tsubame_srtp::{Profile, Protector, UnprotectError, UnprotectedRtp, Unprotector};
use tsubame_stun::ice::{
    CandidateAddress, ControllingAgent, ControllingConfig, ControllingEvent, Credentials, Path,
    Transmit,
};

use super::answer::Remote;
use super::{PeerError, PeerEvent};

/// A datagram, demultiplexed (RFC 7983) and decrypted.
pub(super) enum Received<'d> {
    /// For the transport itself, or noise.
    Nothing,
    /// A plaintext RTP packet.
    Rtp(&'d [u8]),
    /// A plaintext RTCP compound.
    Rtcp(&'d [u8]),
    /// An RTP packet that was received before, of this SSRC.
    Replay(u32),
    /// SRTP or SRTCP that was not authentic, or not decipherable.
    Dropped,
}

/// SRTP in both directions.
#[derive(Debug)]
struct Srtp {
    protector: Protector,
    unprotector: Unprotector,
}

/// ICE, DTLS and SRTP of a peer.
#[derive(Debug)]
pub(super) struct Transport {
    local: Credentials,
    ice: ControllingAgent,
    dtls_config: Arc<Config>,
    dtls_random: [u8; 32],
    dtls: Option<Connection>,
    remote: Option<Remote>,
    /// Where the latest path led; it outlives an ICE restart.
    path: Option<Path>,
    srtp: Option<Srtp>,
    events: VecDeque<PeerEvent>,
    dead: bool,
}

/// Randomness for one generation of ICE.
pub(super) struct IceRandom {
    pub(super) credentials: [u8; 24],
    /// For the agent; a restart keeps that of the first generation.
    pub(super) seed: [u8; 32],
}

impl Transport {
    pub(super) fn new(
        now: Instant,
        ice_config: ControllingConfig,
        dtls_config: Arc<Config>,
        ice_random: IceRandom,
        dtls_random: [u8; 32],
    ) -> Self {
        let local = Credentials::from_random(ice_random.credentials);
        let ice = ControllingAgent::new(now, local.clone(), ice_random.seed, ice_config);
        Self {
            local,
            ice,
            dtls_config,
            dtls_random,
            dtls: None,
            remote: None,
            path: None,
            srtp: None,
            events: VecDeque::new(),
            dead: false,
        }
    }

    pub(super) fn local(&self) -> &Credentials {
        &self.local
    }

    pub(super) fn is_connected(&self) -> bool {
        self.srtp.is_some() && !self.dead
    }

    pub(super) fn is_dead(&self) -> bool {
        self.dead
    }

    pub(super) fn profile(&self) -> Option<Profile> {
        self.srtp.as_ref().map(|srtp| srtp.protector.profile())
    }

    pub(super) fn round_trip(&self) -> Option<Duration> {
        self.ice.round_trip()
    }

    pub(super) fn path(&self) -> Option<Path> {
        self.path
    }

    /// What encrypts, once there are keys and a path.
    pub(super) fn sender(&mut self) -> Option<(Path, &mut Protector)> {
        if self.dead {
            return None;
        }
        Some((self.path?, &mut self.srtp.as_mut()?.protector))
    }

    pub(super) fn add_local_candidate(&mut self, now: Instant, address: SocketAddr) {
        self.ice.add_local_candidate(now, address);
    }

    /// Whether this would restart ICE (RFC 8839 §5.4: other credentials).
    pub(super) fn is_restart(&self, remote: &Credentials) -> bool {
        self.remote.as_ref().is_some_and(|known| known.credentials != *remote)
    }

    /// A new generation of credentials and of the server's candidates. Media goes on over the old path, which keeps its
    /// consent, until a new one is found.
    pub(super) fn restart(&mut self, now: Instant, random: IceRandom) {
        self.local = Credentials::from_random(random.credentials);
        self.ice.restart(now, self.local.clone());
        self.remote = None;
    }

    /// The server's end, from an offer.
    pub(super) fn set_remote(&mut self, now: Instant, remote: Remote) {
        if self.remote.is_none() {
            self.ice.set_remote(now, remote.credentials.clone(), remote.lite);
        }
        for candidate in &remote.candidates {
            self.ice.add_remote_candidate(now, candidate);
        }
        // A DTLS server waits from the start: the client's first flight can overtake ICE's answer.
        if remote.role == Role::Server && self.dtls.is_none() {
            self.start_dtls(now, Role::Server);
        }
        self.remote = Some(remote);
        self.drain_ice(now);
    }

    pub(super) fn handle_datagram<'d>(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &'d mut [u8],
    ) -> Received<'d> {
        if self.dead {
            return Received::Nothing;
        }
        if tsubame_rtp::is_rtp_or_rtcp(datagram) {
            return self.unprotect(datagram);
        }
        if tsubame_stun::is_stun(datagram) {
            self.ice.handle_datagram(now, path, datagram);
            self.drain_ice(now);
        } else if tsubame_dtls::is_dtls(datagram)
            && self.is_of_server(&path)
            && let Some(dtls) = &mut self.dtls
        {
            let result = dtls.handle_datagram(now, datagram);
            self.after_dtls(result);
        }
        Received::Nothing
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if self.dead {
            return;
        }
        self.ice.handle_timeout(now);
        self.drain_ice(now);
        if let Some(dtls) = &mut self.dtls {
            let result = dtls.handle_timeout(now);
            self.after_dtls(result);
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        if self.dead {
            return None;
        }
        let dtls = self.dtls.as_ref().and_then(Connection::poll_timeout);
        [self.ice.poll_timeout(), dtls].into_iter().flatten().min()
    }

    /// STUN and DTLS. An alert still leaves after death.
    pub(super) fn poll_transmit(&mut self, out: &mut [u8]) -> Option<Transmit> {
        if !self.dead
            && let Some(transmit) = self.ice.poll_transmit(out)
        {
            return Some(transmit);
        }
        let path = self.path?;
        let len = self.dtls.as_mut()?.poll_transmit(out)?;
        Some(Transmit { path, len })
    }

    pub(super) fn poll_event(&mut self) -> Option<PeerEvent> {
        self.events.pop_front()
    }

    pub(super) fn close(&mut self) {
        if let Some(dtls) = &mut self.dtls {
            dtls.close();
        }
        self.dead = true;
    }

    /// What is left of an RTP packet when its tag is taken off unread: header and ciphertext.
    pub(super) fn without_tag<'d>(&self, datagram: &'d [u8]) -> Option<&'d [u8]> {
        let profile = self.srtp.as_ref().filter(|_| !self.dead)?.protector.profile();
        let len = datagram.len().checked_sub(profile.rtp_overhead())?;
        datagram.get(..len)
    }

    fn unprotect<'d>(&mut self, datagram: &'d mut [u8]) -> Received<'d> {
        let Some(srtp) = &mut self.srtp else { return Received::Dropped };
        if tsubame_rtp::is_rtcp(datagram) {
            return match srtp.unprotector.unprotect_rtcp(datagram) {
                Ok(len) => Received::Rtcp(&datagram[..len]),
                // The network may duplicate.
                Err(UnprotectError::Replayed) => Received::Nothing,
                Err(_) => Received::Dropped,
            };
        }
        match srtp.unprotector.unprotect_rtp(datagram) {
            Ok(UnprotectedRtp { len, .. }) => Received::Rtp(&datagram[..len]),
            Err(UnprotectError::Replayed) => {
                let ssrc = datagram.get(8..12).and_then(|octets| octets.try_into().ok());
                ssrc.map_or(Received::Dropped, |ssrc| Received::Replay(u32::from_be_bytes(ssrc)))
            }
            Err(_) => Received::Dropped,
        }
    }

    /// The path that was chosen, or one of the announced candidates.
    fn is_of_server(&self, path: &Path) -> bool {
        let announced = |remote: &Remote| {
            remote.candidates.iter().any(|candidate| match candidate.address {
                CandidateAddress::Ip(address) => Path::udp(path.local, address) == *path,
                CandidateAddress::Name { .. } => false,
            })
        };
        self.path == Some(*path) || self.remote.as_ref().is_some_and(announced)
    }

    fn drain_ice(&mut self, now: Instant) {
        while let Some(event) = self.ice.poll_event() {
            match event {
                ControllingEvent::Selected(path) => self.select(now, path),
                ControllingEvent::SelectionLost(_) => self.path = None,
                // A restart that leads nowhere leaves the path of before it.
                ControllingEvent::Failed if self.ice.selected().is_some() => {}
                ControllingEvent::Failed => self.fail(PeerError::IceFailed),
                ControllingEvent::ConsentExpired => self.fail(PeerError::ConsentExpired),
            }
        }
    }

    fn select(&mut self, now: Instant, path: Path) {
        self.path = Some(path);
        let Path { local, remote, .. } = path;
        self.events.push_back(PeerEvent::PathSelected { local, remote });
        if self.dtls.is_none() {
            self.start_dtls(now, Role::Client);
        }
    }

    fn start_dtls(&mut self, now: Instant, role: Role) {
        let mut dtls = Connection::new(now, role, Arc::clone(&self.dtls_config), self.dtls_random);
        if let Some(round_trip) = self.ice.round_trip() {
            dtls.seed_round_trip(round_trip);
        }
        self.dtls = Some(dtls);
    }

    fn after_dtls(&mut self, result: Result<(), tsubame_dtls::Error>) {
        while let Some(event) = self.dtls.as_mut().and_then(Connection::poll_event) {
            match event {
                Event::Connected => self.install_keys(),
                Event::Closed => {
                    self.dead = true;
                    self.events.push_back(PeerEvent::Closed);
                }
                // SCTP, which nobody opened.
                _ => {}
            }
        }
        if let Err(error) = result {
            self.fail(error.into());
        }
    }

    fn install_keys(&mut self) {
        let (Some(dtls), Some(remote)) = (&self.dtls, &self.remote) else { return };
        let keys = match dtls.srtp_keying_material(&remote.fingerprints) {
            Ok(keys) => keys,
            Err(error) => return self.fail(PeerError::Keying(error)),
        };
        let Some(profile) = Profile::from_dtls_id(keys.profile().id()) else { return };
        let protector = Protector::new(profile, keys.local_key(), keys.local_salt());
        let unprotector = Unprotector::new(profile, keys.remote_key(), keys.remote_salt());
        if let (Ok(protector), Ok(unprotector)) = (protector, unprotector) {
            self.srtp = Some(Srtp { protector, unprotector });
            self.events.push_back(PeerEvent::Connected(profile));
        }
    }

    fn fail(&mut self, error: PeerError) {
        if !self.dead {
            self.dead = true;
            self.events.push_back(PeerEvent::Failed(error));
        }
    }
}
