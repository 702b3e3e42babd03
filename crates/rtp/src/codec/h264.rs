//! H.264 (RFC 6184): single NAL unit packets, STAP-A and FU-A, the packets of packetization modes 0 and 1.

use super::FrameInfo;
use crate::bytes::Reader;

/// NAL unit types (ITU-T H.264 table 7-1, RFC 6184 §5.2).
mod nal {
    pub(super) const SLICE: u8 = 1;
    pub(super) const PARTITION_A: u8 = 2;
    pub(super) const IDR: u8 = 5;
    pub(super) const SEI: u8 = 6;
    pub(super) const SPS: u8 = 7;
    pub(super) const PPS: u8 = 8;
    pub(super) const AUD: u8 = 9;
    pub(super) const STAP_A: u8 = 24;
    pub(super) const FU_A: u8 = 28;
}

/// Reads a payload.
#[must_use]
pub fn inspect(payload: &[u8], marker: bool) -> Option<FrameInfo> {
    let mut reader = Reader::new(payload);
    let header = reader.u8()?;
    let mut seen = Seen::default();
    match header & 0x1f {
        nal::STAP_A => read_aggregate(reader, &mut seen)?,
        nal::FU_A => {
            // §5.8: S bit, E bit, and the type of the fragmented unit.
            let fu = reader.u8()?;
            // The indicator has nal_ref_idc of the fragmented unit, in every fragment.
            seen.importance(header & 0x60 | fu & 0x1f);
            if fu & 0x80 != 0 {
                seen.unit(fu & 0x1f, reader.rest());
            }
        }
        kind @ 1..=23 => {
            seen.importance(header);
            seen.unit(kind, reader.rest());
        }
        // 0 and 30, 31 are unspecified; STAP-B, MTAP and FU-B belong to the interleaved mode, which nobody negotiates.
        _ => return None,
    }
    Some(FrameInfo {
        keyframe: seen.keyframe,
        frame_start: seen.frame_start,
        frame_end: marker,
        temporal_id: None,
        spatial_id: None,
        switching_point: seen.keyframe,
        discardable: seen.slice && !seen.reference,
        picture_id: None,
    })
}

/// §5.7.1: units, each behind its 16-bit size. `None` when there is none or a size does not fit.
fn read_aggregate(mut reader: Reader<'_>, seen: &mut Seen) -> Option<()> {
    if reader.is_empty() {
        return None;
    }
    while !reader.is_empty() {
        let size = reader.u16()?;
        let (header, rest) = reader.take(usize::from(size))?.split_first()?;
        seen.importance(*header);
        seen.unit(header & 0x1f, rest);
    }
    Some(())
}

#[derive(Default)]
struct Seen {
    keyframe: bool,
    frame_start: bool,
    /// There is a slice, or a part of one.
    slice: bool,
    /// There is a unit that others refer to.
    reference: bool,
}

impl Seen {
    /// What the header of a unit, without the forbidden bit, says of those after it. Only slices are pictures that one can do
    /// without: SEI, delimiters, ends and filler have nal_ref_idc of 0 always (ITU-T H.264 §7.4.1), whatever picture they are of.
    fn importance(&mut self, header: u8) {
        let kind = header & 0x1f;
        self.slice |= matches!(kind, nal::SLICE..=nal::IDR);
        self.reference |= header & 0x60 != 0 || matches!(kind, nal::IDR | nal::SPS | nal::PPS);
    }

    /// The beginning of a unit: its type and what follows its header.
    fn unit(&mut self, kind: u8, rest: &[u8]) {
        // first_mb_in_slice is the first thing in a slice header (§7.3.3) and as ue(v) zero is a single 1 bit.
        let first_slice = rest.first().is_some_and(|octet| octet & 0x80 != 0);
        match kind {
            nal::SPS => self.begins(true),
            nal::IDR if first_slice => self.begins(true),
            nal::SLICE | nal::PARTITION_A if first_slice => self.begins(false),
            nal::SEI | nal::PPS | nal::AUD => self.begins(false),
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

    #[test]
    fn single_units() {
        assert_eq!(info(&[0x67, 0x42]), (true, true), "SPS");
        assert_eq!(info(&[0x68, 0xce]), (false, true), "PPS");
        assert_eq!(info(&[0x65, 0x88]), (true, true), "first slice of an IDR picture");
        assert_eq!(info(&[0x65, 0x40]), (false, false), "second slice of it");
        assert_eq!(info(&[0x41, 0x9a]), (false, true), "first slice");
        assert_eq!(info(&[0x41, 0x5a]), (false, false), "second slice");
        assert_eq!(info(&[0x09, 0x10]), (false, true), "delimiter");
        assert!(inspect(&[0x41, 0x9a], true).unwrap().frame_end);
        assert!(inspect(&[0x01, 0x9a], true).unwrap().discardable, "nal_ref_idc of zero");
        assert!(!inspect(&[0x41, 0x9a], true).unwrap().discardable);
    }

    fn discardable(payload: &[u8]) -> bool {
        inspect(payload, false).unwrap().discardable
    }

    #[test]
    fn slices_without_references_are_discardable() {
        for kind in 1..=4 {
            assert!(discardable(&[kind, 0x9a]), "{kind}");
            assert!(!discardable(&[0x20 | kind, 0x9a]), "{kind}");
        }
        assert!(!discardable(&[0x05, 0x88]), "an IDR picture never is, whatever its header says");
    }

    /// Their nal_ref_idc is 0 also where they stand in front of a picture that everything refers to.
    #[test]
    fn what_is_no_slice_is_not_discardable() {
        for kind in [6, 9, 10, 11, 12] {
            assert!(!discardable(&[kind, 0x10]), "{kind}");
            assert!(!discardable(&[0x18, 0, 2, kind, 0x10]), "{kind} in an aggregate");
            assert!(!discardable(&[0x1c, 0x80 | kind, 0x10]), "{kind} in fragments");
        }
        assert!(!discardable(&[0x07, 0x42]) && !discardable(&[0x08, 0xce]), "parameter sets");
    }

    #[test]
    fn fragments_of_a_slice_are_discardable_as_it_is() {
        for fu in [0x81, 0x01, 0x41] {
            assert!(discardable(&[0x1c, fu, 0x9a]), "{fu:#x}");
            assert!(!discardable(&[0x5c, fu, 0x9a]), "{fu:#x}");
        }
    }

    /// The units count, not only what the header of the aggregate says of them.
    #[test]
    fn an_aggregate_is_discardable_as_all_of_its_slices_are() {
        assert!(discardable(&[0x18, 0, 2, 0x01, 0x9a]));
        assert!(discardable(&[0x18, 0, 2, 0x09, 0x10, 0, 2, 0x01, 0x9a]), "with its delimiter");
        assert!(!discardable(&[0x18, 0, 2, 0x01, 0x9a, 0, 2, 0x41, 0x9a]));
        assert!(!discardable(&[0x18, 0, 2, 0x07, 0x42, 0, 2, 0x01, 0x9a]), "with parameter sets");
        assert!(!discardable(STAP_A));
    }

    /// STAP-A of SPS, PPS and IDR, as Chromium begins a keyframe.
    pub(in crate::codec) const STAP_A: &[u8] =
        &[0x78, 0, 2, 0x67, 0x42, 0, 2, 0x68, 0xce, 0, 2, 0x65, 0x88];

    #[test]
    fn aggregates() {
        assert_eq!(info(STAP_A), (true, true));
        assert_eq!(info(&[0x78, 0, 2, 0x41, 0x9a]), (false, true));
        for len in (1..STAP_A.len()).filter(|len| ![5, 9].contains(len)) {
            assert_eq!(inspect(&STAP_A[..len], true), None, "{len}");
        }
        assert_eq!(inspect(&[0x78, 0, 0], true), None, "an empty unit");
        assert_eq!(inspect(&[0x78, 0xff, 0xff, 0x67], true), None, "a unit that is not there");
    }

    #[test]
    fn fragments() {
        assert_eq!(info(&[0x7c, 0x85, 0x88]), (true, true), "first fragment of IDR");
        assert_eq!(info(&[0x7c, 0x05, 0x88]), (false, false), "middle");
        assert_eq!(info(&[0x7c, 0x45, 0x88]), (false, false), "last");
        assert_eq!(info(&[0x5c, 0x81, 0x9a]), (false, true), "first fragment of a slice");
        assert_eq!(inspect(&[0x7c], true), None);
    }

    #[test]
    fn other_packets_say_nothing() {
        for kind in [0, 25, 26, 27, 29, 30, 31] {
            assert_eq!(inspect(&[0x60 | kind, 0xff, 0xff, 0xff], true), None, "{kind}");
        }
    }
}
