//! Starting everything in order, saying so, and stopping it.

use std::io::{IsTerminal, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;
use tsubame_sfu::Candidates;
use tsubame_signaling::{Addresses, Config, Limits, Listeners, Server, TlsIdentity};

use crate::candidates;
use crate::config::{Settings, Tls};

/// Where media is received unless `--udp` says otherwise.
const UDP_PORT: u16 = 40_000;

/// How long clients have to react to the end. Together with [`SFU_STOP`] this stays below 3 s.
const FAREWELL: Duration = Duration::from_millis(2200);

/// How long the SFU has to stop. It takes milliseconds, once the clients are gone.
const SFU_STOP: Duration = Duration::from_millis(600);

/// Serves until a signal comes. An error is one sentence for whoever started it.
pub(crate) fn run(mut settings: Settings) -> Result<(), String> {
    start_log(std::mem::take(&mut settings.log));
    // Every WebSocket is an open file, and the soft limit is meant for programs that use select().
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(files) => tracing::debug!(files, "open files allowed"),
        Err(error) => tracing::warn!(%error, "the limit of open files stays as it is"),
    }
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| format!("the system gives no threads for the server ({error})"))?;
    let result = runtime.block_on(serve(settings));
    // What still lingers on a closed connection is not worth waiting for.
    runtime.shutdown_background();
    result
}

fn start_log(filter: EnvFilter) {
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
}

async fn serve(settings: Settings) -> Result<(), String> {
    let mut signals = Signals::new()?;
    let listeners = Listeners::bind(Addresses {
        listen: settings.listen,
        tls_listen: settings.tls.as_ref().map(|tls| tls.listen),
        api_listen: settings.api_listen,
    })
    .await
    .map_err(|error| error.to_string())?;

    let candidates = candidates(&settings)?;
    let identity = settings.tls.as_ref().map(|tls| tls_identity(tls, &candidates)).transpose()?;
    let candidates = match settings.candidates.is_empty() {
        true => Candidates::Interfaces(candidates),
        false => Candidates::Explicit(candidates),
    };
    let self_signed = settings.tls.is_some_and(|tls| tls.files.is_none());
    let fingerprint = identity.as_ref().filter(|_| self_signed).map(TlsIdentity::fingerprint);

    let defaults = tsubame_sfu::Config::default();
    let sfu_config = tsubame_sfu::Config {
        udp: if settings.udp.is_empty() { default_udp() } else { settings.udp },
        candidates,
        shards: settings.shards,
        port_per_shard: settings.port_per_shard,
        channel_on_one_shard: settings
            .channel_on_one_shard
            .map_or(defaults.channel_on_one_shard, NonZeroUsize::get),
        coalesce: settings.coalesce,
        ..defaults
    };
    let mut limits = Limits::default();
    limits.half_open = sfu_config.max_connections / 5;
    let sfu = tsubame_sfu::Server::start(sfu_config).map_err(|error| error.to_string())?;

    let bound = listeners.addresses();
    let config = Config { auth: settings.auth, limits, tls: identity };
    let signaling = Server::start(listeners, config, sfu.handle());
    say_ready(&bound, sfu.udp_addresses(), fingerprint.as_deref());

    let name = signals.next().await;
    tracing::info!(signal = name, "shutting down");
    if tokio::time::timeout(FAREWELL, signaling.shutdown()).await.is_err() {
        tracing::warn!("some clients did not go in time");
    }
    if !done_within(SFU_STOP, || sfu.shutdown()).await {
        tracing::error!("the SFU did not stop cleanly");
    }
    Ok(())
}

/// Runs `work` on a thread of its own, and says whether it came to its end in time. tokio's threads for blocking work may all be held by name lookups that
/// nobody answers, and `work` would wait behind them.
async fn done_within(limit: Duration, work: impl FnOnce() + Send + 'static) -> bool {
    let (done, is_done) = tokio::sync::oneshot::channel();
    let spawned = std::thread::Builder::new().name("stop".to_owned()).spawn(move || {
        work();
        // Nobody listens any more where it took too long.
        let _ = done.send(());
    });
    // A panic in there drops the sender: that is no end in time either.
    spawned.is_ok() && matches!(tokio::time::timeout(limit, is_done).await, Ok(Ok(())))
}

fn candidates(settings: &Settings) -> Result<Vec<IpAddr>, String> {
    if !settings.candidates.is_empty() {
        return Ok(settings.candidates.clone());
    }
    candidates::of_this_machine(settings.listen.ip()).map_err(|error| {
        format!("the machine's addresses cannot be listed ({error}): name one with --candidate")
    })
}

fn default_udp() -> Vec<SocketAddr> {
    let mut udp = vec![SocketAddr::from((Ipv4Addr::UNSPECIFIED, UDP_PORT))];
    if candidates::has_ipv6() {
        udp.push(SocketAddr::from((Ipv6Addr::UNSPECIFIED, UDP_PORT)));
    }
    udp
}

fn tls_identity(tls: &Tls, candidates: &[IpAddr]) -> Result<TlsIdentity, String> {
    let identity = match &tls.files {
        Some((certificate, key)) => TlsIdentity::from_pem_files(certificate, key),
        None => {
            // Whatever somebody on this machine or outside may have in the address bar.
            let mut names = vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
            names.extend((!tls.listen.ip().is_unspecified()).then(|| tls.listen.ip()));
            names.extend(candidates);
            names.sort();
            names.dedup();
            TlsIdentity::self_signed(&names)
        }
    };
    identity.map_err(|error| format!("{error}: check --tls-cert and --tls-key"))
}

/// Standard output carries these lines and nothing else: programs wait for them.
fn say_ready(bound: &Addresses, udp: &[SocketAddr], fingerprint: Option<&str>) {
    let mut text = String::new();
    if let Some(fingerprint) = fingerprint {
        text += &format!("tls certificate: self-signed, sha-256 {fingerprint}\n");
    }
    text += &ready_line(bound, udp);
    text.push('\n');
    let mut output = std::io::stdout().lock();
    if let Err(error) = output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        tracing::warn!(%error, "nobody reads the ready line");
    }
}

fn ready_line(bound: &Addresses, udp: &[SocketAddr]) -> String {
    let listen = reachable(bound.listen);
    let api = reachable(bound.api_listen);
    let udp: Vec<_> = udp.iter().map(SocketAddr::to_string).collect();
    let mut line = format!(
        "ready signaling=ws://{listen}/signaling page=http://{listen}/ api=http://{api}/ udp={}",
        udp.join(",")
    );
    if let Some(tls) = bound.tls_listen.map(reachable) {
        line += &format!(" tls_signaling=wss://{tls}/signaling tls_page=https://{tls}/");
    }
    line
}

/// A wildcard address cannot be opened: from here, loopback is what leads to it.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// What ends the server.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> Result<Self, String> {
        let listen = |kind| {
            signal(kind).map_err(|error| format!("signals cannot be listened for ({error})"))
        };
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn work_that_ends_the_server_does_not_wait_behind_blocking_tasks() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .max_blocking_threads(1)
            .enable_time()
            .build()
            .expect("a runtime");
        let (release, held) = std::sync::mpsc::channel::<()>();
        let (did, done) = std::sync::mpsc::channel();
        runtime.block_on(async move {
            // The only such thread hangs, as in a name lookup.
            let lookup = tokio::task::spawn_blocking(move || held.recv());
            let limit = Duration::from_secs(3600);
            assert!(done_within(limit, move || did.send(()).expect("heard")).await);
            assert_eq!(done.try_recv(), Ok(()));
            drop(release);
            assert!(lookup.await.expect("it only waits").is_err());
        });
    }

    #[test]
    fn work_that_hangs_or_panics_is_not_waited_for() {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let (release, held) = std::sync::mpsc::channel::<()>();
        runtime.block_on(async move {
            assert!(
                !done_within(Duration::from_millis(1), move || {
                    let _ = held.recv();
                })
                .await
            );
            drop(release);
            // An hour would be noticed.
            assert!(!done_within(Duration::from_secs(3600), || panic!("on purpose")).await);
        });
        assert!(FAREWELL + SFU_STOP < Duration::from_secs(3));
    }

    #[test]
    fn the_ready_line_has_addresses_that_can_be_opened() {
        let bound = Addresses {
            listen: address("0.0.0.0:5000"),
            tls_listen: None,
            api_listen: address("127.0.0.1:3000"),
        };
        assert_eq!(
            ready_line(&bound, &[address("0.0.0.0:40000"), address("[::]:40000")]),
            "ready signaling=ws://127.0.0.1:5000/signaling page=http://127.0.0.1:5000/ api=http://127.0.0.1:3000/ \
             udp=0.0.0.0:40000,[::]:40000"
        );
        let bound = Addresses { tls_listen: Some(address("[::]:5443")), ..bound };
        assert!(
            ready_line(&bound, &[]).ends_with(
                " tls_signaling=wss://[::1]:5443/signaling tls_page=https://[::1]:5443/"
            )
        );
    }
}
