//! The server's side of the handshake.
//!
//! ```text
//!     client                                                server            state afterwards
//!  1  ClientHello                                 -->                         AwaitClientHello
//!  2                                              <--  HelloVerifyRequest     AwaitClientHello   (only if configured)
//!  3  ClientHello with cookie                     -->
//!  4                                              <--  ServerHello
//!                                                      Certificate
//!                                                      ServerKeyExchange
//!                                                      CertificateRequest
//!                                                      ServerHelloDone        AwaitCertificate
//!  5  Certificate                                 -->                         AwaitClientKeyExchange
//!     ClientKeyExchange                                                       AwaitCertificateVerify
//!     CertificateVerify                                                       AwaitFinished
//!     [ChangeCipherSpec] Finished
//!  6                                              <--  [ChangeCipherSpec]
//!                                                      Finished               Established
//! ```
//!
//! Where the configuration has no client certificates, CertificateRequest, Certificate and CertificateVerify are left out;
//! a client that has none sends an empty Certificate and no CertificateVerify.
//!
//! Flight 4 has a timer; flights 2 and 6 are sent again when the client repeats its own. An incoming ChangeCipherSpec
//! changes nothing: the epoch of a record says by which keys it is protected, and only a Finished of epoch 1 is taken.

mod choice;
mod resume;

use std::sync::Arc;

pub(super) use choice::Choice;
use resume::{AwaitResumedFinished, resumable};

use super::group::KeyExchange;
use super::handshake::{
    BadSignatures, Context, Established, Negotiated, Next, Seed, Transcript, same_digest,
    unexpected,
};
use super::key_schedule::{MasterSecret, Randoms};
use super::message::{
    Certificate, CertificateVerify, ClientHello, ClientKeyExchange, Finished, HandshakeType,
    HelloVerifyRequest, NewSessionTicket, Parsed, ServerChoice, ServerEcdhParams, ServerHelloDone,
    encode_certificate_request,
};
use super::reassembly::Message;
use super::signature::{PublicKey, SignatureScheme};
use crate::config::{ClientCertificate, Config, Role};
use crate::crypto::hmac;
use crate::error::{Environment, Error, PeerMisbehaved};
use crate::identity::Identity;
use crate::session::SessionSecrets;

pub(crate) enum State {
    ClientHello(Box<AwaitClientHello>),
    Certificate(Box<AwaitCertificate>),
    ClientKeyExchange(Box<AwaitClientKeyExchange>),
    CertificateVerify(Box<AwaitCertificateVerify>),
    Finished(Box<AwaitFinished>),
    ResumedFinished(Box<AwaitResumedFinished>),
}

impl State {
    pub(crate) fn new(seed: Seed) -> Self {
        Self::ClientHello(Box::new(AwaitClientHello { seed }))
    }

    pub(crate) fn handle(
        self,
        parsed: &Parsed<'_>,
        message: &Message,
        cx: &mut Context<'_>,
    ) -> Result<Next<Self>, Error> {
        match (self, parsed) {
            (Self::ClientHello(state), Parsed::ClientHello(hello)) => {
                state.handle(hello, message, cx)
            }
            (Self::Certificate(state), Parsed::Certificate(certificate)) => {
                Ok(state.handle(certificate, message, cx))
            }
            (Self::ClientKeyExchange(state), Parsed::ClientKeyExchange(exchange)) => {
                state.handle(exchange, message, cx)
            }
            (Self::CertificateVerify(state), Parsed::CertificateVerify(verify)) => {
                state.handle(verify, message, cx)
            }
            (Self::Finished(state), Parsed::Finished(finished)) => {
                state.handle(finished, message, cx)
            }
            (Self::ResumedFinished(state), Parsed::Finished(finished)) => {
                state.handle(finished, cx)
            }
            (state, _) => {
                let expected = state.waiting_for();
                unexpected(state, message, expected)
            }
        }
    }

    pub(crate) fn waiting_for(&self) -> HandshakeType {
        match self {
            Self::ClientHello(_) => HandshakeType::CLIENT_HELLO,
            Self::Certificate(_) => HandshakeType::CERTIFICATE,
            Self::ClientKeyExchange(_) => HandshakeType::CLIENT_KEY_EXCHANGE,
            Self::CertificateVerify(_) => HandshakeType::CERTIFICATE_VERIFY,
            Self::Finished(_) | Self::ResumedFinished(_) => HandshakeType::FINISHED,
        }
    }
}

/// Before flight 1, and between 2 and 3.
pub(crate) struct AwaitClientHello {
    seed: Seed,
}

impl AwaitClientHello {
    /// A hello we cannot serve is refused but ends nothing: whoever knows the addresses can send one. Nor is it answered,
    /// since an alert in the clear would reach the real client, whose stack may obey it. The client is told when the
    /// handshake is given up.
    fn handle(
        self: Box<Self>,
        hello: &ClientHello<'_>,
        message: &Message,
        cx: &mut Context<'_>,
    ) -> Result<Next<State>, Error> {
        if cx.config.hello_verify {
            // The client counts its hellos, and both count from there.
            cx.flight.set_next_message_seq(message.message_seq());
            if !self.has_valid_cookie(hello) {
                self.send_cookie(hello, cx);
                return Ok(Next::Answered(State::ClientHello(self)));
            }
        }
        let verdict = Choice::check_basics(hello, cx.config)
            .and_then(|()| resumable(hello, cx.config, cx.now))
            .and_then(|session| match session {
                Some(session) => Ok(Verdict::Resume(session)),
                None => Choice::from_offer(hello, cx.config).map(Verdict::Negotiate),
            });
        match verdict {
            Ok(Verdict::Resume(session)) => self.resume(hello, session, message, cx),
            Ok(Verdict::Negotiate(choice)) => self.answer(hello, choice, message, cx),
            Err(why) => Ok(Next::Refused(State::ClientHello(self), why.into())),
        }
    }

    /// RFC 6347 §4.2.1: the cookie is bound to everything else in the hello. One that is wrong is as good as none.
    fn has_valid_cookie(&self, hello: &ClientHello<'_>) -> bool {
        let (before, after) = hello.around_cookie;
        let bound = [before, after].concat();
        hmac::verify(&self.seed.cookie_key, &bound, hello.cookie).is_ok()
    }

    /// Flight 2. The hello it answers counts for nothing, neither in the transcript nor for the hellos to come: it may be a
    /// forger's, and the next one is the client's.
    fn send_cookie(&self, hello: &ClientHello<'_>, cx: &mut Context<'_>) {
        let (before, after) = hello.around_cookie;
        let cookie = hmac::sign(&self.seed.cookie_key, &[before, after].concat());
        let request = HelloVerifyRequest { cookie: cookie.as_ref() };
        cx.flight.clear();
        let kind = HandshakeType::HELLO_VERIFY_REQUEST;
        cx.flight.push(0, kind, request.encode(), &mut Vec::new());
        cx.flight.launch_untimed(cx.now);
    }

    /// Flight 4.
    fn answer(
        self,
        hello: &ClientHello<'_>,
        choice: Choice,
        message: &Message,
        cx: &mut Context<'_>,
    ) -> Result<Next<State>, Error> {
        let identity = choice.identity;
        let randoms = Randoms { client: hello.random, server: self.seed.hello_random };
        let ticket_promised = cx.config.tickets.is_some() && hello.ticket.is_some();
        let server_hello = ServerChoice {
            random: randoms.server,
            session_id: &[],
            promises_ticket: ticket_promised,
            suite: choice.suite,
            extended_master_secret: hello.extended_master_secret,
            secure_renegotiation: hello.secure_renegotiation,
            point_formats: hello.uncompressed_points.is_some(),
            srtp_profile: choice.srtp_profile,
        };
        let certificate = Certificate { end_entity: Some(identity.certificate_der()) };

        let exchange = KeyExchange::generate(choice.group)?;
        let mut params = Vec::new();
        let params = ServerEcdhParams::new(choice.group, exchange.public(), &mut params);
        let signature = identity
            .sign(choice.scheme, &params.signed_content(&randoms))
            .ok_or(Environment::SigningFailed)?;

        let mut transcript = Transcript::default();
        transcript.add(message)?;
        let own = transcript.own();
        cx.flight.clear();
        cx.flight.push(0, HandshakeType::SERVER_HELLO, server_hello.encode(), own);
        cx.flight.push(0, HandshakeType::CERTIFICATE, certificate.encode(), own);
        let key_exchange = params.encode_signed(choice.scheme, &signature);
        cx.flight.push(0, HandshakeType::SERVER_KEY_EXCHANGE, key_exchange, own);
        let asks = cx.config.client_certificate != ClientCertificate::Never;
        if asks {
            let request = encode_certificate_request();
            cx.flight.push(0, HandshakeType::CERTIFICATE_REQUEST, request, own);
        }
        cx.flight.push(0, HandshakeType::SERVER_HELLO_DONE, ServerHelloDone::encode(), own);
        cx.flight.launch(cx.now);

        let negotiated = Negotiated {
            suite: choice.suite,
            randoms,
            extended_master_secret: hello.extended_master_secret,
            srtp_profile: choice.srtp_profile,
            ticket_promised,
        };
        let next = AwaitCertificate { negotiated, transcript, exchange, identity };
        Ok(Next::State(if asks {
            State::Certificate(Box::new(next))
        } else {
            State::ClientKeyExchange(Box::new(next.followed_by(None)))
        }))
    }
}

/// What is to be done about a hello.
enum Verdict {
    Resume((SessionSecrets, Arc<Identity>)),
    Negotiate(Choice),
}

/// After flight 4.
pub(crate) struct AwaitCertificate {
    negotiated: Negotiated,
    transcript: Transcript,
    exchange: KeyExchange,
    /// Who we are to this client.
    identity: Arc<Identity>,
}

impl AwaitCertificate {
    fn handle(
        mut self: Box<Self>,
        certificate: &Certificate<'_>,
        message: &Message,
        cx: &Context<'_>,
    ) -> Next<State> {
        match self.judge(certificate, message, cx.config) {
            Ok(peer) => Next::State(State::ClientKeyExchange(Box::new(self.followed_by(peer)))),
            Err(why) => Next::Refused(State::Certificate(self), why),
        }
    }

    fn judge(
        &mut self,
        certificate: &Certificate<'_>,
        message: &Message,
        config: &Config,
    ) -> Result<Option<UnprovenPeer>, Error> {
        let peer = match certificate.end_entity {
            Some(certificate) => {
                let key = PublicKey::of_certificate(certificate)?;
                Some(UnprovenPeer { certificate: certificate.to_vec(), key })
            }
            None if config.client_certificate == ClientCertificate::Required => {
                return Err(PeerMisbehaved::NoCertificate.into());
            }
            None => None,
        };
        self.transcript.add(message)?;
        Ok(peer)
    }

    fn followed_by(self, peer: Option<UnprovenPeer>) -> AwaitClientKeyExchange {
        AwaitClientKeyExchange {
            negotiated: self.negotiated,
            transcript: self.transcript,
            exchange: self.exchange,
            identity: self.identity,
            peer,
        }
    }
}

/// A certificate whose key the peer has not used yet.
struct UnprovenPeer {
    certificate: Vec<u8>,
    key: PublicKey,
}

pub(crate) struct AwaitClientKeyExchange {
    negotiated: Negotiated,
    transcript: Transcript,
    exchange: KeyExchange,
    identity: Arc<Identity>,
    /// `None` for a client without a certificate.
    peer: Option<UnprovenPeer>,
}

impl AwaitClientKeyExchange {
    fn handle(
        mut self,
        exchange: &ClientKeyExchange<'_>,
        message: &Message,
        cx: &mut Context<'_>,
    ) -> Result<Next<State>, Error> {
        let group = self.exchange.group();
        let pre_master = self.exchange.agree(exchange.public)?;
        self.transcript.add(message)?;
        let master = self.negotiated.master_secret(&pre_master, &self.transcript);
        self.negotiated.install_keys(&master, Role::Server, cx.records);
        let established = Established {
            negotiated: self.negotiated,
            group,
            master,
            resumed: false,
            identity: Some(self.identity),
            session_id: Vec::new(),
            ticket: Vec::new(),
        };
        let transcript = self.transcript;
        Ok(Next::State(match self.peer {
            Some(peer) => State::CertificateVerify(Box::new(AwaitCertificateVerify {
                established,
                transcript,
                peer,
                bad_signatures: BadSignatures::default(),
            })),
            None => State::Finished(Box::new(AwaitFinished { established, transcript })),
        }))
    }
}

pub(crate) struct AwaitCertificateVerify {
    established: Established,
    transcript: Transcript,
    peer: UnprovenPeer,
    bad_signatures: BadSignatures,
}

impl AwaitCertificateVerify {
    fn handle(
        mut self: Box<Self>,
        verify: &CertificateVerify<'_>,
        message: &Message,
        cx: &mut Context<'_>,
    ) -> Result<Next<State>, Error> {
        if let Err(why) = self.judge(verify, message) {
            self.bad_signatures.count(why)?;
            return Ok(Next::Refused(State::CertificateVerify(self), why));
        }
        *cx.peer_certificate = Some(self.peer.certificate);
        let next = AwaitFinished { established: self.established, transcript: self.transcript };
        Ok(Next::State(State::Finished(Box::new(next))))
    }

    fn judge(&mut self, verify: &CertificateVerify<'_>, message: &Message) -> Result<(), Error> {
        let kind = HandshakeType::CERTIFICATE_VERIFY;
        let scheme = SignatureScheme::from_id(verify.scheme)
            .ok_or(PeerMisbehaved::IllegalParameter { message: kind, field: "scheme" })?;
        if !self.peer.key.verifies(scheme, self.transcript.bytes(), verify.signature) {
            return Err(PeerMisbehaved::BadSignature(kind).into());
        }
        self.transcript.add(message)
    }
}

pub(crate) struct AwaitFinished {
    established: Established,
    transcript: Transcript,
}

impl AwaitFinished {
    /// Flight 6.
    fn handle(
        mut self,
        finished: &Finished,
        message: &Message,
        cx: &mut Context<'_>,
    ) -> Result<Next<State>, Error> {
        let master: &MasterSecret = &self.established.master;
        let expected = master.verify_data(Role::Client, self.transcript.bytes());
        if !same_digest(&finished.verify_data, &expected) {
            return Err(PeerMisbehaved::WrongVerifyData.into());
        }
        self.transcript.add(message)?;

        cx.flight.clear();
        if self.established.negotiated.ticket_promised {
            let secrets = self.established.secrets(cx.peer_certificate.as_deref());
            // RFC 5077 §3.3: who promised one and has none sends an empty one.
            let sealed = cx.config.tickets.as_ref().and_then(|key| {
                let identity = self.established.identity.as_deref()?;
                Some((key.lifetime_hint(), key.seal(cx.now, identity, &secrets)?))
            });
            let (lifetime_hint, ticket) = sealed.unwrap_or_default();
            let ticket = NewSessionTicket { lifetime_hint, ticket: &ticket };
            let kind = HandshakeType::NEW_SESSION_TICKET;
            cx.flight.push(0, kind, ticket.encode(), self.transcript.own());
        }
        let verify_data = master.verify_data(Role::Server, self.transcript.bytes());
        let answer = Finished { verify_data }.encode();
        cx.flight.push_change_cipher_spec();
        cx.flight.push(1, HandshakeType::FINISHED, answer, self.transcript.own());
        cx.flight.launch_untimed(cx.now);
        Ok(Next::Established(Box::new(self.established)))
    }
}
