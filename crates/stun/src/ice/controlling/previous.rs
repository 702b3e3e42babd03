//! The generation before an ICE restart: nothing of it but the path media uses, until the new one has its own
//! (RFC 8445 §9, RFC 7675 §5.1).

use std::sync::Arc;
use std::time::Instant;

use super::agent::{ControllingAgent, Remote};
use super::consent::Consent;
use super::pair::RoundTrip;
use crate::ice::path::Path;
use crate::integrity::IntegrityKey;

/// The selected path of before the restart, and what keeps it alive.
#[derive(Debug)]
pub(super) struct Previous {
    pub(super) path: Path,
    pub(super) priority: u32,
    pub(super) local_ufrag: String,
    pub(super) local_key: Arc<IntegrityKey>,
    pub(super) remote: Remote,
    pub(super) consent: Consent,
    pub(super) round_trip: RoundTrip,
}

impl ControllingAgent {
    /// Takes what has to survive a restart out of the current generation, if it got as far as a selected path.
    pub(super) fn retire(&mut self) -> Option<Previous> {
        let path = self.chosen?;
        let pair = self.checklist.get_mut(&path)?;
        let (priority, round_trip) = (pair.reflexive_priority, pair.round_trip);
        let consent = pair.consent.take()?;
        Some(Previous {
            path,
            priority,
            local_ufrag: self.local.ufrag.clone(),
            local_key: self.local_key.clone(),
            remote: self.remote.take()?,
            consent,
            round_trip,
        })
    }

    pub(super) fn previous_timeout(&self) -> Option<Instant> {
        let consent = &self.previous.as_ref()?.consent;
        Some(consent.next_check.min(consent.expires))
    }
}
