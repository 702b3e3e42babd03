//! What the fuzz targets do, one module each: a function of octets that panics when something is wrong.
//!
//! `fuzz_targets/` makes a libFuzzer binary of each, `tests/replay.rs` runs all of them over their corpora. See
//! docs/fuzzing.md.

#![forbid(unsafe_code)]

#[cfg(not(tsubame_fuzzing))]
compile_error!(
    "this needs RUSTFLAGS='--cfg tsubame_fuzzing', or to be built in fuzz/ without RUSTFLAGS: see docs/fuzzing.md"
);

mod dtls;
mod dtls_pair;
mod input;

/// Declares the targets, and lists them.
macro_rules! targets {
    ($($name:ident)*) => {
        $(pub mod $name;)*

        /// Every target: its name, and what it does with octets.
        pub const TARGETS: &[(&str, fn(&[u8]))] = &[$((stringify!($name), $name::run)),*];
    };
}

targets! {
    stun_message
    stun_builder
    stun_turn
    ice_candidate
    ice_lite
    ice_controlling
    ice_pair
    dtls_message
    dtls_connection
    dtls_handshake
    dtls_records
    srtp_unprotect
    srtp_session
    rtp_packet
    rtp_header
    rtp_rewrite
    rtp_extension
    rtp_codec
    rtp_statistics
    rtcp_compound
    rtcp_writer
    sdp_session
    sfu_media
    sfu_shard
}
