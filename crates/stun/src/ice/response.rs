//! Responses to the peer's checks, kept as facts and written when the caller asks for them.

use std::collections::VecDeque;
use std::sync::Arc;

use super::counters::{Counters, count};
use super::path::{Path, Transmit};
use crate::attribute::{AttributeType, ErrorCode};
use crate::builder::{BuildError, MessageBuilder};
use crate::integrity::{IntegrityAlgorithm, IntegrityKey};
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
    /// The key the request was authenticated with.
    pub(crate) key: Arc<IntegrityKey>,
    /// Octets of the request: the response is not longer, whatever the verdict, so that nobody is flooded through us.
    pub(crate) limit: usize,
}

/// Why a response was not written.
enum Unwritten {
    /// It would be longer than the request. Only a request without what RFC 8445 §7.1 demands is as short as that.
    Amplifies,
    /// The caller's memory is too small.
    NoRoom,
}

impl Response {
    fn write(&self, out: &mut [u8]) -> Result<usize, Unwritten> {
        let room = out.len();
        let allowed = out.get_mut(..self.limit.min(room)).unwrap_or_default();
        let written = match self.verdict {
            Verdict::Success => self.write_success(allowed),
            Verdict::RoleConflict => self.write_error(allowed, ErrorCode::ROLE_CONFLICT, &[]),
            Verdict::UnknownAttributes(kinds) => {
                self.write_error(allowed, ErrorCode::UNKNOWN_ATTRIBUTE, &kinds)
            }
        };
        written
            .map_err(|_| if room < self.limit { Unwritten::NoRoom } else { Unwritten::Amplifies })
    }

    fn write_success(&self, out: &mut [u8]) -> Result<usize, BuildError> {
        let mut builder =
            MessageBuilder::new(out, Class::SuccessResponse, Method::BINDING, self.id)?;
        builder.xor_mapped_address(self.path.remote)?;
        self.close(builder)
    }

    /// The reason is for people; it is left out where it has no room.
    fn write_error(
        &self,
        out: &mut [u8],
        error: ErrorCode<'_>,
        unknown: &[Option<AttributeType>],
    ) -> Result<usize, BuildError> {
        let mut write = |error| {
            let mut builder =
                MessageBuilder::new(out, Class::ErrorResponse, Method::BINDING, self.id)?;
            builder.error_code(error)?;
            if !unknown.is_empty() {
                builder.unknown_attributes(unknown.iter().copied().flatten())?;
            }
            self.close(builder)
        };
        write(error).or_else(|_| write(ErrorCode { reason: "", ..error }))
    }

    fn close(&self, mut builder: MessageBuilder<'_>) -> Result<usize, BuildError> {
        // RFC 8489 §9.1.3: the response uses the algorithm of the request.
        builder.integrity_with(&self.key, self.algorithm)?.fingerprint()?;
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
                Err(Unwritten::Amplifies) => count(&mut counters.amplifying),
                Err(Unwritten::NoRoom) => count(&mut counters.unsent),
            }
        }
        None
    }
}
