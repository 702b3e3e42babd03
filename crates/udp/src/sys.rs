//! The system calls themselves. Everything above this file deals in slices and numbers.

use std::io;
use std::os::fd::RawFd;

/// Sets an integer socket option.
pub(crate) fn set_option(
    fd: RawFd,
    level: libc::c_int,
    name: libc::c_int,
    value: i32,
) -> io::Result<()> {
    // SAFETY: the pointer and the length describe `value`, which outlives the call.
    let result = unsafe {
        libc::setsockopt(fd, level, name, (&raw const value).cast(), size_of::<i32>() as _)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Reads an integer socket option.
pub(crate) fn option(fd: RawFd, level: libc::c_int, name: libc::c_int) -> io::Result<i32> {
    let mut values = [0];
    options(fd, level, name, &mut values)?;
    Ok(values[0])
}

/// Reads a socket option that is an array of 32-bit numbers; says how many the kernel wrote.
pub(crate) fn options(
    fd: RawFd,
    level: libc::c_int,
    name: libc::c_int,
    values: &mut [i32],
) -> io::Result<usize> {
    let mut len = size_of_val(values) as libc::socklen_t;
    // SAFETY: the pointer and `len` describe `values`; the kernel writes at most `len` bytes, and
    // any bytes make an i32.
    let result =
        unsafe { libc::getsockopt(fd, level, name, values.as_mut_ptr().cast(), &raw mut len) };
    if result == 0 { Ok(len as usize / size_of::<i32>()) } else { Err(io::Error::last_os_error()) }
}

/// Attaches a classic BPF program that chooses among the sockets that share a port.
pub(crate) fn attach_reuseport_filter(fd: RawFd, program: &[libc::sock_filter]) -> io::Result<()> {
    let len = u16::try_from(program.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    // The kernel reads the program; its structure just has no place for `const`.
    let program = libc::sock_fprog { len, filter: program.as_ptr().cast_mut() };
    // SAFETY: the pointer and the length describe `program`, which points to `len` instructions; both outlive the call, which copies them.
    let result = unsafe {
        libc::setsockopt(
            fd,
            libc::SOL_SOCKET,
            libc::SO_ATTACH_REUSEPORT_CBPF,
            (&raw const program).cast(),
            size_of::<libc::sock_fprog>() as _,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The message headers of one `recvmmsg` or `sendmmsg`, allocated once and refilled per call.
pub(crate) struct Headers {
    messages: Box<[libc::mmsghdr]>,
    vectors: Box<[libc::iovec]>,
}

// SAFETY: the headers hold raw pointers, which are written by `fill` right before each system call
// and are used by nothing after it; between calls they are dead numbers, so that moving them to
// another thread shares nothing.
unsafe impl Send for Headers {}

/// Where one message's parts are. `fill` turns it into a kernel header.
pub(crate) struct Parts {
    pub(crate) name: *mut u8,
    pub(crate) name_len: usize,
    pub(crate) data: *mut u8,
    pub(crate) data_len: usize,
    pub(crate) control: *mut u8,
    pub(crate) control_len: usize,
}

impl Headers {
    pub(crate) fn new(capacity: usize) -> Self {
        // SAFETY: both are plain C structures of integers and pointers, for which zero is valid.
        let (message, vector) =
            unsafe { (std::mem::zeroed::<libc::mmsghdr>(), std::mem::zeroed::<libc::iovec>()) };
        Self {
            messages: vec![message; capacity].into_boxed_slice(),
            vectors: vec![vector; capacity].into_boxed_slice(),
        }
    }

    pub(crate) fn capacity(&self) -> usize {
        self.messages.len()
    }

    /// Writes the headers `0..` of the parts given, at most `capacity` of them; says how many.
    pub(crate) fn fill(&mut self, parts: impl Iterator<Item = Parts>) -> usize {
        // One base pointer for all: indexing the vectors again and again would end the life of the
        // pointers taken before.
        let vectors = self.vectors.as_mut_ptr();
        let mut filled = 0;
        for (index, (message, parts)) in self.messages.iter_mut().zip(parts).enumerate() {
            let vector = vectors.wrapping_add(index);
            // SAFETY: `index` is below the capacity, which both arrays share.
            unsafe {
                vector.write(libc::iovec { iov_base: parts.data.cast(), iov_len: parts.data_len });
            }
            let header = &mut message.msg_hdr;
            header.msg_name = parts.name.cast();
            header.msg_namelen = parts.name_len as _;
            header.msg_iov = vector;
            header.msg_iovlen = 1;
            header.msg_control =
                if parts.control_len == 0 { std::ptr::null_mut() } else { parts.control.cast() };
            // The type of this field differs between C libraries.
            header.msg_controllen = parts.control_len as _;
            header.msg_flags = 0;
            message.msg_len = 0;
            filled = index + 1;
        }
        filled
    }

    /// What the kernel said about message `index`: (bytes, name length, control length, flags).
    pub(crate) fn outcome(&self, index: usize) -> (usize, usize, usize, libc::c_int) {
        let message = &self.messages[index];
        #[allow(
            clippy::unnecessary_cast,
            reason = "the type of msg_controllen differs between C libraries"
        )]
        let control_len = message.msg_hdr.msg_controllen as usize;
        (
            message.msg_len as usize,
            message.msg_hdr.msg_namelen as usize,
            control_len,
            message.msg_hdr.msg_flags,
        )
    }

    /// The filled headers themselves.
    pub(crate) fn messages(&mut self) -> &mut [libc::mmsghdr] {
        &mut self.messages
    }
}

/// Receives into `messages` without waiting. `Err` is an errno.
///
/// # Safety
/// Every pointer in `messages` must be valid for writes of the length beside it.
pub(crate) unsafe fn recvmmsg(fd: RawFd, messages: &mut [libc::mmsghdr]) -> Result<usize, i32> {
    // SAFETY: `messages` is a slice of its own length; the caller vouches for what it points to.
    let result = unsafe {
        libc::recvmmsg(
            fd,
            messages.as_mut_ptr(),
            messages.len() as libc::c_uint,
            libc::MSG_DONTWAIT as _,
            std::ptr::null_mut(),
        )
    };
    usize::try_from(result).map_err(|_| errno())
}

/// Sends `messages` without waiting. `Err` is an errno, about the first of them.
///
/// # Safety
/// Every pointer in `messages` must be valid for reads of the length beside it.
pub(crate) unsafe fn sendmmsg(fd: RawFd, messages: &mut [libc::mmsghdr]) -> Result<usize, i32> {
    // SAFETY: `messages` is a slice of its own length; the caller vouches for what it points to.
    let result = unsafe {
        libc::sendmmsg(
            fd,
            messages.as_mut_ptr(),
            messages.len() as libc::c_uint,
            // Said per call as well, should somebody have cleared O_NONBLOCK on a duplicate of the
            // descriptor: a shard must never wait here.
            libc::MSG_DONTWAIT as _,
        )
    };
    usize::try_from(result).map_err(|_| errno())
}

fn errno() -> i32 {
    io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO)
}
