//! RR (RFC 3550 §6.4.2).

use super::report_block::{self, ReportBlock, ReportBlocks};
use super::{Full, Writer, packet_type};
use crate::bytes::Reader;

/// A receiver report.
#[derive(Clone, Copy, Debug)]
pub struct ReceiverReport<'a> {
    ssrc: u32,
    report_blocks: ReportBlocks<'a>,
}

impl<'a> ReceiverReport<'a> {
    pub(super) fn parse(count: u8, body: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        let ssrc = reader.u32()?;
        Some(Self { ssrc, report_blocks: ReportBlocks::parse(count, &mut reader)? })
    }

    /// Who reports.
    #[must_use]
    pub const fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// What it says about the sources it receives.
    #[must_use]
    pub const fn report_blocks(&self) -> ReportBlocks<'a> {
        self.report_blocks
    }
}

impl Writer<'_> {
    /// Appends an RR with at most 31 blocks.
    ///
    /// # Errors
    ///
    /// [`Full`]; nothing was written then.
    pub fn receiver_report(&mut self, ssrc: u32, blocks: &[ReportBlock]) -> Result<(), Full> {
        let count = report_block::count(blocks).ok_or(Full)?;
        self.packet(count, packet_type::RECEIVER_REPORT, |body| {
            body.u32(ssrc)?;
            report_block::write_all(blocks, body)
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::rtcp::Packet;
    use crate::rtcp::tests::{one, written};

    /// Laid out by hand from the figure in RFC 3550 §6.4.2.
    const GOLDEN: &[u8] = &[
        0x82, 201, 0, 13, 0xca, 0xfe, 0xba, 0xbe, // header, SSRC
        0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5, // block
        0, 0, 0, 6, 0xff, 0, 0, 7, 0, 0, 0, 8, 0, 0, 0, 9, 0, 0, 0, 10, 0, 0, 0, 11, // block
    ];

    #[test]
    fn the_golden_packet() {
        let Packet::ReceiverReport(report) = one(GOLDEN) else { panic!("not an RR") };
        assert_eq!(report.ssrc(), 0xcafe_babe);
        let blocks: Vec<_> = report.report_blocks().collect();
        assert_eq!(blocks.iter().map(|block| block.ssrc).collect::<Vec<_>>(), [1, 6]);
        assert_eq!((blocks[1].fraction_lost, blocks[1].cumulative_lost), (255, 7));
        assert_eq!(written(|writer| writer.receiver_report(0xcafe_babe, &blocks)), GOLDEN);
    }

    #[test]
    fn without_blocks() {
        let bytes = written(|writer| writer.receiver_report(1, &[]));
        assert_eq!(bytes, [0x80, 201, 0, 1, 0, 0, 0, 1]);
    }
}
