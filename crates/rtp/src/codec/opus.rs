//! Opus (RFC 7587): each packet is a frame and each frame can be decoded by itself. The table of contents
//! (RFC 6716 §3.1) gives its duration.

use std::time::Duration;

use super::FrameInfo;

/// Every packet is a frame of its own.
#[must_use]
pub const fn inspect(payload: &[u8]) -> Option<FrameInfo> {
    if payload.is_empty() {
        return None;
    }
    Some(FrameInfo {
        keyframe: true,
        frame_start: true,
        frame_end: true,
        temporal_id: None,
        spatial_id: None,
    })
}

/// The duration of a packet: at most 120 ms (RFC 6716 §3.2, requirement 5). `None` when it has no table of contents or
/// claims more.
#[must_use]
pub fn duration(payload: &[u8]) -> Option<Duration> {
    let toc = payload.first()?;
    // RFC 6716 §3.1, table 2; in units of 2.5 ms.
    let units: u32 = match toc >> 3 {
        config @ 0..=11 => [4, 8, 16, 24].get(usize::from(config % 4)).copied()?,
        config @ 12..=15 => [4, 8].get(usize::from(config % 2)).copied()?,
        config => [1, 2, 4, 8].get(usize::from(config % 4)).copied()?,
    };
    let frames = match toc & 0b11 {
        0 => 1,
        1 | 2 => 2,
        // Code 3: the count is in the next octet.
        _ => u32::from(payload.get(1)? & 0x3f),
    };
    let total = units * frames;
    (1..=48).contains(&total).then(|| Duration::from_micros(2500) * total)
}

/// Whether a packet carries no sound: a frame of at most two octets is discontinuous transmission (RFC 6716 §2.1.9),
/// where the encoder only says that it is still there.
#[must_use]
pub const fn is_dtx(payload: &[u8]) -> bool {
    matches!(payload.len(), 1 | 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_packet_is_a_frame() {
        let info = inspect(&[0xfc]).unwrap();
        assert!(info.keyframe && info.frame_start && info.frame_end);
        assert_eq!(inspect(&[]), None);
    }

    #[test]
    fn durations_by_table_2() {
        let millis = |payload: &[u8]| duration(payload).map(|d| d.as_micros() as f64 / 1000.0);
        // CELT fullband 20 ms, what browsers send.
        assert_eq!(millis(&[31 << 3]), Some(20.0));
        assert_eq!(millis(&[28 << 3]), Some(2.5));
        // SILK narrowband 10, 20, 40, 60.
        let silk: Vec<_> = (0..4).map(|config| millis(&[config << 3])).collect();
        assert_eq!(silk, [Some(10.0), Some(20.0), Some(40.0), Some(60.0)]);
        // Hybrid 10, 20.
        assert_eq!((millis(&[12 << 3]), millis(&[15 << 3])), (Some(10.0), Some(20.0)));
        // Two frames, and six of them.
        assert_eq!(millis(&[31 << 3 | 1]), Some(40.0));
        assert_eq!(millis(&[31 << 3 | 3, 6]), Some(120.0));
    }

    #[test]
    fn more_than_120_ms_or_nothing_is_refused() {
        assert_eq!(duration(&[31 << 3 | 3, 7]), None);
        assert_eq!(duration(&[31 << 3 | 3, 0]), None);
        assert_eq!(duration(&[31 << 3 | 3]), None);
        assert_eq!(duration(&[]), None);
        assert!(duration(&[3 << 3 | 2]).is_some(), "two of 60 ms are 120 ms");
    }

    #[test]
    fn dtx_is_short() {
        assert!(is_dtx(&[0xfc]) && is_dtx(&[0xfc, 0]) && !is_dtx(&[0xfc, 0, 0]) && !is_dtx(&[]));
    }
}
