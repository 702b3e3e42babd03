//! The socket: bound, non-blocking, its features probed.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};

use socket2::{Domain, Protocol, Type};

use crate::buffers::{self, Buffers};
use crate::flush::{self, Abilities, WhenFull};
use crate::recvmmsg::ReceiveBatch;
use crate::report::SendReport;
use crate::send_batch::SendBatch;
use crate::sendmmsg::Sendmmsg;
use crate::{address, ecn, gro, gso, overflow, pktinfo, reuseport, timestamp};

/// What to ask for when binding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindOptions {
    /// Bytes of receive buffer; `None` leaves the system's default. Default: 4 MiB, a third of a
    /// second at 100 Mbit/s.
    pub receive_buffer: Option<usize>,
    /// Bytes of send buffer; `None` leaves the system's default. Default: 4 MiB.
    pub send_buffer: Option<usize>,
    /// Use segmentation offload where the kernel has it. Default: yes.
    pub gso: bool,
    /// Use receive offload where the kernel has it. Default: yes.
    pub gro: bool,
    /// Ask for [`Datagram::arrived`](crate::Datagram::arrived), at the price of a look at the clock
    /// for every packet that comes to the machine. Default: no.
    pub timestamps: bool,
}

impl Default for BindOptions {
    fn default() -> Self {
        const MIB: usize = 1 << 20;
        Self {
            receive_buffer: Some(4 * MIB),
            send_buffer: Some(4 * MIB),
            gso: true,
            gro: true,
            timestamps: false,
        }
    }
}

/// What a socket can do. What it cannot, it works around or does without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Features {
    /// Runs go out as one message each. A send may find out that the kernel or the device cannot
    /// do it after all; then this turns false and stays so.
    pub gso: bool,
    /// Trains of datagrams come in as one message each.
    pub gro: bool,
    /// The address a datagram was sent to is known and an answer leaves from it. A socket bound to
    /// one address always can; one bound to the wildcard address needs the kernel's help.
    pub pktinfo: bool,
    /// [`Datagram::ecn`](crate::Datagram::ecn) is what arrived, not always 0.
    pub ecn: bool,
}

/// A bound, non-blocking UDP socket that sends and receives in batches.
///
/// It can be waited for with anything that takes a file descriptor, such as mio's `SourceFd`.
/// Dropping it closes it.
#[derive(Debug)]
pub struct Socket {
    inner: socket2::Socket,
    local: SocketAddr,
    gso: AtomicBool,
    gro: bool,
    pktinfo: bool,
    ecn: bool,
    buffers: Buffers,
}

impl Socket {
    /// Binds `address` exclusively. Port 0 is a port of the kernel's choice.
    ///
    /// # Errors
    /// As [`bind_shards`](crate::bind_shards).
    pub fn bind(address: SocketAddr, options: &BindOptions) -> io::Result<Self> {
        Self::open(address, options, false)
    }

    /// Binds `address` beside others that share it.
    pub(crate) fn bind_shared(address: SocketAddr, options: &BindOptions) -> io::Result<Self> {
        Self::open(address, options, true)
    }

    fn open(address: SocketAddr, options: &BindOptions, shared: bool) -> io::Result<Self> {
        let address = address::canonical(address);
        let v6 = address.is_ipv6();
        let socket =
            socket2::Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        if v6 {
            // The IPv4 wildcard can be bound beside it, and IPv4 peers have one spelling.
            socket.set_only_v6(true)?;
        }
        if shared {
            reuseport::share(&socket)?;
        }
        let fd = socket.as_raw_fd();
        // Before the bind: from then on datagrams arrive, and each should find all this in place.
        let gro = options.gro && gro::enable(fd).is_ok();
        let pktinfo = !address.ip().is_unspecified() || pktinfo::enable(fd, v6).is_ok();
        let ecn = ecn::enable(fd, v6).is_ok();
        if options.timestamps {
            timestamp::enable(fd)?;
        }
        let buffers = buffers::request(fd, options.receive_buffer, options.send_buffer)?;
        socket.bind(&address.into())?;
        let local = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::Unsupported)?;
        let gso = AtomicBool::new(options.gso && gso::probe(fd));
        Ok(Self { inner: socket, local, gso, gro, pktinfo, ecn, buffers })
    }

    /// The address bound, with the port the kernel chose if it was asked to.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// What this socket can do, as far as is known by now.
    pub fn features(&self) -> Features {
        Features {
            gso: self.gso.load(Ordering::Relaxed),
            gro: self.gro,
            pktinfo: self.pktinfo,
            ecn: self.ecn,
        }
    }

    /// The sizes of the socket's buffers. Worth a warning when one
    /// [`is_short`](crate::BufferGrant::is_short), naming [`Buffers::RECEIVE_SYSCTL`] or
    /// [`Buffers::SEND_SYSCTL`].
    pub fn buffers(&self) -> Buffers {
        self.buffers
    }

    /// Datagrams the kernel dropped since the bind because the receive buffer was full (modulo
    /// 2^32). Costs a system call.
    ///
    /// # Errors
    /// On kernels before 4.12, which cannot tell.
    pub fn receive_overflows(&self) -> io::Result<u32> {
        overflow::dropped(self.as_raw_fd())
    }

    /// Replaces what `batch` holds by what waits in the socket, as much as fits, without waiting.
    ///
    /// Says how many *messages* that was; 0 means that nothing waits. A message is one datagram or
    /// several, or none when it was dropped (see [`ReceiveCounters`](crate::ReceiveCounters)): go
    /// on until this is 0, or below the batch's [`capacity`](ReceiveBatch::capacity), to find the
    /// socket empty.
    ///
    /// # Errors
    /// When the socket is broken; never for anything a peer did.
    pub fn receive(&self, batch: &mut ReceiveBatch) -> io::Result<usize> {
        batch.receive(self.as_raw_fd(), self.bound_ip())
    }

    /// Sends `batch` in order, without waiting, and leaves it empty. What could not be sent is
    /// dropped and counted by reason:
    ///
    /// * A datagram that fails is about its destination: it is dropped, the others go on. The rest
    ///   of its run would fare the same and goes with it (but not for its size or for want of
    ///   memory).
    /// * A run too large for its path is sent again datagram by datagram.
    /// * A full send buffer is about everybody: the rest of the batch is tried once more at once,
    ///   and what then does not fit is dropped ([`would_block`](crate::Dropped::would_block)).
    pub fn send(&self, batch: &mut SendBatch) -> SendReport {
        self.flush(batch, WhenFull::Drop)
    }

    /// The same, but what a full send buffer has no room for stays in `batch`, first in line
    /// ([`is_waiting`](SendBatch::is_waiting)): what is committed from now on waits behind it. Send
    /// again when the socket is writable. When `reserve` finds the batch full, choose what goes:
    /// [`make_room`](SendBatch::make_room).
    pub fn send_or_keep(&self, batch: &mut SendBatch) -> SendReport {
        self.flush(batch, WhenFull::Keep)
    }

    fn flush(&self, batch: &mut SendBatch, when_full: WhenFull) -> SendReport {
        let abilities = Abilities {
            gso: &self.gso,
            // Only a wildcard socket has a choice.
            pktinfo: self.pktinfo && self.local.ip().is_unspecified(),
        };
        flush::flush(batch, when_full, &abilities, &mut Sendmmsg(self.as_raw_fd()))
    }

    fn bound_ip(&self) -> IpAddr {
        self.local.ip()
    }
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        self.inner.as_raw_fd()
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.as_fd()
    }
}
