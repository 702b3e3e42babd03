//! Starting and stopping: sockets, candidates, one thread per shard.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::mpsc;
use tsubame_rtp::NtpTime;
use tsubame_udp::{BindOptions, Buffers, Lanes};

use crate::config::{Candidates, Config, StartError};
use crate::directory::Directory;
use crate::handle::{Handle, Mailbox};
use crate::media::NtpClock;
use crate::shard::{Census, MAX_SHARDS, Neighbours, Shard, Shared};
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
        let (lanes, udp) = bind(&config)?;
        let candidates = candidates(&config.candidates, &udp);
        if candidates.is_empty() {
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

/// The sockets for each address and shard; by shard.
fn bind(config: &Config) -> Result<(Vec<Vec<Lanes>>, Vec<SocketAddr>), StartError> {
    if config.udp.is_empty() {
        return Err(StartError::NoSocket);
    }
    let mut by_shard: Vec<Vec<Lanes>> = (0..config.shards).map(|_| Vec::new()).collect();
    let mut bound = Vec::new();
    for address in &config.udp {
        let lanes = tsubame_udp::bind_lanes(*address, config.shards, &BindOptions::default())
            .map_err(|source| StartError::Bind { address: *address, source })?;
        if let Some(lanes) = lanes.first() {
            bound.push(lanes.main.local_addr());
            report_sockets(lanes);
        }
        for (shard, lanes) in by_shard.iter_mut().zip(lanes) {
            shard.push(lanes);
        }
    }
    Ok((by_shard, bound))
}

fn report_sockets(Lanes { main, feedback }: &Lanes) {
    let address = main.local_addr();
    let sorts_feedback = feedback.is_some();
    tracing::info!(%address, features = ?main.features(), sorts_feedback, "UDP socket bound");
    for warning in shortages(&main.buffers()) {
        tracing::warn!(%address, "{warning}");
    }
}

/// A sentence for each buffer that the system did not grant, with what is to be done about it.
fn shortages(buffers: &Buffers) -> impl Iterator<Item = String> {
    let both = [
        ("receive", buffers.receive, Buffers::RECEIVE_SYSCTL),
        ("send", buffers.send, Buffers::SEND_SYSCTL),
    ];
    both.into_iter().filter(|(_, grant, _)| grant.is_short()).map(|(what, grant, sysctl)| {
        let wanted = grant.requested.unwrap_or_default();
        format!(
            "the {what} buffer has {} bytes, fewer than a burst of media may need: allow it more with `sysctl -w {sysctl}={wanted}`",
            grant.granted
        )
    })
}

/// What is advertised for the sockets that were bound.
fn candidates(candidates: &Candidates, bound: &[SocketAddr]) -> Vec<SocketAddr> {
    let mut advertised = Vec::new();
    for socket in bound {
        let addresses = match candidates {
            Candidates::Interfaces(_) if !socket.ip().is_unspecified() => {
                advertised.push(*socket);
                continue;
            }
            Candidates::Explicit(addresses) | Candidates::Interfaces(addresses) => addresses,
        };
        let same_family = addresses.iter().filter(|address| address.is_ipv4() == socket.is_ipv4());
        advertised.extend(same_family.map(|address| SocketAddr::new(*address, socket.port())));
    }
    advertised
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

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use tsubame_udp::BufferGrant;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn socket(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_wildcard_socket_advertises_the_addresses_of_its_family() {
        let interfaces = vec![ip("192.0.2.1"), ip("2001:db8::1")];
        let bound = [socket("0.0.0.0:4000"), socket("[::]:4001")];
        let expected = [socket("192.0.2.1:4000"), socket("[2001:db8::1]:4001")];
        assert_eq!(candidates(&Candidates::Interfaces(interfaces), &bound), expected);
    }

    #[test]
    fn a_socket_bound_to_one_address_advertises_that_and_no_other_interface() {
        let interfaces = vec![ip("192.0.2.1"), ip("192.0.2.2")];
        let bound = [socket("192.0.2.2:4000"), socket("127.0.0.1:4001")];
        assert_eq!(candidates(&Candidates::Interfaces(interfaces), &bound), bound);
    }

    #[test]
    fn behind_a_nat_only_the_address_that_was_named_is_told() {
        let explicit = Candidates::Explicit(vec![ip("203.0.113.9"), ip("2001:db8::9")]);
        let advertised = candidates(&explicit, &[socket("10.0.0.5:4000"), socket("0.0.0.0:4001")]);
        assert_eq!(advertised, [socket("203.0.113.9:4000"), socket("203.0.113.9:4001")]);
    }

    #[test]
    fn a_buffer_that_is_too_small_is_told_with_the_sysctl_that_mends_it() {
        let grant = |granted| BufferGrant { requested: Some(4_194_304), granted };
        let buffers = |receive, send| Buffers { receive: grant(receive), send: grant(send) };
        assert_eq!(shortages(&buffers(4_194_304, 4_194_304)).count(), 0);
        let told: Vec<String> = shortages(&buffers(212_992, 106_496)).collect();
        assert_eq!(
            told,
            [
                "the receive buffer has 212992 bytes, fewer than a burst of media may need: allow it more with `sysctl -w net.core.rmem_max=4194304`",
                "the send buffer has 106496 bytes, fewer than a burst of media may need: allow it more with `sysctl -w net.core.wmem_max=4194304`",
            ]
        );
        assert_eq!(shortages(&buffers(1, 4_194_304)).count(), 1);
    }
}
