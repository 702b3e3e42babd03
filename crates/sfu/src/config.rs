//! What a server is started with, and why it may not start.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::limits;
use crate::shard::MAX_SHARDS;

/// How to start a [`Server`](crate::Server).
#[derive(Clone, Debug)]
pub struct Config {
    /// Where media is received. Port 0 is any free port.
    pub udp: Vec<SocketAddr>,
    /// The addresses to advertise.
    pub candidates: Candidates,
    /// Threads that move media, 1 to 64.
    pub shards: usize,
    /// Each shard has ports of its own, and clients send to that of the shard that serves them: the first shard those of [`udp`](Self::udp),
    /// each further one the next. Otherwise all shards share them, and hand over what lands on the wrong one.
    pub port_per_shard: bool,
    /// Members of one channel on one shard, at least 1: further ones go to another shard, as long as there is a less busy one (docs/sharding.md).
    pub channel_on_one_shard: usize,
    /// Connections the whole server takes.
    pub max_connections: usize,
    /// For how long a shard that is over half busy may hold a track's packets, so that longer runs form: at most
    /// [`MAX_COALESCE`](Self::MAX_COALESCE), zero is never.
    pub coalesce: Duration,
}

impl Config {
    /// The longest that packets may be held.
    pub const MAX_COALESCE: Duration = Duration::from_millis(20);
}

/// What clients are told about where to send, in order of preference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Candidates {
    /// These and no others, for every socket of their family: addresses in front of a NAT, for instance.
    Explicit(Vec<IpAddr>),
    /// The machine's own: all of a family for a socket bound to its wildcard address, and for any other the address it is bound to.
    Interfaces(Vec<IpAddr>),
}

impl Default for Config {
    fn default() -> Self {
        Self {
            udp: vec![SocketAddr::from(([0, 0, 0, 0], 40_000))],
            candidates: Candidates::Interfaces(Vec::new()),
            shards: 1,
            port_per_shard: false,
            channel_on_one_shard: limits::CHANNEL_ON_ONE_SHARD,
            max_connections: 100_000,
            coalesce: Duration::ZERO,
        }
    }
}

/// Why a server did not start. Each one says how to mend it.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// An address could not be bound.
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// No address to receive media at.
    NoSocket,
    /// A port for each shard was asked for, and above this address there are too few.
    NoPorts {
        /// Of the first shard.
        address: SocketAddr,
        /// How many there are.
        shards: usize,
    },
    /// There is nothing to tell clients about where to send.
    NoCandidate {
        /// The bound addresses.
        bound: Vec<SocketAddr>,
    },
    /// Not 1 to 64 shards.
    Shards(usize),
    /// Packets were to be held for too long.
    Coalesce(Duration),
    /// The DTLS certificate could not be made.
    Identity(tsubame_dtls::IdentityError),
    /// The system gave no random numbers.
    Random(getrandom::Error),
    /// A thread or its wait queue could not be made.
    Thread(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind { address, source } if source.kind() == io::ErrorKind::AddrInUse => write!(
                f,
                "UDP {address} is in use by another program: stop it, or choose another port with --udp"
            ),
            Self::Bind { address, source } => write!(
                f,
                "cannot bind UDP {address} ({source}): choose an address of this machine with --udp"
            ),
            Self::NoSocket => f.write_str("no address to receive media at: give one with --udp"),
            Self::NoPorts { address, shards } => write!(
                f,
                "UDP {address} is too high for a port of each of {shards} shards: choose a lower one with --udp, or fewer with --shards"
            ),
            Self::NoCandidate { bound } => write!(
                f,
                "no address to advertise for {bound:?}: give one that clients can reach with --candidate"
            ),
            Self::Shards(shards) => {
                write!(f, "{shards} shards: choose 1 to {MAX_SHARDS} with --shards")
            }
            Self::Coalesce(duration) => write!(
                f,
                "packets cannot be held for {duration:?}: choose at most {:?} with --coalesce",
                Config::MAX_COALESCE
            ),
            Self::Identity(error) => write!(f, "cannot make a DTLS certificate: {error}"),
            Self::Random(error) => write!(f, "the system gives no random numbers: {error}"),
            Self::Thread(error) => write!(f, "cannot start a shard: {error}"),
        }
    }
}

impl std::error::Error for StartError {}
