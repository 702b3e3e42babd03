//! Several sockets on one port.
#![cfg(target_os = "linux")]
#![allow(missing_docs, unreachable_pub, dead_code, clippy::unwrap_used, reason = "tests")]

mod common;

use std::io::ErrorKind;
use std::net::SocketAddr;

use common::{bind, data, drain, put};
use tsubame_udp::{BindOptions, SendBatch, Socket, bind_shards};

fn shards(address: &str, shards: usize) -> std::io::Result<Vec<Socket>> {
    bind_shards(address.parse::<SocketAddr>().unwrap(), shards, &BindOptions::default())
}

#[test]
fn shards_share_the_port_the_kernel_chose() {
    for address in ["127.0.0.1:0", "[::1]:0", "0.0.0.0:0", "[::]:0"] {
        let shards = shards(address, 3).unwrap();
        assert_eq!(shards.len(), 3);
        let first = shards[0].local_addr();
        assert_ne!(first.port(), 0);
        assert!(shards.iter().all(|shard| shard.local_addr() == first));
    }
}

#[test]
fn one_shard_at_least() {
    for asked in [0, 1] {
        assert_eq!(shards("127.0.0.1:0", asked).unwrap().len(), 1);
    }
}

#[test]
fn a_second_server_gets_an_error() {
    for address in ["127.0.0.1:0", "[::1]:0", "0.0.0.0:0"] {
        for first in [1, 3] {
            let running = shards(address, first).unwrap();
            let taken = running[0].local_addr().to_string();
            for second in [1, 3] {
                let error = shards(&taken, second).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::AddrInUse, "{first} and {second} on {taken}");
            }
            let error = Socket::bind(running[0].local_addr(), &BindOptions::default()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AddrInUse);
        }
    }
}

#[test]
fn the_port_is_free_again_afterwards() {
    let first = shards("127.0.0.1:0", 2).unwrap();
    let address = first[0].local_addr().to_string();
    drop(first);
    assert_eq!(shards(&address, 2).unwrap().len(), 2);
}

/// Every datagram reaches one shard, a flow always the same one, and no shard goes without.
#[test]
fn flows_spread_and_stay() {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let shards = shards(address, 2).unwrap();
        let to = shards[0].local_addr();
        let clients: Vec<_> = (0..64).map(|_| bind(address)).collect();
        let mut batch = SendBatch::new(4, 1000);
        for client in &clients {
            for _ in 0..3 {
                put(&mut batch, to, b"hello");
                assert_eq!(client.send(&mut batch).datagrams, 1);
            }
        }
        let received: Vec<_> = shards.iter().map(drain).collect();
        assert_eq!(received.iter().map(Vec::len).sum::<usize>(), 64 * 3);
        // 64 flows miss one of two shards once in 2^63.
        assert!(received.iter().all(|received| !received.is_empty()));
        for client in &clients {
            let from = |received: &Vec<common::Received>| {
                received.iter().filter(|each| each.remote == client.local_addr()).count()
            };
            let mut counts: Vec<_> = received.iter().map(from).collect();
            counts.sort_unstable();
            assert_eq!(counts, [0, 3]);
        }
    }
}

#[test]
fn any_shard_can_answer() {
    let shards = shards("127.0.0.1:0", 3).unwrap();
    let client = bind("127.0.0.1:0");
    let mut batch = SendBatch::new(4, 1000);
    for shard in &shards {
        put(&mut batch, client.local_addr(), b"answer");
        assert_eq!(shard.send(&mut batch).datagrams, 1);
    }
    let answers = drain(&client);
    assert_eq!(data(&answers), [b"answer"; 3]);
    assert!(answers.iter().all(|answer| answer.remote == shards[0].local_addr()));
}
