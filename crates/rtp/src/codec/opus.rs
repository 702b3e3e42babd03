//! Opus (RFC 7587): each packet is a frame and each frame can be decoded by itself. The table of contents
//! (RFC 6716 §3.1) gives its duration.

use std::time::Duration;

use super::FrameInfo;
use crate::bytes::Reader;

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
        switching_point: true,
        // Decoders predict from the frame before where they have it.
        discardable: false,
        picture_id: None,
    })
}

/// What codes the frames of a packet (RFC 6716 §3.1, table 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Linear prediction: speech at low rates. Can carry the frame before once more (in-band FEC).
    Silk,
    /// Both. Can carry the frame before once more as well.
    Hybrid,
    /// Transform: music and low delay.
    Celt,
}

/// The table of contents: the first octet of a packet (RFC 6716 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableOfContents {
    /// What codes the frames.
    pub mode: Mode,
    /// Two channels instead of one.
    pub stereo: bool,
    /// The duration of each frame, 2.5 to 60 ms.
    pub frame_duration: Duration,
    /// How many frames follow: 0 is one, 1 two of one size, 2 two of their own sizes, 3 any number up to 48.
    pub code: u8,
}

impl TableOfContents {
    /// Reads the octet; each value has a meaning.
    #[must_use]
    pub const fn from_octet(octet: u8) -> Self {
        // In units of 2.5 ms.
        let (mode, units) = match octet >> 3 {
            config @ 0..=11 => (Mode::Silk, if config % 4 == 0 { 4 } else { config % 4 * 8 }),
            config @ 12..=15 => (Mode::Hybrid, 4 << (config % 2)),
            config => (Mode::Celt, 1 << (config % 4)),
        };
        Self {
            mode,
            stereo: octet & 0b100 != 0,
            frame_duration: Duration::from_micros(2500 * units as u64),
            code: octet & 0b11,
        }
    }
}

/// The duration of a packet: at most 120 ms (RFC 6716 §3.2, requirement 5). `None` when it has no table of contents or
/// claims more.
#[must_use]
pub fn duration(payload: &[u8]) -> Option<Duration> {
    let contents = TableOfContents::from_octet(*payload.first()?);
    let frames = match contents.code {
        0 => 1,
        1 | 2 => 2,
        // Code 3: the count is in the next octet.
        _ => u32::from(payload.get(1)? & 0x3f),
    };
    let total = contents.frame_duration * frames;
    (frames != 0 && total <= MAX_DURATION).then_some(total)
}

/// RFC 6716 §3.2.5, requirement 5.
const MAX_DURATION: Duration = Duration::from_millis(120);

/// Whether a packet carries the frame before once more at a lower rate (in-band FEC, RFC 6716 §2.1.7): a receiver that
/// lost the packet before can play that. False for packets that are not well formed.
#[must_use]
pub fn has_fec(payload: &[u8]) -> bool {
    let Some((toc, rest)) = payload.split_first() else { return false };
    let contents = TableOfContents::from_octet(*toc);
    if contents.mode == Mode::Celt {
        return false;
    }
    // RFC 6716 §4.2.3: for each channel a voice flag for each 20 ms (10 ms at least), then the flag for the low bit-rate
    // redundancy. They are bits of even probability at the beginning of the range coder, which are the highest bits of the frame.
    let silk_frames = contents.frame_duration.as_millis().div_ceil(20);
    let channel = 0x80_u8 >> silk_frames;
    let mask = if contents.stereo { channel | channel >> (silk_frames + 1) } else { channel };
    first_frame(contents.code, rest).is_some_and(|first| first & mask != 0)
}

/// The first octet of the first frame (RFC 6716 §3.2); `None` when it is empty or not there.
fn first_frame(code: u8, rest: &[u8]) -> Option<u8> {
    let mut reader = Reader::new(rest);
    match code {
        0 | 1 => {}
        2 => {
            let len = read_frame_len(&mut reader)?;
            (len != 0).then_some(())?;
        }
        _ => {
            let count = reader.u8()?;
            let frames = usize::from(count & 0x3f).checked_sub(1)?;
            let mut padding = 0;
            if count & 0x40 != 0 {
                // Each octet of 255 stands for 254 octets of padding and another octet of count.
                while reader.u8()? == 255 {
                    padding += 254;
                }
            }
            if count & 0x80 != 0 {
                for index in 0..frames {
                    let len = read_frame_len(&mut reader)?;
                    (index != 0 || len != 0).then_some(())?;
                }
            }
            reader.len().checked_sub(padding)?;
        }
    }
    reader.u8()
}

/// RFC 6716 §3.2.1.
fn read_frame_len(reader: &mut Reader<'_>) -> Option<usize> {
    let first = usize::from(reader.u8()?);
    if first < 252 {
        return Some(first);
    }
    Some(usize::from(reader.u8()?) * 4 + first)
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
    fn the_table_of_contents_by_table_2() {
        let contents = |config: u8| TableOfContents::from_octet(config << 3);
        for config in 0..32 {
            let mode = match config {
                0..=11 => Mode::Silk,
                12..=15 => Mode::Hybrid,
                _ => Mode::Celt,
            };
            assert_eq!(contents(config).mode, mode, "{config}");
        }
        let stereo = TableOfContents::from_octet(31 << 3 | 0b110);
        assert!(stereo.stereo && !contents(31).stereo);
        assert_eq!((stereo.code, stereo.frame_duration), (2, Duration::from_millis(20)));
    }

    /// The flag stands behind the voice flags of its channel: for one frame of 20 ms in the second bit.
    #[test]
    fn in_band_fec_by_its_flag() {
        let silk_20_ms = 1 << 3;
        assert!(has_fec(&[silk_20_ms, 0b0100_0000, 0]));
        assert!(!has_fec(&[silk_20_ms, 0b1011_1111, 0]));
        // 60 ms: three voice flags. Stereo: the other channel's flags follow.
        assert!(has_fec(&[3 << 3, 0b0001_0000]) && !has_fec(&[3 << 3, 0b1110_1111]));
        assert!(
            has_fec(&[silk_20_ms | 4, 0b0001_0000]) && !has_fec(&[silk_20_ms | 4, 0b1010_1111])
        );
        assert!(has_fec(&[3 << 3 | 4, 0b0000_0001]) && !has_fec(&[3 << 3 | 4, 0b1110_1110]));
        // Hybrid has it, CELT never.
        assert!(has_fec(&[13 << 3, 0b0100_0000]) && !has_fec(&[31 << 3, 0xff]));
    }

    /// Before the first frame stand counts, lengths and padding.
    #[test]
    fn the_first_frame_is_found_under_each_code() {
        let silk = 1 << 3;
        let flag = 0b0100_0000;
        assert!(has_fec(&[silk | 1, flag, 0]));
        assert!(has_fec(&[silk | 2, 1, flag, 0]));
        assert!(has_fec(&[silk | 2, 252, 0, flag]), "a length of two octets");
        assert!(has_fec(&[silk | 3, 2, flag, 0]));
        assert!(has_fec(&[silk | 3, 0x80 | 3, 1, 1, flag]), "lengths of two frames");
        assert!(has_fec(&[silk | 3, 0x40 | 1, 1, flag, 0]), "padding");
        let long = [&[silk | 3, 0x40 | 1, 255, 0, flag][..], &[0; 254]].concat();
        assert!(has_fec(&long) && !has_fec(&long[..200]), "255 goes on");
        assert!(!has_fec(&[silk | 2, 0, flag]), "the first frame is empty");
        assert!(!has_fec(&[silk | 3, 0x80 | 2, 0, flag]));
        for cut in
            [&[][..], &[silk], &[silk | 2], &[silk | 3], &[silk | 3, 0], &[silk | 3, 0x41, 255]]
        {
            assert!(!has_fec(cut), "{cut:?}");
        }
    }

    #[test]
    fn dtx_is_short() {
        assert!(is_dtx(&[0xfc]) && is_dtx(&[0xfc, 0]) && !is_dtx(&[0xfc, 0, 0]) && !is_dtx(&[]));
    }
}
