//! The shard with real clients over a simulated network.

mod allocations;
mod checks;
mod coalescing;
mod continuity;
mod end_of_session;
mod feedback;
mod forger;
mod forwarding;
mod handshakes;
mod hostile;
mod isolation;
mod negotiation;
mod panics;
mod replica_feedback;
mod replicas;
mod reports;
mod shards;
mod world;

use std::time::Duration;

use tsubame_rtp::MediaKind;

use super::Shard;
use world::World;

const SECOND: Duration = Duration::from_secs(1);

/// Entries of all tables of a shard but its timers.
fn entries(shard: &Shard) -> usize {
    shard.peers.len()
        + shard.ids.len()
        + shard.channels.len()
        + shard.channel_names.len()
        + shard.publications.len()
        + shard.subscriptions.len()
        + shard.replicas.len()
        + shard.demux.len()
        + shard.batched.len()
        + shard.touched.len()
        + shard.shared.census.half_open.load(std::sync::atomic::Ordering::Relaxed)
}

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

/// Sequence number and SSRC of an SRTP packet: they stand in the clear.
fn line_of(datagram: &[u8]) -> Option<(u16, u32)> {
    if !tsubame_rtp::is_rtp_or_rtcp(datagram) || tsubame_rtp::is_rtcp(datagram) {
        return None;
    }
    let number = u16::from_be_bytes(datagram.get(2..4)?.try_into().ok()?);
    Some((number, u32::from_be_bytes(datagram.get(8..12)?.try_into().ok()?)))
}

/// A session description without these lines, each of which has to be there.
fn without(description: &str, lines: &[&str]) -> String {
    let mut description = description.to_owned();
    for line in lines {
        assert!(description.contains(line), "{line} is not in {description}");
        description = description.replace(line, "");
    }
    description
}
