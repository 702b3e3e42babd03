//! What fills synthetic packets: a pattern and a stamp, so that a watcher can tell whether a packet
//! arrived unchanged, and how long it took.

use std::time::Duration;

use tsubame_rtp::NtpTime;

/// Octets of the stamp, which ends a payload.
pub(crate) const STAMP: usize = 20;
const MAGIC: [u8; 4] = *b"TSBM";

/// Long enough for a pattern of any packet, from any of 256 beginnings.
static PATTERN: [u8; 256 + 2048] = pattern();

const fn pattern() -> [u8; 256 + 2048] {
    let mut pattern = [0; 256 + 2048];
    let mut state: u32 = 0x2545_f491;
    let mut at = 0;
    while at < pattern.len() {
        // Xorshift: any sequence does that does not repeat within a packet.
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        pattern[at] = (state >> 24) as u8;
        at += 1;
    }
    pattern
}

/// What a stamp says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Counts the packets of a source.
    pub(crate) count: u32,
    /// When it was made.
    pub(crate) ntp: NtpTime,
    /// Whether the pattern in front of it is as it was made.
    pub(crate) intact: bool,
}

impl Stamp {
    /// How long ago it was made, by the same clock.
    pub(crate) fn age(&self, now: NtpTime) -> Duration {
        now.saturating_duration_since(self.ntp)
    }
}

/// Fills `out` with pattern and stamp. Nothing is stamped where there is no room for it.
pub(crate) fn fill(count: u32, ntp: NtpTime, out: &mut [u8]) {
    let filler_len = out.len().saturating_sub(STAMP).min(2048);
    let (filler, stamp) = out.split_at_mut(filler_len);
    filler.copy_from_slice(&PATTERN[start(count)..][..filler_len]);
    if stamp.len() < STAMP {
        stamp.fill(0);
        return;
    }
    stamp[..4].copy_from_slice(&MAGIC);
    stamp[4..8].copy_from_slice(&count.to_be_bytes());
    stamp[8..16].copy_from_slice(&ntp.0.to_be_bytes());
    stamp[16..20].copy_from_slice(&(filler_len as u32).to_be_bytes());
}

/// The stamp of a payload, if it is one of ours.
pub(crate) fn read_stamp(payload: &[u8]) -> Option<Stamp> {
    let (before, stamp) = payload.split_last_chunk::<STAMP>()?;
    let (magic, rest) = stamp.split_first_chunk::<4>()?;
    let (count, rest) = rest.split_first_chunk::<4>()?;
    let (ntp, rest) = rest.split_first_chunk::<8>()?;
    if *magic != MAGIC {
        return None;
    }
    let count = u32::from_be_bytes(*count);
    let filler_len = u32::from_be_bytes(rest.try_into().ok()?) as usize;
    let filler = before.len().checked_sub(filler_len).map(|at| &before[at..]);
    let intact = filler_len <= 2048 && filler == Some(&PATTERN[start(count)..][..filler_len]);
    Some(Stamp { count, ntp: NtpTime(u64::from_be_bytes(*ntp)), intact })
}

fn start(count: u32) -> usize {
    (count & 0xff) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    const NTP: NtpTime = NtpTime(0x1234_5678_8000_0000);

    #[test]
    fn what_was_filled_is_read() {
        for len in STAMP..MAX {
            let mut payload = vec![0xee; 4 + len];
            fill(len as u32, NTP, &mut payload[4..]);
            let stamp = read_stamp(&payload).unwrap();
            assert_eq!(stamp, Stamp { count: len as u32, ntp: NTP, intact: true });
            assert_eq!(stamp.age(NTP + Duration::from_secs(2)), Duration::from_secs(2));
        }
    }

    const MAX: usize = 1200;

    #[test]
    fn a_changed_octet_is_seen() {
        let mut payload = vec![0; 100];
        fill(7, NTP, &mut payload);
        for at in 0..80 {
            payload[at] ^= 1;
            assert!(!read_stamp(&payload).unwrap().intact, "octet {at}");
            payload[at] ^= 1;
        }
        payload[96..].fill(0xff);
        assert!(!read_stamp(&payload).unwrap().intact, "the length");
        payload[80] = 0;
        assert_eq!(read_stamp(&payload), None, "not ours");
    }

    #[test]
    fn too_short_for_a_stamp() {
        let mut payload = [1; STAMP - 1];
        fill(7, NTP, &mut payload);
        assert_eq!(read_stamp(&payload), None);
    }
}
