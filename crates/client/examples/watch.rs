//! Watches a channel with many headless clients and says how they fare, one line each time something is true of all of them:
//!
//!     cargo run -p tsubame-client --example watch -- ws://127.0.0.1:5000/signaling CHANNEL 20 127.0.0.1
//!
//! `watching`: everybody has received 30 frames of video. `told`: everybody was told that somebody left the channel.

#![allow(clippy::print_stdout, reason = "this is what the example is for")]

use std::error::Error;
use std::time::Duration;

use tsubame_client::{Client, ClientConfig, MediaKind, Role};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(url), Some(channel), Some(viewers), Some(bind)) =
        (arguments.next(), arguments.next(), arguments.next(), arguments.next())
    else {
        return Err("usage: watch SIGNALING_URL CHANNEL VIEWERS LOCAL_ADDRESS".into());
    };
    let mut clients = Vec::new();
    for _ in 0..viewers.parse()? {
        let mut config = ClientConfig::new(&url, &channel, Role::RecvOnly);
        config.bind = bind.parse()?;
        clients.push(Client::connect(config).await?);
    }
    until_all(&clients, async |client| {
        let stats = client.stats().await;
        stats.track(MediaKind::Video).is_some_and(|track| track.frames >= 30)
    })
    .await;
    println!("watching");
    until_all(&clients, async |client| {
        let seen = client.signaling().await;
        seen.notified("connection.destroyed").next().is_some()
    })
    .await;
    println!("told");
    for mut client in clients {
        client.disconnect().await;
    }
    Ok(())
}

/// Whoever runs this sets the limit of time.
async fn until_all(clients: &[Client], holds: impl AsyncFn(&Client) -> bool) {
    for client in clients {
        while !holds(client).await {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}
