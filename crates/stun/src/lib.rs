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

pub mod attribute;
mod builder;
mod bytes;
mod fingerprint;
mod hmac;
pub mod ice;
mod integrity;
mod key;
mod message;
mod method;
pub mod turn;

pub use attribute::{Attribute, AttributeType, Attributes};
pub use builder::{BuildError, MessageBuilder};
pub use fingerprint::FingerprintError;
pub use integrity::{IntegrityAlgorithm, IntegrityError, IntegrityKey};
pub use key::{LongTermKey, long_term_key, userhash};
pub use message::{Message, ParseError, TransactionId, is_stun};
pub use method::{Class, Method};
