//! VP9 (RFC 9628 §4.2), flexible mode and not.

use super::FrameInfo;
use crate::bytes::Reader;

/// The VP9 payload descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// Picture identifier: 7 or 15 bits.
    pub picture_id: Option<u16>,
    /// The frame refers to frames of earlier pictures (P bit).
    pub inter_picture_predicted: bool,
    /// Flexible mode (F bit): references are in the packet.
    pub flexible: bool,
    /// First packet of its layer frame (B bit).
    pub start_of_frame: bool,
    /// Last packet of its layer frame (E bit).
    pub end_of_frame: bool,
    /// No frame of a higher spatial layer refers to this one (Z bit).
    pub not_reference_for_upper_spatial_layers: bool,
    /// The layers (L bit).
    pub layer: Option<Layer>,
    /// Counts the frames of temporal layer 0; not in flexible mode.
    pub tl0_picture_index: Option<u8>,
    /// A scalability structure is there (V bit): spatial layers, 1 to 8.
    pub spatial_layers: Option<u8>,
    /// Octets that the descriptor takes.
    pub len: usize,
}

/// The layers of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// 0 to 7.
    pub temporal_id: u8,
    /// Later frames of this temporal layer refer to nothing before this one (U bit): a switching point.
    pub switching_up_point: bool,
    /// 0 to 7.
    pub spatial_id: u8,
    /// The frame refers to the layer below of the same picture (D bit).
    pub inter_layer_predicted: bool,
}

impl Descriptor {
    /// Reads the descriptor at the beginning of a payload.
    #[must_use]
    pub fn read(payload: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(payload);
        let first = reader.u8()?;
        let has = |bit: u8| first & bit != 0;
        let picture_id = if has(0x80) { Some(read_picture_id(&mut reader)?) } else { None };
        let flexible = has(0x10);
        let layer = if has(0x20) { Some(Layer::from_octet(reader.u8()?)) } else { None };
        let tl0_picture_index = if has(0x20) && !flexible { Some(reader.u8()?) } else { None };
        if flexible && has(0x40) {
            skip_references(&mut reader)?;
        }
        let spatial_layers =
            if has(0x02) { Some(skip_scalability_structure(&mut reader)?) } else { None };
        Some(Self {
            picture_id,
            inter_picture_predicted: has(0x40),
            flexible,
            start_of_frame: has(0x08),
            end_of_frame: has(0x04),
            not_reference_for_upper_spatial_layers: has(0x01),
            layer,
            tl0_picture_index,
            spatial_layers,
            len: payload.len() - reader.len(),
        })
    }

    /// Whether a keyframe begins here: a frame of the lowest spatial layer that refers to nothing.
    #[must_use]
    pub fn begins_keyframe(&self) -> bool {
        let lowest = self.layer.is_none_or(|l| l.spatial_id == 0 && !l.inter_layer_predicted);
        self.start_of_frame && !self.inter_picture_predicted && lowest
    }
}

impl Layer {
    const fn from_octet(octet: u8) -> Self {
        Self {
            temporal_id: octet >> 5,
            switching_up_point: octet & 0x10 != 0,
            spatial_id: octet >> 1 & 0x07,
            inter_layer_predicted: octet & 0x01 != 0,
        }
    }
}

fn read_picture_id(reader: &mut Reader<'_>) -> Option<u16> {
    let first = reader.u8()?;
    if first & 0x80 == 0 {
        return Some(u16::from(first));
    }
    Some(u16::from_be_bytes([first & 0x7f, reader.u8()?]))
}

/// Reference indices: one octet each, up to three, the lowest bit says whether another follows.
fn skip_references(reader: &mut Reader<'_>) -> Option<()> {
    for _ in 0..3 {
        if reader.u8()? & 1 == 0 {
            return Some(());
        }
    }
    // §4.2: at most three; a fourth is announced here.
    None
}

/// §4.2.1. Gives the number of spatial layers.
fn skip_scalability_structure(reader: &mut Reader<'_>) -> Option<u8> {
    let first = reader.u8()?;
    let spatial_layers = (first >> 5) + 1;
    if first & 0x10 != 0 {
        // Width and height of each spatial layer.
        reader.take(usize::from(spatial_layers) * 4)?;
    }
    if first & 0x08 != 0 {
        let pictures = reader.u8()?;
        for _ in 0..pictures {
            let references = reader.u8()? >> 2 & 0b11;
            reader.take(usize::from(references))?;
        }
    }
    Some(spatial_layers)
}

/// Reads a payload. The end of a frame is that of its layer frame (E bit); the marker ends the picture.
#[must_use]
pub fn inspect(payload: &[u8]) -> Option<FrameInfo> {
    let descriptor = Descriptor::read(payload)?;
    // A descriptor alone is no frame.
    payload.get(descriptor.len)?;
    Some(FrameInfo {
        keyframe: descriptor.begins_keyframe(),
        frame_start: descriptor.start_of_frame,
        frame_end: descriptor.end_of_frame,
        temporal_id: descriptor.layer.map(|layer| layer.temporal_id),
        spatial_id: descriptor.layer.map(|layer| layer.spatial_id),
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// I L B V, not flexible; picture 0x1234; layers 0/0; TL0PICIDX 7; structure of two spatial layers with sizes and
    /// a group of two pictures with one reference and none; one octet of payload.
    pub(in crate::codec) const KEYFRAME: &[u8] = &[
        0b1010_1010,
        0x92,
        0x34,
        0b000_0_000_0,
        7, // descriptor
        0b001_1_1_000,
        1,
        64,
        0,
        180,
        2,
        128,
        1,
        104,
        2,
        0b000_0_01_00,
        1,
        0b001_0_00_00, // SS
        0x82,
    ];

    #[test]
    fn a_keyframe_with_a_scalability_structure() {
        let descriptor = Descriptor::read(KEYFRAME).unwrap();
        assert_eq!(descriptor.picture_id, Some(0x1234));
        assert_eq!(descriptor.tl0_picture_index, Some(7));
        assert_eq!(descriptor.spatial_layers, Some(2));
        assert_eq!(descriptor.len, KEYFRAME.len() - 1);
        assert!(!descriptor.flexible && !descriptor.inter_picture_predicted);
        let info = inspect(KEYFRAME).unwrap();
        assert!(info.keyframe && info.frame_start && !info.frame_end);
        assert_eq!((info.temporal_id, info.spatial_id), (Some(0), Some(0)));
    }

    #[test]
    fn flexible_mode_has_references_and_no_picture_index() {
        // I P L F B E, 7-bit picture 5, layer 1/1 with U and D, two references, payload.
        let payload = [0b1111_1100, 5, 0b001_1_001_1, 0b0000_011_1, 0b0000_101_0, 0x82];
        let descriptor = Descriptor::read(&payload).unwrap();
        assert_eq!(descriptor.len, 5);
        assert_eq!(descriptor.picture_id, Some(5));
        assert_eq!(descriptor.tl0_picture_index, None);
        let layer = Layer {
            temporal_id: 1,
            switching_up_point: true,
            spatial_id: 1,
            inter_layer_predicted: true,
        };
        assert_eq!(descriptor.layer, Some(layer));
        let info = inspect(&payload).unwrap();
        assert!(!info.keyframe && info.frame_start && info.frame_end);
        assert_eq!((info.temporal_id, info.spatial_id), (Some(1), Some(1)));
    }

    #[test]
    fn four_references_are_refused() {
        let payload = [0b0101_1100, 0b11, 0b11, 0b11, 0b10, 0x82];
        assert_eq!(Descriptor::read(&payload), None);
    }

    #[test]
    fn the_upper_spatial_layer_of_a_key_picture_begins_no_keyframe() {
        // L B, layer 0/1 with D, TL0PICIDX.
        let info = inspect(&[0b0010_1000, 0b000_0_001_1, 0, 0x82]).unwrap();
        assert!(!info.keyframe && info.frame_start);
        assert_eq!(info.spatial_id, Some(1));
    }

    #[test]
    fn without_layers() {
        let info = inspect(&[0b0000_1100, 0x82]).unwrap();
        assert!(info.keyframe && info.frame_start && info.frame_end);
        assert_eq!((info.temporal_id, info.spatial_id), (None, None));
        assert!(!inspect(&[0b0100_1100, 0x82]).unwrap().keyframe);
        assert!(!inspect(&[0b0000_0100, 0x82]).unwrap().keyframe);
    }

    #[test]
    fn truncations_say_nothing() {
        for len in 0..KEYFRAME.len() {
            assert_eq!(inspect(&KEYFRAME[..len]), None, "{len}");
        }
    }
}
