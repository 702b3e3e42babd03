//! For unit tests.

use std::time::Instant;

/// Some instant: tests count from it, so that none of them waits.
#[expect(clippy::disallowed_methods, reason = "an instant cannot be made from a number")]
pub(crate) fn origin() -> Instant {
    Instant::now()
}
