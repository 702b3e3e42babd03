//! SR (RFC 3550 §6.4.1).

use super::report_block::{self, ReportBlock, ReportBlocks};
use super::{Full, Writer, packet_type};
use crate::NtpTime;
use crate::bytes::Reader;

/// What a sender says about itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SenderInfo {
    /// The sender.
    pub ssrc: u32,
    /// When this report was sent.
    pub ntp: NtpTime,
    /// The same moment in timestamp units of the stream.
    pub rtp_timestamp: u32,
    /// Packets sent, modulo 2^32.
    pub packet_count: u32,
    /// Payload octets sent, without headers and padding, modulo 2^32.
    pub octet_count: u32,
}

/// A sender report.
#[derive(Clone, Copy, Debug)]
pub struct SenderReport<'a> {
    info: SenderInfo,
    report_blocks: ReportBlocks<'a>,
}

impl<'a> SenderReport<'a> {
    pub(super) fn parse(count: u8, body: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        let info = SenderInfo {
            ssrc: reader.u32()?,
            ntp: NtpTime(reader.u64()?),
            rtp_timestamp: reader.u32()?,
            packet_count: reader.u32()?,
            octet_count: reader.u32()?,
        };
        // Profile-specific extensions may follow the blocks.
        Some(Self { info, report_blocks: ReportBlocks::parse(count, &mut reader)? })
    }

    /// What the sender says about itself.
    #[must_use]
    pub const fn info(&self) -> SenderInfo {
        self.info
    }

    /// What it says about the sources it receives.
    #[must_use]
    pub const fn report_blocks(&self) -> ReportBlocks<'a> {
        self.report_blocks
    }
}

impl Writer<'_> {
    /// Appends an SR with at most 31 blocks.
    ///
    /// # Errors
    ///
    /// [`Full`]; nothing was written then.
    pub fn sender_report(&mut self, info: &SenderInfo, blocks: &[ReportBlock]) -> Result<(), Full> {
        let count = report_block::count(blocks).ok_or(Full)?;
        self.packet(count, packet_type::SENDER_REPORT, |body| {
            body.u32(info.ssrc)?;
            body.u64(info.ntp.0)?;
            body.u32(info.rtp_timestamp)?;
            body.u32(info.packet_count)?;
            body.u32(info.octet_count)?;
            report_block::write_all(blocks, body)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtcp::Packet;
    use crate::rtcp::tests::{one, written};

    /// Laid out by hand from the figure in RFC 3550 §6.4.1.
    const GOLDEN: &[u8] = &[
        0x81, 200, 0, 12, 0, 0, 0, 1, // header, SSRC
        0xb4, 0x4d, 0xb7, 0x05, 0x20, 0, 0, 0, // NTP
        0, 1, 0x5f, 0x90, 0, 0, 0, 7, 0, 0, 0x03, 0xe8, // RTP, packets, octets
        0, 0, 0, 2, 0x40, 0xff, 0xff, 0xff, 0, 1, 0,
        5, // block: SSRC, fraction, lost, highest
        0, 0, 0, 9, 0xb7, 0x05, 0x20, 0, 0, 5, 0x40, 0, // jitter, LSR, DLSR
    ];

    #[test]
    fn the_golden_packet() {
        let Packet::SenderReport(report) = one(GOLDEN) else { panic!("not an SR") };
        let info = SenderInfo {
            ssrc: 1,
            ntp: NtpTime(0xb44d_b705_2000_0000),
            rtp_timestamp: 90_000,
            packet_count: 7,
            octet_count: 1000,
        };
        assert_eq!(report.info(), info);
        let block = ReportBlock {
            ssrc: 2,
            fraction_lost: 64,
            cumulative_lost: -1,
            extended_highest_sequence_number: 0x1_0005,
            jitter: 9,
            last_sender_report: 0xb705_2000,
            delay_since_last_sender_report: 0x5_4000,
        };
        assert_eq!(report.report_blocks().len(), 1);
        assert_eq!(report.report_blocks().collect::<Vec<_>>(), [block]);
        assert_eq!(written(|writer| writer.sender_report(&info, &[block])), GOLDEN);
    }

    #[test]
    fn profile_specific_extensions_are_ignored() {
        let mut bytes = GOLDEN.to_vec();
        bytes[3] += 1;
        bytes.extend([1, 2, 3, 4]);
        let Packet::SenderReport(report) = one(&bytes) else { panic!("not an SR") };
        assert_eq!(report.report_blocks().len(), 1);
    }

    #[test]
    fn thirty_one_blocks_fit_and_thirty_two_do_not() {
        let blocks = [ReportBlock::default(); 32];
        let mut out = [0; 1500];
        let mut writer = Writer::new(&mut out);
        assert_eq!(writer.sender_report(&SenderInfo::default(), &blocks), Err(Full));
        assert!(writer.is_empty());
        assert_eq!(writer.sender_report(&SenderInfo::default(), &blocks[..31]), Ok(()));
        assert_eq!(writer.len(), 28 + 31 * 24);
    }
}
