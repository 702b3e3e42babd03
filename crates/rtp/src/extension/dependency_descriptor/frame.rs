//! What a descriptor says about its frame, by its template and where it differs from it (AV1 RTP specification, appendix
//! A.8.3, `frame_dependency_definition`).

use super::bits::{BitReader, BitWriter};
use super::structure::{MAX_DECODE_TARGETS, TemplateStructure};
use super::{DecodeTargetIndication, Layer, Resolution};

/// Most frames that one frame refers to. The specification has no limit; AV1 refers to seven at most, VP9 to three.
pub const MAX_FRAME_DIFFERENCES: usize = 16;
/// The largest custom frame difference: twelve bits, counted from 1.
const MAX_DIFFERENCE: u16 = 4096;

/// The place of a frame among the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameDependencies {
    /// The layer of the frame.
    pub layer: Layer,
    /// The largest size at which frames of this spatial layer are shown, when the structure says it.
    pub resolution: Option<Resolution>,
    /// The decode targets that the sender produces from here on, the first in the lowest bit, when the descriptor says
    /// it: with each structure, and when it changes.
    pub active_decode_targets: Option<u32>,
    decode_targets: u8,
    indications: u64,
    differences: [u16; MAX_FRAME_DIFFERENCES],
    differences_len: u8,
    chains: [u8; MAX_DECODE_TARGETS],
    chains_len: u8,
}

impl FrameDependencies {
    /// What the frame is to a decode target; `None` when there is no such target.
    #[must_use]
    pub fn indication(&self, decode_target: u8) -> Option<DecodeTargetIndication> {
        let bits = self.indications.checked_shr(2 * u32::from(decode_target))?;
        (decode_target < self.decode_targets)
            .then(|| DecodeTargetIndication::from_bits(crate::bytes::low8(bits)))
    }

    /// What the frame is to each decode target.
    pub fn indications(&self) -> impl Iterator<Item = DecodeTargetIndication> + '_ {
        (0..self.decode_targets).filter_map(|target| self.indication(target))
    }

    /// How many frames back those are that this frame refers to, 1 to 4,096 each.
    #[must_use]
    pub fn frame_differences(&self) -> &[u16] {
        self.differences.get(..self.differences_len.into()).unwrap_or(&[])
    }

    /// For each chain how many frames back the frame before this one in the chain is; 0 for a chain that begins here.
    #[must_use]
    pub fn chain_differences(&self) -> &[u8] {
        self.chains.get(..self.chains_len.into()).unwrap_or(&[])
    }

    /// Sets what the frame is to a decode target; says whether there is such a target.
    pub fn set_indication(
        &mut self,
        decode_target: u8,
        indication: DecodeTargetIndication,
    ) -> bool {
        if decode_target >= self.decode_targets {
            return false;
        }
        let place = 2 * decode_target;
        self.indications &= !(0b11 << place);
        self.indications |= u64::from(indication.bits()) << place;
        true
    }

    /// Sets the frame differences: at most 16, 1 to 4,096 each. Says whether they were taken.
    pub fn set_frame_differences(&mut self, differences: &[u16]) -> bool {
        let in_range = differences.iter().all(|one| (1..=MAX_DIFFERENCE).contains(one));
        match (u8::try_from(differences.len()), self.differences.get_mut(..differences.len())) {
            (Ok(len), Some(target)) if in_range => {
                target.copy_from_slice(differences);
                self.differences_len = len;
                true
            }
            _ => false,
        }
    }

    /// Sets the chain differences, one for each chain. Says whether they were as many as there are chains.
    pub fn set_chain_differences(&mut self, differences: &[u8]) -> bool {
        match self.chains.get_mut(..differences.len()) {
            Some(target) if differences.len() == usize::from(self.chains_len) => {
                target.copy_from_slice(differences);
                true
            }
            _ => false,
        }
    }

    /// What the template says; `None` when there is no such template.
    #[must_use]
    pub fn of_template(structure: &TemplateStructure, template_id: u8) -> Option<Self> {
        let index = structure.index(template_id)?;
        let layer = structure.layer(template_id)?;
        let mut frame = Self {
            layer,
            resolution: structure.resolution(layer.spatial_id),
            active_decode_targets: None,
            decode_targets: structure.decode_targets(),
            indications: structure.indications(index),
            differences: [0; MAX_FRAME_DIFFERENCES],
            differences_len: 0,
            chains: [0; MAX_DECODE_TARGETS],
            chains_len: structure.chains(),
        };
        for difference in structure.frame_differences(index) {
            frame.push_difference(difference)?;
        }
        let chains = frame.chains.iter_mut().zip(structure.chain_differences(index));
        chains.for_each(|(slot, difference)| *slot = difference);
        Some(frame)
    }

    fn push_difference(&mut self, difference: u16) -> Option<()> {
        *self.differences.get_mut(usize::from(self.differences_len))? = difference;
        self.differences_len += 1;
        Some(())
    }

    pub(super) fn read_indications(&mut self, bits: &mut BitReader<'_>) -> Option<()> {
        self.indications = 0;
        for target in 0..self.decode_targets {
            self.indications |= u64::from(bits.bits(2)?) << (2 * target);
        }
        Some(())
    }

    pub(super) fn read_differences(&mut self, bits: &mut BitReader<'_>) -> Option<()> {
        self.differences_len = 0;
        loop {
            // Four, eight or twelve bits; zero ends the list.
            let size = bits.bits(2)?;
            if size == 0 {
                return Some(());
            }
            self.push_difference(u16::try_from(bits.bits(4 * size)? + 1).ok()?)?;
        }
    }

    pub(super) fn read_chains(&mut self, bits: &mut BitReader<'_>) -> Option<()> {
        for chain in self.chains.iter_mut().take(self.chains_len.into()) {
            *chain = bits.small(8)?;
        }
        Some(())
    }

    /// Which parts differ from the template's.
    pub(super) fn differs(&self, template: &Self) -> Custom {
        Custom {
            indications: self.indications != template.indications,
            differences: self.frame_differences() != template.frame_differences(),
            chains: self.chain_differences() != template.chain_differences(),
        }
    }

    pub(super) fn write(&self, custom: Custom, bits: &mut BitWriter<'_>) -> Option<()> {
        if custom.indications {
            self.indications().try_for_each(|one| bits.bits(one.bits().into(), 2))?;
        }
        if custom.differences {
            for difference in self.frame_differences() {
                let value = u32::from(*difference) - 1;
                // In units of four bits, one at least.
                let size = value.checked_ilog2().unwrap_or(0) / 4 + 1;
                bits.bits(size, 2)?;
                bits.bits(value, 4 * size)?;
            }
            bits.bits(0, 2)?;
        }
        if custom.chains {
            self.chain_differences().iter().try_for_each(|one| bits.bits((*one).into(), 8))?;
        }
        Some(())
    }
}

/// Which parts of the frame's dependencies are in the descriptor itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Custom {
    pub(super) indications: bool,
    pub(super) differences: bool,
    pub(super) chains: bool,
}

impl Custom {
    pub(super) const fn any(self) -> bool {
        self.indications || self.differences || self.chains
    }
}
