//! Several sockets on one port (`SO_REUSEPORT`, Linux 3.9), one per shard, between which the
//! kernel spreads the flows.

use std::io;
use std::net::SocketAddr;
use std::os::fd::RawFd;

use crate::socket::{BindOptions, Socket};
use crate::sys;

/// Binds `shards` sockets to `address`; at least one.
///
/// The first is bound exclusively, and lets others in only afterwards: so a second server on the
/// port gets an error instead of half of the traffic. Port 0 is a port of the kernel's choice, the
/// same for all. An IPv6 socket takes IPv6 only.
///
/// Each flow (source and destination address and port) reaches one socket, always the same.
///
/// # Errors
/// [`io::ErrorKind::AddrInUse`] when somebody else has the port, and what `socket(2)`, `bind(2)` and
/// the mandatory socket options fail with.
pub fn bind_shards(
    address: SocketAddr,
    shards: usize,
    options: &BindOptions,
) -> io::Result<Vec<Socket>> {
    let first = Socket::bind(address, options)?;
    let address = first.local_addr();
    let mut sockets = Vec::with_capacity(shards.max(1));
    if shards > 1 {
        share(&first)?;
    }
    sockets.push(first);
    for _ in 1..shards {
        sockets.push(Socket::bind_shared(address, options)?);
    }
    Ok(sockets)
}

/// Lets others of the same user bind the port that `socket` has, or is about to have.
pub(crate) fn share(socket: &impl std::os::fd::AsRawFd) -> io::Result<()> {
    let fd: RawFd = socket.as_raw_fd();
    sys::set_option(fd, libc::SOL_SOCKET, libc::SO_REUSEPORT, 1)
}
