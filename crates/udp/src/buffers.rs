//! The socket's buffers (`SO_RCVBUF`, `SO_SNDBUF`).
//!
//! The kernel grants what `net.core.rmem_max` and `net.core.wmem_max` allow and says nothing when
//! that is less than was asked for; a process with `CAP_NET_ADMIN` may go beyond. So ask the strong
//! way, then the plain way, then read what came of it.

use std::io;
use std::os::fd::RawFd;

use crate::sys;

/// What came of asking for a buffer size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferGrant {
    /// Bytes asked for; `None` when the system's default was left alone.
    pub requested: Option<usize>,
    /// Bytes there are, in the units of the request (the kernel doubles it for its bookkeeping and
    /// reports that; this is half of what it reports).
    pub granted: usize,
}

impl BufferGrant {
    /// Whether less was granted than asked for.
    pub fn is_short(&self) -> bool {
        self.requested.is_some_and(|requested| self.granted < requested)
    }
}

/// The sizes of a socket's buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buffers {
    /// `SO_RCVBUF`.
    pub receive: BufferGrant,
    /// `SO_SNDBUF`.
    pub send: BufferGrant,
}

impl Buffers {
    /// The sysctl that limits [`Buffers::receive`]: what a warning should name when it is short.
    pub const RECEIVE_SYSCTL: &str = "net.core.rmem_max";
    /// The sysctl that limits [`Buffers::send`].
    pub const SEND_SYSCTL: &str = "net.core.wmem_max";
}

/// Asks for buffers of these sizes, in bytes.
pub(crate) fn request(
    fd: RawFd,
    receive: Option<usize>,
    send: Option<usize>,
) -> io::Result<Buffers> {
    Ok(Buffers {
        receive: grant(fd, libc::SO_RCVBUFFORCE, libc::SO_RCVBUF, receive)?,
        send: grant(fd, libc::SO_SNDBUFFORCE, libc::SO_SNDBUF, send)?,
    })
}

fn grant(
    fd: RawFd,
    force: libc::c_int,
    plain: libc::c_int,
    requested: Option<usize>,
) -> io::Result<BufferGrant> {
    if let Some(bytes) = requested {
        // Half of i32::MAX is the most the kernel can double.
        let bytes = i32::try_from(bytes).unwrap_or(i32::MAX).min(i32::MAX / 2);
        if sys::set_option(fd, libc::SOL_SOCKET, force, bytes).is_err() {
            sys::set_option(fd, libc::SOL_SOCKET, plain, bytes)?;
        }
    }
    let doubled = sys::option(fd, libc::SOL_SOCKET, plain)?;
    Ok(BufferGrant { requested, granted: usize::try_from(doubled).unwrap_or(0) / 2 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_means_less_than_asked() {
        let grant = |requested, granted| BufferGrant { requested, granted }.is_short();
        assert!(grant(Some(2), 1));
        assert!(!grant(Some(2), 2));
        assert!(!grant(Some(2), 3));
        assert!(!grant(None, 0));
    }
}
