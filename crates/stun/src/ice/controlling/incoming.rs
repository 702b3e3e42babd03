//! What a datagram changes: responses to our checks (RFC 8445 §7.2.5), checks of the peer's (§7.3).

use std::time::Instant;

use super::agent::ControllingAgent;
use super::pair::{PairState, Transaction};
use crate::attribute::{AttributeType, ErrorCode};
use crate::ice::check;
use crate::ice::counters::count;
use crate::ice::path::Path;
use crate::ice::response::{Response, Verdict};
use crate::message::Message;
use crate::method::Class;

impl ControllingAgent {
    pub(super) fn incoming(&mut self, now: Instant, path: Path, datagram: &[u8]) {
        let Some(message) = check::parse(datagram, &mut self.counters) else { return };
        match message.class() {
            Class::Request => self.request_received(now, path, &message),
            _ => self.response_received(now, path, &message),
        }
    }

    fn response_received(&mut self, now: Instant, path: Path, message: &Message<'_>) {
        let id = message.transaction_id();
        let mut pairs = self.checklist.pairs().iter();
        let check = pairs.find(|pair| pair.has_transaction(id)).map(|pair| pair.path);
        let is_consent = self.consent.as_ref().is_some_and(|consent| consent.has(id));
        let asked = check.or(self.selected.filter(|_| is_consent));
        let (Some(asked), Some(remote)) = (asked, &self.remote) else {
            count(&mut self.counters.unknown_transaction);
            return;
        };
        let pwd = &remote.credentials.pwd;
        if check::authenticate(message, pwd, &mut self.counters).is_none() {
            return;
        }
        let success = message.class() == Class::SuccessResponse;
        if success && message.xor_mapped_address().is_none() {
            // RFC 8445 §7.2.5.3.1 needs it. The request goes on as if the response had been lost.
            count(&mut self.counters.bad_attribute);
            return;
        }
        if path != asked {
            // RFC 8445 §7.2.5.2.1: what comes back another way does not prove this way.
            count(&mut self.counters.asymmetric_response);
            if check.is_some() {
                self.check_failed(asked);
            }
            return;
        }
        count(&mut self.counters.responses);
        if check.is_none() {
            self.consent_answered(now, asked, message, success);
            return;
        }
        let pair = self.checklist.get_mut(&asked);
        let Some(transaction) = pair.and_then(|pair| pair.take_transaction(id)) else { return };
        match message.error_code() {
            _ if success => self.check_succeeded(now, asked, &transaction),
            Some(error) if error.code == ErrorCode::ROLE_CONFLICT.code => self.yield_role(asked),
            _ => self.check_failed(asked),
        }
    }

    fn consent_answered(&mut self, now: Instant, path: Path, message: &Message<'_>, success: bool) {
        let Some(consent) = &mut self.consent else { return };
        let id = message.transaction_id();
        if !success {
            consent.refused(id);
            return;
        }
        let round_trip = consent.answered(now, id, self.config.consent_timeout);
        if let (Some(pair), Some(sample)) = (self.checklist.get_mut(&path), round_trip) {
            pair.round_trip.sample(sample);
        }
    }

    fn check_succeeded(&mut self, now: Instant, path: Path, transaction: &Transaction) {
        let Some(pair) = self.checklist.get_mut(&path) else { return };
        pair.state = PairState::Succeeded;
        pair.transaction = None;
        if let Some(sample) = transaction.round_trip(now) {
            pair.round_trip.sample(sample);
        }
        let nominated_by_peer = pair.nominated_by_peer;
        self.checklist.untrigger(&path);
        if self.first_success.is_none() && self.selected.is_none() {
            self.first_success = Some(now);
        }
        let chosen = if self.checklist.is_controlling() {
            transaction.use_candidate && self.is_worthwhile(&path)
        } else {
            nominated_by_peer
        };
        if chosen {
            self.select(now, path);
        }
    }

    fn check_failed(&mut self, path: Path) {
        self.nominating.take_if(|nominating| *nominating == path);
        self.checklist.untrigger(&path);
        if let Some(pair) = self.checklist.get_mut(&path) {
            pair.fail();
        }
    }

    /// RFC 8445 §7.2.5.1: the peer keeps its role, so this side takes the other one and asks again.
    fn yield_role(&mut self, path: Path) {
        count(&mut self.counters.role_conflicts);
        if self.remote.as_ref().is_some_and(|remote| remote.lite) {
            // A lite agent cannot control; it is mistaken.
            self.check_failed(path);
            return;
        }
        self.switch_role();
        self.new_tie_breaker();
        self.checklist.trigger(path);
    }

    fn switch_role(&mut self) {
        let controlling = !self.checklist.is_controlling();
        self.checklist.set_controlling(controlling);
        self.nominating = None;
    }

    fn request_received(&mut self, now: Instant, path: Path, message: &Message<'_>) {
        let Some((local, remote)) = check::username(message, &mut self.counters) else { return };
        if local != self.local.ufrag {
            count(&mut self.counters.unknown_local_ufrag);
            return;
        }
        let Some(algorithm) = check::authenticate(message, &self.local_pwd, &mut self.counters)
        else {
            return;
        };
        if self.remote.as_ref().is_some_and(|known| known.credentials.ufrag != remote) {
            count(&mut self.counters.wrong_remote_ufrag);
            return;
        }
        let Some(priority) = message.priority() else {
            count(&mut self.counters.bad_attribute);
            return;
        };
        let verdict = if let Some(unknown) = Verdict::of_unknown(message) {
            count(&mut self.counters.unknown_attributes);
            unknown
        } else {
            let Some(verdict) = self.resolve_roles(message) else { return };
            verdict
        };
        let id = message.transaction_id();
        let pwd = self.local_pwd.clone();
        self.responses.push(Response { path, id, algorithm, verdict, pwd }, &mut self.counters);
        if verdict == Verdict::Success {
            count(&mut self.counters.requests);
            self.check_received(now, path, priority, message.use_candidate());
        }
    }

    /// RFC 8445 §7.3.1.1. `None` for a tie-breaker that cannot be read.
    fn resolve_roles(&mut self, message: &Message<'_>) -> Option<Verdict> {
        let controlling = self.checklist.is_controlling();
        let claimed = if controlling {
            message.attribute(AttributeType::ICE_CONTROLLING).map(|_| message.ice_controlling())
        } else {
            message.attribute(AttributeType::ICE_CONTROLLED).map(|_| message.ice_controlled())
        };
        let Some(theirs) = claimed else { return Some(Verdict::Success) };
        let Some(theirs) = theirs else {
            count(&mut self.counters.bad_attribute);
            return None;
        };
        count(&mut self.counters.role_conflicts);
        // The larger tie-breaker controls, whoever of the two notices.
        if controlling == (self.tie_breaker >= theirs) {
            return Some(Verdict::RoleConflict);
        }
        self.switch_role();
        Some(Verdict::Success)
    }

    /// RFC 8445 §7.3.1.3 to §7.3.1.5: learn where it came from, check back, note a nomination.
    fn check_received(&mut self, now: Instant, path: Path, priority: u32, use_candidate: bool) {
        self.checklist.learn_remote(path, priority);
        let nominated = use_candidate && !self.checklist.is_controlling();
        let worthwhile = nominated || self.is_worthwhile(&path);
        let Some(pair) = self.checklist.get_mut(&path) else { return };
        pair.nominated_by_peer |= nominated;
        match pair.state {
            PairState::Succeeded if nominated => self.select(now, path),
            PairState::Succeeded => {}
            _ if worthwhile => self.checklist.trigger(path),
            _ => {}
        }
    }
}
