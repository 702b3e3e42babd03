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

    /// When a remembered request will be due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.opens_at().filter(|_| self.pending)
    }

    fn opens_at(&self) -> Option<Instant> {
        Some(self.last_request? + INTERVAL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::testing::origin;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn the_first_request_goes_at_once() {
        let mut gate = KeyframeGate::new();
        assert_eq!(gate.poll_timeout(), None);
        assert!(gate.request(origin()));
        assert_eq!(gate.poll_timeout(), None, "nothing is left to do");
        assert!(!gate.poll(origin() + ms(10_000)));
    }

    #[test]
    fn one_that_comes_too_early_goes_at_the_end() {
        let start = origin();
        let mut gate = KeyframeGate::new();
        gate.request(start);
        assert!(!gate.request(start + ms(1)));
        assert!(!gate.request(start + ms(499)));
        assert_eq!(gate.poll_timeout(), Some(start + ms(500)));
        assert!(!gate.poll(start + ms(499)));
        assert!(gate.poll(start + ms(500)));
        assert!(!gate.poll(start + ms(500)), "once");
        assert_eq!(gate.poll_timeout(), None);
        assert!(!gate.request(start + ms(999)), "the one at the end counts");
        assert!(gate.poll(start + ms(1_000)));
    }

    #[test]
    fn a_keyframe_meanwhile_serves_them() {
        let start = origin();
        let mut gate = KeyframeGate::new();
        gate.request(start);
        gate.request(start + ms(100));
        gate.keyframe_seen();
        assert_eq!(gate.poll_timeout(), None);
        assert!(!gate.poll(start + ms(500)));
        // One who asks after it began is not served by it.
        gate.keyframe_seen();
        gate.request(start + ms(200));
        assert!(gate.poll(start + ms(500)));
    }

    #[test]
    fn after_the_interval_a_request_goes_at_once_again() {
        let start = origin();
        let mut gate = KeyframeGate::new();
        gate.request(start);
        assert!(gate.request(start + ms(500)));
    }

    /// 500 subscribers, each 50 times a second, and no keyframe ever: two requests a second.
    #[test]
    fn a_flood_goes_upstream_every_500_ms() {
        let start = origin();
        let mut gate = KeyframeGate::new();
        let mut sent: Vec<Instant> = Vec::new();
        for tick in 0..10_000 {
            let now = start + Duration::from_micros(1_000 * tick);
            if gate.poll(now) {
                sent.push(now);
            }
            for _ in 0..25 {
                if gate.request(now) {
                    sent.push(now);
                }
            }
        }
        assert_eq!(sent.len(), 20);
        assert!(sent.windows(2).all(|pair| pair[1] - pair[0] >= INTERVAL));
    }
}
