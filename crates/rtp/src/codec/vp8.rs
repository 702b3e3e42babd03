//! VP8 (RFC 7741 §4.2, §4.3): the payload descriptor, and what of it is rewritten where streams are joined or frames are
//! dropped.

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
    /// The number, of either size.
    #[must_use]
    pub const fn value(self) -> u16 {
        match self {
            Self::Short(id) => id as u16,
            Self::Long(id) => id,
        }
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let first = reader.u8()?;
        if first & 0x80 == 0 {
            return Some(Self::Short(first));
        }
        Some(Self::Long(u16::from_be_bytes([first & 0x7f, reader.u8()?])))
    }
}

/// New values for a descriptor: see [`rewrite`]. `None` leaves a field as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rewrite {
    /// The picture identifier, modulo 2^7 or 2^15 as the descriptor has room.
    pub picture_id: Option<u16>,
    /// The count of frames of temporal layer 0.
    pub tl0_picture_index: Option<u8>,
    /// The count of keyframes, modulo 32.
    pub key_index: Option<u8>,
}

/// Rewrites fields of the descriptor at the beginning of a payload where they stand: a forwarder that switches between
/// encodings, or leaves out frames, keeps them continuous for the decoder (§5.1: receivers look for gaps in them). Fields that the
/// descriptor does not have are passed over, and nothing changes its length. Says whether there was a descriptor;
/// without one nothing is written.
pub fn rewrite(payload: &mut [u8], new: &Rewrite) -> bool {
    if Descriptor::read(payload).is_none() {
        return false;
    }
    let [first, extended, fields @ ..] = payload else { return true };
    if *first & 0x80 == 0 {
        return true;
    }
    rewrite_fields(*extended, fields, new);
    true
}

/// The fields that `extended` announces stand one behind the other. It was read before, so all of them are there.
fn rewrite_fields(extended: u8, mut fields: &mut [u8], new: &Rewrite) -> Option<()> {
    if extended & 0x80 != 0 {
        let is_long = fields.first()? & 0x80 != 0;
        let (field, rest) = fields.split_at_mut_checked(if is_long { 2 } else { 1 })?;
        match (field, new.picture_id.map(u16::to_be_bytes)) {
            ([high, low], Some([h, l])) => (*high, *low) = (h | 0x80, l),
            ([short], Some([_, l])) => *short = l & 0x7f,
            _ => {}
        }
        fields = rest;
    }
    if extended & 0x40 != 0 {
        let (field, rest) = fields.split_first_mut()?;
        *field = new.tl0_picture_index.unwrap_or(*field);
        fields = rest;
    }
    if extended & 0x10 != 0 {
        let field = fields.first_mut()?;
        *field = new.key_index.map_or(*field, |index| *field & 0xe0 | index & 0x1f);
    }
    Some(())
}

/// Reads a payload.
#[must_use]
pub fn inspect(payload: &[u8], marker: bool) -> Option<FrameInfo> {
    let descriptor = Descriptor::read(payload)?;
    // §4.3: the lowest bit of the payload header, which stands at the beginning of a frame only, is zero for
    // keyframes.
    let header = payload.get(descriptor.len)?;
    let frame_start = descriptor.begins_frame();
    let keyframe = frame_start && header & 1 == 0;
    Some(FrameInfo {
        keyframe,
        frame_start,
        frame_end: marker,
        temporal_id: descriptor.temporal_id,
        spatial_id: None,
        switching_point: keyframe || descriptor.layer_sync,
        discardable: descriptor.non_reference,
        picture_id: descriptor.picture_id.map(PictureId::value),
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
        assert_eq!((info.switching_point, info.picture_id), (true, Some(0x1234)));
        assert!(!info.discardable && inspect(&[0xa0, 0, 0], false).unwrap().discardable);
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

    const NEW: Rewrite =
        Rewrite { picture_id: Some(0xabcd), tl0_picture_index: Some(0xee), key_index: Some(0xff) };

    #[test]
    fn every_field_is_rewritten_in_place() {
        let mut payload = FULL.to_vec();
        assert!(rewrite(&mut payload, &NEW));
        assert_eq!(payload, [0x90, 0xf0, 0xab, 0xcd, 0xee, 0b1011_1111, 0x01]);
        let before = Descriptor::read(FULL).unwrap();
        let expected = Descriptor {
            picture_id: Some(PictureId::Long(0x2bcd)),
            tl0_picture_index: Some(0xee),
            key_index: Some(31),
            ..before
        };
        assert_eq!(Descriptor::read(&payload), Some(expected));
        assert!(rewrite(&mut payload, &Rewrite::default()), "nothing to change");
        assert_eq!(Descriptor::read(&payload), Some(expected));
    }

    #[test]
    fn a_short_picture_identifier_stays_short() {
        let mut payload = [0x80, 0x80, 0x7f, 9];
        assert!(rewrite(&mut payload, &NEW));
        assert_eq!(payload, [0x80, 0x80, 0x4d, 9]);
    }

    #[test]
    fn fields_that_are_not_there_are_not_made() {
        for golden in [&[0x10, 0xff, 0xff][..], &[0x90, 0x00, 0xff], &[0x90, 0x20, 0xc0, 0xff]] {
            let mut payload = golden.to_vec();
            assert!(rewrite(&mut payload, &NEW));
            assert_eq!(payload, golden);
        }
        let mut one = [0x10];
        assert!(rewrite(&mut one, &NEW));
    }

    #[test]
    fn a_cut_descriptor_is_left_alone() {
        for len in 0..6 {
            let mut payload = FULL[..len].to_vec();
            assert!(!rewrite(&mut payload, &NEW));
            assert_eq!(payload, FULL[..len]);
        }
    }

    /// Whatever the octets are: rewriting changes the fields and nothing else, and reading gives them back.
    #[test]
    fn rewriting_is_what_reading_gives() {
        for first in [0x80, 0x90, 0xa1, 0x10] {
            for extended in 0..=255 {
                for id in [0x05, 0x85] {
                    let mut payload = [first, extended, id, 1, 2, 3, 4, 5];
                    let before = Descriptor::read(&payload).unwrap();
                    assert!(rewrite(&mut payload, &NEW));
                    let after = Descriptor::read(&payload).unwrap();
                    let expected = Descriptor {
                        picture_id: before.picture_id.map(|id| match id {
                            PictureId::Short(_) => PictureId::Short(0x4d),
                            PictureId::Long(_) => PictureId::Long(0x2bcd),
                        }),
                        tl0_picture_index: before.tl0_picture_index.map(|_| 0xee),
                        key_index: before.key_index.map(|_| 31),
                        ..before
                    };
                    assert_eq!(after, expected);
                    assert_eq!(
                        payload[after.len..],
                        [first, extended, id, 1, 2, 3, 4, 5][after.len..]
                    );
                }
            }
        }
    }

    #[test]
    fn truncations_say_nothing() {
        for len in 0..FULL.len() {
            assert_eq!(inspect(&FULL[..len], true), None, "{len}");
        }
    }
}
