//! What a client costs the real server in memory. Resident memory, as an operator sees it: the allocator's waste counts.

#![allow(clippy::unwrap_used, reason = "a test that panics is a test that failed")]

mod server;

use std::time::Duration;

use server::Server;
use tsubame_client::{Client, ClientConfig, MediaKind, Role};

const PATIENCE: Duration = Duration::from_secs(60);
const LOOPBACK: [&str; 6] = ["--udp", "127.0.0.1:0", "--candidate", "127.0.0.1", "--shards", "1"];

/// The first of them fill what is there for all, and what grows by doubling.
const FIRST: usize = 40;
const MORE: usize = 80;

async fn connect(server: &Server, role: Role) -> Client {
    let mut config = ClientConfig::new(&server.signaling, "memory", role);
    config.timeout = PATIENCE;
    Client::connect(config).await.unwrap()
}

/// KiB of resident memory that each further client adds. `settle` waits until a client has all that it gets.
async fn growth(server: &Server, settle: impl AsyncFn(&Client)) -> usize {
    let mut clients = Vec::new();
    let mut before = 0;
    for more in [FIRST, MORE] {
        before = server.anonymous_memory();
        for _ in 0..more {
            clients.push(connect(server, Role::RecvOnly).await);
        }
        for client in &clients {
            settle(client).await;
        }
    }
    (server.anonymous_memory() - before) / 1_024 / MORE
}

#[tokio::test]
async fn an_idle_client_with_its_websocket_takes_at_most_32_kib() {
    let server = Server::start(&LOOPBACK);
    let each = growth(&server, async |_| {}).await;
    assert!(each <= 32, "{each} KiB");
}

#[tokio::test]
async fn a_viewer_of_audio_and_video_takes_at_most_48_kib() {
    let server = Server::start(&LOOPBACK);
    let _publisher = connect(&server, Role::SendOnly).await;
    let both = async |client: &Client| {
        let done = async {
            loop {
                let stats = client.stats().await;
                let gets = |kind| {
                    stats.tracks.iter().any(|track| track.kind == kind && track.packets > 20)
                };
                if gets(MediaKind::Audio) && gets(MediaKind::Video) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, done).await.expect("media");
    };
    let each = growth(&server, both).await;
    assert!(each <= 48, "{each} KiB");
}
