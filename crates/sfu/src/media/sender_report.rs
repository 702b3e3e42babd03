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
