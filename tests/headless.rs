//! The real binary and headless clients over real sockets: everything but a browser.

#![allow(clippy::unwrap_used, reason = "a test that panics is a test that failed")]

mod server;

use std::net::{IpAddr, Ipv6Addr, UdpSocket};
use std::time::Duration;

use server::Server;
use tsubame_client::peer::Setup;
use tsubame_client::{Client, ClientConfig, Generation, MediaKind, Role, SrtpProfile};

/// Generous: the machine may be busy. What is waited for comes in a fraction of it.
const PATIENCE: Duration = Duration::from_secs(30);

const LOOPBACK: [&str; 4] = ["--udp", "127.0.0.1:0", "--candidate", "127.0.0.1"];

async fn connect(server: &Server, role: Role, adjust: impl FnOnce(&mut ClientConfig)) -> Client {
    let mut config = ClientConfig::new(&server.signaling, "headless", role);
    config.timeout = PATIENCE;
    adjust(&mut config);
    Client::connect(config).await.unwrap()
}

/// Waits until the client has received so many frames of video and packets of audio on tracks that go on.
async fn watches(client: &Client, frames: u64, audio: u64) {
    let done = async {
        loop {
            let stats = client.stats().await;
            let live = || stats.tracks.iter().filter(|track| !track.ended);
            let seen: u64 = live().filter(|t| t.kind == MediaKind::Video).map(|t| t.frames).sum();
            let heard: u64 = live().filter(|t| t.kind == MediaKind::Audio).map(|t| t.packets).sum();
            if seen >= frames && heard >= audio {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    if tokio::time::timeout(PATIENCE, done).await.is_err() {
        panic!("no {frames} frames and {audio} packets of audio: {:#?}", client.stats().await);
    }
}

async fn until(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !done().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, wait).await.is_ok(), "{what}");
}

#[tokio::test]
async fn a_publisher_is_watched_and_everything_arrives_intact() {
    let server = Server::start(&LOOPBACK);
    let publisher = connect(&server, Role::SendOnly, |_| {}).await;
    let viewer = connect(&server, Role::RecvOnly, |_| {}).await;
    watches(&viewer, 60, 100).await;
    let id = publisher.connection_id().await.unwrap();
    let stats = viewer.stats().await;
    for track in &stats.tracks {
        assert_eq!(track.connection_id, id);
        assert_eq!((track.corrupted, track.duplicated), (0, 0));
    }
    assert_eq!(stats.dropped, 0);
    assert!(server.stop().success());
}

#[tokio::test]
async fn the_metrics_move_with_the_media() {
    let server = Server::start(&LOOPBACK);
    let moving = [
        "tsubame_rtp_received_total",
        "tsubame_rtp_forwarded_total",
        "tsubame_udp_received_datagrams_total",
        "tsubame_udp_sent_datagrams_total",
        "tsubame_gso_run_datagrams_sum",
        "tsubame_gso_run_datagrams_count",
        "tsubame_send_batch_datagrams_count",
        "tsubame_receive_batch_datagrams_sum",
        "tsubame_turn_seconds_count",
        "tsubame_busy_seconds_total",
        "tsubame_idle_seconds_total",
    ];
    for name in ["tsubame_connections", "tsubame_rtp_forwarded_total"] {
        assert_eq!(server.metric(name), 0.0, "{name}");
    }
    let _publisher = connect(&server, Role::SendOnly, |_| {}).await;
    let viewer = connect(&server, Role::RecvOnly, |_| {}).await;
    watches(&viewer, 5, 5).await;
    let before = moving.map(|name| server.metric(name));
    watches(&viewer, 40, 60).await;
    for (name, before) in moving.into_iter().zip(before) {
        assert!(server.metric(name) > before, "{name} stays at {before}");
    }
    let received: u64 = viewer.stats().await.tracks.iter().map(|track| track.packets).sum();
    assert!(server.metric("tsubame_rtp_forwarded_total") >= received as f64);
    assert_eq!(server.metric("tsubame_connections"), 2.0);
    assert_eq!(server.metric("tsubame_publications"), 2.0);
    assert_eq!(server.metric("tsubame_subscriptions"), 2.0);
}

#[tokio::test]
async fn the_2015_generation_is_served() {
    let server = Server::start(&LOOPBACK);
    let viewer = connect(&server, Role::RecvOnly, |c| c.generation = Generation::Sora2015).await;
    let _publisher =
        connect(&server, Role::SendOnly, |c| c.generation = Generation::Sora2015).await;
    watches(&viewer, 30, 50).await;
}

#[tokio::test]
async fn twenty_viewers_on_two_shards_watch_one_publisher() {
    let server = Server::start(&[&LOOPBACK[..], &["--shards", "2"]].concat());
    let _publisher = connect(&server, Role::SendOnly, |_| {}).await;
    let mut viewers = Vec::new();
    for _ in 0..20 {
        viewers.push(connect(&server, Role::RecvOnly, |_| {}).await);
    }
    for viewer in &viewers {
        watches(viewer, 15, 25).await;
    }
}

#[tokio::test]
async fn channels_on_different_shards_do_not_mix() {
    let server = Server::start(&[&LOOPBACK[..], &["--shards", "3"]].concat());
    let mut publishers = Vec::new();
    let mut viewers = Vec::new();
    for channel in ["swallow", "sparrow", "heron", "crane", "owl"] {
        publishers.push(connect(&server, Role::SendOnly, |c| c.channel = channel.into()).await);
        viewers.push(connect(&server, Role::RecvOnly, |c| c.channel = channel.into()).await);
    }
    for (publisher, viewer) in publishers.iter().zip(&viewers) {
        watches(viewer, 15, 25).await;
        let id = publisher.connection_id().await.unwrap();
        assert!(viewer.stats().await.tracks.iter().all(|track| track.connection_id == id));
    }
}

/// Every second member sits on the other shard.
const SPREAD: [&str; 4] = ["--shards", "2", "--channel-on-one-shard", "1"];

#[tokio::test]
async fn viewers_of_both_shards_watch_one_publisher() {
    let server = Server::start(&[&LOOPBACK[..], &SPREAD].concat());
    let publisher = connect(&server, Role::SendOnly, |_| {}).await;
    let mut viewers = Vec::new();
    for _ in 0..6 {
        viewers.push(connect(&server, Role::RecvOnly, |_| {}).await);
    }
    for viewer in &viewers {
        watches(viewer, 30, 50).await;
        let tracks = viewer.stats().await.tracks;
        assert!(tracks.iter().all(|track| track.corrupted == 0), "{tracks:?}");
    }
    assert_eq!(server.metric("tsubame_publications"), 2.0);
    assert_eq!(server.metric("tsubame_replicas"), 2.0);
    assert_eq!(server.metric("tsubame_channels"), 2.0, "one, on two shards");
    assert!(server.metric("tsubame_replicated_total") > 80.0);
    drop(publisher);
    until("the replicas have ended", async || server.metric("tsubame_replicas") == 0.0).await;
}

#[tokio::test]
async fn with_a_port_for_each_shard_nothing_is_handed_over() {
    let server = Server::start(&[&LOOPBACK[..], &SPREAD, &["--port-per-shard"]].concat());
    let _publisher = connect(&server, Role::SendOnly, |_| {}).await;
    let mut viewers = Vec::new();
    for _ in 0..4 {
        viewers.push(connect(&server, Role::RecvOnly, |_| {}).await);
    }
    for viewer in &viewers {
        watches(viewer, 30, 50).await;
    }
    assert!(server.metric("tsubame_replicated_total") > 80.0);
    assert_eq!(server.metric("tsubame_handed_over_total"), 0.0);
}

#[tokio::test]
async fn everybody_in_a_meeting_on_two_shards_sees_the_others() {
    let server = Server::start(&[&LOOPBACK[..], &SPREAD].concat());
    let mut members = Vec::new();
    for _ in 0..4 {
        members.push(connect(&server, Role::SendRecv, |_| {}).await);
    }
    let mut ids = Vec::new();
    for member in &members {
        ids.push(member.connection_id().await.unwrap());
    }
    for (member, own) in members.iter().zip(&ids) {
        for other in ids.iter().filter(|id| *id != own) {
            until("everybody sees everybody", async || {
                let tracks = member.stats().await.tracks;
                tracks.iter().any(|track| track.connection_id == *other && track.frames >= 15)
            })
            .await;
        }
        let tracks = member.stats().await.tracks;
        assert!(tracks.iter().all(|track| track.connection_id != *own));
    }
    // Of eight tracks each is on both shards, once as a replica.
    assert_eq!(server.metric("tsubame_replicas"), 8.0);
}

#[tokio::test]
async fn ipv6_carries_media() {
    let server = Server::start(&["--udp", "[::1]:0", "--candidate", "::1"]);
    let over_v6 = |config: &mut ClientConfig| config.bind = IpAddr::V6(Ipv6Addr::LOCALHOST);
    let _publisher = connect(&server, Role::SendOnly, over_v6).await;
    let viewer = connect(&server, Role::RecvOnly, over_v6).await;
    watches(&viewer, 30, 50).await;
}

#[tokio::test]
async fn a_wildcard_bind_answers_from_the_address_that_was_asked() {
    let server = Server::start(&["--udp", "0.0.0.0:0", "--candidate", "127.0.0.7"]);
    let _publisher = connect(&server, Role::SendOnly, |_| {}).await;
    let viewer = connect(&server, Role::RecvOnly, |_| {}).await;
    watches(&viewer, 30, 50).await;
}

#[tokio::test]
async fn a_peer_that_insists_on_being_the_dtls_server_is_served() {
    let server = Server::start(&LOOPBACK);
    let _publisher = connect(&server, Role::SendOnly, |c| c.setup = Setup::Passive).await;
    let viewer = connect(&server, Role::RecvOnly, |c| c.setup = Setup::Passive).await;
    watches(&viewer, 30, 50).await;
}

#[tokio::test]
async fn a_viewer_without_gcm_is_served_beside_one_that_has_it() {
    let server = Server::start(&LOOPBACK);
    let _publisher = connect(&server, Role::SendOnly, |_| {}).await;
    let with = connect(&server, Role::RecvOnly, |_| {}).await;
    let without =
        connect(&server, Role::RecvOnly, |c| c.srtp_profiles = vec![SrtpProfile::Aes128CmSha1_80])
            .await;
    watches(&with, 30, 50).await;
    watches(&without, 30, 50).await;
    assert_ne!(with.stats().await.profile, without.stats().await.profile);
}

#[tokio::test]
async fn everybody_in_a_meeting_sees_the_others_and_is_told_who_leaves() {
    let server = Server::start(&LOOPBACK);
    let mut first = connect(&server, Role::SendRecv, |_| {}).await;
    let second = connect(&server, Role::SendRecv, |_| {}).await;
    let third = connect(&server, Role::SendRecv, |_| {}).await;
    for client in [&first, &second, &third] {
        until("two others", async || {
            let stats = client.stats().await;
            let seen = stats.tracks.iter().filter(|t| t.kind == MediaKind::Video && t.frames > 5);
            seen.count() == 2
        })
        .await;
    }
    let left = first.connection_id().await.unwrap();
    let close = first.disconnect().await;
    assert_eq!((close.code, close.reason.as_str()), (1000, "TYPE-DISCONNECT"));
    for client in [&second, &third] {
        until("told", async || {
            let seen = client.signaling().await;
            seen.notified("connection.destroyed")
                .any(|notify| notify["connection_id"] == left.as_str())
        })
        .await;
        watches(client, 60, 100).await;
    }
}

#[tokio::test]
async fn garbage_on_the_media_port_disturbs_nobody() {
    let server = Server::start(&LOOPBACK);
    let _publisher = connect(&server, Role::SendOnly, |_| {}).await;
    let viewer = connect(&server, Role::RecvOnly, |_| {}).await;
    watches(&viewer, 5, 5).await;
    let attacker = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut state = 1_u32;
    for round in 0..5_000_u32 {
        let mut datagram = [0; 200];
        for octet in &mut datagram {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *octet = (state >> 24) as u8;
        }
        // STUN, DTLS, RTP, RTCP, and whatever else comes.
        datagram[0] = [0, 22, 128, 129, state as u8][round as usize % 5];
        let len = state as usize % datagram.len();
        // A full buffer is the attacker's problem.
        let _ = attacker.send_to(&datagram[..len], server.udp[0]);
    }
    let before = viewer.stats().await.track(MediaKind::Video).unwrap().frames;
    watches(&viewer, before + 30, 50).await;
    assert!(server.stop().success());
}
