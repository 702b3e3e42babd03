//! Writing an offer.

use tsubame_dtls::Fingerprint;
use tsubame_rtp::MediaKind;
use tsubame_sdp::{
    Direction, ExtMap, FingerprintLine, Group, Media, Msid, MsidSemantic, Origin,
    SessionDescription, Setup, Ssrc, SsrcGroup,
};
use tsubame_stun::ice::Credentials;

use super::lines::{Line, RemoteTrack, Usage};
use super::table;

/// What is the same in every section.
pub(super) struct Transport {
    pub(super) credentials: Credentials,
    pub(super) fingerprint: Fingerprint,
    /// The text after `a=`.
    pub(super) candidates: Vec<String>,
}

pub(super) fn write(id: u64, version: u64, transport: &Transport, lines: &[Line]) -> String {
    let mut offer = SessionDescription::new(Origin::new(id, version));
    offer.ice_lite = true;
    offer.extmap_allow_mixed = true;
    offer.groups.push(Group {
        semantics: "BUNDLE".to_owned(),
        mids: lines.iter().filter(|line| !line.refused).map(|line| line.mid.clone()).collect(),
    });
    offer.msid_semantic =
        Some(MsidSemantic { semantic: "WMS".to_owned(), streams: vec!["*".to_owned()] });
    offer.media = lines.iter().map(|line| media(line, transport)).collect();
    if let Some(tagged) = offer.media.first_mut() {
        tagged.candidates.clone_from(&transport.candidates);
        tagged.end_of_candidates = true;
    }
    offer.to_string()
}

fn media(line: &Line, transport: &Transport) -> Media {
    let mut media = Media::new(match line.kind() {
        MediaKind::Audio => tsubame_sdp::MediaKind::Audio,
        MediaKind::Video => tsubame_sdp::MediaKind::Video,
    });
    media.mid = Some(line.mid.clone());
    for codec in table::codecs(line.codec, &line.parameters) {
        media.push_codec(codec);
    }
    media.direction = Direction::Inactive;
    media.ice_ufrag = Some(transport.credentials.ufrag.clone());
    media.ice_pwd = Some(transport.credentials.pwd.clone());
    media.fingerprints.push(fingerprint_line(&transport.fingerprint));
    media.setup = Some(Setup::ActPass);
    media.rtcp_mux = true;
    media.rtcp_rsize = true;
    media.extensions = table::extensions(line.kind())
        .iter()
        .map(|(id, uri)| ExtMap {
            id: *id,
            direction: None,
            uri: (*uri).to_owned(),
            attributes: None,
        })
        .collect();
    if line.refused {
        // Inactive and with its transport all the same: the Sora JavaScript SDK writes 9 for 0 before Firefox sees the offer, and
        // to Firefox other or missing credentials in one section are a partial ICE restart, which it refuses.
        media.port = 0;
        return media;
    }
    match &line.usage {
        Usage::Own => {
            media.direction = Direction::RecvOnly;
            media.bandwidth.clone_from(&line.bandwidth);
        }
        Usage::Track { track, .. } => {
            media.direction = Direction::SendOnly;
            describe_track(&mut media, track);
        }
        Usage::Leaving | Usage::Free | Usage::Reserved => {}
    }
    media
}

/// `msid` names the publisher, and the CNAME is the publisher's too: its audio and video are played in time with each other.
fn describe_track(media: &mut Media, track: &RemoteTrack) {
    let publisher = track.publisher.as_str();
    let id = format!("{publisher}-{}", media.kind.as_str());
    media.msids.push(Msid { stream: publisher.to_owned(), track: Some(id) });
    let ssrcs: Vec<u32> = std::iter::once(track.ssrc).chain(track.rtx_ssrc).collect();
    let cname = ("cname".to_owned(), Some(publisher.to_owned()));
    media.ssrcs =
        ssrcs.iter().map(|id| Ssrc { id: *id, attributes: vec![cname.clone()] }).collect();
    if ssrcs.len() > 1 {
        media.ssrc_groups.push(SsrcGroup { semantics: "FID".to_owned(), ssrcs });
    }
}

fn fingerprint_line(fingerprint: &Fingerprint) -> FingerprintLine {
    let text = fingerprint.to_string();
    let (algorithm, value) = text.split_once(' ').unwrap_or_default();
    FingerprintLine { algorithm: algorithm.to_owned(), value: value.to_owned() }
}
