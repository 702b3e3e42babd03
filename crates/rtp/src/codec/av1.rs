//! AV1 (RTP Payload Format For AV1, section 4.4): the aggregation header and the first OBU's header. The
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

/// OBU type of a sequence header (AV1 specification, section 6.2.2).
const SEQUENCE_HEADER: u8 = 1;

/// Reads a payload. Whether it begins a frame is told by what the header says: no continuation. A temporal unit of
/// many frames ends with the marker.
#[must_use]
pub fn inspect(payload: &[u8], marker: bool) -> Option<FrameInfo> {
    let mut reader = Reader::new(payload);
    let header = AggregationHeader::from_octet(reader.u8()?);
    let first = first_element(header, &mut reader)?;
    // Section 4.4: a packet that begins a coded video sequence cannot continue an OBU.
    if header.continues && header.new_sequence {
        return None;
    }
    let obu = if header.continues { None } else { Some(ObuHeader::read(first)?) };
    let begins_sequence = header.new_sequence || obu.is_some_and(|obu| obu.kind == SEQUENCE_HEADER);
    let layer = obu.and_then(|obu| obu.layer);
    Some(FrameInfo {
        keyframe: begins_sequence,
        frame_start: !header.continues,
        frame_end: marker,
        temporal_id: layer.map(|(temporal_id, _)| temporal_id),
        spatial_id: layer.map(|(_, spatial_id)| spatial_id),
    })
}

/// Every element but the last of W has its length before it.
fn first_element<'a>(header: AggregationHeader, reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let element = match header.elements {
        Some(1) => reader.rest(),
        _ => {
            let len = usize::try_from(reader.leb128()?).ok()?;
            reader.take(len)?
        }
    };
    (!element.is_empty()).then_some(element)
}

/// AV1 specification, section 5.3.
#[derive(Clone, Copy)]
struct ObuHeader {
    kind: u8,
    /// (temporal, spatial), when there is an extension.
    layer: Option<(u8, u8)>,
}

impl ObuHeader {
    /// `None` for the forbidden bit.
    fn read(element: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(element);
        let first = reader.u8()?;
        if first & 0x80 != 0 {
            return None;
        }
        let layer = if first & 0x04 != 0 {
            let extension = reader.u8()?;
            Some((extension >> 5, extension >> 3 & 0b11))
        } else {
            None
        };
        Some(Self { kind: first >> 3 & 0x0f, layer })
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
