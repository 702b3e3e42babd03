//! [`ControllingAgent`]: its state and its face.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};

use super::checklist::Checklist;
use super::pair::PairState;
use super::previous::Previous;
use super::recent::Recent;
use super::requests::Request;
use super::{ControllingConfig, ControllingEvent, Role};
use crate::ice::candidate::{COMPONENT, Candidate, CandidateAddress, CandidateTransport};
use crate::ice::counters::Counters;
use crate::ice::credentials::Credentials;
use crate::ice::path::{Path, Transmit, canonical};
use crate::ice::response::Responses;
use crate::integrity::IntegrityKey;

/// Events that may wait for `poll_event`.
const MAX_EVENTS: usize = 64;

/// A full agent with host candidates that begins in the controlling role, or in the controlled one, see
/// [`ControllingConfig::role`]. It can lose the controlling role to a full peer that claims it with the higher tie-breaker
/// (RFC 8445 §7.3.1.1); [`ControllingAgent::role`] is the one it has.
///
/// *Drain rule*: after any `handle_*`, call `poll_transmit`, `poll_event` until `None`, then ask `poll_timeout`. The same
/// after `add_*`, `remove_*`, `restart` and `set_remote`.
#[derive(Debug)]
pub struct ControllingAgent {
    pub(super) config: ControllingConfig,
    pub(super) local: Credentials,
    pub(super) local_key: Arc<IntegrityKey>,
    pub(super) remote: Option<Remote>,
    pub(super) tie_breaker: u64,
    pub(super) checklist: Checklist,
    /// When the next new check may be sent.
    pub(super) next_slot: Instant,
    /// When the first pair succeeded, until one is nominated.
    pub(super) first_success: Option<Instant>,
    pub(super) nominating: Option<Path>,
    /// The pair of this generation that was nominated.
    pub(super) chosen: Option<Path>,
    /// When that was.
    pub(super) chosen_at: Instant,
    /// Nominations of the peer's so far.
    pub(super) nominations: u64,
    /// While controlled: until when nominations compete by priority.
    pub(super) settling_until: Option<Instant>,
    /// Requests of the peer's that counted.
    pub(super) recent: Recent,
    /// What media uses while an ICE restart is on its way.
    pub(super) previous: Option<Previous>,
    /// Whether the failure of all pairs was told.
    pub(super) told_failure: bool,
    pub(super) requests: VecDeque<Request>,
    pub(super) responses: Responses,
    events: VecDeque<ControllingEvent>,
    pub(super) counters: Counters,
    pub(super) random: ChaCha20Rng,
}

/// The other side.
#[derive(Debug)]
pub(super) struct Remote {
    pub(super) ufrag: String,
    pub(super) key: IntegrityKey,
    pub(super) lite: bool,
}

impl ControllingAgent {
    /// An agent without candidates. `seed` has to be unpredictable: transaction ids and the tie-breaker come from it.
    pub fn new(
        now: Instant,
        local: Credentials,
        seed: [u8; 32],
        config: ControllingConfig,
    ) -> Self {
        let mut random = ChaCha20Rng::from_seed(seed);
        let config = config.clamped();
        let mut checklist = Checklist::new();
        checklist.set_controlling(config.role == Role::Controlling);
        Self {
            config,
            local_key: Arc::new(IntegrityKey::new(local.pwd.as_bytes())),
            local,
            remote: None,
            tie_breaker: random.next_u64(),
            checklist,
            next_slot: now,
            first_success: None,
            nominating: None,
            chosen: None,
            chosen_at: now,
            nominations: 0,
            settling_until: None,
            recent: Recent::default(),
            previous: None,
            told_failure: false,
            requests: VecDeque::new(),
            responses: Responses::default(),
            events: VecDeque::new(),
            counters: Counters::default(),
            random,
        }
    }

    /// The credentials of this side.
    pub fn local(&self) -> &Credentials {
        &self.local
    }

    /// The role it has now.
    pub fn role(&self) -> Role {
        if self.checklist.is_controlling() { Role::Controlling } else { Role::Controlled }
    }

    /// Adds a host candidate, at most 16: the address of a socket, not a wildcard. The first one is preferred.
    pub fn add_local_candidate(&mut self, now: Instant, address: SocketAddr) {
        self.checklist.add_local(canonical(address));
        self.run(now);
    }

    /// Removes a host candidate whose network is gone. If the path in use was its, [`ControllingEvent::SelectionLost`] says
    /// so, and the others are checked anew: the best of those that still work is nominated (by the peer, if that controls).
    pub fn remove_local_candidate(&mut self, now: Instant, address: SocketAddr) {
        let address = canonical(address);
        let lost = self.selected().filter(|path| path.local == address);
        self.checklist.remove_local(address);
        self.requests.retain(|request| request.path.local != address);
        self.nominating.take_if(|path| path.local == address);
        self.previous.take_if(|previous| previous.path.local == address);
        if self.chosen.take_if(|path| path.local == address).is_some() {
            self.look_again();
        }
        if let Some(path) = lost {
            self.emit(ControllingEvent::SelectionLost(path));
        }
        self.run(now);
    }

    /// Tells the peer's credentials, and whether it is lite. Checks begin. Candidates that came before and name another
    /// `ufrag` are forgotten. The credentials have to be of the lengths that [`Credentials::new`] demands: with a longer
    /// ufrag no check can be written, and `counters().unsent` counts them.
    pub fn set_remote(&mut self, now: Instant, remote: Credentials, lite: bool) {
        let key = IntegrityKey::new(remote.pwd.as_bytes());
        self.checklist.keep_generation(&remote.ufrag);
        self.remote = Some(Remote { ufrag: remote.ufrag.clone(), key, lite });
        if lite && !self.checklist.is_controlling() {
            // RFC 8445 §6.1.1: of a full and a lite agent the full one controls.
            self.checklist.set_controlling(true);
        }
        self.run(now);
    }

    /// Adds a candidate of the peer's, at most 100. TCP, host names, other components and candidates whose `ufrag` is not
    /// the peer's (they belong to another generation) are ignored, and so are port 0 and addresses that are unspecified,
    /// multicast or broadcast.
    pub fn add_remote_candidate(&mut self, now: Instant, candidate: &Candidate) {
        let CandidateAddress::Ip(address) = candidate.address else { return };
        if candidate.transport != CandidateTransport::Udp || candidate.component != COMPONENT {
            return;
        }
        // First of all: a mapped address is judged by the address that it maps.
        let address = canonical(address);
        if address.port() == 0 || is_nobody(address.ip()) {
            return;
        }
        if let (Some(remote), Some(ufrag)) = (&self.remote, candidate.ufrag())
            && remote.ufrag != ufrag
        {
            return;
        }
        let Candidate { priority, foundation, .. } = candidate;
        self.checklist.add_remote(address, *priority, foundation, candidate.ufrag());
        self.run(now);
    }

    /// Begins an ICE restart (RFC 8445 §9): new credentials of this side, the peer's credentials and candidates are to be
    /// told anew, the addresses of this side stay. Media stays on the selected path, and its consent is kept under the old
    /// credentials, until a pair is nominated under the new ones; [`ControllingEvent::Selected`] says so, even if it is
    /// the same path.
    pub fn restart(&mut self, now: Instant, local: Credentials) {
        if let Some(previous) = self.retire() {
            self.previous = Some(previous);
        }
        self.local_key = Arc::new(IntegrityKey::new(local.pwd.as_bytes()));
        self.local = local;
        self.remote = None;
        self.checklist.restart();
        self.requests.clear();
        self.first_success = None;
        self.nominating = None;
        self.chosen = None;
        self.settling_until = None;
        self.recent = Recent::default();
        self.run(now);
    }

    /// Takes a STUN datagram that arrived by `path`. Whatever is not authentic is dropped and counted, and costs no more
    /// than finding that out.
    pub fn handle_datagram(&mut self, now: Instant, path: Path, datagram: &[u8]) {
        if self.incoming(now, path.canonical(), datagram) {
            self.run(now);
        }
    }

    /// Lets time pass.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.run(now);
    }

    /// Writes the next response or request to the front of `out`. 768 octets are enough for any.
    pub fn poll_transmit(&mut self, out: &mut [u8]) -> Option<Transmit> {
        let response = self.responses.poll(out, &mut self.counters);
        response.or_else(|| self.poll_request(out))
    }

    /// What happened since.
    pub fn poll_event(&mut self) -> Option<ControllingEvent> {
        self.events.pop_front()
    }

    /// When to call [`ControllingAgent::handle_timeout`] next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.next_timeout()
    }

    /// Where to send. During an ICE restart that is the path of before it.
    pub fn selected(&self) -> Option<Path> {
        self.chosen.or_else(|| self.previous.as_ref().map(|previous| previous.path))
    }

    /// The smoothed round-trip time of the selected pair, or else of the best that succeeded. `None` until a request that
    /// was sent only once has been answered.
    pub fn round_trip(&self) -> Option<Duration> {
        let pairs = self.checklist.pairs();
        let chosen = pairs.iter().find(|pair| Some(pair.path) == self.chosen);
        chosen
            .or_else(|| pairs.iter().find(|pair| pair.state == PairState::Succeeded))
            .and_then(|pair| pair.round_trip.smoothed())
            .or_else(|| self.previous.as_ref()?.round_trip.smoothed())
    }

    /// What was dropped, and why.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// How long what was last heard on the selected pair is ago, or its selection.
    pub(super) fn chosen_silence(&self, now: Instant) -> Option<Duration> {
        let pair = self.checklist.get(&self.chosen?)?;
        let heard = pair.last_request.map_or(self.chosen_at, |at| at.max(self.chosen_at));
        Some(now.saturating_duration_since(heard))
    }

    pub(super) fn emit(&mut self, event: ControllingEvent) {
        if self.events.len() >= MAX_EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }
}

/// Whether no single host has this address.
fn is_nobody(ip: IpAddr) -> bool {
    let is_broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
    is_broadcast || ip.is_unspecified() || ip.is_multicast()
}
