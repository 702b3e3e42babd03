//! The full agent that controls (RFC 8445 §6 to §8), against a lite or a full peer: host candidates, one component, one
//! checklist.
//!
//! * `pair`: a pair, its state, its running transaction.
//! * `checklist`: candidates, and the bounded list of pairs made of them.
//! * `consent`: the selected pair's life (RFC 7675).
//! * `agent`: the public face; `checks`: what is due; `incoming`: what a datagram changes; `requests`: what is sent.
//! * `previous`: the path that outlives an ICE restart.

mod agent;
mod checklist;
mod checks;
mod consent;
mod incoming;
mod pair;
mod previous;
mod requests;

use std::time::Duration;

pub use agent::ControllingAgent;

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

/// Timers and habits of a [`ControllingAgent`].
#[derive(Clone, Debug)]
pub struct ControllingConfig {
    /// Time between two new checks, Ta. 50 ms by default, at least 5 ms (RFC 8445 §14.2).
    pub pacing: Duration,
    /// Mean time between two consent checks; each is drawn from 0.8 to 1.2 of it. 5 s by default (RFC 7675 §5.1).
    pub keepalive: Duration,
    /// How long the peer may leave consent checks unanswered. 30 s by default (RFC 7675 §5.1).
    pub consent_timeout: Duration,
    /// How long after the first pair succeeded a better one is waited for, with regular nomination. 200 ms by default.
    pub nomination_patience: Duration,
    /// How a pair is nominated. Regular by default.
    pub nomination: Nomination,
    /// The role it begins with. Controlling by default; against a lite peer it is that whatever stands here. A conflict
    /// with the peer's is settled by the tie-breakers.
    pub role: Role,
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
    /// Every pair there is failed. A further candidate begins anew.
    Failed,
    /// The peer left all consent checks of `consent_timeout` unanswered: nothing may be sent any more (RFC 7675). The
    /// agent goes on to check the remaining pairs.
    ConsentExpired,
}
