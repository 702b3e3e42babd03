//! H.264, constrained baseline, packetization mode 1 (RFC 6184).

use super::{MAX_HEADER, Part};

/// A STAP-A (§5.7.1) of a sequence parameter set (42e01f, 640 by 360) and a picture parameter set.
pub(super) const PARAMETER_SETS: [u8; 19] = [
    0x78, // F 0, NRI 3, type 24
    0, 10, 0x67, 0x42, 0xe0, 0x1f, 0xda, 0x02, 0x80, 0xbd, 0xe5, 0x40, //
    0, 4, 0x68, 0xce, 0x38, 0x80,
];

const FU_A: u8 = 28;
const IDR: u8 = 5;
const SLICE: u8 = 1;

/// One unit per frame: whole, or as FU-A (§5.8); the length of its headers.
pub(super) fn header(part: Part, out: &mut [u8; MAX_HEADER]) -> usize {
    let Part { keyframe, first, last, .. } = part;
    let kind = if keyframe { IDR } else { SLICE };
    let importance = 3 << 5;
    let len = if first && last {
        out[0] = importance | kind;
        1
    } else {
        out[0] = importance | FU_A;
        out[1] = u8::from(first) << 7 | u8::from(last) << 6 | kind;
        2
    };
    if !first {
        return len;
    }
    // The slice header: first_mb_in_slice 0, slice_type 7 (I) or 5 (P), as ue(v).
    out[len] = if keyframe { 0b1000_1000 } else { 0b1001_1000 };
    len + 1
}
