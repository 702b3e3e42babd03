//! Payload types that repair others.

use super::{FormatError, list, number, set_list, set_optional, wrong};
use crate::Codec;
use crate::parse::payload_type;

/// Parameters of `rtx` (RFC 4588 §8.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rtx {
    /// `apt`: the payload type that is retransmitted.
    pub associated_payload_type: u8,
    /// `rtx-time`: milliseconds that a sender keeps a packet.
    pub rtx_time: Option<u32>,
}

impl Rtx {
    /// What the parameters of a codec say.
    ///
    /// # Errors
    /// `apt` is not there, or is no payload type.
    pub fn read(codec: &Codec) -> Result<Self, FormatError> {
        const EXPECTED: &str = "a payload type from 0 to 127";
        let associated = number(codec, "apt", 127, EXPECTED)?;
        Ok(Self {
            associated_payload_type: associated
                .ok_or_else(|| wrong(codec, "apt", None, EXPECTED))?,
            rtx_time: number(codec, "rtx-time", u32::MAX, "milliseconds")?,
        })
    }

    /// Sets the parameters of a codec.
    pub fn write(&self, codec: &mut Codec) {
        codec.set_parameter("apt", Some(&self.associated_payload_type.to_string()));
        set_optional(codec, "rtx-time", self.rtx_time);
    }
}

/// Parameters of `flexfec-03` (draft-ietf-payload-flexible-fec-scheme-03 §5.1, what Chromium offers) and of `flexfec` (RFC 8627 §5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlexFec {
    /// `repair-window`: microseconds from the first of the packets that are repaired to the last that repairs them.
    pub repair_window: u32,
}

impl FlexFec {
    /// What the parameters of a codec say.
    ///
    /// # Errors
    /// `repair-window` is not there, or is no number.
    pub fn read(codec: &Codec) -> Result<Self, FormatError> {
        const EXPECTED: &str = "microseconds";
        let repair_window = number(codec, "repair-window", u32::MAX, EXPECTED)?;
        let missing = || wrong(codec, "repair-window", None, EXPECTED);
        Ok(Self { repair_window: repair_window.ok_or_else(missing)? })
    }

    /// Sets the parameters of a codec.
    pub fn write(&self, codec: &mut Codec) {
        codec.set_parameter("repair-window", Some(&self.repair_window.to_string()));
    }
}

/// Parameters of `red` (RFC 2198 §5): payload types of the primary encoding and of the redundant ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Red {
    /// `111/111` says that a packet holds Opus and one older Opus frame. Empty for video, where nothing is said.
    pub payload_types: Vec<u8>,
}

impl Red {
    /// What the parameters of a codec say.
    ///
    /// # Errors
    /// They are no list of payload types.
    pub fn read(codec: &Codec) -> Result<Self, FormatError> {
        let Some(list) = list(codec) else { return Ok(Self::default()) };
        let types: Option<_> =
            list.split('/').map(|word| payload_type(word.trim_ascii())).collect();
        let expected = "payload types with slashes between";
        Ok(Self { payload_types: types.ok_or_else(|| wrong(codec, "", Some(list), expected))? })
    }

    /// Sets the parameters of a codec.
    pub fn write(&self, codec: &mut Codec) {
        let list: Vec<_> = self.payload_types.iter().map(u8::to_string).collect();
        set_list(codec, &list.join("/"));
    }
}
