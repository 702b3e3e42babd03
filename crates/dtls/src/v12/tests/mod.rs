//! Peers that break the protocol on purpose: scripts on this crate's own messages and records.

mod client_certificates;
mod fail_at_once;
mod hostile_client;
mod hostile_server;
mod identities;
pub(crate) mod script;
mod use_srtp;
pub(crate) mod work;
mod wycheproof;
