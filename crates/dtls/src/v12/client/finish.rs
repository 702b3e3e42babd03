//! The last steps of a client: the server's ticket and Finished, and a session resumed (RFC 5077 §3.1).
//!
//! ```text
//!     client                                                server            state afterwards
//!  1  ClientHello with ticket                     -->                         AwaitServerHello
//!  2                                              <--  ServerHello            AwaitTicket, AwaitFinished
//!                                                      [NewSessionTicket]     AwaitFinished
//!                                                      [ChangeCipherSpec]
//!                                                      Finished
//!  3  [ChangeCipherSpec] Finished                 -->                         Established
//! ```
//!
//! Flight 3 is sent again when the server repeats its own.

use std::sync::Arc;

use super::State;
use crate::config::{Config, Role};
use crate::error::{Error, PeerMisbehaved};
use crate::identity::Identity;
use crate::session::Session;
use crate::v12::handshake::{Context, Established, Negotiated, Next, Transcript, same_digest};
use crate::v12::key_schedule::MasterSecret;
use crate::v12::message::{Finished, HandshakeType, NewSessionTicket, ServerHello};
use crate::v12::reassembly::Message;

/// A server that promised a ticket sends one before its Finished.
pub(crate) struct AwaitTicket(AwaitFinished);

impl AwaitTicket {
    pub(super) fn handle(
        mut self: Box<Self>,
        ticket: &NewSessionTicket<'_>,
        message: &Message,
    ) -> Result<State, Error> {
        self.0.transcript.add(message)?;
        // RFC 5077 §3.3: an empty one is none, and the one we had stays as it was.
        if !ticket.ticket.is_empty() {
            self.0.established.ticket = ticket.ticket.to_vec();
        }
        Ok(State::Finished(Box::new(self.0)))
    }
}

/// After our flight 5, or after the ServerHello of a session resumed.
pub(crate) struct AwaitFinished {
    established: Established,
    transcript: Transcript,
    order: Order,
}

/// Who finishes first.
enum Order {
    We,
    /// The server, which proves by it that it has the session of this certificate.
    Server {
        peer_certificate: Option<Vec<u8>>,
    },
}

impl AwaitFinished {
    /// After our flight 5.
    pub(super) fn after_ours(established: Established, transcript: Transcript) -> State {
        Self { established, transcript, order: Order::We }.state()
    }

    /// The server took the session we offered. `transcript` ends with its hello.
    pub(super) fn resumed(
        session: Session,
        negotiated: Negotiated,
        transcript: Transcript,
        cx: &mut Context<'_>,
    ) -> State {
        let identity = shown(&session, cx.config);
        let secrets = session.secrets;
        let master = MasterSecret::resumed(negotiated.suite.hash(), &secrets.master);
        negotiated.install_keys(&master, Role::Client, cx.records);
        let established = Established {
            negotiated,
            group: secrets.group,
            master,
            resumed: true,
            identity,
            session_id: session.id,
            ticket: session.ticket,
        };
        let peer_certificate = secrets.peer_certificate;
        Self { established, transcript, order: Order::Server { peer_certificate } }.state()
    }

    fn state(self) -> State {
        if self.established.negotiated.ticket_promised {
            State::Ticket(Box::new(AwaitTicket(self)))
        } else {
            State::Finished(Box::new(self))
        }
    }

    pub(super) fn handle(
        mut self,
        finished: &Finished,
        message: &Message,
        cx: &mut Context<'_>,
    ) -> Result<Next<State>, Error> {
        let expected = self.established.master.verify_data(Role::Server, self.transcript.bytes());
        if !same_digest(&finished.verify_data, &expected) {
            return Err(PeerMisbehaved::WrongVerifyData.into());
        }
        cx.flight.clear();
        if let Order::Server { peer_certificate } = self.order {
            *cx.peer_certificate = peer_certificate;
            self.transcript.add(message)?;
            let master = &self.established.master;
            let verify_data = master.verify_data(Role::Client, self.transcript.bytes());
            let answer = Finished { verify_data }.encode();
            cx.flight.push_change_cipher_spec();
            cx.flight.push(1, HandshakeType::FINISHED, answer, self.transcript.own());
            cx.flight.launch_untimed(cx.now);
        }
        Ok(Next::Established(Box::new(self.established)))
    }
}

/// Whose certificate we showed in the session.
fn shown(session: &Session, config: &Config) -> Option<Arc<Identity>> {
    let digest = session.own_certificate?;
    config.identities().find(|identity| identity.certificate_digest() == digest).cloned()
}

/// Whether a hello that resumes our session resumes it as it was (RFC 5246 §7.4.1.3, RFC 7627 §5.3).
pub(super) fn judge_resumption(hello: &ServerHello<'_>, session: &Session) -> Result<(), Error> {
    let illegal =
        |field| PeerMisbehaved::IllegalParameter { message: HandshakeType::SERVER_HELLO, field };
    if hello.suite != session.secrets.suite.id() {
        return Err(illegal("cipher suite of the session").into());
    }
    if hello.extended_master_secret != session.secrets.extended_master_secret {
        return Err(illegal("extended master secret of the session").into());
    }
    Ok(())
}
