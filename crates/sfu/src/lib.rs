//! The SFU: it takes media from publishers and forwards it, still encoded, to their channel's subscribers.
//!
//! [`Server::start`] binds the media sockets and starts the shards; a [`Handle`] lets clients in. The core is pure (told the time, no
//! sockets); only the worker threads touch the network. See docs/architecture.md, "The life of one packet".

mod api;
mod channel;
mod config;
mod counters;
mod crossing;
mod directory;
mod handle;
mod id;
mod keys;
mod limits;
mod media;
mod metrics;
mod negotiate;
mod peer;
mod publication;
mod server;
mod shard;
mod sink;
mod sockets;
mod subscription;
mod transport;
mod worker;

/// Entrances for fuzzers (docs/fuzzing.md). Only a whole build's flags can open them, no feature of a crate and no dependency.
#[cfg(tsubame_fuzzing)]
pub mod fuzzing {
    pub use crate::media::fuzzing::{
        FuzzedFeedback, FuzzedNackTracker, FuzzedPacketCache, FuzzedSequenceMap,
    };
    pub use crate::shard::standalone::StandaloneShard;

    const _: () = assert!(cfg!(debug_assertions), "no build for users is one for fuzzing");

    /// What clients' SRTP is protected with, in both directions.
    pub const SRTP_PROFILE: tsubame_srtp::Profile = tsubame_srtp::Profile::AeadAes128Gcm;
    /// The master salt.
    pub const SALT: [u8; 12] = [2; 12];
}

/// A shard by itself, for this workspace's benches. Opens nothing that clients could not do.
#[cfg(feature = "bench")]
#[doc(hidden)]
pub mod bench {
    pub use crate::shard::standalone::StandaloneShard;
}

pub use api::{
    AudioSettings, CloseReason, Event, Join, JoinError, Joined, MediaKind, Mids, RequestError,
    Role, VideoCodec, VideoSettings,
};
pub use config::{Candidates, Config, StartError};
pub use counters::Counters;
pub use handle::{Handle, Session};
pub use id::{ConnectionId, InvalidConnectionId};
pub use metrics::{Histogram, Population, ShardMetrics};
pub use server::Server;
/// What [`ShardMetrics`] says of the sockets.
pub use tsubame_udp::{ByPriority, DropReason, Dropped, ReceiveCounters, RunLengths, SendReport};
