//! AV1 (RTP Payload Format For AV1, section 4.4): the aggregation header, the OBU elements behind it and their headers. The
//! dependency descriptor says more and is asked first: see [`inspect`](super::inspect).

use super::FrameInfo;
use crate::bytes::Reader;

/// The aggregation header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AggregationHeader {
    /// The first OBU element continues one of the packet before (Z bit).
    pub continues: bool,
    /// The last OBU element goes on in the next packet (Y bit).
    pub continued: bool,
    /// Number of OBU elements, 1 to 3; `None` when each of them has a length field (W of 0).
    pub elements: Option<u8>,
    /// First packet of a coded video sequence (N bit).
    pub new_sequence: bool,
}

impl AggregationHeader {
    /// Reads the octet.
    #[must_use]
    pub const fn from_octet(octet: u8) -> Self {
        let elements = match octet >> 4 & 0b11 {
            0 => None,
            count => Some(count),
        };
        Self {
            continues: octet & 0x80 != 0,
            continued: octet & 0x40 != 0,
            elements,
            new_sequence: octet & 0x08 != 0,
        }
    }
}

/// OBU types (AV1 specification, section 6.2.2).
pub mod obu_type {
    /// What a coded video sequence begins with.
    pub const SEQUENCE_HEADER: u8 = 1;
    /// Senders should not put it into packets.
    pub const TEMPORAL_DELIMITER: u8 = 2;
    /// The header of a frame without its tiles.
    pub const FRAME_HEADER: u8 = 3;
    /// Tiles.
    pub const TILE_GROUP: u8 = 4;
    /// Metadata.
    pub const METADATA: u8 = 5;
    /// A frame header with tiles.
    pub const FRAME: u8 = 6;
}

/// One OBU element of a payload: a whole OBU or a part of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObuElement<'a> {
    /// It goes on with an OBU of the packet before, and so has no header.
    pub continues: bool,
    /// It goes on in the next packet.
    pub continued: bool,
    /// The octets, with the OBU's header if it begins here.
    pub data: &'a [u8],
}

impl ObuElement<'_> {
    /// The OBU's header; `None` for a continuation and for a header that is cut or has the forbidden bit.
    #[must_use]
    pub fn header(&self) -> Option<ObuHeader> {
        if self.continues { None } else { ObuHeader::read(self.data) }
    }
}

/// The OBU elements of a payload; `None` for a payload without an aggregation header or with one that cannot be. The iterator
/// ends early at an element that is not there: see [`Elements::is_complete`].
#[must_use]
pub fn elements(payload: &[u8]) -> Option<Elements<'_>> {
    let mut reader = Reader::new(payload);
    let header = AggregationHeader::from_octet(reader.u8()?);
    // Section 4.4: a packet that begins a coded video sequence cannot continue an OBU.
    if header.continues && header.new_sequence {
        return None;
    }
    Some(Elements { header, reader, read: 0 })
}

/// Iterator over the OBU elements of a payload: see [`elements`].
#[derive(Clone, Debug)]
pub struct Elements<'a> {
    header: AggregationHeader,
    reader: Reader<'a>,
    /// How many were given, as far as three.
    read: u8,
}

impl<'a> Elements<'a> {
    /// The aggregation header.
    #[must_use]
    pub const fn header(&self) -> AggregationHeader {
        self.header
    }

    /// Whether the payload ended where its last element did: false before that, and for an element that was not there or for
    /// fewer of them than announced.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.reader.is_empty() && self.header.elements.is_none_or(|count| count == self.read)
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = ObuElement<'a>;

    fn next(&mut self) -> Option<ObuElement<'a>> {
        if self.reader.is_empty() {
            return None;
        }
        let mut reader = self.reader;
        // The last of a known number takes the rest; every other one has its length before it.
        let data = if self.header.elements == Some(self.read + 1) {
            reader.take(reader.len())?
        } else {
            let len = usize::try_from(reader.leb128()?).ok()?;
            reader.take(len)?
        };
        // Section 4.4: the sizes of elements are larger than zero.
        if data.is_empty() {
            return None;
        }
        self.reader = reader;
        let element = ObuElement {
            continues: self.read == 0 && self.header.continues,
            continued: reader.is_empty() && self.header.continued,
            data,
        };
        self.read = self.read.saturating_add(1).min(3);
        Some(element)
    }
}

/// Reads a payload. Whether it begins a frame is told by what the header says: no continuation. A temporal unit of
/// many frames ends with the marker.
#[must_use]
pub fn inspect(payload: &[u8], marker: bool) -> Option<FrameInfo> {
    let mut elements = elements(payload)?;
    let header = elements.header();
    let first = elements.next()?;
    let first_header = if first.continues { None } else { Some(first.header()?) };
    // What a sequence begins with may stand behind a delimiter or metadata, never behind a frame.
    let begins_sequence = header.new_sequence
        || std::iter::once(first)
            .chain(elements)
            .filter(|element| !element.continues)
            .map_while(|element| element.header())
            .take_while(|header| {
                !matches!(
                    header.kind,
                    obu_type::FRAME_HEADER..=obu_type::TILE_GROUP | obu_type::FRAME
                )
            })
            .any(|header| header.kind == obu_type::SEQUENCE_HEADER);
    let keyframe = begins_sequence && !header.continues;
    let layer = first_header.and_then(|header| header.layer);
    Some(FrameInfo {
        keyframe,
        frame_start: !header.continues,
        frame_end: marker,
        temporal_id: layer.map(|layer| layer.temporal_id),
        spatial_id: layer.map(|layer| layer.spatial_id),
        switching_point: keyframe,
        discardable: false,
        picture_id: None,
    })
}

/// The header of an OBU (AV1 specification, section 5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObuHeader {
    /// What it is: see [`obu_type`].
    pub kind: u8,
    /// The layers, when there is an extension.
    pub layer: Option<ObuLayer>,
    /// Its size stands behind the header. Senders should leave it out, for the element has it.
    pub has_size: bool,
}

/// The layers of an OBU (AV1 specification, section 5.3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObuLayer {
    /// 0 to 7.
    pub temporal_id: u8,
    /// 0 to 3.
    pub spatial_id: u8,
}

impl ObuHeader {
    /// Reads it at the beginning of an OBU; `None` when it is cut or has the forbidden bit.
    #[must_use]
    pub fn read(obu: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(obu);
        let first = reader.u8()?;
        if first & 0x80 != 0 {
            return None;
        }
        let layer = if first & 0x04 != 0 {
            let extension = reader.u8()?;
            Some(ObuLayer { temporal_id: extension >> 5, spatial_id: extension >> 3 & 0b11 })
        } else {
            None
        };
        Some(Self { kind: first >> 3 & 0x0f, layer, has_size: first & 0x02 != 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(payload: &[u8]) -> (bool, bool) {
        let info = inspect(payload, false).unwrap();
        assert!(!info.frame_end);
        (info.keyframe, info.frame_start)
    }

    /// OBU headers: sequence header (type 1) and frame (type 6).
    const SEQUENCE: u8 = 1 << 3;
    const FRAME: u8 = 6 << 3;

    #[test]
    fn a_new_sequence_is_a_keyframe() {
        // N, W of 2: sequence header with its length, then a frame.
        assert_eq!(info(&[0b0010_1000, 2, SEQUENCE, 0, FRAME, 0]), (true, true));
        // The same without N: the sequence header tells.
        assert_eq!(info(&[0b0010_0000, 2, SEQUENCE, 0, FRAME, 0]), (true, true));
        // W of 0: all have lengths.
        assert_eq!(info(&[0b0000_0000, 2, SEQUENCE, 0, 2, FRAME, 0]), (true, true));
        assert_eq!(info(&[0b0001_0000, SEQUENCE, 0]), (true, true));
    }

    #[test]
    fn other_frames_are_not() {
        assert_eq!(info(&[0b0001_0000, FRAME, 0]), (false, true));
        assert_eq!(info(&[0b1001_0000, SEQUENCE, 0]), (false, false), "a continuation");
        assert!(inspect(&[0b0001_0000, FRAME, 0], true).unwrap().frame_end);
    }

    #[test]
    fn the_obu_extension_gives_the_layers() {
        let payload = [0b0001_0000, FRAME | 4, 0b010_01_000, 0];
        let info = inspect(&payload, false).unwrap();
        assert_eq!((info.temporal_id, info.spatial_id), (Some(2), Some(1)));
    }

    #[test]
    fn a_sequence_header_behind_a_delimiter_is_found_and_one_behind_a_frame_is_not() {
        const DELIMITER: u8 = 2 << 3;
        assert_eq!(info(&[0b0011_0000, 1, DELIMITER, 2, SEQUENCE, 0, FRAME]), (true, true));
        assert_eq!(info(&[0b0000_0000, 2, FRAME, 0, 2, SEQUENCE, 0]), (false, true));
        assert_eq!(info(&[0b1010_0000, 1, 9, SEQUENCE]), (false, false), "behind a continuation");
    }

    #[test]
    fn elements_have_lengths_but_for_the_last_of_a_known_number() {
        let list = |payload| {
            let mut all = elements(payload).unwrap();
            let list: Vec<_> =
                all.by_ref().map(|e| (e.continues, e.continued, e.data.len())).collect();
            (list, all.is_complete())
        };
        // Z and Y, W of 3.
        let three = [0b1111_0000, 1, 9, 2, FRAME, 0, FRAME, 1, 2];
        assert_eq!(list(&three).0, [(true, false, 1), (false, false, 2), (false, true, 3)]);
        assert!(list(&three).1);
        // W of 0: any number.
        let five = [0, 1, 9, 1, 9, 1, 9, 1, 9, 1, 9];
        assert_eq!((list(&five).0.len(), list(&five).1), (5, true));
        // Lengths that lie, fewer than announced, and none.
        for cut in
            [&[0, 1, 9, 2, 9][..], &[0b0010_0000, 1, 9], &[0b0011_0000, 1, 9, 0], &[0b0001_0000]]
        {
            assert!(!list(cut).1, "{cut:?}");
        }
        assert!(elements(&[]).is_none() && elements(&[0b1000_1000, 1]).is_none());
    }

    #[test]
    fn obu_headers() {
        let header = ObuHeader::read(&[FRAME | 0b110, 0b101_10_000]).unwrap();
        let layer = ObuLayer { temporal_id: 5, spatial_id: 2 };
        assert_eq!(header, ObuHeader { kind: obu_type::FRAME, layer: Some(layer), has_size: true });
        assert_eq!(ObuHeader::read(&[FRAME]).unwrap().layer, None);
        assert_eq!(ObuHeader::read(&[]), None);
    }

    #[test]
    fn what_cannot_be_says_nothing() {
        let refused: [&[u8]; 8] = [
            &[],
            &[0b0001_0000],
            &[0b0010_0000, 5, FRAME],
            &[0b0010_0000, 0, FRAME],
            &[0b0000_0000, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            &[0b0001_0000, 0x80 | FRAME],
            &[0b1001_1000, FRAME],
            &[0b0001_0000, FRAME | 4],
        ];
        for payload in refused {
            assert_eq!(inspect(payload, true), None, "{payload:?}");
        }
    }

    #[test]
    fn the_aggregation_header() {
        let header = AggregationHeader::from_octet(0b1110_1000);
        let expected = AggregationHeader {
            continues: true,
            continued: true,
            elements: Some(2),
            new_sequence: true,
        };
        assert_eq!(header, expected);
        assert_eq!(AggregationHeader::from_octet(0).elements, None);
    }
}
