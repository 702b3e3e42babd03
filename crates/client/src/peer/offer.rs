//! Offers of this side's making, for servers that answer (WHIP, RFC 9725; WHEP).

use tsubame_rtp::{Codec, MediaKind, extension};
use tsubame_sdp::{
    Codec as SdpCodec, Direction, ExtMap, Group, Media, MediaKind as SdpKind, Origin,
    SessionDescription, Setup,
};

use super::answer::{Local, Outgoing, describe_stream, write_transport};

/// What is asked of a server: header extensions in the order of their ids, from 1.
const EXTENSIONS: [&str; 3] =
    [extension::mid::URI, extension::abs_send_time::URI, extension::transport_cc::URI];

/// A section for each stream that could be published; or, of a peer that only watches, one for audio and one for video. `candidates` are all
/// there will be.
pub(super) fn offer(local: &Local<'_>, candidates: &[String]) -> SessionDescription {
    let mut offer = SessionDescription::new(Origin::new(local.session_id, local.session_version));
    offer.extmap_allow_mixed = true;
    offer.media = local.outgoing.iter().map(|outgoing| publish(local, outgoing)).collect();
    if offer.media.is_empty() && local.receive {
        offer.media = [MediaKind::Audio, MediaKind::Video].map(|kind| watch(local, kind)).into();
    }
    let mut mids = Vec::new();
    for (number, media) in offer.media.iter_mut().enumerate() {
        let mid = number.to_string();
        media.mid = Some(mid.clone());
        mids.push(mid);
        write_transport(local, Setup::ActPass, media);
        media.candidates = candidates.to_vec();
        media.end_of_candidates = true;
    }
    offer.groups = vec![Group { semantics: String::from("BUNDLE"), mids }];
    offer
}

fn publish(local: &Local<'_>, outgoing: &Outgoing) -> Media {
    let kind = outgoing.codec.kind();
    let mut media = section(kind, &[outgoing.codec]);
    media.direction = Direction::SendOnly;
    describe_stream(local, kind, outgoing, kind == MediaKind::Video, &mut media);
    media
}

fn watch(local: &Local<'_>, kind: MediaKind) -> Media {
    let codecs: Vec<Codec> =
        local.codecs.iter().copied().filter(|codec| codec.kind() == kind).collect();
    let mut media = section(kind, &codecs);
    media.direction = Direction::RecvOnly;
    media
}

fn section(kind: MediaKind, codecs: &[Codec]) -> Media {
    let mut media = Media::new(match kind {
        MediaKind::Audio => SdpKind::Audio,
        MediaKind::Video => SdpKind::Video,
    });
    media.rtcp_mux = true;
    media.rtcp_rsize = true;
    let extension = |(id, uri): (u8, &str)| ExtMap {
        id,
        direction: None,
        uri: uri.to_owned(),
        attributes: None,
    };
    media.extensions = (1..).zip(EXTENSIONS).map(extension).collect();
    for codec in codecs {
        for codec in formats(*codec) {
            media.push_codec(codec);
        }
    }
    media
}

/// A codec and its retransmissions, under the payload types that Chromium uses.
fn formats(codec: Codec) -> Vec<SdpCodec> {
    let (payload_type, parameters): (u8, &[(&str, &str)]) = match codec {
        Codec::Opus => (111, &[("minptime", "10"), ("useinbandfec", "1")]),
        Codec::Vp8 => (96, &[]),
        Codec::Vp9 => (98, &[("profile-id", "0")]),
        Codec::H264 => (
            102,
            &[
                ("level-asymmetry-allowed", "1"),
                ("packetization-mode", "1"),
                ("profile-level-id", "42e01f"),
            ],
        ),
        Codec::H265 => (49, &[]),
        Codec::Av1 => (45, &[]),
    };
    let channels = (codec == Codec::Opus).then_some(2);
    let mut format = SdpCodec::new(payload_type, codec.name(), codec.clock_rate(), channels);
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), Some((*value).to_owned()));
    format.parameters = parameters.iter().map(owned).collect();
    let feedback: &[&str] = match codec.kind() {
        MediaKind::Audio => &["transport-cc"],
        MediaKind::Video => &["transport-cc", "ccm fir", "nack", "nack pli"],
    };
    format.feedback = feedback.iter().map(|value| (*value).to_owned()).collect();
    if codec.kind() == MediaKind::Audio {
        return vec![format];
    }
    let mut rtx = SdpCodec::new(payload_type + 1, "rtx", codec.clock_rate(), None);
    rtx.parameters = vec![(String::from("apt"), Some(payload_type.to_string()))];
    vec![format, rtx]
}
