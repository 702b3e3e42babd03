//! Whole handshakes in memory under virtual time.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod adversity;
mod application_data;
mod bit_flips;
mod configuration;
mod fingerprints;
mod fragmentation;
mod golden;
mod handshake;
mod identities;
mod injection;
mod nonces;
mod replay;
mod resumption;
mod support;
