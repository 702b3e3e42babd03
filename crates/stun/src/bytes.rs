//! Bounds-checked reads and writes of big-endian integers.

/// The `N` octets at `offset`, if they are all there.
pub(crate) fn array_at<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..)?.first_chunk::<N>().copied()
}

/// The big-endian 16-bit integer at `offset`.
pub(crate) fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    array_at(bytes, offset).map(u16::from_be_bytes)
}

/// The big-endian 32-bit integer that is all of `bytes`.
pub(crate) fn exact_u32(bytes: &[u8]) -> Option<u32> {
    bytes.try_into().ok().map(u32::from_be_bytes)
}

/// The big-endian 64-bit integer that is all of `bytes`.
pub(crate) fn exact_u64(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_be_bytes)
}

/// `length` rounded up to the 32-bit boundary on which every attribute ends (RFC 8489 §14).
pub(crate) fn padded(length: usize) -> usize {
    length.next_multiple_of(4)
}
