//! Generic NACK (RFC 4585 §6.2.1).

use super::feedback::FeedbackHeader;
use super::{Full, Writer, format, packet_type};
use crate::bytes::{Cursor, Reader};

/// Packets that a receiver misses.
#[derive(Clone, Copy, Debug)]
pub struct Nack<'a> {
    header: FeedbackHeader,
    pairs: &'a [u8],
}

impl<'a> Nack<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        let header = FeedbackHeader::read(&mut reader)?;
        let pairs = reader.rest();
        // §6.2.1: at least one entry of four octets.
        (!pairs.is_empty() && pairs.len().is_multiple_of(4)).then_some(Self { header, pairs })
    }

    /// Who asks.
    #[must_use]
    pub const fn sender_ssrc(&self) -> u32 {
        self.header.sender_ssrc
    }

    /// The stream it asks for.
    #[must_use]
    pub const fn media_ssrc(&self) -> u32 {
        self.header.media_ssrc
    }

    /// The entries: (PID, BLP).
    #[must_use]
    pub const fn pairs(&self) -> NackPairs<'a> {
        NackPairs(self.pairs)
    }

    /// Every sequence number asked for, in the order of the packet: at most 17 for each entry.
    #[must_use]
    pub const fn sequence_numbers(&self) -> NackSequenceNumbers<'a> {
        NackSequenceNumbers { pairs: self.pairs(), next: 0, mask: 0 }
    }
}

/// Iterator over the entries of a NACK: (PID, BLP).
#[derive(Clone, Debug)]
pub struct NackPairs<'a>(&'a [u8]);

impl Iterator for NackPairs<'_> {
    type Item = (u16, u16);

    fn next(&mut self) -> Option<(u16, u16)> {
        let ([p0, p1, b0, b1], rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some((u16::from_be_bytes([*p0, *p1]), u16::from_be_bytes([*b0, *b1])))
    }
}

/// Iterator over the sequence numbers of a NACK.
#[derive(Clone, Debug)]
pub struct NackSequenceNumbers<'a> {
    pairs: NackPairs<'a>,
    /// The number that the lowest bit of `mask` stands for.
    next: u16,
    mask: u32,
}

impl Iterator for NackSequenceNumbers<'_> {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        if self.mask == 0 {
            let (pid, blp) = self.pairs.next()?;
            // Bit i of BLP is PID + i + 1 (modulo 2^16); PID itself is always missing.
            self.next = pid;
            self.mask = u32::from(blp) << 1 | 1;
        }
        let zeros = self.mask.trailing_zeros();
        let number = self.next.wrapping_add(u16::try_from(zeros).unwrap_or(0));
        self.next = number.wrapping_add(1);
        self.mask = self.mask >> zeros >> 1;
        Some(number)
    }
}

impl Writer<'_> {
    /// Appends a NACK of these sequence numbers, in ascending order (modulo 2^16) so that neighbours share an
    /// entry. Writes nothing when there are none.
    ///
    /// # Errors
    ///
    /// [`Full`]; nothing was written then.
    pub fn nack(
        &mut self,
        sender_ssrc: u32,
        media_ssrc: u32,
        sequence_numbers: impl IntoIterator<Item = u16>,
    ) -> Result<(), Full> {
        let mut numbers = sequence_numbers.into_iter().peekable();
        if numbers.peek().is_none() {
            return Ok(());
        }
        self.packet(format::NACK, packet_type::TRANSPORT_FEEDBACK, |body| {
            FeedbackHeader { sender_ssrc, media_ssrc }.write(body)?;
            while let Some(pid) = numbers.next() {
                let mut blp = 0;
                while let Some(number) = numbers.next_if(|number| number.wrapping_sub(pid) <= 16) {
                    // A number given twice shifts out.
                    blp |= (1_u32 << number.wrapping_sub(pid)) >> 1;
                }
                write_pair(body, pid, blp)?;
            }
            Some(())
        })
    }
}

/// `blp` has 16 bits.
fn write_pair(body: &mut Cursor<'_>, pid: u16, blp: u32) -> Option<()> {
    body.u32(u32::from(pid) << 16 | blp)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::rtcp::tests::{one, written};
    use crate::rtcp::{Packet, packets};

    /// PID 65,534 with BLP bits 0 (65,535), 2 (1) and 15 (14); PID 100 alone.
    const GOLDEN: &[u8] =
        &[0x81, 205, 0, 4, 0, 0, 0, 1, 0, 0, 0, 2, 0xff, 0xfe, 0x80, 0x05, 0, 100, 0, 0];

    #[test]
    fn the_golden_packet() {
        let Packet::Nack(nack) = one(GOLDEN) else { panic!("not a NACK") };
        assert_eq!((nack.sender_ssrc(), nack.media_ssrc()), (1, 2));
        assert_eq!(nack.pairs().collect::<Vec<_>>(), [(0xfffe, 0x8005), (100, 0)]);
        let numbers: Vec<_> = nack.sequence_numbers().collect();
        assert_eq!(numbers, [65_534, 65_535, 1, 14, 100]);
        assert_eq!(written(|writer| writer.nack(1, 2, numbers)), GOLDEN);
    }

    #[test]
    fn sixteen_after_the_first_share_its_entry_and_seventeen_do_not() {
        let bytes = written(|writer| writer.nack(1, 2, 0..=17));
        let Packet::Nack(nack) = one(&bytes) else { panic!("not a NACK") };
        assert_eq!(nack.pairs().collect::<Vec<_>>(), [(0, 0xffff), (17, 0)]);
        assert_eq!(nack.sequence_numbers().collect::<Vec<_>>(), (0..=17).collect::<Vec<_>>());
    }

    #[test]
    fn no_numbers_are_no_packet() {
        assert_eq!(written(|writer| writer.nack(1, 2, [])), []);
        let empty = [0x81, 205, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2];
        assert!(packets(&empty).next().unwrap().is_err());
    }

    #[test]
    fn what_does_not_fit_is_not_written() {
        let mut out = [0; 19];
        let mut writer = Writer::new(&mut out);
        assert_eq!(writer.nack(1, 2, [1, 100]), Err(Full));
        assert!(writer.is_empty());
    }

    proptest! {
        #[test]
        fn what_was_asked_is_read(start: u16, offsets in proptest::collection::btree_set(0u16..2000, 1..100)) {
            let numbers: Vec<u16> = offsets.iter().map(|offset| start.wrapping_add(*offset)).collect();
            let bytes = written(|writer| writer.nack(1, 2, numbers.iter().copied()));
            let Packet::Nack(nack) = one(&bytes) else { panic!("not a NACK") };
            prop_assert_eq!(nack.sequence_numbers().collect::<Vec<_>>(), numbers);
        }

        #[test]
        fn the_order_does_not_matter_for_what_is_asked(numbers in proptest::collection::vec(any::<u16>(), 1..100)) {
            let bytes = written(|writer| writer.nack(1, 2, numbers.iter().copied()));
            let Packet::Nack(nack) = one(&bytes) else { panic!("not a NACK") };
            let asked: BTreeSet<u16> = nack.sequence_numbers().collect();
            prop_assert_eq!(asked, numbers.into_iter().collect::<BTreeSet<_>>());
        }
    }
}
