//! The dependency descriptor (RTP Payload Format For AV1, appendix A): frame boundaries, layers and dependencies that can
//! be read without looking into the payload, also when that is encrypted end to end, and for any codec.
//!
//! [`read`] takes three octets and remembers the rest: cheap enough for each packet. What a frame depends on, which decode
//! targets need it and whether it is in a chain is [`DependencyDescriptor::frame`], which needs the last
//! [`TemplateStructure`]. A forwarder that drops frames renumbers the others ([`set_frame_number`]); one that changes more
//! writes a descriptor anew ([`encode`]).

mod bits;
mod frame;
mod structure;

use self::bits::{BitReader, BitWriter};
use self::frame::Custom;

pub use self::frame::{FrameDependencies, MAX_FRAME_DIFFERENCES};
pub use self::structure::{
    MAX_DECODE_TARGETS, MAX_SPATIAL_LAYERS, MAX_TEMPLATES, Template, TemplateStructure,
};

/// What SDP calls it.
pub const URI: &str =
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";

/// One packet's descriptor: the mandatory fields, and the extended ones unread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DependencyDescriptor<'a> {
    /// First packet of its frame.
    pub start_of_frame: bool,
    /// Last packet of its frame.
    pub end_of_frame: bool,
    /// Which template describes the frame, 0 to 63 (`frame_dependency_template_id`).
    pub template_id: u8,
    /// Number of the frame, which wraps.
    pub frame_number: u16,
    extended: &'a [u8],
}

/// A spatial and a temporal layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layer {
    /// 0 to 3.
    pub spatial_id: u8,
    /// 0 to 7.
    pub temporal_id: u8,
}

/// The size of a frame in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resolution {
    /// 1 to 65,536.
    pub width: u32,
    /// 1 to 65,536.
    pub height: u32,
}

/// What a frame is to a decode target (appendix A.8.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeTargetIndication {
    /// Not part of it: not to be forwarded to who watches this target.
    NotPresent,
    /// Part of it, and nothing else in the target refers to it.
    Discardable,
    /// Part of it; who has got this frame and what it depends on can begin to watch the target here: a switching point.
    Switch,
    /// Part of it.
    Required,
}

impl DecodeTargetIndication {
    const fn from_bits(bits: u8) -> Self {
        match bits & 0b11 {
            0 => Self::NotPresent,
            1 => Self::Discardable,
            2 => Self::Switch,
            _ => Self::Required,
        }
    }

    const fn bits(self) -> u8 {
        match self {
            Self::NotPresent => 0,
            Self::Discardable => 1,
            Self::Switch => 2,
            Self::Required => 3,
        }
    }
}

/// Reads an element: three octets, or more with the extended fields, which are not looked into yet.
#[must_use]
pub const fn read(data: &[u8]) -> Option<DependencyDescriptor<'_>> {
    let [first, n0, n1, extended @ ..] = data else { return None };
    Some(DependencyDescriptor {
        start_of_frame: *first & 0x80 != 0,
        end_of_frame: *first & 0x40 != 0,
        template_id: *first & 0x3f,
        frame_number: u16::from_be_bytes([*n0, *n1]),
        extended,
    })
}

/// The extended fields up to where the frame's own begin.
struct Extended<'a> {
    structure: Option<TemplateStructure>,
    active_decode_targets_follow: bool,
    custom: Custom,
    rest: BitReader<'a>,
}

impl<'a> DependencyDescriptor<'a> {
    /// Whether a template structure is attached (which may turn out malformed).
    #[must_use]
    pub const fn has_structure(&self) -> bool {
        matches!(self.extended, [flags, ..] if *flags & 0x80 != 0)
    }

    /// Whether a keyframe begins in this packet: a sender attaches a structure to the first packet of each coded video
    /// sequence.
    #[must_use]
    pub const fn begins_keyframe(&self) -> bool {
        self.start_of_frame && self.has_structure()
    }

    /// The attached template structure; `None` when there is none or it is malformed.
    #[must_use]
    pub fn structure(&self) -> Option<TemplateStructure> {
        self.read_extended()?.structure
    }

    /// What this descriptor says about its frame, by the attached structure or, when there is none, by `latest`, the last
    /// one that was attached. `None` without a structure, when the template is not in it, or for malformed fields.
    #[must_use]
    pub fn frame(&self, latest: Option<&TemplateStructure>) -> Option<FrameDependencies> {
        if self.extended.is_empty() {
            return FrameDependencies::of_template(latest?, self.template_id);
        }
        let mut extended = self.read_extended()?;
        let structure = extended.structure.as_ref().or(latest)?;
        let mut frame = FrameDependencies::of_template(structure, self.template_id)?;
        if extended.structure.is_some() {
            frame.active_decode_targets = Some(structure.all_decode_targets());
        }
        let bits = &mut extended.rest;
        if extended.active_decode_targets_follow {
            frame.active_decode_targets = Some(bits.bits(structure.decode_targets().into())?);
        }
        if extended.custom.indications {
            frame.read_indications(bits)?;
        }
        if extended.custom.differences {
            frame.read_differences(bits)?;
        }
        if extended.custom.chains {
            frame.read_chains(bits)?;
        }
        Some(frame)
    }

    /// `extended_descriptor_fields` as far as they can be read without the latest structure. `None` when there are none.
    fn read_extended(&self) -> Option<Extended<'a>> {
        let mut bits = BitReader::new(self.extended);
        let structure_follows = bits.flag()?;
        let active_decode_targets_follow = bits.flag()?;
        let custom =
            Custom { indications: bits.flag()?, differences: bits.flag()?, chains: bits.flag()? };
        let structure =
            if structure_follows { Some(TemplateStructure::read(&mut bits)?) } else { None };
        Some(Extended { structure, active_decode_targets_follow, custom, rest: bits })
    }
}

/// The element's data of a packet without extended fields.
#[must_use]
pub fn encode_mandatory(descriptor: &DependencyDescriptor<'_>) -> [u8; 3] {
    let [n0, n1] = descriptor.frame_number.to_be_bytes();
    let first = u8::from(descriptor.start_of_frame) << 7
        | u8::from(descriptor.end_of_frame) << 6
        | descriptor.template_id & 0x3f;
    [first, n0, n1]
}

/// Writes an element into `out` and gives its length: the mandatory fields of `descriptor`, `structure` itself if `attach`
/// is set, and of `frame` what differs from its template. A length of more than 16 octets needs the two-byte form
/// of header extensions, which [`HeaderWriter`](crate::HeaderWriter) takes by itself.
///
/// `None` when `out` is too small or the template is not in the structure.
#[must_use]
pub fn encode(
    descriptor: &DependencyDescriptor<'_>,
    structure: &TemplateStructure,
    attach: bool,
    frame: &FrameDependencies,
    out: &mut [u8],
) -> Option<usize> {
    let template = FrameDependencies::of_template(structure, descriptor.template_id)?;
    let custom = frame.differs(&template);
    // With a structure all targets are active unless it is said otherwise.
    let active = frame.active_decode_targets;
    let active = active.filter(|mask| !attach || *mask != structure.all_decode_targets());
    let (mandatory, extended) = out.split_first_chunk_mut()?;
    *mandatory = encode_mandatory(descriptor);
    if !attach && active.is_none() && !custom.any() {
        return Some(mandatory.len());
    }
    let mut bits = BitWriter::new(extended);
    for flag in [attach, active.is_some(), custom.indications, custom.differences, custom.chains] {
        bits.flag(flag)?;
    }
    if attach {
        structure.write(&mut bits)?;
    }
    if let Some(mask) = active {
        bits.bits(mask, structure.decode_targets().into())?;
    }
    frame.write(custom, &mut bits)?;
    Some(mandatory.len() + bits.len())
}

/// Renumbers the frame of an element in place; says whether it was long enough to be a descriptor. All packets of a frame
/// need the same number, and the differences between numbers are what the dependencies refer to: a forwarder shifts them all
/// by the same amount, it does not close gaps.
pub fn set_frame_number(data: &mut [u8], frame_number: u16) -> bool {
    let [_, n0, n1, ..] = data else { return false };
    [*n0, *n1] = frame_number.to_be_bytes();
    true
}

#[cfg(test)]
mod tests;
