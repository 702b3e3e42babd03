//! [`Swarm`]: thousands of clients in one process, for load tests.
//!
//! A [`Client`](crate::Client) has a task of its own and reads the clock for every datagram. A swarm keeps its members' media on a few
//! threads, each of which has many sockets, and only their signaling in tasks.

mod command;
mod measurement;
mod media_thread;
mod member;
mod session;
mod timers;

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use tokio::sync::oneshot;
use tsubame_rtp::NtpTime;
use tsubame_udp::BindOptions;

use self::command::{Command, Mailbox};
pub use self::measurement::{Measurement, Times};
use self::session::Place;
pub use self::session::{Member, Negotiation};
use crate::config::ClientConfig;
use crate::driver::{clock, connect};
use crate::error::ClientError;

/// How a swarm is made.
#[derive(Clone, Debug)]
pub struct SwarmConfig {
    /// Threads for those who publish, and as many for those who only watch: neither delays the other. Default: 1.
    pub threads: usize,
    /// Receive trains of datagrams as one (`UDP_GRO`). Default: true. On loopback this makes sending cheaper, too.
    pub receive_offload: bool,
    /// Members decrypt one in so many media packets; see [`verify_every`](crate::peer::PeerConfig::verify_every).
    /// Default: 1.
    pub verify_every: u32,
}

impl Default for SwarmConfig {
    fn default() -> Self {
        Self { threads: 1, receive_offload: true, verify_every: 1 }
    }
}

/// The threads, and what all members have in common. Dropping it ends everybody.
#[derive(Debug)]
pub struct Swarm {
    publishing: Vec<Mailbox>,
    watching: Vec<Mailbox>,
    /// Of each kind: members are dealt out in turn.
    next_publishing: AtomicUsize,
    next_watching: AtomicUsize,
    verify_every: u32,
    /// One wall clock for all, so that the time between two members is exact.
    clock: (Instant, NtpTime),
}

impl Swarm {
    /// Starts the threads.
    ///
    /// # Errors
    /// A thread, or what it waits with, cannot be had.
    pub fn start(config: &SwarmConfig) -> io::Result<Self> {
        let options =
            BindOptions { gro: config.receive_offload, timestamps: true, ..member_socket() };
        let threads = |name: &str| -> io::Result<Vec<Mailbox>> {
            (0..config.threads.max(1))
                .map(|number| media_thread::spawn(&format!("{name}-{number}"), options.clone()))
                .collect()
        };
        Ok(Self {
            publishing: threads("publish")?,
            watching: threads("watch")?,
            next_publishing: AtomicUsize::new(0),
            next_watching: AtomicUsize::new(0),
            verify_every: config.verify_every,
            clock: (clock::now(), clock::wall_clock()),
        })
    }

    /// Connects a member: WebSocket, offer, answer, ICE, DTLS. Returns when media may flow.
    ///
    /// # Errors
    /// As [`Client::connect`](crate::Client::connect).
    pub async fn join(&self, config: &ClientConfig) -> Result<Member, ClientError> {
        session::join(config, self.place(config)).await
    }

    /// Begins a member whose signaling is the caller's, with a server's offer or to make one. Of the configuration everything counts that is not
    /// about signaling.
    ///
    /// # Errors
    /// The offer cannot be answered, or the member cannot have a socket.
    pub async fn begin(
        &self,
        config: &ClientConfig,
        offer: Option<String>,
    ) -> Result<Negotiation, ClientError> {
        connect::check(config)?;
        session::begin(config, self.place(config), clock::now(), offer).await
    }

    fn place(&self, config: &ClientConfig) -> Place {
        let (threads, next) = if config.role.sends() {
            (&self.publishing, &self.next_publishing)
        } else {
            (&self.watching, &self.next_watching)
        };
        let next = next.fetch_add(1, Ordering::Relaxed);
        let mailbox = threads[next % threads.len()].clone();
        Place { mailbox, clock: self.clock, verify_every: self.verify_every }
    }

    /// What all members (those that left included) counted since the swarm was started, and the times that were measured since the last
    /// call. A track is flowing if its latest packet came at `flowing_since` or later.
    pub async fn measure(&self, flowing_since: Instant) -> Measurement {
        let mut sum = Measurement::default();
        for mailbox in self.publishing.iter().chain(&self.watching) {
            let (measured, is_measured) = oneshot::channel();
            if mailbox.send(Command::Measure { flowing_since, measured }).is_ok()
                && let Ok(measured) = is_measured.await
            {
                sum.add(&measured);
            } else {
                // The others keep their places.
                sum.threads.push(std::time::Duration::ZERO);
            }
        }
        sum
    }
}

/// Small buffers: there are thousands of sockets, and none of them carries much.
fn member_socket() -> BindOptions {
    const KIB: usize = 1 << 10;
    BindOptions {
        receive_buffer: Some(512 * KIB),
        send_buffer: Some(256 * KIB),
        ..BindOptions::default()
    }
}

/// Where a member's socket is bound.
fn any_port(config: &ClientConfig) -> SocketAddr {
    SocketAddr::new(config.bind, 0)
}
