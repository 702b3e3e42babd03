//! The dependency descriptor (RTP Payload Format For AV1, appendix A): frame boundaries and layers that can be
//! read without looking into the payload, also when that is encrypted end to end.
//!
//! Read are the mandatory fields, the flags, and of an attached template structure the layer of each template.
//! Decode target indications, frame differences and chains are not read.

/// What SDP calls it.
pub const URI: &str =
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";

/// One packet's descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DependencyDescriptor {
    /// First packet of its frame.
    pub start_of_frame: bool,
    /// Last packet of its frame.
    pub end_of_frame: bool,
    /// Which template describes the frame, 0 to 63 (`frame_dependency_template_id`).
    pub template_id: u8,
    /// Number of the frame, which wraps.
    pub frame_number: u16,
    /// The attached template structure. A sender attaches one to the first packet of each coded
    /// video sequence, that is of each keyframe.
    pub structure: Option<TemplateStructure>,
}

impl DependencyDescriptor {
    /// Whether a keyframe begins in this packet.
    #[must_use]
    pub const fn begins_keyframe(&self) -> bool {
        self.start_of_frame && self.structure.is_some()
    }
}

/// The layers of the templates; keep the last one to know the layers of the frames that follow.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TemplateStructure {
    id_offset: u8,
    decode_targets: u8,
    count: u8,
    layers: [Layer; MAX_TEMPLATES],
}

/// Templates have six-bit identifiers.
const MAX_TEMPLATES: usize = 64;

/// A spatial and a temporal layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layer {
    /// 0 to 3.
    pub spatial_id: u8,
    /// 0 to 7.
    pub temporal_id: u8,
}

impl TemplateStructure {
    /// The layer of a frame by its `template_id`; `None` when there is no such template.
    #[must_use]
    pub fn layer(&self, template_id: u8) -> Option<Layer> {
        // Appendix A.8.2: template indices count from the offset, modulo 64.
        let index = template_id.wrapping_sub(self.id_offset) & 0x3f;
        self.layers.get(..usize::from(self.count))?.get(usize::from(index)).copied()
    }

    /// Number of templates, 1 to 64.
    #[must_use]
    pub const fn templates(&self) -> u8 {
        self.count
    }

    /// Number of decode targets, 1 to 32.
    #[must_use]
    pub const fn decode_targets(&self) -> u8 {
        self.decode_targets
    }
}

impl std::fmt::Debug for TemplateStructure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let layers = self.layers.get(..usize::from(self.count)).unwrap_or(&[]);
        f.debug_struct("TemplateStructure")
            .field("id_offset", &self.id_offset)
            .field("decode_targets", &self.decode_targets)
            .field("layers", &layers)
            .finish()
    }
}

/// Reads an element: three octets, or more with the extended fields.
#[must_use]
pub fn read(data: &[u8]) -> Option<DependencyDescriptor> {
    let [first, n0, n1, extended @ ..] = data else { return None };
    let structure = match extended {
        [] => None,
        [flags, ..] if flags & 0x80 == 0 => None,
        _ => Some(read_structure(&mut Bits::after_flags(extended))?),
    };
    Some(DependencyDescriptor {
        start_of_frame: first & 0x80 != 0,
        end_of_frame: first & 0x40 != 0,
        template_id: first & 0x3f,
        frame_number: u16::from_be_bytes([*n0, *n1]),
        structure,
    })
}

fn read_structure(bits: &mut Bits<'_>) -> Option<TemplateStructure> {
    let id_offset = bits.read(6)?;
    let decode_targets = bits.read(5)? + 1;
    let mut layers = [Layer::default(); MAX_TEMPLATES];
    let mut layer = Layer::default();
    let mut count = 0;
    loop {
        *layers.get_mut(usize::from(count))? = layer;
        count += 1;
        // next_layer_idc.
        match bits.read(2)? {
            0 => {}
            1 => layer.temporal_id += 1,
            2 => layer = Layer { spatial_id: layer.spatial_id + 1, temporal_id: 0 },
            _ => break,
        }
        if layer.spatial_id > 3 || layer.temporal_id > 7 {
            return None;
        }
    }
    Some(TemplateStructure { id_offset, decode_targets, count, layers })
}

/// The element's data of a packet without extended fields (a structure is not written).
#[must_use]
pub fn encode_mandatory(descriptor: &DependencyDescriptor) -> [u8; 3] {
    let [n0, n1] = descriptor.frame_number.to_be_bytes();
    let first = u8::from(descriptor.start_of_frame) << 7
        | u8::from(descriptor.end_of_frame) << 6
        | descriptor.template_id & 0x3f;
    [first, n0, n1]
}

/// Reads bits, the highest first.
struct Bits<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Bits<'a> {
    /// The extended fields begin with five flags.
    const fn after_flags(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 5 }
    }

    /// At most eight bits.
    fn read(&mut self, count: usize) -> Option<u8> {
        let mut value = 0;
        for _ in 0..count {
            let octet = self.bytes.get(self.position / 8)?;
            value = value << 1 | octet >> (7 - self.position % 8) & 1;
            self.position += 1;
        }
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// start, not end, template 0, frame 1; structure present; offset 0, two decode targets; templates
    /// of L1T2: T0, T0, T1; the rest of the structure is not read.
    ///
    /// flags 10000; offset 000000; dt 00001; idc 00 01 11; then zeros:
    /// 1000 0000 | 0000 0001 | 0001 1100
    const L1T2: &[u8] = &[0x80, 0, 1, 0b1000_0000, 0b0000_0001, 0b0001_1100, 0, 0];

    #[test]
    fn the_mandatory_fields() {
        let descriptor = read(&[0x80 | 5, 0x12, 0x34]).unwrap();
        assert!(descriptor.start_of_frame);
        assert!(!descriptor.end_of_frame);
        assert_eq!(descriptor.template_id, 5);
        assert_eq!(descriptor.frame_number, 0x1234);
        assert!(!descriptor.begins_keyframe());
        assert_eq!(encode_mandatory(&descriptor), [0x85, 0x12, 0x34]);
        assert!(read(&[0x40, 0, 0]).unwrap().end_of_frame);
    }

    #[test]
    fn a_structure_gives_the_layers() {
        let descriptor = read(L1T2).unwrap();
        assert!(descriptor.begins_keyframe());
        let structure = descriptor.structure.unwrap();
        assert_eq!(structure.templates(), 3);
        assert_eq!(structure.decode_targets(), 2);
        let temporal = |id| structure.layer(id).map(|layer| (layer.spatial_id, layer.temporal_id));
        assert_eq!(temporal(0), Some((0, 0)));
        assert_eq!(temporal(1), Some((0, 0)));
        assert_eq!(temporal(2), Some((0, 1)));
        assert_eq!(temporal(3), None);
        assert_eq!(temporal(63), None);
    }

    #[test]
    fn extended_fields_without_a_structure_are_no_keyframe() {
        let descriptor = read(&[0xc0, 0, 1, 0b0100_0000, 0xff]).unwrap();
        assert!(descriptor.start_of_frame && descriptor.end_of_frame);
        assert_eq!(descriptor.structure, None);
    }

    #[test]
    fn template_ids_count_from_the_offset() {
        // Offset 62: flags 10000, 111110, dt 00000, idc 00 00 11.
        let data = [0x80, 0, 1, 0b1000_0111, 0b1100_0000, 0b0000_1100];
        let structure = read(&data).unwrap().structure.unwrap();
        assert_eq!(structure.templates(), 3);
        for (id, known) in [(61, false), (62, true), (63, true), (0, true), (1, false)] {
            assert_eq!(structure.layer(id).is_some(), known, "{id}");
        }
    }

    #[test]
    fn an_endless_list_of_templates_is_refused() {
        assert_eq!(read(&[&[0x80, 0, 1, 0x80][..], &[0; 255]].concat()), None);
        // Spatial layers without end.
        assert_eq!(read(&[&[0x80, 0, 1, 0x80][..], &[0b1010_1010; 255]].concat()), None);
    }

    #[test]
    fn every_truncation_and_every_bit_flip_is_survived() {
        for len in 0..L1T2.len() {
            let truncated = read(&L1T2[..len]);
            assert_eq!(truncated.is_some(), len == 3 || len > 5, "{len}");
        }
        for bit in 0..L1T2.len() * 8 {
            let mut bytes = L1T2.to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let _ = read(&bytes);
        }
    }
}
