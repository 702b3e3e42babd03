//! Generic receive offload (`UDP_GRO`, Linux 5.0): the kernel hands over a train of equal-sized
//! datagrams of one flow as one message and says where to cut it.
//!
//! Without it every message is one datagram, which is also what a message without the mark is.

use std::io;
use std::os::fd::RawFd;

use crate::control::Message;
use crate::sys;

/// Asks for trains.
pub(crate) fn enable(fd: RawFd) -> io::Result<()> {
    sys::set_option(fd, libc::SOL_UDP, libc::UDP_GRO, 1)
}

/// The size of the datagrams of a train (the last may be shorter), if this message says so.
pub(crate) fn decode((level, kind, data): Message<'_>) -> Option<usize> {
    if (level, kind) != (libc::SOL_UDP, libc::UDP_GRO) {
        return None;
    }
    // An int, although the kernel's own type is u16.
    let size = i32::from_ne_bytes(*data.first_chunk()?);
    usize::try_from(size).ok().filter(|&size| size > 0)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_size_is_positive() {
        let decode = |size: i32| super::decode((libc::SOL_UDP, libc::UDP_GRO, &size.to_ne_bytes()));
        assert_eq!(decode(1200), Some(1200));
        assert_eq!(decode(0), None);
        assert_eq!(decode(-1), None);
        assert_eq!(super::decode((libc::SOL_UDP, libc::UDP_GRO, &[1, 0])), None);
        assert_eq!(super::decode((libc::SOL_UDP, libc::UDP_SEGMENT, &[1, 0, 0, 0])), None);
    }
}
