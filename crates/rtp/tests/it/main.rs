//! What the crate promises, seen from outside: against packets that browsers sent, against other implementations, and against
//! octets that nobody should send.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::panic,
    missing_docs,
    reason = "a test that panics is a test that failed"
)]

mod adversity;
mod browsers;
mod layers;
mod limits;
mod no_allocation;
mod peers_rtcp;
mod peers_rtp;
mod rewriting;
mod roundtrips;
mod support;
mod tshark;
