//! The WebSocket and HTTP face of Tsubame.
//!
//! One endpoint, `/signaling`, speaks both generations of the Sora signaling protocol; the page is at `/`, the HTTP API on a listener of its own. A
//! [`Server`] holds an [`sfu::Handle`](tsubame_sfu::Handle), never a packet.
//!
//! The life of a client: `listener` accepts it and counts it half-open (`admission`), `http` finds its path, `socket` pumps its WebSocket within
//! [`Limits`], `dialect` translates between the generations and one vocabulary (`request`), `session` decides what each message leads to, [`Auth`]
//! lets it in, and `registry` tells its channel.

mod admission;
mod app;
mod auth;
mod clock;
mod close;
mod dialect;
mod http;
mod json;
mod limits;
mod linger;
mod listener;
mod notify;
mod outbox;
mod registry;
mod request;
mod server;
mod session;
mod socket;
mod tls;

pub use auth::{AccessToken, Auth, InvalidUrl, TokenTooShort, Webhook};
pub use limits::Limits;
pub use server::{Addresses, BindError, Config, Listeners, Server};
pub use tls::{TlsError, TlsIdentity};
