//! Times of arrival (`SO_TIMESTAMPNS`): when the kernel took a datagram in, however long it then waited to be received.
//!
//! Off unless asked for: once any socket of the machine wants them, the kernel reads its clock for every packet that comes in.

use std::io;
use std::os::fd::RawFd;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::control::Message;
use crate::{address, sys};

const WORD: usize = size_of::<libc::c_long>();

/// Asks the kernel to name the time of each datagram, or of the latest one of a train.
pub(crate) fn enable(fd: RawFd) -> io::Result<()> {
    sys::set_option(fd, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1)
}

/// The time in a control message, if this is such a message.
pub(crate) fn decode((level, kind, data): Message<'_>) -> Option<SystemTime> {
    if (level, kind) != (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) {
        return None;
    }
    // A timespec: two longs.
    let seconds = libc::c_long::from_ne_bytes(address::array(data, 0)?);
    let nanos = libc::c_long::from_ne_bytes(address::array(data, WORD)?);
    let nanos = u32::try_from(nanos).ok().filter(|nanos| *nanos < 1_000_000_000)?;
    UNIX_EPOCH.checked_add(Duration::new(u64::try_from(seconds).ok()?, nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(kind: i32, seconds: libc::c_long, nanos: libc::c_long) -> Option<SystemTime> {
        let data = [seconds.to_ne_bytes(), nanos.to_ne_bytes()].concat();
        decode((libc::SOL_SOCKET, kind, &data))
    }

    #[test]
    fn seconds_and_nanoseconds() {
        let expected = UNIX_EPOCH + Duration::new(1_700_000_000, 123_456_789);
        assert_eq!(told(libc::SCM_TIMESTAMPNS, 1_700_000_000, 123_456_789), Some(expected));
    }

    #[test]
    fn anything_else_is_no_time() {
        assert_eq!(told(libc::SO_TIMESTAMP, 1, 1), None);
        assert_eq!(told(libc::SCM_TIMESTAMPNS, -1, 1), None);
        assert_eq!(told(libc::SCM_TIMESTAMPNS, 1, 1_000_000_000), None);
        assert_eq!(decode((libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS, &[0; 9])), None);
        assert_eq!(decode((libc::IPPROTO_IP, libc::SCM_TIMESTAMPNS, &[0; 16])), None);
    }
}
