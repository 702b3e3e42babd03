//! The lite agent (RFC 8445 §2.5): it answers checks, believes nominations and sends none of its own.
//!
//! * `generations`: which ufrags are valid, and which remote ufrag belongs to each.
//! * `paths`: the bounded table of remote addresses that proved themselves.
//! * `nomination`: which of them is used.
//! * `replays`: the transactions that counted already.

mod agent;
mod generations;
mod nomination;
mod paths;
mod replays;

use std::time::Duration;

pub use agent::LiteAgent;

use super::LONGEST_TIMER;
use super::path::Path;

/// Limits of a [`LiteAgent`]. A value outside its range counts as the nearest one inside.
#[derive(Clone, Debug)]
pub struct LiteConfig {
    /// How long a path lives without an authenticated request. 30 s by default (RFC 7675 §5.1); a day at most.
    pub consent_timeout: Duration,
    /// Paths of one session, at least 2. 8 by default.
    pub max_paths: usize,
    /// How long after the first nomination of a generation the session counts as being set up: until then a nomination
    /// takes the selection only with a higher PRIORITY, afterwards the latest wins. 1 s by default; a day at most.
    pub nomination_window: Duration,
}

impl LiteConfig {
    /// With every timer in its range: none leaves the range of `Instant`.
    fn clamped(self) -> Self {
        Self {
            consent_timeout: self.consent_timeout.min(LONGEST_TIMER),
            nomination_window: self.nomination_window.min(LONGEST_TIMER),
            ..self
        }
    }
}

impl Default for LiteConfig {
    fn default() -> Self {
        Self {
            consent_timeout: Duration::from_secs(30),
            max_paths: 8,
            nomination_window: Duration::from_secs(1),
        }
    }
}

/// What happened to the paths of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LiteEvent {
    /// The first authenticated request came over this path: it may carry DTLS.
    Verified(Path),
    /// The path had to make room for another, was silent for `consent_timeout`, or belonged to a ufrag that is not the
    /// answer's: nothing that comes by it is to be believed.
    Forgotten(Path),
    /// Media goes this way from now on. Also sent, perhaps with the path already in use, when the credentials of an ICE
    /// restart are nominated for the first time: the older ufrag is no longer valid then.
    Selected(Path),
    /// No authenticated request came by the selected path for `consent_timeout`: nothing may be sent any more (RFC 7675).
    ConsentExpired,
}
