//! Writing an RTP header with RFC 8285 extensions into a caller's buffer.

use std::fmt;

use crate::extension::Form;

/// The fields of the fixed RTP header that a sender chooses (RFC 3550 §5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The marker bit.
    pub marker: bool,
    /// The payload type, 0 to 127; the top bit is not written.
    pub payload_type: u8,
    /// The sequence number.
    pub sequence_number: u16,
    /// The timestamp, in units of the payload's clock rate.
    pub timestamp: u32,
    /// The synchronization source.
    pub ssrc: u32,
}

/// Why a header extension element was not written. The header is as it was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExtensionError {
    /// The local identifier 0 means padding.
    InvalidId,
    /// An element carries at most 255 octets; this one has so many.
    TooLong(usize),
    /// The buffer is full.
    BufferTooSmall,
}

impl fmt::Display for ExtensionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidId => write!(f, "header extension identifier 0"),
            Self::TooLong(len) => write!(f, "header extension element of {len} octets"),
            Self::BufferTooSmall => write!(f, "no room for the header extension element"),
        }
    }
}

impl std::error::Error for ExtensionError {}

/// Writes a header: the fixed part and the CSRCs at once, then the extension elements one by one.
///
/// The one-byte form is used until an element needs the other (identifier above 14, no data, or more
/// than 16 octets); the elements that are there are then converted in place. A caller who knows calls
/// [`two_byte`](Self::two_byte) first. Receivers that did not negotiate `extmap-allow-mixed`
/// expect one form throughout the stream (RFC 8285 §4.1.2).
#[derive(Debug)]
pub struct HeaderWriter<'o> {
    out: &'o mut [u8],
    len: usize,
    /// Where the header extension begins: after the fixed header and the CSRCs.
    extension: usize,
    form: Form,
}

const FIXED: usize = 12;
/// RFC 3550 §5.1: the count has four bits.
const MAX_CSRCS: usize = 15;
/// What stands before the extension elements: profile and length.
const EXTENSION_HEAD: usize = 4;

impl<'o> HeaderWriter<'o> {
    /// Writes the fixed header of a packet without contributing sources; `None` when `out` has less than 12 octets.
    #[must_use]
    #[inline]
    pub fn new(out: &'o mut [u8], header: &Header) -> Option<Self> {
        Self::with_csrcs(out, header, &[])
    }

    /// Writes the fixed header and the contributing sources; `None` when they are more than 15 or `out` has less than
    /// 12 octets and four for each.
    #[must_use]
    #[inline]
    pub fn with_csrcs(out: &'o mut [u8], header: &Header, csrcs: &[u32]) -> Option<Self> {
        let count = u8::try_from(csrcs.len()).ok()?;
        if csrcs.len() > MAX_CSRCS {
            return None;
        }
        let extension = FIXED + csrcs.len() * 4;
        let (fixed, list) = out.get_mut(..extension)?.split_first_chunk_mut::<FIXED>()?;
        let [s0, s1] = header.sequence_number.to_be_bytes();
        let [t0, t1, t2, t3] = header.timestamp.to_be_bytes();
        let [r0, r1, r2, r3] = header.ssrc.to_be_bytes();
        let second = u8::from(header.marker) << 7 | header.payload_type & 0x7f;
        *fixed = [0x80 | count, second, s0, s1, t0, t1, t2, t3, r0, r1, r2, r3];
        for (slot, csrc) in list.as_chunks_mut().0.iter_mut().zip(csrcs) {
            *slot = csrc.to_be_bytes();
        }
        Some(Self { out, len: extension, extension, form: Form::OneByte })
    }

    /// Where the extension elements begin.
    const fn elements(&self) -> usize {
        self.extension + EXTENSION_HEAD
    }

    /// Uses the two-byte form for what follows, and converts what is there.
    ///
    /// # Errors
    ///
    /// [`ExtensionError::BufferTooSmall`].
    pub fn two_byte(&mut self) -> Result<(), ExtensionError> {
        if self.form == Form::TwoByte {
            return Ok(());
        }
        // The padding to a multiple of four must fit as well.
        if self.two_byte_len().next_multiple_of(4) > self.out.len() {
            return Err(ExtensionError::BufferTooSmall);
        }
        let mut position = self.elements();
        while let Some((id, len)) = self.one_byte_element(position) {
            self.out.copy_within(position + 1..self.len, position + 2);
            if let Some(header) = self.out.get_mut(position..position + 2) {
                // At most 16, from four bits.
                header.copy_from_slice(&[id, u8::try_from(len).unwrap_or(0)]);
            }
            self.len += 1;
            position += 2 + len;
        }
        self.form = Form::TwoByte;
        Ok(())
    }

    /// Appends an element: `id` 1 to 255, `data` at most 255 octets.
    ///
    /// # Errors
    ///
    /// [`ExtensionError`]; nothing was written then.
    #[inline]
    pub fn extension(&mut self, id: u8, data: &[u8]) -> Result<(), ExtensionError> {
        let short = u8::try_from(data.len()).map_err(|_| ExtensionError::TooLong(data.len()))?;
        if id == 0 {
            return Err(ExtensionError::InvalidId);
        }
        let converts = self.form == Form::OneByte && (id > 14 || short == 0 || short > 16);
        let len = if converts { self.two_byte_len() } else { self.len };
        let start = len.max(self.elements());
        let head_len = if converts || self.form == Form::TwoByte { 2 } else { 1 };
        let end = start + head_len + data.len();
        // The padding to a multiple of four must fit as well. Asked before anything is converted: a failure changes nothing.
        if end.next_multiple_of(4) > self.out.len() {
            return Err(ExtensionError::BufferTooSmall);
        }
        if converts {
            self.two_byte()?;
        }
        let target = self.out.get_mut(start..end).ok_or(ExtensionError::BufferTooSmall)?;
        match (self.form, target) {
            (Form::OneByte, [head, target @ ..]) => {
                *head = id << 4 | (short - 1);
                target.copy_from_slice(data);
            }
            (Form::TwoByte, [first, second, target @ ..]) => {
                (*first, *second) = (id, short);
                target.copy_from_slice(data);
            }
            // Not so: the target has room for the head.
            _ => return Err(ExtensionError::BufferTooSmall),
        }
        self.len = end;
        Ok(())
    }

    /// Pads the extension, writes its head and gives the length of the header in octets.
    #[must_use]
    #[inline]
    pub fn finish(self) -> usize {
        let elements = self.elements();
        let Self { out, len, extension, form } = self;
        if len == extension {
            return extension;
        }
        let end = len.next_multiple_of(4);
        let words = u16::try_from((end - elements) / 4);
        let (Some(padding), Ok(words)) = (out.get_mut(len..end), words) else {
            // `extension` reserved the padding, so this is only the case of 65,536 words: a header of
            // a quarter of a megabyte goes out without its extension.
            return extension;
        };
        padding.fill(0);
        if let Some(head) = out.get_mut(extension..elements) {
            let [p0, p1] = form.profile().to_be_bytes();
            let [w0, w1] = words.to_be_bytes();
            head.copy_from_slice(&[p0, p1, w0, w1]);
        }
        if let Some(first) = out.first_mut() {
            *first |= 0x10;
        }
        end
    }

    /// How long the header would be with its one-byte elements converted, each of which grows by one octet.
    fn two_byte_len(&self) -> usize {
        let (mut position, mut count) = (self.elements(), 0);
        while let Some((_, len)) = self.one_byte_element(position) {
            position += 1 + len;
            count += 1;
        }
        self.len + count
    }

    /// Identifier and data length of the one-byte element at `position`.
    fn one_byte_element(&self, position: usize) -> Option<(u8, usize)> {
        if position >= self.len {
            return None;
        }
        let head = *self.out.get(position)?;
        Some((head >> 4, usize::from(head & 0x0f) + 1))
    }
}

/// Appends padding to a packet that lies in the first `len` octets of `out`: `count` octets, the count octet included, and the
/// padding bit (RFC 3550 §5.1). Gives the new length; `None` when there is no room, for a count of 0, or when `len` is less
/// than a header or the packet is padded already. Probes are padding and nothing else; a few octets make datagrams of one
/// frame equally long.
pub fn pad(out: &mut [u8], len: usize, count: u8) -> Option<usize> {
    let end = len.checked_add(usize::from(count))?;
    let (packet, padding) = out.get_mut(..end)?.split_at_mut_checked(len)?;
    let (last, zeros) = padding.split_last_mut()?;
    let [first, ..] = packet.first_chunk_mut::<FIXED>()?;
    if *first & 0x20 != 0 {
        return None;
    }
    *first |= 0x20;
    zeros.fill(0);
    *last = count;
    Some(end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Packet;

    const HEADER: Header = Header {
        marker: true,
        payload_type: 111,
        sequence_number: 0xfffe,
        timestamp: 0x0102_0304,
        ssrc: 0x1122_3344,
    };

    /// Found by fuzzing: 26 octets of elements fitted 27, but not with their padding, and the header went out without them.
    #[test]
    fn elements_are_not_converted_where_their_padding_does_not_fit() {
        for (size, fits) in [(27, false), (28, true)] {
            let mut out = vec![0; size];
            let mut writer = HeaderWriter::new(&mut out, &HEADER).unwrap();
            let elements: [(u8, &[u8]); 3] = [(1, &[2, 3]), (1, &[4]), (9, &[5])];
            for (id, data) in elements {
                writer.extension(id, data).unwrap();
            }
            assert_eq!(writer.two_byte().is_ok(), fits);
            let len = writer.finish();
            assert!(Packet::parse(&out[..len]).unwrap().extensions().eq(elements));
        }
    }

    #[test]
    fn a_header_without_extensions_has_twelve_octets() {
        let mut out = [0xff; 12];
        let writer = HeaderWriter::new(&mut out, &HEADER).unwrap();
        assert_eq!(writer.finish(), 12);
        assert_eq!(out, [0x80, 0xef, 0xff, 0xfe, 1, 2, 3, 4, 0x11, 0x22, 0x33, 0x44]);
        assert!(HeaderWriter::new(&mut [0; 11], &HEADER).is_none());
    }

    /// RFC 3550 §5.1: the count in the first octet, the list after the SSRC, the extension after the list.
    #[test]
    fn contributing_sources_stand_before_the_extension() {
        let mut out = [0xff; 64];
        let mut writer = HeaderWriter::with_csrcs(&mut out, &HEADER, &[1, 0xcafe_babe]).unwrap();
        writer.extension(2, &[9]).unwrap();
        let len = writer.finish();
        assert_eq!(len, 28);
        assert_eq!(out[0], 0x92);
        assert_eq!(
            out[12..28],
            [0, 0, 0, 1, 0xca, 0xfe, 0xba, 0xbe, 0xbe, 0xde, 0, 1, 0x20, 9, 0, 0]
        );
        let packet = Packet::parse(&out[..len]).unwrap();
        assert_eq!(packet.csrcs().collect::<Vec<_>>(), [1, 0xcafe_babe]);
    }

    #[test]
    fn contributing_sources_are_fifteen_at_most_and_must_fit() {
        let mut out = [0; 72];
        assert_eq!(HeaderWriter::with_csrcs(&mut out, &HEADER, &[7; 15]).unwrap().finish(), 72);
        assert_eq!(Packet::parse(&out).unwrap().csrcs().collect::<Vec<_>>(), [7; 15]);
        assert!(HeaderWriter::with_csrcs(&mut out[..71], &HEADER, &[7; 15]).is_none());
        assert!(HeaderWriter::with_csrcs(&mut [0; 128], &HEADER, &[7; 16]).is_none());
    }

    /// RFC 8285 §4.2: ID and length in one octet, length less one, padded with zeros.
    #[test]
    fn the_one_byte_form() {
        let mut out = [0xff; 64];
        let mut writer = HeaderWriter::new(&mut out, &HEADER).unwrap();
        writer.extension(1, b"0").unwrap();
        writer.extension(3, &[0, 7]).unwrap();
        let len = writer.finish();
        assert_eq!(out[0], 0x90);
        assert_eq!(out[12..len], [0xbe, 0xde, 0, 2, 0x10, b'0', 0x31, 0, 7, 0, 0, 0]);
    }

    /// RFC 8285 §4.3.
    #[test]
    fn an_element_that_needs_it_converts_the_others() {
        let mut out = [0xff; 64];
        let mut writer = HeaderWriter::new(&mut out, &HEADER).unwrap();
        writer.extension(1, b"0").unwrap();
        writer.extension(3, &[0, 7]).unwrap();
        writer.extension(7, &[]).unwrap();
        let len = writer.finish();
        let expected = [0x10, 0, 0, 3, 1, 1, b'0', 3, 2, 0, 7, 7, 0, 0, 0, 0];
        assert_eq!(out[12..len], expected);
    }

    #[test]
    fn what_does_not_fit_changes_nothing() {
        let mut out = [0xff; 24];
        let mut writer = HeaderWriter::new(&mut out, &HEADER).unwrap();
        writer.extension(1, &[1; 4]).unwrap();
        assert_eq!(writer.extension(2, &[2; 4]), Err(ExtensionError::BufferTooSmall));
        assert_eq!(writer.extension(0, &[]), Err(ExtensionError::InvalidId));
        assert_eq!(writer.extension(1, &[0; 256]), Err(ExtensionError::TooLong(256)));
        writer.extension(2, &[2]).unwrap();
        assert_eq!(writer.finish(), 24);
        let packet = Packet::parse(&out).unwrap();
        let elements: Vec<_> = packet.extensions().collect();
        assert_eq!(elements, [(1, &[1; 4][..]), (2, &[2][..])]);
    }

    #[test]
    fn no_room_to_convert_changes_nothing() {
        let mut out = [0xff; 20];
        let mut writer = HeaderWriter::new(&mut out, &HEADER).unwrap();
        writer.extension(1, &[1; 3]).unwrap();
        assert_eq!(writer.extension(200, &[]), Err(ExtensionError::BufferTooSmall));
        assert_eq!(writer.finish(), 20);
        assert_eq!(Packet::parse(&out).unwrap().extension(1), Some(&[1; 3][..]));
    }

    /// There is room for the elements in the two-byte form, but not for the one that needs it.
    #[test]
    fn an_element_that_does_not_fit_converts_nothing() {
        let mut out = [0xff; 24];
        let mut writer = HeaderWriter::new(&mut out, &HEADER).unwrap();
        writer.extension(1, &[1; 3]).unwrap();
        for (id, data) in [(200, &[7; 4][..]), (2, &[7; 17]), (255, &[7; 255])] {
            assert_eq!(writer.extension(id, data), Err(ExtensionError::BufferTooSmall), "{id}");
        }
        // In the two-byte form these would not fit.
        writer.extension(2, &[2; 3]).unwrap();
        assert_eq!(writer.finish(), 24);
        assert_eq!(out[12..], [0xbe, 0xde, 0, 2, 0x12, 1, 1, 1, 0x22, 2, 2, 2]);
    }

    /// The element that converts and fills the buffer to its last octet.
    #[test]
    fn an_element_that_just_fits_converts_the_others() {
        let mut out = [0xff; 24];
        let mut writer = HeaderWriter::new(&mut out, &HEADER).unwrap();
        writer.extension(1, &[1; 3]).unwrap();
        writer.extension(200, &[7]).unwrap();
        assert_eq!(writer.finish(), 24);
        assert_eq!(out[12..], [0x10, 0, 0, 2, 1, 3, 1, 1, 1, 200, 1, 7]);
    }

    #[test]
    fn padding_is_appended_and_read_back() {
        let mut out = [0xff; 300];
        let len = HeaderWriter::new(&mut out, &HEADER).unwrap().finish();
        out[len..len + 2].copy_from_slice(&[1, 2]);
        for count in [1, 2, 255] {
            let mut padded = out;
            let end = pad(&mut padded, len + 2, count).unwrap();
            let packet = Packet::parse(&padded[..end]).unwrap();
            assert_eq!((packet.payload(), packet.padding_len()), (&[1, 2][..], count.into()));
            assert!(padded[len + 2..end - 1].iter().all(|octet| *octet == 0));
            assert_eq!(pad(&mut padded, end, 1), None, "once only");
        }
        let mut probe = out;
        let end = pad(&mut probe, len, 255).unwrap();
        assert!(Packet::parse(&probe[..end]).unwrap().is_padding_only());
    }

    #[test]
    fn padding_that_cannot_be_changes_nothing() {
        let mut out = [0x80; 20];
        assert_eq!((pad(&mut out, 12, 0), pad(&mut out, 12, 9)), (None, None));
        assert_eq!((pad(&mut out, 11, 1), pad(&mut out, 21, 1)), (None, None));
        assert_eq!(pad(&mut out, usize::MAX, 1), None);
        assert_eq!(out, [0x80; 20]);
        assert_eq!(pad(&mut out, 12, 8), Some(20));
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(
            payload_type in 0u8..128,
            marker: bool,
            sequence_number: u16,
            timestamp: u32,
            ssrc: u32,
            csrcs in proptest::collection::vec(any::<u32>(), 0..=15),
            two_byte: bool,
            elements in proptest::collection::vec(
                (1u8..=20, proptest::collection::vec(any::<u8>(), 0..20)), 0..8),
            payload in proptest::collection::vec(any::<u8>(), 0..50),
        ) {
            let header = Header { marker, payload_type, sequence_number, timestamp, ssrc };
            let mut out = [0xff; 512];
            let mut writer = HeaderWriter::with_csrcs(&mut out, &header, &csrcs).unwrap();
            if two_byte {
                writer.two_byte().unwrap();
            }
            for (id, data) in &elements {
                writer.extension(*id, data).unwrap();
            }
            let len = writer.finish();
            out[len..len + payload.len()].copy_from_slice(&payload);
            let packet = Packet::parse(&out[..len + payload.len()]).unwrap();
            prop_assert_eq!(packet.marker(), marker);
            prop_assert_eq!(packet.payload_type(), payload_type);
            prop_assert_eq!(packet.sequence_number(), sequence_number);
            prop_assert_eq!(packet.timestamp(), timestamp);
            prop_assert_eq!(packet.ssrc(), ssrc);
            prop_assert_eq!(packet.csrcs().collect::<Vec<_>>(), csrcs);
            prop_assert_eq!(packet.payload(), payload);
            let read: Vec<_> = packet.extensions().map(|(id, data)| (id, data.to_vec())).collect();
            prop_assert_eq!(read, elements);
        }
    }
}
