//! Handshakes with other implementations over 127.0.0.1: OpenSSL, GnuTLS, and dimpl in memory.
//!
//! What is compared is what both ends say: suite, group, SRTP profile, certificates and exported keys. Then data goes both
//! ways, and the end is announced.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod cases;
mod dimpl;
mod examples;
mod gnutls;
mod openssl;
mod peer;
mod program;
