//! AV1 without layers (RTP Payload Format For AV1): a temporal unit is one frame OBU, and before a keyframe's a sequence header.

use super::{MAX_HEADER, Part};

/// A sequence header OBU without size field: type 1, profile 0.
const SEQUENCE_HEADER: [u8; 11] =
    [0x08, 0x00, 0x00, 0x00, 0x24, 0xcf, 0x7f, 0x0d, 0xbf, 0xff, 0x30];
/// The header of a frame OBU without size field: type 6.
const FRAME: u8 = 0x30;

/// Aggregation header, and where a frame begins its OBU headers; their length.
pub(super) fn header(part: Part, out: &mut [u8; MAX_HEADER]) -> usize {
    // Section 4.4: Z, Y, two bits of W, N.
    let continuation = u8::from(!part.first) << 7 | u8::from(!part.last) << 6;
    if !part.first {
        out[0] = continuation | 1 << 4;
        return 1;
    }
    if !part.keyframe {
        // The frame header that follows: shown, an inter frame.
        out[..3].copy_from_slice(&[continuation | 1 << 4, FRAME, 0b0011_0000]);
        return 3;
    }
    out[..2].copy_from_slice(&[continuation | 2 << 4 | 1 << 3, SEQUENCE_HEADER.len() as u8]);
    out[2..13].copy_from_slice(&SEQUENCE_HEADER);
    // Shown, a keyframe.
    out[13..15].copy_from_slice(&[FRAME, 0b0001_0000]);
    15
}
