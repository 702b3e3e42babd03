//! Consent freshness on the selected pair (RFC 7675 §5.1).

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
    /// Fresh consent: the nomination was answered at `now`.
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

    /// Whether `id` is a consent check.
    pub(super) fn has(&self, id: TransactionId) -> bool {
        self.outstanding.iter().any(|(known, _)| *known == id)
    }

    /// A check was answered: consent is fresh again. Gives the round trip.
    pub(super) fn answered(
        &mut self,
        now: Instant,
        id: TransactionId,
        timeout: Duration,
    ) -> Option<Duration> {
        let index = self.outstanding.iter().position(|(known, _)| *known == id)?;
        let (_, sent_at) = self.outstanding.remove(index)?;
        self.expires = now + timeout;
        Some(now.saturating_duration_since(sent_at))
    }

    /// A check was refused: it is over, and consent as old as before.
    pub(super) fn refused(&mut self, id: TransactionId) {
        self.outstanding.retain(|(known, _)| *known != id);
    }
}
