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
    pub(crate) fn new(instant: Instant, ntp: NtpTime) -> Self {
        Self { instant, ntp }
    }

    pub(crate) fn at(&self, now: Instant) -> NtpTime {
        let elapsed = now.saturating_duration_since(self.instant);
        // 32.32 fixed point: seconds above, 2^-32 s below.
        let fraction = (u64::from(elapsed.subsec_nanos()) << 32) / 1_000_000_000;
        NtpTime(self.ntp.0.wrapping_add((elapsed.as_secs() << 32) + fraction))
    }
}
