//! The SFU: it takes media from publishers and forwards it, still encoded, to their channel's subscribers.
//!
//! [`Server::start`] binds the media sockets and starts the shards; a [`Handle`] lets clients in. The core is pure (told the time, no
//! sockets); only [`worker`](self) threads touch the network. See docs/architecture.md, "The life of one packet".

mod api;
mod handle;
mod id;

pub use api::{
    AudioSettings, CloseReason, Event, Join, JoinError, Joined, MediaKind, Mids, RequestError,
    Role, VideoCodec, VideoSettings,
};
pub use handle::{Handle, Session};
pub use id::{ConnectionId, InvalidConnectionId};
