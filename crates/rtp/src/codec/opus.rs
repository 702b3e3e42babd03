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
/// lost the packet before can play that. False for packets that are not well formed (RFC 6716 §3.4).
#[must_use]
pub fn has_fec(payload: &[u8]) -> bool {
    let Some(contents) = payload.first().map(|toc| TableOfContents::from_octet(*toc)) else {
        return false;
    };
    if contents.mode == Mode::Celt {
        return false;
    }
    // RFC 6716 §4.2.3: for each channel a voice flag for each 20 ms (10 ms at least), then the flag for the low bit-rate
    // redundancy. They are bits of even probability at the beginning of the range coder, which are the highest bits of the frame.
    let silk_frames = contents.frame_duration.as_millis().div_ceil(20);
    let channel = 0x80_u8 >> silk_frames;
    let mask = if contents.stereo { channel | channel >> (silk_frames + 1) } else { channel };
    first_frame(payload).and_then(<[u8]>::first).is_some_and(|first| first & mask != 0)
}

/// The largest frame (RFC 6716 §3.4, R2). A length that is written out (§3.2.1) cannot say more.
const MAX_FRAME_LEN: usize = 1275;

/// The first frame (RFC 6716 §3.2), which may be empty; `None` for packets that break one of the requirements R1 to R7
/// of §3.4.
fn first_frame(payload: &[u8]) -> Option<&[u8]> {
    let (toc, rest) = payload.split_first()?;
    // R5, whose count is that of code 3.
    duration(payload)?;
    match TableOfContents::from_octet(*toc).code {
        0 => first_of_one_size(rest, 1),
        1 => first_of_one_size(rest, 2),
        2 => first_of_own_sizes(rest, 2),
        _ => first_of_code_3(rest),
    }
}

/// Frames of a number that is written out, and padding behind them (§3.2.5).
fn first_of_code_3(rest: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader::new(rest);
    let header = reader.u8()?;
    let padding = if header & 0x40 != 0 { read_padding_len(&mut reader)? } else { 0 };
    let frames = reader.take(reader.len().checked_sub(padding)?)?;
    let count = usize::from(header & 0x3f);
    if header & 0x80 != 0 {
        first_of_own_sizes(frames, count)
    } else {
        first_of_one_size(frames, count)
    }
}

/// Frames that share their octets evenly: code 1 (R3) and code 3 without lengths (R6).
fn first_of_one_size(frames: &[u8], count: usize) -> Option<&[u8]> {
    let len = frames.len().checked_div(count)?;
    (len * count == frames.len() && len <= MAX_FRAME_LEN).then_some(())?;
    frames.get(..len)
}

/// Frames behind the lengths of all but the last, which has what is left: code 2 (R4) and code 3 with lengths (R7).
fn first_of_own_sizes(octets: &[u8], count: usize) -> Option<&[u8]> {
    let mut reader = Reader::new(octets);
    let (mut first, mut written_out) = (None, 0);
    for _ in 1..count {
        let len = read_frame_len(&mut reader)?;
        first.get_or_insert(len);
        written_out += len;
    }
    let last = reader.len().checked_sub(written_out)?;
    (last <= MAX_FRAME_LEN).then_some(())?;
    reader.take(first.unwrap_or(last))
}

/// RFC 6716 §3.2.5: each octet of 255 stands for 254 octets of padding and another octet of count, any other for itself.
fn read_padding_len(reader: &mut Reader<'_>) -> Option<usize> {
    let mut padding = 0_usize;
    loop {
        match reader.u8()? {
            // Where a usize has 32 bits, 17 million such octets would be more than it holds.
            255 => padding = padding.saturating_add(254),
            last => return Some(padding.saturating_add(usize::from(last))),
        }
    }
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

    /// 20 ms of one channel, where `FLAG` in the first frame says that the frame before is there as well.
    const SILK: u8 = 1 << 3;
    const FLAG: u8 = 0b0100_0000;

    /// The beginning of a packet, and as many zeros behind it.
    fn with_zeros(head: &[u8], zeros: usize) -> Vec<u8> {
        [head, &vec![0; zeros]].concat()
    }

    /// Before the first frame stand counts, lengths and padding.
    #[test]
    fn the_first_frame_is_found_under_each_code() {
        assert!(has_fec(&[SILK | 1, FLAG, 0]));
        assert!(has_fec(&[SILK | 2, 1, FLAG, 0]));
        assert!(has_fec(&with_zeros(&[SILK | 2, 252, 0, FLAG], 251)), "a length of two octets");
        assert!(has_fec(&[SILK | 3, 2, FLAG, 0]));
        assert!(has_fec(&[SILK | 3, 0x80 | 3, 1, 1, FLAG, 0]), "lengths of two frames");
        assert!(has_fec(&[SILK | 3, 0x80 | 1, FLAG]), "lengths of no frame");
        assert!(has_fec(&[SILK | 3, 0x40 | 1, 0, FLAG]), "padding of nothing");
        assert!(has_fec(&[SILK | 3, 0x40 | 1, 1, FLAG, 0]), "padding");
        assert!(has_fec(&[SILK | 3, 0xc0 | 2, 1, 1, FLAG, 0, 0]), "padding and a length");
        for cut in
            [&[][..], &[SILK], &[SILK | 2], &[SILK | 3], &[SILK | 3, 0], &[SILK | 3, 0x41, 255]]
        {
            assert!(!has_fec(cut), "{cut:?}");
        }
    }

    /// Frames without octets are well formed (§3.2.1): nothing was sent.
    #[test]
    fn an_empty_first_frame_carries_nothing() {
        for packet in [
            &[SILK | 1][..],
            &[SILK | 2, 0, FLAG],
            &[SILK | 3, 0x80 | 2, 0, FLAG],
            &[SILK | 3, 0x40 | 1, 1, FLAG],
            &[SILK | 3, 0x40 | 1, 2, FLAG, FLAG],
        ] {
            assert_eq!(first_frame(packet), Some(&[][..]), "{packet:?}");
            assert!(!has_fec(packet), "{packet:?}");
        }
    }

    /// §3.2.5: the last octet of the count is a number too, and those before it stand for 254.
    #[test]
    fn padding_is_as_long_as_all_octets_of_its_count_say() {
        for (count, padding) in [
            (&[2][..], 2),
            (&[254], 254),
            (&[255, 0], 254),
            (&[255, 3], 257),
            (&[255, 255, 5], 513),
        ] {
            let head = [&[SILK | 3, 0x40 | 1], count, &[FLAG]].concat();
            assert!(has_fec(&with_zeros(&head, padding)), "{count:?}");
            let short = with_zeros(&head, padding - 1);
            assert_eq!(first_frame(&short), Some(&[][..]), "{count:?}");
            assert_eq!(first_frame(&short[..short.len() - 1]), None, "{count:?}");
        }
        assert!(!has_fec(&[SILK | 3, 0x40 | 1, 200, FLAG]));
    }

    /// R3 and R6: frames of one size share the octets without a rest.
    #[test]
    fn frames_of_one_size_leave_no_rest() {
        let frames = |head: &[u8], octets: usize| {
            has_fec(&with_zeros(&[head, &[FLAG]].concat(), octets - 1))
        };
        assert!(frames(&[SILK | 1], 4) && !frames(&[SILK | 1], 3) && !frames(&[SILK | 1], 5));
        assert!(frames(&[SILK | 3, 3], 6) && !frames(&[SILK | 3, 3], 5));
        assert!(!frames(&[SILK | 3, 3], 7));
        // Six octets of which one is padding.
        assert!(!frames(&[SILK | 3, 0x40 | 3, 1], 6) && frames(&[SILK | 3, 0x40 | 3, 1], 7));
    }

    /// R4 and R7: lengths that are written out are of octets that are there, before the padding.
    #[test]
    fn lengths_of_frames_are_of_octets_that_are_there() {
        assert!(!has_fec(&[SILK | 2, 200, FLAG]));
        assert!(has_fec(&[SILK | 2, 2, FLAG, 0]) && !has_fec(&[SILK | 2, 3, FLAG, 0]));
        assert!(!has_fec(&with_zeros(&[SILK | 2, 252, 0, FLAG], 250)));
        assert!(!has_fec(&[SILK | 2, 252]) && !has_fec(&[SILK | 3, 0x80 | 3, 1]));
        let three = |a, b| has_fec(&[SILK | 3, 0x80 | 3, a, b, FLAG, 0, 0]);
        assert!(three(1, 2) && three(1, 0) && !three(1, 3) && !three(4, 0));
        let padded = |padding| has_fec(&[SILK | 3, 0xc0 | 2, padding, 2, FLAG, 0, 0]);
        assert!(padded(0) && padded(1) && !padded(2));
    }

    /// R2, for the frames whose length is not written out.
    #[test]
    fn a_frame_has_1_275_octets_at_most() {
        for (head, others) in [
            (&[SILK, FLAG][..], 0),
            (&[SILK | 1, FLAG], 1275),
            (&[SILK | 2, 1, FLAG], 1),
            (&[SILK | 2, 255, 255, FLAG], 1275),
            (&[SILK | 3, 3, FLAG], 2 * 1275),
            (&[SILK | 3, 0x80 | 2, 1, FLAG], 1),
        ] {
            let zeros = others + 1275 - 1;
            assert!(has_fec(&with_zeros(head, zeros)), "{head:?}");
            // Each frame one more where all are of one size.
            for more in 1..=3 {
                assert!(!has_fec(&with_zeros(head, zeros + more)), "{head:?} {more}");
            }
        }
    }

    /// R5.
    #[test]
    fn more_than_120_ms_carry_nothing() {
        assert!(has_fec(&with_zeros(&[SILK | 3, 6, FLAG], 5)));
        assert!(!has_fec(&with_zeros(&[SILK | 3, 7, FLAG], 6)));
        assert!(!has_fec(&[SILK | 3, 0, FLAG]) && !has_fec(&[SILK | 3, 0x80, FLAG]));
    }

    #[test]
    fn dtx_is_short() {
        assert!(is_dtx(&[0xfc]) && is_dtx(&[0xfc, 0]) && !is_dtx(&[0xfc, 0, 0]) && !is_dtx(&[]));
    }
}
