//! From an offer to an answer (RFC 8829 §5.3), and to what was agreed on.

use std::fmt;

use tsubame_dtls::{Fingerprint, Role};
use tsubame_rtp::{Codec, MediaKind};
use tsubame_sdp::{
    Codec as SdpCodec, Direction, FingerprintLine, Group, Media, MediaKind as SdpKind, Msid,
    Origin, SessionDescription, Setup as SdpSetup, Ssrc, SsrcGroup,
};
use tsubame_stun::ice::{Candidate, Credentials};

use super::Setup;
use super::extensions::{ExtensionIds, is_known};
use crate::receive::{ReceiveParameters, ReceivePayload};
use crate::send::SendParameters;

/// Why an offer cannot be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NegotiationError {
    /// No section is usable.
    NoSection,
    /// No ICE ufrag and password.
    NoCredentials,
    /// No certificate fingerprint that is understood: nobody could be trusted.
    NoFingerprint,
    /// The offer carries SDES keys (RFC 4568), which would bypass DTLS.
    Crypto,
    /// `a=setup:holdconn`.
    HoldConn,
}

impl fmt::Display for NegotiationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSection => "no usable media section",
            Self::NoCredentials => "no ICE credentials",
            Self::NoFingerprint => "no fingerprint",
            Self::Crypto => "a=crypto",
            Self::HoldConn => "a=setup:holdconn",
        })
    }
}

impl std::error::Error for NegotiationError {}

/// What this side brings to the answer.
#[derive(Debug)]
pub(super) struct Local<'l> {
    pub(super) session_id: u64,
    pub(super) session_version: u64,
    pub(super) credentials: &'l Credentials,
    pub(super) fingerprint: Fingerprint,
    pub(super) setup: Setup,
    pub(super) cname: &'l str,
    /// What can be published: at most one of a kind.
    pub(super) outgoing: Vec<Outgoing>,
    pub(super) receive: bool,
    pub(super) codecs: &'l [Codec],
}

/// A stream that could be published.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outgoing {
    pub(super) codec: Codec,
    pub(super) ssrc: u32,
    pub(super) rtx_ssrc: u32,
}

/// What offer and answer agree on.
#[derive(Debug)]
pub(super) struct Agreement {
    pub(super) remote: Remote,
    pub(super) sends: Vec<(MediaKind, SendParameters)>,
    pub(super) receives: Vec<ReceiveParameters>,
    /// RTCP may go out without a report in front (RFC 5506).
    pub(super) reduced_size_rtcp: bool,
}

/// The server's end of the transport.
#[derive(Debug)]
pub(super) struct Remote {
    pub(super) credentials: Credentials,
    pub(super) lite: bool,
    pub(super) fingerprints: Vec<Fingerprint>,
    pub(super) candidates: Vec<Candidate>,
    /// This side's role.
    pub(super) role: Role,
}

/// Answers an offer.
pub(super) fn answer(
    offer: &SessionDescription,
    local: Local<'_>,
) -> Result<(SessionDescription, Agreement), NegotiationError> {
    if offer.has_crypto() {
        return Err(NegotiationError::Crypto);
    }
    let remote = remote(offer, local.setup)?;
    let origin = Origin::new(local.session_id, local.session_version);
    let mut answer = SessionDescription::new(origin);
    answer.extmap_allow_mixed = offer.extmap_allow_mixed;
    answer.msid_semantic = offer.msid_semantic.clone();
    let mut sections = Sections {
        local,
        role: remote.role,
        sends: Vec::new(),
        receives: Vec::new(),
        bundled: Vec::new(),
        reduced_size: true,
    };
    answer.media = offer.media.iter().map(|media| sections.answer(media)).collect();
    if sections.bundled.is_empty() {
        return Err(NegotiationError::NoSection);
    }
    answer.groups = vec![Group { semantics: String::from("BUNDLE"), mids: sections.bundled }];
    let agreement = Agreement {
        remote,
        sends: sections.sends,
        receives: sections.receives,
        reduced_size_rtcp: sections.reduced_size,
    };
    Ok((answer, agreement))
}

/// The transport, from the first section that has one: the others are bundled with it.
fn remote(offer: &SessionDescription, setup: Setup) -> Result<Remote, NegotiationError> {
    let sections = || offer.media.iter().filter(|media| is_usable(media));
    let text = |of: fn(&Media) -> &Option<String>, session: &Option<String>| {
        sections().find_map(|media| of(media).clone()).or_else(|| session.clone())
    };
    let ufrag = text(|media| &media.ice_ufrag, &offer.ice_ufrag);
    let pwd = text(|media| &media.ice_pwd, &offer.ice_pwd);
    let (Some(ufrag), Some(pwd)) = (ufrag, pwd) else {
        return Err(NegotiationError::NoCredentials);
    };
    let lines = sections().find(|media| !media.fingerprints.is_empty());
    let lines = lines.map_or(&offer.fingerprints, |media| &media.fingerprints);
    let parse = |line: &FingerprintLine| format!("{} {}", line.algorithm, line.value).parse().ok();
    let fingerprints: Vec<Fingerprint> = lines.iter().filter_map(parse).collect();
    if fingerprints.is_empty() {
        return Err(NegotiationError::NoFingerprint);
    }
    let theirs = sections().find_map(|media| media.setup).or(offer.setup);
    let role = match (theirs, setup) {
        (Some(SdpSetup::HoldConn), _) => return Err(NegotiationError::HoldConn),
        (Some(SdpSetup::Active), _) | (None | Some(SdpSetup::ActPass), Setup::Passive) => {
            Role::Server
        }
        (Some(SdpSetup::Passive), _) | (None | Some(SdpSetup::ActPass), Setup::Active) => {
            Role::Client
        }
    };
    let mut candidates: Vec<Candidate> = Vec::new();
    for line in sections().flat_map(|media| &media.candidates) {
        let Ok(candidate) = line.parse() else { continue };
        if !candidates.contains(&candidate) {
            candidates.push(candidate);
        }
    }
    let credentials = Credentials { ufrag, pwd };
    Ok(Remote { credentials, lite: offer.ice_lite, fingerprints, candidates, role })
}

fn is_usable(media: &Media) -> bool {
    media.port != 0 || media.bundle_only
}

/// Answers sections one by one.
struct Sections<'s> {
    local: Local<'s>,
    role: Role,
    sends: Vec<(MediaKind, SendParameters)>,
    receives: Vec<ReceiveParameters>,
    bundled: Vec<String>,
    reduced_size: bool,
}

impl Sections<'_> {
    fn answer(&mut self, offered: &Media) -> Media {
        let mut media = Media::new(offered.kind.clone());
        media.mid.clone_from(&offered.mid);
        media.protocol.clone_from(&offered.protocol);
        media.direction = Direction::Inactive;
        let kind = match offered.kind {
            SdpKind::Audio => Some(MediaKind::Audio),
            SdpKind::Video => Some(MediaKind::Video),
            SdpKind::Application => None,
            SdpKind::Other(_) => return rejected(media, offered),
        };
        let Some(mid) = offered.mid.clone().filter(|_| is_usable(offered)) else {
            return rejected(media, offered);
        };
        match kind {
            Some(kind) => self.negotiate(kind, &mid, offered, &mut media),
            None => accept_application(offered, &mut media),
        }
        if media.formats.is_empty() {
            return rejected(media, offered);
        }
        self.bundled.push(mid);
        let setup = match self.role {
            Role::Client => SdpSetup::Active,
            Role::Server => SdpSetup::Passive,
        };
        write_transport(&self.local, setup, &mut media);
        media
    }

    /// Codecs, extensions and directions of an audio or video section.
    fn negotiate(&mut self, kind: MediaKind, mid: &str, offered: &Media, media: &mut Media) {
        media.rtcp_mux = true;
        media.rtcp_rsize = offered.rtcp_rsize;
        self.reduced_size &= offered.rtcp_rsize;
        media.extmap_allow_mixed = offered.extmap_allow_mixed;
        media.extensions = offered.extensions.iter().filter(|e| is_known(e)).cloned().collect();
        let extensions = ExtensionIds::of(&media.extensions);
        let outgoing = self.outgoing(kind, offered);
        let receives = self.local.receive && offered.direction.sends();
        let codecs = self.codecs(kind, offered, outgoing.map(|(outgoing, _)| outgoing.codec));
        if let Some((outgoing, payload_type)) = outgoing {
            let rtx = rtx_of(offered, payload_type);
            let parameters = SendParameters { mid: mid.to_owned(), payload_type, rtx, extensions };
            self.sends.push((kind, parameters));
            describe_stream(&self.local, kind, &outgoing, rtx.is_some(), media);
        }
        if receives {
            self.receives.push(receive_parameters(kind, mid, offered, &codecs, extensions));
        }
        media.direction = match (outgoing.is_some(), receives) {
            (true, true) => Direction::SendRecv,
            (true, false) => Direction::SendOnly,
            (false, true) => Direction::RecvOnly,
            (false, false) => Direction::Inactive,
        };
        for codec in codecs {
            media.push_codec(codec);
        }
    }

    /// The first section of its kind that wants media gets it.
    fn outgoing(&self, kind: MediaKind, offered: &Media) -> Option<(Outgoing, u8)> {
        let taken = self.sends.iter().any(|(taken, _)| *taken == kind);
        if taken || !offered.direction.receives() {
            return None;
        }
        let of_kind = |outgoing: &&Outgoing| outgoing.codec.kind() == kind;
        let outgoing = *self.local.outgoing.iter().find(of_kind)?;
        let codec = offered.codecs.iter().find(|codec| codec.is(outgoing.codec.name()))?;
        Some((outgoing, codec.payload_type))
    }

    /// The offered codecs that are known, and their retransmissions; what is published comes first.
    fn codecs(&self, kind: MediaKind, offered: &Media, published: Option<Codec>) -> Vec<SdpCodec> {
        let known = |codec: &&SdpCodec| {
            Codec::from_name(&codec.name)
                .is_some_and(|c| c.kind() == kind && self.local.codecs.contains(&c))
                || published.is_some_and(|published| codec.is(published.name()))
        };
        let mut media: Vec<&SdpCodec> = offered.codecs.iter().filter(known).collect();
        media.sort_by_key(|codec| !published.is_some_and(|p| codec.is(p.name())));
        let mut all = Vec::new();
        for codec in media {
            all.push(codec.clone());
            let repairs =
                |rtx: &&SdpCodec| rtx.associated_payload_type() == Some(codec.payload_type);
            all.extend(offered.codecs.iter().find(repairs).cloned());
        }
        all
    }
}

/// Says of a section what will be published in it.
pub(super) fn describe_stream(
    local: &Local<'_>,
    kind: MediaKind,
    outgoing: &Outgoing,
    rtx: bool,
    media: &mut Media,
) {
    let track = match kind {
        MediaKind::Audio => "audio",
        MediaKind::Video => "video",
    };
    let stream = local.cname.to_owned();
    media.msids = vec![Msid { stream, track: Some(track.to_owned()) }];
    let mut ssrcs = vec![outgoing.ssrc];
    if rtx {
        ssrcs.push(outgoing.rtx_ssrc);
        media.ssrc_groups =
            vec![SsrcGroup { semantics: String::from("FID"), ssrcs: ssrcs.clone() }];
    }
    let cname = (String::from("cname"), Some(local.cname.to_owned()));
    let describe = |id| Ssrc { id, attributes: vec![cname.clone()] };
    media.ssrcs = ssrcs.into_iter().map(describe).collect();
}

/// Says of a section who this side is.
pub(super) fn write_transport(local: &Local<'_>, setup: SdpSetup, media: &mut Media) {
    let Local { credentials, fingerprint, .. } = local;
    media.ice_ufrag = Some(credentials.ufrag.clone());
    media.ice_pwd = Some(credentials.pwd.clone());
    media.ice_options = vec![String::from("trickle")];
    let text = fingerprint.to_string();
    if let Some((algorithm, value)) = text.split_once(' ') {
        let (algorithm, value) = (algorithm.to_owned(), value.to_owned());
        media.fingerprints = vec![FingerprintLine { algorithm, value }];
    }
    media.setup = Some(setup);
}

/// RFC 8829 §5.3.1: port 0, but with the formats of the offer.
fn rejected(mut media: Media, offered: &Media) -> Media {
    media.port = 0;
    media.direction = Direction::Inactive;
    media.formats.clone_from(&offered.formats);
    media.codecs.clone_from(&offered.codecs);
    media
}

/// Data channels are accepted, so that the transport is set up, but none is ever opened.
fn accept_application(offered: &Media, media: &mut Media) {
    media.formats.clone_from(&offered.formats);
    media.direction = Direction::SendRecv;
    media.sctp_port = offered.sctp_port;
    media.max_message_size = offered.max_message_size;
}

fn rtx_of(offered: &Media, payload_type: u8) -> Option<u8> {
    let repairs = |codec: &&SdpCodec| codec.associated_payload_type() == Some(payload_type);
    offered.codecs.iter().find(repairs).map(|codec| codec.payload_type)
}

fn receive_parameters(
    kind: MediaKind,
    mid: &str,
    offered: &Media,
    codecs: &[SdpCodec],
    extensions: ExtensionIds,
) -> ReceiveParameters {
    let payload = |codec: &SdpCodec| {
        Some(ReceivePayload {
            payload_type: codec.payload_type,
            codec: Codec::from_name(&codec.name)?,
            rtx: rtx_of(offered, codec.payload_type),
            nack: codec.has_feedback("nack"),
            pli: codec.has_feedback("nack pli"),
        })
    };
    let repairs = |media: u32| {
        let fid = offered.ssrc_groups.iter().filter(|group| group.semantics == "FID");
        fid.map(|group| group.ssrcs.as_slice())
            .find_map(|ssrcs| (ssrcs.first() == Some(&media)).then(|| ssrcs.get(1).copied())?)
    };
    let all: Vec<(u32, Option<u32>)> =
        offered.ssrcs.iter().map(|ssrc| (ssrc.id, repairs(ssrc.id))).collect();
    let is_repair = |id: u32| all.iter().any(|(_, repair)| *repair == Some(id));
    let streams = all.iter().copied().filter(|(id, _)| !is_repair(*id)).collect();
    let msid = offered.msids.first();
    ReceiveParameters {
        mid: mid.to_owned(),
        kind,
        connection_id: msid.map(|msid| msid.stream.clone()).unwrap_or_default(),
        track_id: msid.and_then(|msid| msid.track.clone()),
        payloads: codecs.iter().filter_map(payload).collect(),
        streams,
        extensions,
    }
}
