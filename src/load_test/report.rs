//! What a load test found, for people and as JSON.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use tsubame_client::swarm::{Measurement, Times};

use super::server_process::Usage;
use super::window::MAX_BUSY;

/// Everything about one measurement. Times in milliseconds, sizes in octets.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    pub(super) publishers: usize,
    pub(super) subscribers: usize,
    pub(super) participants: usize,
    pub(super) channels: usize,
    /// Seconds that were measured.
    pub(super) seconds: f64,
    pub(super) connections: Connections,
    pub(super) media: Media,
    /// One way, of the packets that were decrypted.
    pub(super) delay_ms: Quantiles,
    pub(super) server: Option<ServerCost>,
    /// The share of the time that the busiest thread of this generator was busy, 0 to 1.
    pub(super) generator_busy: f64,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Connections {
    pub(super) made: u64,
    pub(super) failed: u64,
    /// Connected and then ended by themselves: the path died, or the server closed.
    pub(super) lost: u64,
    pub(super) time_to_connected_ms: Quantiles,
    pub(super) time_to_first_packet_ms: Quantiles,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Media {
    pub(super) sent_packets: u64,
    pub(super) received_packets: u64,
    pub(super) packets_per_second: f64,
    pub(super) bits_per_second: f64,
    pub(super) lost: u64,
    /// Of all that should have come, 0 to 1.
    pub(super) loss: f64,
    pub(super) duplicated: u64,
    pub(super) reordered: u64,
    pub(super) recovered: u64,
    /// Decrypted, and not what was sent.
    pub(super) corrupted: u64,
    /// Not decrypted: wrong tag, or malformed.
    pub(super) undecryptable: u64,
    /// Datagrams that the generator's own sockets had no room for; the losses have these in them.
    pub(super) generator_dropped: u64,
    pub(super) tracks: u64,
    pub(super) tracks_without_media: u64,
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Quantiles {
    pub(super) count: u64,
    pub(super) p50: f64,
    pub(super) p99: f64,
    pub(super) p999: f64,
    pub(super) max: f64,
}

/// What the server took.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct ServerCost {
    /// Of one core, 0 and up.
    pub(super) cores: f64,
    /// Processor seconds per million packets that viewers received, which is microseconds per packet.
    pub(super) us_per_packet: f64,
    pub(super) user_us_per_packet: f64,
    pub(super) system_us_per_packet: f64,
    pub(super) rss: u64,
    /// What the resident memory grew by since before anybody joined, per client.
    pub(super) rss_per_client: f64,
}

impl From<&Times> for Quantiles {
    fn from(times: &Times) -> Self {
        Self {
            count: times.count(),
            p50: milliseconds(times.quantile(0.5)),
            p99: milliseconds(times.quantile(0.99)),
            p999: milliseconds(times.quantile(0.999)),
            max: milliseconds(times.max()),
        }
    }
}

impl Media {
    pub(super) fn between(before: &Measurement, after: &Measurement, time: Duration) -> Self {
        let seconds = time.as_secs_f64();
        let received_packets = after.packets.saturating_sub(before.packets);
        Self {
            sent_packets: after.sent_packets.saturating_sub(before.sent_packets),
            received_packets,
            packets_per_second: received_packets as f64 / seconds,
            bits_per_second: after.bytes.saturating_sub(before.bytes) as f64 * 8.0 / seconds,
            lost: after.lost.saturating_sub(before.lost),
            loss: after.loss_since(before),
            duplicated: after.duplicated.saturating_sub(before.duplicated),
            reordered: after.reordered.saturating_sub(before.reordered),
            recovered: after.recovered.saturating_sub(before.recovered),
            corrupted: after.corrupted.saturating_sub(before.corrupted),
            undecryptable: after.undecryptable.saturating_sub(before.undecryptable),
            generator_dropped: (after.send_dropped + after.receive_dropped)
                .saturating_sub(before.send_dropped + before.receive_dropped),
            tracks: after.tracks,
            tracks_without_media: after.tracks.saturating_sub(after.flowing),
        }
    }
}

impl ServerCost {
    /// `idle`: before anybody joined. `packets`: received between `before` and `after`.
    pub(super) fn between(
        [idle, before, after]: [Usage; 3],
        time: Duration,
        packets: u64,
        clients: usize,
    ) -> Self {
        let user = after.user.saturating_sub(before.user).as_secs_f64();
        let system = after.system.saturating_sub(before.system).as_secs_f64();
        let cpu = after.processor.saturating_sub(before.processor).as_secs_f64();
        let user_share = if user + system > 0.0 { user / (user + system) } else { 0.0 };
        let us_per_packet = cpu * 1e6 / packets.max(1) as f64;
        Self {
            cores: cpu / time.as_secs_f64(),
            us_per_packet,
            user_us_per_packet: us_per_packet * user_share,
            system_us_per_packet: us_per_packet * (1.0 - user_share),
            rss: after.resident,
            rss_per_client: after.resident.saturating_sub(idle.resident) as f64
                / clients.max(1) as f64,
        }
    }
}

fn milliseconds(time: Duration) -> f64 {
    // To the microsecond, so that JSON is readable.
    (time.as_secs_f64() * 1e6).round() / 1e3
}

impl fmt::Display for Quantiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { p50, p99, p999, max, .. } = self;
        write!(f, "p50 {p50:.2} ms, p99 {p99:.2} ms, p99.9 {p999:.2} ms, max {max:.2} ms")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { connections, media, .. } = self;
        let clients = [
            (self.publishers, "publishers"),
            (self.subscribers, "subscribers"),
            (self.participants, "participants"),
        ];
        let clients: Vec<String> = clients
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, name)| format!("{count} {name}"))
            .collect();
        writeln!(
            f,
            "clients       {} in {} channels, {:.1} s",
            clients.join(", "),
            self.channels,
            self.seconds
        )?;
        write!(f, "connections   {} made, {} failed", connections.made, connections.failed)?;
        match connections.lost {
            0 => writeln!(f)?,
            lost => writeln!(f, ", {lost} lost later")?,
        }
        writeln!(f, "  connected   {}", connections.time_to_connected_ms)?;
        writeln!(f, "  first media {}", connections.time_to_first_packet_ms)?;
        writeln!(
            f,
            "media         {:.0} packets/s, {:.1} Mbit/s received; {} sent, {} received",
            media.packets_per_second,
            media.bits_per_second / 1e6,
            media.sent_packets,
            media.received_packets,
        )?;
        writeln!(
            f,
            "  lost        {} ({:.4} %), recovered {}, duplicated {}, reordered {}, corrupted {}, undecryptable {}",
            media.lost,
            media.loss * 100.0,
            media.recovered,
            media.duplicated,
            media.reordered,
            media.corrupted,
            media.undecryptable,
        )?;
        if media.tracks_without_media > 0 {
            writeln!(
                f,
                "  no media    on {} of {} tracks",
                media.tracks_without_media, media.tracks
            )?;
        }
        writeln!(f, "  delay       {}", self.delay_ms)?;
        if let Some(server) = &self.server {
            writeln!(
                f,
                "server        {:.2} us per received packet ({:.2} user, {:.2} system), {:.0} % of a core",
                server.us_per_packet,
                server.user_us_per_packet,
                server.system_us_per_packet,
                server.cores * 100.0,
            )?;
            writeln!(
                f,
                "  memory      {:.1} MiB, {:.1} KiB per client",
                server.rss as f64 / 1_048_576.0,
                server.rss_per_client / 1024.0,
            )?;
        }
        write!(f, "generator     {:.0} % busy", self.generator_busy * 100.0)?;
        if self.is_generator_the_limit() {
            write!(
                f,
                ", dropped {}: it may be the limit, not the server; give it more --threads or cores, or a larger --verify-every",
                media.generator_dropped,
            )?;
        }
        Ok(())
    }
}

impl Report {
    pub(super) fn is_generator_the_limit(&self) -> bool {
        self.generator_busy > MAX_BUSY || self.media.generator_dropped > 0
    }
}
