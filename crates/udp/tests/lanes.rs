//! Feedback on media in sockets of its own.
#![cfg(target_os = "linux")]
#![allow(missing_docs, unreachable_pub, dead_code, clippy::unwrap_used, reason = "tests")]

mod common;

use common::{bind, data, drain, put};
use tsubame_udp::{BindOptions, Lanes, SendBatch, bind_lanes};

fn lanes(address: &str, shards: usize) -> Vec<Lanes> {
    bind_lanes(address.parse().unwrap(), shards, &BindOptions::default()).unwrap()
}

const RTP: &[u8] = &[0x80, 96, 1, 2, 3];
const SENDER_REPORT: &[u8] = &[0x80, 200, 1, 2, 3];
const RECEIVER_REPORT: &[u8] = &[0x81, 201, 1, 2, 3];
const TRANSPORT_FEEDBACK: &[u8] = &[0x8f, 205, 1, 2, 3];
const STUN: &[u8] = &[0, 1, 201, 201];
const DTLS: &[u8] = &[22, 201, 1];
const SHORT: &[u8] = &[0x80];

#[test]
fn what_receivers_say_is_sorted_out_and_nothing_else_is() {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let lanes = lanes(address, 1);
        let Lanes { main, feedback } = &lanes[0];
        let feedback = feedback.as_ref().unwrap();
        assert_eq!(main.local_addr(), feedback.local_addr());
        let client = bind(address);
        let all = [RTP, SENDER_REPORT, RECEIVER_REPORT, STUN, TRANSPORT_FEEDBACK, DTLS, SHORT];
        let edges: Vec<Vec<u8>> = [(127, 205), (192, 205), (128, 223), (191, 224), (191, 201)]
            .map(|(first, second)| vec![first, second])
            .to_vec();
        let mut batch = SendBatch::new(1, 1_500);
        for datagram in all.into_iter().chain(edges.iter().map(Vec::as_slice)) {
            put(&mut batch, main.local_addr(), datagram);
            // One by one: what goes as one run arrives as one.
            assert_eq!(client.send(&mut batch).datagrams, 1);
        }
        let here = [RTP, SENDER_REPORT, STUN, DTLS, SHORT, &[127, 205], &[192, 205], &[191, 224]];
        assert_eq!(data(&drain(main)), here);
        let there = [RECEIVER_REPORT, TRANSPORT_FEEDBACK, &[128, 223], &[191, 201]];
        assert_eq!(data(&drain(feedback)), there);
    }
}

/// Every flow reaches one shard, the same with everything it sends, and no shard goes without.
#[test]
fn a_flow_has_one_shard_for_media_and_feedback() {
    const CLIENTS: usize = 96;
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let lanes = lanes(address, 3);
        let to = lanes[0].main.local_addr();
        let clients: Vec<_> = (0..CLIENTS).map(|_| bind(address)).collect();
        let mut batch = SendBatch::new(1, 1_500);
        for client in &clients {
            for datagram in [RTP, RECEIVER_REPORT] {
                put(&mut batch, to, datagram);
                assert_eq!(client.send(&mut batch).datagrams, 1);
            }
        }
        let mut shards = Vec::new();
        for Lanes { main, feedback } in &lanes {
            let (media, said) = (drain(main), drain(feedback.as_ref().unwrap()));
            assert!(media.iter().all(|datagram| datagram.data == RTP));
            assert!(said.iter().all(|datagram| datagram.data == RECEIVER_REPORT));
            let remotes =
                |all: &[common::Received]| all.iter().map(|one| one.remote).collect::<Vec<_>>();
            assert_eq!(remotes(&media), remotes(&said));
            shards.push(media.len());
        }
        assert_eq!(shards.iter().sum::<usize>(), CLIENTS);
        // A third of them would be 32.
        assert!(shards.iter().all(|clients| *clients > 0), "{shards:?}");
    }
}

/// Clients behind one NAT differ by their ports, those that were given a port of their choice by their addresses.
#[test]
fn flows_that_differ_by_their_address_alone_spread_too() {
    let lanes = lanes("0.0.0.0:0", 2);
    let to = (std::net::Ipv4Addr::LOCALHOST, lanes[0].main.local_addr().port()).into();
    let port = bind("127.0.0.2:0").local_addr().port();
    let mut batch = SendBatch::new(1, 1_500);
    for last in 2..98 {
        let client = bind(&format!("127.0.0.{last}:{port}"));
        put(&mut batch, to, RTP);
        assert_eq!(client.send(&mut batch).datagrams, 1);
    }
    let shards: Vec<_> = lanes.iter().map(|lanes| drain(&lanes.main).len()).collect();
    assert_eq!(shards.iter().sum::<usize>(), 96);
    assert!(shards.iter().all(|clients| *clients > 0), "{shards:?}");
}

#[test]
fn a_second_server_gets_an_error_here_too() {
    let running = lanes("127.0.0.1:0", 1);
    let taken = running[0].main.local_addr();
    let error = bind_lanes(taken, 1, &BindOptions::default()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
}
