//! The one place of this crate that reads clocks.

use std::time::SystemTime;

use time::OffsetDateTime;
use time::macros::format_description;
use tokio::time::Instant;

/// The monotonic clock; tests pause it.
#[expect(clippy::disallowed_methods, reason = "signaling is an edge: it may read the clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The wall clock as RFC 3339, UTC, with microseconds.
#[expect(clippy::disallowed_methods, reason = "signaling is an edge: it may read the clock")]
pub(crate) fn timestamp() -> String {
    rfc3339(SystemTime::now().into())
}

/// What the wall clock says, for validity periods.
#[expect(clippy::disallowed_methods, reason = "signaling is an edge: it may read the clock")]
pub(crate) fn today() -> OffsetDateTime {
    SystemTime::now().into()
}

fn rfc3339(time: OffsetDateTime) -> String {
    let format =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");
    // Only a description that asks for what a date does not have can fail.
    time.format(format).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_written_with_microseconds() {
        let time =
            OffsetDateTime::UNIX_EPOCH + std::time::Duration::from_micros(1_446_595_200_000_042);
        assert_eq!(rfc3339(time), "2015-11-04T00:00:00.000042Z");
    }
}
