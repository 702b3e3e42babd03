//! SLI (RFC 4585 §6.3.2).

use super::feedback::FeedbackHeader;
use super::{Full, Writer, format, packet_type};
use crate::bytes::{Reader, low8, low16};

/// Macroblocks that a receiver lost.
#[derive(Clone, Copy, Debug)]
pub struct SliceLossIndication<'a> {
    header: FeedbackHeader,
    losses: &'a [u8],
}

/// A run of lost macroblocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SliceLoss {
    /// Address of the first one, 13 bits.
    pub first: u16,
    /// How many, 13 bits.
    pub number: u16,
    /// The lowest six bits of the picture's identifier.
    pub picture_id: u8,
}

impl<'a> SliceLossIndication<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        let header = FeedbackHeader::read(&mut reader)?;
        let losses = reader.rest();
        (!losses.is_empty() && losses.len().is_multiple_of(4)).then_some(Self { header, losses })
    }

    /// Who says so.
    #[must_use]
    pub const fn sender_ssrc(&self) -> u32 {
        self.header.sender_ssrc
    }

    /// The stream.
    #[must_use]
    pub const fn media_ssrc(&self) -> u32 {
        self.header.media_ssrc
    }

    /// The losses.
    #[must_use]
    pub const fn losses(&self) -> SliceLosses<'a> {
        SliceLosses(self.losses)
    }
}

/// Iterator over the losses.
#[derive(Clone, Debug)]
pub struct SliceLosses<'a>(&'a [u8]);

impl Iterator for SliceLosses<'_> {
    type Item = SliceLoss;

    fn next(&mut self) -> Option<SliceLoss> {
        let (head, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        let word = u64::from(u32::from_be_bytes(*head));
        Some(SliceLoss {
            first: low16(word >> 19),
            number: low16(word >> 6) & 0x1fff,
            picture_id: low8(word) & 0x3f,
        })
    }
}

impl Writer<'_> {
    /// Appends an SLI. Writes nothing when there are no losses.
    ///
    /// # Errors
    ///
    /// [`Full`]; nothing was written then.
    pub fn slice_loss_indication(
        &mut self,
        sender_ssrc: u32,
        media_ssrc: u32,
        losses: &[SliceLoss],
    ) -> Result<(), Full> {
        if losses.is_empty() {
            return Ok(());
        }
        self.packet(format::SLICE_LOSS_INDICATION, packet_type::PAYLOAD_FEEDBACK, |body| {
            FeedbackHeader { sender_ssrc, media_ssrc }.write(body)?;
            losses.iter().try_for_each(|loss| {
                body.u32(
                    u32::from(loss.first & 0x1fff) << 19
                        | u32::from(loss.number & 0x1fff) << 6
                        | u32::from(loss.picture_id & 0x3f),
                )
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtcp::Packet;
    use crate::rtcp::tests::{one, written};

    /// First 1 (13 bits), number 2 (13 bits), picture 3 (6 bits): 0x00080083.
    const GOLDEN: &[u8] =
        &[0x82, 206, 0, 4, 0, 0, 0, 1, 0, 0, 0, 2, 0x00, 0x08, 0x00, 0x83, 0xff, 0xff, 0xff, 0xff];

    #[test]
    fn the_golden_packet() {
        let Packet::SliceLossIndication(sli) = one(GOLDEN) else { panic!("not an SLI") };
        assert_eq!((sli.sender_ssrc(), sli.media_ssrc()), (1, 2));
        let losses: Vec<_> = sli.losses().collect();
        let expected = [
            SliceLoss { first: 1, number: 2, picture_id: 3 },
            SliceLoss { first: 0x1fff, number: 0x1fff, picture_id: 0x3f },
        ];
        assert_eq!(losses, expected);
        assert_eq!(written(|writer| writer.slice_loss_indication(1, 2, &losses)), GOLDEN);
    }
}
