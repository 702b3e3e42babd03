//! What to offer and what to accept: the policy between SDP and the SFU. State and functions, no I/O.
//!
//! The server always offers, so one table of payload types and header extensions holds for everybody ([`table`]) and nothing is
//! renumbered between peers. A [`Negotiator`] is one client's list of media sections. It only ever grows; sections of tracks that left
//! are used again.
//!
//! * The first section carries the BUNDLE group (RFC 9143 §7.2: the *tagged* section), so it must never be refused. It is the
//!   client's own audio, or, for clients that send none, an Opus section that is inactive until a remote track uses it.
//! * The client's own sections come before all others: `addTrack` takes the first unused transceiver of its kind.
//! * A section whose track left is offered inactive, and carries another track only after that was answered: browsers announce a
//!   track only when its section was not receiving before.
//! * A section that was refused stays at port 0, inactive, outside of BUNDLE, until another track takes its place under a new mid
//!   (RFC 8829 §5.2.2).
//! * An answer is held against the offer as it was made, whatever has changed since. Formats and extensions beyond the offered ones mean
//!   nothing; an offered one with another meaning is an error.
//! * The first answer fixes ICE credentials, certificate and DTLS role. They stay until we offer an ICE restart, so a later answer that
//!   changes one of them is an error: browsers keep them, and whoever does not is not the same client.

mod answer;
mod error;
mod lines;
mod negotiator;
mod offer;
pub(crate) mod table;

#[cfg(test)]
mod tests;

pub(crate) use answer::{Answer, OwnSection, Verdict};
pub(crate) use error::AnswerError;
pub(crate) use lines::{RemoteTrack, Slot};
pub(crate) use negotiator::Negotiator;
pub(crate) use table::ExtensionSet;

/// Most media sections in an offer. The answer to that many, of the size that browsers write them, still fits into what
/// signaling accepts (`tsubame_sdp::MAX_LENGTH`).
pub(crate) const MAX_SECTIONS: usize = 100;
