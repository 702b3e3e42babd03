//! The shard with real clients over a simulated network.

mod checks;
mod end_of_session;
mod forger;
mod forwarding;
mod negotiation;
mod world;

use std::time::Duration;

use tsubame_rtp::MediaKind;

use world::World;

const SECOND: Duration = Duration::from_secs(1);

/// Packets that a client has received of one kind, over all tracks.
fn packets(world: &World, client: usize, kind: MediaKind) -> u64 {
    let stats = world.clients[client].peer.stats();
    stats.tracks.iter().filter(|track| track.kind == kind).map(|track| track.packets).sum()
}

/// Frames of video that a client has received.
fn frames(world: &World, client: usize) -> u64 {
    let stats = world.clients[client].peer.stats();
    stats
        .tracks
        .iter()
        .filter(|track| track.kind == MediaKind::Video)
        .map(|track| track.frames)
        .sum()
}
