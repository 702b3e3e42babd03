//! VP8 (RFC 7741 §4.2, §4.3).

use super::FrameInfo;
use crate::bytes::Reader;

/// The VP8 payload descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// Frames that no other frame refers to (N bit).
    pub non_reference: bool,
    /// Beginning of a partition (S bit).
    pub start_of_partition: bool,
    /// Partition index, 0 to 7.
    pub partition: u8,
    /// Picture identifier: 7 or 15 bits.
    pub picture_id: Option<PictureId>,
    /// Counts the frames of temporal layer 0.
    pub tl0_picture_index: Option<u8>,
    /// Temporal layer, 0 to 3.
    pub temporal_id: Option<u8>,
    /// The frame refers only to frames of lower temporal layers (Y bit): a switching point.
    pub layer_sync: bool,
    /// Counts keyframes, modulo 32.
    pub key_index: Option<u8>,
    /// Octets that the descriptor takes.
    pub len: usize,
}

/// A picture identifier, in either of its two sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureId {
    /// Seven bits.
    Short(u8),
    /// Fifteen bits.
    Long(u16),
}

impl Descriptor {
    /// Reads the descriptor at the beginning of a payload.
    #[must_use]
    pub fn read(payload: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(payload);
        let first = reader.u8()?;
        let extended = if first & 0x80 != 0 { reader.u8()? } else { 0 };
        let has = |bit: u8| extended & bit != 0;
        let picture_id = if has(0x80) { Some(PictureId::read(&mut reader)?) } else { None };
        let tl0_picture_index = if has(0x40) { Some(reader.u8()?) } else { None };
        // One octet for both, there when either is.
        let layers = if has(0x20 | 0x10) { reader.u8()? } else { 0 };
        Some(Self {
            non_reference: first & 0x20 != 0,
            start_of_partition: first & 0x10 != 0,
            partition: first & 0x07,
            picture_id,
            tl0_picture_index,
            temporal_id: has(0x20).then_some(layers >> 6),
            layer_sync: has(0x20) && layers & 0x20 != 0,
            key_index: has(0x10).then_some(layers & 0x1f),
            len: payload.len() - reader.len(),
        })
    }

    /// Whether a frame begins here.
    #[must_use]
    pub const fn begins_frame(&self) -> bool {
        self.start_of_partition && self.partition == 0
    }
}

impl PictureId {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let first = reader.u8()?;
        if first & 0x80 == 0 {
            return Some(Self::Short(first));
        }
        Some(Self::Long(u16::from_be_bytes([first & 0x7f, reader.u8()?])))
    }
}

/// Reads a payload.
#[must_use]
pub fn inspect(payload: &[u8], marker: bool) -> Option<FrameInfo> {
    let descriptor = Descriptor::read(payload)?;
    // §4.3: the lowest bit of the payload header, which stands at the beginning of a frame only, is zero for
    // keyframes.
    let header = payload.get(descriptor.len)?;
    let frame_start = descriptor.begins_frame();
    Some(FrameInfo {
        keyframe: frame_start && header & 1 == 0,
        frame_start,
        frame_end: marker,
        temporal_id: descriptor.temporal_id,
        spatial_id: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_of_one_octet() {
        let info = inspect(&[0x10, 0x00], false).unwrap();
        assert!(info.keyframe && info.frame_start && !info.frame_end);
        let info = inspect(&[0x10, 0x01], true).unwrap();
        assert!(!info.keyframe && info.frame_start && info.frame_end);
        let info = inspect(&[0x00, 0x00], false).unwrap();
        assert!(!info.keyframe && !info.frame_start);
        let info = inspect(&[0x11, 0x00], false).unwrap();
        assert!(!info.keyframe && !info.frame_start, "partition 1");
    }

    /// X; I L T K; 15-bit picture 0x1234; TL0PICIDX 9; TID 2, Y, KEYIDX 3; an interframe.
    const FULL: &[u8] = &[0x90, 0xf0, 0x92, 0x34, 9, 0b1010_0011, 0x01];

    #[test]
    fn a_descriptor_with_everything() {
        let descriptor = Descriptor::read(FULL).unwrap();
        let expected = Descriptor {
            non_reference: false,
            start_of_partition: true,
            partition: 0,
            picture_id: Some(PictureId::Long(0x1234)),
            tl0_picture_index: Some(9),
            temporal_id: Some(2),
            layer_sync: true,
            key_index: Some(3),
            len: 6,
        };
        assert_eq!(descriptor, expected);
        let info = inspect(FULL, false).unwrap();
        assert_eq!((info.keyframe, info.temporal_id), (false, Some(2)));
    }

    #[test]
    fn a_short_picture_identifier_and_a_key_index_alone() {
        let descriptor = Descriptor::read(&[0xa0, 0x90, 0x7f, 0xff]).unwrap();
        assert!(descriptor.non_reference);
        assert_eq!(descriptor.picture_id, Some(PictureId::Short(0x7f)));
        assert_eq!((descriptor.temporal_id, descriptor.key_index), (None, Some(0x1f)));
        assert!(!descriptor.layer_sync);
        assert_eq!(descriptor.len, 4);
    }

    #[test]
    fn truncations_say_nothing() {
        for len in 0..FULL.len() {
            assert_eq!(inspect(&FULL[..len], true), None, "{len}");
        }
    }
}
