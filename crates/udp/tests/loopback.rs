//! Sockets over the loopback interface: what goes in comes out, whichever features are on.
#![cfg(target_os = "linux")]
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, reason = "tests")]

mod common;

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;
use std::time::{Duration, SystemTime};

use common::{bind, bind_with, data, drain, drain_into, put, put_from};
use tsubame_udp::{BindOptions, MAX_DATAGRAM, ReceiveBatch, SendBatch, SendReport, Socket};

const LOOPBACKS: [&str; 2] = ["127.0.0.1:0", "[::1]:0"];

fn options(gso: bool, gro: bool) -> BindOptions {
    BindOptions { gso, gro, ..BindOptions::default() }
}

#[test]
fn shards_may_own_what_others_made() {
    fn is_send<T: Send>() {}
    fn is_sync<T: Sync>() {}
    is_send::<SendBatch>();
    is_send::<ReceiveBatch>();
    is_send::<Socket>();
    is_sync::<Socket>();
}

#[test]
fn features_do_not_change_the_datagrams() {
    for address in LOOPBACKS {
        for (gso, gro) in [(false, false), (false, true), (true, false), (true, true)] {
            let sender = bind_with(address, &options(gso, true));
            let receivers = [(); 3].map(|()| bind_with(address, &options(true, gro)));
            // The sizes of a video frame as libwebrtc cuts it, and a loss of rhythm.
            let sizes = [1100, 1100, 1100, 1101, 1101, 37, 1101, 2, 2, 1];
            let mut batch = SendBatch::new(64, 100_000);
            let mut expected: [Vec<Vec<u8>>; 3] = Default::default();
            for (to, expected) in receivers.iter().zip(&mut expected) {
                for (index, len) in sizes.into_iter().enumerate() {
                    let bytes = vec![index as u8; len];
                    put(&mut batch, to.local_addr(), &bytes);
                    expected.push(bytes);
                }
            }
            assert_eq!((batch.len(), batch.runs()), (30, 12));
            let report = sender.send(&mut batch);
            assert_eq!((report.datagrams, report.dropped.total()), (30, 0), "{address} {gso}");
            assert_eq!(report.runs, if gso { 12 } else { 30 }, "{address} {gso}");
            assert_eq!((report.syscalls, report.split_runs), (1, 0));
            for (receiver, expected) in receivers.iter().zip(&expected) {
                let mut batch = ReceiveBatch::new(4);
                let received = drain_into(receiver, &mut batch);
                assert_eq!(data(&received), expected.iter().map(Vec::as_slice).collect::<Vec<_>>());
                for datagram in &received {
                    assert_eq!(datagram.remote, sender.local_addr());
                    assert_eq!(datagram.local, receiver.local_addr().ip());
                }
                let trains = gso && gro;
                assert_eq!(batch.counters().messages, if trains { 4 } else { 10 });
                assert_eq!(batch.counters().datagrams, 10);
            }
        }
    }
}

#[test]
fn a_full_run_survives() {
    for address in LOOPBACKS {
        let (sender, receiver) = (bind(address), bind(address));
        let mut batch = SendBatch::new(1, 200_000);
        for index in 0..64u8 {
            put(&mut batch, receiver.local_addr(), &[index; 1000]);
        }
        let report = sender.send(&mut batch);
        assert_eq!((report.datagrams, report.runs, report.bytes), (64, 1, 64_000));
        assert_eq!(report.run_lengths.buckets().last(), Some((64, 64, 1)));
        let received = drain(&receiver);
        assert_eq!(received.len(), 64);
        assert!((0..64).all(|index| received[index].data == [index as u8; 1000]));
    }
}

#[test]
fn the_longest_run_in_bytes_survives() {
    for address in LOOPBACKS {
        let (sender, receiver) = (bind(address), bind(address));
        let mut batch = SendBatch::new(4, 200_000);
        for index in 0..60u8 {
            put(&mut batch, receiver.local_addr(), &[index; 1489]);
        }
        assert_eq!(batch.runs(), 2, "43 datagrams fit an IP packet");
        let report = sender.send(&mut batch);
        assert_eq!((report.runs, report.dropped.total(), report.split_runs), (2, 0, 0));
        assert_eq!(drain(&receiver).len(), 60);
    }
}

#[test]
fn nothing_waiting_is_no_error() {
    for address in LOOPBACKS {
        let socket = bind(address);
        let mut batch = ReceiveBatch::new(4);
        assert_eq!(socket.receive(&mut batch).unwrap(), 0);
        assert!(batch.is_empty());
        assert_eq!(socket.send(&mut SendBatch::new(4, 100)), SendReport::default());
    }
}

#[test]
fn a_receive_forgets_the_one_before() {
    let (sender, receiver) = (bind(LOOPBACKS[0]), bind(LOOPBACKS[0]));
    let mut batch = SendBatch::new(4, 1000);
    put(&mut batch, receiver.local_addr(), b"abc");
    sender.send(&mut batch);
    let mut batch = ReceiveBatch::new(4);
    assert_eq!(receiver.receive(&mut batch).unwrap(), 1);
    assert_eq!(batch.len(), 1);
    assert_eq!(receiver.receive(&mut batch).unwrap(), 0);
    assert_eq!((batch.len(), batch.iter_mut().count()), (0, 0));
}

#[test]
fn a_batch_is_reused() {
    let (sender, receiver) = (bind(LOOPBACKS[0]), bind(LOOPBACKS[0]));
    let mut batch = SendBatch::new(2, 30);
    for round in 0..5u8 {
        put(&mut batch, receiver.local_addr(), &[round; 20]);
        assert!(batch.reserve(None, receiver.local_addr(), 11).is_none());
        assert_eq!(sender.send(&mut batch).datagrams, 1);
        assert!(batch.is_empty());
    }
    let received = drain(&receiver);
    assert!(received.iter().map(|datagram| datagram.data[0]).eq(0..5));
}

#[test]
fn an_uncommitted_slot_is_not_sent() {
    let (sender, receiver) = (bind(LOOPBACKS[0]), bind(LOOPBACKS[0]));
    let mut batch = SendBatch::new(4, 1000);
    put(&mut batch, receiver.local_addr(), b"one");
    batch.reserve(None, receiver.local_addr(), 3).unwrap().copy_from_slice(b"xxx");
    put(&mut batch, receiver.local_addr(), b"two");
    batch.reserve(None, receiver.local_addr(), 3).unwrap().copy_from_slice(b"yyy");
    assert_eq!(sender.send(&mut batch).datagrams, 2);
    assert_eq!(data(&drain(&receiver)), [b"one", b"two"]);
}

#[test]
fn a_wildcard_socket_answers_from_the_address_that_was_asked() {
    let server = bind("0.0.0.0:0");
    assert!(server.features().pktinfo);
    let client = bind("127.0.0.1:0");
    for asked in [[127, 0, 0, 1], [127, 0, 0, 2], [127, 9, 8, 7]].map(IpAddr::from) {
        let asked_at = SocketAddr::new(asked, server.local_addr().port());
        let mut batch = SendBatch::new(4, 1000);
        put(&mut batch, asked_at, b"ask");
        put(&mut batch, asked_at, b"ask");
        client.send(&mut batch);
        let questions = drain(&server);
        assert_eq!(questions.len(), 2);
        for question in &questions {
            assert_eq!((question.local, question.remote), (asked, client.local_addr()));
            put_from(&mut batch, Some(question.local), question.remote, b"answer");
        }
        assert_eq!(batch.runs(), 1);
        assert_eq!(server.send(&mut batch).datagrams, 2);
        let answers = drain(&client);
        assert_eq!(data(&answers), [b"answer", b"answer"]);
        assert!(answers.iter().all(|answer| answer.remote == asked_at));
    }
}

#[test]
fn sources_break_runs() {
    let (server, client) = (bind("0.0.0.0:0"), bind("127.0.0.1:0"));
    let mut batch = SendBatch::new(8, 1000);
    let sources = [[127, 0, 0, 1], [127, 0, 0, 1], [127, 0, 0, 2]].map(IpAddr::from);
    for source in sources {
        put_from(&mut batch, Some(source), client.local_addr(), b"data");
    }
    assert_eq!(batch.runs(), 2);
    server.send(&mut batch);
    assert!(drain(&client).iter().map(|datagram| datagram.remote.ip()).eq(sources));
}

#[test]
fn an_ipv6_wildcard_socket_knows_what_was_asked() {
    let (server, client) = (bind("[::]:0"), bind("[::1]:0"));
    assert!(server.features().pktinfo);
    let asked_at: SocketAddr = format!("[::1]:{}", server.local_addr().port()).parse().unwrap();
    let mut batch = SendBatch::new(4, 1000);
    put(&mut batch, asked_at, b"ask");
    client.send(&mut batch);
    let questions = drain(&server);
    assert_eq!(questions.len(), 1);
    assert_eq!((questions[0].local, questions[0].remote), (asked_at.ip(), client.local_addr()));
    for _ in 0..3 {
        put_from(&mut batch, Some(questions[0].local), questions[0].remote, b"answer");
    }
    let report = server.send(&mut batch);
    assert_eq!((report.datagrams, report.runs), (3, 1));
    let answers = drain(&client);
    assert_eq!(answers.len(), 3);
    assert!(answers.iter().all(|answer| answer.remote == asked_at));
}

#[test]
fn an_ipv6_socket_leaves_ipv4_alone() {
    let v6 = bind("[::]:0");
    let v4 = bind_with(&format!("0.0.0.0:{}", v6.local_addr().port()), &BindOptions::default());
    assert_eq!(v4.local_addr().port(), v6.local_addr().port());
}

#[test]
fn a_source_that_is_not_ours_is_counted_and_the_rest_goes_on() {
    let (server, client) = (bind("0.0.0.0:0"), bind("127.0.0.1:0"));
    let mut batch = SendBatch::new(8, 1000);
    put(&mut batch, client.local_addr(), b"before");
    for _ in 0..3 {
        put_from(&mut batch, Some([192, 0, 2, 77].into()), client.local_addr(), b"foreign");
    }
    put(&mut batch, client.local_addr(), b"after");
    let report = server.send(&mut batch);
    assert_eq!((report.datagrams, report.dropped.total()), (2, 3));
    assert_eq!(data(&drain(&client)), [&b"before"[..], b"after"]);
}

#[test]
fn another_family_is_counted_and_the_rest_goes_on() {
    for (ours, theirs) in [(0, 1), (1, 0)] {
        let (sender, receiver) = (bind(LOOPBACKS[ours]), bind(LOOPBACKS[ours]));
        let stranger = bind(LOOPBACKS[theirs]);
        let mut batch = SendBatch::new(8, 1000);
        put(&mut batch, receiver.local_addr(), b"before");
        put(&mut batch, stranger.local_addr(), b"astray");
        put(&mut batch, stranger.local_addr(), b"astray");
        put(&mut batch, receiver.local_addr(), b"after");
        let report = sender.send(&mut batch);
        assert_eq!((report.datagrams, report.dropped.total()), (2, 2));
        assert_eq!(data(&drain(&receiver)), [&b"before"[..], b"after"]);
        assert!(drain(&stranger).is_empty());
    }
}

#[test]
fn a_datagram_larger_than_udp_is_counted_and_the_rest_goes_on() {
    for address in LOOPBACKS {
        let (sender, receiver) = (bind(address), bind(address));
        let mut batch = SendBatch::new(8, 200_000);
        put(&mut batch, receiver.local_addr(), b"before");
        put(&mut batch, receiver.local_addr(), &vec![0; 65_536]);
        put(&mut batch, receiver.local_addr(), b"after");
        let report = sender.send(&mut batch);
        assert_eq!((report.datagrams, report.dropped.too_big), (2, 1), "{address}");
        assert_eq!(data(&drain(&receiver)), [&b"before"[..], b"after"]);
    }
}

/// IPV6_MTU makes the kernel treat every path of this socket as one of 1,280 bytes, without
/// anybody's configuration: it refuses runs of larger datagrams and fragments single ones.
#[test]
fn a_run_too_large_for_the_path_goes_out_singly() {
    let (sender, receiver) = (bind("[::1]:0"), bind("[::1]:0"));
    set_option(&sender, libc::IPPROTO_IPV6, libc::IPV6_MTU, 1280);
    let mut batch = SendBatch::new(8, 100_000);
    let sizes = [1000, 1000, 1400, 1400, 1400, 90, 1000, 1000];
    for (index, len) in sizes.into_iter().enumerate() {
        put(&mut batch, receiver.local_addr(), &vec![index as u8; len]);
    }
    assert_eq!(batch.runs(), 3);
    let report = sender.send(&mut batch);
    assert_eq!((report.datagrams, report.dropped.total()), (8, 0));
    assert_eq!((report.split_runs, report.runs), (1, 1 + 4 + 1));
    assert!(sender.features().gso, "the path's fault, not the kernel's");
    let received = drain(&receiver);
    assert_eq!(received.iter().map(|datagram| datagram.data.len()).collect::<Vec<_>>(), sizes);
    assert!(received.iter().map(|datagram| datagram.data[0]).eq(0..8));
}

#[test]
fn oversized_and_empty_datagrams_never_reach_anybody() {
    for gro in [true, false] {
        let sender = bind("127.0.0.1:0");
        let receiver = bind_with("127.0.0.1:0", &options(true, gro));
        let mut batch = SendBatch::new(16, 100_000);
        for len in [MAX_DATAGRAM, MAX_DATAGRAM + 1, 0, 9000, 1] {
            put(&mut batch, receiver.local_addr(), &vec![7; len]);
        }
        // A run of oversized ones whose last is not.
        for len in [2000, 2000, 100] {
            put(&mut batch, receiver.local_addr(), &vec![7; len]);
        }
        assert_eq!(sender.send(&mut batch).datagrams, 8);
        let mut batch = ReceiveBatch::new(2);
        let received = drain_into(&receiver, &mut batch);
        let sizes: Vec<_> = received.iter().map(|datagram| datagram.data.len()).collect();
        assert_eq!(sizes, [MAX_DATAGRAM, 1, 100], "gro {gro}");
        let counters = batch.counters();
        assert_eq!((counters.oversized, counters.empty), (4, 1));
        assert_eq!((counters.datagrams, counters.bytes), (3, 1601));
    }
}

#[test]
fn a_message_of_nothing_but_drops_is_not_the_end() {
    let (sender, receiver) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
    let mut batch = SendBatch::new(16, 100_000);
    put(&mut batch, receiver.local_addr(), &[0; 5000]);
    sender.send(&mut batch);
    let mut batch = ReceiveBatch::new(1);
    assert_eq!(receiver.receive(&mut batch).unwrap(), 1, "0 would mean an empty socket");
    assert!(batch.is_empty());
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the kernel's stamps are compared with its clock")]
fn a_datagram_arrives_when_it_is_sent_and_not_when_it_is_received() {
    for address in LOOPBACKS {
        let sender = bind(address);
        let asked = BindOptions { timestamps: true, ..BindOptions::default() };
        let (told, untold) = (bind_with(address, &asked), bind(address));
        let clock = SystemTime::now;
        let before = clock();
        let mut batch = SendBatch::new(4, 10_000);
        for to in [&told, &untold] {
            for len in [500, 500, 30] {
                put(&mut batch, to.local_addr(), &vec![1; len]);
            }
        }
        sender.send(&mut batch);
        let after = clock();
        let arrived = |socket: &Socket| -> Vec<Option<SystemTime>> {
            let mut batch = ReceiveBatch::new(4);
            assert!(socket.receive(&mut batch).unwrap() > 0);
            batch.iter_mut().map(|datagram| datagram.arrived).collect()
        };
        let times = arrived(&told);
        assert_eq!(times.len(), 3);
        for time in times {
            let time = time.unwrap();
            // The clock of the kernel's stamps may be the coarser one.
            let slack = Duration::from_millis(10);
            assert!(before - slack <= time && time <= after + slack, "{before:?} {time:?}");
        }
        assert_eq!(arrived(&untold), [None; 3]);
    }
}

#[test]
fn ecn_is_what_was_sent() {
    for (address, level, name) in [
        (LOOPBACKS[0], libc::IPPROTO_IP, libc::IP_TOS),
        (LOOPBACKS[1], libc::IPPROTO_IPV6, libc::IPV6_TCLASS),
    ] {
        let (sender, receiver) = (bind(address), bind(address));
        assert!(receiver.features().ecn);
        for ecn in 0..4u8 {
            // Beside a DSCP, which is not ECN.
            set_option(&sender, level, name, i32::from(0b1011_1000 | ecn));
            let mut batch = SendBatch::new(4, 1000);
            put(&mut batch, receiver.local_addr(), b"one");
            put(&mut batch, receiver.local_addr(), b"two");
            sender.send(&mut batch);
            let received = drain(&receiver);
            assert_eq!(received.len(), 2);
            assert!(received.iter().all(|datagram| datagram.ecn == ecn), "{address} {ecn}");
        }
    }
}

#[test]
fn buffers_are_reported_as_granted() {
    let options =
        BindOptions { receive_buffer: Some(100_000), send_buffer: None, ..BindOptions::default() };
    let buffers = bind_with("127.0.0.1:0", &options).buffers();
    assert_eq!((buffers.receive.requested, buffers.receive.granted), (Some(100_000), 100_000));
    assert!(!buffers.receive.is_short());
    assert_eq!(buffers.send.requested, None);
    assert!(buffers.send.granted > 0 && !buffers.send.is_short());
}

#[test]
fn an_absurd_buffer_is_no_error() {
    let options = BindOptions { receive_buffer: Some(usize::MAX), ..BindOptions::default() };
    let buffers = bind_with("127.0.0.1:0", &options).buffers();
    assert!(buffers.receive.is_short(), "nobody grants this: {buffers:?}");
}

#[test]
fn an_overflowing_receive_buffer_is_noticed() {
    let options = BindOptions { receive_buffer: Some(4096), ..BindOptions::default() };
    let (sender, receiver) = (bind("127.0.0.1:0"), bind_with("127.0.0.1:0", &options));
    assert_eq!(receiver.receive_overflows().unwrap(), 0);
    let mut batch = SendBatch::new(64, 100_000);
    for index in 0..60u8 {
        // Sizes that grow make no runs, so that the kernel counts datagrams.
        put(&mut batch, receiver.local_addr(), &vec![0; 1000 + usize::from(index)]);
    }
    assert_eq!(sender.send(&mut batch).datagrams, 60);
    let overflows = receiver.receive_overflows().unwrap();
    assert!(overflows > 0);
    assert_eq!(drain(&receiver).len() as u32 + overflows, 60);
}

#[test]
fn a_taken_address_is_an_error() {
    for address in LOOPBACKS {
        let first = bind(address);
        let error = Socket::bind(first.local_addr(), &BindOptions::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
    }
}

#[test]
fn waiting_with_mio() {
    use mio::unix::SourceFd;
    use mio::{Events, Interest, Poll, Token};

    let (sender, receiver) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
    let mut poll = Poll::new().unwrap();
    let fd = receiver.as_raw_fd();
    poll.registry().register(&mut SourceFd(&fd), Token(7), Interest::READABLE).unwrap();
    let mut events = Events::with_capacity(4);
    for round in 0..3u8 {
        let mut batch = SendBatch::new(4, 1000);
        put(&mut batch, receiver.local_addr(), &[round]);
        sender.send(&mut batch);
        // Loopback has delivered already: nothing is waited for unless the wake-up is missing.
        poll.poll(&mut events, Some(Duration::from_secs(10))).unwrap();
        assert!(events.iter().any(|event| event.token() == Token(7) && event.is_readable()));
        assert_eq!(data(&drain(&receiver)), [[round]]);
    }
}

fn set_option(socket: &Socket, level: i32, name: i32, value: i32) {
    let (value, len) = (&raw const value, size_of::<i32>() as libc::socklen_t);
    #[allow(unsafe_code, reason = "no safe interface to these options")]
    // SAFETY: the pointer and the length describe the argument `value`.
    let result = unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, value.cast(), len) };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
}
