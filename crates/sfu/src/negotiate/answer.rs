//! Reading an answer against the offer it answers.

use tsubame_dtls::{Fingerprint, HashAlgorithm};
use tsubame_rtp::Codec;
use tsubame_sdp::{Direction, FingerprintLine, Media, MediaKind, SessionDescription, Setup};
use tsubame_stun::ice::Candidate;

use super::AnswerError;
use super::lines::{Line, Slot, Usage};
use super::table::{self, ExtensionSet};

/// What a client agreed to.
#[derive(Clone, Debug, PartialEq)]
#[allow(dead_code, reason = "the whole agreement; an ICE-lite server acts on less")]
pub(crate) struct Answer {
    /// The client's ICE user fragment.
    pub(crate) remote_ufrag: String,
    /// The client's ICE password.
    pub(crate) remote_pwd: String,
    /// Of its certificate; only hash functions that are trusted, at least one.
    pub(crate) fingerprints: Vec<Fingerprint>,
    /// `Active` (the client is the DTLS client) or `Passive`.
    pub(crate) setup: Setup,
    /// The candidates it knew already.
    pub(crate) candidates: Vec<Candidate>,
    /// The client's own sections, without those it refused.
    pub(crate) own: Vec<OwnSection>,
    /// What it said to each track it was offered.
    pub(crate) remote: Vec<(Slot, Verdict)>,
}

/// A section in which the client may send.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "the whole agreement; forwarding acts on less")]
pub(crate) struct OwnSection {
    /// Its mid.
    pub(crate) mid: String,
    /// What it sends, under the table's payload type.
    pub(crate) codec: Codec,
    /// Whether it sends: `false` while the section is paused.
    pub(crate) sending: bool,
    /// Retransmissions come as RTX.
    pub(crate) rtx: bool,
    /// The SSRC it announced.
    pub(crate) ssrc: Option<u32>,
    /// The SSRC it announced for retransmissions.
    pub(crate) rtx_ssrc: Option<u32>,
    /// Header extensions that it may use.
    pub(crate) extensions: ExtensionSet,
    /// It answers generic NACKs.
    pub(crate) nack: bool,
    /// It answers picture loss indications.
    pub(crate) pli: bool,
    /// It answers full intra requests.
    pub(crate) fir: bool,
    /// It wants transport-wide feedback.
    pub(crate) transport_cc: bool,
}

/// What the client said to a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It receives it.
    Accepted(Accepted),
    /// It does not, because it lacks the codec or does not want to.
    Refused,
}

/// How a client receives a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "the whole agreement; forwarding acts on less")]
pub(crate) struct Accepted {
    /// Retransmissions may go out as RTX.
    pub(crate) rtx: bool,
    /// Header extensions that it understands.
    pub(crate) extensions: ExtensionSet,
    /// It sends generic NACKs.
    pub(crate) nack: bool,
    /// It sends picture loss indications.
    pub(crate) pli: bool,
    /// It sends full intra requests.
    pub(crate) fir: bool,
    /// It sends transport-wide feedback.
    pub(crate) transport_cc: bool,
}

/// What later answers may not change: without a restart offered by us it is the same transport for the whole session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Established {
    ufrag: String,
    pwd: String,
    fingerprints: Vec<Fingerprint>,
    setup: Setup,
}

impl Established {
    pub(super) fn of(answer: &Answer) -> Self {
        Self {
            ufrag: answer.remote_ufrag.clone(),
            pwd: answer.remote_pwd.clone(),
            fingerprints: answer.fingerprints.clone(),
            setup: answer.setup,
        }
    }

    fn allows(&self, transport: &Self) -> Result<(), AnswerError> {
        if self.ufrag != transport.ufrag || self.pwd != transport.pwd {
            return Err(AnswerError::IceRestart);
        }
        if self != transport {
            return Err(AnswerError::DtlsChanged);
        }
        Ok(())
    }
}

/// The agreement, and for each section whether it was refused.
pub(super) fn check(
    text: &str,
    offered: &[Line],
    established: Option<&Established>,
) -> Result<(Answer, Vec<bool>), AnswerError> {
    let description: SessionDescription = text.parse().map_err(AnswerError::Malformed)?;
    check_sections(&description, offered)?;
    let transport = check_transport(&description, offered)?;
    if let Some(established) = established {
        established.allows(&transport)?;
    }
    let mut answer = Answer {
        remote_ufrag: transport.ufrag,
        remote_pwd: transport.pwd,
        fingerprints: transport.fingerprints,
        setup: transport.setup,
        candidates: Vec::new(),
        own: Vec::new(),
        remote: Vec::new(),
    };
    let mut refused = Vec::with_capacity(offered.len());
    for (index, (media, line)) in description.media.iter().zip(offered).enumerate() {
        answer.candidates.extend(media.candidates.iter().filter_map(|text| text.parse().ok()));
        read_section(&mut answer, index, media, line)?;
        refused.push(!is_live(media, line));
    }
    Ok((answer, refused))
}

/// Everything about sections but what they carry.
fn check_sections(description: &SessionDescription, offered: &[Line]) -> Result<(), AnswerError> {
    let (answered, offered_count) = (description.media.len(), offered.len());
    if answered != offered_count {
        return Err(AnswerError::SectionCount { offered: offered_count, answered });
    }
    if description.has_crypto() {
        return Err(AnswerError::Crypto);
    }
    let sections = || (1..).zip(description.media.iter().zip(offered));
    for (section, (media, line)) in sections() {
        let kind = match line.kind() {
            tsubame_rtp::MediaKind::Audio => MediaKind::Audio,
            tsubame_rtp::MediaKind::Video => MediaKind::Video,
        };
        if media.kind != kind {
            return Err(AnswerError::Kind { section });
        }
        // A section that is refused again no longer needs its mid (RFC 8829 §5.3.1).
        let needs_mid = is_live(media, line) || media.mid.is_some();
        if needs_mid && media.mid.as_ref() != Some(&line.mid) {
            return Err(AnswerError::Mid { section });
        }
        if !media.protocol.eq_ignore_ascii_case("UDP/TLS/RTP/SAVPF") {
            return Err(AnswerError::Protocol { section });
        }
    }
    if description.media.first().is_none_or(|tagged| tagged.port == 0) {
        return Err(AnswerError::TaggedRefused);
    }
    // RFC 9143 §7.3.1: the answerer keeps the offerer's choice of the tagged section.
    let bundle = description.bundle().unwrap_or_default();
    if bundle.first() != offered.first().map(|line| &line.mid) {
        return Err(AnswerError::Bundle);
    }
    for (section, (media, line)) in sections().filter(|(_, (media, line))| is_live(media, line)) {
        if !bundle.contains(&line.mid) {
            return Err(AnswerError::Unbundled { section });
        }
        if !media.rtcp_mux {
            return Err(AnswerError::NoRtcpMux { section });
        }
    }
    Ok(())
}

/// Whether a section is in use after this answer. What was offered at port 0 is not, even if the answer names a port: the Sora
/// JavaScript SDK writes 9 for 0 into offers before Firefox sees them.
fn is_live(media: &Media, line: &Line) -> bool {
    media.port != 0 && !line.refused
}

/// The transport is that of the first section; the others, all bundled, may repeat it.
fn check_transport(
    description: &SessionDescription,
    offered: &[Line],
) -> Result<Established, AnswerError> {
    let tagged = description.media.first().ok_or(AnswerError::TaggedRefused)?;
    let ufrag = tagged.ice_ufrag.as_ref().or(description.ice_ufrag.as_ref());
    let pwd = tagged.ice_pwd.as_ref().or(description.ice_pwd.as_ref());
    let (Some(ufrag), Some(pwd)) = (ufrag, pwd) else { return Err(AnswerError::IceCredentials) };
    if !is_ice_string(ufrag, 4) || !is_ice_string(pwd, 22) {
        return Err(AnswerError::IceCredentials);
    }
    let lines = match tagged.fingerprints.as_slice() {
        [] => &description.fingerprints,
        _ => &tagged.fingerprints,
    };
    let fingerprints = trusted_fingerprints(lines)?;
    let setup = match tagged.setup.or(description.setup) {
        Some(setup @ (Setup::Active | Setup::Passive)) => setup,
        _ => return Err(AnswerError::Setup),
    };
    for (section, (media, line)) in (1..).zip(description.media.iter().zip(offered)) {
        let agrees = !is_live(media, line)
            || (media.ice_ufrag.as_ref().is_none_or(|own| own == ufrag)
                && media.ice_pwd.as_ref().is_none_or(|own| own == pwd)
                && (media.fingerprints.is_empty() || &media.fingerprints == lines)
                && media.setup.is_none_or(|own| own == setup));
        if !agrees {
            return Err(AnswerError::TransportDiffers { section });
        }
    }
    Ok(Established { ufrag: ufrag.clone(), pwd: pwd.clone(), fingerprints, setup })
}

/// RFC 8839 §5.4: letters, digits, `+` and `/`.
fn is_ice_string(text: &str, min: usize) -> bool {
    (min..=256).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/')
}

fn trusted_fingerprints(lines: &[FingerprintLine]) -> Result<Vec<Fingerprint>, AnswerError> {
    if lines.is_empty() {
        return Err(AnswerError::NoFingerprint);
    }
    let fingerprints: Vec<Fingerprint> = lines
        .iter()
        .filter_map(|line| format!("{} {}", line.algorithm, line.value).parse().ok())
        .filter(|fingerprint: &Fingerprint| fingerprint.algorithm != HashAlgorithm::Sha1)
        .collect();
    if fingerprints.is_empty() {
        return Err(AnswerError::WeakFingerprint);
    }
    Ok(fingerprints)
}

fn read_section(
    answer: &mut Answer,
    index: usize,
    media: &Media,
    line: &Line,
) -> Result<(), AnswerError> {
    match &line.usage {
        Usage::Own if is_live(media, line) => {
            let accepted = agreement(index, media, line)?;
            let (ssrc, rtx_ssrc) = announced_ssrcs(media);
            answer.own.push(OwnSection {
                mid: line.mid.clone(),
                codec: line.codec,
                sending: media.direction.sends(),
                rtx: accepted.rtx,
                ssrc,
                rtx_ssrc,
                extensions: accepted.extensions,
                nack: accepted.nack,
                pli: accepted.pli,
                fir: accepted.fir,
                transport_cc: accepted.transport_cc,
            });
        }
        Usage::Track { .. } => {
            let slot = Slot { index, generation: line.generation };
            let verdict = if is_live(media, line) && media.direction.receives() {
                Verdict::Accepted(agreement(index, media, line)?)
            } else {
                Verdict::Refused
            };
            answer.remote.push((slot, verdict));
        }
        Usage::Own | Usage::Leaving | Usage::Free | Usage::Reserved => {}
    }
    Ok(())
}

/// What an accepted section says about its codec and extensions. Formats that were not offered may stand there (RFC 3264
/// §6.1) and mean nothing.
fn agreement(index: usize, media: &Media, line: &Line) -> Result<Accepted, AnswerError> {
    let section = index + 1;
    let payload_type = table::payload_type(line.codec);
    let listed = |payload_type: u8| {
        let text = payload_type.to_string();
        media.codec(payload_type).filter(|_| media.formats.contains(&text))
    };
    let codec = listed(payload_type)
        .filter(|codec| codec.is(line.codec.name()) && codec.clock_rate == line.codec.clock_rate())
        .ok_or(AnswerError::Codec { section })?;
    let rtx = table::rtx_payload_type(line.codec)
        .and_then(listed)
        .is_some_and(|rtx| rtx.associated_payload_type() == Some(payload_type));
    Ok(Accepted {
        rtx,
        extensions: agreed_extensions(section, media, line)?,
        nack: codec.has_feedback("nack"),
        pli: codec.has_feedback("nack pli"),
        fir: codec.has_feedback("ccm fir"),
        transport_cc: codec.has_feedback("transport-cc"),
    })
}

fn agreed_extensions(
    section: usize,
    media: &Media,
    line: &Line,
) -> Result<ExtensionSet, AnswerError> {
    let mut set = ExtensionSet::default();
    for (id, uri) in table::extensions(line.kind()) {
        for extension in media.extensions.iter().filter(|extension| extension.id == *id) {
            if extension.uri != *uri {
                return Err(AnswerError::Extension { section, id: *id });
            }
            if extension.direction != Some(Direction::Inactive) {
                set.insert(*id);
            }
        }
    }
    Ok(set)
}

/// The media SSRC and that of its retransmissions, as far as the client announced them.
fn announced_ssrcs(media: &Media) -> (Option<u32>, Option<u32>) {
    let fid = media.ssrc_groups.iter().find(|group| group.semantics == "FID");
    match fid.map(|group| group.ssrcs.as_slice()) {
        Some([ssrc, rtx_ssrc, ..]) => (Some(*ssrc), Some(*rtx_ssrc)),
        _ => (media.ssrcs.first().map(|ssrc| ssrc.id), None),
    }
}
