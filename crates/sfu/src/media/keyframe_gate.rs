//! Keyframe requests towards one publisher's stream: the first at once, then at most one per 500 ms.

use std::time::{Duration, Instant};

/// Between two requests.
pub(crate) const INTERVAL: Duration = Duration::from_millis(500);

/// Leading and trailing edge: a request that comes too early is remembered and due at the end of the interval, unless a keyframe has begun
/// meanwhile.
#[derive(Debug, Default)]
pub(crate) struct KeyframeGate {
    last_request: Option<Instant>,
    pending: bool,
}

impl KeyframeGate {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Somebody wants a keyframe. Whether the publisher is to be asked now.
    pub(crate) fn request(&mut self, now: Instant) -> bool {
        if self.opens_at().is_some_and(|at| now < at) {
            self.pending = true;
            return false;
        }
        self.last_request = Some(now);
        self.pending = false;
        true
    }

    /// A keyframe has begun: it serves everybody who asked before.
    pub(crate) fn keyframe_seen(&mut self) {
        self.pending = false;
    }

    /// Whether a remembered request is due now; it counts as made.
    pub(crate) fn poll(&mut self, now: Instant) -> bool {
        self.poll_timeout().is_some_and(|at| at <= now) && self.request(now)
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.opens_at().filter(|_| self.pending)
    }

    fn opens_at(&self) -> Option<Instant> {
        Some(self.last_request? + INTERVAL)
    }
}
