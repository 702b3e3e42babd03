//! FIR (RFC 5104 §4.3.1).

use super::feedback::FeedbackHeader;
use super::{Full, Writer, format, packet_type};
use crate::bytes::Reader;

/// A request for a keyframe of each stream in a list.
#[derive(Clone, Copy, Debug)]
pub struct FullIntraRequest<'a> {
    sender_ssrc: u32,
    entries: &'a [u8],
}

/// One entry of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirEntry {
    /// The stream it asks for.
    pub ssrc: u32,
    /// The number of the request: a repetition keeps it, a new request counts it up.
    pub sequence_number: u8,
}

impl<'a> FullIntraRequest<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        // §4.3.1.2: the media SSRC is not used, and should be 0.
        let header = FeedbackHeader::read(&mut reader)?;
        let entries = reader.rest();
        (!entries.is_empty() && entries.len().is_multiple_of(8))
            .then_some(Self { sender_ssrc: header.sender_ssrc, entries })
    }

    /// Who asks.
    #[must_use]
    pub const fn sender_ssrc(&self) -> u32 {
        self.sender_ssrc
    }

    /// The streams it asks for.
    #[must_use]
    pub const fn entries(&self) -> FirEntries<'a> {
        FirEntries(self.entries)
    }
}

/// Iterator over the entries of a request.
#[derive(Clone, Debug)]
pub struct FirEntries<'a>(&'a [u8]);

impl Iterator for FirEntries<'_> {
    type Item = FirEntry;

    fn next(&mut self) -> Option<FirEntry> {
        let ([s0, s1, s2, s3, sequence_number, _, _, _], rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        let ssrc = u32::from_be_bytes([*s0, *s1, *s2, *s3]);
        Some(FirEntry { ssrc, sequence_number: *sequence_number })
    }
}

impl Writer<'_> {
    /// Appends a FIR for one stream. `sequence_number` counts up with each new request to it.
    ///
    /// # Errors
    ///
    /// [`Full`]; nothing was written then.
    pub fn full_intra_request(
        &mut self,
        sender_ssrc: u32,
        media_ssrc: u32,
        sequence_number: u8,
    ) -> Result<(), Full> {
        self.full_intra_requests(sender_ssrc, &[FirEntry { ssrc: media_ssrc, sequence_number }])
    }

    /// Appends a FIR for several streams. Writes nothing when there are none.
    ///
    /// # Errors
    ///
    /// [`Full`]; nothing was written then.
    pub fn full_intra_requests(
        &mut self,
        sender_ssrc: u32,
        entries: &[FirEntry],
    ) -> Result<(), Full> {
        if entries.is_empty() {
            return Ok(());
        }
        self.packet(format::FULL_INTRA_REQUEST, packet_type::PAYLOAD_FEEDBACK, |body| {
            FeedbackHeader { sender_ssrc, media_ssrc: 0 }.write(body)?;
            entries.iter().try_for_each(|entry| {
                body.u32(entry.ssrc)?;
                body.put(&[entry.sequence_number, 0, 0, 0])
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtcp::tests::{one, written};
    use crate::rtcp::{Packet, packets};

    const GOLDEN: &[u8] =
        &[0x84, 206, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0xca, 0xfe, 0xba, 0xbe, 7, 0, 0, 0];

    #[test]
    fn the_golden_packet() {
        let Packet::FullIntraRequest(fir) = one(GOLDEN) else { panic!("not a FIR") };
        assert_eq!(fir.sender_ssrc(), 1);
        let expected = [FirEntry { ssrc: 0xcafe_babe, sequence_number: 7 }];
        assert_eq!(fir.entries().collect::<Vec<_>>(), expected);
        assert_eq!(written(|writer| writer.full_intra_request(1, 0xcafe_babe, 7)), GOLDEN);
    }

    #[test]
    fn several_streams_in_one_request() {
        let entries: Vec<_> =
            (0..5).map(|n| FirEntry { ssrc: n, sequence_number: 200 + n as u8 }).collect();
        let bytes = written(|writer| writer.full_intra_requests(9, &entries));
        let Packet::FullIntraRequest(fir) = one(&bytes) else { panic!("not a FIR") };
        assert_eq!((fir.sender_ssrc(), fir.entries().collect::<Vec<_>>()), (9, entries));
        assert_eq!(written(|writer| writer.full_intra_requests(9, &[])), []);
    }

    #[test]
    fn a_request_for_nothing_or_for_half_an_entry_is_malformed() {
        for words in [2, 3] {
            let mut bytes = GOLDEN[..4 + words * 4].to_vec();
            bytes[3] = words as u8;
            assert!(packets(&bytes).next().unwrap().is_err());
        }
    }
}
