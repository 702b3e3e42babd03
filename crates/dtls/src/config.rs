//! What a connection is made with.

use std::sync::Arc;
use std::time::Duration;

use crate::identity::Identity;
use crate::session::TicketKey;
use crate::srtp::SrtpProfile;
use crate::v12::{CipherSuite, NamedGroup};

/// Which side of the handshake this is. With SDP, `a=setup:active` is the client (RFC 5763 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Sends the ClientHello.
    Client,
    /// Waits for it.
    Server,
}

/// Whether the client's end is authenticated by a certificate (RFC 5246 §7.4.4); the server's always is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum ClientCertificate {
    /// A server asks for one and refuses clients without. A client refuses servers that do not ask, and those that do
    /// not take its own: WebRTC authenticates both ends (RFC 8827 §6.5).
    #[default]
    Required,
    /// A server asks and takes clients without one. A client shows its own to servers that ask and take it.
    Optional,
    /// A server does not ask. A client shows none.
    Never,
}

/// What becomes of a handshake when something comes in the clear that a peer should not have sent: a fatal alert, a
/// message that does not parse, is not due, or can be seen to be wrong where it is: a choice that was not offered, no
/// certificate or none that can be read, a signature that does not verify, an offer that cannot be served.
///
/// Nothing in the clear is authenticated, so whoever knows the addresses could have sent it. What nobody can tell from the
/// peer's own (a hello, a certificate, a public value that is as good as any) takes its place whatever stands here, and the
/// handshake fails by it: at once where the public value is not on its curve or Finished does not match, else by its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum UnauthenticatedErrors {
    /// It is dropped, counted, and not answered, and the real peer still has its turn (RFC 6347 §4.1.2.7 advises so).
    /// An incompatible peer is found out only when the handshake times out. The eighth signature that does not verify
    /// ends the handshake even so: each has cost a verification.
    #[default]
    Ignore,
    /// The handshake fails at once, with a fatal alert to the peer, as a TLS stack over a reliable transport does. A
    /// forger can end a handshake, but nobody waits for one that cannot succeed.
    Fail,
}

/// What connections are made with; one serves any number of them.
#[derive(Clone, Debug)]
pub struct Config {
    /// Certificate and private key.
    pub identity: Arc<Identity>,
    /// More of them, in the order of preference, for peers that can do nothing with the one above: by their cipher suites,
    /// groups and signature algorithms, or by the kinds of certificates that they ask for. Signaling has to carry the
    /// fingerprint of each (RFC 8122 §5). Default: none.
    pub more_identities: Vec<Arc<Identity>>,
    /// SRTP profiles in the order of preference. A server picks the first of its own that the client offers; empty
    /// means that use_srtp is not negotiated. Default: all, AES-128-GCM first.
    pub srtp_profiles: Vec<SrtpProfile>,
    /// Cipher suites in the order of preference; those that suit no certificate are never chosen. Default: all.
    pub cipher_suites: Vec<CipherSuite>,
    /// Groups for ECDHE in the order of preference. Default: all, X25519 first.
    pub groups: Vec<NamedGroup>,
    /// Largest datagram to send, in bytes of UDP payload; held between 64 and 16,448. Default: 1,200.
    pub mtu: usize,
    /// Time from the start to the end of the handshake. Default: 15 s. `Duration::MAX` means that it never ends by itself;
    /// so with the timers below, which then never send again.
    pub handshake_timeout: Duration,
    /// Time until a flight is first sent again; doubles up to `max_rto`. Default: 200 ms.
    pub initial_rto: Duration,
    /// Upper limit of the doubling. Default: 1 s: in a handshake of at most 15 s more patience is not worth having.
    pub max_rto: Duration,
    /// Refuse peers without the extended master secret (RFC 7627). Default: true.
    pub require_extended_master_secret: bool,
    /// As server, give clients that ask for one a ticket to resume the session with, and take it (RFC 5077). Default: none,
    /// since WebRTC does not resume, and recorded traffic is as safe as this key.
    pub tickets: Option<Arc<TicketKey>>,
    /// As client, ask for a ticket. Default: false.
    pub ask_for_tickets: bool,
    /// Whether a client has to show a certificate. Default: required, as WebRTC has it.
    pub client_certificate: ClientCertificate,
    /// What errors do that anybody on the path could have caused. Default: nothing.
    pub unauthenticated_errors: UnauthenticatedErrors,
    /// As server, prove the client's address by a HelloVerifyRequest (RFC 6347 §4.2.1). Default: false, since ICE has
    /// proved it and a round trip would be lost.
    pub hello_verify: bool,
}

impl Config {
    /// The defaults with this identity.
    pub fn new(identity: Arc<Identity>) -> Self {
        Self {
            identity,
            more_identities: Vec::new(),
            srtp_profiles: SrtpProfile::ALL.to_vec(),
            cipher_suites: CipherSuite::ALL.to_vec(),
            groups: NamedGroup::ALL.to_vec(),
            mtu: 1200,
            handshake_timeout: Duration::from_secs(15),
            initial_rto: Duration::from_millis(200),
            max_rto: Duration::from_secs(1),
            require_extended_master_secret: true,
            client_certificate: ClientCertificate::Required,
            unauthenticated_errors: UnauthenticatedErrors::Ignore,
            tickets: None,
            ask_for_tickets: false,
            hello_verify: false,
        }
    }

    /// All identities, best first.
    pub(crate) fn identities(&self) -> impl Iterator<Item = &Arc<Identity>> {
        std::iter::once(&self.identity).chain(&self.more_identities)
    }
}
