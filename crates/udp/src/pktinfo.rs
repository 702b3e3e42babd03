//! Which of the host's addresses a datagram was sent to, and which one an answer leaves from
//! (`IP_PKTINFO`, `IPV6_PKTINFO`; RFC 3542 §6.1, §6.2).
//!
//! A socket bound to one address needs neither. A socket bound to the wildcard address would
//! otherwise answer from whatever address the routing table prefers, which the peer (and the ICE
//! check it is doing) does not recognise.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::RawFd;

use crate::address::array;
use crate::control::{Control, Message};
use crate::sys;

/// Asks the kernel to name the destination address of each datagram.
pub(crate) fn enable(fd: RawFd, v6: bool) -> io::Result<()> {
    if v6 {
        sys::set_option(fd, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1)
    } else {
        sys::set_option(fd, libc::IPPROTO_IP, libc::IP_PKTINFO, 1)
    }
}

/// The destination address in a control message, canonical, if this is such a message.
pub(crate) fn decode((level, kind, data): Message<'_>) -> Option<IpAddr> {
    match (level, kind) {
        // struct in_pktinfo { int ipi_ifindex; in_addr ipi_spec_dst; in_addr ipi_addr; }
        (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
            Some(IpAddr::V4(Ipv4Addr::from(array::<4>(data, 8)?)))
        }
        // struct in6_pktinfo { in6_addr ipi6_addr; unsigned ipi6_ifindex; }
        (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
            Some(IpAddr::V6(Ipv6Addr::from(array::<16>(data, 0)?)).to_canonical())
        }
        _ => None,
    }
}

/// Appends the control message that makes a datagram to `destination` leave from `source`.
pub(crate) fn encode(
    control: &mut Control,
    used: usize,
    source: IpAddr,
    destination: SocketAddr,
) -> usize {
    match source {
        IpAddr::V4(source) => {
            // Interface 0: the routing table chooses it.
            let mut info = [0; 12];
            info[4..8].copy_from_slice(&source.octets());
            control.push(used, libc::IPPROTO_IP, libc::IP_PKTINFO, &info)
        }
        IpAddr::V6(source) => {
            let mut info = [0; 20];
            info[..16].copy_from_slice(&source.octets());
            // A link-local source means nothing without its link: the destination's.
            if let SocketAddr::V6(destination) = destination {
                info[16..].copy_from_slice(&destination.scope_id().to_ne_bytes());
            }
            control.push(used, libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &info)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipv4_reads_the_header_destination() {
        let mut info = [0; 12];
        info[8..].copy_from_slice(&[127, 0, 0, 2]);
        let message = (libc::IPPROTO_IP, libc::IP_PKTINFO, &info[..]);
        assert_eq!(decode(message), Some(IpAddr::from([127, 0, 0, 2])));
        assert_eq!(decode((libc::IPPROTO_IP, libc::IP_PKTINFO, &info[..11])), None);
    }

    #[test]
    fn ipv6_survives_and_is_canonical() {
        for (text, canonical) in [("2001:db8::7", "2001:db8::7"), ("::ffff:192.0.2.1", "192.0.2.1")]
        {
            let mut control = Control::new();
            let destination = "[2001:db8::8%4]:9".parse().unwrap();
            let used = encode(&mut control, 0, text.parse().unwrap(), destination);
            let message = control.messages(used).next().unwrap();
            assert_eq!(decode(message), Some(canonical.parse().unwrap()));
            assert_eq!(message.2[16..], 4u32.to_ne_bytes(), "the destination's scope");
        }
    }
}
