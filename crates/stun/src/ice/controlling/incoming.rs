//! What a datagram changes: responses to our checks (RFC 8445 §7.2.5), checks of the peer's (§7.3).

use std::time::Instant;

use rand_core::Rng as _;

use super::agent::ControllingAgent;
use super::consent::Consent;
use super::pair::{Claim, MAX_SUPERSEDED, PairState, Transaction};
use crate::attribute::ErrorCode;
use crate::bytes::{exact_u32, exact_u64};
use crate::ice::check::{self, Fields};
use crate::ice::counters::count;
use crate::ice::path::Path;
use crate::ice::response::{Response, Verdict};
use crate::message::{Message, TransactionId};
use crate::method::Class;

/// Checks of one pair that may be refused with 487 one after the other. Two agents that are right need three.
const MAX_CONFLICTS: u8 = 7;

/// What a response answers, and where it was sent.
#[derive(Clone, Copy)]
enum Asked {
    Check(Path),
    Consent(Path),
    /// A consent check of before an ICE restart.
    Previous(Path),
}

impl ControllingAgent {
    /// True if the datagram was authentic.
    pub(super) fn incoming(&mut self, now: Instant, path: Path, datagram: &[u8]) -> bool {
        let Some(message) = check::parse(datagram, &mut self.counters) else { return false };
        let authentic = match message.class() {
            Class::Request => self.request_received(now, path, &message),
            _ => self.response_received(now, path, &message),
        };
        authentic.is_some()
    }

    /// `None` if it was not authentic.
    fn response_received(&mut self, now: Instant, path: Path, message: &Message<'_>) -> Option<()> {
        let id = message.transaction_id();
        let Some(asked) = self.asked(id) else {
            count(&mut self.counters.unknown_transaction);
            return None;
        };
        let previous = self.previous.as_ref().map(|previous| &previous.remote);
        let remote =
            if matches!(asked, Asked::Previous(_)) { previous } else { self.remote.as_ref() };
        check::authenticate(message, &remote?.key, &mut self.counters)?;
        let success = message.class() == Class::SuccessResponse;
        if success && message.xor_mapped_address().is_none() {
            // RFC 8445 §7.2.5.3.1 needs it. The request goes on as if the response had been lost.
            count(&mut self.counters.bad_attribute);
            return Some(());
        }
        let (Asked::Check(to) | Asked::Consent(to) | Asked::Previous(to)) = asked;
        if path != to {
            // RFC 8445 §7.2.5.2.1: what comes back another way does not prove this way.
            count(&mut self.counters.asymmetric_response);
            if matches!(asked, Asked::Check(_)) {
                self.check_failed(to);
            }
            return Some(());
        }
        count(&mut self.counters.responses);
        match asked {
            Asked::Check(path) => self.check_answered(now, path, message),
            Asked::Consent(path) => self.consent_answered(now, path, id, success),
            Asked::Previous(_) => self.previous_answered(now, id, success),
        }
        Some(())
    }

    /// Which request of ours has this transaction id.
    fn asked(&self, id: TransactionId) -> Option<Asked> {
        for pair in self.checklist.pairs() {
            if pair.has_transaction(id) {
                return Some(Asked::Check(pair.path));
            }
            if pair.consent.as_ref().is_some_and(|consent| consent.has(id)) {
                return Some(Asked::Consent(pair.path));
            }
        }
        let previous = self.previous.as_ref()?;
        previous.consent.has(id).then_some(Asked::Previous(previous.path))
    }

    fn check_answered(&mut self, now: Instant, path: Path, message: &Message<'_>) {
        let pair = self.checklist.get_mut(&path);
        let transaction = pair.and_then(|pair| pair.take_transaction(message.transaction_id()));
        let Some(transaction) = transaction else { return };
        match message.error_code() {
            _ if message.class() == Class::SuccessResponse => {
                self.check_succeeded(now, path, &transaction);
            }
            Some(error) if error.code == ErrorCode::ROLE_CONFLICT.code => {
                self.yield_role(path, transaction.claim);
            }
            _ => self.check_failed(path),
        }
    }

    fn consent_answered(&mut self, now: Instant, path: Path, id: TransactionId, success: bool) {
        let Some(pair) = self.checklist.get_mut(&path) else { return };
        let Some(consent) = &mut pair.consent else { return };
        if !success {
            consent.refused(id);
        } else if let Some(sample) = consent.answered(now, id, self.config.consent_timeout) {
            pair.round_trip.sample(sample);
        }
    }

    fn previous_answered(&mut self, now: Instant, id: TransactionId, success: bool) {
        let Some(previous) = &mut self.previous else { return };
        if !success {
            previous.consent.refused(id);
        } else if let Some(sample) = previous.consent.answered(now, id, self.config.consent_timeout)
        {
            previous.round_trip.sample(sample);
        }
    }

    fn check_succeeded(&mut self, now: Instant, path: Path, transaction: &Transaction) {
        let interval = self.consent_interval();
        let Some(pair) = self.checklist.get_mut(&path) else { return };
        pair.state = PairState::Succeeded;
        pair.conflicts = 0;
        if self.chosen != Some(path) {
            // A selected pair has its consent checks; a late response to a check of before is none.
            pair.consent = Some(Consent::new(now, self.config.consent_timeout, interval));
        }
        // A late response to a check of before must not end the nomination that runs or waits meanwhile.
        let nominating = self.nominating == Some(path) && !transaction.use_candidate;
        if !nominating {
            pair.transaction = None;
        }
        if let Some(sample) = transaction.round_trip(now) {
            pair.round_trip.sample(sample);
        }
        let foundation = pair.foundation;
        if !nominating {
            self.checklist.untrigger(&path);
        }
        self.checklist.thaw_foundation(foundation);
        if self.first_success.is_none() && self.chosen.is_none() {
            self.first_success = Some(now);
        }
        if !self.checklist.is_controlling() {
            self.follow(now, path);
        } else if transaction.use_candidate && self.is_worthwhile(&path) {
            self.select(now, path);
        }
    }

    fn check_failed(&mut self, path: Path) {
        if self.chosen == Some(path) {
            // What became of a check of before does not matter any more: consent decides.
            return;
        }
        self.nominating.take_if(|nominating| *nominating == path);
        self.checklist.untrigger(&path);
        if let Some(pair) = self.checklist.get_mut(&path) {
            pair.fail();
        }
    }

    /// RFC 8445 §7.2.5.1: the peer keeps its role, so this side takes the one it did not claim and asks again. That may have
    /// happened since the request was sent: several checks are refused for one conflict.
    fn yield_role(&mut self, path: Path, refused: Claim) {
        count(&mut self.counters.role_conflicts);
        let Some(pair) = self.checklist.get_mut(&path) else { return };
        pair.conflicts = pair.conflicts.saturating_add(1);
        if self.remote.as_ref().is_some_and(|remote| remote.lite) || pair.conflicts > MAX_CONFLICTS
        {
            // A lite agent cannot control; who refuses either role wants neither.
            self.check_failed(path);
            return;
        }
        if refused.controlling == self.checklist.is_controlling() {
            self.switch_role();
            self.tie_breaker = self.random.next_u64();
        }
        if self.chosen != Some(path) {
            self.checklist.trigger(path);
        }
    }

    fn switch_role(&mut self) {
        let controlling = !self.checklist.is_controlling();
        self.checklist.set_controlling(controlling);
        self.nominating = None;
    }

    /// `None` if it was not authentic.
    fn request_received(&mut self, now: Instant, path: Path, message: &Message<'_>) -> Option<()> {
        let fields = Fields::of(message);
        let (local, remote) = fields.username(&mut self.counters)?;
        let previous = self.previous.as_ref().filter(|previous| previous.local_ufrag == local);
        let (key, expected) = if local == self.local.ufrag {
            (&self.local_key, self.remote.as_ref().map(|remote| &remote.ufrag))
        } else if let Some(previous) = previous {
            (&previous.local_key, Some(&previous.remote.ufrag))
        } else {
            count(&mut self.counters.unknown_local_ufrag);
            return None;
        };
        let algorithm = check::authenticate(message, key, &mut self.counters)?;
        if expected.is_some_and(|expected| expected != remote) {
            count(&mut self.counters.wrong_remote_ufrag);
            return None;
        }
        let Some(priority) = fields.priority.and_then(exact_u32) else {
            count(&mut self.counters.bad_attribute);
            return None;
        };
        let (key, is_current) = (key.clone(), local == self.local.ufrag);
        let unknown = if fields.unknown { Verdict::of_unknown(message) } else { None };
        let verdict = if let Some(unknown) = unknown {
            count(&mut self.counters.unknown_attributes);
            unknown
        } else if is_current {
            self.resolve_roles(&fields)?
        } else {
            // Who asks under the credentials of before a restart keeps its consent, and changes nothing.
            Verdict::Success
        };
        let (id, limit) = (message.transaction_id(), message.as_bytes().len());
        let response = Response { path, id, algorithm, verdict, key, limit };
        self.responses.push(response, &mut self.counters);
        if verdict == Verdict::Success {
            count(&mut self.counters.requests);
            if is_current {
                self.checklist.learn_remote(path, priority);
                if self.recent.note(id, path) {
                    self.check_received(now, path, fields.use_candidate);
                }
            }
        }
        Some(())
    }

    /// RFC 8445 §7.3.1.1. `None` for a tie-breaker that cannot be read.
    fn resolve_roles(&mut self, fields: &Fields<'_>) -> Option<Verdict> {
        let controlling = self.checklist.is_controlling();
        let claimed = if controlling { fields.controlling } else { fields.controlled };
        let Some(claimed) = claimed else { return Some(Verdict::Success) };
        let Some(theirs) = exact_u64(claimed) else {
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

    /// RFC 8445 §7.3.1.4, §7.3.1.5: check back, note a nomination. A retransmission does not come so far.
    fn check_received(&mut self, now: Instant, path: Path, use_candidate: bool) {
        let nominates = use_candidate && !self.checklist.is_controlling();
        let nominated = nominates.then(|| self.nominated(now));
        let worthwhile = nominates || self.is_worthwhile(&path);
        let follows = nominates || (!self.checklist.is_controlling() && self.chosen_is_silent(now));
        let Some(pair) = self.checklist.get_mut(&path) else { return };
        pair.nominated = nominated.or(pair.nominated);
        pair.last_request = Some(now);
        match pair.state {
            PairState::Succeeded if follows => self.follow(now, path),
            PairState::Succeeded => {}
            PairState::InProgress if pair.superseded.len() >= MAX_SUPERSEDED => {}
            _ if worthwhile => self.checklist.trigger(path),
            _ => {}
        }
    }
}
