//! XR (RFC 3611): receiver reference time and DLRR, with which a receiver measures the round trip; other blocks
//! are handed on.

use super::{Full, Writer, packet_type};
use crate::NtpTime;
use crate::bytes::Reader;

/// An extended report.
#[derive(Clone, Copy, Debug)]
pub struct ExtendedReport<'a> {
    ssrc: u32,
    blocks: &'a [u8],
}

/// Block types (RFC 3611 §4.4, §4.5).
const RECEIVER_REFERENCE_TIME: u8 = 4;
const DLRR: u8 = 5;

impl<'a> ExtendedReport<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        let report = Self { ssrc: reader.u32()?, blocks: reader.rest() };
        let mut blocks = report.blocks();
        while blocks.next().is_some() {}
        blocks.reader.is_empty().then_some(report)
    }

    /// Who reports.
    #[must_use]
    pub const fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// The blocks.
    #[must_use]
    pub const fn blocks(&self) -> ExtendedBlocks<'a> {
        ExtendedBlocks { reader: Reader::new(self.blocks) }
    }
}

/// A block of an extended report.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum ExtendedBlock<'a> {
    /// RRTR: when the receiver sent this.
    ReceiverReferenceTime(NtpTime),
    /// DLRR: echoes of receivers' RRTRs.
    Dlrr(DlrrItems<'a>),
    /// Any other block.
    Unknown {
        /// The block type.
        block_type: u8,
        /// The type-specific octet.
        specific: u8,
        /// The contents.
        data: &'a [u8],
    },
}

/// Iterator over the blocks.
#[derive(Clone, Debug)]
pub struct ExtendedBlocks<'a> {
    reader: Reader<'a>,
}

impl<'a> Iterator for ExtendedBlocks<'a> {
    type Item = ExtendedBlock<'a>;

    fn next(&mut self) -> Option<ExtendedBlock<'a>> {
        let mut reader = self.reader;
        let [block_type, specific, l0, l1] = reader.array()?;
        let data = reader.take(usize::from(u16::from_be_bytes([l0, l1])) * 4)?;
        let block = match block_type {
            RECEIVER_REFERENCE_TIME => ExtendedBlock::ReceiverReferenceTime(NtpTime(
                u64::from_be_bytes(data.try_into().ok()?),
            )),
            DLRR if data.len() % 12 == 0 => ExtendedBlock::Dlrr(DlrrItems(data)),
            DLRR => return None,
            _ => ExtendedBlock::Unknown { block_type, specific, data },
        };
        self.reader = reader;
        Some(block)
    }
}

/// An echo of a receiver's reference time (RFC 3611 §4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dlrr {
    /// The receiver.
    pub ssrc: u32,
    /// Compact NTP time of its last RRTR, 0 when there was none.
    pub last_receiver_report: u32,
    /// From the arrival of that to this report, in 1/65,536 s.
    pub delay_since_last_receiver_report: u32,
}

/// The items of a DLRR block.
#[derive(Clone, Copy, Debug)]
pub struct DlrrItems<'a>(&'a [u8]);

impl Iterator for DlrrItems<'_> {
    type Item = Dlrr;

    fn next(&mut self) -> Option<Dlrr> {
        let mut reader = Reader::new(self.0);
        let item = Dlrr {
            ssrc: reader.u32()?,
            last_receiver_report: reader.u32()?,
            delay_since_last_receiver_report: reader.u32()?,
        };
        self.0 = reader.rest();
        Some(item)
    }
}

impl Writer<'_> {
    /// Appends an XR with a receiver reference time block, a DLRR block, or both.
    ///
    /// # Errors
    ///
    /// [`Full`]; nothing was written then.
    pub fn extended_report(
        &mut self,
        ssrc: u32,
        reference_time: Option<NtpTime>,
        dlrr: &[Dlrr],
    ) -> Result<(), Full> {
        let words = u16::try_from(dlrr.len().saturating_mul(3)).map_err(|_| Full)?;
        self.packet(0, packet_type::EXTENDED_REPORT, |body| {
            body.u32(ssrc)?;
            if let Some(time) = reference_time {
                body.put(&[RECEIVER_REFERENCE_TIME, 0, 0, 2])?;
                body.u64(time.0)?;
            }
            if words == 0 {
                return Some(());
            }
            body.put(&[DLRR, 0])?;
            body.u16(words)?;
            dlrr.iter().try_for_each(|item| {
                body.u32(item.ssrc)?;
                body.u32(item.last_receiver_report)?;
                body.u32(item.delay_since_last_receiver_report)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtcp::tests::{one, written};
    use crate::rtcp::{Packet, packets};

    /// Laid out by hand from the figures in RFC 3611 §2, §4.4 and §4.5.
    const GOLDEN: &[u8] = &[
        0x80, 207, 0, 8, 0, 0, 0, 1, // header, SSRC
        4, 0, 0, 2, 0xb4, 0x4d, 0xb7, 0x05, 0x20, 0, 0, 0, // RRTR
        5, 0, 0, 3, 0, 0, 0, 2, 0xb7, 0x05, 0x20, 0, 0, 5, 0x40, 0, // DLRR
    ];
    const ITEM: Dlrr = Dlrr {
        ssrc: 2,
        last_receiver_report: 0xb705_2000,
        delay_since_last_receiver_report: 0x5_4000,
    };

    #[test]
    fn the_golden_packet() {
        let Packet::ExtendedReport(report) = one(GOLDEN) else { panic!("not an XR") };
        assert_eq!(report.ssrc(), 1);
        let blocks: Vec<_> = report.blocks().collect();
        let [ExtendedBlock::ReceiverReferenceTime(time), ExtendedBlock::Dlrr(items)] = blocks[..]
        else {
            panic!("other blocks")
        };
        assert_eq!(time, NtpTime(0xb44d_b705_2000_0000));
        assert_eq!(items.collect::<Vec<_>>(), [ITEM]);
        assert_eq!(written(|writer| writer.extended_report(1, Some(time), &[ITEM])), GOLDEN);
    }

    #[test]
    fn other_blocks_are_handed_on() {
        let bytes = [0x80, 207, 0, 3, 0, 0, 0, 1, 42, 9, 0, 1, 1, 2, 3, 4];
        let Packet::ExtendedReport(report) = one(&bytes) else { panic!("not an XR") };
        let block = report.blocks().next().unwrap();
        let ExtendedBlock::Unknown { block_type: 42, specific: 9, data } = block else {
            panic!("not unknown")
        };
        assert_eq!(data, [1, 2, 3, 4]);
    }

    #[test]
    fn blocks_of_the_wrong_size_are_malformed() {
        let with_length = |position: usize, length: u8| {
            let mut bytes = GOLDEN.to_vec();
            bytes[position] = length;
            packets(&bytes).next().unwrap().is_err()
        };
        assert!(with_length(11, 1), "RRTR of one word");
        assert!(with_length(11, 200), "RRTR longer than the packet");
        assert!(with_length(23, 2), "DLRR of two words");
        assert!(with_length(23, 4), "DLRR longer than the packet");
    }
}
