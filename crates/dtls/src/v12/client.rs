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
//! configuration takes it; then flight 5 has no Certificate and no CertificateVerify. An incoming
//! ChangeCipherSpec changes nothing: the epoch of a record says by which keys it is protected, and only a Finished of
//! epoch 1 is taken.

mod finish;

use finish::{AwaitFinished, AwaitTicket, judge_resumption};
use ring::digest::{SHA256, digest};

use super::group::{KeyExchange, NamedGroup};
use super::handshake::{Context, Established, Negotiated, Next, Transcript, unexpected};
use super::key_schedule::Randoms;
use super::message::{
    Certificate, CertificateRequest, CertificateVerify, ClientKeyExchange, ClientOffer, Finished,
    HandshakeType, HelloVerifyRequest, Parsed, SESSION_TICKET, ServerHello, ServerKeyExchange,
    UseSrtp,
};
use super::reassembly::Message;
use super::record::DTLS_1_2;
use super::signature::{PublicKey, SignatureScheme};
use super::suite::CipherSuite;
use crate::config::{ClientCertificate, Config, Role};
use crate::error::{Environment, Error, PeerIncompatible, PeerMisbehaved};
use crate::session::Session;
use crate::srtp::SrtpProfile;

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
        let mut transcript = Transcript::default();
        let hello = Hello::new(random, resume);
        hello.send(&[], &mut transcript, cx);
        Self::ServerHello(Box::new(AwaitServerHello { hello, transcript, cookie_sent: false }))
    }

    pub(crate) fn handle(
        self,
        parsed: &Parsed<'_>,
        message: &Message,
        cx: &mut Context<'_>,
    ) -> Result<Next<Self>, Error> {
        let next = match (self, parsed) {
            (Self::ServerHello(state), Parsed::HelloVerifyRequest(request))
                if !state.cookie_sent =>
            {
                state.handle_cookie(request, cx)
            }
            (Self::ServerHello(state), Parsed::ServerHello(hello)) => {
                state.handle(hello, message, cx)?
            }
            (Self::Certificate(state), Parsed::Certificate(certificate)) => {
                state.handle(certificate, message)?
            }
            (Self::ServerKeyExchange(state), Parsed::ServerKeyExchange(exchange)) => {
                state.handle(exchange, message, cx)?
            }
            (Self::CertificateRequest(state), Parsed::CertificateRequest(request)) => {
                state.handle(request, message, cx)?
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

/// What our hellos say, with and without a cookie.
struct Hello {
    random: [u8; 32],
    resume: Option<Session>,
    /// RFC 5077 §3.4: with a ticket it is of our making, so that a server that takes the ticket can say so.
    session_id: Vec<u8>,
}

impl Hello {
    fn new(random: [u8; 32], resume: Option<Session>) -> Self {
        let session_id = match &resume {
            None => Vec::new(),
            Some(session) if session.ticket.is_empty() => session.id.clone(),
            Some(session) => digest(&SHA256, &session.ticket).as_ref().to_vec(),
        };
        Self { random, resume, session_id }
    }

    fn send(&self, cookie: &[u8], transcript: &mut Transcript, cx: &mut Context<'_>) {
        let ticket = self.resume.as_ref().map_or(&[][..], |session| &session.ticket);
        let offer = ClientOffer {
            random: self.random,
            session_id: &self.session_id,
            ticket: self.offers_tickets(cx.config).then_some(ticket),
            cookie,
            suites: &cx.config.cipher_suites,
            groups: &cx.config.groups,
            srtp_profiles: &cx.config.srtp_profiles,
        };
        cx.flight.clear();
        cx.flight.push(0, HandshakeType::CLIENT_HELLO, offer.encode(), transcript.own());
        cx.flight.launch(cx.now);
    }

    fn offers_tickets(&self, config: &Config) -> bool {
        config.ask_for_tickets || self.resume.as_ref().is_some_and(|it| !it.ticket.is_empty())
    }

    /// RFC 5246 §7.4.1.3: a server that resumes the session gives its id back.
    fn resumed_by(&mut self, hello: &ServerHello<'_>) -> Option<Session> {
        self.resume.take().filter(|_| hello.session_id == self.session_id)
    }
}

/// After flight 1, and after flight 3.
pub(crate) struct AwaitServerHello {
    hello: Hello,
    transcript: Transcript,
    cookie_sent: bool,
}

impl AwaitServerHello {
    /// Flight 3. RFC 6347 §4.2.1: the same hello with the cookie; the transcript begins with it.
    fn handle_cookie(
        mut self: Box<Self>,
        request: &HelloVerifyRequest<'_>,
        cx: &mut Context<'_>,
    ) -> State {
        self.transcript = Transcript::default();
        self.hello.send(request.cookie, &mut self.transcript, cx);
        self.cookie_sent = true;
        State::ServerHello(self)
    }

    fn handle(
        mut self,
        hello: &ServerHello<'_>,
        message: &Message,
        cx: &mut Context<'_>,
    ) -> Result<State, Error> {
        let negotiated = self.judge(hello, cx.config)?;
        self.transcript.add(message)?;
        if let Some(session) = self.hello.resumed_by(hello) {
            judge_resumption(hello, &session)?;
            return Ok(AwaitFinished::resumed(session, negotiated, self.transcript, cx));
        }
        let session_id = hello.session_id.to_vec();
        let next = AwaitCertificate { negotiated, session_id, transcript: self.transcript };
        Ok(State::Certificate(Box::new(next)))
    }

    /// Whether the server chose from what we offered.
    fn judge(&self, hello: &ServerHello<'_>, config: &Config) -> Result<Negotiated, Error> {
        if hello.version != DTLS_1_2 {
            return Err(PeerIncompatible::Version(hello.version).into());
        }
        let unsolicited_ticket =
            (hello.promises_ticket && !self.hello.offers_tickets(config)).then_some(SESSION_TICKET);
        if let Some(extension) = hello.unsolicited.or(unsolicited_ticket) {
            return Err(PeerMisbehaved::UnsolicitedExtension(extension).into());
        }
        let suite = CipherSuite::from_id(hello.suite)
            .filter(|suite| config.cipher_suites.contains(suite))
            .ok_or(illegal("cipher suite"))?;
        if hello.compression != 0 {
            return Err(illegal("compression method").into());
        }
        if hello.uncompressed_points == Some(false) {
            return Err(illegal("point formats").into());
        }
        // RFC 5746 §3.4: on an initial handshake the value is empty.
        if hello.renegotiation_info.is_some_and(|content| content != [0]) {
            return Err(illegal("renegotiation_info").into());
        }
        if config.require_extended_master_secret && !hello.extended_master_secret {
            return Err(PeerIncompatible::NoExtendedMasterSecret.into());
        }
        let srtp_profile = match &hello.use_srtp {
            Some(choice) => Some(judge_srtp(choice, config)?),
            None => None,
        };
        Ok(Negotiated {
            suite,
            randoms: Randoms { client: self.hello.random, server: hello.random },
            extended_master_secret: hello.extended_master_secret,
            srtp_profile,
            ticket_promised: hello.promises_ticket,
        })
    }
}

/// RFC 5764 §4.1.1: exactly one profile of those offered, and our empty MKI or none.
fn judge_srtp(choice: &UseSrtp, config: &Config) -> Result<SrtpProfile, PeerMisbehaved> {
    let [id] = choice.profiles[..] else {
        return Err(illegal("SRTP profile"));
    };
    if choice.has_mki {
        return Err(illegal("SRTP MKI"));
    }
    SrtpProfile::from_id(id)
        .filter(|profile| config.srtp_profiles.contains(profile))
        .ok_or(illegal("SRTP profile"))
}

fn illegal(field: &'static str) -> PeerMisbehaved {
    PeerMisbehaved::IllegalParameter { message: HandshakeType::SERVER_HELLO, field }
}

pub(crate) struct AwaitCertificate {
    negotiated: Negotiated,
    session_id: Vec<u8>,
    transcript: Transcript,
}

impl AwaitCertificate {
    fn handle(mut self, certificate: &Certificate<'_>, message: &Message) -> Result<State, Error> {
        let certificate = certificate.end_entity.ok_or(PeerMisbehaved::NoCertificate)?;
        let peer_key = PublicKey::of_certificate(certificate)?;
        if peer_key.is_rsa() != self.negotiated.suite.is_rsa() {
            return Err(PeerIncompatible::UnsupportedCertificateKey.into());
        }
        self.transcript.add(message)?;
        let next = AwaitServerKeyExchange {
            negotiated: self.negotiated,
            session_id: self.session_id,
            transcript: self.transcript,
            certificate: certificate.to_vec(),
            peer_key,
        };
        Ok(State::ServerKeyExchange(Box::new(next)))
    }
}

pub(crate) struct AwaitServerKeyExchange {
    negotiated: Negotiated,
    session_id: Vec<u8>,
    transcript: Transcript,
    certificate: Vec<u8>,
    peer_key: PublicKey,
}

impl AwaitServerKeyExchange {
    fn handle(
        mut self,
        exchange: &ServerKeyExchange<'_>,
        message: &Message,
        cx: &mut Context<'_>,
    ) -> Result<State, Error> {
        let kind = HandshakeType::SERVER_KEY_EXCHANGE;
        let illegal = |field| PeerMisbehaved::IllegalParameter { message: kind, field };
        let group = NamedGroup::from_id(exchange.group)
            .filter(|group| cx.config.groups.contains(group))
            .ok_or(illegal("group"))?;
        let scheme = SignatureScheme::from_id(exchange.scheme).ok_or(illegal("scheme"))?;
        let signed = exchange.params.signed_content(&self.negotiated.randoms);
        if !self.peer_key.verifies(scheme, &signed, exchange.signature) {
            return Err(PeerMisbehaved::BadSignature(kind).into());
        }
        *cx.peer_certificate = Some(self.certificate);
        self.transcript.add(message)?;
        let next = AwaitCertificateRequest {
            negotiated: self.negotiated,
            session_id: self.session_id,
            transcript: self.transcript,
            server_share: ServerShare { group, public: exchange.public.to_vec() },
        };
        Ok(State::CertificateRequest(Box::new(next)))
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
        mut self,
        request: &CertificateRequest<'_>,
        message: &Message,
        cx: &mut Context<'_>,
    ) -> Result<State, Error> {
        let identity = &cx.config.identity;
        let scheme = identity
            .schemes()
            .iter()
            .copied()
            .find(|scheme| request.schemes.contains(scheme))
            .filter(|_| request.takes(identity.is_rsa()));
        let answer = match (cx.config.client_certificate, scheme) {
            (ClientCertificate::Required, None) => {
                return Err(PeerIncompatible::NoCommonSignatureScheme.into());
            }
            (ClientCertificate::Required | ClientCertificate::Optional, Some(scheme)) => {
                CertificateAnswer::Ours(scheme)
            }
            (ClientCertificate::Optional, None) | (ClientCertificate::Never, _) => {
                CertificateAnswer::Empty
            }
        };
        self.transcript.add(message)?;
        Ok(State::ServerHelloDone(Box::new(self.answer_with(answer))))
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

/// What we answer to a CertificateRequest, or to none.
#[derive(Clone, Copy)]
enum CertificateAnswer {
    /// No Certificate message at all.
    Unasked,
    /// One without certificates (RFC 5246 §7.4.6).
    Empty,
    /// Our certificate, and a CertificateVerify of this scheme.
    Ours(SignatureScheme),
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
        let identity = &cx.config.identity;
        let group = self.server_share.group;
        let exchange = KeyExchange::generate(group)?;
        let end_entity = match self.answer {
            CertificateAnswer::Ours(_) => Some(identity.certificate_der()),
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

        if let CertificateAnswer::Ours(scheme) = self.answer {
            let signature =
                identity.sign(scheme, self.transcript.bytes()).ok_or(Environment::SigningFailed)?;
            let verify = CertificateVerify::encode(scheme, &signature);
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
            session_id: self.session_id,
            ticket: Vec::new(),
        };
        Ok(AwaitFinished::after_ours(established, self.transcript))
    }
}
