//! Video codecs but H.264.

use super::{FormatError, number, set, set_optional};
use crate::Codec;

/// Parameters of `VP8` (RFC 7741 §6.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vp8 {
    /// `max-fr`, frames a second.
    pub max_frame_rate: Option<u32>,
    /// `max-fs`, macroblocks (16x16 pixels) in a frame.
    pub max_frame_size: Option<u32>,
}

impl Vp8 {
    /// What the parameters of a codec say.
    ///
    /// # Errors
    /// One of them is malformed.
    pub fn read(codec: &Codec) -> Result<Self, FormatError> {
        Ok(Self {
            max_frame_rate: number(codec, "max-fr", u32::MAX, "frames a second")?,
            max_frame_size: number(codec, "max-fs", u32::MAX, "a number of macroblocks")?,
        })
    }

    /// Sets the parameters of a codec.
    pub fn write(&self, codec: &mut Codec) {
        set_optional(codec, "max-fs", self.max_frame_size);
        set_optional(codec, "max-fr", self.max_frame_rate);
    }
}

/// Parameters of `VP9` (RFC 9628 §7).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vp9 {
    /// `profile-id`, 0 to 3; 0 where it is not said.
    pub profile_id: u8,
    /// `max-fr`, frames a second.
    pub max_frame_rate: Option<u32>,
    /// `max-fs`, macroblocks (16x16 pixels) in a frame.
    pub max_frame_size: Option<u32>,
}

impl Vp9 {
    /// What the parameters of a codec say.
    ///
    /// # Errors
    /// One of them is malformed or out of range.
    pub fn read(codec: &Codec) -> Result<Self, FormatError> {
        let Vp8 { max_frame_rate, max_frame_size } = Vp8::read(codec)?;
        let profile_id = number(codec, "profile-id", 3, "a profile from 0 to 3")?.unwrap_or(0);
        Ok(Self { profile_id, max_frame_rate, max_frame_size })
    }

    /// Sets the parameters of a codec.
    pub fn write(&self, codec: &mut Codec) {
        set(codec, "profile-id", &self.profile_id, &0);
        let Self { max_frame_rate, max_frame_size, .. } = *self;
        Vp8 { max_frame_rate, max_frame_size }.write(codec);
    }
}

/// Parameters of `H265` (RFC 7798 §7.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct H265 {
    /// `profile-space`, 0 to 3.
    pub profile_space: u8,
    /// `profile-id`, 0 to 31; 1 is Main, 2 is Main 10.
    pub profile_id: u8,
    /// `tier-flag`: 0 main, 1 high.
    pub tier_flag: u8,
    /// `level-id`: thirty times the level, 93 for 3.1.
    pub level_id: u8,
    /// `tx-mode`: `SRST` (one stream, the only one that WebRTC knows), `MRST` or `MRMT`.
    pub tx_mode: String,
}

/// Main profile, main tier, level 3.1, in one stream.
impl Default for H265 {
    fn default() -> Self {
        let tx_mode = String::from("SRST");
        Self { profile_space: 0, profile_id: 1, tier_flag: 0, level_id: 93, tx_mode }
    }
}

impl H265 {
    /// What the parameters of a codec say.
    ///
    /// # Errors
    /// One of them is malformed or out of range.
    pub fn read(codec: &Codec) -> Result<Self, FormatError> {
        let Self { profile_space, profile_id, tier_flag, level_id, tx_mode } = Self::default();
        let read = |name, max, expected, default| {
            Ok(number(codec, name, max, expected)?.unwrap_or(default))
        };
        Ok(Self {
            profile_space: read("profile-space", 3, "0 to 3", profile_space)?,
            profile_id: read("profile-id", 31, "0 to 31", profile_id)?,
            tier_flag: read("tier-flag", 1, "0 or 1", tier_flag)?,
            level_id: read("level-id", 255, "0 to 255", level_id)?,
            tx_mode: codec.parameter("tx-mode").map_or(tx_mode, str::to_owned),
        })
    }

    /// Sets the parameters of a codec.
    pub fn write(&self, codec: &mut Codec) {
        let Self { profile_space, profile_id, tier_flag, level_id, tx_mode } = self;
        let default = Self::default();
        set(codec, "level-id", level_id, &default.level_id);
        set(codec, "profile-id", profile_id, &default.profile_id);
        set(codec, "profile-space", profile_space, &default.profile_space);
        set(codec, "tier-flag", tier_flag, &default.tier_flag);
        set(codec, "tx-mode", tx_mode, &default.tx_mode);
    }
}

/// Parameters of `AV1` (RTP Payload Format For AV1 §7.2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Av1 {
    /// `profile`: 0 (Main), 1 (High) or 2 (Professional).
    pub profile: u8,
    /// `level-idx`, 0 to 31; 5 is level 3.1.
    pub level_idx: u8,
    /// `tier`: 0 main, 1 high.
    pub tier: u8,
}

/// Main profile, level 3.1, main tier.
impl Default for Av1 {
    fn default() -> Self {
        Self { profile: 0, level_idx: 5, tier: 0 }
    }
}

impl Av1 {
    /// What the parameters of a codec say.
    ///
    /// # Errors
    /// One of them is malformed or out of range.
    pub fn read(codec: &Codec) -> Result<Self, FormatError> {
        let default = Self::default();
        Ok(Self {
            profile: number(codec, "profile", 2, "0, 1 or 2")?.unwrap_or(default.profile),
            level_idx: number(codec, "level-idx", 31, "0 to 31")?.unwrap_or(default.level_idx),
            tier: number(codec, "tier", 1, "0 or 1")?.unwrap_or(default.tier),
        })
    }

    /// Sets the parameters of a codec.
    pub fn write(&self, codec: &mut Codec) {
        let default = Self::default();
        set(codec, "level-idx", &self.level_idx, &default.level_idx);
        set(codec, "profile", &self.profile, &default.profile);
        set(codec, "tier", &self.tier, &default.tier);
    }
}
