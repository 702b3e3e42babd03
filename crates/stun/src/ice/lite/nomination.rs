//! Which nomination wins.
//!
//! Chromium nominates one pair and another when its network changes; Firefox nominates aggressively, every pair it
//! checks (RFC 5245 §8.1.1.2), and settles for the one of highest priority. So while a session sets up, a nomination
//! takes the selection only with a higher PRIORITY; afterwards the latest wins. A selected path that fell silent
//! yields at once.

use std::time::{Duration, Instant};

/// What is known when a request arrives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Nominee {
    /// PRIORITY of the request.
    pub(super) priority: u32,
    /// Whether the request carries USE-CANDIDATE and is not a retransmission.
    pub(super) use_candidate: bool,
    /// Whether an earlier request nominated this path.
    pub(super) nominated_before: bool,
    /// Whether the nomination is the first under new credentials.
    pub(super) new_generation: bool,
}

/// The path in use.
#[derive(Clone, Copy, Debug)]
pub(super) struct Incumbent {
    /// PRIORITY of its last nomination.
    pub(super) priority: u32,
    /// Time since its last authenticated request.
    pub(super) silent_for: Duration,
}

/// The selection and the clock of its damping.
#[derive(Debug)]
pub(super) struct Selection {
    window: Duration,
    /// Silence after which the selected path is thought to be lost.
    patience: Duration,
    /// Until when the session counts as being set up.
    settling_until: Option<Instant>,
}

impl Selection {
    /// `window`: how long set-up lasts; `consent_timeout`: of half of it is the patience with a silent path.
    pub(super) fn new(window: Duration, consent_timeout: Duration) -> Self {
        Self { window, patience: consent_timeout / 2, settling_until: None }
    }

    /// Whether the nominee takes the selection. The nominee is not the incumbent.
    pub(super) fn wins(
        &mut self,
        now: Instant,
        nominee: &Nominee,
        incumbent: Option<&Incumbent>,
    ) -> bool {
        if nominee.new_generation {
            self.settling_until = Some(now + self.window);
        }
        let lost = incumbent.is_none_or(|incumbent| incumbent.silent_for >= self.patience);
        if !nominee.use_candidate {
            // A peer that nominated aggressively does not nominate again the pair it settled for: it only keeps asking
            // on it. Were our choice another, its silence shows.
            return lost && nominee.nominated_before;
        }
        let Some(incumbent) = incumbent else { return true };
        let settling = self.settling_until.is_some_and(|until| now < until);
        nominee.new_generation || lost || !settling || nominee.priority > incumbent.priority
    }
}
