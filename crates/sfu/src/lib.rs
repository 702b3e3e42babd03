//! The SFU: it takes media from publishers and forwards it, still encoded, to their channel's subscribers.
//!
//! [`Server::start`] binds the media sockets and starts the shards; a [`Handle`] lets clients in. The core is pure (told the time, no
//! sockets); only the worker threads touch the network. See docs/architecture.md, "The life of one packet".

mod api;
mod channel;
mod config;
mod counters;
mod handle;
mod id;
mod keys;
mod limits;
mod media;
mod negotiate;
mod peer;
mod publication;
mod server;
mod shard;
mod sink;
mod subscription;
mod transport;
mod worker;

pub use api::{
    AudioSettings, CloseReason, Event, Join, JoinError, Joined, MediaKind, Mids, RequestError,
    Role, VideoCodec, VideoSettings,
};
pub use config::{Candidates, Config, StartError};
pub use handle::{Handle, Session};
pub use id::{ConnectionId, InvalidConnectionId};
pub use server::Server;
