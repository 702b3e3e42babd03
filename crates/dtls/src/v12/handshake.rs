//! What the states of client and server have in common.

use std::sync::Arc;
use std::time::Instant;

use zeroize::Zeroizing;

use super::flight::Flight;
use super::group::NamedGroup;
use super::key_schedule::{MasterSecret, Randoms};
use super::message::{HandshakeType, Parsed};
use super::reassembly::{MAX_TOTAL, Message};
use super::record::Records;
use super::suite::CipherSuite;
use super::{client, server};
use crate::config::{Config, Role};
use crate::crypto::hmac;
use crate::error::{Error, PeerMisbehaved};
use crate::identity::Identity;
use crate::session::{Session, SessionSecrets};
use crate::srtp::SrtpProfile;

/// A handshake under way. Each state is a type that holds what exists in it, and a transition consumes it.
pub(crate) enum Handshake {
    Client(client::State),
    Server(server::State),
}

/// Where a message leads.
pub(crate) enum Next<S> {
    /// On, or in the same place.
    State(S),
    /// Nowhere: the message was in the clear, and is as if it had not come. Should the handshake time out, this was why.
    Refused(S, Error),
    /// Nowhere: the message was answered, and nothing of it is remembered (HelloVerifyRequest).
    Answered(S),
    /// To the end.
    Established(Box<Established>),
}

impl<S> Next<S> {
    pub(crate) fn map<T>(self, wrap: impl FnOnce(S) -> T) -> Next<T> {
        match self {
            Self::State(state) => Next::State(wrap(state)),
            Self::Refused(state, why) => Next::Refused(wrap(state), why),
            Self::Answered(state) => Next::Answered(wrap(state)),
            Self::Established(established) => Next::Established(established),
        }
    }
}

/// What a transition works on besides its state.
pub(crate) struct Context<'a> {
    pub(crate) config: &'a Config,
    pub(crate) now: Instant,
    pub(crate) flight: &'a mut Flight,
    pub(crate) records: &'a mut Records,
    /// Set once the peer has proved that it holds the certificate's key.
    pub(crate) peer_certificate: &'a mut Option<Vec<u8>>,
}

impl Handshake {
    pub(crate) fn handle(
        self,
        parsed: &Parsed<'_>,
        message: &Message,
        cx: &mut Context<'_>,
    ) -> Result<Next<Self>, Error> {
        match self {
            Self::Client(state) => Ok(state.handle(parsed, message, cx)?.map(Self::Client)),
            Self::Server(state) => Ok(state.handle(parsed, message, cx)?.map(Self::Server)),
        }
    }

    /// Whether it is a server that has agreed on nothing yet.
    pub(crate) fn awaits_client_hello(&self) -> bool {
        matches!(self, Self::Server(server::State::ClientHello(_)))
    }

    pub(crate) fn waiting_for(&self) -> HandshakeType {
        match self {
            Self::Client(state) => state.waiting_for(),
            Self::Server(state) => state.waiting_for(),
        }
    }
}

/// What the randomness handed in becomes.
pub(crate) struct Seed {
    pub(crate) hello_random: [u8; 32],
    pub(crate) cookie_key: hmac::Key,
}

impl Seed {
    pub(crate) fn new(random: [u8; 32]) -> Self {
        let random = Zeroizing::new(random);
        let key = hmac::Key::new(hmac::HMAC_SHA256, &*random);
        let mut hello_random = [0; 32];
        for (to, from) in hello_random.iter_mut().zip(hmac::sign(&key, b"hello random").as_ref()) {
            *to = *from;
        }
        let cookie = hmac::sign(&key, b"cookie");
        Self { hello_random, cookie_key: hmac::Key::new(hmac::HMAC_SHA256, cookie.as_ref()) }
    }
}

/// Every handshake message so far, as signatures and Finished cover them. Kept whole rather than as a digest: the hash
/// function of a CertificateVerify is known only when it comes.
#[derive(Default)]
pub(crate) struct Transcript(Vec<u8>);

impl Transcript {
    /// Adds a message of the peer.
    pub(crate) fn add(&mut self, message: &Message) -> Result<(), Error> {
        if self.0.len() + message.body.len() > MAX_TOTAL {
            return Err(PeerMisbehaved::HandshakeTooLarge.into());
        }
        message.append_to(&mut self.0);
        Ok(())
    }

    /// Where our own messages are added.
    pub(crate) fn own(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// What both hellos settled.
#[derive(Clone, Copy)]
pub(crate) struct Negotiated {
    pub(crate) suite: CipherSuite,
    pub(crate) randoms: Randoms,
    pub(crate) extended_master_secret: bool,
    pub(crate) srtp_profile: Option<SrtpProfile>,
    /// A NewSessionTicket stands before the server's Finished.
    pub(crate) ticket_promised: bool,
}

impl Negotiated {
    /// The master secret; the transcript ends with ClientKeyExchange.
    pub(crate) fn master_secret(&self, pre_master: &[u8], transcript: &Transcript) -> MasterSecret {
        let hash = self.suite.hash();
        if self.extended_master_secret {
            MasterSecret::extended(hash, pre_master, hash.digest(transcript.bytes()).as_ref())
        } else {
            MasterSecret::plain(hash, pre_master, &self.randoms)
        }
    }

    /// Derives the keys of both directions.
    pub(crate) fn install_keys(&self, master: &MasterSecret, role: Role, records: &mut Records) {
        records.install(&master.key_block(self.suite, &self.randoms), role);
    }
}

/// A completed handshake.
pub(crate) struct Established {
    pub(crate) negotiated: Negotiated,
    pub(crate) group: NamedGroup,
    pub(crate) master: MasterSecret,
    /// Whether an earlier session was resumed.
    pub(crate) resumed: bool,
    /// Whose certificate this side showed, now or in the session that is resumed. A server always shows one.
    pub(crate) identity: Option<Arc<Identity>>,
    /// What a client can resume the session with: the server's session id and ticket, either of them empty without one.
    pub(crate) session_id: Vec<u8>,
    pub(crate) ticket: Vec<u8>,
}

impl Established {
    pub(crate) fn suite(&self) -> CipherSuite {
        self.negotiated.suite
    }

    pub(crate) fn group(&self) -> NamedGroup {
        self.group
    }

    pub(crate) fn srtp_profile(&self) -> Option<SrtpProfile> {
        self.negotiated.srtp_profile
    }

    /// What both ends have to remember for the session to be resumed.
    pub(crate) fn secrets(&self, peer_certificate: Option<&[u8]>) -> SessionSecrets {
        SessionSecrets {
            suite: self.negotiated.suite,
            group: self.group,
            extended_master_secret: self.negotiated.extended_master_secret,
            master: self.master.secret().clone(),
            peer_certificate: peer_certificate.map(<[u8]>::to_vec),
        }
    }

    /// The session for a client to keep; `None` when the server named none.
    pub(crate) fn session(&self, peer_certificate: Option<&[u8]>) -> Option<Session> {
        if self.session_id.is_empty() && self.ticket.is_empty() {
            return None;
        }
        Some(Session {
            secrets: self.secrets(peer_certificate),
            id: self.session_id.clone(),
            ticket: self.ticket.clone(),
            own_certificate: self.identity.as_ref().map(|shown| shown.certificate_digest()),
        })
    }

    pub(crate) fn export(&self, label: &[u8], context: Option<&[u8]>, out: &mut [u8]) {
        self.master.export(&self.negotiated.randoms, label, context, out);
    }
}

/// Compares without telling by its time where two digests differ.
pub(crate) fn same_digest(a: &[u8; 12], b: &[u8; 12]) -> bool {
    subtle::ConstantTimeEq::ct_eq(&a[..], &b[..]).into()
}

/// Signatures of one message that did not verify. It came in the clear, so the peer's own may still come; but each of them
/// costs a verification, so there is an end to it.
#[derive(Default)]
pub(crate) struct BadSignatures(u8);

impl BadSignatures {
    /// The last of them ends the handshake.
    pub(crate) const MAX: u8 = 8;

    /// What was found wrong with the message, `Err` when that was once too often.
    pub(crate) fn count(&mut self, why: Error) -> Result<(), Error> {
        if matches!(why, Error::PeerMisbehaved(PeerMisbehaved::BadSignature(_))) {
            self.0 += 1;
        }
        if self.0 < Self::MAX { Ok(()) } else { Err(why) }
    }
}

/// A message in a state that waits for another. In the clear anybody may have sent it, and it is as if it had not come;
/// under the keys only the peer can have.
pub(crate) fn unexpected<S>(
    state: S,
    message: &Message,
    expected: HandshakeType,
) -> Result<Next<S>, Error> {
    let why = PeerMisbehaved::UnexpectedMessage { got: message.kind, expected }.into();
    if message.epoch == 0 { Ok(Next::Refused(state, why)) } else { Err(why) }
}
