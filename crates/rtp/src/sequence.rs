//! From 16-bit sequence numbers to ones that do not wrap (RFC 3550 appendix A.1).

/// Extends the sequence numbers of one stream to 64 bits.
///
/// Each number is taken as the one nearest to the highest so far, so packets may come late or be lost by
/// up to 32,767. The first number `s` becomes `ORIGIN + s`: below it is room for packets that
/// were sent before the first that arrived, and the low 32 bits are RFC 3550's "extended highest sequence
/// number" with zero cycles.
#[derive(Clone, Copy, Debug, Default)]
pub struct SequenceExtender {
    highest: Option<u64>,
}

impl SequenceExtender {
    /// What cycle 0 begins with.
    pub const ORIGIN: u64 = 1 << 32;

    /// An extender that has seen nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self { highest: None }
    }

    /// The extended number of a packet that just arrived; moves the highest forward.
    pub fn extend(&mut self, sequence_number: u16) -> u64 {
        let Some(highest) = self.highest else {
            let first = Self::ORIGIN + u64::from(sequence_number);
            self.highest = Some(first);
            return first;
        };
        let extended = nearest(highest, sequence_number);
        self.highest = Some(highest.max(extended));
        extended
    }

    /// The extended form of a number that a report or a NACK names: the nearest to the highest so far.
    /// `None` before the first packet. Moves nothing.
    #[must_use]
    pub fn peek(&self, sequence_number: u16) -> Option<u64> {
        self.highest.map(|highest| nearest(highest, sequence_number))
    }

    /// The highest extended number so far.
    #[must_use]
    pub const fn highest(&self) -> Option<u64> {
        self.highest
    }
}

fn nearest(highest: u64, sequence_number: u16) -> u64 {
    let distance = sequence_number.wrapping_sub(crate::bytes::low16(highest)).cast_signed();
    highest.saturating_add_signed(i64::from(distance))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const O: u64 = SequenceExtender::ORIGIN;

    #[test]
    fn wraps_and_reorders() {
        let mut extender = SequenceExtender::new();
        assert_eq!(extender.peek(1), None);
        assert_eq!(extender.extend(65_534), O + 65_534);
        assert_eq!(extender.extend(1), O + 65_537);
        assert_eq!(extender.extend(65_535), O + 65_535, "late, from before the wrap");
        assert_eq!(extender.extend(0), O + 65_536);
        assert_eq!(extender.highest(), Some(O + 65_537));
        assert_eq!(extender.peek(65_533), Some(O + 65_533));
        assert_eq!(extender.highest(), Some(O + 65_537));
    }

    #[test]
    fn a_packet_from_before_the_first_one_lies_below_it() {
        let mut extender = SequenceExtender::new();
        assert_eq!(extender.extend(0), O);
        assert_eq!(extender.extend(65_535), O - 1);
        assert_eq!(extender.extend(1), O + 1);
    }

    proptest! {
        #[test]
        fn any_walk_with_steps_below_half_the_space_is_followed(
            start: u16,
            steps in proptest::collection::vec(1u64..32_768, 0..200),
        ) {
            let mut extender = SequenceExtender::new();
            let mut truth = O + u64::from(start);
            prop_assert_eq!(extender.extend(start), truth);
            for step in steps {
                truth += step;
                prop_assert_eq!(extender.extend(truth as u16), truth);
            }
        }
    }
}
