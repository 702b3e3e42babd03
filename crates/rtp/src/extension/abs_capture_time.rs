//! Absolute capture time (<http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time>).

use crate::NtpTime;
use crate::bytes::Reader;

/// What SDP calls it.
pub const URI: &str = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time";

/// When the first frame of a packet was captured, by the clock of who captured it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AbsCaptureTime {
    /// Capture time by the capturer's NTP clock.
    pub timestamp: NtpTime,
    /// What to add to the capturer's clock to get the sender's, in units of 2^-32 s, when the sender knows.
    pub clock_offset: Option<i64>,
}

/// Reads 8 octets, or 16 with the clock offset.
#[must_use]
pub fn read(data: &[u8]) -> Option<AbsCaptureTime> {
    let mut reader = Reader::new(data);
    let timestamp = NtpTime(reader.u64()?);
    let clock_offset = if reader.is_empty() { None } else { Some(reader.u64()?.cast_signed()) };
    reader.is_empty().then_some(AbsCaptureTime { timestamp, clock_offset })
}

/// Writes the element's data into `out` and gives the part that was written: 8 octets, or 16.
pub fn encode(time: AbsCaptureTime, out: &mut [u8; 16]) -> &[u8] {
    let [t0, t1, t2, t3, t4, t5, t6, t7] = time.timestamp.0.to_be_bytes();
    let [o0, o1, o2, o3, o4, o5, o6, o7] = time.clock_offset.unwrap_or(0).to_be_bytes();
    *out = [t0, t1, t2, t3, t4, t5, t6, t7, o0, o1, o2, o3, o4, o5, o6, o7];
    let len = if time.clock_offset.is_some() { 16 } else { 8 };
    out.get(..len).unwrap_or(&[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_both_ways() {
        for clock_offset in [None, Some(-1), Some(0), Some(i64::MAX)] {
            let time = AbsCaptureTime { timestamp: NtpTime(0x0123_4567_89ab_cdef), clock_offset };
            let mut out = [0; 16];
            let data = encode(time, &mut out);
            assert_eq!(data.len(), if clock_offset.is_some() { 16 } else { 8 });
            assert_eq!(data[..8], [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef]);
            assert_eq!(read(data), Some(time));
        }
    }

    #[test]
    fn other_lengths_are_not_read() {
        for len in (0..20).filter(|len| ![8, 16].contains(len)) {
            assert_eq!(read(&vec![1; len]), None, "{len}");
        }
    }
}
