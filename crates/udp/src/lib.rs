#![doc = include_str!("../README.md")]
#![cfg(target_os = "linux")]
#![allow(
    unsafe_code,
    reason = "recvmmsg, sendmmsg, most socket options and prefetching have no safe interface; this is the one crate that may use them"
)]
#![deny(unsafe_op_in_unsafe_fn, missing_docs, clippy::undocumented_unsafe_blocks)]

mod address;
mod buffers;
mod control;
mod ecn;
mod flush;
mod gro;
mod gso;
mod overflow;
mod pktinfo;
mod prefetch;
mod priority;
mod recvmmsg;
mod report;
mod reuseport;
mod run;
mod send_batch;
mod sendmmsg;
mod socket;
mod steering;
mod sys;
mod timestamp;
mod waiting;

pub use buffers::{BufferGrant, Buffers};
pub use gso::{MAX_RUN_BYTES, MAX_RUN_DATAGRAMS};
pub use prefetch::prefetch;
pub use priority::{ByPriority, Priority};
pub use recvmmsg::{Datagram, MAX_DATAGRAM, ReceiveBatch, ReceiveCounters};
pub use report::{DropReason, Dropped, RunLengths, SendReport};
pub use reuseport::bind_shards;
pub use send_batch::SendBatch;
pub use socket::{BindOptions, Features, Socket};
pub use steering::{Lanes, bind_lanes};
