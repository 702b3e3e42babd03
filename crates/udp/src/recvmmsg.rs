//! `recvmmsg` (Linux 2.6.33): many messages in one call, each a datagram or, with receive offload,
//! a train of them.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::RawFd;
use std::time::SystemTime;

use crate::address::RawAddress;
use crate::control::Control;
use crate::sys::{self, Headers, Parts};
use crate::{ecn, gro, pktinfo, timestamp};

/// The largest datagram that is handed on, in bytes. Nothing in WebRTC is larger than an Ethernet
/// frame; what is, is dropped before anybody parses it.
pub const MAX_DATAGRAM: usize = 1_500;

/// Room for one message: the largest that UDP, and so a train of datagrams, can be.
const MESSAGE: usize = 65_536;

/// Distance between two rooms. Not a power of two, so that the beginnings of all messages, which
/// is all that most of them are, do not compete for the same few cache lines.
const STRIDE: usize = MESSAGE + 17 * 64;

/// Asynchronous errors taken from a socket by one receive before it gives up.
const MAX_SOCKET_ERRORS: usize = 16;

/// One datagram received.
#[derive(Debug)]
pub struct Datagram<'a> {
    /// Who sent it, canonical (never an IPv4-mapped IPv6 address); its port is never 0.
    pub remote: SocketAddr,
    /// The host's address it was sent to, canonical.
    pub local: IpAddr,
    /// Explicit congestion notification (RFC 3168): 0 Not-ECT, 1 ECT(1), 2 ECT(0), 3 CE.
    pub ecn: u8,
    /// When the kernel took it in, by its real-time clock; of a train that came as one message, when
    /// that was complete. `None` unless [`BindOptions::timestamps`](crate::BindOptions::timestamps).
    pub arrived: Option<SystemTime>,
    /// What it carries: 1 to [`MAX_DATAGRAM`] bytes.
    pub data: &'a mut [u8],
}

/// What [`ReceiveBatch`] has seen since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReceiveCounters {
    /// `recvmmsg` calls made.
    pub syscalls: u64,
    /// Messages the kernel gave: `datagrams / messages` is what receive offload gained.
    pub messages: u64,
    /// Datagrams handed on.
    pub datagrams: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Datagrams dropped for being larger than [`MAX_DATAGRAM`].
    pub oversized: u64,
    /// Messages dropped because the kernel cut them or what it says about them.
    pub truncated: u64,
    /// Datagrams dropped for carrying nothing.
    pub empty: u64,
    /// Messages dropped for coming from port 0 (or from no address): nobody can be answered there.
    pub no_source_port: u64,
    /// Errors about earlier datagrams that the socket reported instead of a message.
    pub socket_errors: u64,
}

/// Memory for datagrams received together by [`Socket::receive`](crate::Socket::receive), all of
/// it allocated by [`new`](Self::new).
///
/// Each message has 64 KiB of address space, of which only what has ever been written to takes
/// memory.
pub struct ReceiveBatch {
    buffer: Vec<u8>,
    names: Box<[RawAddress]>,
    controls: Box<[Control]>,
    headers: Headers,
    /// What the latest receive gave; `None` where a message was dropped.
    received: Vec<Option<Message>>,
    datagrams: usize,
    counters: ReceiveCounters,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Message {
    remote: SocketAddr,
    local: IpAddr,
    ecn: u8,
    arrived: Option<SystemTime>,
    /// Bytes of all datagrams.
    len: usize,
    /// Bytes of each but the last; 1 and up.
    segment: usize,
}

impl ReceiveBatch {
    /// Memory for `messages` messages at a time (32 is plenty; 0 counts as 1).
    pub fn new(messages: usize) -> Self {
        let messages = messages.max(1);
        Self {
            buffer: vec![0; messages * STRIDE],
            names: vec![RawAddress::default(); messages].into_boxed_slice(),
            controls: vec![Control::new(); messages].into_boxed_slice(),
            headers: Headers::new(messages),
            received: Vec::with_capacity(messages),
            datagrams: 0,
            counters: ReceiveCounters::default(),
        }
    }

    /// The datagrams of the latest receive, in the order of their arrival.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = Datagram<'_>> {
        self.buffer
            .chunks_exact_mut(STRIDE)
            .zip(&self.received)
            .filter_map(|(room, message)| Some((room, message.as_ref()?)))
            .flat_map(|(room, message)| {
                let &Message { remote, local, ecn, arrived, len, segment } = message;
                room[..len]
                    .chunks_mut(segment)
                    .filter(|data| data.len() <= MAX_DATAGRAM)
                    .map(move |data| Datagram { remote, local, ecn, arrived, data })
            })
    }

    /// Calls `f` with each datagram of the latest receive, in the order of their arrival.
    pub fn for_each(&mut self, f: impl FnMut(Datagram<'_>)) {
        self.iter_mut().for_each(f);
    }

    /// Datagrams of the latest receive.
    pub fn len(&self) -> usize {
        self.datagrams
    }

    /// Whether the latest receive gave none.
    pub fn is_empty(&self) -> bool {
        self.datagrams == 0
    }

    /// Messages one receive can give; as many as this were given: there may be more waiting.
    pub fn capacity(&self) -> usize {
        self.headers.capacity()
    }

    /// What was received and dropped since the batch was made.
    pub fn counters(&self) -> &ReceiveCounters {
        &self.counters
    }

    /// Receives into this batch; says how many messages were taken from the socket.
    /// `bound` is the local address of datagrams about which the kernel says nothing.
    pub(crate) fn receive(&mut self, fd: RawFd, bound: IpAddr) -> io::Result<usize> {
        self.received.clear();
        self.datagrams = 0;
        let mut socket_errors = 0;
        loop {
            self.counters.syscalls += 1;
            match self.recvmmsg(fd) {
                Ok(messages) => {
                    self.sort(messages, bound);
                    return Ok(messages);
                }
                Err(libc::EAGAIN) => return Ok(0),
                Err(libc::EINTR) => {}
                Err(errno) if is_about_a_peer(errno) && socket_errors < MAX_SOCKET_ERRORS => {
                    socket_errors += 1;
                    self.counters.socket_errors += 1;
                }
                Err(errno) => return Err(io::Error::from_raw_os_error(errno)),
            }
        }
    }

    fn recvmmsg(&mut self, fd: RawFd) -> Result<usize, i32> {
        let (names, controls) = (self.names.as_mut_ptr(), self.controls.as_mut_ptr());
        let buffer = self.buffer.as_mut_ptr();
        let parts = (0..self.headers.capacity()).map(|index| Parts {
            name: RawAddress::as_mut_ptr(names.wrapping_add(index)),
            name_len: RawAddress::CAPACITY,
            data: buffer.wrapping_add(index * STRIDE),
            data_len: MESSAGE,
            control: Control::as_mut_ptr(controls.wrapping_add(index)),
            control_len: Control::CAPACITY,
        });
        let filled = self.headers.fill(parts);
        // SAFETY: the headers were just pointed at elements 0..capacity of arrays that have that
        // many, and at rooms of MESSAGE bytes at distances of STRIDE in a buffer of capacity times
        // STRIDE; `self` is borrowed throughout, and any bytes are valid for all of them.
        unsafe { sys::recvmmsg(fd, &mut self.headers.messages()[..filled]) }
    }

    fn sort(&mut self, messages: usize, bound: IpAddr) {
        self.counters.messages += messages as u64;
        for index in 0..messages {
            let message = self.message(index, bound);
            if let Some(message) = &message {
                let datagrams = count(message, &mut self.counters);
                self.datagrams += datagrams;
            }
            self.received.push(message);
        }
    }

    /// What the kernel says about message `index`, unless it is one to drop.
    fn message(&mut self, index: usize, bound: IpAddr) -> Option<Message> {
        let (len, name_len, control_len, flags) = self.headers.outcome(index);
        if flags & (libc::MSG_TRUNC | libc::MSG_CTRUNC) != 0 || len > MESSAGE {
            self.counters.truncated += 1;
            return None;
        }
        let remote = self.names[index].decode(name_len).filter(|remote| remote.port() != 0);
        let Some(remote) = remote else {
            self.counters.no_source_port += 1;
            return None;
        };
        if len == 0 {
            self.counters.empty += 1;
            return None;
        }
        let mut message =
            Message { remote, local: bound, ecn: 0, arrived: None, len, segment: len };
        for control in self.controls[index].messages(control_len) {
            if let Some(local) = pktinfo::decode(control) {
                message.local = local;
            } else if let Some(ecn) = ecn::decode(control) {
                message.ecn = ecn;
            } else if let Some(segment) = gro::decode(control) {
                message.segment = segment;
            } else if let Some(arrived) = timestamp::decode(control) {
                message.arrived = Some(arrived);
            }
        }
        Some(message)
    }
}

impl std::fmt::Debug for ReceiveBatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReceiveBatch")
            .field("capacity", &self.capacity())
            .field("datagrams", &self.datagrams)
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}

/// Counts the datagrams of a message; says how many are handed on.
fn count(message: &Message, counters: &mut ReceiveCounters) -> usize {
    let (full, last) = (message.len / message.segment, message.len % message.segment);
    let (mut datagrams, mut bytes) = (0, 0);
    for (size, many) in [(message.segment, full), (last, usize::from(last > 0))] {
        if size <= MAX_DATAGRAM {
            datagrams += many;
            bytes += many * size;
        } else {
            counters.oversized += many as u64;
        }
    }
    counters.datagrams += datagrams as u64;
    counters.bytes += bytes as u64;
    datagrams
}

/// Errors a socket reports about some earlier datagram of its own: nothing to do with receiving.
fn is_about_a_peer(errno: i32) -> bool {
    matches!(
        errno,
        libc::ECONNREFUSED
            | libc::ECONNRESET
            | libc::ENETUNREACH
            | libc::EHOSTUNREACH
            | libc::EHOSTDOWN
            | libc::ENETDOWN
            | libc::ENONET
            | libc::ENOPROTOOPT
            | libc::EPROTO
            | libc::EMSGSIZE
            | libc::EACCES
            | libc::EPERM
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(len: usize, segment: usize) -> Message {
        let remote = "192.0.2.1:1".parse().unwrap();
        Message { remote, local: [192, 0, 2, 2].into(), ecn: 0, arrived: None, len, segment }
    }

    #[test]
    fn counting_agrees_with_iterating() {
        for (len, segment) in [
            (1, 1),
            (1500, 1500),
            (1501, 1501),
            (3000, 1500),
            (3001, 1500),
            (3002, 1501),
            (4000, 1501),
            (65_507, 1200),
            (5, 100),
        ] {
            let mut batch = ReceiveBatch::new(1);
            let message = message(len, segment);
            let counted = count(&message, &mut batch.counters);
            batch.received.push(Some(message));
            let sizes: Vec<_> = batch.iter_mut().map(|datagram| datagram.data.len()).collect();
            assert!(sizes.iter().all(|&size| size <= MAX_DATAGRAM), "{len} by {segment}");
            assert_eq!(sizes.len(), counted, "{len} by {segment}");
            let counters = batch.counters();
            assert_eq!(counters.datagrams, sizes.len() as u64);
            assert_eq!(counters.bytes, sizes.iter().sum::<usize>() as u64);
            let all = len.div_ceil(segment) as u64;
            assert_eq!(counters.datagrams + counters.oversized, all, "{len} by {segment}");
        }
    }

    /// What the kernel is made to say about one message.
    struct Said<'a> {
        from: &'a str,
        len: usize,
        flags: libc::c_int,
        controls: &'a [(i32, i32, &'a [u8])],
    }

    const PLAIN: Said<'_> = Said { from: "192.0.2.1:1", len: 100, flags: 0, controls: &[] };

    /// What a batch makes of messages described so.
    fn sorted(messages: &[Said<'_>]) -> ReceiveBatch {
        let mut batch = ReceiveBatch::new(messages.len());
        let mut parts = Vec::new();
        for (index, said) in messages.iter().enumerate() {
            let control = &mut batch.controls[index];
            let control_len = said
                .controls
                .iter()
                .fold(0, |used, &(level, kind, data)| control.push(used, level, kind, data));
            let name_len = match said.from {
                "" => 0,
                from => batch.names[index].encode(from.parse().unwrap()),
            };
            let dangling = std::ptr::null_mut();
            parts.push(Parts {
                name: dangling,
                name_len,
                data: dangling,
                data_len: MESSAGE,
                control: std::ptr::NonNull::dangling().as_ptr(),
                control_len,
            });
        }
        batch.headers.fill(parts.into_iter());
        for (header, said) in batch.headers.messages().iter_mut().zip(messages) {
            header.msg_len = said.len as libc::c_uint;
            header.msg_hdr.msg_flags = said.flags;
        }
        batch.sort(messages.len(), [192, 0, 2, 2].into());
        batch
    }

    #[test]
    fn what_the_kernel_says_is_told() {
        let segment = 40i32.to_ne_bytes();
        let info = [0, 0, 0, 0, 1, 1, 1, 1, 192, 0, 2, 99];
        let controls: &[(i32, i32, &[u8])] = &[
            (libc::SOL_SOCKET, libc::SO_TIMESTAMP, &[0; 16][..]),
            (libc::IPPROTO_IP, libc::IP_PKTINFO, &info),
            (libc::IPPROTO_IP, libc::IP_TOS, &[3]),
            (libc::SOL_UDP, libc::UDP_GRO, &segment),
        ];
        let mut batch = sorted(&[Said { controls, ..PLAIN }, PLAIN]);
        let told: Vec<_> = batch.iter_mut().map(|d| (d.local, d.ecn, d.data.len())).collect();
        let asked = IpAddr::from([192, 0, 2, 99]);
        let bound = IpAddr::from([192, 0, 2, 2]);
        assert_eq!(told, [(asked, 3, 40), (asked, 3, 40), (asked, 3, 20), (bound, 0, 100)]);
        assert_eq!(batch.len(), 4);
    }

    #[test]
    fn messages_nobody_should_see_are_counted() {
        let mut batch = sorted(&[
            Said { from: "192.0.2.1:0", ..PLAIN },
            Said { from: "[2001:db8::1]:0", ..PLAIN },
            Said { from: "", ..PLAIN },
            Said { flags: libc::MSG_TRUNC, ..PLAIN },
            // What was cut may have been the mark that this is several datagrams.
            Said { flags: libc::MSG_CTRUNC, ..PLAIN },
            Said { len: 0, ..PLAIN },
            Said { len: MAX_DATAGRAM + 1, ..PLAIN },
            Said { len: MAX_DATAGRAM, ..PLAIN },
        ]);
        let sizes: Vec<_> = batch.iter_mut().map(|datagram| datagram.data.len()).collect();
        assert_eq!(sizes, [MAX_DATAGRAM]);
        let expected = ReceiveCounters {
            messages: 8,
            datagrams: 1,
            bytes: MAX_DATAGRAM as u64,
            no_source_port: 3,
            truncated: 2,
            empty: 1,
            oversized: 1,
            ..ReceiveCounters::default()
        };
        assert_eq!(batch.counters(), &expected);
        assert_eq!(batch.len(), 1);
    }

    #[test]
    fn dropped_messages_keep_the_others_in_their_rooms() {
        let mut batch = ReceiveBatch::new(3);
        for (room, fill) in batch.buffer.chunks_exact_mut(STRIDE).zip(1..) {
            room[..10].fill(fill);
        }
        batch.received.extend([Some(message(2, 2)), None, Some(message(3, 2))]);
        let data: Vec<_> = batch.iter_mut().map(|datagram| datagram.data.to_vec()).collect();
        assert_eq!(data, [vec![1, 1], vec![3, 3], vec![3]]);
    }
}
