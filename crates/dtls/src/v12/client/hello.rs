//! The first steps of a client: its hellos, and what the server chose.

use super::finish::{AwaitFinished, judge_resumption};
use super::{AwaitCertificate, State};
use crate::config::Config;
use crate::crypto::digest::{SHA256, digest};
use crate::error::{Error, PeerIncompatible, PeerMisbehaved};
use crate::session::Session;
use crate::srtp::SrtpProfile;
use crate::v12::handshake::{Context, Negotiated, Next, Transcript};
use crate::v12::key_schedule::Randoms;
use crate::v12::message::{
    ClientOffer, HandshakeType, HelloVerifyRequest, SESSION_TICKET, ServerHello, UseSrtp,
};
use crate::v12::reassembly::Message;
use crate::v12::record::DTLS_1_2;
use crate::v12::suite::CipherSuite;

/// HelloVerifyRequests that are answered. A server sends one, and another for each that was forged in its name.
const MAX_COOKIES: u8 = 4;

/// What our hellos say, with and without a cookie.
struct Hello {
    random: [u8; 32],
    resume: Option<Session>,
    /// RFC 5077 §3.4: with a ticket it is of our making, so that a server that takes the ticket can say so.
    session_id: Vec<u8>,
}

impl Hello {
    fn new(random: [u8; 32], resume: Option<Session>, config: &Config) -> Self {
        let resume = resume.filter(|session| session.suits(config));
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
    fn resumed_by(&self, hello: &ServerHello<'_>) -> Option<&Session> {
        self.resume.as_ref().filter(|_| hello.session_id == self.session_id)
    }
}

/// After flight 1, and after flight 3.
pub(crate) struct AwaitServerHello {
    hello: Hello,
    transcript: Transcript,
    cookies: u8,
}

impl AwaitServerHello {
    /// Flight 1.
    pub(super) fn start(random: [u8; 32], resume: Option<Session>, cx: &mut Context<'_>) -> Self {
        let mut transcript = Transcript::default();
        let hello = Hello::new(random, resume, cx.config);
        hello.send(&[], &mut transcript, cx);
        Self { hello, transcript, cookies: 0 }
    }

    /// A cookie may be a forger's; the server then asks again, with the right one (RFC 6347 §4.2.1).
    pub(super) fn takes_cookies(&self) -> bool {
        self.cookies < MAX_COOKIES
    }

    /// Flight 3. RFC 6347 §4.2.1: the same hello with the cookie; the transcript begins with it.
    pub(super) fn handle_cookie(
        mut self: Box<Self>,
        request: &HelloVerifyRequest<'_>,
        cx: &mut Context<'_>,
    ) -> State {
        self.transcript = Transcript::default();
        self.hello.send(request.cookie, &mut self.transcript, cx);
        self.cookies += 1;
        State::ServerHello(self)
    }

    pub(super) fn handle(
        mut self: Box<Self>,
        hello: &ServerHello<'_>,
        message: &Message,
        cx: &mut Context<'_>,
    ) -> Next<State> {
        let judged = self.judge(hello, cx.config).and_then(|negotiated| {
            let resumed = self.hello.resumed_by(hello).cloned();
            resumed.as_ref().map_or(Ok(()), |session| judge_resumption(hello, session))?;
            self.transcript.add(message)?;
            Ok((negotiated, resumed))
        });
        Next::State(match judged {
            Err(why) => return Next::Refused(State::ServerHello(self), why),
            Ok((negotiated, Some(session))) => {
                AwaitFinished::resumed(session, negotiated, self.transcript, cx)
            }
            Ok((negotiated, None)) => {
                let session_id = hello.session_id.to_vec();
                let next = AwaitCertificate { negotiated, session_id, transcript: self.transcript };
                State::Certificate(Box::new(next))
            }
        })
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
