//! One measurement: from one look at everything to another.

use std::time::{Duration, Instant};

use tsubame_client::Role;
use tsubame_client::swarm::{Measurement, Times};

use super::crowd::Crowd;
use super::progress::Progress;
use super::report::{Media, Quantiles, ServerCost};
use super::server_process::{ServerProcess, Usage};

/// What was measured.
pub(super) struct Window {
    pub(super) time: Duration,
    pub(super) media: Media,
    pub(super) delays: Times,
    pub(super) server: Option<ServerCost>,
    pub(super) generator_busy: f64,
    /// Ctrl-C was pressed.
    pub(super) interrupted: bool,
}

impl Window {
    pub(super) fn delay(&self) -> Quantiles {
        Quantiles::from(&self.delays)
    }
}

/// The server's process, and what it took before anybody joined.
pub(super) struct Server {
    pub(super) process: ServerProcess,
    pub(super) idle: Usage,
}

/// Measures for `time`; every second is told to `progress`. Viewers leave and come at `leave_rate` per second.
pub(super) async fn measure(
    crowd: &mut Crowd,
    server: Option<&Server>,
    time: Duration,
    leave_rate: f64,
    progress: &mut Progress,
) -> Result<Window, String> {
    let begun = now();
    let before = crowd.measure().await;
    let usage_before = server.map(|server| server.process.usage()).transpose()?;
    let mut delays = Times::default();
    let mut last = before.clone();
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    ticks.tick().await;
    let mut leaving = 0.0;
    let mut interrupted = false;
    let mut last_at = begun;
    while begun.elapsed() < time && !interrupted {
        let rest = time.saturating_sub(begun.elapsed());
        tokio::select! {
            _ = ticks.tick() => {}
            () = tokio::time::sleep(rest) => {}
            _ = tokio::signal::ctrl_c() => interrupted = true,
        }
        let next = crowd.measure().await;
        let next_at = now();
        delays.add(&next.delays);
        progress.media(
            &Media::between(&last, &next, next_at - last_at),
            &Quantiles::from(&next.delays),
        );
        leaving += leave_rate * (next_at - last_at).as_secs_f64();
        leaving = replace(crowd, leaving);
        (last, last_at) = (next, next_at);
    }
    let usage_after = server.map(|server| server.process.usage()).transpose()?;
    let time = last_at - begun;
    let media = Media::between(&before, &last, time);
    let cost = match (server, usage_before, usage_after) {
        (Some(server), Some(before), Some(after)) => {
            let usages = [server.idle, before, after];
            Some(ServerCost::between(usages, time, media.received_packets, crowd.len()))
        }
        _ => None,
    };
    let generator_busy = busy(&before, &last, time);
    Ok(Window { time, media, delays, server: cost, generator_busy, interrupted })
}

/// Lets as many viewers go as are due, the oldest first, and as many come.
fn replace(crowd: &mut Crowd, mut due: f64) -> f64 {
    crowd.collect();
    while due >= 1.0 {
        due -= 1.0;
        if crowd.subscribers.pop_front().is_some() {
            crowd.start_one(Role::RecvOnly);
        }
    }
    due
}

fn busy(before: &Measurement, after: &Measurement, time: Duration) -> f64 {
    let busy = after.busiest.saturating_sub(before.busiest);
    busy.as_secs_f64() / time.as_secs_f64()
}

#[expect(clippy::disallowed_methods, reason = "measuring time is what this is for")]
fn now() -> Instant {
    Instant::now()
}
