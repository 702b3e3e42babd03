//! How many viewers can be served.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use tsubame_client::Role;

use super::crowd::Crowd;
use super::interrupt::Interrupt;
use super::progress::Progress;
use super::report::{Media, Quantiles};
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
    /// It is the open files that allow no more.
    pub(super) most_is_of_files: bool,
}

/// Why the ramp ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Stop {
    /// More lost packets, or got them late: this is the server's limit.
    TooMany,
    CannotJoin,
    ClientsLost,
    Interrupted,
    RampMax,
    OpenFiles,
    Generator,
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooMany => "more were too many",
            Self::CannotJoin => "not everybody could join",
            Self::ClientsLost => "clients were lost",
            Self::Interrupted => "interrupted",
            Self::RampMax => "--ramp-max is reached",
            Self::OpenFiles => "more need more open files: raise the limit with `ulimit -n`",
            Self::Generator => {
                "the generator is the limit, not the server: give it more --threads or cores, or a larger --verify-every"
            }
        })
    }
}

/// What a ramp found.
pub(super) struct Ramped {
    pub(super) steps: Vec<Step>,
    /// The most that held.
    pub(super) best: Option<(usize, Window)>,
    pub(super) stop: Stop,
    /// See [`Window::lost_clients`].
    pub(super) lost_clients: u64,
}

/// Grows the crowd until it is too much, then closes in.
pub(super) async fn ramp(
    crowd: &mut Crowd,
    server: Option<&Server>,
    limits: Limits,
    interrupt: &mut Interrupt,
    progress: &mut Progress,
) -> Result<Ramped, String> {
    let mut steps = Vec::new();
    let mut best: Option<(usize, Window)> = None;
    let mut failed: Option<usize> = None;
    let mut refinements = 0;
    let mut lost_clients = 0;
    let stop = loop {
        if crowd.first_failure.is_some() {
            break Stop::CannotJoin;
        }
        let count = crowd.subscribers.len();
        if interrupt.or(tokio::time::sleep(SETTLE)).await.is_none() {
            break Stop::Interrupted;
        }
        let window = measure(crowd, server, limits.step, 0.0, interrupt, progress).await?;
        lost_clients = window.lost_clients;
        if window.interrupted {
            // Half a step says nothing.
            break Stop::Interrupted;
        }
        let delay = window.delay();
        let p99_ms = delay.p99;
        let held = holds(&window.media, &delay, lost_clients);
        progress.end();
        progress.say(&format!(
            "{count} subscribers: loss {:.4} %, p99 {p99_ms:.2} ms: {}",
            window.media.loss * 100.0,
            if held { "held" } else { "did not hold" },
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
        let is_generator_the_limit = window.is_generator_the_limit();
        if held {
            best = Some((count, window));
        } else {
            failed = Some(count);
        }
        if lost_clients > 0 {
            break Stop::ClientsLost;
        }
        if is_generator_the_limit {
            break Stop::Generator;
        }
        if failed.is_none() && count >= limits.most {
            break if limits.most_is_of_files { Stop::OpenFiles } else { Stop::RampMax };
        }
        let low = best.as_ref().map_or(0, |(count, _)| *count);
        let next = match failed {
            None => ((count as f64 * GROWTH).ceil() as usize).clamp(1, limits.most),
            Some(failed) => {
                refinements += 1;
                low.midpoint(failed)
            }
        };
        if refinements > REFINEMENTS || next == low {
            break Stop::TooMany;
        }
        if interrupt.or(resize(crowd, next, progress)).await.is_none() {
            break Stop::Interrupted;
        }
    };
    Ok(Ramped { steps, best, stop, lost_clients })
}

/// Whether everybody was served: silence is neither loss nor delay.
fn holds(media: &Media, delay: &Quantiles, lost_clients: u64) -> bool {
    media.loss < MAX_LOSS
        && delay.count > 0
        && delay.p99 < MAX_P99_MS
        && media.tracks > 0
        && media.tracks_without_media == 0
        && lost_clients == 0
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

#[cfg(test)]
mod tests {
    use tsubame_client::swarm::Measurement;

    use super::*;

    #[test]
    fn silence_does_not_hold() {
        let before = Measurement::default();
        let after = Measurement { packets: 100, tracks: 2, flowing: 2, ..Measurement::default() };
        let media = Media::between(&before, &after, Duration::from_secs(1));
        let delay = Quantiles { count: 10, p99: 1.0, ..Quantiles::default() };
        assert!(holds(&media, &delay, 0));
        assert!(!holds(&media, &delay, 1), "a client was lost");
        assert!(!holds(&media, &Quantiles::default(), 0), "nothing was measured");
        let ceased = Media { tracks_without_media: 1, ..media.clone() };
        assert!(!holds(&ceased, &delay, 0), "a track ceased");
        let empty = Media { tracks: 0, ..media };
        assert!(!holds(&empty, &delay, 0), "nobody watches");
    }
}
