//! The payload types and header extensions of the whole server.

use tsubame_rtp::{Codec, MediaKind, extension};
use tsubame_sdp as sdp;

/// Local identifiers of header extensions (RFC 8285), the same in every session.
pub(crate) mod extension_id {
    /// `sdes:mid`
    pub(crate) const MID: u8 = 1;
    /// `abs-send-time`. Not offered: whoever has transport-wide sequence numbers does not need it.
    pub(crate) const ABS_SEND_TIME: u8 = 2;
    /// `transport-wide-cc`
    pub(crate) const TRANSPORT_CC: u8 = 3;
    /// `ssrc-audio-level`
    pub(crate) const AUDIO_LEVEL: u8 = 4;
    /// `3gpp:video-orientation`
    pub(crate) const VIDEO_ORIENTATION: u8 = 5;
    /// `playout-delay`
    pub(crate) const PLAYOUT_DELAY: u8 = 6;
    /// The AV1 dependency descriptor, which other codecs have too.
    pub(crate) const DEPENDENCY_DESCRIPTOR: u8 = 7;
    /// `abs-capture-time`
    pub(crate) const ABS_CAPTURE_TIME: u8 = 8;
    // 9 and 10 are kept free for rtp-stream-id and repaired-rtp-stream-id.

    /// Those that go from a publisher to its viewers as they came.
    pub(crate) const PASSED: [u8; 5] =
        [AUDIO_LEVEL, VIDEO_ORIENTATION, PLAYOUT_DELAY, DEPENDENCY_DESCRIPTOR, ABS_CAPTURE_TIME];
}

/// Constrained baseline, level 3.1: what every H.264 implementation has (RFC 7742 §6.2).
const H264_PROFILE_LEVEL_ID: &str = "42e01f";

/// The RTP payload type of a codec.
pub(crate) const fn payload_type(codec: Codec) -> u8 {
    match codec {
        Codec::Opus => 111,
        Codec::Vp8 => 96,
        Codec::Vp9 => 98,
        Codec::H264 => 102,
        Codec::Av1 => 104,
        Codec::H265 => 106,
    }
}

/// The payload type of a codec's retransmissions (RFC 4588), if it has them.
pub(crate) const fn rtx_payload_type(codec: Codec) -> Option<u8> {
    match codec.kind() {
        MediaKind::Audio => None,
        MediaKind::Video => Some(payload_type(codec) + 1),
    }
}

/// The extensions offered in sections of a kind: (id, URI).
pub(super) const fn extensions(kind: MediaKind) -> &'static [(u8, &'static str)] {
    use extension_id as id;
    match kind {
        MediaKind::Audio => &[
            (id::MID, extension::mid::URI),
            (id::TRANSPORT_CC, extension::transport_cc::URI),
            (id::AUDIO_LEVEL, extension::audio_level::URI),
            (id::ABS_CAPTURE_TIME, extension::abs_capture_time::URI),
        ],
        MediaKind::Video => &[
            (id::MID, extension::mid::URI),
            (id::TRANSPORT_CC, extension::transport_cc::URI),
            (id::VIDEO_ORIENTATION, extension::video_orientation::URI),
            (id::PLAYOUT_DELAY, extension::playout_delay::URI),
            (id::DEPENDENCY_DESCRIPTOR, extension::dependency_descriptor::URI),
            (id::ABS_CAPTURE_TIME, extension::abs_capture_time::URI),
        ],
    }
}

/// A set of local identifiers of header extensions, 1 to 31.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ExtensionSet(u32);

impl ExtensionSet {
    /// Whether the extension is in the set.
    pub(crate) const fn contains(self, id: u8) -> bool {
        id < 32 && self.0 & (1 << id) != 0
    }

    pub(super) fn insert(&mut self, id: u8) {
        self.0 |= 1u32.checked_shl(u32::from(id)).unwrap_or(0);
    }
}

/// What a section says about its codec beyond the table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct CodecParameters {
    /// Added to the codec's own, whose values they replace.
    pub(super) parameters: Vec<(String, String)>,
}

/// The codec's lines: itself, and its retransmissions.
pub(super) fn codecs(codec: Codec, extra: &CodecParameters) -> Vec<sdp::Codec> {
    let channels = (codec == Codec::Opus).then_some(2);
    let mut media =
        sdp::Codec::new(payload_type(codec), codec.name(), codec.clock_rate(), channels);
    media.feedback = feedback(codec.kind()).iter().map(|value| (*value).to_owned()).collect();
    for (name, value) in parameters(codec) {
        set_parameter(&mut media, name, value);
    }
    for (name, value) in &extra.parameters {
        if is_token(name) && is_token(value) {
            set_parameter(&mut media, name, value);
        }
    }
    let rtx = rtx_payload_type(codec).map(|payload_type| {
        let mut rtx = sdp::Codec::new(payload_type, "rtx", codec.clock_rate(), None);
        set_parameter(&mut rtx, "apt", &media.payload_type.to_string());
        rtx
    });
    std::iter::once(media).chain(rtx).collect()
}

const fn feedback(kind: MediaKind) -> &'static [&'static str] {
    match kind {
        MediaKind::Audio => &["transport-cc"],
        MediaKind::Video => &["nack", "nack pli", "ccm fir", "transport-cc"],
    }
}

const fn parameters(codec: Codec) -> &'static [(&'static str, &'static str)] {
    match codec {
        Codec::Opus => &[("minptime", "10"), ("useinbandfec", "1")],
        Codec::Vp9 => &[("profile-id", "0")],
        Codec::H264 => &[
            ("level-asymmetry-allowed", "1"),
            ("packetization-mode", "1"),
            ("profile-level-id", H264_PROFILE_LEVEL_ID),
        ],
        // Main profile; the level is the highest that implementations name, since it limits and does not promise.
        Codec::H265 => {
            &[("level-id", "180"), ("profile-id", "1"), ("tier-flag", "0"), ("tx-mode", "SRST")]
        }
        // AV1 without parameters is profile 0, level 2.0, main tier: what implementations offer.
        Codec::Vp8 | Codec::Av1 => &[],
    }
}

fn set_parameter(codec: &mut sdp::Codec, name: &str, value: &str) {
    let known = codec.parameters.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name));
    match known {
        Some((_, known)) => *known = Some(value.to_owned()),
        None => codec.parameters.push((name.to_owned(), Some(value.to_owned()))),
    }
}

/// Parameters may come from a client's `connect`: nothing in them may end the parameter or the line.
fn is_token(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.+/,".contains(&b))
}
