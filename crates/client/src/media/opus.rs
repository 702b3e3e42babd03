//! Opus at 20 ms per packet (RFC 6716, RFC 7587).

use std::time::{Duration, Instant};

use tsubame_rtp::NtpTime;

use super::{MediaPacket, clock_units, stamp};

const FRAME: Duration = Duration::from_millis(20);
const CLOCK_RATE: u32 = 48_000;
/// 32 kbit/s.
const PAYLOAD: usize = 80;
/// RFC 6716 §3.1: configuration 31 (CELT, full band, 20 ms), stereo, one frame.
const TOC: u8 = 31 << 3 | 1 << 2;
/// Who is later than this has slept: the time is skipped instead of being made up for.
const MAX_BACKLOG: Duration = Duration::from_millis(200);

/// A packet every 20 ms.
#[derive(Debug)]
pub(crate) struct OpusSource {
    timestamp_offset: u32,
    count: u32,
    schedule: Option<Schedule>,
}

#[derive(Clone, Copy, Debug)]
struct Schedule {
    origin: Instant,
    due: Instant,
}

impl OpusSource {
    pub(crate) fn new(timestamp_offset: u32) -> Self {
        Self { timestamp_offset, count: 0, schedule: None }
    }

    pub(crate) fn start(&mut self, now: Instant) {
        self.schedule.get_or_insert(Schedule { origin: now, due: now });
    }

    pub(crate) fn due(&self) -> Option<Instant> {
        self.schedule.map(|schedule| schedule.due)
    }

    pub(crate) fn next_packet(
        &mut self,
        now: Instant,
        ntp: NtpTime,
        out: &mut [u8],
    ) -> Option<MediaPacket> {
        let schedule = self.schedule.as_mut().filter(|schedule| schedule.due <= now)?;
        while now.duration_since(schedule.due) > MAX_BACKLOG {
            schedule.due += FRAME;
        }
        let timestamp = self.timestamp_offset.wrapping_add(clock_units(
            schedule.due,
            schedule.origin,
            CLOCK_RATE,
        ));
        schedule.due += FRAME;
        let (toc, rest) = out.get_mut(..PAYLOAD)?.split_first_mut()?;
        *toc = TOC;
        stamp::fill(self.count, ntp, rest);
        let first = self.count == 0;
        self.count = self.count.wrapping_add(1);
        // RFC 3551 §4.1: the marker begins a talk spurt.
        let packet = MediaPacket {
            len: PAYLOAD,
            timestamp,
            marker: first,
            frame_start: true,
            keyframe: false,
        };
        Some(packet)
    }

    pub(crate) fn timestamp_at(&self, now: Instant) -> u32 {
        let elapsed = self.schedule.map_or(0, |s| clock_units(now, s.origin, CLOCK_RATE));
        self.timestamp_offset.wrapping_add(elapsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::stamp::read_stamp;
    use crate::peer::testing::origin;

    const NTP: NtpTime = NtpTime(1 << 32);

    #[test]
    fn a_packet_every_20_ms() {
        let start = origin();
        let mut source = OpusSource::new(5);
        let mut out = [0; 200];
        assert_eq!((source.due(), source.next_packet(start, NTP, &mut out)), (None, None));
        source.start(start);
        for count in 0..5u32 {
            let now = source.due().unwrap();
            assert_eq!(now, start + FRAME * count);
            let packet = source.next_packet(now, NTP, &mut out).unwrap();
            assert_eq!((packet.len, packet.timestamp), (PAYLOAD, 5 + 960 * count));
            assert_eq!(packet.marker, count == 0);
            assert_eq!(out[0], 0xfc);
            let stamp = read_stamp(&out[..packet.len]).unwrap();
            assert_eq!((stamp.count, stamp.intact), (count, true));
            assert_eq!(source.next_packet(now, NTP, &mut out), None);
        }
    }

    #[test]
    fn who_slept_does_not_make_up_for_it() {
        let start = origin();
        let mut source = OpusSource::new(0);
        let mut out = [0; 200];
        source.start(start);
        let late = start + Duration::from_secs(9);
        let mut timestamps = Vec::new();
        while let Some(packet) = source.next_packet(late, NTP, &mut out) {
            timestamps.push(packet.timestamp);
        }
        assert!(timestamps.len() <= 11, "{timestamps:?}");
        assert_eq!(timestamps.last(), Some(&(9 * CLOCK_RATE)));
    }
}
