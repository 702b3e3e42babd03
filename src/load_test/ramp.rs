//! How many viewers can be served.

use std::time::Duration;

use serde::Serialize;
use tsubame_client::Role;

use super::crowd::Crowd;
use super::progress::Progress;
use super::window::{Server, Window, measure};

/// What a step must stay under.
const MAX_LOSS: f64 = 0.001;
const MAX_P99_MS: f64 = 50.0;
/// From one step to the next, until one fails.
const GROWTH: f64 = 1.3;
/// Then the space between the last that held and the first that did not is halved, so often.
const REFINEMENTS: usize = 3;
/// After a change of the crowd.
const SETTLE: Duration = Duration::from_secs(2);

/// One number of viewers, tried.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Step {
    pub(super) subscribers: usize,
    pub(super) loss: f64,
    pub(super) p99_ms: f64,
    pub(super) us_per_packet: Option<f64>,
    pub(super) generator_busy: f64,
    pub(super) held: bool,
}

/// How far to go.
pub(super) struct Limits {
    /// How long a step is measured.
    pub(super) step: Duration,
    /// Viewers.
    pub(super) most: usize,
}

/// Grows the crowd until it is too much, then closes in. The last window that held is the result, if any did.
pub(super) async fn ramp(
    crowd: &mut Crowd,
    server: Option<&Server>,
    limits: Limits,
    progress: &mut Progress,
) -> Result<(Vec<Step>, Option<(usize, Window)>), String> {
    let mut steps = Vec::new();
    let mut best: Option<(usize, Window)> = None;
    let mut failed: Option<usize> = None;
    let mut refinements = 0;
    loop {
        let count = crowd.subscribers.len();
        tokio::time::sleep(SETTLE).await;
        let window = measure(crowd, server, limits.step, 0.0, progress).await?;
        let p99_ms = window.delay().p99;
        let held = window.media.loss < MAX_LOSS
            && p99_ms < MAX_P99_MS
            && window.media.tracks_without_media == 0;
        progress.end();
        progress.say(&format!(
            "{count} subscribers: loss {:.4} %, p99 {p99_ms:.2} ms: {}",
            window.media.loss * 100.0,
            if held { "held" } else { "too many" },
        ));
        progress.end();
        steps.push(Step {
            subscribers: count,
            loss: window.media.loss,
            p99_ms,
            us_per_packet: window.server.map(|server| server.us_per_packet),
            generator_busy: window.generator_busy,
            held,
        });
        let interrupted = window.interrupted;
        if held {
            best = Some((count, window));
        } else {
            failed = Some(count);
        }
        let low = best.as_ref().map_or(0, |(count, _)| *count);
        let next = match failed {
            None => ((count as f64 * GROWTH).ceil() as usize).clamp(1, limits.most),
            Some(failed) => {
                refinements += 1;
                low.midpoint(failed)
            }
        };
        if interrupted || refinements > REFINEMENTS || next == low || crowd.first_failure.is_some()
        {
            return Ok((steps, best));
        }
        resize(crowd, next, progress).await;
    }
}

async fn resize(crowd: &mut Crowd, count: usize, progress: &mut Progress) {
    while crowd.subscribers.len() > count {
        crowd.subscribers.pop_back();
    }
    let more = count - crowd.subscribers.len();
    let there = crowd.subscribers.len();
    crowd
        .join(Role::RecvOnly, more, |done| progress.joined("subscribers", there + done, count))
        .await;
}
