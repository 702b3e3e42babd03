//! `tsubame load-test`: real clients in real numbers, and what they cost the server.

mod arguments;
mod crowd;
mod interrupt;
mod progress;
mod ramp;
mod report;
mod server_process;
mod window;

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use tsubame_client::swarm::{Swarm, SwarmConfig};
use tsubame_client::{Role, Trace};

use self::arguments::Switch;
pub(crate) use self::arguments::{EXAMPLES, LoadTestArguments};
use self::crowd::Crowd;
use self::interrupt::Interrupt;
use self::progress::Progress;
use self::ramp::{Ramped, Step, Stop};
use self::report::{Connections, Quantiles, Report};
use self::server_process::ServerProcess;
use self::window::{Server, Window};

/// Open files that a client needs: its WebSocket and its UDP socket.
const FILES_PER_CLIENT: u64 = 2;
const FILES_OF_OUR_OWN: u64 = 100;

/// Runs a load test and prints what it found. An error is one sentence for whoever started it.
pub(crate) fn run(arguments: &LoadTestArguments) -> Result<(), String> {
    let trace = arguments.trace.as_deref().map(read_trace).transpose()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| format!("the system gives no threads ({error})"))?;
    let result = runtime.block_on(test(arguments, trace.map(Arc::new)));
    runtime.shutdown_background();
    result
}

#[derive(Serialize)]
struct RampReport {
    /// The most that held; 0 if none did.
    subscribers: usize,
    /// Why it was not tried with more.
    stop: Stop,
    steps: Vec<Step>,
    /// Of the most that held.
    best: Option<Report>,
}

async fn test(arguments: &LoadTestArguments, trace: Option<Arc<Trace>>) -> Result<(), String> {
    arguments.check()?;
    let allowed_files = allow_files(arguments)?;
    let mut interrupt = Interrupt::new();
    let server = arguments.server_pid.map(open_server).transpose()?;
    let swarm = Swarm::start(&SwarmConfig {
        threads: arguments.threads,
        receive_offload: arguments.gro == Switch::On,
        verify_every: arguments.verify_every,
    });
    let swarm = swarm.map_err(|error| format!("the system gives no threads ({error})"))?;
    let mut crowd = Crowd::new(arguments, Arc::new(swarm), trace)?;
    let mut progress = Progress::new();
    let gathered = interrupt.or(gather(arguments, &mut crowd, &mut progress)).await;
    progress.end();
    gathered.ok_or_else(interrupted)?;
    if crowd.made == 0 {
        let cause = crowd.first_failure.unwrap_or_else(|| "nobody was to join".to_owned());
        return Err(format!("nobody could connect to {}: {cause}", arguments.url));
    }
    let (text, lost) = if arguments.ramp {
        let limits = limits(arguments, allowed_files);
        let ramped =
            ramp::ramp(&mut crowd, server.as_ref(), limits, &mut interrupt, &mut progress).await?;
        let Ramped { steps, best, stop, lost_clients } = ramped;
        let subscribers = best.as_ref().map_or(0, |(count, _)| *count);
        let best = best.map(|(count, window)| report(arguments, &crowd, count, &window));
        let ramp = RampReport { subscribers, stop, steps, best };
        (show_ramp(arguments, ramp)?, lost_clients)
    } else {
        let warm = interrupt.or(tokio::time::sleep(arguments.warmup)).await;
        warm.ok_or_else(interrupted)?;
        let (time, leave) = (arguments.duration, arguments.leave_rate);
        let server = server.as_ref();
        let window =
            window::measure(&mut crowd, server, time, leave, &mut interrupt, &mut progress).await?;
        let report = report(arguments, &crowd, crowd.subscribers.len(), &window);
        let text = if arguments.json { json(&report)? } else { report.to_string() };
        (text, window.lost_clients)
    };
    progress.end();
    print(&text);
    match crowd.first_failure {
        None if lost > 0 => Err(format!("{lost} clients were lost after they had connected")),
        None => Ok(()),
        Some(cause) => Err(format!("{} clients could not connect: {cause}", crowd.failed)),
    }
}

fn interrupted() -> String {
    "interrupted before anything was measured".to_owned()
}

/// As far as --ramp-max and the open files allow.
fn limits(arguments: &LoadTestArguments, allowed_files: u64) -> ramp::Limits {
    let others = arguments.publishers() + arguments.participants;
    let clients = allowed_files.saturating_sub(FILES_OF_OUR_OWN) / FILES_PER_CLIENT;
    let most = usize::try_from(clients).unwrap_or(usize::MAX).saturating_sub(others);
    ramp::Limits {
        step: arguments.ramp_step,
        most: most.min(arguments.ramp_max),
        most_is_of_files: most < arguments.ramp_max,
    }
}

/// Publishers first, so that there is something to watch.
async fn gather(arguments: &LoadTestArguments, crowd: &mut Crowd, progress: &mut Progress) {
    let groups = [
        (Role::SendOnly, arguments.publishers(), "publishers"),
        (Role::SendRecv, arguments.participants, "participants"),
        (Role::RecvOnly, arguments.subscribers(), "subscribers"),
    ];
    for (role, count, what) in groups {
        crowd.join(role, count, |done| progress.joined(what, done, count)).await;
    }
}

fn report(
    arguments: &LoadTestArguments,
    crowd: &Crowd,
    subscribers: usize,
    window: &Window,
) -> Report {
    Report {
        publishers: arguments.publishers(),
        subscribers,
        participants: arguments.participants,
        channels: arguments.channels,
        seconds: window.time.as_secs_f64(),
        connections: Connections {
            made: crowd.made,
            failed: crowd.failed,
            lost: window.lost_clients,
            time_to_connected_ms: Quantiles::from(&crowd.times_to_connected),
            time_to_first_packet_ms: Quantiles::from(&crowd.times_to_first_packet),
        },
        media: window.media.clone(),
        delay_ms: window.delay(),
        server: window.server,
        generator_busy: window.generator_busy,
    }
}

fn show_ramp(arguments: &LoadTestArguments, ramp: RampReport) -> Result<String, String> {
    if arguments.json {
        return json(&ramp);
    }
    let stop = ramp.stop;
    let most = match ramp.subscribers {
        0 if stop == Stop::TooMany => {
            "not even the first step held: start with fewer --subscribers".to_owned()
        }
        0 => format!("no step held; {stop}"),
        count => format!("{count} subscribers held (loss under 0.1 %, p99 under 50 ms); {stop}"),
    };
    Ok(ramp.best.map_or(most.clone(), |best| format!("{most}\n{best}")))
}

fn json(value: &impl Serialize) -> Result<String, String> {
    serde_json::to_string_pretty(value).map_err(|error| error.to_string())
}

fn print(text: &str) {
    // Whoever closed the pipe does not want it.
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn read_trace(path: &Path) -> Result<Trace, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("--trace {}: {error}", path.display()))?;
    text.parse().map_err(|error| format!("--trace {}: {error}", path.display()))
}

fn open_server(pid: i32) -> Result<Server, String> {
    let process = ServerProcess::open(pid)?;
    let idle = process.usage()?;
    Ok(Server { process, idle })
}

/// As many open files as may be, if that is enough, or a sentence that says how to have them.
fn allow_files(arguments: &LoadTestArguments) -> Result<u64, String> {
    let clients = arguments.publishers() + arguments.participants + arguments.subscribers();
    let needed = clients as u64 * FILES_PER_CLIENT + FILES_OF_OUR_OWN;
    let allowed = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(0);
    if allowed < needed {
        return Err(format!(
            "{clients} clients need {needed} open files, {allowed} are allowed: raise the limit with `ulimit -n {needed}`"
        ));
    }
    Ok(allowed)
}
