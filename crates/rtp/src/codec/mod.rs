//! What a forwarder reads in a payload: where frames begin and end, whether one is a keyframe, its layers and its
//! number; and the few fields that it rewrites in place. One module per codec, and none of them looks further than that.

pub mod av1;
pub mod h264;
pub mod h265;
pub mod opus;
pub mod red;
pub mod vp8;
pub mod vp9;

use crate::Packet;
use crate::extension::dependency_descriptor::{
    self, DecodeTargetIndication, DependencyDescriptor, TemplateStructure,
};

/// The codecs that can be looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Codec {
    /// RFC 7587.
    Opus,
    /// RFC 7741.
    Vp8,
    /// RFC 9628.
    Vp9,
    /// RFC 6184.
    H264,
    /// RFC 7798.
    H265,
    /// RTP Payload Format For AV1.
    Av1,
}

/// Audio or video.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MediaKind {
    /// Audio.
    Audio,
    /// Video.
    Video,
}

impl Codec {
    /// Every codec.
    pub const ALL: [Self; 6] =
        [Self::Opus, Self::Vp8, Self::Vp9, Self::H264, Self::H265, Self::Av1];

    /// The encoding name as `a=rtpmap` spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opus => "opus",
            Self::Vp8 => "VP8",
            Self::Vp9 => "VP9",
            Self::H264 => "H264",
            Self::H265 => "H265",
            Self::Av1 => "AV1",
        }
    }

    /// The codec of an encoding name, in any case (RFC 4855 §3).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| codec.name().eq_ignore_ascii_case(name))
    }

    /// RTP timestamp units in a second.
    #[must_use]
    pub const fn clock_rate(self) -> u32 {
        match self.kind() {
            MediaKind::Audio => 48_000,
            MediaKind::Video => 90_000,
        }
    }

    /// Audio or video.
    #[must_use]
    pub const fn kind(self) -> MediaKind {
        match self {
            Self::Opus => MediaKind::Audio,
            Self::Vp8 | Self::Vp9 | Self::H264 | Self::H265 | Self::Av1 => MediaKind::Video,
        }
    }
}

/// What one packet says about its frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameInfo {
    /// A keyframe begins in this packet: a decoder can start here. For H.264 and H.265 that is a packet with
    /// a sequence (or video) parameter set or with the beginning of an intra picture, so that parameter sets sent
    /// ahead of their picture count too. Always true for Opus.
    pub keyframe: bool,
    /// First packet of a frame. For H.264 and H.265 also each packet of parameter sets before it: the
    /// timestamp tells which belong together.
    pub frame_start: bool,
    /// Last packet of a frame.
    pub frame_end: bool,
    /// Temporal layer, when the codec or the descriptor says it.
    pub temporal_id: Option<u8>,
    /// Spatial layer, when the codec or the descriptor says it.
    pub spatial_id: Option<u8>,
    /// Who gets the layers below this frame's can go on with this frame's temporal layer from here: a keyframe, VP8's Y bit, VP9's U
    /// bit, H.265's temporal sub-layer access pictures, or a frame at which one can switch to a decode target (to which,
    /// [`FrameDependencies::indication`](dependency_descriptor::FrameDependencies::indication) says).
    pub switching_point: bool,
    /// No other frame refers to this one: VP8's N bit, H.264's `nal_ref_idc` of zero, or a descriptor by which it is
    /// discardable for each decode target it is in. False where it is not known.
    pub discardable: bool,
    /// The picture identifier of VP8 and VP9 (7 or 15 bits), or the descriptor's frame number (16 bits).
    pub picture_id: Option<u16>,
}

/// Looks into a packet: into the dependency descriptor first, which survives end-to-end encryption, and into the
/// payload when there is none or it is malformed. `None` when the payload is empty or not of this codec's form.
///
/// Of a descriptor without an attached structure this gives no layers: a caller who keeps the last structure uses
/// [`from_descriptor`].
#[must_use]
pub fn inspect(
    codec: Codec,
    packet: &Packet<'_>,
    dependency_descriptor: Option<&[u8]>,
) -> Option<FrameInfo> {
    if packet.payload().is_empty() {
        return None;
    }
    let descriptor = dependency_descriptor.and_then(dependency_descriptor::read);
    if let Some(info) = descriptor.and_then(|descriptor| from_descriptor(&descriptor, None)) {
        return Some(info);
    }
    let (payload, marker) = (packet.payload(), packet.marker());
    match codec {
        Codec::Opus => opus::inspect(payload),
        Codec::Vp8 => vp8::inspect(payload, marker),
        Codec::Vp9 => vp9::inspect(payload),
        Codec::H264 => h264::inspect(payload, marker),
        Codec::H265 => h265::inspect(payload, marker),
        Codec::Av1 => av1::inspect(payload, marker),
    }
}

/// What a descriptor says about its frame, by the structure attached to it or by `latest`, the last one that was attached.
/// `None` when the attached structure is malformed; without any structure, or when the template is not in it, the layers stay
/// unknown.
#[must_use]
pub fn from_descriptor(
    descriptor: &DependencyDescriptor<'_>,
    latest: Option<&TemplateStructure>,
) -> Option<FrameInfo> {
    let frame = match latest {
        None if !descriptor.has_structure() => None,
        _ => descriptor.frame(latest),
    };
    if frame.is_none() && descriptor.has_structure() {
        return None;
    }
    let has = |expected: &[DecodeTargetIndication]| {
        frame.as_ref().is_some_and(|frame| frame.indications().any(|one| expected.contains(&one)))
    };
    use DecodeTargetIndication::{Discardable, Required, Switch};
    Some(FrameInfo {
        keyframe: descriptor.begins_keyframe(),
        frame_start: descriptor.start_of_frame,
        frame_end: descriptor.end_of_frame,
        temporal_id: frame.as_ref().map(|frame| frame.layer.temporal_id),
        spatial_id: frame.as_ref().map(|frame| frame.layer.spatial_id),
        switching_point: descriptor.begins_keyframe() || has(&[Switch]),
        discardable: has(&[Discardable]) && !has(&[Switch, Required]),
        picture_id: Some(descriptor.frame_number),
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Payloads that begin a keyframe, one of the longest form each.
    pub(crate) const GOLDEN: [(Codec, &[u8]); 6] = [
        (Codec::Opus, &[0xfc, 1]),
        (Codec::Vp8, &[0x90, 0xf0, 0x92, 0x34, 9, 0b1010_0011, 0x00]),
        (Codec::Vp9, vp9::tests::KEYFRAME),
        (Codec::H264, h264::tests::STAP_A),
        (Codec::H265, h265::tests::AGGREGATE),
        (Codec::Av1, &[0b0010_1000, 2, 0x0c, 0, 0x30, 0]),
    ];

    #[test]
    fn the_golden_payloads_begin_keyframes() {
        for (codec, payload) in GOLDEN {
            let bytes = packet(true, payload);
            let info = inspect(codec, &Packet::parse(&bytes).unwrap(), None).unwrap();
            assert!(info.keyframe && info.frame_start, "{codec:?} {info:?}");
        }
    }

    #[test]
    fn names_are_found_in_any_case() {
        for codec in Codec::ALL {
            assert_eq!(Codec::from_name(&codec.name().to_lowercase()), Some(codec));
            assert_eq!(Codec::from_name(&codec.name().to_uppercase()), Some(codec));
        }
        assert_eq!(Codec::from_name("rtx"), None);
    }

    #[test]
    fn the_clocks() {
        assert_eq!((Codec::Opus.clock_rate(), Codec::Opus.kind()), (48_000, MediaKind::Audio));
        assert_eq!((Codec::Av1.clock_rate(), Codec::Av1.kind()), (90_000, MediaKind::Video));
    }

    fn packet(marker: bool, payload: &[u8]) -> Vec<u8> {
        let second = if marker { 0xe0 } else { 0x60 };
        [&[0x80, second, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3][..], payload].concat()
    }

    #[test]
    fn the_descriptor_goes_before_the_payload() {
        // The VP8 payload is a keyframe; the descriptor says the end of another frame.
        let bytes = packet(false, &[0x10, 0x00, 0, 0]);
        let packet = Packet::parse(&bytes).unwrap();
        assert!(inspect(Codec::Vp8, &packet, None).unwrap().keyframe);
        let info = inspect(Codec::Vp8, &packet, Some(&[0x40, 0, 1])).unwrap();
        let expected = FrameInfo { frame_end: true, picture_id: Some(1), ..FrameInfo::default() };
        assert_eq!(info, expected);
        for malformed in [&[0x40][..], &[0x40, 0, 1, 0x80]] {
            let info = inspect(Codec::Vp8, &packet, Some(malformed)).unwrap();
            assert!(info.keyframe, "the payload is asked instead");
        }
    }

    #[test]
    fn the_descriptor_gives_layers_where_it_has_the_structure() {
        let bytes = packet(false, &[0]);
        let packet = Packet::parse(&bytes).unwrap();
        // Two temporal layers and targets: see the descriptor's own tests.
        let descriptor = [0x82, 0, 1, 0x80, 0x01, 0x1e, 0xa8, 0x91, 0x41, 0xa0, 0x04, 0x22, 0x20];
        let info = inspect(Codec::Av1, &packet, Some(&descriptor)).unwrap();
        assert!(info.keyframe && info.frame_start && !info.frame_end);
        assert_eq!((info.temporal_id, info.spatial_id), (Some(1), Some(0)));
        let structure = dependency_descriptor::read(&descriptor).unwrap().structure().unwrap();
        // Of a later frame the layers are known by whoever kept the structure.
        let later = dependency_descriptor::read(&[0xc2, 0, 9]).unwrap();
        assert_eq!(from_descriptor(&later, None).unwrap().temporal_id, None);
        let info = from_descriptor(&later, Some(&structure)).unwrap();
        assert_eq!((info.temporal_id, info.spatial_id), (Some(1), Some(0)));
        assert!(info.switching_point && !info.keyframe && !info.discardable);
        assert_eq!(info.picture_id, Some(9));
        // Custom indications: not present, discardable.
        let discardable = dependency_descriptor::read(&[0xc2, 0, 9, 0b0010_0000, 0b1000_0000]);
        let info = from_descriptor(&discardable.unwrap(), Some(&structure)).unwrap();
        assert!(info.discardable && !info.switching_point);
        let unknown = dependency_descriptor::read(&[0xc9, 0, 9]).unwrap();
        assert_eq!(from_descriptor(&unknown, Some(&structure)).unwrap().temporal_id, None);
    }

    #[test]
    fn an_empty_payload_says_nothing() {
        let bytes = packet(true, &[]);
        let packet = Packet::parse(&bytes).unwrap();
        for codec in Codec::ALL {
            assert_eq!(inspect(codec, &packet, Some(&[0xc0, 0, 1])), None);
            assert_eq!(inspect(codec, &packet, None), None);
        }
    }

    #[test]
    fn each_codec_is_asked() {
        let cases: [(Codec, &[u8]); 6] = [
            (Codec::Opus, &[0xfc, 1]),
            (Codec::Vp8, &[0x10, 0x00]),
            (Codec::Vp9, &[0x0c, 0]),
            (Codec::H264, &[0x67, 0]),
            (Codec::H265, &[0x42, 0x01, 0]),
            (Codec::Av1, &[0x18, 0x08]),
        ];
        for (codec, payload) in cases {
            let bytes = packet(true, payload);
            let info = inspect(codec, &Packet::parse(&bytes).unwrap(), None).unwrap();
            assert!(info.keyframe && info.frame_start && info.frame_end, "{codec:?} {info:?}");
        }
    }
}
