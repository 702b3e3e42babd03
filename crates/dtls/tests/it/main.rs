//! Whole handshakes in memory under virtual time, and against OpenSSL.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // tests fail by panicking

mod adversity;
mod bit_flips;
mod handshake;
mod openssl;
mod support;
