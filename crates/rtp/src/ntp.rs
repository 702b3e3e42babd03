//! NTP timestamps (RFC 5905 §6, RFC 3550 §4).

use std::ops::Add;
use std::time::Duration;

/// A 64-bit NTP timestamp: 32 bits of seconds since 1900, 32 bits of fraction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NtpTime(pub u64);

impl NtpTime {
    /// Seconds from 1 January 1900 to 1 January 1970.
    const UNIX_EPOCH: u64 = 2_208_988_800;

    /// From the time since 1 January 1970. Wraps with the NTP era (in 2036).
    #[must_use]
    pub fn from_unix(since_epoch: Duration) -> Self {
        Self(Self::UNIX_EPOCH << 32) + since_epoch
    }

    /// The middle 32 bits, as LSR and LRR carry them: 16 bits of seconds, 16 bits of fraction.
    #[must_use]
    pub const fn compact(self) -> u32 {
        crate::bytes::low32(self.0 >> 16)
    }

    /// The time from `earlier` to `self`, across an NTP era at most; zero when `earlier` is later.
    #[must_use]
    pub fn saturating_duration_since(self, earlier: Self) -> Duration {
        let difference = self.0.wrapping_sub(earlier.0);
        if difference >> 63 != 0 {
            return Duration::ZERO;
        }
        let nanos = (u128::from(difference & 0xffff_ffff) * 1_000_000_000) >> 32;
        // Less than 10^9 by construction.
        Duration::new(difference >> 32, u32::try_from(nanos).unwrap_or(999_999_999))
    }
}

impl Add<Duration> for NtpTime {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        // The divisor is not a power of two: round to the nearest fraction.
        let fraction = ((u64::from(duration.subsec_nanos()) << 32) + 500_000_000) / 1_000_000_000;
        Self(self.0.wrapping_add(duration.as_secs() << 32).wrapping_add(fraction))
    }
}

/// A duration in units of 1/65,536 s, as DLSR and DLRR carry it, saturating after 18 hours.
pub(crate) fn compact_duration(duration: Duration) -> u32 {
    let units = (duration.as_nanos() << 16) / 1_000_000_000;
    u32::try_from(units).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unix_epoch_in_ntp() {
        assert_eq!(NtpTime::from_unix(Duration::ZERO), NtpTime(2_208_988_800 << 32));
        let later = NtpTime::from_unix(Duration::from_millis(1500));
        assert_eq!(later, NtpTime(2_208_988_801 << 32 | 1 << 31));
    }

    /// The example of RFC 3550 §6.4.1, figure 2.
    #[test]
    fn the_example_of_rfc_3550() {
        let ntp = NtpTime(0xb44d_b705_2000_0000);
        assert_eq!(ntp.compact(), 0xb705_2000);
        assert_eq!(compact_duration(Duration::from_millis(5250)), 0x0005_4000);
        // A = 0xb710_8000; A - LSR - DLSR = 6.125 s.
        let round_trip = 0xb710_8000_u32.wrapping_sub(0xb705_2000).wrapping_sub(0x0005_4000);
        assert_eq!(round_trip, compact_duration(Duration::from_millis(6125)));
    }

    #[test]
    fn durations_come_back() {
        let start = NtpTime::from_unix(Duration::from_secs(1_700_000_000));
        for nanos in [0, 1, 999_999_999, 1_000_000_000, 123_456_789_012] {
            let duration = Duration::from_nanos(nanos);
            let back = (start + duration).saturating_duration_since(start);
            assert!(back.abs_diff(duration) <= Duration::from_nanos(1), "{back:?} {duration:?}");
        }
        assert_eq!(start.saturating_duration_since(start + Duration::from_secs(1)), Duration::ZERO);
        assert_eq!(compact_duration(Duration::MAX), u32::MAX);
    }
}
