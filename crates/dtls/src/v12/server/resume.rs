//! A server that resumes a session by its ticket (RFC 5077 §3.1).
//!
//! ```text
//!     client                                                server            state afterwards
//!  1  ClientHello with ticket                     -->                         AwaitClientHello
//!  2                                              <--  ServerHello
//!                                                      [ChangeCipherSpec]
//!                                                      Finished               AwaitResumedFinished
//!  3  [ChangeCipherSpec] Finished                 -->                         Established
//! ```
//!
//! Flight 2 has a timer. The ticket stays as good as it was; there is no new one.

use std::sync::Arc;
use std::time::Instant;

use super::choice::srtp_profile;
use super::{AwaitClientHello, State};
use crate::config::{ClientCertificate, Config, Role};
use crate::error::{Error, PeerIncompatible, PeerMisbehaved};
use crate::identity::Identity;
use crate::session::SessionSecrets;
use crate::v12::handshake::{Context, Established, Negotiated, Next, Transcript, same_digest};
use crate::v12::key_schedule::{MasterSecret, Randoms};
use crate::v12::message::{ClientHello, Finished, HandshakeType, ServerChoice};
use crate::v12::reassembly::Message;

/// The session of the client's ticket and who we were in it, if it may be resumed. When not, the handshake is a full one.
pub(super) fn resumable(
    hello: &ClientHello<'_>,
    config: &Config,
    now: Instant,
) -> Result<Option<(SessionSecrets, Arc<Identity>)>, PeerIncompatible> {
    let ticket = config.tickets.as_ref().zip(hello.ticket);
    let opened = ticket.and_then(|(key, ticket)| {
        let opened = |identity: &Arc<Identity>| {
            Some((key.open(now, identity, ticket)?, Arc::clone(identity)))
        };
        config.identities().find_map(opened)
    });
    let Some((session, identity)) = opened else {
        return Ok(None);
    };
    // RFC 7627 §5.3: a session with the extension is never continued without, nor the other way round.
    if session.extended_master_secret && !hello.extended_master_secret {
        return Err(PeerIncompatible::NoExtendedMasterSecret);
    }
    let certificate_missing = session.peer_certificate.is_none()
        && config.client_certificate == ClientCertificate::Required;
    let same = session.extended_master_secret == hello.extended_master_secret
        && hello.suites.contains(&session.suite)
        && config.cipher_suites.contains(&session.suite);
    Ok(Some((session, identity)).filter(|_| same && !certificate_missing))
}

impl AwaitClientHello {
    /// Flight 2 of a handshake that resumes.
    pub(super) fn resume(
        self,
        hello: &ClientHello<'_>,
        (session, identity): (SessionSecrets, Arc<Identity>),
        message: &Message,
        cx: &mut Context<'_>,
    ) -> Result<Next<State>, Error> {
        let negotiated = Negotiated {
            suite: session.suite,
            randoms: Randoms { client: hello.random, server: self.seed.hello_random },
            extended_master_secret: session.extended_master_secret,
            srtp_profile: srtp_profile(hello, cx.config),
            ticket_promised: false,
        };
        let server_hello = ServerChoice {
            random: negotiated.randoms.server,
            session_id: hello.session_id,
            promises_ticket: false,
            suite: negotiated.suite,
            extended_master_secret: negotiated.extended_master_secret,
            secure_renegotiation: hello.secure_renegotiation,
            point_formats: hello.uncompressed_points.is_some(),
            srtp_profile: negotiated.srtp_profile,
        };
        let master = MasterSecret::resumed(negotiated.suite.hash(), &session.master);
        negotiated.install_keys(&master, Role::Server, cx.records);

        let mut transcript = Transcript::default();
        transcript.add(message)?;
        cx.flight.clear();
        let own = transcript.own();
        cx.flight.push(0, HandshakeType::SERVER_HELLO, server_hello.encode(), own);
        let verify_data = master.verify_data(Role::Server, transcript.bytes());
        let finished = Finished { verify_data }.encode();
        cx.flight.push_change_cipher_spec();
        cx.flight.push(1, HandshakeType::FINISHED, finished, transcript.own());
        cx.flight.launch(cx.now);

        let established = Established {
            negotiated,
            group: session.group,
            master,
            resumed: true,
            identity: Some(identity),
            session_id: Vec::new(),
            ticket: Vec::new(),
        };
        let peer_certificate = session.peer_certificate;
        let next = AwaitResumedFinished { established, transcript, peer_certificate };
        Ok(Next::State(State::ResumedFinished(Box::new(next))))
    }
}

/// After flight 2 of a handshake that resumes.
pub(crate) struct AwaitResumedFinished {
    established: Established,
    transcript: Transcript,
    peer_certificate: Option<Vec<u8>>,
}

impl AwaitResumedFinished {
    pub(super) fn handle(
        self,
        finished: &Finished,
        cx: &mut Context<'_>,
    ) -> Result<Next<State>, Error> {
        let expected = self.established.master.verify_data(Role::Client, self.transcript.bytes());
        if !same_digest(&finished.verify_data, &expected) {
            return Err(PeerMisbehaved::WrongVerifyData.into());
        }
        *cx.peer_certificate = self.peer_certificate;
        cx.flight.clear();
        Ok(Next::Established(Box::new(self.established)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, LazyLock};
    use std::time::Duration;

    use zeroize::Zeroizing;

    use super::*;
    use crate::identity::Identity;
    use crate::session::TicketKey;
    use crate::v12::group::NamedGroup;
    use crate::v12::message::ClientOffer;
    use crate::v12::suite::CipherSuite;
    use crate::v12::tests::script::start;

    static NOW: LazyLock<Instant> = LazyLock::new(start);

    fn config() -> Config {
        let mut config = Config::new(Arc::new(Identity::generate_ecdsa().unwrap()));
        config.tickets = TicketKey::new(&[3; 32], *NOW, Duration::ZERO).map(Arc::new);
        config
    }

    fn session() -> SessionSecrets {
        SessionSecrets {
            suite: CipherSuite::EcdheEcdsaAes128GcmSha256,
            group: NamedGroup::X25519,
            extended_master_secret: true,
            master: Zeroizing::new([1; 48]),
            peer_certificate: Some(vec![1, 2, 3]),
        }
    }

    /// Whether a client with this session and these suites resumes it.
    fn verdict(
        config: &Config,
        session: &SessionSecrets,
        suites: &[CipherSuite],
        extended_master_secret: bool,
    ) -> Result<bool, PeerIncompatible> {
        let ticket = config.tickets.as_ref().unwrap();
        let ticket = ticket.seal(*NOW, &config.identity, session).unwrap();
        let bytes = ClientOffer {
            random: [0; 32],
            session_id: &[7; 32],
            ticket: Some(&ticket),
            cookie: &[],
            suites,
            groups: &NamedGroup::ALL,
            srtp_profiles: &[],
        }
        .encode();
        let mut hello = ClientHello::read(&bytes).unwrap();
        hello.extended_master_secret = extended_master_secret;
        resumable(&hello, config, *NOW).map(|session| session.is_some())
    }

    #[test]
    fn a_session_is_resumed_as_it_was_or_not_at_all() {
        let (all, with) = (&CipherSuite::ALL, true);
        assert_eq!(verdict(&config(), &session(), all, with), Ok(true));

        // RFC 7627 §5.3: the handshake is aborted, or a full one.
        let why = PeerIncompatible::NoExtendedMasterSecret;
        assert_eq!(verdict(&config(), &session(), all, false), Err(why));
        let plain = SessionSecrets { extended_master_secret: false, ..session() };
        assert_eq!(verdict(&config(), &plain, all, with), Ok(false));
        assert_eq!(verdict(&config(), &plain, all, false), Ok(true));

        // The suite is no longer offered, or no longer taken.
        let others = [CipherSuite::EcdheEcdsaAes256GcmSha384];
        assert_eq!(verdict(&config(), &session(), &others, with), Ok(false));
        let narrow = Config { cipher_suites: others.to_vec(), ..config() };
        assert_eq!(verdict(&narrow, &session(), all, with), Ok(false));

        // Whoever had no certificate then has none now.
        let anonymous = SessionSecrets { peer_certificate: None, ..session() };
        assert_eq!(verdict(&config(), &anonymous, all, with), Ok(false));
        let client_certificate = ClientCertificate::Optional;
        let lenient = Config { client_certificate, ..config() };
        assert_eq!(verdict(&lenient, &anonymous, all, with), Ok(true));
    }
}
