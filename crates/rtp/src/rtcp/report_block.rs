//! Report blocks of sender and receiver reports (RFC 3550 §6.4.1).

use crate::bytes::{Cursor, Reader};

/// What a receiver says about one source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportBlock {
    /// The source.
    pub ssrc: u32,
    /// Share of packets lost since the last report, in 1/256.
    pub fraction_lost: u8,
    /// Packets lost since the beginning, 24 bits signed.
    pub cumulative_lost: i32,
    /// Highest sequence number in the low 16 bits, its cycles above them.
    pub extended_highest_sequence_number: u32,
    /// Interarrival jitter in timestamp units.
    pub jitter: u32,
    /// LSR: compact NTP time of the source's last sender report, 0 when there was none.
    pub last_sender_report: u32,
    /// DLSR: from its arrival to this report, in 1/65,536 s.
    pub delay_since_last_sender_report: u32,
}

impl ReportBlock {
    const LEN: usize = 24;

    fn read(bytes: &[u8; Self::LEN]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        Some(Self {
            ssrc: reader.u32()?,
            fraction_lost: reader.u8()?,
            // 24 bits: move the sign bit to the top and back.
            cumulative_lost: (reader.u24()? << 8).cast_signed() >> 8,
            extended_highest_sequence_number: reader.u32()?,
            jitter: reader.u32()?,
            last_sender_report: reader.u32()?,
            delay_since_last_sender_report: reader.u32()?,
        })
    }

    fn write(&self, cursor: &mut Cursor<'_>) -> Option<()> {
        let lost = self.cumulative_lost.clamp(-0x80_0000, 0x7f_ffff);
        cursor.u32(self.ssrc)?;
        cursor.u8(self.fraction_lost)?;
        cursor.u24(lost.cast_unsigned())?;
        cursor.u32(self.extended_highest_sequence_number)?;
        cursor.u32(self.jitter)?;
        cursor.u32(self.last_sender_report)?;
        cursor.u32(self.delay_since_last_sender_report)
    }

    /// The round trip that this block measures, in 1/65,536 s: `now` is the compact NTP time of its
    /// arrival by the clock that stamped the sender report (RFC 3550 §6.4.1, figure 2). `None` when the
    /// receiver had no sender report yet, or when the times make no sense (more than 18 hours, or negative).
    #[must_use]
    pub fn round_trip(&self, now: u32) -> Option<u32> {
        if self.last_sender_report == 0 {
            return None;
        }
        let round_trip = now
            .wrapping_sub(self.last_sender_report)
            .wrapping_sub(self.delay_since_last_sender_report);
        (round_trip.cast_signed() >= 0).then_some(round_trip)
    }
}

/// The report blocks of a packet, at most 31; iterate over a copy to keep it.
#[derive(Clone, Copy, Debug)]
pub struct ReportBlocks<'a>(&'a [u8]);

impl<'a> ReportBlocks<'a> {
    /// Takes `count` blocks off the reader.
    pub(super) fn parse(count: u8, reader: &mut Reader<'a>) -> Option<Self> {
        reader.take(usize::from(count) * ReportBlock::LEN).map(Self)
    }
}

impl Iterator for ReportBlocks<'_> {
    type Item = ReportBlock;

    fn next(&mut self) -> Option<ReportBlock> {
        let (head, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        ReportBlock::read(head)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let len = self.0.len() / ReportBlock::LEN;
        (len, Some(len))
    }
}

impl ExactSizeIterator for ReportBlocks<'_> {}

/// The count field for these blocks; 31 at most.
pub(super) fn count(blocks: &[ReportBlock]) -> Option<u8> {
    u8::try_from(blocks.len()).ok().filter(|count| *count <= 31)
}

pub(super) fn write_all(blocks: &[ReportBlock], cursor: &mut Cursor<'_>) -> Option<()> {
    blocks.iter().try_for_each(|block| block.write(cursor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_is_signed_and_clamped() {
        for (lost, expected) in
            [(-1, -1), (0x7f_ffff, 0x7f_ffff), (i32::MAX, 0x7f_ffff), (i32::MIN, -0x80_0000)]
        {
            let block = ReportBlock { cumulative_lost: lost, ..Default::default() };
            let mut out = [0; ReportBlock::LEN];
            block.write(&mut Cursor::new(&mut out)).unwrap();
            assert_eq!(ReportBlock::read(&out).unwrap().cumulative_lost, expected);
        }
    }

    /// RFC 3550 §6.4.1, figure 2: 6.125 s.
    #[test]
    fn the_round_trip_of_figure_2() {
        let block = ReportBlock {
            last_sender_report: 0xb705_2000,
            delay_since_last_sender_report: 0x0005_4000,
            ..Default::default()
        };
        assert_eq!(block.round_trip(0xb710_8000), Some(0x0006_2000));
        assert_eq!(block.round_trip(0xb705_2000), None, "it would be negative");
        assert_eq!(ReportBlock::default().round_trip(5), None, "no sender report yet");
    }
}
