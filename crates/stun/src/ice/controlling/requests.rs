//! Requests: queued as facts, written when the caller asks for them (RFC 8445 §7.1, §7.2.2).

use rand_core::Rng as _;

use super::agent::{ControllingAgent, Remote};
use super::pair::Claim;
use crate::builder::{BuildError, MessageBuilder};
use crate::ice::counters::count;
use crate::ice::path::{Path, Transmit};
use crate::integrity::IntegrityAlgorithm;
use crate::message::TransactionId;
use crate::method::{Class, Method};

/// Requests that may wait for `poll_transmit`.
const MAX_REQUESTS: usize = 256;

/// Under whose credentials a request is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Generation {
    Current,
    /// Those of before an ICE restart.
    Previous,
}

/// A request to be written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub(super) generation: Generation,
    pub(super) path: Path,
    pub(super) id: TransactionId,
    pub(super) priority: u32,
    pub(super) claim: Claim,
    pub(super) use_candidate: bool,
}

impl ControllingAgent {
    /// The role as it is claimed now.
    pub(super) fn claim(&self) -> Claim {
        Claim { controlling: self.checklist.is_controlling(), tie_breaker: self.tie_breaker }
    }

    pub(super) fn transaction_id(&mut self) -> TransactionId {
        let mut id = TransactionId([0; 12]);
        self.random.fill_bytes(&mut id.0);
        id
    }

    pub(super) fn queue_request(&mut self, request: Request) {
        if self.requests.len() < MAX_REQUESTS {
            self.requests.push_back(request);
        } else {
            count(&mut self.counters.unsent);
        }
    }

    /// Writes the oldest request; those that do not fit `out` are dropped and counted.
    pub(super) fn poll_request(&mut self, out: &mut [u8]) -> Option<Transmit> {
        while let Some(request) = self.requests.pop_front() {
            match self.write(&request, out) {
                Ok(Some(len)) => return Some(Transmit { path: request.path, len }),
                Ok(None) => {}
                Err(_) => count(&mut self.counters.unsent),
            }
        }
        None
    }

    /// `None` if the credentials of the request are not known any more.
    fn write(&self, request: &Request, out: &mut [u8]) -> Result<Option<usize>, BuildError> {
        let generation = match request.generation {
            Generation::Current => self.remote.as_ref().map(|remote| (&*self.local.ufrag, remote)),
            Generation::Previous => {
                let previous = self.previous.as_ref();
                previous.map(|previous| (&*previous.local_ufrag, &previous.remote))
            }
        };
        let Some((local_ufrag, Remote { ufrag, key, .. })) = generation else { return Ok(None) };
        let mut builder = MessageBuilder::new(out, Class::Request, Method::BINDING, request.id)?;
        builder.ice_username(ufrag, local_ufrag)?.priority(request.priority)?;
        if request.claim.controlling {
            builder.ice_controlling(request.claim.tie_breaker)?;
        } else {
            builder.ice_controlled(request.claim.tie_breaker)?;
        }
        if request.use_candidate {
            builder.use_candidate()?;
        }
        builder.integrity_with(key, IntegrityAlgorithm::Sha1)?.fingerprint()?;
        Ok(Some(builder.finish()))
    }
}
