//! Changing an RTP packet where it lies: what forwarding rewrites without moving an octet.

use std::ops::Range;

use crate::extension::erase;
use crate::packet::{Packet, ParseError};

/// A parsed RTP packet whose header fields, extension elements and payload can be changed in place. Nothing here
/// changes its length or its layout; to add elements, write a new header with [`HeaderWriter`](crate::HeaderWriter).
#[derive(Debug)]
pub struct PacketMut<'a> {
    bytes: &'a mut [u8],
    payload: Range<usize>,
}

impl<'a> PacketMut<'a> {
    /// Parses a whole packet as [`Packet::parse`] does.
    ///
    /// # Errors
    ///
    /// [`ParseError`], which says what did not fit.
    pub fn parse(bytes: &'a mut [u8]) -> Result<Self, ParseError> {
        let packet = Packet::parse(bytes)?;
        let start = packet.header_len();
        let payload = start..start + packet.payload().len();
        Ok(Self { bytes, payload })
    }

    /// The whole packet as it is now.
    #[must_use]
    pub const fn bytes(&self) -> &[u8] {
        self.bytes
    }

    /// Sets the marker bit.
    pub fn set_marker(&mut self, marker: bool) {
        self.write(1, |[second]| [second & 0x7f | u8::from(marker) << 7]);
    }

    /// Sets the payload type, 0 to 127; the top bit is not written.
    pub fn set_payload_type(&mut self, payload_type: u8) {
        self.write(1, |[second]| [second & 0x80 | payload_type & 0x7f]);
    }

    /// Sets the sequence number.
    pub fn set_sequence_number(&mut self, sequence_number: u16) {
        self.write(2, |_| sequence_number.to_be_bytes());
    }

    /// Sets the timestamp.
    pub fn set_timestamp(&mut self, timestamp: u32) {
        self.write(4, |_| timestamp.to_be_bytes());
    }

    /// Sets the synchronization source.
    pub fn set_ssrc(&mut self, ssrc: u32) {
        self.write(8, |_| ssrc.to_be_bytes());
    }

    /// The data of the first header extension element with this local identifier, to be overwritten: a transport-wide
    /// sequence number, a send time, the frame number of a dependency descriptor.
    pub fn extension_mut(&mut self, id: u8) -> Option<&mut [u8]> {
        let data = self.find(id)?;
        self.bytes.get_mut(data)
    }

    /// Turns every element with this local identifier into padding (RFC 8285 §4.1.1 allows it between elements), and
    /// says whether there was one. For elements that are not for the next hop: a RID, a level that was not agreed on.
    pub fn remove_extension(&mut self, id: u8) -> bool {
        let Some((form, body)) = Packet::parse(self.bytes).ok().and_then(|p| p.extension_body())
        else {
            return false;
        };
        self.bytes.get_mut(body).is_some_and(|body| erase(form, body, id))
    }

    /// The payload without padding: payload descriptors are rewritten here.
    pub fn payload_mut(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.payload.clone()).unwrap_or_default()
    }

    /// Where the data of the first element with this identifier stands.
    fn find(&self, id: u8) -> Option<Range<usize>> {
        // It parsed before, and nothing that can be changed here decides whether it parses.
        Packet::parse(self.bytes).ok()?.extension_position(id)
    }

    fn write<const N: usize>(&mut self, at: usize, change: impl FnOnce([u8; N]) -> [u8; N]) {
        if let Some(field) = self.bytes.get_mut(at..).and_then(|rest| rest.first_chunk_mut()) {
            *field = change(*field);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::tests::FULL;

    #[test]
    fn every_field_of_the_header_is_set_and_no_other_octet_changes() {
        let mut bytes = FULL.to_vec();
        let mut packet = PacketMut::parse(&mut bytes).unwrap();
        packet.set_marker(false);
        packet.set_payload_type(0xff);
        packet.set_sequence_number(0xfffe);
        packet.set_timestamp(0x0102_0304);
        packet.set_ssrc(0x1122_3344);
        let view = Packet::parse(packet.bytes()).unwrap();
        assert_eq!((view.marker(), view.payload_type()), (false, 127));
        assert_eq!((view.sequence_number(), view.timestamp()), (0xfffe, 0x0102_0304));
        assert_eq!(view.ssrc(), 0x1122_3344);
        assert_eq!((bytes[0], &bytes[12..]), (FULL[0], &FULL[12..]));
        PacketMut::parse(&mut bytes).unwrap().set_marker(true);
        assert_eq!(bytes[1], 0xff);
    }

    #[test]
    fn an_element_is_overwritten_in_place() {
        let mut bytes = FULL.to_vec();
        let mut packet = PacketMut::parse(&mut bytes).unwrap();
        packet.extension_mut(3).unwrap().copy_from_slice(&[1, 2, 3]);
        assert!(packet.extension_mut(2).is_none());
        let view = Packet::parse(&bytes).unwrap();
        assert_eq!(view.extension(3), Some(&[1, 2, 3][..]));
        assert_eq!(view.extension(1), Some(&b"0"[..]));
        assert_eq!(view.payload(), [0xde, 0xad]);
    }

    #[test]
    fn a_removed_element_is_padding_and_the_others_stay() {
        let mut bytes = FULL.to_vec();
        let mut packet = PacketMut::parse(&mut bytes).unwrap();
        assert!(packet.remove_extension(1));
        assert!(!packet.remove_extension(1));
        let view = Packet::parse(&bytes).unwrap();
        assert_eq!(view.extensions().collect::<Vec<_>>(), [(3, &[0xaa, 0xbb, 0xcc][..])]);
        assert_eq!(bytes.len(), FULL.len());
    }

    /// The two-byte form: an element without data, one given twice, and one between them.
    #[test]
    fn all_elements_of_an_identifier_are_removed() {
        let mut bytes = [&[0x90; 1][..], &[0x60; 11], &[0x10, 0, 0, 3]].concat();
        bytes.extend([200, 0, 7, 1, 9, 200, 3, 1, 2, 3, 0, 0]);
        let mut packet = PacketMut::parse(&mut bytes).unwrap();
        assert!(packet.extension_mut(200).is_some_and(|data| data.is_empty()));
        assert!(packet.remove_extension(200));
        let view = Packet::parse(&bytes).unwrap();
        assert_eq!(view.extensions().collect::<Vec<_>>(), [(7, &[9][..])]);
        assert_eq!(bytes[16..], [0, 0, 7, 1, 9, 0, 0, 0, 0, 0, 0, 0]);
    }

    /// The largest header extension there is, full of one identifier: 131,070 elements of two octets, each looked at once. (One
    /// search from the beginning for each of them would look at 8.6 billion.)
    #[test]
    fn a_header_full_of_one_identifier_is_cleared_in_one_pass() {
        let mut bytes = [&[0x90; 1][..], &[0x60; 11], &[0xbe, 0xde, 0xff, 0xff]].concat();
        bytes.extend([0x10, 7].repeat(2 * 65_535));
        bytes.extend([0xde, 0xad]);
        let mut packet = PacketMut::parse(&mut bytes).unwrap();
        assert!(!packet.remove_extension(2));
        assert!(packet.remove_extension(1));
        assert!(bytes[16..bytes.len() - 2].iter().all(|octet| *octet == 0));
        assert_eq!(Packet::parse(&bytes).unwrap().payload(), [0xde, 0xad]);
    }

    #[test]
    fn the_payload_is_written_without_the_padding() {
        let mut bytes = FULL.to_vec();
        let mut packet = PacketMut::parse(&mut bytes).unwrap();
        packet.payload_mut().copy_from_slice(&[1, 2]);
        assert_eq!(Packet::parse(&bytes).unwrap().payload(), [1, 2]);
        assert_eq!(bytes[34..], FULL[34..]);
    }

    #[test]
    fn what_does_not_parse_is_refused_as_by_the_view() {
        for len in 0..FULL.len() {
            let mut bytes = FULL[..len].to_vec();
            let expected = Packet::parse(&FULL[..len]).map(|_| ()).err();
            assert_eq!(PacketMut::parse(&mut bytes).map(|_| ()).err(), expected);
        }
    }
}
