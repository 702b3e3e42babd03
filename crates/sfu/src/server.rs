//! Starting and stopping: one thread per shard.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::mpsc;
use tsubame_rtp::NtpTime;
use tsubame_udp::Lanes;

use crate::config::{Config, StartError};
use crate::directory::Directory;
use crate::handle::{Handle, Mailbox};
use crate::media::NtpClock;
use crate::shard::{Census, MAX_SHARDS, Neighbours, Shard, Shared};
use crate::sockets;
use crate::worker::Worker;

/// A running SFU. Dropping it stops it.
pub struct Server {
    handle: Handle,
    udp: Vec<SocketAddr>,
    threads: Vec<JoinHandle<()>>,
}

impl Server {
    /// Binds the sockets and starts the shards.
    ///
    /// # Errors
    ///
    /// [`StartError`], whose text says how to mend it. Nothing is left running then.
    pub fn start(config: Config) -> Result<Self, StartError> {
        if config.shards == 0 || config.shards > MAX_SHARDS {
            return Err(StartError::Shards(config.shards));
        }
        if config.coalesce > Config::MAX_COALESCE {
            return Err(StartError::Coalesce(config.coalesce));
        }
        let lanes = sockets::bind(&config)?;
        let udp = sockets::addresses(&lanes);
        let candidates = sockets::candidates(&config, &lanes);
        if candidates.iter().any(Vec::is_empty) {
            return Err(StartError::NoCandidate { bound: udp });
        }
        let identity = tsubame_dtls::Identity::generate_ecdsa().map_err(StartError::Identity)?;
        let shared = Arc::new(Shared {
            candidates,
            dtls: Arc::new(tsubame_dtls::Config::new(Arc::new(identity))),
            max_connections: config.max_connections,
            coalesce: config.coalesce,
            census: Census::default(),
            directory: Arc::new(Directory::new(config.shards, config.channel_on_one_shard)),
            shards: config.shards,
            hands_over: !config.port_per_shard,
        });
        let directory = Arc::clone(&shared.directory);
        let clock = wall_clock();
        let mut seeds = Vec::new();
        for _ in 0..config.shards {
            let mut seed = [0; 32];
            getrandom::fill(&mut seed).map_err(StartError::Random)?;
            seeds.push(seed);
        }
        let shards = seeds.into_iter().zip(Neighbours::connect(config.shards)).enumerate().map(
            |(index, (seed, neighbours))| {
                Shard::new(index, Arc::clone(&shared), neighbours, clock, seed)
            },
        );
        start_workers(shards, lanes, udp, directory)
    }

    /// Through which clients are let in.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// The addresses that were bound, with their real ports.
    pub fn udp_addresses(&self) -> &[SocketAddr] {
        &self.udp
    }

    /// Ends every session, telling its owner and its peer, and waits for the shards to stop.
    pub fn shutdown(mut self) {
        self.stop();
    }

    fn stop(&mut self) {
        self.handle.shutdown();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a shard's thread had panicked");
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("udp", &self.udp)
            .field("shards", &self.threads.len())
            .finish()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place where wall clock and monotonic clock are tied together"
)]
fn wall_clock() -> NtpClock {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    NtpClock::new(Instant::now(), NtpTime::from_unix(since_epoch))
}

fn start_workers(
    shards: impl Iterator<Item = Shard>,
    lanes: Vec<Vec<Lanes>>,
    udp: Vec<SocketAddr>,
    directory: Arc<Directory>,
) -> Result<Server, StartError> {
    let mut workers = Vec::new();
    let mut mailboxes = Vec::new();
    let mut bells = Vec::new();
    for (shard, lanes) in shards.zip(lanes) {
        let (commands, command_receiver) = mpsc::unbounded_channel();
        let worker = Worker::new(shard, lanes, command_receiver).map_err(StartError::Thread)?;
        let waker = worker.waker();
        let metrics = worker.published();
        bells.push(worker.bell());
        let wake = Box::new(move || {
            // A failure means that the shard's queue is gone, and the shard with it.
            let _ = waker.wake();
        });
        mailboxes.push(Mailbox::new(commands, wake, metrics));
        workers.push(worker);
    }
    let handle = Handle::new(mailboxes, directory);
    let mut server = Server { handle, udp, threads: Vec::new() };
    for (index, mut worker) in workers.into_iter().enumerate() {
        worker.set_bells(bells.clone());
        let thread = std::thread::Builder::new()
            .name(format!("shard-{index}"))
            .spawn(move || worker.run())
            .map_err(StartError::Thread)?;
        server.threads.push(thread);
    }
    Ok(server)
}
