//! Format parameters (`a=fmtp`) by codec.
//!
//! Each type here is a view of [`Codec::parameters`]: `read` gives what a codec's parameters say, with the defaults of its
//! RFC where they are silent; `write` sets what differs from the default or was said already, and leaves parameters that it
//! does not know as they are.
//!
//! ```
//! use tsubame_sdp::Codec;
//! use tsubame_sdp::format::{Format, H264, H264Profile, ProfileLevelId};
//!
//! let mut codec = Codec::new(102, "H264", 90_000, None);
//! codec.set_parameter("x-vendor", Some("7"));
//! let format = H264 { profile_level_id: ProfileLevelId(0x42e01f), packetization_mode: 1, ..H264::default() };
//! format.write(&mut codec);
//! assert_eq!(codec.parameter("profile-level-id"), Some("42e01f"));
//! assert_eq!(codec.parameter("x-vendor"), Some("7"));
//!
//! let Format::H264(read) = codec.format()? else { unreachable!() };
//! assert_eq!(read.profile_level_id.profile(), Some(H264Profile::ConstrainedBaseline));
//! # Ok::<(), tsubame_sdp::FormatError>(())
//! ```

mod audio;
mod h264;
mod repair;
mod video;

pub use audio::{Opus, TelephoneEvent};
pub use h264::{H264, H264Profile, ProfileLevelId};
pub use repair::{FlexFec, Red, Rtx};
pub use video::{Av1, H265, Vp8, Vp9};

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use crate::error::excerpt;
use crate::{Codec, parse};

/// What the parameters of a codec say.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// `opus`
    Opus(Opus),
    /// `telephone-event`
    TelephoneEvent(TelephoneEvent),
    /// `VP8`
    Vp8(Vp8),
    /// `VP9`
    Vp9(Vp9),
    /// `H264`
    H264(H264),
    /// `H265`
    H265(H265),
    /// `AV1`
    Av1(Av1),
    /// `rtx`
    Rtx(Rtx),
    /// `red`
    Red(Red),
    /// `flexfec-03` and `flexfec`
    FlexFec(FlexFec),
    /// A codec whose parameters have no type here.
    Other,
}

impl Format {
    pub(crate) fn read(codec: &Codec) -> Result<Self, FormatError> {
        Ok(match codec.name.to_ascii_lowercase().as_str() {
            "opus" => Self::Opus(Opus::read(codec)?),
            "telephone-event" => Self::TelephoneEvent(TelephoneEvent::read(codec)?),
            "vp8" => Self::Vp8(Vp8::read(codec)?),
            "vp9" => Self::Vp9(Vp9::read(codec)?),
            "h264" => Self::H264(H264::read(codec)?),
            "h265" => Self::H265(H265::read(codec)?),
            "av1" => Self::Av1(Av1::read(codec)?),
            "rtx" => Self::Rtx(Rtx::read(codec)?),
            "red" => Self::Red(Red::read(codec)?),
            "flexfec-03" | "flexfec" => Self::FlexFec(FlexFec::read(codec)?),
            _ => Self::Other,
        })
    }

    /// Sets the parameters of a codec, which should be one of this format.
    pub fn write(&self, codec: &mut Codec) {
        match self {
            Self::Opus(format) => format.write(codec),
            Self::TelephoneEvent(format) => format.write(codec),
            Self::Vp8(format) => format.write(codec),
            Self::Vp9(format) => format.write(codec),
            Self::H264(format) => format.write(codec),
            Self::H265(format) => format.write(codec),
            Self::Av1(format) => format.write(codec),
            Self::Rtx(format) => format.write(codec),
            Self::Red(format) => format.write(codec),
            Self::FlexFec(format) => format.write(codec),
            Self::Other => {}
        }
    }
}

/// A format parameter that does not say what it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormatError {
    /// The payload type it belongs to.
    pub payload_type: u8,
    /// Name of the parameter; empty for a format that is no list of parameters.
    pub parameter: &'static str,
    /// What it says, cut to 80 bytes; `None` when it is missing or has no value.
    pub found: Option<String>,
    /// What was expected.
    pub expected: &'static str,
}

impl Display for FormatError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { payload_type, parameter, found, expected } = self;
        write!(f, "a=fmtp:{payload_type} {parameter}: expected {expected}, found ")?;
        match found {
            Some(found) => write!(f, "{found:?}"),
            None => write!(f, "nothing"),
        }
    }
}

impl std::error::Error for FormatError {}

fn wrong(
    codec: &Codec,
    parameter: &'static str,
    found: Option<&str>,
    expected: &'static str,
) -> FormatError {
    let found = found.map(excerpt);
    FormatError { payload_type: codec.payload_type, parameter, found, expected }
}

/// A number up to `max`; `None` where the parameter is not there.
fn number<T: FromStr + PartialOrd>(
    codec: &Codec,
    parameter: &'static str,
    max: T,
    expected: &'static str,
) -> Result<Option<T>, FormatError> {
    let Some(found) = value(codec, parameter) else { return Ok(None) };
    let number = parse::number(found).filter(|number| *number <= max);
    number.map(Some).ok_or_else(|| wrong(codec, parameter, found, expected))
}

/// `0` or `1`; not there is `false`.
fn flag(codec: &Codec, parameter: &'static str) -> Result<bool, FormatError> {
    Ok(number(codec, parameter, 1_u8, "0 or 1")? == Some(1))
}

/// The first parameter of this name, and its value.
fn value<'a>(codec: &'a Codec, name: &str) -> Option<Option<&'a str>> {
    let mut parameters = codec.parameters.iter();
    parameters.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_deref())
}

/// Writes what differs from the default, and what is said already.
fn set<T: Display + PartialEq>(codec: &mut Codec, name: &str, value: &T, default: &T) {
    if value != default || self::value(codec, name).is_some() {
        codec.set_parameter(name, Some(&value.to_string()));
    }
}

/// The place of a format that is no list of parameters but one of numbers, `0-15` or `111/111`: the first that has no value
/// and does not begin like a name.
fn list_place(codec: &Codec) -> Option<usize> {
    let begins = |name: &str| name.starts_with(|c: char| c.is_ascii_digit() || "-,/".contains(c));
    codec.parameters.iter().position(|(name, value)| value.is_none() && begins(name))
}

/// The format that is a list of numbers.
fn list(codec: &Codec) -> Option<&str> {
    codec.parameters.get(list_place(codec)?).map(|(list, _)| list.as_str())
}

/// Writes the list in its place, in front of all others if it had none; takes it out if it is empty.
fn set_list(codec: &mut Codec, list: &str) {
    let parameter = (list.to_owned(), None);
    match list_place(codec) {
        Some(place) if list.is_empty() => drop(codec.parameters.remove(place)),
        Some(place) => codec.parameters.splice(place..=place, [parameter]).for_each(drop),
        None if list.is_empty() => {}
        None => codec.parameters.insert(0, parameter),
    }
}

/// Writes what is there; takes out what is not.
fn set_optional<T: Display>(codec: &mut Codec, name: &str, value: Option<T>) {
    match value {
        Some(value) => codec.set_parameter(name, Some(&value.to_string())),
        None => codec.parameters.retain(|(key, _)| !key.eq_ignore_ascii_case(name)),
    }
}
