//! Generic segmentation offload (`UDP_SEGMENT`, Linux 4.18): one message that the kernel, or the
//! network card, cuts into equal-sized datagrams (the last may be shorter).
//!
//! Without it a run goes out as that many messages of one `sendmmsg`.

use std::os::fd::RawFd;

use crate::control::Control;
use crate::sys;

/// The most datagrams in one run (`UDP_MAX_SEGMENTS` of Linux; 128 in later ones).
pub const MAX_RUN_DATAGRAMS: usize = 64;

/// The most payload bytes in one run: what an IPv4 packet of 65,535 bytes holds beside its headers.
pub const MAX_RUN_BYTES: usize = 65_535 - 20 - 8;

/// Does this kernel know the option? Whether the device can do it only a send shows (EIO).
pub(crate) fn probe(fd: RawFd) -> bool {
    sys::option(fd, libc::SOL_UDP, libc::UDP_SEGMENT).is_ok()
}

/// Appends the control message that cuts a message into datagrams of `segment` bytes.
pub(crate) fn encode(control: &mut Control, used: usize, segment: u16) -> usize {
    control.push(used, libc::SOL_UDP, libc::UDP_SEGMENT, &segment.to_ne_bytes())
}
