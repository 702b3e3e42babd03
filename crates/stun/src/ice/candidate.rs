//! Candidates (RFC 8445 §5.1) and their priorities.

use std::net::{IpAddr, SocketAddr};

use super::path::canonical;

/// The only component of a session with rtcp-mux.
pub(crate) const COMPONENT: u16 = 1;

/// A transport address a peer can perhaps be reached at. For text see `FromStr` and `Display`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Equal for candidates that probably share their fate: 1 to 32 `ice-char`s.
    pub foundation: String,
    /// 1 for RTP (and RTCP multiplexed with it), 2 for RTCP of its own; 256 at most.
    pub component: u16,
    /// What carries it.
    pub transport: CandidateTransport,
    /// 1 to 2³¹−1; more is better (RFC 8445 §5.1.2).
    pub priority: u32,
    /// Where it is.
    pub address: CandidateAddress,
    /// How it was found.
    pub kind: CandidateKind,
    /// `raddr` and `rport`: base or mapped address. Browsers hide it as `0.0.0.0:0`.
    pub related: Option<SocketAddr>,
    /// Further name-value pairs in the order of the text, whatever their meaning: `generation`, `ufrag`, `network-id`, …
    /// An `raddr` that is no IP address is kept here, too. Neither name nor value holds white space.
    pub extensions: Vec<(String, String)>,
}

/// What carries a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CandidateTransport {
    /// UDP.
    Udp,
    /// TCP (RFC 6544).
    Tcp(TcpType),
}

/// Who opens the connection (RFC 6544 §4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TcpType {
    /// This side opens it.
    Active,
    /// The other side opens it.
    Passive,
    /// Both open it at once.
    SimultaneousOpen,
}

/// Where a candidate is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CandidateAddress {
    /// An address.
    Ip(SocketAddr),
    /// A name that has to be resolved, in practice one of mDNS (`….local`). Agents ignore it: peer-reflexive discovery
    /// does the job.
    Name {
        /// The name.
        host: String,
        /// The port.
        port: u16,
    },
}

/// How a candidate was found (RFC 8445 §5.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CandidateKind {
    /// An address of the machine.
    Host,
    /// The address a STUN server saw.
    ServerReflexive,
    /// The address the peer saw.
    PeerReflexive,
    /// An address of a TURN server.
    Relay,
}

impl CandidateKind {
    /// The recommended type preference, 0 to 126 (RFC 8445 §5.1.2.2).
    pub(crate) fn preference(self) -> u8 {
        match self {
            Self::Host => 126,
            Self::PeerReflexive => 110,
            Self::ServerReflexive => 100,
            Self::Relay => 0,
        }
    }
}

impl Candidate {
    /// A UDP host candidate for component 1. `local_preference`: 65,535 for the best of the machine's addresses; one
    /// value per address. The address is made canonical (IPv4-mapped IPv6 becomes IPv4).
    pub fn host(addr: SocketAddr, local_preference: u16) -> Self {
        let addr = canonical(addr);
        Self {
            foundation: host_foundation(addr.ip()),
            component: COMPONENT,
            transport: CandidateTransport::Udp,
            priority: host_priority(local_preference),
            address: CandidateAddress::Ip(addr),
            kind: CandidateKind::Host,
            related: None,
            extensions: Vec::new(),
        }
    }

    /// The value of the first extension of this name.
    pub fn extension(&self, name: &str) -> Option<&str> {
        let mut extensions = self.extensions.iter();
        extensions.find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// `generation`: how many ICE restarts there were before, as libwebrtc counts them.
    pub fn generation(&self) -> Option<u32> {
        self.extension("generation")?.parse().ok()
    }

    /// `ufrag`: which credentials the candidate belongs to (RFC 8839 §5.1 leaves it to RFC 8838 §4.1).
    pub fn ufrag(&self) -> Option<&str> {
        self.extension("ufrag")
    }

    /// `network-id`: libwebrtc's number of the network.
    pub fn network_id(&self) -> Option<u16> {
        self.extension("network-id")?.parse().ok()
    }

    /// `network-cost`: 0 to 999, see [`crate::attribute::NetworkInfo`].
    pub fn network_cost(&self) -> Option<u16> {
        self.extension("network-cost")?.parse().ok()
    }
}

/// Priority of a host candidate of component 1 (RFC 8445 §5.1.2.1).
pub fn host_priority(local_preference: u16) -> u32 {
    priority(CandidateKind::Host, local_preference, COMPONENT)
}

/// RFC 8445 §5.1.2.1: 2^24 * type preference + 2^8 * local preference + (256 - component).
pub(crate) fn priority(kind: CandidateKind, local_preference: u16, component: u16) -> u32 {
    (u32::from(kind.preference()) << 24)
        + (u32::from(local_preference) << 8)
        + 256u32.saturating_sub(component.into())
}

/// RFC 8445 §5.1.1.3: the same for candidates of one type, base IP address and transport. The CRC of the address says
/// nothing that the candidate itself does not.
fn host_foundation(ip: IpAddr) -> String {
    let crc = match ip {
        IpAddr::V4(ip) => crc32fast::hash(&ip.octets()),
        IpAddr::V6(ip) => crc32fast::hash(&ip.octets()),
    };
    crc.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priorities_follow_the_formula() {
        assert_eq!(host_priority(65_535), 2_130_706_431);
        assert_eq!(priority(CandidateKind::PeerReflexive, 65_535, 1), 1_862_270_975);
        assert_eq!(priority(CandidateKind::Relay, 0, 255), 1);
    }

    #[test]
    fn a_foundation_is_of_the_address_and_not_of_the_port() {
        let a = Candidate::host("192.0.2.1:1".parse().unwrap(), 1);
        let b = Candidate::host("192.0.2.1:2".parse().unwrap(), 2);
        let c = Candidate::host("192.0.2.2:1".parse().unwrap(), 1);
        assert_eq!(a.foundation, b.foundation);
        assert_ne!(a.foundation, c.foundation);
    }
}
