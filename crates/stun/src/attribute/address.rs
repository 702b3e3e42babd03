//! `MAPPED-ADDRESS` and `XOR-MAPPED-ADDRESS` values (RFC 8489 §14.1, §14.2).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::bytes::{array_at, u16_at};
use crate::message::{MAGIC_COOKIE, TransactionId};

const FAMILY_V4: u8 = 0x01;
const FAMILY_V6: u8 = 0x02;

/// Octets of the largest address value: an IPv6 one.
const MAX_LENGTH: usize = 20;

/// An encoded address value: 8 octets for IPv4, 20 for IPv6.
pub(crate) struct EncodedAddress {
    bytes: [u8; MAX_LENGTH],
    length: usize,
}

impl EncodedAddress {
    pub(crate) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// Reads the value of an address in clear. `None` for an unknown family or a length that does not fit the family.
pub fn decode_address(value: &[u8]) -> Option<SocketAddr> {
    // The first octet is reserved: "MUST be set to 0 and MUST be ignored by receivers".
    let family = *value.get(1)?;
    let port = u16_at(value, 2)?;
    let ip: IpAddr = match (family, value.len()) {
        (FAMILY_V4, 8) => Ipv4Addr::from(array_at::<4>(value, 4)?).into(),
        (FAMILY_V6, 20) => Ipv6Addr::from(array_at::<16>(value, 4)?).into(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// Reads the value of an address XORed with magic cookie and transaction id. Also reads the addresses of TURN
/// (RFC 8656 §18), which share the form.
pub fn decode_xor_address(value: &[u8], id: TransactionId) -> Option<SocketAddr> {
    decode_address(value).map(|address| xor(address, id))
}

pub(crate) fn encode_address(address: SocketAddr) -> EncodedAddress {
    let mut encoded = EncodedAddress { bytes: [0; MAX_LENGTH], length: 0 };
    let mut put = |octets: &[u8]| {
        let end = encoded.length + octets.len();
        if let Some(slot) = encoded.bytes.get_mut(encoded.length..end) {
            slot.copy_from_slice(octets);
            encoded.length = end;
        }
    };
    let port = address.port().to_be_bytes();
    match address.ip() {
        IpAddr::V4(ip) => {
            put(&[0, FAMILY_V4]);
            put(&port);
            put(&ip.octets());
        }
        IpAddr::V6(ip) => {
            put(&[0, FAMILY_V6]);
            put(&port);
            put(&ip.octets());
        }
    }
    encoded
}

pub(crate) fn encode_xor_address(address: SocketAddr, id: TransactionId) -> EncodedAddress {
    encode_address(xor(address, id))
}

/// RFC 8489 §14.2: the port with the cookie's first 16 bits, IPv4 with the cookie, IPv6 with cookie and transaction id.
/// The operation is its own inverse.
fn xor(address: SocketAddr, id: TransactionId) -> SocketAddr {
    let [c0, c1, ..] = MAGIC_COOKIE.to_be_bytes();
    let port = address.port() ^ u16::from_be_bytes([c0, c1]);
    let ip: IpAddr = match address.ip() {
        IpAddr::V4(ip) => Ipv4Addr::from(u32::from(ip) ^ MAGIC_COOKIE).into(),
        IpAddr::V6(ip) => {
            let mut mask = [0; 16];
            let octets = MAGIC_COOKIE.to_be_bytes().into_iter().chain(id.0);
            mask.iter_mut().zip(octets).for_each(|(slot, octet)| *slot = octet);
            Ipv6Addr::from(u128::from(ip) ^ u128::from_be_bytes(mask)).into()
        }
    };
    SocketAddr::new(ip, port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_needs_its_length() {
        assert!(decode_address(&[0, 1, 0, 80, 192, 0, 2, 1]).is_some());
        assert_eq!(decode_address(&[0, 2, 0, 80, 192, 0, 2, 1]), None);
        assert_eq!(decode_address(&[0, 3, 0, 80, 192, 0, 2, 1]), None);
        assert_eq!(decode_address(&[0, 1, 0, 80, 192, 0, 2]), None);
        assert_eq!(decode_address(&[0, 1, 0, 80, 192, 0, 2, 1, 0]), None);
        assert_eq!(decode_address(&[]), None);
    }

    #[test]
    fn the_reserved_octet_is_ignored() {
        assert_eq!(
            decode_address(&[9, 1, 0, 80, 192, 0, 2, 1]),
            Some("192.0.2.1:80".parse().unwrap())
        );
    }
}
