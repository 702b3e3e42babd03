//! Wall-clock time for reports, without reading a clock.

use std::time::Instant;

use tsubame_rtp::NtpTime;

/// A pair of readings taken once, at the server's start: from then on NTP time is counted from the monotonic clock, so that it never jumps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NtpClock {
    instant: Instant,
    ntp: NtpTime,
}

impl NtpClock {
    /// The same moment by both clocks.
    pub(crate) fn new(instant: Instant, ntp: NtpTime) -> Self {
        Self { instant, ntp }
    }

    /// NTP time at `now`; what lies before the pair is the pair.
    pub(crate) fn at(&self, now: Instant) -> NtpTime {
        self.ntp + now.saturating_duration_since(self.instant)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::media::testing::origin;

    #[test]
    fn counts_from_the_pair() {
        let start = origin() + Duration::from_secs(1);
        let clock = NtpClock::new(start, NtpTime(5 << 32));
        assert_eq!(clock.at(start), NtpTime(5 << 32));
        assert_eq!(clock.at(start + Duration::from_millis(2_500)), NtpTime(7 << 32 | 1 << 31));
        assert_eq!(clock.at(start - Duration::from_millis(1)), NtpTime(5 << 32));
    }

    #[test]
    fn goes_on_over_the_era() {
        let clock = NtpClock::new(origin(), NtpTime(u64::MAX));
        assert_eq!(clock.at(origin() + Duration::from_secs(1)).0, (1 << 32) - 1);
    }
}
