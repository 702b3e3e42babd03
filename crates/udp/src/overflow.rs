//! Datagrams the kernel threw away because the socket's receive buffer was full
//! (`SO_MEMINFO`, Linux 4.12). Asked for when somebody wants the number: it costs no packet anything.

use std::io;
use std::os::fd::RawFd;

use crate::sys;

const DROPS: usize = libc::SK_MEMINFO_DROPS as usize;

pub(crate) fn dropped(fd: RawFd) -> io::Result<u32> {
    let mut info = [0; DROPS + 1];
    match sys::options(fd, libc::SOL_SOCKET, libc::SO_MEMINFO, &mut info)? {
        written if written > DROPS => Ok(info[DROPS] as u32),
        _ => Err(io::ErrorKind::Unsupported.into()),
    }
}
