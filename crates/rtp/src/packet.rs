//! A view of one RTP packet (RFC 3550 §5.1).

use std::fmt;
use std::ops::Range;

use crate::extension::{Elements, Form};

/// The fixed header.
const FIXED: usize = 12;

/// Why bytes are not an RTP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseError {
    /// Fewer octets than the fixed header has (12), or than the CSRC list or the header extension
    /// announced: `needed` octets, `len` are there.
    Truncated {
        /// Octets that the header announces.
        needed: usize,
        /// Octets that are there.
        len: usize,
    },
    /// The version is not 2.
    Version(u8),
    /// The padding count is 0 or more than what follows the header.
    Padding {
        /// The count in the last octet.
        claimed: u8,
        /// Octets after the header.
        available: usize,
    },
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { needed, len } => {
                write!(f, "RTP packet of {len} octets needs {needed}")
            }
            Self::Version(version) => write!(f, "RTP version {version}"),
            Self::Padding { claimed, available } => {
                write!(f, "RTP padding of {claimed} octets where {available} are available")
            }
        }
    }
}

impl std::error::Error for ParseError {}

/// A parsed RTP packet that borrows its bytes. Copying it copies the view.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    bytes: &'a [u8],
    marker: bool,
    payload_type: u8,
    sequence_number: u16,
    timestamp: u32,
    ssrc: u32,
    csrcs: &'a [u8],
    /// The `defined by profile` field and the extension's contents.
    extension: Option<(u16, &'a [u8])>,
    payload: &'a [u8],
    padding_len: u8,
}

impl<'a> Packet<'a> {
    /// Parses a whole packet: fixed header, CSRC list, header extension and padding must all lie
    /// within `bytes`. Malformed extension *elements* are not an error; [`extensions`](Self::extensions)
    /// ends before them.
    ///
    /// # Errors
    ///
    /// [`ParseError`], which says what did not fit.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let truncated = |needed| ParseError::Truncated { needed, len: bytes.len() };
        let (fixed, rest) = bytes.split_first_chunk().ok_or(truncated(FIXED))?;
        let [first, second, s0, s1, t0, t1, t2, t3, r0, r1, r2, r3]: [u8; FIXED] = *fixed;
        if first >> 6 != 2 {
            return Err(ParseError::Version(first >> 6));
        }
        let csrcs_len = usize::from(first & 0x0f) * 4;
        let (csrcs, mut payload) =
            rest.split_at_checked(csrcs_len).ok_or(truncated(FIXED + csrcs_len))?;
        let mut extension = None;
        if first & 0x10 != 0 {
            let (head, rest) =
                payload.split_first_chunk().ok_or(truncated(FIXED + csrcs_len + 4))?;
            let [p0, p1, l0, l1] = *head;
            let len = usize::from(u16::from_be_bytes([l0, l1])) * 4;
            let (body, rest) =
                rest.split_at_checked(len).ok_or(truncated(FIXED + csrcs_len + 4 + len))?;
            extension = Some((u16::from_be_bytes([p0, p1]), body));
            payload = rest;
        }
        let mut padding_len = 0;
        if first & 0x20 != 0 {
            let claimed = payload.last().copied().unwrap_or(0);
            let padding = ParseError::Padding { claimed, available: payload.len() };
            let kept = payload.len().checked_sub(usize::from(claimed)).ok_or(padding)?;
            // RFC 3550 §5.1: the count includes the octet it stands in, so 0 is impossible.
            if claimed == 0 {
                return Err(padding);
            }
            payload = payload.get(..kept).ok_or(padding)?;
            padding_len = claimed;
        }
        Ok(Self {
            bytes,
            marker: second & 0x80 != 0,
            payload_type: second & 0x7f,
            sequence_number: u16::from_be_bytes([s0, s1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([r0, r1, r2, r3]),
            csrcs,
            extension,
            payload,
            padding_len,
        })
    }

    /// The whole packet.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The marker bit: for video the last packet of a frame, for audio the first of a talk spurt.
    #[must_use]
    pub const fn marker(&self) -> bool {
        self.marker
    }

    /// The payload type, 0 to 127.
    #[must_use]
    pub const fn payload_type(&self) -> u8 {
        self.payload_type
    }

    /// The 16-bit sequence number.
    #[must_use]
    pub const fn sequence_number(&self) -> u16 {
        self.sequence_number
    }

    /// The RTP timestamp, in units of the payload's clock rate.
    #[must_use]
    pub const fn timestamp(&self) -> u32 {
        self.timestamp
    }

    /// The synchronization source.
    #[must_use]
    pub const fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// The contributing sources, at most 15.
    #[must_use]
    pub const fn csrcs(&self) -> Csrcs<'a> {
        Csrcs(self.csrcs)
    }

    /// The first header extension element with this local identifier (RFC 8285).
    #[must_use]
    #[inline]
    pub fn extension(&self, id: u8) -> Option<&'a [u8]> {
        self.extensions().find_data(id)
    }

    /// All header extension elements in order: (local identifier, data). Empty when there is no
    /// header extension or when it is of neither form of RFC 8285.
    #[must_use]
    #[inline]
    pub fn extensions(&self) -> Elements<'a> {
        match self.extension {
            Some((profile, body)) => Form::from_profile(profile)
                .map_or_else(Elements::none, |form| Elements::new(form, body)),
            None => Elements::none(),
        }
    }

    /// Where the data of the first element with this identifier stands in the packet.
    pub(crate) fn extension_position(&self, id: u8) -> Option<Range<usize>> {
        let (_, body) = self.extension_body()?;
        let mut elements = self.extensions();
        let data = elements.find(|element| element.0 == id)?.1;
        let end = body.end - elements.remaining();
        Some(end - data.len()..end)
    }

    /// Where the elements of the header extension stand in the packet, if it is of a form of RFC 8285.
    pub(crate) fn extension_body(&self) -> Option<(Form, Range<usize>)> {
        let (profile, body) = self.extension?;
        let end = self.header_len();
        Some((Form::from_profile(profile)?, end - body.len()..end))
    }

    /// What the `defined by profile` field of the header extension says, for extensions that are of neither form of RFC 8285,
    /// and its contents. `None` without a header extension.
    #[must_use]
    pub const fn raw_extension(&self) -> Option<(u16, &'a [u8])> {
        self.extension
    }

    /// The payload without padding.
    #[must_use]
    pub const fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// Where the payload begins: the length of the header with CSRC list and extension, in octets.
    #[must_use]
    pub const fn payload_offset(&self) -> usize {
        self.header_len()
    }

    /// Octets of padding after the payload, the count octet included.
    #[must_use]
    pub const fn padding_len(&self) -> usize {
        self.padding_len as usize
    }

    /// Length of the fixed header, the CSRC list and the header extension, in octets.
    #[must_use]
    pub const fn header_len(&self) -> usize {
        12 + self.csrcs.len()
            + match self.extension {
                Some((_, body)) => 4 + body.len(),
                None => 0,
            }
    }

    /// Whether the packet carries padding and nothing else (bandwidth probes look like that).
    #[must_use]
    pub const fn is_padding_only(&self) -> bool {
        self.payload.is_empty() && self.padding_len != 0
    }
}

/// Iterator over the contributing sources of a packet.
#[derive(Clone, Debug)]
pub struct Csrcs<'a>(&'a [u8]);

impl Iterator for Csrcs<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let (head, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*head))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// V=2 P X CC=2, M PT=96, two CSRCs, one-byte extension with id 1 "0" and id 3 of 3 octets,
    /// payload de ad, 3 octets of padding. Checked by hand against RFC 3550 §5.1 and RFC 8285 §4.2.
    pub(crate) const FULL: &[u8] = &[
        0xb2, 0xe0, 0x12, 0x34, 0x00, 0x00, 0x03, 0xe8, 0xca, 0xfe, 0xba, 0xbe, // fixed
        0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x02, // CSRCs
        0xbe, 0xde, 0x00, 0x02, 0x10, b'0', 0x32, 0xaa, 0xbb, 0xcc, 0x00, 0x00, // extension
        0xde, 0xad, // payload
        0x00, 0x00, 0x03, // padding
    ];

    #[test]
    fn every_field_is_read() {
        let packet = Packet::parse(FULL).unwrap();
        assert!(packet.marker());
        assert_eq!(packet.payload_type(), 96);
        assert_eq!(packet.sequence_number(), 0x1234);
        assert_eq!(packet.timestamp(), 1000);
        assert_eq!(packet.ssrc(), 0xcafe_babe);
        assert_eq!(packet.csrcs().collect::<Vec<_>>(), [1, 2]);
        assert_eq!(packet.extension(1), Some(&b"0"[..]));
        assert_eq!(packet.extension(3), Some(&[0xaa, 0xbb, 0xcc][..]));
        assert_eq!(packet.extension(2), None);
        assert_eq!(packet.extensions().count(), 2);
        assert_eq!(packet.payload(), [0xde, 0xad]);
        assert_eq!(packet.padding_len(), 3);
        assert_eq!(packet.header_len(), 32);
        assert_eq!(packet.payload_offset(), 32);
        assert_eq!(&packet.bytes()[32..34], packet.payload());
        assert!(!packet.is_padding_only());
    }

    #[test]
    fn padding_longer_than_the_packet_is_refused() {
        let mut bytes = FULL.to_vec();
        for claimed in 0..=255u8 {
            *bytes.last_mut().unwrap() = claimed;
            let parsed = Packet::parse(&bytes);
            if (1..=5).contains(&claimed) {
                assert_eq!(parsed.unwrap().payload().len(), 5 - usize::from(claimed));
            } else {
                let expected = ParseError::Padding { claimed, available: 5 };
                assert_eq!(parsed.unwrap_err(), expected);
            }
        }
    }

    #[test]
    fn padding_flag_on_an_empty_payload_is_refused() {
        let mut bytes = [0; 12];
        bytes[0] = 0xa0;
        let expected = ParseError::Padding { claimed: 0, available: 0 };
        assert_eq!(Packet::parse(&bytes).unwrap_err(), expected);
    }

    #[test]
    fn a_packet_of_padding_only_says_so() {
        let mut bytes = vec![0xa0; 12];
        bytes.extend([0, 0, 0, 4]);
        let packet = Packet::parse(&bytes).unwrap();
        assert!(packet.is_padding_only());
        assert_eq!(packet.payload(), []);
    }

    #[test]
    fn what_the_header_announces_must_be_there() {
        for len in 0..32 {
            let error = Packet::parse(&FULL[..len]).unwrap_err();
            assert!(
                matches!(error, ParseError::Truncated { needed, len: l } if l == len && needed > len)
            );
        }
    }

    #[test]
    fn other_versions_are_refused() {
        for version in [0, 1, 3] {
            let mut bytes = FULL.to_vec();
            bytes[0] = bytes[0] & 0x3f | version << 6;
            assert_eq!(Packet::parse(&bytes).unwrap_err(), ParseError::Version(version));
        }
    }

    #[test]
    fn an_extension_of_another_profile_has_no_elements() {
        let mut bytes = FULL.to_vec();
        bytes[20..22].copy_from_slice(&[0xab, 0xcd]);
        let packet = Packet::parse(&bytes).unwrap();
        assert_eq!(packet.extensions().count(), 0);
        assert_eq!(packet.payload(), [0xde, 0xad]);
    }
}
