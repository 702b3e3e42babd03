//! A media section.

use std::net::{IpAddr, Ipv4Addr};

use webrtc_sdp::SdpType;
use webrtc_sdp::attribute_type::{SdpAttribute, SdpAttributeSimulcastVersion};
use webrtc_sdp::media_type::SdpMediaValue;

use super::codec::Codecs;
use super::line::Line;
use super::{Defaults, connection, direction, setup};
use crate::{
    Direction, MAX_SSRCS, Media, MediaKind, Msid, ParseError, Rid, RidDirection, Simulcast,
    SimulcastId, Ssrc, SsrcGroup,
};

/// A section while its lines come in.
pub(super) struct Section {
    media: Media,
    direction: Option<Direction>,
    connection: Option<IpAddr>,
    codecs: Codecs,
}

impl Section {
    /// `m=<media> <port>[/<count>] <protocol> <format>...` (RFC 8866 §5.14)
    pub(super) fn begin(line: &Line<'_>) -> Result<Self, ParseError> {
        const EXPECTED: &str = "m=<media> <port> <protocol> <format>...";
        // webrtc-sdp checks what it knows. Protocols it does not know are for policy to refuse,
        // and formats are kept as they stand.
        let known = line.read(EXPECTED)?;
        let mut words = line.value.split_whitespace();
        let (Some(kind), Some(port), Some(protocol)) = (words.next(), words.next(), words.next())
        else {
            return Err(line.unexpected(EXPECTED));
        };
        let kind = match known {
            Some(SdpType::Media(known)) => media_kind(known.media),
            _ => media_kind_from_word(kind),
        };
        let port = port.split_once('/').map_or(port, |(port, _)| port);
        let mut media = Media::new(kind);
        media.port = port.parse().map_err(|_| line.unexpected(EXPECTED))?;
        media.protocol = protocol.to_owned();
        media.formats = words.map(str::to_owned).collect();
        Ok(Self { media, direction: None, connection: None, codecs: Codecs::default() })
    }

    pub(super) fn line(&mut self, line: &Line<'_>) -> Result<(), ParseError> {
        match line.kind {
            'a' => self.attribute(line),
            'b' => {
                self.media.bandwidth.push(line.bandwidth()?);
                Ok(())
            }
            'c' => {
                // RFC 8866 §5.7 allows several for layered multicast; the first is the base.
                let address = connection(line)?;
                self.connection.get_or_insert(address);
                Ok(())
            }
            'i' | 'k' => Ok(()),
            _ => Err(line.unexpected("a line of a media section or an m= line")),
        }
    }

    fn attribute(&mut self, line: &Line<'_>) -> Result<(), ParseError> {
        let media = &mut self.media;
        let (name, value) = line.attribute();
        match name.as_str() {
            "mid" => line.set_once(&mut media.mid, line.required(value)?)?,
            "sendrecv" | "sendonly" | "recvonly" | "inactive" => {
                line.set_once(&mut self.direction, direction(line, &name)?)?;
            }
            "bundle-only" => media.bundle_only = line.flag()?,
            "rtcp-mux" => media.rtcp_mux = line.flag()?,
            "rtcp-rsize" => media.rtcp_rsize = line.flag()?,
            "extmap-allow-mixed" => media.extmap_allow_mixed = line.flag()?,
            "end-of-candidates" => media.end_of_candidates = line.flag()?,
            "candidate" => media.candidates.push(line.value.trim().to_owned()),
            "ice-ufrag" => line.set_once(&mut media.ice_ufrag, line.required(value)?)?,
            "ice-pwd" => line.set_once(&mut media.ice_pwd, line.required(value)?)?,
            "ice-options" => media.ice_options = line.words(value),
            "fingerprint" => media.fingerprints.push(line.fingerprint()?),
            "setup" => line.set_once(&mut media.setup, setup(line)?)?,
            "extmap" => match line.extmap()? {
                Some(extension) => media.extensions.push(extension),
                None => media.attributes.push(line.raw_attribute()),
            },
            "rtpmap" => self.codecs.rtpmap(line)?,
            "fmtp" => self.codecs.fmtp(line, value)?,
            "rtcp-fb" => self.codecs.feedback(line, value)?,
            "msid" => media.msids.push(msid(line)?),
            "ssrc" => ssrc(&mut media.ssrcs, line, value)?,
            "ssrc-group" => media.ssrc_groups.push(ssrc_group(line)?),
            "rid" => media.rids.push(rid(line, value)?),
            "simulcast" => line.set_once(&mut media.simulcast, simulcast(line)?)?,
            "crypto" => media.crypto.push(value.unwrap_or_default().to_owned()),
            _ => media.attributes.push(line.raw_attribute()),
        }
        Ok(())
    }

    pub(super) fn finish(self, session: &Defaults) -> Result<Media, ParseError> {
        let mut media = self.media;
        media.direction = self.direction.or(session.direction).unwrap_or_default();
        media.connection =
            self.connection.or(session.connection).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        self.codecs.finish(&mut media)?;
        Ok(media)
    }
}

fn media_kind(kind: SdpMediaValue) -> MediaKind {
    match kind {
        SdpMediaValue::Audio => MediaKind::Audio,
        SdpMediaValue::Video => MediaKind::Video,
        SdpMediaValue::Application => MediaKind::Application,
        SdpMediaValue::Unknown(word) => MediaKind::Other(word),
    }
}

fn media_kind_from_word(word: &str) -> MediaKind {
    match word.to_ascii_lowercase().as_str() {
        "audio" => MediaKind::Audio,
        "video" => MediaKind::Video,
        "application" => MediaKind::Application,
        _ => MediaKind::Other(word.to_owned()),
    }
}

fn msid(line: &Line<'_>) -> Result<Msid, ParseError> {
    const EXPECTED: &str = "a=msid:<stream> [<track>]";
    match line.read_attribute(EXPECTED)? {
        Some(SdpAttribute::Msid(msid)) => Ok(Msid { stream: msid.id, track: msid.appdata }),
        _ => Err(line.unexpected(EXPECTED)),
    }
}

fn ssrc(ssrcs: &mut Vec<Ssrc>, line: &Line<'_>, value: Option<&str>) -> Result<(), ParseError> {
    const EXPECTED: &str = "a=ssrc:<number> <attribute>[:<value>]";
    let Some(SdpAttribute::Ssrc(known)) = line.read_attribute(EXPECTED)? else {
        return Err(line.unexpected(EXPECTED));
    };
    let index = match ssrcs.iter().position(|ssrc| ssrc.id == known.id) {
        Some(index) => index,
        None if ssrcs.len() == MAX_SSRCS => {
            return Err(line.too_many("synchronization sources in a section", MAX_SSRCS));
        }
        None => {
            ssrcs.push(Ssrc { id: known.id, attributes: Vec::new() });
            ssrcs.len() - 1
        }
    };
    let attribute = value.and_then(|value| value.split_once(' ')).map(|(_, attribute)| {
        match attribute.trim().split_once(':') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (attribute.trim().to_owned(), None),
        }
    });
    if let (Some(ssrc), Some(attribute)) = (ssrcs.get_mut(index), attribute) {
        ssrc.attributes.push(attribute);
    }
    Ok(())
}

fn ssrc_group(line: &Line<'_>) -> Result<SsrcGroup, ParseError> {
    const EXPECTED: &str = "a=ssrc-group:<semantics> <number>...";
    line.read(EXPECTED)?;
    // Semantics webrtc-sdp does not know are groups nevertheless.
    let mut words = line.words(line.attribute().1).into_iter();
    let semantics = words.next().ok_or_else(|| line.unexpected(EXPECTED))?;
    let ssrcs: Vec<u32> = words
        .map(|word| word.parse())
        .collect::<Result<_, _>>()
        .map_err(|_| line.unexpected(EXPECTED))?;
    Ok(SsrcGroup { semantics, ssrcs })
}

/// Not through webrtc-sdp, which refuses restrictions without a value (legal in RFC 8851 §10).
fn rid(line: &Line<'_>, value: Option<&str>) -> Result<Rid, ParseError> {
    let unexpected = || line.unexpected("a=rid:<id> send|recv [<restrictions>]");
    let mut words = value.unwrap_or_default().splitn(3, ' ');
    let id = words.next().filter(|id| !id.is_empty()).ok_or_else(unexpected)?;
    let direction = match words.next() {
        Some("send") => RidDirection::Send,
        Some("recv") => RidDirection::Recv,
        _ => return Err(unexpected()),
    };
    let restrictions = words.next().map(str::trim).filter(|text| !text.is_empty());
    Ok(Rid { id: id.to_owned(), direction, restrictions: restrictions.map(str::to_owned) })
}

fn simulcast(line: &Line<'_>) -> Result<Simulcast, ParseError> {
    const EXPECTED: &str = "a=simulcast:send|recv <rid>[,<rid>...][;<rid>...]";
    let streams = |versions: Vec<SdpAttributeSimulcastVersion>| {
        let ids = |version: SdpAttributeSimulcastVersion| {
            let ids = version.ids.into_iter();
            ids.map(|id| SimulcastId { id: id.id, paused: id.paused }).collect()
        };
        versions.into_iter().map(ids).collect()
    };
    match line.read_attribute(EXPECTED)? {
        Some(SdpAttribute::Simulcast(simulcast)) => {
            Ok(Simulcast { send: streams(simulcast.send), receive: streams(simulcast.receive) })
        }
        _ => Err(line.unexpected(EXPECTED)),
    }
}
