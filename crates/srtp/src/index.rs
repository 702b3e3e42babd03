//! From the 16 bits on the wire to the 48-bit packet index (RFC 3711 §3.3.1, appendix A).

/// One more than the largest packet index.
pub(crate) const INDEX_END: u64 = 1 << 48;

/// The index of a packet with `sequence_number`, given the highest authenticated index so far.
///
/// It is the index closest to `highest`. `None` when that lies below zero (a packet from before
/// the first one we know: its roll-over counter cannot be known) or past 2^48 - 1.
pub(crate) fn estimate(highest: Option<u64>, sequence_number: u16) -> Estimate {
    let sequence_number = u64::from(sequence_number);
    let Some(highest) = highest else { return Estimate::Index(sequence_number) };
    let (roc, last) = (highest >> 16, highest & 0xffff);
    // Appendix A, with s_l = `last`.
    let roc = if last < 0x8000 {
        if sequence_number > last + 0x8000 { roc.checked_sub(1) } else { Some(roc) }
    } else if last - 0x8000 > sequence_number {
        Some(roc + 1)
    } else {
        Some(roc)
    };
    match roc {
        None => Estimate::BeforeFirst,
        Some(roc) if roc << 16 >= INDEX_END => Estimate::PastLast,
        Some(roc) => Estimate::Index(roc << 16 | sequence_number),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Estimate {
    Index(u64),
    BeforeFirst,
    PastLast,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn follows_wraparounds_both_ways() {
        assert_eq!(estimate(None, 65535), Estimate::Index(65535));
        assert_eq!(estimate(Some(65535), 0), Estimate::Index(65536));
        assert_eq!(estimate(Some(65536), 65535), Estimate::Index(65535));
        assert_eq!(estimate(Some(0), 65535), Estimate::BeforeFirst);
        assert_eq!(estimate(Some(INDEX_END - 1), 0), Estimate::PastLast);
        assert_eq!(estimate(Some(INDEX_END - 1), 65534), Estimate::Index(INDEX_END - 2));
    }

    proptest! {
        #[test]
        fn finds_every_index_within_32767(highest in 40_000u64..INDEX_END - 40_000, distance in -32767i64..=32767) {
            let index = highest.checked_add_signed(distance).unwrap();
            prop_assert_eq!(estimate(Some(highest), index as u16), Estimate::Index(index));
        }
    }
}
