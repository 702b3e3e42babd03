//! `tsubame load-test`: real clients in real numbers, and what they cost the server.

mod arguments;
mod crowd;
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
use self::progress::Progress;
use self::ramp::Step;
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
    steps: Vec<Step>,
    /// Of the most that held.
    best: Option<Report>,
}

async fn test(arguments: &LoadTestArguments, trace: Option<Arc<Trace>>) -> Result<(), String> {
    allow_files(arguments)?;
    let server = arguments.server_pid.map(open_server).transpose()?;
    let swarm = Swarm::start(&SwarmConfig {
        threads: arguments.threads,
        receive_offload: arguments.gro == Switch::On,
        verify_every: arguments.verify_every,
    });
    let swarm = swarm.map_err(|error| format!("the system gives no threads ({error})"))?;
    let mut crowd = Crowd::new(arguments, Arc::new(swarm), trace)?;
    let mut progress = Progress::new();
    gather(arguments, &mut crowd, &mut progress).await;
    progress.end();
    if crowd.made == 0 {
        let cause = crowd.first_failure.unwrap_or_else(|| "nobody was to join".to_owned());
        return Err(format!("nobody could connect to {}: {cause}", arguments.url));
    }
    let text = if arguments.ramp {
        let limits = ramp::Limits { step: arguments.ramp_step, most: arguments.ramp_max };
        let (steps, best) = ramp::ramp(&mut crowd, server.as_ref(), limits, &mut progress).await?;
        let subscribers = best.as_ref().map_or(0, |(count, _)| *count);
        let best = best.map(|(count, window)| report(arguments, &crowd, count, &window));
        show_ramp(arguments, RampReport { subscribers, steps, best })?
    } else {
        tokio::time::sleep(arguments.warmup).await;
        let (time, leave) = (arguments.duration, arguments.leave_rate);
        let measured = window::measure(&mut crowd, server.as_ref(), time, leave, &mut progress);
        let window = measured.await?;
        let report = report(arguments, &crowd, arguments.subscribers(), &window);
        if arguments.json { json(&report)? } else { report.to_string() }
    };
    progress.end();
    print(&text);
    match crowd.first_failure {
        None => Ok(()),
        Some(cause) => Err(format!("{} clients could not connect: {cause}", crowd.failed)),
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
    let most = match ramp.subscribers {
        0 => "not even the first step held: start with fewer --subscribers".to_owned(),
        count => format!("{count} subscribers held (loss under 0.1 %, p99 under 50 ms)"),
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

/// As many open files as this takes, or a sentence that says how to have them.
fn allow_files(arguments: &LoadTestArguments) -> Result<(), String> {
    let clients = arguments.publishers() + arguments.participants + arguments.subscribers();
    let needed = clients as u64 * FILES_PER_CLIENT + FILES_OF_OUR_OWN;
    let allowed = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(0);
    if allowed < needed {
        return Err(format!(
            "{clients} clients need {needed} open files, {allowed} are allowed: raise the limit with `ulimit -n {needed}`"
        ));
    }
    Ok(())
}
