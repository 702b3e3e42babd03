//! Socket addresses as the kernel lays them out (`sockaddr_in`, `sockaddr_in6`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

const V4_LEN: usize = 16;
const V6_LEN: usize = 28;

const FAMILY_V4: u16 = libc::AF_INET as u16;
const FAMILY_V6: u16 = libc::AF_INET6 as u16;

/// Room for an IPv4 or IPv6 socket address in kernel layout.
#[derive(Clone, Copy, Default)]
#[repr(C, align(8))]
pub(crate) struct RawAddress {
    bytes: [u8; V6_LEN],
}

impl RawAddress {
    pub(crate) const CAPACITY: usize = V6_LEN;

    /// Writes `address`; says how many bytes it takes.
    pub(crate) fn encode(&mut self, address: SocketAddr) -> usize {
        let bytes = &mut self.bytes;
        match address {
            SocketAddr::V4(address) => {
                bytes[0..2].copy_from_slice(&FAMILY_V4.to_ne_bytes());
                bytes[2..4].copy_from_slice(&address.port().to_be_bytes());
                bytes[4..8].copy_from_slice(&address.ip().octets());
                bytes[8..16].fill(0);
                V4_LEN
            }
            SocketAddr::V6(address) => {
                bytes[0..2].copy_from_slice(&FAMILY_V6.to_ne_bytes());
                bytes[2..4].copy_from_slice(&address.port().to_be_bytes());
                bytes[4..8].copy_from_slice(&address.flowinfo().to_be_bytes());
                bytes[8..24].copy_from_slice(&address.ip().octets());
                bytes[24..28].copy_from_slice(&address.scope_id().to_ne_bytes());
                V6_LEN
            }
        }
    }

    /// Reads the address in the first `len` bytes, canonical. `None` when it is neither family.
    pub(crate) fn decode(&self, len: usize) -> Option<SocketAddr> {
        let bytes = self.bytes.get(..len)?;
        let family = u16::from_ne_bytes(*bytes.first_chunk()?);
        let port = u16::from_be_bytes(array(bytes, 2)?);
        match family {
            FAMILY_V4 if len >= V4_LEN => {
                let ip = Ipv4Addr::from(array::<4>(bytes, 4)?);
                Some(SocketAddr::V4(SocketAddrV4::new(ip, port)))
            }
            FAMILY_V6 => {
                let flowinfo = u32::from_be_bytes(array(bytes, 4)?);
                let ip = Ipv6Addr::from(array::<16>(bytes, 8)?);
                let scope = u32::from_ne_bytes(array(bytes, 24)?);
                Some(canonical(SocketAddr::V6(SocketAddrV6::new(ip, port, flowinfo, scope))))
            }
            _ => None,
        }
    }

    pub(crate) fn as_mut_ptr(this: *mut Self) -> *mut u8 {
        this.cast()
    }
}

/// `::ffff:192.0.2.1` and `192.0.2.1` are one address: the latter.
pub(crate) fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => SocketAddr::from((ip, address.port())),
        IpAddr::V6(_) => address,
    }
}

/// The `N` bytes at `offset`.
pub(crate) fn array<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..)?.first_chunk().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_survives_the_kernel_layout() {
        for address in [
            "192.0.2.7:4711".parse().unwrap(),
            "[2001:db8::1]:65535".parse().unwrap(),
            SocketAddr::V6(SocketAddrV6::new("fe80::1".parse().unwrap(), 9, 0x000a_bcde, 3)),
        ] {
            let mut raw = RawAddress::default();
            let len = raw.encode(address);
            assert_eq!(raw.decode(len), Some(address));
            assert_eq!(raw.decode(len - 1), None, "a cut address is no address");
        }
    }

    #[test]
    fn agrees_with_socket2() {
        for text in ["192.0.2.7:4711", "[2001:db8::1%7]:443"] {
            let address: SocketAddr = text.parse().unwrap();
            let mut raw = RawAddress::default();
            let len = raw.encode(address);
            let theirs = socket2::SockAddr::from(address);
            // SAFETY: socket2 vouches for `len` initialised bytes behind its pointer.
            let theirs = unsafe {
                std::slice::from_raw_parts(theirs.as_ptr().cast::<u8>(), theirs.len() as usize)
            };
            assert_eq!(&raw.bytes[..len], theirs);
        }
    }

    #[test]
    fn mapped_addresses_are_ipv4() {
        let mut raw = RawAddress::default();
        let len = raw.encode("[::ffff:192.0.2.1]:5".parse().unwrap());
        assert_eq!(raw.decode(len), Some("192.0.2.1:5".parse().unwrap()));
    }

    #[test]
    fn other_families_are_not_addresses() {
        assert_eq!(RawAddress::default().decode(V6_LEN), None);
        assert_eq!(RawAddress::default().decode(0), None);
        assert_eq!(RawAddress::default().decode(1000), None);
    }
}
