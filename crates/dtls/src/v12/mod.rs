//! DTLS 1.2 (RFC 6347). Everything that depends on the version is in here.

mod application;
mod client;
mod endpoint;
mod flight;
mod group;
mod handshake;
mod key_schedule;
mod message;
mod prf;
mod reassembly;
mod record;
mod replay;
mod server;
mod signature;
mod suite;

pub use group::NamedGroup;
pub use message::HandshakeType;
pub use suite::CipherSuite;

pub(crate) use endpoint::Endpoint;
pub(crate) use signature::{PublicKey, SignatureScheme};

#[cfg(test)]
pub(crate) mod tests;
