//! Synthetic media: nothing to look at, but every header a server reads is real.

mod opus;
mod pacing;
mod payload;
mod stamp;
mod trace;
mod video;

use std::time::Instant;

use tsubame_rtp::{Codec, MediaKind, NtpTime};

pub(crate) use opus::OpusSource;
pub use pacing::Pacing;
pub(crate) use stamp::read_stamp;
pub use trace::{Trace, TraceError};
pub(crate) use video::{VideoSource, VideoSourceSettings};

/// Octets of payload in the largest packet that is published.
pub const MAX_PAYLOAD: usize = 1200;

/// A packet's worth of media, written into the caller's buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MediaPacket {
    /// Octets of payload.
    pub(crate) len: usize,
    /// In units of the codec's clock.
    pub(crate) timestamp: u32,
    /// The last of its frame (video).
    pub(crate) marker: bool,
    /// The first of its frame.
    pub(crate) frame_start: bool,
    /// It begins a keyframe.
    pub(crate) keyframe: bool,
}

/// Something to publish.
#[derive(Debug)]
pub(crate) enum Source {
    Opus(OpusSource),
    Video(VideoSource),
}

impl Source {
    pub(crate) fn codec(&self) -> Codec {
        match self {
            Self::Opus(_) => Codec::Opus,
            Self::Video(source) => source.codec(),
        }
    }

    pub(crate) fn kind(&self) -> MediaKind {
        self.codec().kind()
    }

    /// Begins at `now`, with a keyframe.
    pub(crate) fn start(&mut self, now: Instant) {
        match self {
            Self::Opus(source) => source.start(now),
            Self::Video(source) => source.start(now),
        }
    }

    /// When the next packet is due. `None` before [`start`](Self::start).
    pub(crate) fn due(&self) -> Option<Instant> {
        match self {
            Self::Opus(source) => source.due(),
            Self::Video(source) => source.due(),
        }
    }

    /// The next packet, if one is due. `out` has at least [`MAX_PAYLOAD`] octets.
    pub(crate) fn next_packet(
        &mut self,
        now: Instant,
        ntp: NtpTime,
        out: &mut [u8],
    ) -> Option<MediaPacket> {
        match self {
            Self::Opus(source) => source.next_packet(now, ntp, out),
            Self::Video(source) => source.next_packet(now, ntp, out),
        }
    }

    /// The next frame is to be a keyframe.
    pub(crate) fn request_keyframe(&mut self) {
        if let Self::Video(source) = self {
            source.request_keyframe();
        }
    }

    /// The timestamp that media of this moment would have.
    pub(crate) fn timestamp_at(&self, now: Instant) -> u32 {
        match self {
            Self::Opus(source) => source.timestamp_at(now),
            Self::Video(source) => source.timestamp_at(now),
        }
    }
}

/// Units of a clock of `rate` per second since `origin`, modulo 2^32.
fn clock_units(now: Instant, origin: Instant, rate: u32) -> u32 {
    let nanos = now.saturating_duration_since(origin).as_nanos();
    let units = nanos * u128::from(rate) / 1_000_000_000;
    // The low 32 bits are what a timestamp is.
    (units & 0xffff_ffff) as u32
}
