//! From fragments to messages, and from messages to the handshake.

use std::sync::Arc;
use std::time::Instant;

use super::{Endpoint, Phase};
use crate::config::{Config, UnauthenticatedErrors};
use crate::error::{Error, PeerMisbehaved};
use crate::v12::handshake::{Context, Next};
use crate::v12::message::{HandshakeType, Parsed};
use crate::v12::reassembly::{Fragment, Inserted};
use crate::wire::Reader;

impl Endpoint {
    /// A record holds one or more fragments (RFC 6347 §4.2.3).
    pub(super) fn handle_fragments(
        &mut self,
        now: Instant,
        epoch: u16,
        content: &[u8],
    ) -> Result<(), Error> {
        let mut reader = Reader::new(content);
        while !reader.is_empty() {
            let Some(fragment) = Fragment::read(&mut reader) else {
                self.counters.bad_fragments += 1;
                let why = PeerMisbehaved::MalformedFragment;
                return if epoch > 0 { Err(self.die(why.into())) } else { self.suspect(why) };
            };
            match &self.phase {
                Phase::Handshaking(_) => {
                    self.insert_fragment(now, epoch, fragment)?;
                    self.advance(now)?;
                }
                // What is left of a record in the clear whose first fragments ended the handshake.
                Phase::Connected(_) if epoch == 0 => self.counters.wrong_epoch += 1,
                Phase::Connected(_) => self.handle_late_fragment(now, fragment)?,
                Phase::Closed | Phase::Dead { .. } => break,
            }
        }
        Ok(())
    }

    fn insert_fragment(
        &mut self,
        now: Instant,
        epoch: u16,
        fragment: Fragment<'_>,
    ) -> Result<(), Error> {
        // Finished, and nothing else of the handshake, is protected.
        if (fragment.kind == HandshakeType::FINISHED) != (epoch == 1) {
            self.counters.bad_fragments += 1;
            let why = self.unexpected(fragment.kind);
            return if epoch == 1 { Err(self.die(why.into())) } else { self.suspect(why) };
        }
        if self.asks_for_cookies() {
            let is_hello = fragment.kind == HandshakeType::CLIENT_HELLO;
            if !is_hello || !self.reassembly.begin_with(&fragment) {
                self.counters.bad_fragments += 1;
                return self.suspect(self.unexpected(fragment.kind));
            }
        }
        let why = match self.reassembly.insert(epoch, fragment) {
            Inserted::Kept => return Ok(()),
            Inserted::Repeated => {
                self.handle_repetition(now, &fragment);
                return Ok(());
            }
            Inserted::Dropped => {
                self.counters.bad_fragments += 1;
                return Ok(());
            }
            Inserted::StartedAnew => PeerMisbehaved::ContradictingFragment(fragment.kind),
            Inserted::TooLarge => {
                self.counters.bad_fragments += 1;
                PeerMisbehaved::HandshakeTooLarge
            }
        };
        self.suspect(why)
    }

    /// Whether this is a server that takes every hello as the first (RFC 6347 §4.2.1): nobody has shown yet that the address
    /// is his, so none may stand in another's way.
    fn asks_for_cookies(&self) -> bool {
        let awaits_hello =
            matches!(&self.phase, Phase::Handshaking(it) if it.awaits_client_hello());
        awaits_hello && self.config.hello_verify
    }

    /// The message is not the one that is due.
    fn unexpected(&self, got: HandshakeType) -> PeerMisbehaved {
        match &self.phase {
            Phase::Handshaking(handshake) => {
                PeerMisbehaved::UnexpectedMessage { got, expected: handshake.waiting_for() }
            }
            _ => PeerMisbehaved::AfterTheHandshake(got),
        }
    }

    /// RFC 6347 §4.2.4: whoever sent the last flight sends it again when the peer repeats its own. Everything else is an
    /// attempt to renegotiate, which is not done, or makes no sense, and the keys say that it is the peer's.
    fn handle_late_fragment(&mut self, now: Instant, fragment: Fragment<'_>) -> Result<(), Error> {
        // A handshake begun anew counts its messages from 0 again, but only Finished was ever protected.
        let repeated = fragment.kind == HandshakeType::FINISHED;
        if repeated && self.reassembly.is_past(fragment.message_seq) {
            self.handle_repetition(now, &fragment);
            return Ok(());
        }
        self.counters.rejected_messages += 1;
        let why = PeerMisbehaved::AfterTheHandshake(fragment.kind);
        Err(self.die(why.into()))
    }

    fn handle_repetition(&mut self, now: Instant, fragment: &Fragment<'_>) {
        if !fragment.is_first() {
            return;
        }
        self.counters.repeated_messages += 1;
        // A peer that has begun to answer our flight does not miss it.
        let unanswered = self.reassembly.next_seq() == self.answered;
        if unanswered && self.flight.answer_repetition(now) {
            self.counters.retransmitted_flights += 1;
        }
    }

    /// Lets the handshake take the messages that are whole and next.
    fn advance(&mut self, now: Instant) -> Result<(), Error> {
        while let Phase::Handshaking(_) = self.phase {
            let Some(message) = self.reassembly.take_next() else {
                break;
            };
            let Some(parsed) = Parsed::read(message.kind, &message.body) else {
                let malformed = PeerMisbehaved::Malformed(message.kind).into();
                if message.epoch > 0 {
                    return Err(self.die(malformed));
                }
                self.refuse(malformed)?;
                continue;
            };
            let phase = std::mem::replace(&mut self.phase, Phase::Closed);
            let Phase::Handshaking(handshake) = phase else {
                break;
            };
            let launches = self.flight.launches();
            let config = Arc::clone(&self.config);
            match handshake.handle(&parsed, &message, &mut self.context(&config, now)) {
                Ok(Next::State(state)) => {
                    self.phase = Phase::Handshaking(state);
                    self.accept(launches);
                }
                Ok(Next::Established(established)) => {
                    self.phase = Phase::Connected(established);
                    self.accept(launches);
                    if let Some(kind) = self.reassembly.forget_unfinished() {
                        return Err(self.die(PeerMisbehaved::AfterTheHandshake(kind).into()));
                    }
                    self.application.connected();
                }
                Ok(Next::Refused(state, why)) => {
                    self.phase = Phase::Handshaking(state);
                    self.refuse(why)?;
                }
                Ok(Next::Answered(state)) => self.phase = Phase::Handshaking(state),
                Err(error) => return Err(self.die(error)),
            }
        }
        Ok(())
    }

    fn accept(&mut self, launches_before: u64) {
        self.reassembly.accept();
        self.refusal = None;
        if self.flight.launches() != launches_before {
            self.answered = self.reassembly.next_seq();
        }
    }

    /// Something in the clear was not as it should be.
    pub(super) fn refuse(&mut self, why: Error) -> Result<(), Error> {
        self.counters.rejected_messages += 1;
        self.blame(why)
    }

    /// Keeps the reason for the day the handshake times out, or ends it at once: the configuration decides.
    pub(super) fn blame(&mut self, why: Error) -> Result<(), Error> {
        match self.config.unauthenticated_errors {
            UnauthenticatedErrors::Ignore => {
                self.refusal = Some(why);
                Ok(())
            }
            UnauthenticatedErrors::Fail => Err(self.die(why)),
        }
    }

    pub(super) fn context<'a>(&'a mut self, config: &'a Config, now: Instant) -> Context<'a> {
        Context {
            config,
            now,
            flight: &mut self.flight,
            records: &mut self.records,
            peer_certificate: &mut self.peer_certificate,
        }
    }
}
