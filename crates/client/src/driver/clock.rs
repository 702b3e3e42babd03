//! The clocks: nothing else in this crate reads one.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use tsubame_rtp::NtpTime;

#[expect(clippy::disallowed_methods, reason = "the driver is the edge that reads the clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The same moment by the clock that the kernel stamps datagrams with.
#[expect(clippy::disallowed_methods, reason = "the driver is the edge that reads the clock")]
pub(crate) fn both() -> (Instant, SystemTime) {
    (Instant::now(), SystemTime::now())
}

#[expect(clippy::disallowed_methods, reason = "the driver is the edge that reads the clock")]
pub(crate) fn wall_clock() -> NtpTime {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    NtpTime::from_unix(since_epoch)
}
