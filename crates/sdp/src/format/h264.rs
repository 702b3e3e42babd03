//! H.264 (RFC 6184 §8.1).

use std::fmt::{self, Display, Formatter};

use super::{FormatError, flag, number, set, set_optional, value, wrong};
use crate::Codec;

/// Parameters of `H264`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct H264 {
    /// `profile-level-id`; Baseline at level 1 where it is not said.
    pub profile_level_id: ProfileLevelId,
    /// `packetization-mode`: 0 (single NAL unit), 1 (non-interleaved, what browsers send) or 2.
    pub packetization_mode: u8,
    /// `level-asymmetry-allowed`: each side may send at its own level.
    pub level_asymmetry_allowed: bool,
    /// `sprop-parameter-sets`, verbatim: base64 of parameter sets, with commas between.
    pub sprop_parameter_sets: Option<String>,
}

impl H264 {
    /// What the parameters of a codec say.
    ///
    /// # Errors
    /// One of them is malformed or out of range.
    pub fn read(codec: &Codec) -> Result<Self, FormatError> {
        Ok(Self {
            profile_level_id: ProfileLevelId::read(codec)?.unwrap_or_default(),
            packetization_mode: number(codec, "packetization-mode", 2, "0, 1 or 2")?.unwrap_or(0),
            level_asymmetry_allowed: flag(codec, "level-asymmetry-allowed")?,
            sprop_parameter_sets: codec.parameter("sprop-parameter-sets").map(str::to_owned),
        })
    }

    /// Sets the parameters of a codec.
    pub fn write(&self, codec: &mut Codec) {
        set(codec, "level-asymmetry-allowed", &u8::from(self.level_asymmetry_allowed), &0);
        set(codec, "packetization-mode", &self.packetization_mode, &0);
        codec.set_parameter("profile-level-id", Some(&self.profile_level_id.to_string()));
        set_optional(codec, "sprop-parameter-sets", self.sprop_parameter_sets.as_ref());
    }

    /// Whether one side can receive what the other sends, levels aside: the same profile in the same packetization mode
    /// (RFC 6184 §8.2.2).
    pub fn is_compatible(&self, other: &Self) -> bool {
        self.packetization_mode == other.packetization_mode
            && self
                .profile_level_id
                .profile()
                .is_some_and(|own| Some(own) == other.profile_level_id.profile())
    }
}

/// `profile-level-id`: profile_idc, profile_iop (the constraint flags) and level_idc, an octet each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProfileLevelId(pub u32);

/// RFC 6184 §8.1: Baseline without constraints, level 1.
impl Default for ProfileLevelId {
    fn default() -> Self {
        Self(0x42_00_0a)
    }
}

impl ProfileLevelId {
    fn read(codec: &Codec) -> Result<Option<Self>, FormatError> {
        const NAME: &str = "profile-level-id";
        let Some(found) = value(codec, NAME) else { return Ok(None) };
        let digits = found
            .filter(|text| text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let id = digits.and_then(|text| u32::from_str_radix(text, 16).ok());
        id.map(|id| Some(Self(id)))
            .ok_or_else(|| wrong(codec, NAME, found, "six hexadecimal digits"))
    }

    /// The profile; `None` for combinations that RFC 6184, table 5, gives no name.
    pub fn profile(self) -> Option<H264Profile> {
        let [_, idc, iop, _] = self.0.to_be_bytes();
        // Bits of iop: constraint_set0 to constraint_set5, two reserved ones.
        let is = |mask: u8, bits: u8| iop & mask == bits;
        match idc {
            0x42 if is(0b0100_1111, 0b0100_0000) => Some(H264Profile::ConstrainedBaseline),
            0x42 if is(0b0100_1111, 0) => Some(H264Profile::Baseline),
            0x4d if is(0b1000_1111, 0b1000_0000) => Some(H264Profile::ConstrainedBaseline),
            0x4d if is(0b1010_1111, 0) => Some(H264Profile::Main),
            0x58 if is(0b1100_1111, 0b1100_0000) => Some(H264Profile::ConstrainedBaseline),
            0x58 if is(0b1100_1111, 0b1000_0000) => Some(H264Profile::Baseline),
            0x64 if iop == 0b0000_1100 => Some(H264Profile::ConstrainedHigh),
            0x64 if iop == 0 => Some(H264Profile::High),
            0xf4 if iop == 0 => Some(H264Profile::PredictiveHigh444),
            _ => None,
        }
    }

    /// level_idc: ten times the level, 31 for 3.1.
    pub fn level(self) -> u8 {
        let [_, _, _, level] = self.0.to_be_bytes();
        level
    }
}

/// Six hexadecimal digits.
impl Display for ProfileLevelId {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{:06x}", self.0 & 0xff_ffff)
    }
}

/// The profiles that WebRTC endpoints offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum H264Profile {
    /// What every WebRTC endpoint with H.264 has to know (RFC 7742 §6.2).
    ConstrainedBaseline,
    /// Baseline.
    Baseline,
    /// Main.
    Main,
    /// Constrained High.
    ConstrainedHigh,
    /// High.
    High,
    /// High 4:4:4 Predictive.
    PredictiveHigh444,
}
