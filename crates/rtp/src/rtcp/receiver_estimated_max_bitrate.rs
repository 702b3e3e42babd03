//! REMB (draft-alvestrand-rmcat-remb-03 §2.2).

use super::feedback::FeedbackHeader;
use super::{Full, Writer, format, packet_type};
use crate::bytes::{Reader, low32};

/// What a receiver thinks it can take, over all the streams in the list.
#[derive(Clone, Copy, Debug)]
pub struct ReceiverEstimatedMaxBitrate<'a> {
    sender_ssrc: u32,
    bitrate: u64,
    ssrcs: &'a [u8],
}

const IDENTIFIER: [u8; 4] = *b"REMB";

/// Whether application layer feedback is REMB.
pub(super) fn is_remb(body: &[u8]) -> bool {
    body.get(8..12) == Some(&IDENTIFIER)
}

impl<'a> ReceiverEstimatedMaxBitrate<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        let header = FeedbackHeader::read(&mut reader)?;
        if reader.array()? != IDENTIFIER {
            return None;
        }
        let count = reader.u8()?;
        let packed = reader.u24()?;
        // Six bits of exponent, 18 of mantissa: a rate that does not fit 64 bits is nobody's.
        let mantissa = u64::from(packed & 0x3_ffff);
        let exponent = packed >> 18;
        let bitrate = mantissa << exponent;
        let ssrcs = reader.take(usize::from(count) * 4)?;
        (bitrate >> exponent == mantissa).then_some(Self {
            sender_ssrc: header.sender_ssrc,
            bitrate,
            ssrcs,
        })
    }

    /// Who says so.
    #[must_use]
    pub const fn sender_ssrc(&self) -> u32 {
        self.sender_ssrc
    }

    /// The estimate in bit/s.
    #[must_use]
    pub const fn bitrate(&self) -> u64 {
        self.bitrate
    }

    /// The streams, at most 255.
    pub fn ssrcs(&self) -> impl Iterator<Item = u32> + use<'a> {
        self.ssrcs.as_chunks().0.iter().map(|bytes| u32::from_be_bytes(*bytes))
    }
}

impl Writer<'_> {
    /// Appends a REMB. Of `bitrate` (bit/s) the highest 18 bits are kept.
    ///
    /// # Errors
    ///
    /// [`Full`], also for more than 255 streams; nothing was written then.
    pub fn receiver_estimated_max_bitrate(
        &mut self,
        sender_ssrc: u32,
        bitrate: u64,
        ssrcs: &[u32],
    ) -> Result<(), Full> {
        let count = u8::try_from(ssrcs.len()).map_err(|_| Full)?;
        let exponent = (64 - bitrate.leading_zeros()).saturating_sub(18);
        let packed = exponent << 18 | low32(bitrate >> exponent);
        self.packet(format::APPLICATION_LAYER_FEEDBACK, packet_type::PAYLOAD_FEEDBACK, |body| {
            FeedbackHeader { sender_ssrc, media_ssrc: 0 }.write(body)?;
            body.put(&IDENTIFIER)?;
            body.u8(count)?;
            body.u24(packed)?;
            ssrcs.iter().try_for_each(|ssrc| body.u32(*ssrc))
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::rtcp::tests::{one, written};
    use crate::rtcp::{Packet, packets};

    /// 1 Mbit/s: 2^2 * 250,000 (0x3d090); exponent 2 stands above 18 bits: 0x0b_d090.
    const GOLDEN: &[u8] = &[
        0x8f, 206, 0, 6, 0, 0, 0, 1, 0, 0, 0, 0, b'R', b'E', b'M', b'B', 2, 0x0b, 0xd0, 0x90, 0, 0,
        0, 2, 0, 0, 0, 3,
    ];

    #[test]
    fn the_golden_packet() {
        let Packet::ReceiverEstimatedMaxBitrate(remb) = one(GOLDEN) else { panic!("no REMB") };
        assert_eq!((remb.sender_ssrc(), remb.bitrate()), (1, 1_000_000));
        assert_eq!(remb.ssrcs().collect::<Vec<_>>(), [2, 3]);
        let bytes = written(|writer| writer.receiver_estimated_max_bitrate(1, 1_000_000, &[2, 3]));
        assert_eq!(bytes, GOLDEN);
    }

    #[test]
    fn a_rate_beyond_64_bits_and_a_missing_stream_are_malformed() {
        let mut bytes = GOLDEN.to_vec();
        bytes[17] = 0xff;
        assert!(packets(&bytes).next().unwrap().is_err());
        let mut bytes = GOLDEN.to_vec();
        bytes[16] = 3;
        assert!(packets(&bytes).next().unwrap().is_err());
    }

    #[test]
    fn other_application_layer_feedback_is_unknown() {
        let mut bytes = GOLDEN.to_vec();
        bytes[12] = b'X';
        assert!(matches!(one(&bytes), Packet::Unknown { packet_type: 206, count: 15, .. }));
    }

    proptest! {
        #[test]
        fn eighteen_bits_of_any_rate_come_back(bitrate: u64) {
            let bytes = written(|writer| writer.receiver_estimated_max_bitrate(1, bitrate, &[]));
            let Packet::ReceiverEstimatedMaxBitrate(remb) = one(&bytes) else { panic!("no REMB") };
            prop_assert!(remb.bitrate() <= bitrate);
            prop_assert!(bitrate - remb.bitrate() <= bitrate >> 17);
        }
    }
}
