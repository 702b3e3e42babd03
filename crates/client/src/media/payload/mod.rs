//! The headers of video payloads: what a server reads, and nothing that could be decoded.

mod av1;
mod h264;
mod vp8;
mod vp9;

use tsubame_rtp::Codec;

/// No codec's headers take more octets of a packet.
pub(super) const MAX_HEADER: usize = 16;

/// A packet of a frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    /// The frame is a keyframe.
    pub(super) keyframe: bool,
    /// The frame begins here.
    pub(super) first: bool,
    /// The frame ends here.
    pub(super) last: bool,
    /// Octets of the frame from here on.
    pub(super) left: usize,
}

/// Writes the headers of one stream.
#[derive(Debug)]
pub(super) struct Payloads {
    format: Format,
    width: u16,
    height: u16,
    /// 15 bits.
    picture_id: u16,
}

#[derive(Clone, Copy, Debug)]
enum Format {
    Vp8,
    Vp9,
    H264,
    Av1,
}

impl Payloads {
    pub(super) fn new(codec: Codec, width: u16, height: u16, picture_id: u16) -> Option<Self> {
        let format = match codec {
            Codec::Vp8 => Format::Vp8,
            Codec::Vp9 => Format::Vp9,
            Codec::H264 => Format::H264,
            Codec::Av1 => Format::Av1,
            Codec::Opus | Codec::H265 => return None,
        };
        Some(Self { format, width, height, picture_id: picture_id & 0x7fff })
    }

    pub(super) fn codec(&self) -> Codec {
        match self.format {
            Format::Vp8 => Codec::Vp8,
            Format::Vp9 => Codec::Vp9,
            Format::H264 => Codec::H264,
            Format::Av1 => Codec::Av1,
        }
    }

    /// Whether a packet of parameter sets goes before the frame.
    pub(super) fn has_parameter_sets(&self, keyframe: bool) -> bool {
        keyframe && matches!(self.format, Format::H264)
    }

    /// The packet of parameter sets; its length.
    pub(super) fn write_parameter_sets(&self, out: &mut [u8]) -> Option<usize> {
        let sets = h264::PARAMETER_SETS;
        out.get_mut(..sets.len())?.copy_from_slice(&sets);
        Some(sets.len())
    }

    /// Writes the headers in front and gives what is left of `payload`, which has at least
    /// [`MAX_HEADER`] octets.
    pub(super) fn write_header<'p>(&self, part: Part, payload: &'p mut [u8]) -> &'p mut [u8] {
        let mut header = [0; MAX_HEADER];
        let len = match self.format {
            Format::Vp8 => vp8::header(part, self.picture_id, self.width, self.height, &mut header),
            Format::Vp9 => vp9::header(part, self.picture_id, &mut header),
            Format::H264 => h264::header(part, &mut header),
            Format::Av1 => av1::header(part, &mut header),
        };
        let (to, rest) = payload.split_at_mut(len);
        to.copy_from_slice(&header[..len]);
        rest
    }

    pub(super) fn next_picture(&mut self) {
        self.picture_id = (self.picture_id + 1) & 0x7fff;
    }
}
