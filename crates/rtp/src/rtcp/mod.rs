//! RTCP: one module per packet type, each with the view that reads it and the [`Writer`] method that
//! writes it.
//!
//! [`packets`] walks compound packets (RFC 3550 §6.1) and reduced-size ones (RFC 5506) alike. Every
//! view is checked as a whole when it is made, so that its iterators have nothing left to refuse, and
//! every iterator ends after at most as many steps as the packet has octets.

mod application;
mod congestion_control_feedback;
mod extended_report;
mod feedback;
mod full_intra_request;
mod goodbye;
mod nack;
mod picture_loss_indication;
mod receiver_estimated_max_bitrate;
mod receiver_report;
mod report_block;
mod sender_report;
mod slice_loss_indication;
mod source_description;
mod transport_feedback;
mod writer;

use std::fmt;

use crate::bytes::Reader;

pub use application::Application;
pub use congestion_control_feedback::{
    CongestionControlFeedback, Metric, StreamFeedback, StreamMetrics, Streams,
};
pub use extended_report::{Dlrr, DlrrItems, ExtendedBlock, ExtendedBlocks, ExtendedReport};
pub use full_intra_request::{FirEntries, FirEntry, FullIntraRequest};
pub use goodbye::Goodbye;
pub use nack::{Nack, NackPairs, NackSequenceNumbers};
pub use picture_loss_indication::PictureLossIndication;
pub use receiver_estimated_max_bitrate::ReceiverEstimatedMaxBitrate;
pub use receiver_report::ReceiverReport;
pub use report_block::{ReportBlock, ReportBlocks};
pub use sender_report::{SenderInfo, SenderReport};
pub use slice_loss_indication::{SliceLoss, SliceLossIndication, SliceLosses};
pub use source_description::{Chunk, Chunks, Items, SourceDescription, SourceItems, sdes_item};
pub use transport_feedback::{Arrivals, TransportFeedback, TransportFeedbackHeader};
pub use writer::{Full, Writer};

/// Packet types (RFC 3550 §12.1, RFC 4585 §6.1, RFC 3611 §2).
mod packet_type {
    pub(super) const SENDER_REPORT: u8 = 200;
    pub(super) const RECEIVER_REPORT: u8 = 201;
    pub(super) const SOURCE_DESCRIPTION: u8 = 202;
    pub(super) const GOODBYE: u8 = 203;
    pub(super) const APPLICATION: u8 = 204;
    pub(super) const TRANSPORT_FEEDBACK: u8 = 205;
    pub(super) const PAYLOAD_FEEDBACK: u8 = 206;
    pub(super) const EXTENDED_REPORT: u8 = 207;
}

/// Feedback message types (RFC 4585 §6.2 and §6.3, RFC 5104 §4.3.1, RFC 8888 §3.1, and the drafts of
/// transport-cc and REMB).
mod format {
    pub(super) const NACK: u8 = 1;
    pub(super) const CONGESTION_CONTROL_FEEDBACK: u8 = 11;
    pub(super) const TRANSPORT_WIDE_FEEDBACK: u8 = 15;

    pub(super) const PICTURE_LOSS_INDICATION: u8 = 1;
    pub(super) const SLICE_LOSS_INDICATION: u8 = 2;
    pub(super) const FULL_INTRA_REQUEST: u8 = 4;
    pub(super) const APPLICATION_LAYER_FEEDBACK: u8 = 15;
}

/// Why octets are not an RTCP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseError {
    /// Fewer than the four octets of the common header: so many are left.
    TooShort(usize),
    /// The version is not 2.
    Version(u8),
    /// The length field claims more octets than are left.
    Length {
        /// Octets that the header claims.
        claimed: usize,
        /// Octets that are left.
        available: usize,
    },
    /// The padding count is 0 or more than the packet has.
    Padding {
        /// The count in the last octet.
        claimed: u8,
        /// Octets after the common header.
        available: usize,
    },
    /// The contents do not have the form of their type.
    Malformed {
        /// The packet type.
        packet_type: u8,
        /// The five bits beside the version: a count, a subtype or a feedback message type.
        count: u8,
    },
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort(len) => write!(f, "RTCP header of {len} octets"),
            Self::Version(version) => write!(f, "RTCP version {version}"),
            Self::Length { claimed, available } => {
                write!(f, "RTCP packet of {claimed} octets where {available} are left")
            }
            Self::Padding { claimed, available } => {
                write!(f, "RTCP padding of {claimed} octets where {available} are available")
            }
            Self::Malformed { packet_type, count } => {
                write!(f, "malformed RTCP packet of type {packet_type}, count or format {count}")
            }
        }
    }
}

impl std::error::Error for ParseError {}

/// One packet of a compound.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Packet<'a> {
    /// SR (RFC 3550 §6.4.1).
    SenderReport(SenderReport<'a>),
    /// RR (RFC 3550 §6.4.2).
    ReceiverReport(ReceiverReport<'a>),
    /// SDES (RFC 3550 §6.5).
    SourceDescription(SourceDescription<'a>),
    /// BYE (RFC 3550 §6.6).
    Goodbye(Goodbye<'a>),
    /// APP (RFC 3550 §6.7).
    Application(Application<'a>),
    /// Generic NACK (RFC 4585 §6.2.1).
    Nack(Nack<'a>),
    /// PLI (RFC 4585 §6.3.1).
    PictureLossIndication(PictureLossIndication),
    /// FIR (RFC 5104 §4.3.1).
    FullIntraRequest(FullIntraRequest<'a>),
    /// SLI (RFC 4585 §6.3.2).
    SliceLossIndication(SliceLossIndication<'a>),
    /// REMB (draft-alvestrand-rmcat-remb-03).
    ReceiverEstimatedMaxBitrate(ReceiverEstimatedMaxBitrate<'a>),
    /// Transport-wide congestion control feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01).
    TransportFeedback(TransportFeedback<'a>),
    /// XR (RFC 3611).
    ExtendedReport(ExtendedReport<'a>),
    /// CCFB (RFC 8888).
    CongestionControlFeedback(CongestionControlFeedback<'a>),
    /// Anything else: whole and well framed.
    Unknown {
        /// The packet type.
        packet_type: u8,
        /// The five bits beside the version.
        count: u8,
        /// What follows the common header, without padding.
        body: &'a [u8],
    },
}

/// The packets in a decrypted RTCP datagram, one by one.
///
/// A packet whose contents are wrong is an `Err` and the walk goes on after it; a broken frame (version, length)
/// is an `Err` and the end.
#[must_use]
pub const fn packets(compound: &[u8]) -> Packets<'_> {
    Packets { reader: Reader::new(compound) }
}

/// Iterator over the packets of a compound: see [`packets`].
#[derive(Clone, Debug)]
pub struct Packets<'a> {
    reader: Reader<'a>,
}

impl<'a> Iterator for Packets<'a> {
    type Item = Result<Packet<'a>, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.reader.is_empty() {
            return None;
        }
        match self.frame() {
            Ok(frame) => Some(frame.contents()),
            Err(error) => {
                self.reader = Reader::new(&[]);
                Some(Err(error))
            }
        }
    }
}

impl std::iter::FusedIterator for Packets<'_> {}

impl<'a> Packets<'a> {
    /// The common header, and the octets that it covers.
    fn frame(&mut self) -> Result<Frame<'a>, ParseError> {
        let available = self.reader.len();
        let [first, packet_type, l0, l1] =
            self.reader.array().ok_or(ParseError::TooShort(available))?;
        if first >> 6 != 2 {
            return Err(ParseError::Version(first >> 6));
        }
        let len = usize::from(u16::from_be_bytes([l0, l1])) * 4;
        let body =
            self.reader.take(len).ok_or(ParseError::Length { claimed: 4 + len, available })?;
        Ok(Frame { packet_type, count: first & 0x1f, padded: first & 0x20 != 0, body })
    }
}

struct Frame<'a> {
    packet_type: u8,
    count: u8,
    padded: bool,
    body: &'a [u8],
}

impl<'a> Frame<'a> {
    fn contents(self) -> Result<Packet<'a>, ParseError> {
        let Self { packet_type, count, .. } = self;
        let body = self.without_padding()?;
        parse(packet_type, count, body).ok_or(ParseError::Malformed { packet_type, count })
    }

    fn without_padding(&self) -> Result<&'a [u8], ParseError> {
        if !self.padded {
            return Ok(self.body);
        }
        let claimed = self.body.last().copied().unwrap_or(0);
        let kept = self.body.len().checked_sub(usize::from(claimed)).filter(|_| claimed != 0);
        kept.and_then(|kept| self.body.get(..kept))
            .ok_or(ParseError::Padding { claimed, available: self.body.len() })
    }
}

fn parse(packet_type: u8, count: u8, body: &[u8]) -> Option<Packet<'_>> {
    use self::packet_type as pt;
    Some(match (packet_type, count) {
        (pt::SENDER_REPORT, _) => Packet::SenderReport(SenderReport::parse(count, body)?),
        (pt::RECEIVER_REPORT, _) => Packet::ReceiverReport(ReceiverReport::parse(count, body)?),
        (pt::SOURCE_DESCRIPTION, _) => {
            Packet::SourceDescription(SourceDescription::parse(count, body)?)
        }
        (pt::GOODBYE, _) => Packet::Goodbye(Goodbye::parse(count, body)?),
        (pt::APPLICATION, _) => Packet::Application(Application::parse(count, body)?),
        (pt::TRANSPORT_FEEDBACK, format::NACK) => Packet::Nack(Nack::parse(body)?),
        (pt::TRANSPORT_FEEDBACK, format::CONGESTION_CONTROL_FEEDBACK) => {
            Packet::CongestionControlFeedback(CongestionControlFeedback::parse(body)?)
        }
        (pt::TRANSPORT_FEEDBACK, format::TRANSPORT_WIDE_FEEDBACK) => {
            Packet::TransportFeedback(TransportFeedback::parse(body)?)
        }
        (pt::PAYLOAD_FEEDBACK, format::PICTURE_LOSS_INDICATION) => {
            Packet::PictureLossIndication(PictureLossIndication::parse(body)?)
        }
        (pt::PAYLOAD_FEEDBACK, format::SLICE_LOSS_INDICATION) => {
            Packet::SliceLossIndication(SliceLossIndication::parse(body)?)
        }
        (pt::PAYLOAD_FEEDBACK, format::FULL_INTRA_REQUEST) => {
            Packet::FullIntraRequest(FullIntraRequest::parse(body)?)
        }
        (pt::PAYLOAD_FEEDBACK, format::APPLICATION_LAYER_FEEDBACK)
            if receiver_estimated_max_bitrate::is_remb(body) =>
        {
            Packet::ReceiverEstimatedMaxBitrate(ReceiverEstimatedMaxBitrate::parse(body)?)
        }
        (pt::EXTENDED_REPORT, _) => Packet::ExtendedReport(ExtendedReport::parse(body)?),
        _ => Packet::Unknown { packet_type, count, body },
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The only packet in `bytes`.
    pub(crate) fn one(bytes: &[u8]) -> Packet<'_> {
        let mut packets = packets(bytes);
        let packet = packets.next().expect("a packet").expect("a well-formed packet");
        assert!(packets.next().is_none(), "one packet only");
        packet
    }

    pub(crate) fn written(write: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>) -> Vec<u8> {
        let mut out = [0xff; 2048];
        let mut writer = Writer::new(&mut out);
        write(&mut writer).unwrap();
        let len = writer.finish();
        out[..len].to_vec()
    }

    #[test]
    fn a_compound_is_walked() {
        let bytes = written(|writer| {
            writer.receiver_report(1, &[])?;
            writer.source_description(1, "cname")?;
            writer.picture_loss_indication(1, 2)
        });
        let kinds: Vec<_> = packets(&bytes)
            .map(|packet| match packet.unwrap() {
                Packet::ReceiverReport(_) => "RR",
                Packet::SourceDescription(_) => "SDES",
                Packet::PictureLossIndication(_) => "PLI",
                _ => "?",
            })
            .collect();
        assert_eq!(kinds, ["RR", "SDES", "PLI"]);
    }

    #[test]
    fn malformed_contents_do_not_hide_what_follows() {
        // An RR that claims 31 blocks and has none, then a PLI.
        let mut bytes = vec![0x9f, 201, 0, 1, 0, 0, 0, 1];
        bytes.extend([0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2]);
        let mut packets = packets(&bytes);
        let expected = ParseError::Malformed { packet_type: 201, count: 31 };
        assert_eq!(packets.next().unwrap().unwrap_err(), expected);
        assert!(matches!(packets.next(), Some(Ok(Packet::PictureLossIndication(_)))));
        assert!(packets.next().is_none());
    }

    #[test]
    fn a_broken_frame_ends_the_walk() {
        let first_error = |bytes: &[u8]| {
            let mut packets = packets(bytes);
            let error = packets.next().unwrap().unwrap_err();
            assert!(packets.next().is_none());
            error
        };
        assert_eq!(first_error(&[0x80, 201, 0]), ParseError::TooShort(3));
        assert_eq!(first_error(&[0x40, 201, 0, 0]), ParseError::Version(1));
        let expected = ParseError::Length { claimed: 4 + 0xffff * 4, available: 8 };
        assert_eq!(first_error(&[0x80, 201, 0xff, 0xff, 0, 0, 0, 0]), expected);
    }

    #[test]
    fn padding_is_taken_off_and_never_more_than_there_is() {
        let padded = [0xa1, 206, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 4];
        assert!(matches!(one(&padded), Packet::PictureLossIndication(_)));
        for claimed in [0, 13, 255] {
            let mut bytes = padded;
            bytes[15] = claimed;
            let error = packets(&bytes).next().unwrap().unwrap_err();
            assert_eq!(error, ParseError::Padding { claimed, available: 12 });
        }
        let empty = packets(&[0xa0, 203, 0, 0]).next().unwrap().unwrap_err();
        assert_eq!(empty, ParseError::Padding { claimed: 0, available: 0 });
    }

    #[test]
    fn unknown_types_are_handed_on() {
        let bytes = [0x83, 195, 0, 1, 1, 2, 3, 4];
        let Packet::Unknown { packet_type: 195, count: 3, body } = one(&bytes) else {
            panic!("not unknown")
        };
        assert_eq!(body, [1, 2, 3, 4]);
    }

    #[test]
    fn nothing_is_no_packet() {
        assert!(packets(&[]).next().is_none());
    }
}
