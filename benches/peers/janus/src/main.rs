//! Janus under load: the clients, the media, the pacing and the measurement of `tsubame load-test`, but signaled as Janus's videoroom wants it.
//! Writes the same report.

mod api;
mod room;
// Of the load test, so that both say the same of the same.
#[path = "../../../../src/load_test/report.rs"]
mod report;
#[path = "../../../../src/load_test/server_process.rs"]
mod server_process;
/// What the report takes of the load test's own window.
mod window {
    /// The share of the time that a thread of the generator may be busy before its delays are its own.
    pub(super) const MAX_BUSY: f64 = 0.85;
}

use std::net::IpAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use tokio::task::JoinSet;
use tsubame_client::swarm::{Member, Swarm, SwarmConfig};
use tsubame_client::{ClientConfig, Codec, Identity, Pacing, Role, SrtpProfile};

use self::api::Session;
use self::report::{Connections, Media, Quantiles, Report, ServerCost};
use self::server_process::ServerProcess;

/// How long a member may take from the end of its signaling to keys.
const TIMEOUT: Duration = Duration::from_secs(20);
/// From the last join to the measurement, as in the load test.
const WARMUP: Duration = Duration::from_secs(3);

/// One publisher of VP8 video and its viewers in Janus's room 1.
#[derive(Parser)]
struct Arguments {
    /// Janus's WebSocket, ws://127.0.0.1:8188/
    url: String,
    /// Clients that watch
    #[arg(long, value_name = "N", default_value_t = 50)]
    subscribers: usize,
    /// What the video takes, without headers, in bit/s
    #[arg(long, value_name = "N", default_value_t = 1_500_000)]
    video_bitrate: u32,
    /// How the packets of a frame leave
    #[arg(long, value_enum, default_value_t = PacingArgument::Frame)]
    pacing: PacingArgument,
    /// The one SRTP profile that clients know
    #[arg(long, value_enum, default_value_t = SrtpArgument::Gcm)]
    srtp: SrtpArgument,
    /// Receive trains of packets as one (UDP_GRO)
    #[arg(long, value_enum, default_value_t = Switch::On)]
    gro: Switch,
    /// Viewers decrypt one in N packets (by chance) and read only the headers of the others
    #[arg(long, value_name = "N", default_value_t = 16)]
    verify_every: u32,
    /// Seconds to measure
    #[arg(long, value_name = "N", default_value_t = 8)]
    seconds: u64,
    /// The address that clients send media from: one that Janus offers media at, which 127.0.0.1 is not
    #[arg(long, value_name = "IP")]
    bind: IpAddr,
    /// Janus's process
    #[arg(long, value_name = "PID")]
    server_pid: i32,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum PacingArgument {
    Frame,
    Libwebrtc,
}

#[derive(Clone, Copy, ValueEnum)]
enum SrtpArgument {
    /// AEAD_AES_128_GCM
    Gcm,
    /// AES128_CM_HMAC_SHA1_80
    Cm,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(test(&arguments)),
        Err(error) => Err(format!("the system gives no threads ({error})")),
    };
    match result {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("tsubame-janus: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn test(arguments: &Arguments) -> Result<String, String> {
    let process = ServerProcess::open(arguments.server_pid)?;
    let idle = process.usage()?;
    let swarm = Swarm::start(&SwarmConfig {
        threads: 1,
        receive_offload: arguments.gro == Switch::On,
        verify_every: arguments.verify_every,
    });
    let swarm = swarm.map_err(|error| format!("the system gives no threads ({error})"))?;
    let mut session = Session::open(&arguments.url).await?;
    let (members, failures) = gather(arguments, &mut session, &swarm).await?;
    tokio::time::sleep(WARMUP).await;

    let begun = now();
    let joined = swarm.measure(begun).await;
    let usage_before = process.usage()?;
    tokio::time::sleep(Duration::from_secs(arguments.seconds)).await;
    // A track flows if it had a packet in the second half.
    let measured = swarm.measure(begun + begun.elapsed() / 2).await;
    let (time, usage_after) = (begun.elapsed(), process.usage()?);

    let media = Media::between(&joined, &measured, time);
    let usages = [idle, usage_before, usage_after];
    let server = ServerCost::between(usages, time, media.received_packets, members.len());
    let report = Report {
        publishers: 1,
        subscribers: arguments.subscribers,
        participants: 0,
        channels: 1,
        seconds: time.as_secs_f64(),
        connections: Connections {
            made: members.len() as u64,
            failed: failures.len() as u64,
            lost: measured.ended,
            time_to_connected_ms: Quantiles::from(&joined.times_to_connected),
            time_to_first_packet_ms: Quantiles::from(&joined.times_to_first_packet),
        },
        media,
        delay_ms: Quantiles::from(&measured.delays),
        server: Some(server),
        generator_busy: measured.busiest_since(&joined).as_secs_f64() / time.as_secs_f64(),
    };
    if let Some(cause) = failures.first() {
        eprintln!("tsubame-janus: {} clients could not connect: {cause}", failures.len());
    }
    match arguments.json {
        true => serde_json::to_string_pretty(&report).map_err(|error| error.to_string()),
        false => Ok(report.to_string()),
    }
}

/// Lets everybody join, the publisher first. Those who connected, and why others did not.
async fn gather(
    arguments: &Arguments,
    session: &mut Session,
    swarm: &Swarm,
) -> Result<(Vec<Member>, Vec<String>), String> {
    let template = template(arguments)?;
    let (feed, handle, publisher) = room::publish(session, swarm, &template).await?;
    let publisher = connected(publisher).await;
    let mut members =
        vec![publisher.map_err(|error| format!("the publisher cannot connect: {error}"))?];
    session.up(handle).await?;
    let mut connecting = JoinSet::new();
    for _ in 0..arguments.subscribers {
        connecting.spawn(connected(room::watch(session, swarm, &template, feed).await?));
    }
    let mut failures = Vec::new();
    for result in connecting.join_all().await {
        match result {
            Ok(member) => members.push(member),
            Err(error) => failures.push(error),
        }
    }
    Ok((members, failures))
}

async fn connected(negotiation: tsubame_client::swarm::Negotiation) -> Result<Member, String> {
    match tokio::time::timeout(TIMEOUT, negotiation.connected()).await {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no keys after {} s", TIMEOUT.as_secs())),
    }
}

fn template(arguments: &Arguments) -> Result<ClientConfig, String> {
    let identity = Identity::generate_ecdsa()
        .map_err(|error| format!("no certificate can be made ({error})"))?;
    let mut template = ClientConfig::new(&arguments.url, "", Role::RecvOnly);
    template.identity = Some(Arc::new(identity));
    template.audio = false;
    template.video = Some(Codec::Vp8);
    template.video_bitrate = arguments.video_bitrate;
    template.pacing = match arguments.pacing {
        PacingArgument::Frame => Pacing::Frame,
        PacingArgument::Libwebrtc => Pacing::Libwebrtc,
    };
    template.srtp_profiles = vec![match arguments.srtp {
        SrtpArgument::Gcm => SrtpProfile::AeadAes128Gcm,
        SrtpArgument::Cm => SrtpProfile::Aes128CmSha1_80,
    }];
    template.bind = arguments.bind;
    Ok(template)
}

#[expect(clippy::disallowed_methods, reason = "measuring time is what this is for")]
fn now() -> Instant {
    Instant::now()
}
