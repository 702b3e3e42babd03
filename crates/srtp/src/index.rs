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

    /// Appendix A decides by s_l below and from 0x8000; a distance of exactly 0x8000 goes its way.
    #[test]
    fn edges_of_the_half_range() {
        let roc = 7u64 << 16;
        for (last, sequence_number, expected) in [
            (0x0000, 0x0000, roc),
            (0x0000, 0x7fff, roc | 0x7fff),
            (0x0000, 0x8000, roc | 0x8000),
            (0x0000, 0x8001, roc - 0x7fff),
            (0x0000, 0xffff, roc - 1),
            (0x7fff, 0x0000, roc),
            (0x7fff, 0x8000, roc | 0x8000),
            (0x7fff, 0xffff, roc | 0xffff),
            (0x8000, 0x0000, roc),
            (0x8000, 0x7fff, roc | 0x7fff),
            (0x8000, 0xffff, roc | 0xffff),
            (0x8001, 0x0000, roc + 0x1_0000),
            (0x8001, 0x0001, roc | 1),
            (0xffff, 0x0000, roc + 0x1_0000),
            (0xffff, 0x7ffe, roc + 0x1_7ffe),
            (0xffff, 0x7fff, roc | 0x7fff),
            (0xffff, 0xffff, roc | 0xffff),
        ] {
            let estimated = estimate(Some(roc | last), sequence_number);
            assert_eq!(estimated, Estimate::Index(expected), "{last:#06x} {sequence_number:#06x}");
        }
    }

    /// The definition, for every sequence number: the index that ends in it and is closest.
    #[test]
    fn every_sequence_number_is_at_most_half_the_range_away() {
        let roc = 7u64 << 16;
        for last in [0, 1, 0x7ffe, 0x7fff, 0x8000, 0x8001, 0xfffe, 0xffff] {
            for sequence_number in 0..=u16::MAX {
                let highest = roc | last;
                let Estimate::Index(index) = estimate(Some(highest), sequence_number) else {
                    panic!("{highest} {sequence_number}");
                };
                assert_eq!(index as u16, sequence_number);
                assert!(index.abs_diff(highest) <= 0x8000, "{highest} {sequence_number}");
            }
        }
    }

    /// §3.3.1: the first packet of a stream has roll-over counter 0, however near to the wrap.
    #[test]
    fn the_first_packet_has_roll_over_counter_0() {
        for sequence_number in [0, 1, 0x7fff, 0x8000, 0xfffe, 0xffff] {
            let first = estimate(None, sequence_number);
            assert_eq!(first, Estimate::Index(sequence_number.into()));
        }
        assert_eq!(estimate(Some(0xfffe), 0xffff), Estimate::Index(0xffff));
        assert_eq!(estimate(Some(0xfffe), 0x0001), Estimate::Index(0x1_0001));
        assert_eq!(estimate(Some(0xffff), 0x7ffe), Estimate::Index(0x1_7ffe));
        // What would lie before index 0 is told apart from what wraps to 2^48 - 1.
        assert_eq!(estimate(Some(0x7ffe), 0xffff), Estimate::BeforeFirst);
        assert_eq!(estimate(Some(0x7fff), 0xffff), Estimate::Index(0xffff));
    }

    #[test]
    fn the_last_roll_over_counter_is_followed_by_none() {
        let end = INDEX_END;
        for last in [0x8001, 0xffff] {
            assert_eq!(estimate(Some(end - 0x1_0000 + last), 0), Estimate::PastLast);
        }
        assert_eq!(estimate(Some(end - 0x8000), 0), Estimate::Index(end - 0x1_0000));
        assert_eq!(estimate(Some(end - 0x1_0001), 0xffff), Estimate::Index(end - 0x1_0001));
        assert_eq!(estimate(Some(end - 0x1_0001), 0), Estimate::Index(end - 0x1_0000));
    }

    proptest! {
        #[test]
        fn finds_every_index_within_32767(highest in 40_000u64..INDEX_END - 40_000, distance in -32767i64..=32767) {
            let index = highest.checked_add_signed(distance).unwrap();
            prop_assert_eq!(estimate(Some(highest), index as u16), Estimate::Index(index));
        }
    }
}
