//! Explicit congestion notification (RFC 3168 §5): the two low bits of TOS or traffic class, as
//! they arrived.
//!
//! A kernel that cannot tell leaves every datagram at Not-ECT (0).

use std::io;
use std::os::fd::RawFd;

use crate::control::Message;
use crate::sys;

const MASK: u8 = 0b11;

/// Asks the kernel to name the TOS (IPv4) or traffic class (IPv6) of each datagram.
pub(crate) fn enable(fd: RawFd, v6: bool) -> io::Result<()> {
    if v6 {
        sys::set_option(fd, libc::IPPROTO_IPV6, libc::IPV6_RECVTCLASS, 1)
    } else {
        sys::set_option(fd, libc::IPPROTO_IP, libc::IP_RECVTOS, 1)
    }
}

/// The ECN field in a control message, if this is such a message.
pub(crate) fn decode((level, kind, data): Message<'_>) -> Option<u8> {
    match (level, kind) {
        // IP_TOS comes as one byte, IPV6_TCLASS as an int.
        (libc::IPPROTO_IP, libc::IP_TOS) => Some(data.first()? & MASK),
        (libc::IPPROTO_IPV6, libc::IPV6_TCLASS) => {
            Some(i32::from_ne_bytes(*data.first_chunk()?) as u8 & MASK)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_two_low_bits() {
        assert_eq!(decode((libc::IPPROTO_IP, libc::IP_TOS, &[0b1011_1011])), Some(3));
        let class = 0b1011_1001i32.to_ne_bytes();
        assert_eq!(decode((libc::IPPROTO_IPV6, libc::IPV6_TCLASS, &class)), Some(1));
    }

    #[test]
    fn anything_else_is_not_ecn() {
        assert_eq!(decode((libc::IPPROTO_IP, libc::IP_TOS, &[])), None);
        assert_eq!(decode((libc::IPPROTO_IPV6, libc::IPV6_TCLASS, &[1])), None);
        assert_eq!(decode((libc::SOL_UDP, libc::IP_TOS, &[1])), None);
    }
}
