//! What a connection is made with.

use std::sync::Arc;
use std::time::Duration;

use crate::identity::Identity;
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

/// What connections are made with; one serves any number of them.
#[derive(Clone, Debug)]
pub struct Config {
    /// Certificate and private key.
    pub identity: Arc<Identity>,
    /// SRTP profiles in the order of preference. A server picks the first of its own that the client offers; empty
    /// means that use_srtp is not negotiated. Default: all, AES-128-GCM first.
    pub srtp_profiles: Vec<SrtpProfile>,
    /// Cipher suites in the order of preference; those that do not suit the certificate are never chosen. Default: all.
    pub cipher_suites: Vec<CipherSuite>,
    /// Groups for ECDHE in the order of preference. Default: all, X25519 first.
    pub groups: Vec<NamedGroup>,
    /// Largest datagram to send, in bytes of UDP payload; held between 64 and 16,384. Default: 1,200.
    pub mtu: usize,
    /// Time from the start to the end of the handshake. Default: 15 s.
    pub handshake_timeout: Duration,
    /// Time until a flight is first sent again; doubles up to `max_rto`. Default: 200 ms.
    pub initial_rto: Duration,
    /// Upper limit of the doubling. Default: 1 s: in a handshake of at most 15 s more patience is not worth having.
    pub max_rto: Duration,
    /// Refuse peers without the extended master secret (RFC 7627). Default: true.
    pub require_extended_master_secret: bool,
    /// As server, prove the client's address by a HelloVerifyRequest (RFC 6347 §4.2.1). Default: false, since ICE has
    /// proved it and a round trip would be lost.
    pub hello_verify: bool,
}

impl Config {
    /// The defaults with this identity.
    pub fn new(identity: Arc<Identity>) -> Self {
        Self {
            identity,
            srtp_profiles: SrtpProfile::ALL.to_vec(),
            cipher_suites: CipherSuite::ALL.to_vec(),
            groups: NamedGroup::ALL.to_vec(),
            mtu: 1200,
            handshake_timeout: Duration::from_secs(15),
            initial_rto: Duration::from_millis(200),
            max_rto: Duration::from_secs(1),
            require_extended_master_secret: true,
            hello_verify: false,
        }
    }
}
