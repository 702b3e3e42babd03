//! One measurement: from one look at everything to another.

use std::time::{Duration, Instant};

use tsubame_client::Role;
use tsubame_client::swarm::Times;

use super::crowd::Crowd;
use super::interrupt::Interrupt;
use super::progress::Progress;
use super::report::{Media, Quantiles, ServerCost};
use super::server_process::{ServerProcess, Usage};

/// The share of the time that a thread of the generator may be busy before its delays are its own.
pub(super) const MAX_BUSY: f64 = 0.85;
/// A track flows if it had a packet in the second half of the window, or in this, whichever is longer.
const FLOWING: Duration = Duration::from_secs(2);

/// What was measured.
pub(super) struct Window {
    pub(super) time: Duration,
    pub(super) media: Media,
    pub(super) delays: Times,
    pub(super) server: Option<ServerCost>,
    pub(super) generator_busy: f64,
    /// Clients that had connected and ended by themselves, from the beginning of the test to the end of the window.
    pub(super) lost_clients: u64,
    /// Ctrl-C was pressed.
    pub(super) interrupted: bool,
}

impl Window {
    pub(super) fn delay(&self) -> Quantiles {
        Quantiles::from(&self.delays)
    }

    pub(super) fn is_generator_the_limit(&self) -> bool {
        self.generator_busy > MAX_BUSY || self.media.generator_dropped > 0
    }
}

/// The server's process, and what it took before anybody joined.
pub(super) struct Server {
    pub(super) process: ServerProcess,
    pub(super) idle: Usage,
}

/// Measures for `time`, or until everybody is lost; every second is told to `progress`. Viewers leave and come at `leave_rate` per second.
pub(super) async fn measure(
    crowd: &mut Crowd,
    server: Option<&Server>,
    time: Duration,
    leave_rate: f64,
    interrupt: &mut Interrupt,
    progress: &mut Progress,
) -> Result<Window, String> {
    let begun = now();
    let before = crowd.measure(begun).await;
    let usage_before = server.map(|server| server.process.usage()).transpose()?;
    let mut delays = Times::default();
    let mut last = before.clone();
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    ticks.tick().await;
    let mut leaving = 0.0;
    let (mut interrupted, mut all_lost) = (false, false);
    let mut last_at = begun;
    while begun.elapsed() < time && !interrupted && !all_lost {
        let rest = time.saturating_sub(begun.elapsed());
        tokio::select! {
            _ = ticks.tick() => {}
            () = tokio::time::sleep(rest) => {}
            () = interrupt.pressed() => interrupted = true,
        }
        let next_at = now();
        let tail = FLOWING.max((next_at - begun) / 2).min(next_at - begun);
        let next = crowd.measure(next_at - tail).await;
        delays.add(&next.delays);
        progress.media(
            &Media::between(&last, &next, next_at - last_at),
            &Quantiles::from(&next.delays),
        );
        leaving += leave_rate * (next_at - last_at).as_secs_f64();
        leaving = replace(crowd, leaving);
        all_lost = next.members == 0 && next.ended > 0;
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
    let generator_busy = last.busiest_since(&before).as_secs_f64() / time.as_secs_f64();
    let lost_clients = last.ended;
    Ok(Window { time, media, delays, server: cost, generator_busy, lost_clients, interrupted })
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

#[expect(clippy::disallowed_methods, reason = "measuring time is what this is for")]
fn now() -> Instant {
    Instant::now()
}
