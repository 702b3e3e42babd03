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
        clippy::panic,
        reason = "a test that panics is a test that failed"
    ),
    allow(clippy::unusual_byte_groupings, reason = "bits are grouped as the fields they fill")
)]

mod bytes;
pub mod codec;
mod demultiplex;
pub mod extension;
mod header_writer;
mod ntp;
mod packet;
mod packet_mut;
mod reception_statistics;
pub mod rtcp;
pub mod rtx;
mod sequence;

pub use codec::{Codec, FrameInfo, MediaKind};
pub use demultiplex::{is_rtcp, is_rtp_or_rtcp};
pub use header_writer::{ExtensionError, Header, HeaderWriter, pad};
pub use ntp::NtpTime;
pub use packet::{Csrcs, Packet, ParseError};
pub use packet_mut::PacketMut;
pub use reception_statistics::ReceptionStatistics;
pub use sequence::SequenceExtender;
