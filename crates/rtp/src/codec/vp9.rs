//! VP9 (RFC 9628 §4.2): the payload descriptor in flexible mode and not, the scalability structure, and what of them is
//! rewritten where streams are joined or layers are dropped.

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
    /// How many pictures back those are that the frame refers to, in flexible mode: 1 to 127 each.
    pub references: References,
    /// A scalability structure is there (V bit): spatial layers, 1 to 8. [`scalability_structure`] reads all of it.
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

/// References of a frame in flexible mode, at most three.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct References {
    differences: [u8; 3],
    count: u8,
}

impl References {
    /// How many pictures back each reference is.
    #[must_use]
    pub fn differences(&self) -> &[u8] {
        self.differences.get(..self.count.into()).unwrap_or(&[])
    }

    /// One octet each; the lowest bit says whether another follows.
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let mut references = Self::default();
        for slot in &mut references.differences {
            let octet = reader.u8()?;
            *slot = octet >> 1;
            references.count += 1;
            if octet & 1 == 0 {
                return Some(references);
            }
        }
        // §4.2: at most three; a fourth is announced here.
        None
    }
}

impl Descriptor {
    /// Reads the descriptor at the beginning of a payload.
    #[must_use]
    pub fn read(payload: &[u8]) -> Option<Self> {
        Self::read_with_structure(payload).map(|(descriptor, _)| descriptor)
    }

    fn read_with_structure(payload: &[u8]) -> Option<(Self, Option<ScalabilityStructure<'_>>)> {
        let mut reader = Reader::new(payload);
        let first = reader.u8()?;
        let has = |bit: u8| first & bit != 0;
        let picture_id = if has(0x80) { Some(read_picture_id(&mut reader)?) } else { None };
        let flexible = has(0x10);
        let layer = if has(0x20) { Some(Layer::from_octet(reader.u8()?)) } else { None };
        let tl0_picture_index = if has(0x20) && !flexible { Some(reader.u8()?) } else { None };
        let references = if flexible && has(0x40) {
            References::read(&mut reader)?
        } else {
            References::default()
        };
        let structure =
            if has(0x02) { Some(ScalabilityStructure::read(&mut reader)?) } else { None };
        let descriptor = Self {
            picture_id,
            inter_picture_predicted: has(0x40),
            flexible,
            start_of_frame: has(0x08),
            end_of_frame: has(0x04),
            not_reference_for_upper_spatial_layers: has(0x01),
            layer,
            tl0_picture_index,
            references,
            spatial_layers: structure.map(|structure| structure.spatial_layers),
            len: payload.len() - reader.len(),
        };
        Some((descriptor, structure))
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

/// The scalability structure (§4.2.1): what layers the stream has, sent with keyframes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScalabilityStructure<'a> {
    spatial_layers: u8,
    resolutions: Option<&'a [u8]>,
    group: Option<&'a [u8]>,
}

/// One picture of the group that a stream outside of flexible mode repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupPicture<'a> {
    /// Temporal layer, 0 to 7.
    pub temporal_id: u8,
    /// Later pictures of this temporal layer refer to nothing before this one.
    pub switching_up_point: bool,
    /// How many pictures back its references are, at most three of them.
    pub differences: &'a [u8],
}

/// The scalability structure of a payload; `None` when there is none or the descriptor is malformed.
#[must_use]
pub fn scalability_structure(payload: &[u8]) -> Option<ScalabilityStructure<'_>> {
    Descriptor::read_with_structure(payload)?.1
}

impl<'a> ScalabilityStructure<'a> {
    fn read(reader: &mut Reader<'a>) -> Option<Self> {
        let first = reader.u8()?;
        let spatial_layers = (first >> 5) + 1;
        let resolutions = if first & 0x10 != 0 {
            Some(reader.take(usize::from(spatial_layers) * 4)?)
        } else {
            None
        };
        let group = if first & 0x08 != 0 { Some(read_group(reader)?) } else { None };
        Some(Self { spatial_layers, resolutions, group })
    }

    /// Number of spatial layers, 1 to 8.
    #[must_use]
    pub const fn spatial_layers(&self) -> u8 {
        self.spatial_layers
    }

    /// Width and height in pixels of a spatial layer; `None` when the structure does not say or there is no such layer.
    #[must_use]
    pub fn resolution(&self, spatial_id: u8) -> Option<(u16, u16)> {
        let [w0, w1, h0, h1] = *self.resolutions?.as_chunks().0.get(usize::from(spatial_id))?;
        Some((u16::from_be_bytes([w0, w1]), u16::from_be_bytes([h0, h1])))
    }

    /// The pictures of the group, at most 255; `None` when the structure does not say.
    #[must_use]
    pub fn group(&self) -> Option<impl Iterator<Item = GroupPicture<'a>> + use<'a>> {
        let mut reader = Reader::new(self.group?);
        Some(std::iter::from_fn(move || GroupPicture::read(&mut reader)))
    }
}

impl<'a> GroupPicture<'a> {
    fn read(reader: &mut Reader<'a>) -> Option<Self> {
        let octet = reader.u8()?;
        Some(Self {
            temporal_id: octet >> 5,
            switching_up_point: octet & 0x10 != 0,
            differences: reader.take(usize::from(octet >> 2 & 0b11))?,
        })
    }
}

/// The octets of the group's pictures, whose number stands before them.
fn read_group<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let pictures = reader.u8()?;
    let all = reader.rest();
    for _ in 0..pictures {
        GroupPicture::read(reader)?;
    }
    all.get(..all.len() - reader.len())
}

/// New values for a descriptor: see [`rewrite`]. `None` leaves a field as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rewrite {
    /// The picture identifier, modulo 2^7 or 2^15 as the descriptor has room.
    pub picture_id: Option<u16>,
    /// The count of frames of temporal layer 0.
    pub tl0_picture_index: Option<u8>,
    /// Last packet of its layer frame.
    pub end_of_frame: Option<bool>,
}

/// Rewrites fields of the descriptor at the beginning of a payload where they stand: a forwarder that switches between encodings
/// keeps picture identifiers and counts continuous. Fields that the descriptor does not have are passed over, and nothing
/// changes its length. Says whether there was a descriptor; without one nothing is written.
pub fn rewrite(payload: &mut [u8], new: &Rewrite) -> bool {
    if Descriptor::read(payload).is_none() {
        return false;
    }
    let Some((first, fields)) = payload.split_first_mut() else { return false };
    if let Some(end) = new.end_of_frame {
        *first = *first & !0x04 | u8::from(end) << 2;
    }
    rewrite_fields(*first, fields, new);
    true
}

/// The fields that `first` announces stand one behind the other. It was read before, so all of them are there.
fn rewrite_fields(first: u8, mut fields: &mut [u8], new: &Rewrite) -> Option<()> {
    if first & 0x80 != 0 {
        let is_long = fields.first()? & 0x80 != 0;
        let (field, rest) = fields.split_at_mut_checked(if is_long { 2 } else { 1 })?;
        match (field, new.picture_id.map(u16::to_be_bytes)) {
            ([high, low], Some([h, l])) => (*high, *low) = (h | 0x80, l),
            ([short], Some([_, l])) => *short = l & 0x7f,
            _ => {}
        }
        fields = rest;
    }
    // Layers, and behind them the count, outside of flexible mode.
    if first & 0x20 != 0 && first & 0x10 == 0 {
        let field = fields.get_mut(1)?;
        *field = new.tl0_picture_index.unwrap_or(*field);
    }
    Some(())
}

/// Reads a payload. The end of a frame is that of its layer frame (E bit); the marker ends the picture.
#[must_use]
pub fn inspect(payload: &[u8]) -> Option<FrameInfo> {
    let descriptor = Descriptor::read(payload)?;
    // A descriptor alone is no frame.
    payload.get(descriptor.len)?;
    let keyframe = descriptor.begins_keyframe();
    Some(FrameInfo {
        keyframe,
        frame_start: descriptor.start_of_frame,
        frame_end: descriptor.end_of_frame,
        temporal_id: descriptor.layer.map(|layer| layer.temporal_id),
        spatial_id: descriptor.layer.map(|layer| layer.spatial_id),
        switching_point: keyframe || descriptor.layer.is_some_and(|layer| layer.switching_up_point),
        // The Z bit speaks of upper spatial layers only.
        discardable: false,
        picture_id: descriptor.picture_id,
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
        let structure = scalability_structure(KEYFRAME).unwrap();
        let sizes: Vec<_> = (0..3).map(|spatial_id| structure.resolution(spatial_id)).collect();
        assert_eq!(sizes, [Some((320, 180)), Some((640, 360)), None]);
        let group: Vec<_> = structure.group().unwrap().collect();
        let picture = |temporal_id, differences| GroupPicture {
            temporal_id,
            switching_up_point: false,
            differences,
        };
        assert_eq!(group, [picture(0, &[1][..]), picture(1, &[])]);
        let info = inspect(KEYFRAME).unwrap();
        assert!(info.switching_point && info.picture_id == Some(0x1234));
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
        assert_eq!(descriptor.references.differences(), [3, 5]);
        assert_eq!(scalability_structure(&payload), None);
        assert!(inspect(&payload).unwrap().switching_point);
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
    fn a_structure_of_sizes_alone_and_of_neither() {
        // V; two layers with sizes, no group.
        let payload = [0b0000_1010, 0b001_1_0_000, 0, 1, 0, 2, 0, 3, 0, 4, 0x82];
        let structure = scalability_structure(&payload).unwrap();
        assert_eq!((structure.spatial_layers(), structure.resolution(1)), (2, Some((3, 4))));
        assert!(structure.group().is_none());
        let structure = scalability_structure(&[0b0000_1010, 0b111_0_0_000, 0x82]).unwrap();
        assert_eq!((structure.spatial_layers(), structure.resolution(0)), (8, None));
    }

    /// A group of 255 pictures needs 255 octets: a count alone is malformed.
    #[test]
    fn a_group_that_is_not_there_is_refused() {
        assert!(scalability_structure(&[0b0000_1010, 0b000_0_1_000, 255, 0, 0]).is_none());
        let full = [&[0b0000_1010, 0b000_0_1_000, 255][..], &[0b111_1_00_00; 255]].concat();
        assert_eq!(scalability_structure(&full).unwrap().group().unwrap().count(), 255);
    }

    const NEW: Rewrite = Rewrite {
        picture_id: Some(0xabcd),
        tl0_picture_index: Some(0xee),
        end_of_frame: Some(true),
    };

    #[test]
    fn every_field_is_rewritten_in_place() {
        let mut payload = KEYFRAME.to_vec();
        assert!(rewrite(&mut payload, &NEW));
        let before = Descriptor::read(KEYFRAME).unwrap();
        let expected = Descriptor {
            picture_id: Some(0x2bcd),
            tl0_picture_index: Some(0xee),
            end_of_frame: true,
            ..before
        };
        assert_eq!(Descriptor::read(&payload), Some(expected));
        assert_eq!(payload[5..], KEYFRAME[5..]);
        assert!(rewrite(&mut payload, &Rewrite::default()));
        assert_eq!(Descriptor::read(&payload), Some(expected), "nothing to change");
    }

    #[test]
    fn fields_that_are_not_there_are_not_made() {
        // Flexible mode has no count: the octet behind the layers is a reference.
        let flexible = [0b1111_1100, 5, 0b001_1_001_1, 0b0000_011_1, 0b0000_101_0, 0x82];
        let mut payload = flexible;
        assert!(rewrite(&mut payload, &NEW));
        assert_eq!((payload[1], &payload[2..]), (0x4d, &flexible[2..]), "a short identifier");
        let mut payload = [0b0000_1000, 0x82];
        assert!(rewrite(&mut payload, &NEW));
        assert_eq!(payload, [0b0000_1100, 0x82]);
    }

    #[test]
    fn a_cut_descriptor_is_left_alone() {
        for len in 0..KEYFRAME.len() - 1 {
            let mut payload = KEYFRAME[..len].to_vec();
            assert!(!rewrite(&mut payload, &NEW), "{len}");
            assert_eq!(payload, KEYFRAME[..len]);
        }
    }

    #[test]
    fn truncations_say_nothing() {
        for len in 0..KEYFRAME.len() {
            assert_eq!(inspect(&KEYFRAME[..len]), None, "{len}");
        }
    }
}
