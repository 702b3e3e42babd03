//! When the packets of a frame leave.

use std::time::{Duration, Instant};

/// How a publisher spreads the packets of its frames over time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Pacing {
    /// All packets of a frame at once, as an encoder makes them.
    #[default]
    Frame,
    /// As libwebrtc: at most 2.5 times the bit rate, in bursts of 5 ms.
    Libwebrtc,
    /// At equal distances over the time of the frame.
    Even,
}

/// libwebrtc's pacing factor, times two.
const FACTOR_TIMES_2: u64 = 5;
const BURST: Duration = Duration::from_millis(5);

/// Gives each packet its time.
#[derive(Debug)]
pub(super) struct Pacer {
    pacing: Pacing,
    /// Octets of payload in a burst.
    burst_size: u64,
    /// When the current burst left, or leaves.
    burst: Option<Instant>,
    in_burst: u64,
}

/// A packet of a frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Position {
    /// When the frame was there.
    pub(super) frame: Instant,
    /// Until the next frame is.
    pub(super) interval: Duration,
    /// Packets of the frame before this one.
    pub(super) index: usize,
    /// Packets of the frame.
    pub(super) count: usize,
}

impl Pacer {
    /// `bitrate` in bit/s.
    pub(super) fn new(pacing: Pacing, bitrate: u32) -> Self {
        let per_second = u64::from(bitrate) / 8 * FACTOR_TIMES_2 / 2;
        let bursts = 1000 / u64::try_from(BURST.as_millis()).unwrap_or(1);
        Self { pacing, burst_size: (per_second / bursts).max(1), burst: None, in_burst: 0 }
    }

    /// When a packet of `len` octets of payload leaves. To be asked once for each, in order.
    pub(super) fn release(&mut self, position: Position, len: usize) -> Instant {
        let Position { frame, interval, index, count } = position;
        match self.pacing {
            Pacing::Frame => frame,
            Pacing::Even => {
                let share = u32::try_from(index).unwrap_or(0);
                frame + interval * share / u32::try_from(count.max(1)).unwrap_or(1)
            }
            Pacing::Libwebrtc => self.release_in_burst(frame, len),
        }
    }

    /// A burst that is full is paid for before the next one: what is too much of it is carried over.
    fn release_in_burst(&mut self, frame: Instant, len: usize) -> Instant {
        let mut burst = match self.burst {
            Some(burst) => burst,
            None => frame,
        };
        while self.in_burst >= self.burst_size {
            self.in_burst -= self.burst_size;
            burst += BURST;
        }
        if burst < frame {
            // Idle time buys nothing.
            burst = frame;
            self.in_burst = 0;
        }
        self.burst = Some(burst);
        self.in_burst += len as u64;
        burst
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::testing::origin;

    const INTERVAL: Duration = Duration::from_millis(33);

    /// When the packets of frames of `count` packets of 1,000 octets leave, in milliseconds.
    fn times(pacing: Pacing, bitrate: u32, frames: &[usize]) -> Vec<u64> {
        let start = origin();
        let mut pacer = Pacer::new(pacing, bitrate);
        let mut times = Vec::new();
        for (at, &count) in (0..).zip(frames) {
            for index in 0..count {
                let position =
                    Position { frame: start + INTERVAL * at, interval: INTERVAL, index, count };
                let release = pacer.release(position, 1000) - start;
                times.push(u64::try_from(release.as_millis()).unwrap());
            }
        }
        times
    }

    #[test]
    fn a_frame_leaves_at_once() {
        assert_eq!(times(Pacing::Frame, 1, &[3, 2]), [0, 0, 0, 33, 33]);
    }

    #[test]
    fn packets_at_equal_distances() {
        assert_eq!(times(Pacing::Even, 1, &[3, 1, 2]), [0, 11, 22, 33, 66, 82]);
    }

    #[test]
    fn bursts_of_two_and_a_half_times_the_rate() {
        // 640,000 bit/s are 80,000 octets/s; 2.5 times that in 5 ms are 1,000 octets.
        assert_eq!(times(Pacing::Libwebrtc, 640_000, &[4, 2]), [0, 5, 10, 15, 33, 38]);
        // Bursts of 2,500 octets: three packets, and then two, as the third was borrowed.
        assert_eq!(times(Pacing::Libwebrtc, 1_600_000, &[7]), [0, 0, 0, 5, 5, 10, 10]);
    }

    #[test]
    fn a_large_frame_holds_up_the_next() {
        let times = times(Pacing::Libwebrtc, 640_000, &[8, 1]);
        assert_eq!(times, [0, 5, 10, 15, 20, 25, 30, 35, 40]);
    }
}
