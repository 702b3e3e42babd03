//! The audio levels of a mixer's contributing sources (RFC 6465 §3).

/// What SDP calls it.
pub const URI: &str = "urn:ietf:params:rtp-hdrext:csrc-audio-level";

/// Most contributing sources of a packet.
pub const MAX_LEVELS: usize = 15;

/// The levels in -dBov, 0 (loudest) to 127 (silence), in the order of the packet's CSRC list. `None` for an element
/// without levels or with more than 15; the highest bit of each octet is reserved and ignored.
#[must_use]
pub fn read(data: &[u8]) -> Option<impl ExactSizeIterator<Item = u8> + Clone + use<'_>> {
    (1..=MAX_LEVELS).contains(&data.len()).then(|| data.iter().map(|octet| octet & 0x7f))
}

/// Writes the element's data into `out` and gives the part that was written: an octet for each level, one above 127
/// as 127. `None` when there is no level or more than 15.
pub fn encode<'o>(levels: &[u8], out: &'o mut [u8; MAX_LEVELS]) -> Option<&'o [u8]> {
    let target = out.get_mut(..levels.len()).filter(|target| !target.is_empty())?;
    target.iter_mut().zip(levels).for_each(|(octet, level)| *octet = (*level).min(127));
    Some(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_both_ways() {
        let mut out = [0xff; MAX_LEVELS];
        let data = encode(&[0, 42, 127, 200], &mut out).unwrap();
        assert_eq!(data, [0, 42, 127, 127]);
        assert_eq!(read(data).unwrap().collect::<Vec<_>>(), [0, 42, 127, 127]);
        assert_eq!(read(&[0x80]).unwrap().collect::<Vec<_>>(), [0], "the reserved bit");
    }

    #[test]
    fn none_and_sixteen_are_refused() {
        assert!(read(&[]).is_none() && read(&[0; 16]).is_none());
        assert_eq!(read(&[1; 15]).unwrap().len(), 15);
        let mut out = [0; MAX_LEVELS];
        assert!(encode(&[], &mut out).is_none() && encode(&[0; 16], &mut out).is_none());
        assert_eq!(encode(&[1; 15], &mut out).unwrap(), [1; 15]);
    }
}
