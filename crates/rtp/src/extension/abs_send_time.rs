//! Absolute send time: when the packet left, modulo 64 seconds
//! (<http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time>).

use crate::NtpTime;
use crate::bytes::{Reader, low32};

/// What SDP calls it.
pub const URI: &str = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time";

/// Send time in units of 2^-18 s, 24 bits: wraps every 64 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AbsSendTime(pub u32);

impl AbsSendTime {
    /// The send time that an NTP time becomes.
    #[must_use]
    pub const fn from_ntp(ntp: NtpTime) -> Self {
        // 6 bits of seconds and 18 of fraction stand at bits 14 to 37 of the 64.
        Self(low32(ntp.0 >> 14) & 0x00ff_ffff)
    }

    /// Microseconds from `earlier` to `self`, -32 s to 32 s.
    #[must_use]
    pub const fn micros_since(self, earlier: Self) -> i64 {
        // Shift the 24-bit difference to the top, so that its sign extends.
        let difference = (self.0.wrapping_sub(earlier.0) << 8).cast_signed() >> 8;
        ((difference as i64) * 1_000_000) >> 18
    }
}

/// Reads three octets.
#[must_use]
pub fn read(data: &[u8]) -> Option<AbsSendTime> {
    let mut reader = Reader::new(data);
    let value = reader.u24()?;
    reader.is_empty().then_some(AbsSendTime(value))
}

/// The element's data.
#[must_use]
pub const fn encode(time: AbsSendTime) -> [u8; 3] {
    let [_, a, b, c] = time.0.to_be_bytes();
    [a, b, c]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_both_ways() {
        assert_eq!(read(&encode(AbsSendTime(0x12_3456))), Some(AbsSendTime(0x12_3456)));
        assert_eq!(read(&[1, 2]), None);
        assert_eq!(read(&[1, 2, 3, 4]), None);
    }

    #[test]
    fn one_second_and_a_half_of_ntp() {
        let ntp = NtpTime(0xaaaa_aa41_8000_0000);
        assert_eq!(AbsSendTime::from_ntp(ntp), AbsSendTime(0b11 << 17));
    }

    #[test]
    fn differences_wrap() {
        let before = AbsSendTime(0xff_ffff - (1 << 17) + 1);
        let after = AbsSendTime(1 << 17);
        assert_eq!(after.micros_since(before), 1_000_000);
        assert_eq!(before.micros_since(after), -1_000_000);
    }
}
