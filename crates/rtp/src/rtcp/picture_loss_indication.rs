//! PLI (RFC 4585 §6.3.1).

use super::feedback::FeedbackHeader;
use super::{Full, Writer, format, packet_type};
use crate::bytes::Reader;

/// A receiver lost pictures and asks for a keyframe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureLossIndication {
    /// Who asks.
    pub sender_ssrc: u32,
    /// The stream it asks for.
    pub media_ssrc: u32,
}

impl PictureLossIndication {
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let header = FeedbackHeader::read(&mut Reader::new(body))?;
        Some(Self { sender_ssrc: header.sender_ssrc, media_ssrc: header.media_ssrc })
    }
}

impl Writer<'_> {
    /// Appends a PLI.
    ///
    /// # Errors
    ///
    /// [`Full`]; nothing was written then.
    pub fn picture_loss_indication(
        &mut self,
        sender_ssrc: u32,
        media_ssrc: u32,
    ) -> Result<(), Full> {
        self.packet(format::PICTURE_LOSS_INDICATION, packet_type::PAYLOAD_FEEDBACK, |body| {
            FeedbackHeader { sender_ssrc, media_ssrc }.write(body)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtcp::Packet;
    use crate::rtcp::tests::{one, written};

    const GOLDEN: &[u8] = &[0x81, 206, 0, 2, 0, 0, 0, 1, 0xca, 0xfe, 0xba, 0xbe];

    #[test]
    fn the_golden_packet() {
        let Packet::PictureLossIndication(pli) = one(GOLDEN) else { panic!("not a PLI") };
        assert_eq!(pli, PictureLossIndication { sender_ssrc: 1, media_ssrc: 0xcafe_babe });
        assert_eq!(written(|writer| writer.picture_loss_indication(1, 0xcafe_babe)), GOLDEN);
    }
}
