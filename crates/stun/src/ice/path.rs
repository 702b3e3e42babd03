//! Paths: over what, from where, to where.

use std::net::{IpAddr, SocketAddr};

/// What carries the datagrams of a path. TCP (RFC 6544) and relays (RFC 8656) are to be further kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Protocol {
    /// Plain UDP.
    Udp,
}

/// Where a datagram travels. A response leaves on the path its request came by: from the address that was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Path {
    /// What carries it.
    pub protocol: Protocol,
    /// The address on this side: where a request was received, never a wildcard.
    pub local: SocketAddr,
    /// The address on the peer's side, as this side sees it.
    pub remote: SocketAddr,
}

impl Path {
    /// A UDP path. IPv4-mapped IPv6 addresses become IPv4, flow labels are dropped, so that one path has one value.
    pub fn udp(local: SocketAddr, remote: SocketAddr) -> Self {
        Self { protocol: Protocol::Udp, local: canonical(local), remote: canonical(remote) }
    }

    /// The same path, with canonical addresses.
    pub(crate) fn canonical(self) -> Self {
        Self { local: canonical(self.local), remote: canonical(self.remote), ..self }
    }
}

/// A datagram written by `poll_transmit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// Where it goes.
    pub path: Path,
    /// Octets written to the front of the caller's buffer.
    pub len: usize,
}

/// One value for one address: `::ffff:192.0.2.1` is `192.0.2.1`; a flow label is not part of an address. The scope
/// stays: without it a link-local address cannot be answered.
pub(crate) fn canonical(address: SocketAddr) -> SocketAddr {
    let SocketAddr::V6(mut v6) = address else { return address };
    match v6.ip().to_ipv4_mapped() {
        Some(v4) => SocketAddr::new(IpAddr::V4(v4), v6.port()),
        None => {
            v6.set_flowinfo(0);
            SocketAddr::V6(v6)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapped_address_is_the_address_it_maps() {
        let mapped = Path::udp(
            "[::ffff:192.0.2.1]:1".parse().unwrap(),
            "[::ffff:192.0.2.2]:2".parse().unwrap(),
        );
        let plain = Path::udp("192.0.2.1:1".parse().unwrap(), "192.0.2.2:2".parse().unwrap());
        assert_eq!(mapped, plain);
    }

    #[test]
    fn a_flow_label_does_not_make_another_path() {
        let address = "[2001:db8::1]:5".parse().unwrap();
        let SocketAddr::V6(mut labelled) = address else { unreachable!() };
        labelled.set_flowinfo(7);
        assert_eq!(Path::udp(labelled.into(), address), Path::udp(address, address));
    }
}
