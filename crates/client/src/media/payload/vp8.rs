//! VP8 (RFC 7741, RFC 6386).

use super::{MAX_HEADER, Part};

/// Descriptor, and where a frame begins its tag, start code and size; their length.
pub(super) fn header(
    part: Part,
    picture_id: u16,
    width: u16,
    height: u16,
    out: &mut [u8; MAX_HEADER],
) -> usize {
    // RFC 7741 §4.2: X, and S where a frame begins; then I; then M and 15 bits of picture id.
    let [high, low] = picture_id.to_be_bytes();
    out[..4].copy_from_slice(&[0x80 | u8::from(part.first) << 4, 0x80, 0x80 | high, low]);
    if !part.first {
        return 4;
    }
    // RFC 6386 §9.1: a plausible first partition of a quarter of the frame, in 19 bits.
    let first_partition = (part.left / 4).min((1 << 19) - 1) as u32;
    let show_frame = 1 << 4;
    let [t0, t1, t2, _] =
        (first_partition << 5 | show_frame | u32::from(!part.keyframe)).to_le_bytes();
    out[4..7].copy_from_slice(&[t0, t1, t2]);
    if !part.keyframe {
        return 7;
    }
    let [w0, w1] = (width & 0x3fff).to_le_bytes();
    let [h0, h1] = (height & 0x3fff).to_le_bytes();
    out[7..14].copy_from_slice(&[0x9d, 0x01, 0x2a, w0, w1, h0, h1]);
    14
}
