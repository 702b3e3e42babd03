//! H.265 (RFC 7798): single NAL unit packets, aggregation packets, fragmentation units, and those wrapped in PACI, without
//! DONL.

use super::FrameInfo;
use crate::bytes::{Reader, low8};

/// NAL unit types (ITU-T H.265 table 7-1, RFC 7798 §4.4).
mod nal {
    pub(super) const TSA_N: u8 = 2;
    pub(super) const STSA_R: u8 = 5;
    pub(super) const BLA_W_LP: u8 = 16;
    pub(super) const CRA: u8 = 21;
    pub(super) const LAST_SLICE: u8 = 31;
    pub(super) const VPS: u8 = 32;
    pub(super) const SPS: u8 = 33;
    pub(super) const PPS: u8 = 34;
    pub(super) const AUD: u8 = 35;
    pub(super) const PREFIX_SEI: u8 = 39;
    pub(super) const AGGREGATE: u8 = 48;
    pub(super) const FRAGMENT: u8 = 49;
    pub(super) const PACI: u8 = 50;
}

/// The two-octet header of NAL units and of the packets (RFC 7798 §1.1.4).
#[derive(Clone, Copy)]
struct Header {
    kind: u8,
    temporal_id: u8,
}

impl Header {
    /// `None` for a temporal identifier of zero plus one less than nothing, which is forbidden.
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let [first, second] = reader.array()?;
        let temporal_id = (second & 0x07).checked_sub(1)?;
        Some(Self { kind: first >> 1 & 0x3f, temporal_id })
    }
}

/// Reads a payload. The temporal layer is that of the packet's header, which in an aggregate is the lowest in it.
#[must_use]
pub fn inspect(payload: &[u8], marker: bool) -> Option<FrameInfo> {
    let mut reader = Reader::new(payload);
    let header = Header::read(&mut reader)?;
    let kind = match header.kind {
        nal::PACI => skip_paci(&mut reader)?,
        kind => kind,
    };
    let mut seen = Seen::default();
    match kind {
        nal::AGGREGATE => read_aggregate(reader, &mut seen)?,
        nal::FRAGMENT => {
            // §4.4.3: S bit, E bit, and the type of the fragmented unit.
            let fu = reader.u8()?;
            if fu & 0x80 != 0 {
                seen.unit(fu & 0x3f, reader.rest());
            }
        }
        // A PACI in a PACI is forbidden, and 51 to 63 are reserved for packets to come.
        nal::PACI..=63 => return None,
        kind => seen.unit(kind, reader.rest()),
    }
    Some(FrameInfo {
        keyframe: seen.keyframe,
        frame_start: seen.frame_start,
        frame_end: marker,
        temporal_id: Some(header.temporal_id),
        spatial_id: None,
        switching_point: seen.keyframe || seen.sublayer_access,
        discardable: false,
        picture_id: None,
    })
}

/// §4.4.4: what stands between the payload header and the packet that is wrapped. Gives the type of that packet.
fn skip_paci(reader: &mut Reader<'_>) -> Option<u8> {
    // A bit, type (6), size of the extension (5), flags (4).
    let fields = reader.u16()?;
    reader.take(usize::from(fields >> 4 & 0x1f))?;
    Some(low8(u64::from(fields >> 9)) & 0x3f)
}

/// §4.4.2: units, each behind its 16-bit size. `None` when there is none or a size does not fit.
fn read_aggregate(mut reader: Reader<'_>, seen: &mut Seen) -> Option<()> {
    if reader.is_empty() {
        return None;
    }
    while !reader.is_empty() {
        let size = reader.u16()?;
        let mut unit = Reader::new(reader.take(usize::from(size))?);
        let header = Header::read(&mut unit)?;
        seen.unit(header.kind, unit.rest());
    }
    Some(())
}

#[derive(Default)]
struct Seen {
    keyframe: bool,
    frame_start: bool,
    sublayer_access: bool,
}

impl Seen {
    /// The beginning of a unit: its type and what follows its header.
    fn unit(&mut self, kind: u8, rest: &[u8]) {
        // first_slice_segment_in_pic_flag is the first bit of a slice segment header (§7.3.6.1).
        let first_slice = rest.first().is_some_and(|octet| octet & 0x80 != 0);
        match kind {
            nal::VPS | nal::SPS => self.begins(true),
            // Intra random access pictures: BLA, IDR and CRA.
            nal::BLA_W_LP..=nal::CRA if first_slice => self.begins(true),
            0..=nal::LAST_SLICE if first_slice => {
                self.begins(false);
                // Temporal sub-layer access and step-wise temporal sub-layer access pictures.
                self.sublayer_access |= (nal::TSA_N..=nal::STSA_R).contains(&kind);
            }
            nal::PPS | nal::AUD | nal::PREFIX_SEI => self.begins(false),
            _ => {}
        }
    }

    const fn begins(&mut self, keyframe: bool) {
        self.frame_start = true;
        self.keyframe |= keyframe;
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn info(payload: &[u8]) -> (bool, bool) {
        let info = inspect(payload, false).unwrap();
        assert!(!info.frame_end);
        (info.keyframe, info.frame_start)
    }

    const fn header(kind: u8) -> u8 {
        kind << 1
    }

    #[test]
    fn single_units() {
        for kind in [32, 33] {
            assert_eq!(info(&[header(kind), 1, 0]), (true, true), "VPS, SPS");
        }
        assert_eq!(info(&[header(34), 1, 0]), (false, true), "PPS");
        for kind in 16..=21 {
            assert_eq!(info(&[header(kind), 1, 0x80]), (true, true), "IRAP {kind}");
            assert_eq!(info(&[header(kind), 1, 0x00]), (false, false), "second slice of {kind}");
        }
        assert_eq!(info(&[header(1), 1, 0x80]), (false, true), "TRAIL_R");
        assert_eq!(info(&[header(1), 1, 0x00]), (false, false));
        assert_eq!(info(&[header(40), 1, 0x80]), (false, false), "suffix SEI");
    }

    #[test]
    fn the_temporal_layer_is_less_by_one() {
        assert_eq!(inspect(&[header(1), 3, 0x80], true).unwrap().temporal_id, Some(2));
        assert_eq!(inspect(&[header(1), 0, 0x80], true), None, "forbidden");
    }

    /// VPS and first IDR slice.
    pub(in crate::codec) const AGGREGATE: &[u8] =
        &[header(48), 1, 0, 3, header(32), 1, 0, 0, 3, header(19), 1, 0x80];

    #[test]
    fn aggregates() {
        assert_eq!(info(AGGREGATE), (true, true));
        for len in (0..AGGREGATE.len()).filter(|len| *len != 7) {
            assert_eq!(inspect(&AGGREGATE[..len], true), None, "{len}");
        }
        assert_eq!(info(&[header(48), 1, 0, 3, header(1), 1, 0x80]), (false, true));
    }

    #[test]
    fn fragments() {
        assert_eq!(info(&[header(49), 1, 0x80 | 19, 0x80]), (true, true));
        assert_eq!(info(&[header(49), 1, 19, 0x80]), (false, false));
        assert_eq!(info(&[header(49), 1, 0x40 | 19, 0x80]), (false, false));
        assert_eq!(info(&[header(49), 1, 0x80 | 1, 0x80]), (false, true));
        assert_eq!(inspect(&[header(49), 1], true), None);
    }

    /// PACI of an extension of three octets, around a fragment that begins an IDR picture.
    #[test]
    fn what_a_paci_wraps_is_read() {
        let [high, low] = (49_u16 << 9 | 3 << 4 | 0b1000).to_be_bytes();
        let payload = [header(50), 2, high, low, 7, 7, 7, 0x80 | 19, 0x80];
        assert_eq!(info(&payload), (true, true));
        assert_eq!(inspect(&payload, true).unwrap().temporal_id, Some(1));
        for len in 0..payload.len() - 1 {
            assert_eq!(inspect(&payload[..len], true), None, "{len}");
        }
        // The largest extension, with every other bit set: 31 octets, then a single unit.
        let [high, low] = (0x8000 | 32 << 9 | 31 << 4 | 0b1111_u16).to_be_bytes();
        let payload = [&[header(50), 1, high, low][..], &[0xff; 31], &[0]].concat();
        assert_eq!(info(&payload), (true, true), "a VPS");
        assert_eq!(inspect(&payload[..34], true), None);
        let [high, low] = (50_u16 << 9).to_be_bytes();
        assert_eq!(inspect(&[header(50), 1, high, low, high, low, 0], true), None, "nested");
    }

    #[test]
    fn temporal_sublayer_access_is_a_switching_point() {
        for kind in 0..10 {
            let info = inspect(&[header(kind), 2, 0x80], true).unwrap();
            assert_eq!(info.switching_point, (2..=5).contains(&kind), "{kind}");
        }
        assert!(inspect(&[header(19), 1, 0x80], true).unwrap().switching_point);
    }

    #[test]
    fn other_packets_say_nothing() {
        for kind in 51..=63 {
            assert_eq!(inspect(&[header(kind), 1, 0xff, 0xff], true), None, "{kind}");
        }
    }
}
