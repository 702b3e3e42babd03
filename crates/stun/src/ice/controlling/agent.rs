//! [`ControllingAgent`]: its face, its timers, its requests.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};

use super::checklist::Checklist;
use super::consent::Consent;
use super::pair::{PairState, Transaction};
use super::{ControllingConfig, ControllingEvent, Nomination};
use crate::builder::{BuildError, MessageBuilder};
use crate::ice::candidate::{COMPONENT, Candidate, CandidateAddress, CandidateTransport};
use crate::ice::counters::{Counters, count};
use crate::ice::credentials::Credentials;
use crate::ice::path::{Path, Transmit, canonical};
use crate::ice::response::Responses;
use crate::message::TransactionId;
use crate::method::{Class, Method};

/// The shortest first retransmission timeout (RFC 8445 §14.3).
const MIN_RTO: Duration = Duration::from_millis(500);
/// Requests that may wait for `poll_transmit`.
const MAX_REQUESTS: usize = 256;
/// Events that may wait for `poll_event`.
const MAX_EVENTS: usize = 64;

/// A full agent with host candidates that begins in the controlling role. It can lose the role to a full peer that claims
/// it with the higher tie-breaker (RFC 8445 §7.3.1.1).
///
/// *Drain rule*: after any `handle_*`, call `poll_transmit`, `poll_event` until `None`, then ask `poll_timeout`. The same
/// after `add_*`, `remove_*` and `set_remote`.
///
/// It lives for one ICE generation: a restart is a new agent on the same sockets.
#[derive(Debug)]
pub struct ControllingAgent {
    pub(super) config: ControllingConfig,
    pub(super) local: Credentials,
    pub(super) local_pwd: Arc<str>,
    pub(super) remote: Option<Remote>,
    pub(super) tie_breaker: u64,
    pub(super) checklist: Checklist,
    /// When the next new check may be sent.
    next_slot: Instant,
    /// When the first pair succeeded, until one is nominated.
    pub(super) first_success: Option<Instant>,
    pub(super) nominating: Option<Path>,
    pub(super) selected: Option<Path>,
    pub(super) consent: Option<Consent>,
    /// Whether the failure of all pairs was told.
    told_failure: bool,
    requests: VecDeque<Request>,
    pub(super) responses: Responses,
    events: VecDeque<ControllingEvent>,
    pub(super) counters: Counters,
    random: ChaCha20Rng,
}

/// The other side.
#[derive(Debug)]
pub(super) struct Remote {
    pub(super) credentials: Credentials,
    pub(super) lite: bool,
}

/// A request to be written.
#[derive(Clone, Copy, Debug)]
struct Request {
    path: Path,
    id: TransactionId,
    priority: u32,
    use_candidate: bool,
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
        Self {
            config,
            local_pwd: local.pwd.as_str().into(),
            local,
            remote: None,
            tie_breaker: random.next_u64(),
            checklist: Checklist::new(),
            next_slot: now,
            first_success: None,
            nominating: None,
            selected: None,
            consent: None,
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

    /// Adds a host candidate, at most 16: the address of a socket, not a wildcard. The first one is preferred.
    pub fn add_local_candidate(&mut self, now: Instant, address: SocketAddr) {
        self.checklist.add_local(canonical(address));
        self.told_failure = false;
        self.run(now);
    }

    /// Removes a host candidate whose network is gone. If the selected pair used it, the best of the others is nominated.
    pub fn remove_local_candidate(&mut self, now: Instant, address: SocketAddr) {
        let address = canonical(address);
        self.checklist.remove_local(address);
        self.requests.retain(|request| request.path.local != address);
        self.nominating.take_if(|path| path.local == address);
        if self.selected.take_if(|path| path.local == address).is_some() {
            self.consent = None;
        }
        self.run(now);
    }

    /// Tells the peer's credentials, and whether it is lite. Checks begin.
    pub fn set_remote(&mut self, now: Instant, remote: Credentials, lite: bool) {
        self.remote = Some(Remote { credentials: remote, lite });
        self.run(now);
    }

    /// Adds a candidate of the peer's, at most 100. TCP, host names and other components are ignored.
    pub fn add_remote_candidate(&mut self, now: Instant, candidate: &Candidate) {
        let CandidateAddress::Ip(address) = candidate.address else { return };
        if candidate.transport != CandidateTransport::Udp || candidate.component != COMPONENT {
            return;
        }
        if address.port() == 0 || address.ip().is_unspecified() || address.ip().is_multicast() {
            return;
        }
        self.checklist.add_remote(canonical(address), candidate.priority);
        self.told_failure = false;
        self.run(now);
    }

    /// Takes a STUN datagram that arrived by `path`. Whatever is not authentic is dropped and counted.
    pub fn handle_datagram(&mut self, now: Instant, path: Path, datagram: &[u8]) {
        self.incoming(now, path.canonical(), datagram);
        self.run(now);
    }

    /// Lets time pass.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.run(now);
    }

    /// Writes the next response or request to the front of `out`. 768 octets are enough for any.
    pub fn poll_transmit(&mut self, out: &mut [u8]) -> Option<Transmit> {
        if let Some(transmit) = self.responses.poll(out, &mut self.counters) {
            return Some(transmit);
        }
        while let Some(request) = self.requests.pop_front() {
            match self.write(&request, out) {
                Ok(Some(len)) => return Some(Transmit { path: request.path, len }),
                Ok(None) => {}
                Err(_) => count(&mut self.counters.unsent),
            }
        }
        None
    }

    /// What happened since.
    pub fn poll_event(&mut self) -> Option<ControllingEvent> {
        self.events.pop_front()
    }

    /// When to call [`ControllingAgent::handle_timeout`] next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let transactions =
            self.checklist.pairs().iter().filter_map(|pair| pair.transaction.as_ref());
        let retransmission = transactions.map(|transaction| transaction.next_at).min();
        let slot = (self.remote.is_some() && self.has_check()).then_some(self.next_slot);
        let consent = self.consent.as_ref().map(|consent| consent.next_check.min(consent.expires));
        let nomination = self.nomination_due();
        [retransmission, slot, consent, nomination].into_iter().flatten().min()
    }

    /// Where to send.
    pub fn selected(&self) -> Option<Path> {
        self.selected
    }

    /// The smoothed round-trip time of the selected pair, or else of the best that succeeded. `None` until a request that
    /// was sent only once has been answered.
    pub fn round_trip(&self) -> Option<Duration> {
        let pairs = self.checklist.pairs();
        let chosen = pairs.iter().find(|pair| Some(pair.path) == self.selected);
        chosen
            .or_else(|| pairs.iter().find(|pair| pair.state == PairState::Succeeded))
            .and_then(|pair| pair.round_trip.smoothed())
    }

    /// What was dropped, and why.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Everything that is due at `now`.
    fn run(&mut self, now: Instant) {
        self.check_consent(now);
        self.retransmit(now);
        self.nominate(now);
        self.start_check(now);
        self.tell_failure();
    }

    fn check_consent(&mut self, now: Instant) {
        let (Some(path), Some(consent)) = (self.selected, &self.consent) else { return };
        if consent.expires <= now {
            self.lose_selected(path);
        } else if consent.next_check <= now {
            // A lite peer that forgot the path selects it again by this, as it does with Chromium's.
            let lite = self.remote.as_ref().is_some_and(|remote| remote.lite);
            let id = self.transaction_id();
            let interval = self.consent_interval();
            self.request(path, id, lite && self.checklist.is_controlling());
            if let Some(consent) = &mut self.consent {
                consent.sent(now, id, interval);
            }
        }
    }

    fn lose_selected(&mut self, path: Path) {
        self.selected = None;
        self.consent = None;
        self.first_success = None;
        // What the others were worth was found out long ago.
        for pair in self.checklist.pairs_mut() {
            pair.state = PairState::Waiting;
        }
        if let Some(pair) = self.checklist.get_mut(&path) {
            pair.fail();
        }
        self.told_failure = false;
        self.emit(ControllingEvent::ConsentExpired);
    }

    fn retransmit(&mut self, now: Instant) {
        let mut due = Vec::new();
        for pair in self.checklist.pairs_mut() {
            let Some(transaction) = &mut pair.transaction else { continue };
            if transaction.next_at > now {
                continue;
            }
            if transaction.retransmit(now) {
                due.push((pair.path, transaction.id, transaction.use_candidate));
            } else {
                pair.fail();
                self.nominating.take_if(|path| *path == pair.path);
            }
        }
        for (path, id, use_candidate) in due {
            self.request(path, id, use_candidate);
        }
    }

    /// RFC 8445 §8.1.1: when the best pair is known, or a better one was waited for long enough, it is checked again, with
    /// USE-CANDIDATE.
    fn nominate(&mut self, now: Instant) {
        if self.nomination_due().is_none_or(|due| due > now) {
            return;
        }
        let mut pairs = self.checklist.pairs().iter();
        let best = pairs.find(|pair| pair.state == PairState::Succeeded).map(|pair| pair.path);
        if let Some(path) = best {
            self.nominating = Some(path);
            self.checklist.trigger(path);
        }
    }

    /// When a pair is to be nominated, as far as is known now.
    fn nomination_due(&self) -> Option<Instant> {
        let idle = self.selected.is_none() && self.nominating.is_none();
        let regular = self.config.nomination == Nomination::Regular;
        if !idle || !regular || !self.checklist.is_controlling() {
            return None;
        }
        // Pairs stand in the order of priority: is there one to wait for before the first that succeeded?
        let mut pairs = self.checklist.pairs().iter();
        let first = pairs.find(|pair| pair.is_open() || pair.state == PairState::Succeeded)?;
        let first_success = self.first_success?;
        if first.state == PairState::Succeeded {
            return Some(first_success);
        }
        pairs.find(|pair| pair.state == PairState::Succeeded)?;
        Some(first_success + self.config.nomination_patience)
    }

    /// Sends one new check per interval: triggered ones first, then the best that waits (RFC 8445 §6.1.4.2).
    fn start_check(&mut self, now: Instant) {
        if self.remote.is_none() || now < self.next_slot {
            return;
        }
        let Some(path) = self.checklist.pop_triggered().or_else(|| self.ordinary_check()) else {
            return;
        };
        let id = self.transaction_id();
        let timeout = self.retransmission_timeout();
        let use_candidate = self.checklist.is_controlling()
            && (self.config.nomination == Nomination::Aggressive || self.nominating == Some(path));
        let Some(pair) = self.checklist.get_mut(&path) else { return };
        if pair.state != PairState::Succeeded {
            pair.state = PairState::InProgress;
        }
        pair.transaction = Some(Transaction::new(now, id, use_candidate, timeout));
        self.request(path, id, use_candidate);
        self.next_slot = now + self.config.pacing;
    }

    fn has_check(&self) -> bool {
        self.checklist.has_triggered() || self.ordinary_check().is_some()
    }

    /// The best pair that waits to be checked. Once a pair is selected the rest rests, except that aggressive nomination
    /// goes on to look for better ones.
    fn ordinary_check(&self) -> Option<Path> {
        let mut pairs = self.checklist.pairs().iter();
        let waiting = pairs.find(|pair| pair.state == PairState::Waiting)?;
        self.is_worthwhile(&waiting.path).then_some(waiting.path)
    }

    /// Whether the success of this pair could change the selection.
    pub(super) fn is_worthwhile(&self, path: &Path) -> bool {
        let Some(selected) = self.selected else { return true };
        self.config.nomination == Nomination::Aggressive
            && self.checklist.is_controlling()
            && self.checklist.priority(path) > self.checklist.priority(&selected)
    }

    /// RFC 8445 §14.3.
    fn retransmission_timeout(&self) -> Duration {
        let open = self.checklist.pairs().iter().filter(|pair| pair.is_open()).count();
        let paced = self.config.pacing.saturating_mul(u32::try_from(open).unwrap_or(u32::MAX));
        paced.max(MIN_RTO)
    }

    fn tell_failure(&mut self) {
        let pairs = self.checklist.pairs();
        let failed = self.selected.is_none()
            && self.remote.is_some()
            && !pairs.is_empty()
            && pairs.iter().all(|pair| pair.state == PairState::Failed);
        if failed && !self.told_failure {
            self.told_failure = true;
            self.emit(ControllingEvent::Failed);
        }
    }

    /// Makes a pair the selected one; its last response is fresh consent.
    pub(super) fn select(&mut self, now: Instant, path: Path) {
        let interval = self.consent_interval();
        self.consent = Some(Consent::new(now, self.config.consent_timeout, interval));
        self.nominating = None;
        self.first_success = None;
        if self.selected.replace(path) == Some(path) {
            return;
        }
        let rest: Vec<_> = self.checklist.pairs().iter().map(|pair| pair.path).collect();
        for path in rest {
            // RFC 8445 §8.1.2: what runs or waits for no purpose is stopped.
            if !self.is_worthwhile(&path) {
                self.checklist.untrigger(&path);
                self.checklist.get_mut(&path).into_iter().for_each(|pair| pair.pause());
            }
        }
        self.emit(ControllingEvent::Selected(path));
    }

    pub(super) fn consent_interval(&mut self) -> Duration {
        // RFC 7675 §5.1: 0.8 to 1.2 of the mean, so that sessions do not fall into step.
        let per_mille = 800 + self.random.next_u32() % 401;
        self.config.keepalive * per_mille / 1000
    }

    pub(super) fn new_tie_breaker(&mut self) {
        self.tie_breaker = self.random.next_u64();
    }

    fn transaction_id(&mut self) -> TransactionId {
        let mut id = TransactionId([0; 12]);
        self.random.fill_bytes(&mut id.0);
        id
    }

    fn request(&mut self, path: Path, id: TransactionId, use_candidate: bool) {
        let Some(pair) = self.checklist.get(&path) else { return };
        let request = Request { path, id, priority: pair.reflexive_priority, use_candidate };
        if self.requests.len() < MAX_REQUESTS {
            self.requests.push_back(request);
        } else {
            count(&mut self.counters.unsent);
        }
    }

    /// RFC 8445 §7.2.2 and §7.1. `None` while the peer's credentials are unknown.
    fn write(&self, request: &Request, out: &mut [u8]) -> Result<Option<usize>, BuildError> {
        let Some(Remote { credentials, .. }) = &self.remote else { return Ok(None) };
        let mut builder = MessageBuilder::new(out, Class::Request, Method::BINDING, request.id)?;
        builder.ice_username(&credentials.ufrag, &self.local.ufrag)?.priority(request.priority)?;
        if self.checklist.is_controlling() {
            builder.ice_controlling(self.tie_breaker)?;
        } else {
            builder.ice_controlled(self.tie_breaker)?;
        }
        if request.use_candidate && self.checklist.is_controlling() {
            builder.use_candidate()?;
        }
        builder.integrity(credentials.pwd.as_bytes())?.fingerprint()?;
        Ok(Some(builder.finish()))
    }

    fn emit(&mut self, event: ControllingEvent) {
        if self.events.len() >= MAX_EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }
}
