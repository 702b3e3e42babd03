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

mod attribute;
mod candidate;
mod error;
mod feedback;
pub mod format;
mod fragment;
mod media;
mod parse;
mod secret;
mod session;
mod write;

pub use attribute::{
    Attribute, Bandwidth, BandwidthKind, ExtMap, FingerprintLine, FrameRate, Group, Msid,
    MsidSemantic, OtherLine, Rid, RidDirection, Rtcp, SctpMap, Setup, Simulcast, SimulcastId, Ssrc,
    SsrcGroup,
};
pub use candidate::{Candidate, CandidateError, CandidateKind};
pub use error::ParseError;
pub use feedback::Feedback;
pub use format::{Format, FormatError};
pub use fragment::Fragment;
pub use media::{Codec, Direction, Media, MediaKind};
pub use session::{Origin, SessionDescription};

/// Largest description the parser looks at, in bytes (128 KiB).
pub const MAX_LENGTH: usize = 128 * 1024;
/// Most lines, the empty ones included.
pub const MAX_LINES: usize = 16_384;
/// Longest `o=` and `c=` line, in bytes.
pub const MAX_ADDRESS_LINE: usize = 512;
/// Most media sections in one description.
pub const MAX_MEDIA: usize = 200;
/// Most `a=candidate` lines in one description, all levels together.
pub const MAX_CANDIDATES: usize = 100;
/// Longest [`Candidate`] in bytes, as it comes and as it is written, `candidate:` included.
pub const MAX_CANDIDATE_LENGTH: usize = 1024;
/// Most different synchronization sources described in one media section.
pub const MAX_SSRCS: usize = 64;
/// Most `a=rtcp-fb` values of one payload type, those of the wildcard included.
pub const MAX_FEEDBACK: usize = 16;
/// Longest `a=rtcp-fb` value in bytes: one for the wildcard is kept for each payload type.
pub const MAX_FEEDBACK_LENGTH: usize = 64;
