//! Sender reports of the SFU's own making, in the SFU's own clock, so that receivers can synchronise a publisher's tracks.

use std::time::{Duration, Instant};

use tsubame_rtp::NtpTime;

use super::{NtpClock, SequenceMap};

/// A publisher's clock that has moved against ours by more than this was set anew.
const JUMP: Duration = Duration::from_secs(1);

/// What to add to a publisher's NTP times to have ours. One for all of its tracks, so that they keep their relation to each other however
/// long each report was under way.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SenderClock {
    offset: Option<u64>,
}

/// A publisher's sender report.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SenderReportSeen {
    /// As it stood in the report.
    pub(crate) ntp: NtpTime,
    /// The same moment by our clock.
    pub(crate) local: NtpTime,
    pub(crate) rtp_timestamp: u32,
    pub(crate) arrival: Instant,
}

impl SenderClock {
    /// Takes in a report that arrived `now`.
    pub(crate) fn translate(
        &mut self,
        now: Instant,
        clock: &NtpClock,
        ntp: NtpTime,
        rtp_timestamp: u32,
    ) -> SenderReportSeen {
        let measured = clock.at(now).0.wrapping_sub(ntp.0);
        let offset = match self.offset {
            Some(offset) if distance(offset, measured) < to_fixed(JUMP) => offset,
            _ => measured,
        };
        self.offset = Some(offset);
        let local = NtpTime(ntp.0.wrapping_add(offset));
        SenderReportSeen { ntp, local, rtp_timestamp, arrival: now }
    }
}

/// The NTP time now and the RTP timestamp of a subscription that belongs to it. `None` before anything was sent.
pub(crate) fn times(
    now: Instant,
    clock: &NtpClock,
    seen: &SenderReportSeen,
    clock_rate: u32,
    sequence: &SequenceMap,
) -> Option<(NtpTime, u32)> {
    let offset = sequence.timestamp_offset()?;
    let ntp = clock.at(now);
    // 32.32 fixed point, and signed: what arrived faster than the first report did lies a little ahead.
    let elapsed = i128::from(ntp.0.wrapping_sub(seen.local.0).cast_signed());
    let ticks = (elapsed * i128::from(clock_rate)) >> 32;
    Some((ntp, seen.rtp_timestamp.wrapping_add(ticks as u32).wrapping_add(offset)))
}

fn distance(a: u64, b: u64) -> u64 {
    a.wrapping_sub(b).cast_signed().unsigned_abs()
}

fn to_fixed(duration: Duration) -> u64 {
    (duration.as_secs() << 32) + ((u64::from(duration.subsec_nanos()) << 32) / 1_000_000_000)
}

#[cfg(test)]
mod tests {
    use tsubame_rtp::MediaKind;

    use super::*;
    use crate::media::testing::origin;

    /// Our clock says 1,000 s at the origin, a publisher's 5,000,000 s.
    const OURS: NtpTime = NtpTime(1_000 << 32);
    const THEIRS: NtpTime = NtpTime(5_000_000 << 32);

    fn clock() -> NtpClock {
        NtpClock::new(origin(), OURS)
    }

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn sending(kind: MediaKind, rate: u32, source_timestamp: u32) -> SequenceMap {
        let mut map = SequenceMap::new(kind, rate, 1, 700_000);
        map.forward(origin(), 1, source_timestamp);
        map
    }

    #[test]
    fn before_anything_was_sent_there_is_nothing_to_report() {
        let seen = SenderClock::default().translate(origin(), &clock(), THEIRS, 90_000);
        let map = SequenceMap::new(MediaKind::Video, 90_000, 1, 0);
        assert_eq!(times(origin(), &clock(), &seen, 90_000, &map), None);
    }

    #[test]
    fn the_timestamp_advances_with_the_wall_clock() {
        let seen = SenderClock::default().translate(origin(), &clock(), THEIRS, 90_000);
        let map = sending(MediaKind::Video, 90_000, 90_000);
        let at = |now| times(now, &clock(), &seen, 90_000, &map);
        assert_eq!(at(origin()), Some((OURS, 700_000)));
        let (ntp, timestamp) = at(origin() + ms(1_500)).unwrap();
        assert_eq!(ntp, NtpTime(OURS.0 + (3 << 31)));
        assert_eq!(timestamp, 700_000 + 135_000);
    }

    /// Lip sync: audio and video of one moment get the same NTP time, whatever the network did to their reports.
    #[test]
    fn the_tracks_of_a_publisher_keep_their_relation() {
        let mut sender = SenderClock::default();
        // The reports were written at the same moment, the video's came 80 ms later.
        let audio = sender.translate(origin(), &clock(), THEIRS, 48_000);
        let video = sender.translate(origin() + ms(80), &clock(), THEIRS, 90_000);
        assert_eq!(audio.local, video.local);
        let audio_map = sending(MediaKind::Audio, 48_000, 48_000);
        let video_map = sending(MediaKind::Video, 90_000, 90_000);
        let now = origin() + ms(2_000);
        let (_, audio) = times(now, &clock(), &audio, 48_000, &audio_map).unwrap();
        let (_, video) = times(now, &clock(), &video, 90_000, &video_map).unwrap();
        assert_eq!(audio - 700_000, 96_000);
        assert_eq!(video - 700_000, 180_000);
    }

    #[test]
    fn a_report_that_was_faster_than_the_first_lies_ahead() {
        let mut sender = SenderClock::default();
        sender.translate(origin() + ms(100), &clock(), THEIRS, 0);
        // Written 50 ms after the first and 70 ms faster: it stands for 30 ms from now.
        let seen = sender.translate(origin() + ms(120), &clock(), THEIRS + ms(50), 90_000);
        let map = sending(MediaKind::Video, 90_000, 90_000);
        let (_, timestamp) = times(origin() + ms(120), &clock(), &seen, 90_000, &map).unwrap();
        assert!((700_000_u32 - 2_700).abs_diff(timestamp) <= 1, "{timestamp}");
    }

    #[test]
    fn a_clock_that_was_set_anew_is_followed() {
        let mut sender = SenderClock::default();
        sender.translate(origin(), &clock(), THEIRS, 0);
        let now = origin() + ms(1_000);
        let near = sender.translate(now, &clock(), THEIRS + ms(1_900), 0);
        assert_eq!(near.local, OURS + ms(1_900), "less than a second is jitter");
        let set = sender.translate(now, &clock(), THEIRS + Duration::from_secs(3_600), 0);
        assert_eq!(set.local, OURS + ms(1_000));
    }

    #[test]
    fn timestamps_and_times_wrap() {
        let seen =
            SenderClock::default().translate(origin(), &clock(), NtpTime(u64::MAX), u32::MAX);
        assert_eq!(seen.local, OURS);
        let map = sending(MediaKind::Video, 90_000, u32::MAX);
        let (_, timestamp) = times(origin() + ms(1_000), &clock(), &seen, 90_000, &map).unwrap();
        assert_eq!(timestamp, 700_000 + 90_000);
    }
}
