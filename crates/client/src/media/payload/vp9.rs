//! VP9, profile 0, without layers and not in flexible mode (RFC 9628).

use super::{MAX_HEADER, Part};

/// Descriptor, and where a frame begins the beginning of its header; their length.
pub(super) fn header(part: Part, picture_id: u16, out: &mut [u8; MAX_HEADER]) -> usize {
    // RFC 9628 §4.2: I, P, B, E; then M and 15 bits of picture id.
    let first =
        0x80 | u8::from(!part.keyframe) << 6 | u8::from(part.first) << 3 | u8::from(part.last) << 2;
    let [high, low] = picture_id.to_be_bytes();
    out[..3].copy_from_slice(&[first, 0x80 | high, low]);
    if !part.first {
        return 3;
    }
    // The uncompressed header: frame marker, profile 0, frame type, show_frame; a keyframe's sync code.
    if !part.keyframe {
        out[3] = 0b1000_0110;
        return 4;
    }
    out[3..7].copy_from_slice(&[0b1000_0010, 0x49, 0x83, 0x42]);
    7
}
