//! Limits of the playout delay (<http://www.webrtc.org/experiments/rtp-hdrext/playout-delay>).

use std::time::Duration;

use crate::bytes::Reader;

/// What SDP calls it.
pub const URI: &str = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay";

/// The least and the largest delay between capture and rendering, in units of 10 ms, 12 bits each
/// (0 to 40.95 s).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlayoutDelay {
    /// The least delay, in 10 ms.
    pub min: u16,
    /// The largest delay, in 10 ms.
    pub max: u16,
}

impl PlayoutDelay {
    /// From durations, rounded down to 10 ms and clamped to 40.95 s.
    #[must_use]
    pub fn from_durations(min: Duration, max: Duration) -> Self {
        let units = |duration: Duration| {
            u16::try_from(duration.as_millis() / 10).map_or(0xfff, |units| units.min(0xfff))
        };
        Self { min: units(min), max: units(max) }
    }
}

/// Reads three octets; `None` also when the least is more than the largest.
#[must_use]
pub fn read(data: &[u8]) -> Option<PlayoutDelay> {
    let mut reader = Reader::new(data);
    let [a, b, c] = reader.array()?;
    let min = u16::from_be_bytes([a, b]) >> 4;
    let max = u16::from_be_bytes([b, c]) & 0xfff;
    (reader.is_empty() && min <= max).then_some(PlayoutDelay { min, max })
}

/// The element's data; values above 4095 are written as 4095.
#[must_use]
pub fn encode(delay: PlayoutDelay) -> [u8; 3] {
    let [a, b] = (delay.min.min(0xfff) << 4).to_be_bytes();
    let [c, d] = delay.max.min(0xfff).to_be_bytes();
    [a, b | c, d]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_both_ways() {
        let delay = PlayoutDelay { min: 0x123, max: 0x456 };
        assert_eq!(encode(delay), [0x12, 0x34, 0x56]);
        assert_eq!(read(&[0x12, 0x34, 0x56]), Some(delay));
        assert_eq!(read(&[0x12, 0x34]), None);
        assert_eq!(read(&[0x12, 0x34, 0x56, 0]), None);
    }

    #[test]
    fn a_least_delay_above_the_largest_is_refused() {
        assert_eq!(read(&encode(PlayoutDelay { min: 2, max: 1 })), None);
    }

    #[test]
    fn durations_are_clamped() {
        let delay =
            PlayoutDelay::from_durations(Duration::from_millis(25), Duration::from_secs(3600));
        assert_eq!(delay, PlayoutDelay { min: 2, max: 0xfff });
    }
}
