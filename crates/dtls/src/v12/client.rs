//! The client's side of the handshake.
//!
//! ```text
//!     client                                                server            state afterwards
//!  1  ClientHello                                 -->                         AwaitServerHello
//!  2                                              <--  HelloVerifyRequest                        (if the server wants)
//!  3  ClientHello with cookie                     -->                         AwaitServerHello
//!  4                                              <--  ServerHello            AwaitCertificate
//!                                                      Certificate            AwaitServerKeyExchange
//!                                                      ServerKeyExchange      AwaitCertificateRequest
//!                                                      CertificateRequest     AwaitServerHelloDone
//!                                                      ServerHelloDone
//!  5  Certificate                                 -->
//!     ClientKeyExchange
//!     CertificateVerify
//!     [ChangeCipherSpec] Finished                                             AwaitFinished
//!  6                                              <--  [ChangeCipherSpec]
//!                                                      Finished               Established
//! ```
//!
//! Flights 1, 3 and 5 have timers. A server that asks for no certificate is not a WebRTC peer and is refused, unless the
//! configuration takes it; then flight 5 has no Certificate and no CertificateVerify. What is wrong with a message in the
//! clear is found before the state moves, and the message is refused: it may not be the server's. An incoming
//! ChangeCipherSpec changes nothing: the epoch of a record says by which keys it is protected, and only a Finished of
//! epoch 1 is taken.

mod finish;
mod hello;

use std::sync::Arc;

use finish::{AwaitFinished, AwaitTicket};
use hello::AwaitServerHello;

use super::group::{KeyExchange, NamedGroup};
use super::handshake::{
    BadSignatures, Context, Established, Negotiated, Next, Transcript, unexpected,
};
use super::message::{
    Certificate, CertificateRequest, CertificateVerify, ClientKeyExchange, Finished, HandshakeType,
    Parsed, ServerKeyExchange,
};
use super::reassembly::Message;
use super::signature::{PublicKey, SignatureScheme};
use crate::config::{ClientCertificate, Config, Role};
use crate::error::{Environment, Error, PeerIncompatible, PeerMisbehaved};
use crate::identity::Identity;
use crate::session::Session;

pub(crate) enum State {
    ServerHello(Box<AwaitServerHello>),
    Certificate(Box<AwaitCertificate>),
    ServerKeyExchange(Box<AwaitServerKeyExchange>),
    CertificateRequest(Box<AwaitCertificateRequest>),
    ServerHelloDone(Box<AwaitServerHelloDone>),
    Ticket(Box<AwaitTicket>),
    Finished(Box<AwaitFinished>),
}

impl State {
    /// Flight 1.
    pub(crate) fn start(random: [u8; 32], resume: Option<Session>, cx: &mut Context<'_>) -> Self {
        Self::ServerHello(Box::new(AwaitServerHello::start(random, resume, cx)))
    }

    pub(crate) fn handle(
        self,
        parsed: &Parsed<'_>,
        message: &Message,
        cx: &mut Context<'_>,
    ) -> Result<Next<Self>, Error> {
        let next = match (self, parsed) {
            (Self::ServerHello(state), Parsed::HelloVerifyRequest(request))
                if state.takes_cookies() =>
            {
                state.handle_cookie(request, cx)
            }
            (Self::ServerHello(state), Parsed::ServerHello(hello)) => {
                return Ok(state.handle(hello, message, cx));
            }
            (Self::Certificate(state), Parsed::Certificate(certificate)) => {
                return Ok(state.handle(certificate, message));
            }
            (Self::ServerKeyExchange(state), Parsed::ServerKeyExchange(exchange)) => {
                return state.handle(exchange, message, cx);
            }
            (Self::CertificateRequest(state), Parsed::CertificateRequest(request)) => {
                return Ok(state.handle(request, message, cx));
            }
            (Self::CertificateRequest(state), Parsed::ServerHelloDone)
                if cx.config.client_certificate != ClientCertificate::Required =>
            {
                state.without_request().handle(message, cx)?
            }
            (Self::ServerHelloDone(state), Parsed::ServerHelloDone) => state.handle(message, cx)?,
            (Self::Ticket(state), Parsed::NewSessionTicket(ticket)) => {
                state.handle(ticket, message)?
            }
            (Self::Finished(state), Parsed::Finished(finished)) => {
                return state.handle(finished, message, cx);
            }
            (state, _) => {
                let expected = state.waiting_for();
                return unexpected(state, message, expected);
            }
        };
        Ok(Next::State(next))
    }

    pub(crate) fn waiting_for(&self) -> HandshakeType {
        match self {
            Self::ServerHello(_) => HandshakeType::SERVER_HELLO,
            Self::Certificate(_) => HandshakeType::CERTIFICATE,
            Self::ServerKeyExchange(_) => HandshakeType::SERVER_KEY_EXCHANGE,
            Self::CertificateRequest(_) => HandshakeType::CERTIFICATE_REQUEST,
            Self::ServerHelloDone(_) => HandshakeType::SERVER_HELLO_DONE,
            Self::Ticket(_) => HandshakeType::NEW_SESSION_TICKET,
            Self::Finished(_) => HandshakeType::FINISHED,
        }
    }
}

pub(crate) struct AwaitCertificate {
    negotiated: Negotiated,
    session_id: Vec<u8>,
    transcript: Transcript,
}

impl AwaitCertificate {
    fn handle(
        mut self: Box<Self>,
        certificate: &Certificate<'_>,
        message: &Message,
    ) -> Next<State> {
        let (certificate, peer_key) = match self.judge(certificate, message) {
            Ok(judged) => judged,
            Err(why) => return Next::Refused(State::Certificate(self), why),
        };
        Next::State(State::ServerKeyExchange(Box::new(AwaitServerKeyExchange {
            negotiated: self.negotiated,
            session_id: self.session_id,
            transcript: self.transcript,
            certificate,
            peer_key,
            bad_signatures: BadSignatures::default(),
        })))
    }

    fn judge(
        &mut self,
        certificate: &Certificate<'_>,
        message: &Message,
    ) -> Result<(Vec<u8>, PublicKey), Error> {
        let certificate = certificate.end_entity.ok_or(PeerMisbehaved::NoCertificate)?;
        let peer_key = PublicKey::of_certificate(certificate)?;
        if peer_key.is_rsa() != self.negotiated.suite.is_rsa() {
            return Err(PeerIncompatible::UnsupportedCertificateKey.into());
        }
        self.transcript.add(message)?;
        Ok((certificate.to_vec(), peer_key))
    }
}

pub(crate) struct AwaitServerKeyExchange {
    negotiated: Negotiated,
    session_id: Vec<u8>,
    transcript: Transcript,
    certificate: Vec<u8>,
    peer_key: PublicKey,
    bad_signatures: BadSignatures,
}

impl AwaitServerKeyExchange {
    fn handle(
        mut self: Box<Self>,
        exchange: &ServerKeyExchange<'_>,
        message: &Message,
        cx: &mut Context<'_>,
    ) -> Result<Next<State>, Error> {
        let group = match self.judge(exchange, message, cx.config) {
            Ok(group) => group,
            Err(why) => {
                self.bad_signatures.count(why)?;
                return Ok(Next::Refused(State::ServerKeyExchange(self), why));
            }
        };
        *cx.peer_certificate = Some(self.certificate);
        let next = AwaitCertificateRequest {
            negotiated: self.negotiated,
            session_id: self.session_id,
            transcript: self.transcript,
            server_share: ServerShare { group, public: exchange.public.to_vec() },
        };
        Ok(Next::State(State::CertificateRequest(Box::new(next))))
    }

    fn judge(
        &mut self,
        exchange: &ServerKeyExchange<'_>,
        message: &Message,
        config: &Config,
    ) -> Result<NamedGroup, Error> {
        let kind = HandshakeType::SERVER_KEY_EXCHANGE;
        let illegal = |field| PeerMisbehaved::IllegalParameter { message: kind, field };
        let group = NamedGroup::from_id(exchange.group)
            .filter(|group| config.groups.contains(group))
            .ok_or(illegal("group"))?;
        let scheme = SignatureScheme::from_id(exchange.scheme).ok_or(illegal("scheme"))?;
        let signed = exchange.params.signed_content(&self.negotiated.randoms);
        if !self.peer_key.verifies(scheme, &signed, exchange.signature) {
            return Err(PeerMisbehaved::BadSignature(kind).into());
        }
        self.transcript.add(message)?;
        Ok(group)
    }
}

/// The server's public value, signed by its certificate.
struct ServerShare {
    group: NamedGroup,
    public: Vec<u8>,
}

pub(crate) struct AwaitCertificateRequest {
    negotiated: Negotiated,
    session_id: Vec<u8>,
    transcript: Transcript,
    server_share: ServerShare,
}

impl AwaitCertificateRequest {
    fn handle(
        mut self: Box<Self>,
        request: &CertificateRequest<'_>,
        message: &Message,
        cx: &Context<'_>,
    ) -> Next<State> {
        match self.judge(request, message, cx.config) {
            Ok(answer) => Next::State(State::ServerHelloDone(Box::new(self.answer_with(answer)))),
            Err(why) => Next::Refused(State::CertificateRequest(self), why),
        }
    }

    fn judge(
        &mut self,
        request: &CertificateRequest<'_>,
        message: &Message,
        config: &Config,
    ) -> Result<CertificateAnswer, Error> {
        let answer = match (config.client_certificate, first_welcome(request, config)) {
            (ClientCertificate::Required, None) => {
                return Err(PeerIncompatible::NoCommonSignatureScheme.into());
            }
            (
                ClientCertificate::Required | ClientCertificate::Optional,
                Some((identity, scheme)),
            ) => CertificateAnswer::Ours(identity, scheme),
            (ClientCertificate::Optional, None) | (ClientCertificate::Never, _) => {
                CertificateAnswer::Empty
            }
        };
        self.transcript.add(message)?;
        Ok(answer)
    }

    /// The server did not ask for a certificate.
    fn without_request(self) -> Box<AwaitServerHelloDone> {
        Box::new(self.answer_with(CertificateAnswer::Unasked))
    }

    fn answer_with(self, answer: CertificateAnswer) -> AwaitServerHelloDone {
        AwaitServerHelloDone {
            negotiated: self.negotiated,
            session_id: self.session_id,
            transcript: self.transcript,
            server_share: self.server_share,
            answer,
        }
    }
}

/// The first identity of ours that the request takes, and what it signs with.
pub(super) fn first_welcome(
    request: &CertificateRequest<'_>,
    config: &Config,
) -> Option<(Arc<Identity>, SignatureScheme)> {
    config.identities().filter(|identity| request.takes(identity.is_rsa())).find_map(|identity| {
        let mut schemes = identity.schemes().iter();
        let scheme = schemes.find(|scheme| request.schemes.contains(scheme))?;
        Some((Arc::clone(identity), *scheme))
    })
}

/// What we answer to a CertificateRequest, or to none.
enum CertificateAnswer {
    /// No Certificate message at all.
    Unasked,
    /// One without certificates (RFC 5246 §7.4.6).
    Empty,
    /// Our certificate, and a CertificateVerify of this scheme.
    Ours(Arc<Identity>, SignatureScheme),
}

pub(crate) struct AwaitServerHelloDone {
    negotiated: Negotiated,
    session_id: Vec<u8>,
    transcript: Transcript,
    server_share: ServerShare,
    answer: CertificateAnswer,
}

impl AwaitServerHelloDone {
    /// Flight 5.
    fn handle(mut self, message: &Message, cx: &mut Context<'_>) -> Result<State, Error> {
        self.transcript.add(message)?;
        let group = self.server_share.group;
        let exchange = KeyExchange::generate(group)?;
        let end_entity = match &self.answer {
            CertificateAnswer::Ours(identity, _) => Some(identity.certificate_der()),
            CertificateAnswer::Empty | CertificateAnswer::Unasked => None,
        };
        let key_exchange = ClientKeyExchange { public: exchange.public() }.encode();

        let own = self.transcript.own();
        cx.flight.clear();
        if !matches!(self.answer, CertificateAnswer::Unasked) {
            let certificate = Certificate { end_entity }.encode();
            cx.flight.push(0, HandshakeType::CERTIFICATE, certificate, own);
        }
        cx.flight.push(0, HandshakeType::CLIENT_KEY_EXCHANGE, key_exchange, own);

        let pre_master = exchange.agree(&self.server_share.public)?;
        let master = self.negotiated.master_secret(&pre_master, &self.transcript);
        self.negotiated.install_keys(&master, Role::Client, cx.records);

        if let CertificateAnswer::Ours(identity, scheme) = &self.answer {
            let signature = identity.sign(*scheme, self.transcript.bytes());
            let signature = signature.ok_or(Environment::SigningFailed)?;
            let verify = CertificateVerify::encode(*scheme, &signature);
            cx.flight.push(0, HandshakeType::CERTIFICATE_VERIFY, verify, self.transcript.own());
        }

        let verify_data = master.verify_data(Role::Client, self.transcript.bytes());
        let finished = Finished { verify_data }.encode();
        cx.flight.push_change_cipher_spec();
        cx.flight.push(1, HandshakeType::FINISHED, finished, self.transcript.own());
        cx.flight.launch(cx.now);

        let established = Established {
            negotiated: self.negotiated,
            group,
            master,
            resumed: false,
            identity: match self.answer {
                CertificateAnswer::Ours(identity, _) => Some(identity),
                CertificateAnswer::Empty | CertificateAnswer::Unasked => None,
            },
            session_id: self.session_id,
            ticket: Vec::new(),
        };
        Ok(AwaitFinished::after_ours(established, self.transcript))
    }
}
