#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod client;
mod config;
mod driver;
mod error;
mod media;
pub mod peer;
mod receive;
mod send;
mod signaling;
mod stats;
mod stream;
pub mod swarm;
mod whip;

pub use client::{Client, ClientEvent};
pub use config::{ClientConfig, Generation, Role};
pub use error::ClientError;
pub use media::{MAX_PAYLOAD, Pacing, Trace, TraceError};
pub use signaling::{Close, SignalingSeen};
pub use stats::{Delay, MediaKind, SentStats, Stats, TrackStats};

// What a configuration and the statistics are made of.
pub use tsubame_dtls::{Identity, SrtpProfile};
pub use tsubame_rtp::Codec;
