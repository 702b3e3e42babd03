//! Consent freshness (RFC 7675 §5.1): only what the peer answers to checks of ours counts. Its own requests say who wants to
//! be heard, and can be repeated by whoever saw them.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::message::TransactionId;

/// Consent checks whose response would still count.
const MAX_OUTSTANDING: usize = 16;

/// Consent of the peer to be sent to. Each check is a transaction of its own and never retransmitted.
#[derive(Debug)]
pub(super) struct Consent {
    /// When the next check is due.
    pub(super) next_check: Instant,
    /// When consent ends, if no check is answered.
    pub(super) expires: Instant,
    outstanding: VecDeque<(TransactionId, Instant)>,
}

impl Consent {
    /// Fresh consent: a check was answered at `now`.
    pub(super) fn new(now: Instant, timeout: Duration, interval: Duration) -> Self {
        Self { next_check: now + interval, expires: now + timeout, outstanding: VecDeque::new() }
    }

    /// Notes a check sent at `now`; the next follows after `interval`.
    pub(super) fn sent(&mut self, now: Instant, id: TransactionId, interval: Duration) {
        if self.outstanding.len() >= MAX_OUTSTANDING {
            self.outstanding.pop_front();
        }
        self.outstanding.push_back((id, now));
        self.next_check = now + interval;
    }

    /// Whether it has ended.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.expires <= now
    }

    /// Whether `id` is a consent check.
    pub(super) fn has(&self, id: TransactionId) -> bool {
        self.outstanding.iter().any(|(known, _)| *known == id)
    }

    /// A check was answered: consent is fresh again, unless it had ended before. Gives the round trip.
    pub(super) fn answered(
        &mut self,
        now: Instant,
        id: TransactionId,
        timeout: Duration,
    ) -> Option<Duration> {
        let index = self.outstanding.iter().position(|(known, _)| *known == id)?;
        let (_, sent_at) = self.outstanding.remove(index)?;
        if !self.is_over(now) {
            self.expires = now + timeout;
        }
        Some(now.saturating_duration_since(sent_at))
    }

    /// A check was refused: it is over, and consent as old as before.
    pub(super) fn refused(&mut self, id: TransactionId) {
        self.outstanding.retain(|(known, _)| *known != id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checks_that_are_remembered_are_bounded() {
        #[expect(clippy::disallowed_methods, reason = "an Instant has to come from somewhere")]
        let now = Instant::now();
        let second = Duration::from_secs(1);
        let mut consent = Consent::new(now, 30 * second, second);
        let id = |number| TransactionId([number; 12]);
        for number in 0..100 {
            consent.sent(now, id(number), second);
        }
        assert_eq!(consent.outstanding.len(), MAX_OUTSTANDING);
        assert!(!consent.has(id(83)) && consent.has(id(84)) && consent.has(id(99)));
    }
}
