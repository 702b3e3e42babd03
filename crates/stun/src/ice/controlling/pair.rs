//! Candidate pairs (RFC 8445 §6.1.2) and their transactions (RFC 8489 §6.2.1).

use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::consent::Consent;
use crate::ice::path::Path;
use crate::message::TransactionId;

/// Transmissions of one request, Rc (RFC 8489 §6.2.1).
const MAX_SENT: u8 = 7;
/// Transmissions of a nomination: ten seconds, see [`Transaction::steady`].
const MAX_SENT_STEADY: u8 = 20;
/// How many initial timeouts the response to the last transmission is waited for, Rm.
const LAST_WAIT: u32 = 16;
/// Time between two transmissions of a nomination.
const STEADY_INTERVAL: Duration = Duration::from_millis(500);
/// Requests of one pair that were given up and whose response still counts. When there are as many, the one that runs is
/// not given up for a further check of the peer's: who repeats checks without end would keep a pair from succeeding.
pub(super) const MAX_SUPERSEDED: usize = 4;

/// Where a pair is in its life (RFC 8445 §6.1.2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PairState {
    /// Not to be checked yet: another pair of its foundation goes first.
    Frozen,
    Waiting,
    InProgress,
    Succeeded,
    Failed,
}

/// The foundation of a pair is that of both candidates (RFC 8445 §6.1.2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Foundation {
    /// All candidates of this side are host candidates, so their base is what tells them apart (RFC 8445 §5.1.1.3).
    pub(super) local: IpAddr,
    /// A number for the peer's text.
    pub(super) remote: u32,
}

/// The role a request claims (RFC 8445 §7.1.3). It stays that of the request, whatever becomes of the agent's: a
/// retransmission is the same message, and a 487 refuses what was claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) controlling: bool,
    pub(super) tie_breaker: u64,
}

/// A nomination of the peer's, while it controls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Nominated {
    /// The later of two nominations has the higher number.
    pub(super) serial: u64,
    pub(super) at: Instant,
}

/// A local and a remote candidate.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) path: Path,
    pub(super) state: PairState,
    pub(super) foundation: Foundation,
    /// Priorities of the candidates.
    pub(super) local_priority: u32,
    pub(super) remote_priority: u32,
    /// What PRIORITY says: the local candidate's, were it peer-reflexive (RFC 8445 §7.1.1).
    pub(super) reflexive_priority: u32,
    /// The request that runs, be it a check or a nomination.
    pub(super) transaction: Option<Transaction>,
    /// Requests given up for triggered checks, [`MAX_SUPERSEDED`] at most, the oldest first; their responses still count
    /// (RFC 8445 §7.3.1.4).
    pub(super) superseded: Vec<Transaction>,
    /// While controlled: the latest nomination of the pair.
    pub(super) nominated: Option<Nominated>,
    /// When the peer last checked the pair.
    pub(super) last_request: Option<Instant>,
    /// Since the pair succeeded: how long that says that the peer wants to be sent to. Kept alive while it is selected.
    pub(super) consent: Option<Consent>,
    /// Checks refused with 487 since the pair last succeeded.
    pub(super) conflicts: u8,
    pub(super) round_trip: RoundTrip,
}

impl Pair {
    /// RFC 8445 §6.1.2.3: 2^32 * min(G, D) + 2 * max(G, D) + (G > D), where G is the controlling side's candidate.
    pub(super) fn priority(&self, controlling: bool) -> u64 {
        let (g, d) = if controlling {
            (self.local_priority, self.remote_priority)
        } else {
            (self.remote_priority, self.local_priority)
        };
        (u64::from(g.min(d)) << 32) + 2 * u64::from(g.max(d)) + u64::from(g > d)
    }

    /// Whether a check of it may still succeed.
    pub(super) fn is_open(&self) -> bool {
        self.state == PairState::Frozen || self.is_active()
    }

    /// Whether it is being checked, or is next to be (RFC 8445 §14.3).
    pub(super) fn is_active(&self) -> bool {
        matches!(self.state, PairState::Waiting | PairState::InProgress)
    }

    /// The transaction with this id, running or superseded. It is over then.
    pub(super) fn take_transaction(&mut self, id: TransactionId) -> Option<Transaction> {
        let has_id = |transaction: &mut Transaction| transaction.id == id;
        self.transaction.take_if(has_id).or_else(|| {
            let index = self.superseded.iter().position(|transaction| transaction.id == id)?;
            Some(self.superseded.remove(index))
        })
    }

    /// Whether a transaction with this id is known.
    pub(super) fn has_transaction(&self, id: TransactionId) -> bool {
        self.transaction.iter().chain(&self.superseded).any(|known| known.id == id)
    }

    /// Gives up what runs; the pair may be checked again.
    pub(super) fn pause(&mut self) {
        if self.state == PairState::InProgress {
            self.state = PairState::Waiting;
        }
        if let Some(transaction) = self.transaction.take() {
            if self.superseded.len() >= MAX_SUPERSEDED {
                self.superseded.remove(0);
            }
            self.superseded.push(transaction);
        }
    }

    /// Gives the pair up.
    pub(super) fn fail(&mut self) {
        self.state = PairState::Failed;
        self.transaction = None;
        self.superseded.clear();
    }
}

/// A request and its retransmissions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Transaction {
    pub(super) id: TransactionId,
    pub(super) use_candidate: bool,
    pub(super) claim: Claim,
    /// When it was sent first.
    sent_at: Instant,
    /// When it is sent again, or given up.
    pub(super) next_at: Instant,
    initial: Duration,
    interval: Duration,
    sent: u8,
    steady: bool,
}

impl Transaction {
    /// A request sent at `now`; `timeout` is the first RTO.
    pub(super) fn new(
        now: Instant,
        id: TransactionId,
        use_candidate: bool,
        claim: Claim,
        timeout: Duration,
    ) -> Self {
        Self {
            id,
            use_candidate,
            claim,
            sent_at: now,
            next_at: now + timeout,
            initial: timeout,
            interval: timeout,
            sent: 1,
            steady: false,
        }
    }

    /// Repeats at a steady pace. The timeout doubles in order not to flood a place that perhaps does not want to hear of
    /// us; a pair that works is no such place, and media waits for its nomination. The pace does not depend on how many
    /// other checks there are, for one pair only is nominated at a time.
    pub(super) fn steady(self) -> Self {
        Self { steady: true, next_at: self.sent_at + STEADY_INTERVAL, ..self }
    }

    /// The timer ran out. True: send it again. False: give it up.
    pub(super) fn retransmit(&mut self, now: Instant) -> bool {
        let most = if self.steady { MAX_SENT_STEADY } else { MAX_SENT };
        if self.sent >= most {
            return false;
        }
        self.sent += 1;
        if self.steady {
            self.next_at = now + STEADY_INTERVAL;
            return true;
        }
        self.interval *= 2;
        let wait = if self.sent == MAX_SENT { self.initial * LAST_WAIT } else { self.interval };
        self.next_at = now + wait;
        true
    }

    /// The round trip, if only one transmission can have been answered (Karn's rule).
    pub(super) fn round_trip(&self, now: Instant) -> Option<Duration> {
        (self.sent == 1).then(|| now.saturating_duration_since(self.sent_at))
    }
}

/// Smoothed round-trip time (RFC 6298 §2 without its variance).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RoundTrip {
    smoothed: Option<Duration>,
}

impl RoundTrip {
    pub(super) fn sample(&mut self, sample: Duration) {
        self.smoothed = Some(match self.smoothed {
            None => sample,
            Some(smoothed) => (smoothed * 7 + sample) / 8,
        });
    }

    pub(super) fn smoothed(&self) -> Option<Duration> {
        self.smoothed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant() -> Instant {
        #[expect(clippy::disallowed_methods, reason = "an Instant has to come from somewhere")]
        Instant::now()
    }

    fn transaction(start: Instant, timeout: Duration) -> Transaction {
        let claim = Claim { controlling: true, tie_breaker: 1 };
        Transaction::new(start, TransactionId([0; 12]), false, claim, timeout)
    }

    #[test]
    fn a_request_is_sent_seven_times_in_rfc_intervals() {
        let start = instant();
        let timeout = Duration::from_millis(500);
        let mut transaction = transaction(start, timeout);
        let mut at = vec![0];
        let end = loop {
            let now = transaction.next_at;
            if !transaction.retransmit(now) {
                break now;
            }
            at.push((now - start).as_millis());
        };
        assert_eq!(at, [0, 500, 1500, 3500, 7500, 15_500, 31_500]);
        assert_eq!((end - start).as_millis(), 39_500);
    }

    #[test]
    fn a_nomination_is_repeated_at_a_steady_pace_for_ten_seconds() {
        let start = instant();
        // Whatever the timeout of a check would be.
        let mut transaction = transaction(start, Duration::from_secs(5)).steady();
        for sent in 1..20 {
            assert_eq!(transaction.next_at, start + sent * Duration::from_millis(500));
            let now = transaction.next_at;
            assert!(transaction.retransmit(now));
        }
        let end = transaction.next_at;
        assert_eq!(end - start, Duration::from_secs(10));
        assert!(!transaction.retransmit(end));
    }

    #[test]
    fn only_a_request_sent_once_measures() {
        let start = instant();
        let mut transaction = transaction(start, Duration::from_millis(500));
        let later = start + Duration::from_millis(30);
        assert_eq!(transaction.round_trip(later), Some(Duration::from_millis(30)));
        assert!(transaction.retransmit(start + Duration::from_millis(500)));
        assert_eq!(transaction.round_trip(start + Duration::from_millis(530)), None);
    }

    #[test]
    fn the_round_trip_is_smoothed() {
        let mut round_trip = RoundTrip::default();
        round_trip.sample(Duration::from_millis(80));
        round_trip.sample(Duration::from_millis(160));
        assert_eq!(round_trip.smoothed(), Some(Duration::from_millis(90)));
    }
}
