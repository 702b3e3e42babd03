//! Flushing against a kernel that fails where it is told to.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::*;

use super::*;
use crate::address::RawAddress;
use crate::control::Control;
use crate::{ByPriority, Dropped, Priority};

#[allow(clippy::unnecessary_cast, reason = "its type differs between C libraries")]
fn control_len(message: &libc::mmsghdr) -> usize {
    message.msg_hdr.msg_controllen as usize
}

/// One datagram as it left: destination port and contents.
type Sent = (u16, Vec<u8>);

/// Reads messages as Linux would, and takes or refuses each as `refuse` says.
struct FakeKernel<F> {
    /// (destination port, segment size if a run, bytes) -> errno.
    refuse: F,
    /// The most messages per call; a real kernel stops early for reasons of its own.
    at_most: usize,
    sent: Vec<Sent>,
    /// Segments per message, in order.
    runs: Vec<usize>,
    calls: usize,
}

impl<F: FnMut(u16, Option<usize>, &[u8]) -> Option<i32>> FakeKernel<F> {
    fn new(refuse: F) -> Self {
        Self { refuse, at_most: usize::MAX, sent: Vec::new(), runs: Vec::new(), calls: 0 }
    }

    fn to(&self, port: u16) -> Vec<&[u8]> {
        self.sent.iter().filter(|sent| sent.0 == port).map(|sent| &sent.1[..]).collect()
    }
}

impl<F: FnMut(u16, Option<usize>, &[u8]) -> Option<i32>> Kernel for FakeKernel<F> {
    unsafe fn send(&mut self, messages: &mut [libc::mmsghdr]) -> Result<usize, i32> {
        self.calls += 1;
        assert!(!messages.is_empty(), "a call for nothing");
        for (index, message) in messages.iter().take(self.at_most).enumerate() {
            let header = &message.msg_hdr;
            assert_eq!(header.msg_iovlen, 1);
            // SAFETY: the caller vouches for the pointers; flushing encodes names and controls
            // into RawAddress and Control, which these are.
            let (name, data, control) = unsafe {
                let vector = &*header.msg_iov;
                let data = std::slice::from_raw_parts(vector.iov_base.cast::<u8>(), vector.iov_len);
                let control = header.msg_control.cast::<Control>();
                (*header.msg_name.cast::<RawAddress>(), data, control.as_ref().copied())
            };
            let to = name.decode(header.msg_namelen as usize).expect("an address");
            let control_len = control_len(message);
            let segment = control.and_then(|control| {
                let message =
                    control.messages(control_len).find(|message| message.1 == libc::UDP_SEGMENT)?;
                Some(usize::from(u16::from_ne_bytes(message.2.try_into().expect("a u16"))))
            });
            if let Some(errno) = (self.refuse)(to.port(), segment, data) {
                return if index == 0 { Err(errno) } else { Ok(index) };
            }
            let datagrams: Vec<Vec<u8>> = match segment {
                Some(segment) => data.chunks(segment).map(<[u8]>::to_vec).collect(),
                None => vec![data.to_vec()],
            };
            assert!(
                datagrams.len() <= crate::MAX_RUN_DATAGRAMS && data.len() <= crate::MAX_RUN_BYTES
            );
            self.runs.push(datagrams.len());
            self.sent.extend(datagrams.into_iter().map(|datagram| (to.port(), datagram)));
        }
        Ok(messages.len().min(self.at_most))
    }
}

fn put(batch: &mut SendBatch, port: u16, bytes: &[u8]) -> bool {
    let destination = SocketAddr::from(([192, 0, 2, 1], port));
    let Some(slot) = batch.reserve(None, destination, bytes.len()) else { return false };
    slot.copy_from_slice(bytes);
    batch.commit(bytes.len());
    true
}

/// Three destinations, ports 1 to 3, with four datagrams of 100 bytes each.
fn three_by_four() -> SendBatch {
    let mut batch = SendBatch::new(8, 10_000);
    for port in 1..=3 {
        for datagram in 0..4 {
            assert!(put(&mut batch, port, &[datagram; 100]));
        }
    }
    batch
}

fn run<F: FnMut(u16, Option<usize>, &[u8]) -> Option<i32>>(
    batch: &mut SendBatch,
    gso: &AtomicBool,
    kernel: &mut FakeKernel<F>,
) -> SendReport {
    let report = flush(batch, WhenFull::Drop, &Abilities { gso, pktinfo: false }, kernel);
    assert!(batch.is_empty());
    assert_eq!(report.syscalls, kernel.calls as u64);
    assert_eq!(report.datagrams, kernel.sent.len() as u64);
    assert_eq!(report.runs, kernel.runs.len() as u64);
    report
}

/// All four datagrams, in order.
fn is_complete(datagrams: &[&[u8]]) -> bool {
    datagrams.iter().map(|datagram| datagram[0]).eq(0..4)
}

#[test]
fn runs_go_out_in_one_call() {
    let mut kernel = FakeKernel::new(|_, _, _| None);
    let report = run(&mut three_by_four(), &AtomicBool::new(true), &mut kernel);
    assert_eq!(kernel.runs, [4, 4, 4]);
    assert_eq!((report.datagrams, report.bytes, report.syscalls), (12, 1200, 1));
    assert!((1..=3).all(|port| is_complete(&kernel.to(port))));
}

#[test]
fn without_gso_the_same_datagrams_go_out() {
    let mut with = FakeKernel::new(|_, _, _| None);
    run(&mut three_by_four(), &AtomicBool::new(true), &mut with);
    let mut without = FakeKernel::new(|_, segment, _| segment.map(|_| libc::EOPNOTSUPP));
    let report = run(&mut three_by_four(), &AtomicBool::new(false), &mut without);
    assert_eq!(with.sent, without.sent);
    // 12 messages through 9 headers (8 promised runs and the one that may overhang).
    assert_eq!(report.syscalls, 2);
    assert_eq!(without.runs, [1; 12]);
}

#[test]
fn a_partial_send_is_resumed() {
    let mut kernel = FakeKernel::new(|_, _, _| None);
    kernel.at_most = 1;
    let report = run(&mut three_by_four(), &AtomicBool::new(true), &mut kernel);
    assert_eq!((report.syscalls, report.datagrams, report.dropped.total()), (3, 12, 0));
    assert!((1..=3).all(|port| is_complete(&kernel.to(port))));
}

#[test]
fn an_interrupted_send_is_repeated() {
    let mut interruptions = 5;
    let mut kernel = FakeKernel::new(|port, _, _| {
        (port == 2 && interruptions > 0).then(|| {
            interruptions -= 1;
            libc::EINTR
        })
    });
    let report = run(&mut three_by_four(), &AtomicBool::new(true), &mut kernel);
    assert_eq!((report.datagrams, report.dropped.total()), (12, 0));
}

#[test]
fn a_run_too_large_for_its_path_is_split_and_no_other() {
    for errno in [libc::EMSGSIZE, libc::EINVAL] {
        let gso = AtomicBool::new(true);
        let mut kernel =
            FakeKernel::new(|port, segment, _| (port == 2 && segment.is_some()).then_some(errno));
        let report = run(&mut three_by_four(), &gso, &mut kernel);
        assert_eq!(kernel.runs, [4, 1, 1, 1, 1, 4]);
        assert!((1..=3).all(|port| is_complete(&kernel.to(port))));
        assert_eq!((report.split_runs, report.dropped.total()), (1, 0));
        assert!(gso.load(Ordering::Relaxed), "the others keep it");
    }
}

#[test]
fn two_paths_too_small_in_one_batch() {
    let mut kernel = FakeKernel::new(|port, segment, _| {
        (port != 2 && segment.is_some()).then_some(libc::EMSGSIZE)
    });
    let report = run(&mut three_by_four(), &AtomicBool::new(true), &mut kernel);
    assert_eq!(kernel.runs, [1, 1, 1, 1, 4, 1, 1, 1, 1]);
    assert_eq!(report.split_runs, 2);
}

#[test]
fn single_datagrams_too_big_are_dropped_and_the_shorter_last_one_is_not() {
    let mut batch = SendBatch::new(8, 10_000);
    for (port, len) in [(1, 100), (2, 100), (2, 100), (2, 40), (3, 100)] {
        put(&mut batch, port, &vec![0; len]);
    }
    let mut kernel = FakeKernel::new(|port, segment, data| {
        (port == 2 && segment.unwrap_or(data.len()) > 50).then_some(libc::EMSGSIZE)
    });
    let report = run(&mut batch, &AtomicBool::new(true), &mut kernel);
    assert_eq!(report.dropped.too_big, 2);
    assert_eq!(report.dropped.total(), 2);
    assert_eq!(kernel.to(2), [&[0; 40][..]]);
    assert_eq!((kernel.to(1).len(), kernel.to(3).len()), (1, 1));
}

#[test]
fn a_device_without_gso_ends_it_for_good() {
    let gso = AtomicBool::new(true);
    let mut kernel = FakeKernel::new(|_, segment, _| segment.map(|_| libc::EIO));
    let report = run(&mut three_by_four(), &gso, &mut kernel);
    assert!((1..=3).all(|port| is_complete(&kernel.to(port))));
    assert_eq!((report.split_runs, report.dropped.total()), (1, 0));
    assert!(!gso.load(Ordering::Relaxed));
    let report = run(&mut three_by_four(), &gso, &mut FakeKernel::new(|_, _, _| None));
    assert_eq!((report.split_runs, report.runs), (0, 12));
}

#[test]
fn an_unsendable_destination_costs_only_its_own() {
    for (errno, reason) in [
        (libc::ECONNREFUSED, DropReason::Refused),
        (libc::ENETUNREACH, DropReason::Unreachable),
        (libc::EHOSTUNREACH, DropReason::Unreachable),
        (libc::ENETDOWN, DropReason::Unreachable),
        (libc::EPERM, DropReason::NotPermitted),
        (libc::EACCES, DropReason::NotPermitted),
        (libc::EINVAL, DropReason::Invalid),
        (libc::EAFNOSUPPORT, DropReason::Invalid),
        (libc::EMSGSIZE, DropReason::TooBig),
        (libc::ENOBUFS, DropReason::NoBuffers),
        (libc::EIO, DropReason::Other),
        (libc::EBADF, DropReason::Other),
    ] {
        for gso in [true, false] {
            for failing in 1..=3 {
                let mut kernel = FakeKernel::new(|port, _, _| (port == failing).then_some(errno));
                let report = run(&mut three_by_four(), &AtomicBool::new(gso), &mut kernel);
                let expected = Dropped::default()
                    .reasons()
                    .map(|(each, _)| (each, if each == reason { 4 } else { 0 }));
                assert_eq!(report.dropped.reasons(), expected, "errno {errno}, gso {gso}");
                for port in 1..=3 {
                    let sent = kernel.to(port);
                    assert!(if port == failing { sent.is_empty() } else { is_complete(&sent) });
                }
            }
        }
    }
}

#[test]
fn the_rest_of_a_failing_run_is_not_tried() {
    // Split, then refused for a reason that is the destination's: one more call, not four.
    let mut kernel = FakeKernel::new(|port, _, _| (port == 2).then_some(libc::EINVAL));
    let report = run(&mut three_by_four(), &AtomicBool::new(true), &mut kernel);
    // 1: run of port 1; 2: port 2 as a run; 3: port 2 singly; 4: port 3.
    assert_eq!((report.syscalls, report.dropped.invalid), (4, 4));
}

#[test]
fn full_once_is_tried_again() {
    // The first refusal only ends the first call; the second is its reason.
    let mut refusals = 2;
    let mut kernel = FakeKernel::new(|port, _, _| {
        (port == 2 && refusals > 0).then(|| {
            refusals -= 1;
            libc::EWOULDBLOCK
        })
    });
    let report = run(&mut three_by_four(), &AtomicBool::new(true), &mut kernel);
    assert_eq!((report.datagrams, report.dropped.total(), report.syscalls), (12, 0, 3));
}

#[test]
fn full_twice_drops_the_rest_of_the_batch() {
    for (gso, sent) in [(true, 4), (false, 6)] {
        let mut kernel = FakeKernel::new(|port, segment, data| {
            let is_it = port == 2 && (segment.is_some() || data[0] == 2);
            is_it.then_some(libc::EAGAIN)
        });
        let report = run(&mut three_by_four(), &AtomicBool::new(gso), &mut kernel);
        assert_eq!((report.datagrams, report.dropped.would_block), (sent, 12 - sent));
        assert_eq!((report.dropped.total(), report.shed.normal), (12 - sent, 12 - sent));
        assert!(kernel.to(3).is_empty());
    }
}

#[test]
fn out_of_memory_costs_one_message() {
    let mut kernel =
        FakeKernel::new(|port, _, data| (port == 2 && data[0] == 1).then_some(libc::ENOMEM));
    let report = run(&mut three_by_four(), &AtomicBool::new(false), &mut kernel);
    assert_eq!((report.datagrams, report.dropped.no_buffers), (11, 1));
}

#[test]
fn a_source_is_named_only_where_the_socket_has_a_choice() {
    for pktinfo in [true, false] {
        let mut batch = SendBatch::new(8, 1000);
        let destination = "192.0.2.1:9".parse().unwrap();
        batch.reserve(Some([192, 0, 2, 7].into()), destination, 10).unwrap();
        batch.commit(10);
        struct Probe(Option<usize>);
        impl Kernel for Probe {
            unsafe fn send(&mut self, messages: &mut [libc::mmsghdr]) -> Result<usize, i32> {
                self.0 = Some(control_len(&messages[0]));
                Ok(1)
            }
        }
        let mut kernel = Probe(None);
        flush(
            &mut batch,
            WhenFull::Drop,
            &Abilities { gso: &AtomicBool::new(true), pktinfo },
            &mut kernel,
        );
        assert_eq!(kernel.0, Some(if pktinfo { 32 } else { 0 }));
    }
}

proptest! {
    /// Whatever sizes and destinations, however often the kernel stops early, and with runs
    /// refused here and there: every datagram goes out once, unchanged, in order per destination.
    #[test]
    fn nothing_is_lost_or_reordered(
        datagrams in prop::collection::vec((1u16..4, prop::sample::select(vec![0usize, 1, 99, 100, 1200])), 1..300),
        at_most in 1usize..10,
        gso: bool,
        refusals in prop::collection::vec(prop::option::weighted(0.2, prop::sample::select(vec![libc::EMSGSIZE, libc::EIO, libc::EINTR])), 0..40),
    ) {
        let gso = AtomicBool::new(gso);
        let mut refusals = VecDeque::from(refusals);
        let mut kernel = FakeKernel::new(|_, segment, _| {
            segment.and_then(|_| refusals.pop_front().flatten())
        });
        kernel.at_most = at_most;
        let mut batch = SendBatch::new(5, 20_000);
        let mut expected = Vec::new();
        for (index, &(port, len)) in datagrams.iter().enumerate() {
            let bytes = vec![index as u8; len];
            if !put(&mut batch, port, &bytes) {
                flush(&mut batch, WhenFull::Drop, &Abilities { gso: &gso, pktinfo: false }, &mut kernel);
                prop_assert!(put(&mut batch, port, &bytes));
            }
            expected.push((port, bytes));
        }
        flush(&mut batch, WhenFull::Drop, &Abilities { gso: &gso, pktinfo: false }, &mut kernel);
        // Order across destinations is kept as well.
        prop_assert_eq!(&kernel.sent, &expected);
    }
}

/// Sends as a socket does that keeps what does not fit.
fn keep<F: FnMut(u16, Option<usize>, &[u8]) -> Option<i32>>(
    batch: &mut SendBatch,
    kernel: &mut FakeKernel<F>,
) -> SendReport {
    let gso = AtomicBool::new(true);
    flush(batch, WhenFull::Keep, &Abilities { gso: &gso, pktinfo: false }, kernel)
}

fn put_as(batch: &mut SendBatch, port: u16, priority: Priority, bytes: &[u8]) -> bool {
    let destination = SocketAddr::from(([192, 0, 2, 1], port));
    let Some(slot) = batch.reserve(None, destination, bytes.len()) else { return false };
    slot.copy_from_slice(bytes);
    batch.commit_as(priority, bytes.len());
    true
}

#[test]
fn what_a_full_socket_does_not_take_stays_first_in_line() {
    let mut room = 1;
    let mut batch = three_by_four();
    let mut full = FakeKernel::new(|_, _, _| {
        room -= 1;
        (room < 0).then_some(libc::EAGAIN)
    });
    let report = keep(&mut batch, &mut full);
    // One call takes the first run, the next says why it took no more.
    assert_eq!((report.datagrams, report.kept, report.syscalls), (4, 1, 2));
    assert_eq!(report.dropped.total(), 0);
    assert!(batch.is_waiting());
    assert_eq!((batch.len(), batch.runs()), (8, 2));
    assert!(put(&mut batch, 4, &[9; 100]));
    let mut kernel = FakeKernel::new(|_, _, _| None);
    let report = keep(&mut batch, &mut kernel);
    assert_eq!((report.datagrams, report.kept), (9, 0));
    assert!(batch.is_empty() && !batch.is_waiting());
    let ports: Vec<u16> = kernel.sent.iter().map(|sent| sent.0).collect();
    assert_eq!(ports, [2, 2, 2, 2, 3, 3, 3, 3, 4]);
    assert!((2..=3).all(|port| is_complete(&kernel.to(port))));
}

#[test]
fn a_socket_that_fills_in_the_midst_of_a_run_keeps_the_rest_of_it() {
    let mut batch = three_by_four();
    // This path takes no runs, and the socket takes two datagrams of the one that is split.
    let mut kernel = FakeKernel::new(|port, segment, data| match (port, segment) {
        (2, Some(_)) => Some(libc::EMSGSIZE),
        (2, None) => (data[0] == 2).then_some(libc::EAGAIN),
        _ => None,
    });
    let report = keep(&mut batch, &mut kernel);
    assert_eq!((report.datagrams, report.kept, report.split_runs), (6, 1, 1));
    let mut kernel = FakeKernel::new(|_, _, _| None);
    keep(&mut batch, &mut kernel);
    assert_eq!(kernel.to(2), [&[2; 100][..], &[3; 100]]);
    assert!(is_complete(&kernel.to(3)));
}

#[test]
fn while_a_socket_is_full_more_may_wait_than_is_sent_at_once() {
    let mut batch = SendBatch::new(2, 100_000);
    let mut full = FakeKernel::new(|_, _, _| Some(libc::EAGAIN));
    assert!(put(&mut batch, 1, b"first"));
    keep(&mut batch, &mut full);
    let taken = (2..).take_while(|&port| put(&mut batch, port, b"next")).count();
    assert_eq!(taken, crate::waiting::MAX_WAITING_RUNS - 1);
    let mut kernel = FakeKernel::new(|_, _, _| None);
    let report = keep(&mut batch, &mut kernel);
    assert_eq!(report.datagrams, crate::waiting::MAX_WAITING_RUNS as u64);
    let ports = kernel.sent.iter().map(|sent| sent.0);
    assert!(ports.eq(1..=crate::waiting::MAX_WAITING_RUNS as u16), "in order");
    // And then no longer.
    assert!(put(&mut batch, 1, b"a") && put(&mut batch, 2, b"b") && !put(&mut batch, 3, b"c"));
}

/// A full socket's batch of ten datagrams of 100 bytes, which fill its arena; the even ones are of the other priority.
fn ten_that_wait(odd: Priority, even: Priority) -> SendBatch {
    let mut batch = SendBatch::new(64, 1_000);
    for number in 0..10u8 {
        let priority = if number % 2 == 0 { even } else { odd };
        assert!(put_as(&mut batch, u16::from(number) + 1, priority, &[number; 100]));
    }
    keep(&mut batch, &mut FakeKernel::new(|_, _, _| Some(libc::EAGAIN)));
    assert!(!put(&mut batch, 99, &[0; 100]));
    batch
}

/// The numbers of those that are left, in order.
fn left(mut batch: SendBatch) -> Vec<u8> {
    let mut kernel = FakeKernel::new(|_, _, _| None);
    keep(&mut batch, &mut kernel);
    for (port, bytes) in &kernel.sent {
        assert_eq!(bytes, &vec![(port - 1) as u8; 100], "its own bytes, to its own destination");
    }
    kernel.sent.iter().map(|sent| sent.1[0]).collect()
}

#[test]
fn the_oldest_video_goes_first_and_no_more_of_it_than_needed() {
    for other in [Priority::Normal, Priority::High] {
        let mut batch = ten_that_wait(Priority::Low, other);
        let report = batch.make_room(Priority::Low);
        assert_eq!(report.shed, ByPriority { low: 3, ..ByPriority::default() });
        assert_eq!(report.dropped.would_block, 3);
        assert_eq!(left(batch), [0, 2, 4, 6, 7, 8, 9]);
    }
}

#[test]
fn audio_goes_when_there_is_no_video_left_and_control_last() {
    let mut batch = ten_that_wait(Priority::Normal, Priority::High);
    let report = batch.make_room(Priority::High);
    assert_eq!(report.shed, ByPriority { normal: 3, ..ByPriority::default() });
    assert_eq!(left(batch), [0, 2, 4, 6, 7, 8, 9]);
    let mut batch = ten_that_wait(Priority::High, Priority::High);
    let report = batch.make_room(Priority::High);
    assert_eq!(report.shed, ByPriority { high: 3, ..ByPriority::default() });
    assert_eq!(left(batch), [3, 4, 5, 6, 7, 8, 9]);
}

#[test]
fn nothing_goes_for_the_sake_of_what_matters_less() {
    let mut batch = ten_that_wait(Priority::Normal, Priority::High);
    assert_eq!(batch.make_room(Priority::Low), SendReport::default());
    assert!(!put_as(&mut batch, 99, Priority::Low, &[0; 100]));
    assert_eq!(left(batch), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
}

#[test]
fn video_that_waited_for_too_long_goes_as_a_whole() {
    let mut batch = ten_that_wait(Priority::Low, Priority::Normal);
    assert_eq!(batch.drop_waiting(Priority::Low).shed.low, 5);
    assert!(batch.is_waiting());
    assert_eq!(left(batch), [0, 2, 4, 6, 8]);
    let mut batch = ten_that_wait(Priority::Low, Priority::Low);
    batch.drop_waiting(Priority::Low);
    assert!(!batch.is_waiting() && batch.is_empty(), "nothing is left to wait");
}
