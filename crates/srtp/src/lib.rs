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
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::cast_possible_truncation,
        clippy::panic
    )
)]

#[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
compile_error!(
    "tsubame-srtp needs somebody's AES-GCM: leave its default feature `aws-lc-rs` on, or ask for its feature `ring`"
);

mod cipher;
mod cryptex;
mod derivation;
mod error;
mod index;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod internals;
mod packet;
mod profile;
mod protector;
mod recent;
mod session_keys;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]
mod testing;
mod unprotector;
mod used;
mod window;

pub use error::{KeyError, ProtectError, UnprotectError};
pub use profile::Profile;
pub use protector::Protector;
pub use recent::MAX_INCOMING_SSRCS;
pub use unprotector::{UnprotectedRtp, Unprotector};
pub use used::MAX_OUTGOING_SSRCS;
pub use window::WindowSize;
