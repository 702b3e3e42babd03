//! What is due: consent checks, retransmissions, nominations, new checks (RFC 8445 §6.1.4, §8.1.1, §14).

use std::time::{Duration, Instant};

use rand_core::Rng as _;

use super::agent::ControllingAgent;
use super::pair::{PairState, Transaction};
use super::requests::{Generation, Request};
use super::{ControllingEvent, Nomination};
use crate::ice::path::Path;

/// The shortest first retransmission timeout (RFC 8445 §14.3).
const MIN_RTO: Duration = Duration::from_millis(500);

impl ControllingAgent {
    /// Everything that is due at `now`.
    pub(super) fn run(&mut self, now: Instant) {
        self.check_consent(now);
        self.check_previous_consent(now);
        self.retransmit(now);
        self.nominate(now);
        self.start_check(now);
        self.tell_failure();
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        let transactions =
            self.checklist.pairs().iter().filter_map(|pair| pair.transaction.as_ref());
        let retransmission = transactions.map(|transaction| transaction.next_at).min();
        let slot = (self.remote.is_some() && self.has_check()).then_some(self.next_slot);
        let chosen = self.chosen.and_then(|path| self.checklist.get(&path));
        let consent = chosen.and_then(|pair| pair.consent.as_ref());
        let consent = consent.map(|consent| consent.next_check.min(consent.expires));
        let (previous, nomination) = (self.previous_timeout(), self.nomination_due());
        [retransmission, slot, consent, previous, nomination].into_iter().flatten().min()
    }

    fn check_consent(&mut self, now: Instant) {
        let Some(path) = self.chosen else { return };
        let consent = self.checklist.get(&path).and_then(|pair| pair.consent.as_ref());
        let Some(consent) = consent.filter(|consent| !consent.is_over(now)) else {
            self.lose_chosen(path);
            return;
        };
        if consent.next_check <= now {
            // A lite peer that forgot the path selects it again by this, as it does with Chromium's.
            let lite = self.remote.as_ref().is_some_and(|remote| remote.lite);
            let use_candidate = lite && self.checklist.is_controlling();
            let Some(priority) = self.checklist.get(&path).map(|pair| pair.reflexive_priority)
            else {
                return;
            };
            let (id, claim, interval) =
                (self.transaction_id(), self.claim(), self.consent_interval());
            let generation = Generation::Current;
            self.queue_request(Request { generation, path, id, priority, claim, use_candidate });
            let pair = self.checklist.get_mut(&path);
            if let Some(consent) = pair.and_then(|pair| pair.consent.as_mut()) {
                consent.sent(now, id, interval);
            }
        }
    }

    /// RFC 7675 §5.1: the path is not used again under these credentials.
    fn lose_chosen(&mut self, path: Path) {
        self.chosen = None;
        self.checklist.revoke(path);
        self.look_again();
        self.emit(ControllingEvent::ConsentExpired);
    }

    /// Nothing is selected any more. What the other pairs are worth was found out long ago, so they are checked anew.
    pub(super) fn look_again(&mut self) {
        self.first_success = None;
        self.nominating = None;
        self.settling_until = None;
        self.checklist.reopen();
    }

    /// The path of before a restart needs consent as long as media uses it, under the credentials that selected it.
    fn check_previous_consent(&mut self, now: Instant) {
        let Some(previous) = &self.previous else { return };
        if previous.consent.expires <= now {
            self.previous = None;
            self.emit(ControllingEvent::ConsentExpired);
        } else if previous.consent.next_check <= now {
            let (path, priority) = (previous.path, previous.priority);
            let use_candidate = previous.remote.lite;
            let (id, claim, interval) =
                (self.transaction_id(), self.claim(), self.consent_interval());
            let generation = Generation::Previous;
            self.queue_request(Request { generation, path, id, priority, claim, use_candidate });
            if let Some(previous) = &mut self.previous {
                previous.consent.sent(now, id, interval);
            }
        }
    }

    fn retransmit(&mut self, now: Instant) {
        let mut due = Vec::new();
        for pair in self.checklist.pairs_mut() {
            let Some(transaction) = &mut pair.transaction else { continue };
            if transaction.next_at > now {
                continue;
            }
            if transaction.retransmit(now) {
                due.push((pair.path, *transaction));
                continue;
            }
            self.nominating.take_if(|path| *path == pair.path);
            if pair.state == PairState::Succeeded {
                // It worked when it was checked, so an unanswered nomination may be bad luck: it is checked again.
                pair.transaction = None;
                pair.state = PairState::Waiting;
            } else {
                pair.fail();
            }
        }
        for (path, transaction) in due {
            self.request(path, &transaction);
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
        let idle = self.chosen.is_none() && self.nominating.is_none();
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
        if self.remote.is_none() {
            return;
        }
        self.checklist.thaw();
        if now < self.next_slot {
            return;
        }
        let Some(path) = self.checklist.pop_triggered().or_else(|| self.ordinary_check()) else {
            return;
        };
        let (id, claim) = (self.transaction_id(), self.claim());
        let timeout = self.retransmission_timeout();
        let use_candidate = claim.controlling
            && (self.config.nomination == Nomination::Aggressive || self.nominating == Some(path));
        let Some(pair) = self.checklist.get_mut(&path) else { return };
        let mut transaction = Transaction::new(now, id, use_candidate, claim, timeout);
        if pair.state == PairState::Succeeded {
            transaction = transaction.steady();
        } else {
            pair.state = PairState::InProgress;
        }
        pair.transaction = Some(transaction);
        self.request(path, &transaction);
        self.next_slot = now + self.config.pacing;
        // Perhaps nothing waits any more but what is frozen.
        self.checklist.thaw();
    }

    fn request(&mut self, path: Path, transaction: &Transaction) {
        let Some(priority) = self.checklist.get(&path).map(|pair| pair.reflexive_priority) else {
            return;
        };
        let Transaction { id, claim, use_candidate, .. } = *transaction;
        let generation = Generation::Current;
        self.queue_request(Request { generation, path, id, priority, claim, use_candidate });
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
        let Some(chosen) = self.chosen else { return true };
        self.config.nomination == Nomination::Aggressive
            && self.checklist.is_controlling()
            && self.checklist.priority(path) > self.checklist.priority(&chosen)
    }

    /// RFC 8445 §14.3.
    fn retransmission_timeout(&self) -> Duration {
        let active = self.checklist.pairs().iter().filter(|pair| pair.is_active()).count();
        let paced = self.config.pacing.saturating_mul(u32::try_from(active).unwrap_or(u32::MAX));
        paced.max(MIN_RTO)
    }

    fn tell_failure(&mut self) {
        let pairs = self.checklist.pairs();
        let failed = self.chosen.is_none()
            && self.remote.is_some()
            && !pairs.is_empty()
            && pairs.iter().all(|pair| pair.state == PairState::Failed);
        // Told whenever it comes to that, not whenever something is done while it is so.
        if failed && !self.told_failure {
            self.emit(ControllingEvent::Failed);
        }
        self.told_failure = failed;
    }

    /// Makes a pair the selected one. It has consent of its own, of its last check.
    pub(super) fn select(&mut self, now: Instant, path: Path) {
        self.nominating = None;
        self.first_success = None;
        if self.chosen.replace(path) == Some(path) {
            return;
        }
        self.chosen_at = now;
        self.previous = None;
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
}
