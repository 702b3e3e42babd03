//! A send buffer that is really full, in a network namespace of the test's own.
//!
//! Loopback takes every datagram at once, so it never fills. Datagrams to a neighbour whose link address is not known wait in the kernel on the
//! sender's account: a veth with nobody behind it, and a small buffer is full after a few.

#![allow(missing_docs, unreachable_pub, dead_code, clippy::unwrap_used, reason = "tests")]

mod common;

use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::process::Command;
use std::time::Duration;

use common::{bind_with, data, drain};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use tsubame_udp::{BindOptions, ByPriority, Priority, SendBatch};

/// Set in the process that is inside the namespace.
const INSIDE: &str = "TSUBAME_UDP_IN_NAMESPACE";

/// Runs the test of this name once more in a network namespace that is new.
fn run_inside(test: &str) {
    let this = std::env::current_exe().unwrap();
    let inside = |options: &[&str]| {
        Command::new("unshare")
            .args(options)
            .arg("--")
            .arg(&this)
            .args(["--exact", test, "--nocapture"])
            .env(INSIDE, "1")
            .output()
            .expect("unshare: install the Debian package util-linux")
    };
    // Without privileges a user namespace brings them.
    let plain = Command::new("unshare").args(["--net", "true"]).output();
    let options: &[&str] = match plain {
        Ok(output) if output.status.success() => &["--net"],
        _ => &["--user", "--map-root-user", "--net"],
    };
    let output = inside(options);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "{output:?}");
}

fn ip(arguments: &str) {
    let status = Command::new("ip").args(arguments.split(' ')).status();
    assert!(status.expect("ip: install the Debian package iproute2").success(), "ip {arguments}");
}

fn put(batch: &mut SendBatch, to: SocketAddr, priority: Priority, bytes: &[u8]) {
    batch.reserve(None, to, bytes.len()).unwrap().copy_from_slice(bytes);
    batch.commit_as(priority, bytes.len());
}

#[test]
fn what_a_full_socket_has_no_room_for_waits_until_it_is_writable() {
    if std::env::var_os(INSIDE).is_none() {
        return run_inside("what_a_full_socket_has_no_room_for_waits_until_it_is_writable");
    }
    for command in [
        "link set lo up",
        "link add v0 type veth peer name v1",
        "address add 192.0.2.1/24 dev v0",
        "link set v0 up",
        "link set v1 up",
    ] {
        ip(command);
    }
    let options = BindOptions { send_buffer: Some(8_192), ..BindOptions::default() };
    let sender = bind_with("0.0.0.0:0", &options);
    let receiver = bind_with("127.0.0.1:0", &BindOptions::default());
    let nowhere = SocketAddr::from(([192, 0, 2, 2], 9));

    let mut batch = SendBatch::new(64, 100_000);
    let mut sent = 0;
    // Of alternating size, so that each is a message of its own.
    while !batch.is_waiting() {
        for number in 0..10 {
            put(&mut batch, nowhere, Priority::Low, &vec![0; 1_000 + number % 2]);
        }
        let report = sender.send_or_keep(&mut batch);
        assert_eq!(report.dropped.total(), 0, "{report:?}");
        sent += report.datagrams;
        assert!(sent < 1_000, "it does not fill");
    }
    let kept = batch.len();
    assert!(kept > 0);

    // Whoever they are for, others wait behind: the socket is full, not the way.
    put(&mut batch, receiver.local_addr(), Priority::High, b"alive");
    let report = sender.send_or_keep(&mut batch);
    assert_eq!((report.datagrams, report.kept), (0, 0), "full as it was: {report:?}");
    assert_eq!(batch.len(), kept + 1);
    let report = batch.drop_waiting(Priority::Low);
    assert_eq!(report.shed, ByPriority { low: kept as u64, normal: 0, high: 0 });

    let mut poll = Poll::new().unwrap();
    let fd = sender.as_raw_fd();
    poll.registry().register(&mut SourceFd(&fd), Token(1), Interest::WRITABLE).unwrap();
    let mut events = Events::with_capacity(4);
    poll.poll(&mut events, Some(Duration::ZERO)).unwrap();
    assert!(!events.iter().any(|event| event.is_writable()), "it is full");
    // The neighbour is found: what waited for it in the kernel leaves.
    ip("neigh replace 192.0.2.2 lladdr 02:00:00:00:00:02 dev v0 nud permanent");
    poll.poll(&mut events, Some(Duration::from_secs(10))).unwrap();
    assert!(events.iter().any(|event| event.is_writable()), "it stays full");
    let report = sender.send_or_keep(&mut batch);
    assert_eq!((report.datagrams, report.kept), (1, 0), "{report:?}");
    assert!(batch.is_empty() && !batch.is_waiting());
    assert_eq!(data(&drain(&receiver)), [b"alive"]);
}
