//! Frames as a real encoder made them: their times, and the sizes of their packets.

use std::time::Duration;

use serde_json::Value;
use tsubame_rtp::Codec;

use super::MAX_PAYLOAD;
use super::payload::MAX_HEADER;
use super::stamp::STAMP;

/// Frames in one trace; an hour at 30 a second.
const MAX_FRAMES: usize = 108_000;
/// More would not be a duration that can be added up in the end.
const MAX_DURATION: Duration = Duration::from_secs(24 * 60 * 60);
/// Packets of one frame.
const MAX_PACKETS: usize = 1000;
/// No packet is smaller: headers and a stamp have to fit.
const MIN_PAYLOAD: usize = MAX_HEADER + STAMP;

/// A recording of a video stream, played in a loop. Its first frame is a keyframe.
///
/// As text it is JSON: `codec` (a name as in SDP), `duration_ms` (from the first frame to where it begins again; a day at most), and `frames`, each
/// `[milliseconds, 1 for a keyframe or 0, [octets of each packet's payload]]`. Other members are for its readers.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    codec: Codec,
    duration: Duration,
    frames: Vec<TraceFrame>,
}

/// A frame of a trace.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TraceFrame {
    /// Since the first frame.
    pub(crate) at: Duration,
    pub(crate) keyframe: bool,
    /// Octets of payload, packet by packet.
    pub(crate) sizes: Vec<u16>,
}

/// What is wrong with a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TraceError {
    /// It is not JSON: what the parser says.
    Syntax(String),
    /// A member is missing or has the wrong type, or the duration is more than a day.
    Member(&'static str),
    /// The codec has no name that is known.
    Codec(String),
    /// A frame, counted from 0, is not `[milliseconds, 0 or 1, [sizes]]` with 1 to 1,000 sizes, or too early.
    Frame(usize),
    /// There is no frame, or the first is no keyframe.
    NoKeyframe,
    /// There are too many frames.
    TooLong,
    /// `duration_ms` is not behind the last frame.
    Duration,
}

impl std::error::Error for TraceError {}

impl std::fmt::Display for TraceError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Syntax(error) => write!(f, "not JSON: {error}"),
            Self::Member(name) => write!(f, "\"{name}\" is missing or of the wrong type"),
            Self::Codec(name) => write!(f, "no such codec: {name}"),
            Self::Frame(index) => write!(
                f,
                "frame {index} is not [milliseconds, 0 or 1, [sizes]], with times that rise and 1 to {MAX_PACKETS} sizes of at most {MAX_PAYLOAD}"
            ),
            Self::NoKeyframe => f.write_str("the first frame has to be a keyframe"),
            Self::TooLong => write!(f, "more than {MAX_FRAMES} frames"),
            Self::Duration => {
                f.write_str("\"duration_ms\" has to be more than the time of the last frame")
            }
        }
    }
}

impl std::str::FromStr for Trace {
    type Err = TraceError;

    fn from_str(text: &str) -> Result<Self, TraceError> {
        let value: Value =
            serde_json::from_str(text).map_err(|error| TraceError::Syntax(error.to_string()))?;
        let name = value["codec"].as_str().ok_or(TraceError::Member("codec"))?;
        let codec = Codec::from_name(name).ok_or_else(|| TraceError::Codec(name.to_owned()))?;
        let duration =
            milliseconds(&value["duration_ms"]).ok_or(TraceError::Member("duration_ms"))?;
        let frames = value["frames"].as_array().ok_or(TraceError::Member("frames"))?;
        if frames.len() > MAX_FRAMES {
            return Err(TraceError::TooLong);
        }
        let frames: Vec<TraceFrame> = (0..)
            .zip(frames)
            .map(|(index, frame)| read_frame(frame).ok_or(TraceError::Frame(index)))
            .collect::<Result<_, _>>()?;
        if !frames.first().is_some_and(|first| first.keyframe && first.at.is_zero()) {
            return Err(TraceError::NoKeyframe);
        }
        if let Some(index) = frames.windows(2).position(|pair| pair[0].at >= pair[1].at) {
            return Err(TraceError::Frame(index + 1));
        }
        if frames.last().is_none_or(|last| last.at >= duration) {
            return Err(TraceError::Duration);
        }
        Ok(Self { codec, duration, frames })
    }
}

impl Trace {
    /// What the stream was encoded with.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// From the first frame to where it begins again.
    pub fn duration(&self) -> Duration {
        self.duration
    }

    /// Frames in one round.
    pub fn frames(&self) -> usize {
        self.frames.len()
    }

    /// Payload in bit/s.
    pub fn bitrate(&self) -> u32 {
        let octets: u64 =
            self.frames.iter().flat_map(|frame| &frame.sizes).map(|size| u64::from(*size)).sum();
        let bits = octets as f64 * 8.0 / self.duration.as_secs_f64();
        // Saturates.
        bits as u32
    }

    /// Packets per second.
    pub fn packets_per_second(&self) -> f64 {
        let packets: usize = self.frames.iter().map(|frame| frame.sizes.len()).sum();
        packets as f64 / self.duration.as_secs_f64()
    }

    /// The frame of the endless stream that is `slot` frames behind the first, and its time since that.
    pub(crate) fn frame(&self, slot: u64) -> (Duration, &TraceFrame) {
        let count = self.frames.len() as u64;
        let frame = &self.frames[usize::try_from(slot % count).unwrap_or(0)];
        let rounds = u32::try_from(slot / count).unwrap_or(u32::MAX);
        (self.duration.saturating_mul(rounds).saturating_add(frame.at), frame)
    }

    /// The frame that stands in for one that has to be a keyframe.
    pub(crate) fn keyframe(&self) -> &TraceFrame {
        &self.frames[0]
    }
}

fn milliseconds(value: &Value) -> Option<Duration> {
    let time = Duration::try_from_secs_f64(value.as_f64()? / 1000.0).ok()?;
    (time <= MAX_DURATION).then_some(time)
}

fn read_frame(value: &Value) -> Option<TraceFrame> {
    let [at, keyframe, sizes] = value.as_array()?.as_slice() else { return None };
    let sizes = sizes.as_array()?;
    if sizes.is_empty() || sizes.len() > MAX_PACKETS {
        return None;
    }
    let size = |size: &Value| {
        let size = usize::try_from(size.as_u64()?).ok().filter(|size| *size <= MAX_PAYLOAD)?;
        u16::try_from(size.max(MIN_PAYLOAD)).ok()
    };
    Some(TraceFrame {
        at: milliseconds(at)?,
        keyframe: match keyframe.as_u64()? {
            0 => false,
            1 => true,
            _ => return None,
        },
        sizes: sizes.iter().map(size).collect::<Option<_>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        r#"{"codec": "vp8", "duration_ms": 100, "frames": [[0, 1, [900, 901]], [33.5, 0, [3]]]}"#;

    #[test]
    fn it_goes_round() {
        let trace: Trace = TEXT.parse().unwrap();
        assert_eq!((trace.codec(), trace.frames()), (Codec::Vp8, 2));
        let (at, frame) = trace.frame(0);
        assert_eq!(
            (at, frame.keyframe, frame.sizes.as_slice()),
            (Duration::ZERO, true, &[900, 901][..])
        );
        let (at, frame) = trace.frame(3);
        assert_eq!((at, frame.keyframe), (Duration::from_micros(133_500), false));
        assert_eq!(frame.sizes, [MIN_PAYLOAD as u16], "room for a stamp");
        assert_eq!(trace.packets_per_second(), 30.0);
        assert_eq!(trace.bitrate(), (900 + 901 + MIN_PAYLOAD as u32) * 80);
    }

    #[test]
    fn mistakes_are_named() {
        let error = |from: &str, to: &str| TEXT.replace(from, to).parse::<Trace>().unwrap_err();
        assert!(matches!(error("}", ""), TraceError::Syntax(_)));
        assert_eq!(error("codec", "name"), TraceError::Member("codec"));
        assert_eq!(error("vp8", "vp7"), TraceError::Codec("vp7".to_owned()));
        assert_eq!(error("\"frames\"", "\"frame\""), TraceError::Member("frames"));
        assert_eq!(error("100", "\"100\""), TraceError::Member("duration_ms"));
        assert_eq!(error("100", "86400001"), TraceError::Member("duration_ms"));
        assert_eq!(error("[33.5, 0", "[33.5, 2"), TraceError::Frame(1));
        assert_eq!(error("100", "33"), TraceError::Duration);
        assert_eq!(error("[0, 1", "[0, 0"), TraceError::NoKeyframe);
        assert_eq!(error("33.5", "0"), TraceError::Frame(1));
        assert_eq!(error("[3]", "[]"), TraceError::Frame(1));
        assert_eq!(error("901", "1201"), TraceError::Frame(0));
    }
}
