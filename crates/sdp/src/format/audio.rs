//! Opus, and tones.

use std::ops::RangeInclusive;

use super::{FormatError, flag, list, number, set, set_list, set_optional, wrong};
use crate::{Codec, parse};

/// Parameters of `opus` (RFC 7587 §6.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opus {
    /// `maxplaybackrate` in Hz; 48,000 where it is not said.
    pub max_playback_rate: u32,
    /// `sprop-maxcapturerate` in Hz; 48,000 where it is not said.
    pub sprop_max_capture_rate: u32,
    /// `maxaveragebitrate` in bit/s.
    pub max_average_bitrate: Option<u32>,
    /// `minptime` in milliseconds.
    pub min_ptime: Option<u32>,
    /// `stereo`: its writer prefers to receive stereo.
    pub stereo: bool,
    /// `sprop-stereo`: its writer is likely to send stereo.
    pub sprop_stereo: bool,
    /// `cbr`: its writer wants a constant bit rate.
    pub cbr: bool,
    /// `useinbandfec`: its writer can make use of in-band error correction.
    pub use_inband_fec: bool,
    /// `usedtx`: its writer wants silence to cost nothing.
    pub use_dtx: bool,
}

impl Default for Opus {
    fn default() -> Self {
        Self {
            max_playback_rate: 48_000,
            sprop_max_capture_rate: 48_000,
            max_average_bitrate: None,
            min_ptime: None,
            stereo: false,
            sprop_stereo: false,
            cbr: false,
            use_inband_fec: false,
            use_dtx: false,
        }
    }
}

impl Opus {
    /// What the parameters of a codec say.
    ///
    /// # Errors
    /// One of them is malformed or out of range.
    pub fn read(codec: &Codec) -> Result<Self, FormatError> {
        let rate = |name| Ok(number(codec, name, u32::MAX, "a rate in Hz")?.unwrap_or(48_000));
        Ok(Self {
            max_playback_rate: rate("maxplaybackrate")?,
            sprop_max_capture_rate: rate("sprop-maxcapturerate")?,
            max_average_bitrate: number(codec, "maxaveragebitrate", u32::MAX, "a bit rate")?,
            min_ptime: number(codec, "minptime", u32::MAX, "milliseconds")?,
            stereo: flag(codec, "stereo")?,
            sprop_stereo: flag(codec, "sprop-stereo")?,
            cbr: flag(codec, "cbr")?,
            use_inband_fec: flag(codec, "useinbandfec")?,
            use_dtx: flag(codec, "usedtx")?,
        })
    }

    /// Sets the parameters of a codec.
    pub fn write(&self, codec: &mut Codec) {
        set_optional(codec, "minptime", self.min_ptime);
        set(codec, "maxplaybackrate", &self.max_playback_rate, &48_000);
        set(codec, "sprop-maxcapturerate", &self.sprop_max_capture_rate, &48_000);
        set_optional(codec, "maxaveragebitrate", self.max_average_bitrate);
        for (name, value) in [
            ("stereo", self.stereo),
            ("sprop-stereo", self.sprop_stereo),
            ("cbr", self.cbr),
            ("useinbandfec", self.use_inband_fec),
            ("usedtx", self.use_dtx),
        ] {
            set(codec, name, &u8::from(value), &0);
        }
    }
}

/// Parameters of `telephone-event` (RFC 4733 §7.1.1): the events its writer knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TelephoneEvent {
    /// Ranges of event codes; 0 to 15, the DTMF digits, where nothing is said. An empty range is not written. Neither can an empty list
    /// be said: nothing is written for it, which reads as 0 to 15.
    pub events: Vec<RangeInclusive<u8>>,
}

impl Default for TelephoneEvent {
    fn default() -> Self {
        Self { events: vec![0..=15] }
    }
}

impl TelephoneEvent {
    /// What the parameters of a codec say.
    ///
    /// # Errors
    /// They are no list of event codes.
    pub fn read(codec: &Codec) -> Result<Self, FormatError> {
        let Some(list) = list(codec) else { return Ok(Self::default()) };
        let events = list.split(',').map(|range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let event = |word: &str| parse::number(Some(word.trim_ascii()));
            Some(event(first)?..=event(last)?).filter(|range| !range.is_empty())
        });
        let events: Option<Vec<_>> = events.collect();
        let expected = "a list of event codes, 0-15 for example";
        Ok(Self { events: events.ok_or_else(|| wrong(codec, "", Some(list), expected))? })
    }

    /// Sets the parameters of a codec.
    pub fn write(&self, codec: &mut Codec) {
        let range = |range: &RangeInclusive<u8>| match (range.start(), range.end()) {
            (first, last) if first == last => first.to_string(),
            (first, last) => format!("{first}-{last}"),
        };
        // One that ends before it begins could not be read again.
        let events = self.events.iter().filter(|range| !range.is_empty());
        let list: Vec<_> = events.map(range).collect();
        set_list(codec, &list.join(","));
    }
}
