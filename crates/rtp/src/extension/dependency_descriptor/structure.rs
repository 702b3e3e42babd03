//! The template dependency structure (AV1 RTP specification, appendix A.8.3, `template_dependency_structure`).

use super::bits::{BitReader, BitWriter};
use super::frame::MAX_FRAME_DIFFERENCES;
use super::{DecodeTargetIndication, Layer, Resolution};
use crate::bytes::{low8, low16, low32};

/// Templates have six-bit identifiers.
pub const MAX_TEMPLATES: usize = 64;
/// The count of decode targets has five bits.
pub const MAX_DECODE_TARGETS: usize = 32;
/// Spatial layers that a structure can have.
pub const MAX_SPATIAL_LAYERS: usize = 4;
/// Temporal layers have numbers up to 7.
const MAX_TEMPORAL_ID: u8 = 7;
/// A template's frame difference has four bits and counts from 1.
const MAX_TEMPLATE_DIFFERENCE: u8 = 16;

/// What the frames until the next structure have in common: their layers, which decode targets need them, and what they
/// depend on. A sender attaches one to the first packet of each coded video sequence; keep it to understand the
/// descriptors that follow. It takes about 2 KiB and owns them.
#[derive(Clone, PartialEq, Eq)]
pub struct TemplateStructure {
    id_offset: u8,
    decode_targets: u8,
    chains: u8,
    templates: u8,
    layers: [Layer; MAX_TEMPLATES],
    /// Two bits for each decode target, the first in the lowest.
    indications: [u64; MAX_TEMPLATES],
    /// Four bits for each difference, less one, the first in the lowest.
    differences: [u64; MAX_TEMPLATES],
    difference_counts: [u8; MAX_TEMPLATES],
    /// Four bits for each chain, the first in the lowest.
    chain_differences: [u128; MAX_TEMPLATES],
    protected_by: [u8; MAX_DECODE_TARGETS],
    /// As many as there are spatial layers, when they are there.
    resolutions: Option<[Resolution; MAX_SPATIAL_LAYERS]>,
}

/// One template of a structure that is to be made: see [`TemplateStructure::new`].
#[derive(Clone, Copy, Debug)]
pub struct Template<'a> {
    /// The layer of its frames.
    pub layer: Layer,
    /// What its frames are to each decode target.
    pub indications: &'a [DecodeTargetIndication],
    /// How many frames back those are that its frames refer to: at most 16, 1 to 16 each.
    pub frame_differences: &'a [u8],
    /// For each chain how many frames back its last frame is, 0 to 15.
    pub chain_differences: &'a [u8],
}

impl TemplateStructure {
    /// A structure of these templates, 1 to 64, in the order of the wire: each is of the layer of the one before it, or of
    /// the next temporal layer, or of the lowest temporal layer of the next spatial one.
    ///
    /// `protected_by` names the chain of each decode target and is empty without chains; `resolutions` has one for each
    /// spatial layer or is empty. `None` when counts do not agree or a value is out of its range.
    #[must_use]
    pub fn new(
        id_offset: u8,
        templates: &[Template<'_>],
        protected_by: &[u8],
        resolutions: &[Resolution],
    ) -> Option<Self> {
        let first = templates.first()?;
        let mut structure = Self::empty();
        structure.id_offset = id_offset & 0x3f;
        structure.templates = u8::try_from(templates.len()).ok()?;
        structure.decode_targets = u8::try_from(first.indications.len()).ok()?;
        structure.chains = u8::try_from(first.chain_differences.len()).ok()?;
        for (index, template) in templates.iter().enumerate() {
            structure.set_template(index, template)?;
        }
        if structure.chains != 0 {
            let targets = structure.protected_by.get_mut(..protected_by.len())?;
            targets.copy_from_slice(protected_by);
        }
        if !resolutions.is_empty() {
            let mut all = [Resolution::default(); MAX_SPATIAL_LAYERS];
            all.get_mut(..resolutions.len())?.copy_from_slice(resolutions);
            structure.resolutions = Some(all);
        }
        let counts_agree = protected_by.len()
            == if structure.chains == 0 { 0 } else { structure.decode_targets.into() }
            && (resolutions.is_empty() || resolutions.len() == structure.spatial_layers().into());
        (counts_agree && structure.is_writable()).then_some(structure)
    }

    const fn empty() -> Self {
        Self {
            id_offset: 0,
            decode_targets: 0,
            chains: 0,
            templates: 0,
            layers: [Layer { spatial_id: 0, temporal_id: 0 }; MAX_TEMPLATES],
            indications: [0; MAX_TEMPLATES],
            differences: [0; MAX_TEMPLATES],
            difference_counts: [0; MAX_TEMPLATES],
            chain_differences: [0; MAX_TEMPLATES],
            protected_by: [0; MAX_DECODE_TARGETS],
            resolutions: None,
        }
    }

    fn set_template(&mut self, index: usize, template: &Template<'_>) -> Option<()> {
        let Layer { spatial_id, temporal_id } = template.layer;
        if usize::from(spatial_id) >= MAX_SPATIAL_LAYERS || temporal_id > MAX_TEMPORAL_ID {
            return None;
        }
        *self.layers.get_mut(index)? = template.layer;
        let targets = template.indications;
        let chains = template.chain_differences;
        if targets.len() != usize::from(self.decode_targets)
            || chains.len() != usize::from(self.chains)
            || chains.iter().any(|difference| *difference > 15)
        {
            return None;
        }
        *self.indications.get_mut(index)? =
            targets.iter().rev().fold(0, |all, one| all << 2 | u64::from(one.bits()));
        *self.chain_differences.get_mut(index)? =
            chains.iter().rev().fold(0, |all, one| all << 4 | u128::from(*one));
        for difference in template.frame_differences {
            let value =
                difference.checked_sub(1).filter(|_| *difference <= MAX_TEMPLATE_DIFFERENCE)?;
            self.push_difference(index, u64::from(value))?;
        }
        Some(())
    }

    /// `value` has four bits. `None` for more differences than a frame can have.
    fn push_difference(&mut self, index: usize, value: u64) -> Option<()> {
        let count = self.difference_counts.get_mut(index)?;
        if usize::from(*count) >= MAX_FRAME_DIFFERENCES {
            return None;
        }
        *self.differences.get_mut(index)? |= value << (4 * *count);
        *count += 1;
        Some(())
    }

    /// Whether the counts have values that the wire can carry and the layers come in its order.
    fn is_writable(&self) -> bool {
        let layers = self.layers.get(..self.templates.into()).unwrap_or(&[]);
        (1..=MAX_DECODE_TARGETS).contains(&self.decode_targets.into())
            && self.chains <= self.decode_targets
            && self.protected_by.iter().all(|chain| *chain < self.chains.max(1))
            && layers.first() == Some(&Layer::default())
            && layers
                .iter()
                .zip(layers.iter().skip(1))
                .all(|(layer, next)| (0..3).any(|step| layer.next(step) == Some(*next)))
    }

    /// The layer of a frame by its `template_id`; `None` when there is no such template.
    #[must_use]
    pub fn layer(&self, template_id: u8) -> Option<Layer> {
        self.layers.get(self.index(template_id)?).copied()
    }

    /// Number of templates, 1 to 64.
    #[must_use]
    pub const fn templates(&self) -> u8 {
        self.templates
    }

    /// The identifier of the first template, 0 to 63.
    #[must_use]
    pub const fn id_offset(&self) -> u8 {
        self.id_offset
    }

    /// Number of decode targets, 1 to 32.
    #[must_use]
    pub const fn decode_targets(&self) -> u8 {
        self.decode_targets
    }

    /// Number of chains, 0 to 32.
    #[must_use]
    pub const fn chains(&self) -> u8 {
        self.chains
    }

    /// Number of spatial layers, 1 to 4.
    #[must_use]
    pub fn spatial_layers(&self) -> u8 {
        let layers = self.layers.get(..self.templates.into()).unwrap_or(&[]);
        layers.iter().map(|layer| layer.spatial_id + 1).max().unwrap_or(1)
    }

    /// All decode targets as a bitmask, the first in the lowest bit.
    #[must_use]
    pub const fn all_decode_targets(&self) -> u32 {
        u32::MAX >> (32 - self.decode_targets as u32)
    }

    /// The highest spatial and the highest temporal layer that a decode target needs; `None` when there is no such target.
    #[must_use]
    pub fn decode_target_layer(&self, decode_target: u8) -> Option<Layer> {
        if decode_target >= self.decode_targets {
            return None;
        }
        let needed = self.layers.iter().zip(&self.indications).take(self.templates.into());
        let needed = needed.filter(|(_, bits)| **bits >> (2 * decode_target) & 0b11 != 0);
        Some(needed.fold(Layer::default(), |highest, (layer, _)| Layer {
            spatial_id: highest.spatial_id.max(layer.spatial_id),
            temporal_id: highest.temporal_id.max(layer.temporal_id),
        }))
    }

    /// The chain that protects a decode target: while none of its frames is lost, the target can be decoded. `None` without
    /// chains and when there is no such target.
    #[must_use]
    pub fn protected_by(&self, decode_target: u8) -> Option<u8> {
        if self.chains == 0 || decode_target >= self.decode_targets {
            return None;
        }
        self.protected_by.get(usize::from(decode_target)).copied()
    }

    /// The largest size at which frames of a spatial layer are shown; `None` when the structure does not say.
    #[must_use]
    pub fn resolution(&self, spatial_id: u8) -> Option<Resolution> {
        let known = self.resolutions.as_ref()?.get(..self.spatial_layers().into())?;
        known.get(usize::from(spatial_id)).copied()
    }

    /// The place of a template: identifiers count from the offset, modulo 64.
    pub(super) fn index(&self, template_id: u8) -> Option<usize> {
        let index = template_id.wrapping_sub(self.id_offset) & 0x3f;
        (index < self.templates).then_some(index.into())
    }

    /// Two bits for each decode target, the first in the lowest.
    pub(super) fn indications(&self, index: usize) -> u64 {
        self.indications.get(index).copied().unwrap_or(0)
    }

    pub(super) fn frame_differences(&self, index: usize) -> impl Iterator<Item = u16> + use<> {
        let packed = self.differences.get(index).copied().unwrap_or(0);
        let count = self.difference_counts.get(index).copied().unwrap_or(0);
        (0..count).map(move |place| (low16(packed >> (4 * place)) & 0x0f) + 1)
    }

    pub(super) fn chain_differences(&self, index: usize) -> impl Iterator<Item = u8> + use<> {
        let packed = self.chain_differences.get(index).copied().unwrap_or(0);
        (0..self.chains).map(move |chain| low8(low64(packed >> (4 * chain))) & 0x0f)
    }

    pub(super) fn read(bits: &mut BitReader<'_>) -> Option<Self> {
        let mut structure = Self::empty();
        structure.id_offset = bits.small(6)?;
        structure.decode_targets = bits.small(5)? + 1;
        structure.templates = read_layers(bits, &mut structure.layers)?;
        let templates = usize::from(structure.templates);
        for indications in structure.indications.iter_mut().take(templates) {
            for target in 0..structure.decode_targets {
                *indications |= u64::from(bits.bits(2)?) << (2 * target);
            }
        }
        for index in 0..templates {
            while bits.flag()? {
                structure.push_difference(index, bits.bits(4)?.into())?;
            }
        }
        structure.read_chains(bits)?;
        if bits.flag()? {
            let mut resolutions = [Resolution::default(); MAX_SPATIAL_LAYERS];
            for resolution in resolutions.iter_mut().take(structure.spatial_layers().into()) {
                resolution.width = bits.bits(16)? + 1;
                resolution.height = bits.bits(16)? + 1;
            }
            structure.resolutions = Some(resolutions);
        }
        Some(structure)
    }

    fn read_chains(&mut self, bits: &mut BitReader<'_>) -> Option<()> {
        self.chains = bits.non_symmetric(self.decode_targets + 1)?;
        if self.chains == 0 {
            return Some(());
        }
        for chain in self.protected_by.iter_mut().take(self.decode_targets.into()) {
            *chain = bits.non_symmetric(self.chains)?;
        }
        for differences in self.chain_differences.iter_mut().take(self.templates.into()) {
            for chain in 0..self.chains {
                *differences |= u128::from(bits.bits(4)?) << (4 * chain);
            }
        }
        Some(())
    }

    pub(super) fn write(&self, bits: &mut BitWriter<'_>) -> Option<()> {
        bits.bits(self.id_offset.into(), 6)?;
        bits.bits(u32::from(self.decode_targets) - 1, 5)?;
        let templates = usize::from(self.templates);
        let layers = self.layers.get(..templates)?;
        for (layer, next) in layers.iter().zip(layers.iter().skip(1)) {
            bits.bits((0..3).find(|step| layer.next(*step) == Some(*next))?.into(), 2)?;
        }
        bits.bits(NO_MORE_LAYERS.into(), 2)?;
        for indications in self.indications.iter().take(templates) {
            for target in 0..self.decode_targets {
                bits.bits(low32(indications >> (2 * target)) & 0b11, 2)?;
            }
        }
        for index in 0..templates {
            for difference in self.frame_differences(index) {
                bits.flag(true)?;
                bits.bits(u32::from(difference) - 1, 4)?;
            }
            bits.flag(false)?;
        }
        bits.non_symmetric(self.chains, self.decode_targets + 1)?;
        if self.chains != 0 {
            for chain in self.protected_by.iter().take(self.decode_targets.into()) {
                bits.non_symmetric(*chain, self.chains)?;
            }
            for index in 0..templates {
                for difference in self.chain_differences(index) {
                    bits.bits(difference.into(), 4)?;
                }
            }
        }
        bits.flag(self.resolutions.is_some())?;
        for resolution in self.resolutions.iter().flatten().take(self.spatial_layers().into()) {
            bits.bits(resolution.width.clamp(1, 65_536) - 1, 16)?;
            bits.bits(resolution.height.clamp(1, 65_536) - 1, 16)?;
        }
        Some(())
    }
}

const fn low64(value: u128) -> u64 {
    let [.., a, b, c, d, e, f, g, h] = value.to_be_bytes();
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// What `next_layer_idc` says after the last template.
const NO_MORE_LAYERS: u8 = 3;

/// `template_layers`: gives the number of templates.
fn read_layers(bits: &mut BitReader<'_>, layers: &mut [Layer; MAX_TEMPLATES]) -> Option<u8> {
    let mut layer = Layer::default();
    let mut count = 0;
    for slot in layers {
        *slot = layer;
        count += 1;
        match bits.small(2)? {
            NO_MORE_LAYERS => return Some(count),
            step => layer = layer.next(step)?,
        }
    }
    // More templates than have identifiers.
    None
}

impl Layer {
    /// The layer of the next template after a `next_layer_idc` of 0 to 2; `None` where there is none.
    pub(super) fn next(self, step: u8) -> Option<Self> {
        let next = match step {
            0 => self,
            1 => Self { temporal_id: self.temporal_id + 1, ..self },
            _ => Self { spatial_id: self.spatial_id + 1, temporal_id: 0 },
        };
        let exists = usize::from(next.spatial_id) < MAX_SPATIAL_LAYERS;
        (exists && next.temporal_id <= MAX_TEMPORAL_ID).then_some(next)
    }
}

impl std::fmt::Debug for TemplateStructure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let layers = self.layers.get(..self.templates.into()).unwrap_or(&[]);
        f.debug_struct("TemplateStructure")
            .field("id_offset", &self.id_offset)
            .field("decode_targets", &self.decode_targets)
            .field("chains", &self.chains)
            .field("layers", &layers)
            .finish_non_exhaustive()
    }
}
