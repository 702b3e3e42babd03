//! ICE agents (RFC 8445): one lite, one full; consent (RFC 7675); candidates as text (RFC 8839).
//!
//! Both agents follow the *drain rule*: after any `handle_*`, call `poll_transmit`, `poll_event` until `None`, then ask
//! `poll_timeout`.

use std::time::Duration;

mod candidate;
mod candidate_text;
mod check;
mod controlling;
mod counters;
mod credentials;
mod lite;
mod path;
mod response;

pub use candidate::{
    Candidate, CandidateAddress, CandidateKind, CandidateTransport, TcpType, host_priority,
};
pub use candidate_text::CandidateError;
pub use check::peek_username;
pub use controlling::{ControllingAgent, ControllingConfig, ControllingEvent, Nomination, Role};
pub use counters::Counters;
pub use credentials::{Credentials, CredentialsError};
pub use lite::{LiteAgent, LiteConfig, LiteEvent};
pub use path::{Path, Protocol, Transmit};

/// The longest timer of an agent: whatever its configuration says, no sum with it leaves the range of `Instant`.
const LONGEST_TIMER: Duration = Duration::from_secs(86_400);
