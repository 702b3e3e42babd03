//! Responses to the peer's checks, kept as facts and written when the caller asks for them.

use std::collections::VecDeque;

use super::counters::{Counters, count};
use super::path::{Path, Transmit};
use crate::attribute::{AttributeType, ErrorCode};
use crate::builder::{BuildError, MessageBuilder};
use crate::integrity::IntegrityAlgorithm;
use crate::message::{Message, TransactionId};
use crate::method::{Class, Method};

/// Responses that may wait for `poll_transmit`. The drain rule leaves one at most.
const MAX_QUEUED: usize = 32;

/// Attributes a 420 names. More are not worth the octets.
const MAX_UNKNOWN: usize = 8;

/// What a response says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Success, with the address the request came from.
    Success,
    /// 487.
    RoleConflict,
    /// 420, with what was not understood.
    UnknownAttributes([Option<AttributeType>; MAX_UNKNOWN]),
}

impl Verdict {
    /// 420 if the message has attributes that would have to be understood.
    pub(crate) fn of_unknown(message: &Message<'_>) -> Option<Self> {
        let mut kinds = [None; MAX_UNKNOWN];
        for (slot, kind) in kinds.iter_mut().zip(message.unknown_required()) {
            *slot = Some(kind);
        }
        kinds.iter().any(Option::is_some).then_some(Self::UnknownAttributes(kinds))
    }
}

/// A response to be written.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) path: Path,
    pub(crate) id: TransactionId,
    pub(crate) algorithm: IntegrityAlgorithm,
    pub(crate) verdict: Verdict,
    /// The local password the request was authenticated with.
    pub(crate) pwd: std::sync::Arc<str>,
}

impl Response {
    fn write(&self, out: &mut [u8]) -> Result<usize, BuildError> {
        let class = match self.verdict {
            Verdict::Success => Class::SuccessResponse,
            Verdict::RoleConflict | Verdict::UnknownAttributes(_) => Class::ErrorResponse,
        };
        let mut builder = MessageBuilder::new(out, class, Method::BINDING, self.id)?;
        match self.verdict {
            Verdict::Success => builder.xor_mapped_address(self.path.remote)?,
            Verdict::RoleConflict => builder.error_code(ErrorCode::ROLE_CONFLICT)?,
            Verdict::UnknownAttributes(kinds) => builder
                .error_code(ErrorCode::UNKNOWN_ATTRIBUTE)?
                .unknown_attributes(kinds.into_iter().flatten())?,
        };
        // RFC 8489 §9.1.3: the response uses the algorithm of the request.
        match self.algorithm {
            IntegrityAlgorithm::Sha1 => builder.integrity(self.pwd.as_bytes())?,
            IntegrityAlgorithm::Sha256 => builder.integrity_sha256(self.pwd.as_bytes())?,
        };
        builder.fingerprint()?;
        Ok(builder.finish())
    }
}

/// The bounded queue of responses.
#[derive(Debug, Default)]
pub(crate) struct Responses {
    queue: VecDeque<Response>,
}

impl Responses {
    /// Queues a response; over the bound it is dropped and counted (the peer asks again).
    pub(crate) fn push(&mut self, response: Response, counters: &mut Counters) {
        if self.queue.len() < MAX_QUEUED {
            self.queue.push_back(response);
        } else {
            count(&mut counters.unsent);
        }
    }

    /// Writes the oldest response; those that do not fit `out` are dropped and counted.
    pub(crate) fn poll(&mut self, out: &mut [u8], counters: &mut Counters) -> Option<Transmit> {
        while let Some(response) = self.queue.pop_front() {
            match response.write(out) {
                Ok(len) => return Some(Transmit { path: response.path, len }),
                Err(_) => count(&mut counters.unsent),
            }
        }
        None
    }
}
