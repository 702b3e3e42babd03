//! The controlled role (RFC 8445 §7.3.1.5): which of the peer's nominations is followed.
//!
//! Several at once are an aggressive nominator's, and the best of them counts (RFC 5245 §8.1.1.2); a later one is a change of
//! mind. A peer that settled for another pair than this side did keeps asking there and is silent here.

use std::time::{Duration, Instant};

use super::agent::ControllingAgent;
use super::pair::{Nominated, PairState};
use crate::ice::path::Path;

/// How long after the first nomination a better pair is needed to take the selection: a peer that nominates aggressively
/// nominates every pair it checks and means the best.
const SETTLING: Duration = Duration::from_secs(1);

impl ControllingAgent {
    /// Notes a nomination.
    pub(super) fn nominated(&mut self, now: Instant) -> Nominated {
        self.nominations = self.nominations.saturating_add(1);
        Nominated { serial: self.nominations, at: now }
    }

    /// Selects a pair that succeeded and was nominated, if the nomination still counts.
    pub(super) fn follow(&mut self, now: Instant, path: Path) {
        let Some(pair) = self.checklist.get(&path) else { return };
        let Some(nominated) = pair.nominated else { return };
        let is_stale = pair.consent.as_ref().is_none_or(|consent| consent.is_over(now));
        if self.chosen == Some(path) || !self.prevails(now, path, nominated) {
            return;
        }
        if is_stale {
            // It worked long ago; the success of another check is to select it.
            if let Some(pair) = self.checklist.get_mut(&path) {
                pair.state = PairState::Waiting;
            }
            self.checklist.trigger(path);
            return;
        }
        if self.chosen.is_none() {
            self.settling_until = Some(now + SETTLING);
        }
        self.select(now, path);
    }

    fn prevails(&self, now: Instant, path: Path, nominated: Nominated) -> bool {
        let Some(chosen) = self.chosen else { return true };
        if self.chosen_is_silent(now) {
            return true;
        }
        // What counts is when it was nominated, and not when the check succeeded that it waited for.
        let at_once = |until: Instant| nominated.at < until && until < nominated.at + 2 * SETTLING;
        if self.settling_until.is_some_and(at_once) {
            return self.checklist.priority(&path) > self.checklist.priority(&chosen);
        }
        let serial = self.checklist.get(&chosen).and_then(|pair| Some(pair.nominated?.serial));
        serial.is_none_or(|serial| serial < nominated.serial)
    }

    /// Whether the peer does not ask on the selected pair any more, as it would if it were its own selection.
    pub(super) fn chosen_is_silent(&self, now: Instant) -> bool {
        let patience = self.config.consent_timeout / 2;
        self.chosen_silence(now).is_some_and(|silence| silence >= patience)
    }
}
