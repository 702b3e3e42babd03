//! A transmitter of limited rate behind a queue of limited size.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

const NANOS: u64 = 1_000_000_000;

#[derive(Debug, Default)]
pub(crate) struct Bottleneck {
    /// Packets that have not left yet: when they will, and their bytes.
    waiting: VecDeque<(Instant, usize)>,
    waiting_bytes: usize,
    /// Parts of a nanosecond that the packets so far took beyond the last departure, in 1/rate.
    remainder: u64,
}

impl Bottleneck {
    /// When a packet of `bytes` that arrives now will have left; `None` when the queue is full.
    pub(crate) fn enter(
        &mut self,
        now: Instant,
        bytes: usize,
        rate_bps: u64,
        queue_bytes: usize,
    ) -> Option<Instant> {
        self.advance(now);
        let start = match self.waiting.back() {
            Some(_) if self.waiting_bytes + bytes > queue_bytes => return None,
            Some(&(busy_until, _)) => busy_until,
            None => {
                self.remainder = 0;
                now
            }
        };
        let departure = start + self.transmission_time(bytes, rate_bps);
        self.waiting.push_back((departure, bytes));
        self.waiting_bytes += bytes;
        Some(departure)
    }

    fn advance(&mut self, now: Instant) {
        while let Some(&(departure, bytes)) = self.waiting.front()
            && departure <= now
        {
            self.waiting.pop_front();
            self.waiting_bytes -= bytes;
        }
    }

    fn transmission_time(&mut self, bytes: usize, rate_bps: u64) -> Duration {
        let work = bytes as u128 * 8 * u128::from(NANOS) + u128::from(self.remainder);
        self.remainder = (work % u128::from(rate_bps)) as u64;
        Duration::from_nanos(u64::try_from(work / u128::from(rate_bps)).unwrap_or(u64::MAX))
    }
}
