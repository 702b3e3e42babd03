#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::panic
)]

#[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
compile_error!(
    "tsubame-dtls needs somebody's cryptography: leave its default feature `aws-lc-rs` on, or ask for its feature `ring`"
);

mod alert;
mod config;
mod connection;
mod counters;
mod crypto;
mod error;
mod fingerprint;
mod identity;
mod session;
mod srtp;
mod v12;
mod wire;

pub use alert::AlertDescription;
pub use config::{ClientCertificate, Config, Role, UnauthenticatedErrors};
pub use connection::{Connection, Event, ExportError, SendError};
pub use counters::Counters;
pub use error::{ApiMisuse, Environment, Error, PeerIncompatible, PeerMisbehaved};
pub use fingerprint::{Fingerprint, FingerprintParseError, HashAlgorithm};
pub use identity::{Identity, IdentityError};
pub use session::{Session, TicketKey};
pub use srtp::{KeyingError, SrtpKeys, SrtpProfile};
pub use v12::{CipherSuite, HandshakeType, NamedGroup};

/// Whether a datagram belongs to DTLS when it shares its port with STUN and SRTP: its first byte is in 20..=63
/// (RFC 7983 §7).
pub fn is_dtls(datagram: &[u8]) -> bool {
    matches!(datagram.first(), Some(20..=63))
}
