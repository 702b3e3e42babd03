//! The full agent (RFC 8445 §6 to §8), against a lite or a full peer: host candidates, one component, one checklist. It is
//! named after the role it is there for, which it can also be without: see [`ControllingConfig::role`].
//!
//! * `pair`: a pair, its state, its running transaction.
//! * `checklist`: candidates, and the bounded list of pairs made of them.
//! * `consent`: how long a pair may be sent to (RFC 7675).
//! * `recent`: the requests of the peer that counted already.
//! * `agent`: the public face; `checks`: what is due; `incoming`: what a datagram changes; `requests`: what is sent.
//! * `nominated`: the controlled role.
//! * `previous`: the path that outlives an ICE restart.

mod agent;
mod checklist;
mod checks;
mod consent;
mod incoming;
mod nominated;
mod pair;
mod previous;
mod recent;
mod requests;

use std::time::Duration;

pub use agent::ControllingAgent;

use super::LONGEST_TIMER;
use super::path::Path;

/// How a pair is nominated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nomination {
    /// A pair is checked first, the best one is nominated by a second check (RFC 8445 §8.1.1).
    Regular,
    /// Every check nominates, the highest priority wins (RFC 5245 §8.1.1.2): what Firefox does. For tests of peers.
    Aggressive,
}

/// Who of two full agents nominates (RFC 8445 §6.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It nominates: the side that offered, or the only full one.
    Controlling,
    /// It follows the peer's nominations.
    Controlled,
}

/// Timers and habits of a [`ControllingAgent`]. A value outside its range counts as the nearest one inside.
#[derive(Clone, Debug)]
pub struct ControllingConfig {
    /// Time between two new checks, Ta. 50 ms by default; 5 ms to a minute (RFC 8445 §14.2).
    pub pacing: Duration,
    /// Mean time between two consent checks; each is drawn from 0.8 to 1.2 of it. 5 s by default (RFC 7675 §5.1); 100 ms to
    /// a day.
    pub keepalive: Duration,
    /// How long the peer may leave consent checks unanswered. 30 s by default (RFC 7675 §5.1); a second to a day.
    pub consent_timeout: Duration,
    /// How long after the first pair succeeded a better one is waited for, with regular nomination. 200 ms by default; a day
    /// at most.
    pub nomination_patience: Duration,
    /// How a pair is nominated. Regular by default.
    pub nomination: Nomination,
    /// The role it begins with. Controlling by default; against a lite peer it is that whatever stands here. A conflict
    /// with the peer's is settled by the tie-breakers.
    pub role: Role,
}

impl ControllingConfig {
    /// With every timer in its range: none makes the agent spin, none leaves the range of `Instant`.
    fn clamped(self) -> Self {
        Self {
            pacing: self.pacing.clamp(Duration::from_millis(5), Duration::from_secs(60)),
            keepalive: self.keepalive.clamp(Duration::from_millis(100), LONGEST_TIMER),
            consent_timeout: self.consent_timeout.clamp(Duration::from_secs(1), LONGEST_TIMER),
            nomination_patience: self.nomination_patience.min(LONGEST_TIMER),
            ..self
        }
    }
}

impl Default for ControllingConfig {
    fn default() -> Self {
        Self {
            pacing: Duration::from_millis(50),
            keepalive: Duration::from_secs(5),
            consent_timeout: Duration::from_secs(30),
            nomination_patience: Duration::from_millis(200),
            nomination: Nomination::Regular,
            role: Role::Controlling,
        }
    }
}

/// What became of the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControllingEvent {
    /// Media goes this way from now on.
    Selected(Path),
    /// The network of the path in use was removed: nothing can be sent until the next [`ControllingEvent::Selected`]. The
    /// agent goes on to check the remaining pairs.
    SelectionLost(Path),
    /// Every pair there is failed. A further candidate, or a check of the peer's, begins anew.
    Failed,
    /// The peer left all consent checks of `consent_timeout` unanswered: nothing may be sent any more (RFC 7675). The
    /// agent goes on to check the remaining pairs; this one is not used again before an ICE restart (RFC 7675 §5.1).
    ConsentExpired,
}
