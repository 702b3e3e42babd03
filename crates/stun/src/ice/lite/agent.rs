//! [`LiteAgent`]: from a datagram to a verdict.

use std::collections::VecDeque;
use std::time::Instant;

use super::generations::{Age, Generations};
use super::nomination::{Incumbent, Nominee, Selection};
use super::paths::{PathState, Paths, Trust};
use super::replays::{Replays, Seen};
use super::{LiteConfig, LiteEvent};
use crate::bytes::exact_u32;
use crate::ice::check::{self, Fields};
use crate::ice::counters::{Counters, count};
use crate::ice::credentials::Credentials;
use crate::ice::path::{Path, Transmit};
use crate::ice::response::{Response, Responses, Verdict};
use crate::message::{Message, TransactionId};
use crate::method::Class;

/// Events that may wait for `poll_event`. One datagram makes `max_paths + 3` at most.
const MAX_EVENTS: usize = 256;

/// A lite agent, always controlled.
///
/// *Drain rule*: after any `handle_*`, call `poll_transmit`, `poll_event` until `None`, then ask `poll_timeout`. The same
/// after [`LiteAgent::set_remote_ufrag`].
///
/// Nothing a datagram says changes any state unless its message integrity was made with the local password, and what
/// fails earns no reply.
#[derive(Debug)]
pub struct LiteAgent {
    config: LiteConfig,
    generations: Generations,
    paths: Paths,
    /// The serial number of the next path.
    next_serial: u32,
    replays: Replays,
    selection: Selection,
    selected: Option<Path>,
    responses: Responses,
    events: VecDeque<LiteEvent>,
    counters: Counters,
}

/// An authentic request, reduced to what the state needs.
struct Request {
    id: TransactionId,
    age: Age,
    trust: Trust,
    priority: u32,
    use_candidate: bool,
    /// It came by another path, too.
    contested: bool,
}

impl LiteAgent {
    /// An agent that waits for requests to `local`.
    pub fn new(now: Instant, local: Credentials, config: LiteConfig) -> Self {
        let config = config.clamped();
        Self {
            generations: Generations::new(local),
            paths: Paths::new(config.max_paths),
            next_serial: 0,
            replays: Replays::new(now),
            selection: Selection::new(config.nomination_window, config.consent_timeout),
            config,
            selected: None,
            responses: Responses::default(),
            events: VecDeque::new(),
            counters: Counters::default(),
        }
    }

    /// The newest credentials.
    pub fn local(&self) -> &Credentials {
        &self.generations.current().local
    }

    /// All ufrags requests may be sent to, the newest first: two from an ICE restart until its first nomination.
    pub fn local_ufrags(&self) -> impl Iterator<Item = &str> {
        self.generations.local_ufrags()
    }

    /// Tells the peer's ufrag, from its answer to the newest credentials. Before it any remote ufrag with valid integrity
    /// is accepted (the peer's checks often outrun its answer); paths that were verified under another are forgotten now.
    pub fn set_remote_ufrag(&mut self, _now: Instant, ufrag: &str) {
        self.generations.set_remote_ufrag(ufrag);
        for entry in self.paths.iter_mut() {
            if entry.trust == Trust::Provisional(ufrag.to_owned()) {
                entry.trust = Trust::Confirmed;
            }
        }
        while let Some(path) = self.paths.remove_one(|entry| entry.trust != Trust::Confirmed) {
            self.forget(path);
        }
    }

    /// Begins an ICE restart (RFC 8445 §9). Old and new ufrag are valid together until the new one is nominated; the
    /// selected path stays until then.
    pub fn restart(&mut self, _now: Instant, local: Credentials) {
        self.generations.restart(local);
    }

    /// Takes a STUN datagram that arrived by `path`. Whatever is not an authentic request is dropped and counted.
    pub fn handle_datagram(&mut self, now: Instant, path: Path, datagram: &[u8]) {
        self.expire(now);
        let path = path.canonical();
        let Some(message) = check::parse(datagram, &mut self.counters) else { return };
        if message.class() != Class::Request {
            // A lite agent asks nothing, so there is nothing to respond to.
            count(&mut self.counters.unexpected);
            return;
        }
        if let Some(request) = self.judge(now, path, &message) {
            self.accept(now, path, &request);
        }
    }

    /// Lets time pass: forgets silent paths, notices that consent expired.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.expire(now);
    }

    /// Writes the next response to the front of `out`. 256 octets are enough for any.
    pub fn poll_transmit(&mut self, out: &mut [u8]) -> Option<Transmit> {
        self.responses.poll(out, &mut self.counters)
    }

    /// What happened since.
    pub fn poll_event(&mut self) -> Option<LiteEvent> {
        self.events.pop_front()
    }

    /// When to call [`LiteAgent::handle_timeout`] next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.paths.next_expiry(self.config.consent_timeout)
    }

    /// Whether an authenticated request came over this path, not longer than `consent_timeout` ago.
    pub fn is_verified(&self, path: &Path) -> bool {
        self.paths.get(&path.canonical()).is_some()
    }

    /// Where to send.
    pub fn selected(&self) -> Option<Path> {
        self.selected
    }

    /// What was dropped, and why.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Authenticates a request, in the order of RFC 8489 §9.1.3 and §6.3.1, and queues the response it earned. `None` if
    /// it is not to change anything.
    fn judge(&mut self, now: Instant, path: Path, message: &Message<'_>) -> Option<Request> {
        let fields = Fields::of(message);
        let (local_ufrag, remote_ufrag) = fields.username(&mut self.counters)?;
        let Some((age, generation)) = self.generations.find(local_ufrag) else {
            count(&mut self.counters.unknown_local_ufrag);
            return None;
        };
        let algorithm = check::authenticate(message, &generation.key, &mut self.counters)?;
        let trust = match &generation.remote_ufrag {
            None => Trust::Provisional(remote_ufrag.to_owned()),
            Some(expected) if expected == remote_ufrag => Trust::Confirmed,
            Some(_) => {
                count(&mut self.counters.wrong_remote_ufrag);
                return None;
            }
        };

        let id = message.transaction_id();
        let serial = self.paths.get(&path).map(|entry| entry.serial);
        // The transaction itself is one that its first path has to its credit.
        let is_established =
            |serial| self.paths.iter().any(|entry| entry.serial == serial && entry.own > 1);
        let seen = self.replays.seen(now, id, serial, is_established);
        if seen == Seen::Elsewhere {
            count(&mut self.counters.replayed);
            return None;
        }
        let unknown = if fields.unknown { Verdict::of_unknown(message) } else { None };
        let verdict = if let Some(unknown) = unknown {
            count(&mut self.counters.unknown_attributes);
            unknown
        } else if fields.controlled.is_some() {
            // RFC 8445 §7.3.1.1: a lite agent cannot take the controlling role, whatever the tie-breakers say.
            count(&mut self.counters.role_conflicts);
            Verdict::RoleConflict
        } else {
            Verdict::Success
        };
        // PRIORITY is for choosing only: a request without one is the least of all.
        let priority = match fields.priority {
            None => 0,
            Some(value) => {
                let Some(priority) = exact_u32(value) else {
                    count(&mut self.counters.bad_attribute);
                    return None;
                };
                priority
            }
        };
        let (key, limit) = (generation.key.clone(), message.as_bytes().len());
        let response = Response { path, id, algorithm, verdict, key, limit };
        self.responses.push(response, &mut self.counters);
        if verdict != Verdict::Success {
            return None;
        }
        count(&mut self.counters.requests);
        // A retransmission is answered again, and that is all.
        let use_candidate = fields.use_candidate;
        let contested = seen == Seen::Contested;
        let request = Request { id, age, trust, priority, use_candidate, contested };
        (seen != Seen::Here).then_some(request)
    }

    /// Moves the state by an authentic request.
    fn accept(&mut self, now: Instant, path: Path, request: &Request) {
        let incumbent = self.selected.filter(|selected| *selected != path).and_then(|selected| {
            let entry = self.paths.get(&selected)?;
            let silent_for = now.saturating_duration_since(entry.last_request);
            Some(Incumbent { priority: entry.nominated.unwrap_or(0), silent_for })
        });
        self.touch(now, path, request);

        let use_candidate = request.use_candidate;
        let nominated_before = self.paths.get(&path).is_some_and(|entry| entry.nominated.is_some());
        let new_generation = use_candidate && self.generations.nominate(request.age);
        if use_candidate && let Some(entry) = self.paths.get_mut(&path) {
            entry.nominated = Some(request.priority);
        }
        let nominee =
            Nominee { priority: request.priority, use_candidate, nominated_before, new_generation };
        let mut wins = self.selection.wins(now, &nominee, incumbent.as_ref());
        if request.contested && incumbent.is_some() {
            // Perhaps a copy, perhaps what was copied: the path that nobody imitates all of is the peer's.
            wins =
                use_candidate && self.own(&path) > self.selected.map_or(0, |path| self.own(&path));
        }
        if wins && (self.selected != Some(path) || new_generation) {
            self.selected = Some(path);
            self.emit(LiteEvent::Selected(path));
        }
    }

    /// Transactions that were seen by this path only.
    fn own(&self, path: &Path) -> u32 {
        self.paths.get(path).map_or(0, |entry| entry.own)
    }

    /// Notes the request on its path, which may be new.
    fn touch(&mut self, now: Instant, path: Path, request: &Request) {
        if request.contested
            && let Some(first) = self.replays.contest(request.id)
            && let Some(entry) = self.paths.iter_mut().find(|entry| entry.serial == first)
        {
            entry.own = entry.own.saturating_sub(1);
        }
        let own = u32::from(!request.contested);
        if let Some(entry) = self.paths.get_mut(&path) {
            entry.last_request = now;
            // Trust only grows: who is confirmed does not become provisional by a request under newer credentials.
            if entry.trust != Trust::Confirmed {
                entry.trust = request.trust.clone();
            }
            entry.own = entry.own.saturating_add(own);
            self.replays.note(now, request.id, entry.serial);
            return;
        }
        let serial = self.next_serial;
        self.next_serial = serial.wrapping_add(1);
        self.replays.note(now, request.id, serial);
        let entry = PathState {
            path,
            last_request: now,
            serial,
            own,
            nominated: None,
            trust: request.trust.clone(),
        };
        if let Some(evicted) = self.paths.insert(entry, self.selected) {
            count(&mut self.counters.evicted_paths);
            self.emit(LiteEvent::Forgotten(evicted));
        }
        self.emit(LiteEvent::Verified(path));
    }

    fn expire(&mut self, now: Instant) {
        let timeout = self.config.consent_timeout;
        while let Some(path) = self.paths.remove_one(|entry| entry.last_request + timeout <= now) {
            let was_selected = self.selected == Some(path);
            self.forget(path);
            if was_selected {
                self.emit(LiteEvent::ConsentExpired);
            }
        }
    }

    fn forget(&mut self, path: Path) {
        if self.selected == Some(path) {
            self.selected = None;
        }
        self.emit(LiteEvent::Forgotten(path));
    }

    /// A caller that never drains loses the oldest events, not the memory of the machine.
    fn emit(&mut self, event: LiteEvent) {
        if self.events.len() >= MAX_EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }
}
