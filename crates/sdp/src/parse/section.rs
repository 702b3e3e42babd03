//! A media section.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr};

use webrtc_sdp::SdpType;
use webrtc_sdp::attribute_type::SdpAttribute;
use webrtc_sdp::media_type::SdpMediaValue;

use super::codec::Codecs;
use super::line::{Line, number};
use super::simulcast::simulcast;
use super::{Defaults, connection, direction, in_order, setup};
use crate::{
    Direction, FrameRate, MAX_SSRCS, Media, MediaKind, Msid, ParseError, Rid, RidDirection, Rtcp,
    SctpMap, Ssrc, SsrcGroup,
};

/// A section while its lines come in.
pub(super) struct Section<'a> {
    media: Media,
    direction: Option<Direction>,
    connection: Option<IpAddr>,
    codecs: Codecs<'a>,
    /// Where in [`Media::rids`] an identifier stands; there may be thousands.
    rids: HashMap<String, usize>,
    /// Those that lines say different things of.
    ambiguous_rids: HashSet<String>,
}

impl<'a> Section<'a> {
    /// `m=<media> <port>[/<count>] <protocol> <format>...` (RFC 8866 §5.14)
    pub(super) fn begin(line: &Line<'a>) -> Result<Self, ParseError> {
        const EXPECTED: &str = "m=<media> <port> <protocol> <format>...";
        let words: Vec<_> = line.value.split_ascii_whitespace().collect();
        // webrtc-sdp checks what it knows; between two spaces it would see a word. Protocols it does
        // not know are for policy to refuse, and formats are kept as they stand.
        let known = line.read_text(&format!("m={}", words.join(" ")), EXPECTED)?;
        let mut words = words.into_iter();
        let (Some(kind), Some(port), Some(protocol)) = (words.next(), words.next(), words.next())
        else {
            return Err(line.unexpected(EXPECTED));
        };
        let kind = match known {
            Some(SdpType::Media(known)) => media_kind(known.media),
            _ => media_kind_from_word(kind),
        };
        let (port, count) = match port.split_once('/') {
            Some((port, count)) => (port, Some(line.number(Some(count), EXPECTED)?)),
            None => (port, None),
        };
        let mut media = Media::new(kind);
        media.port = line.number(Some(port), EXPECTED)?;
        media.port_count = count;
        media.protocol = protocol.to_owned();
        media.formats = words.map(str::to_owned).collect();
        if media.formats.is_empty() {
            return Err(line.unexpected(EXPECTED));
        }
        let codecs = Codecs::default();
        let (rids, ambiguous_rids) = (HashMap::new(), HashSet::new());
        Ok(Self { media, direction: None, connection: None, codecs, rids, ambiguous_rids })
    }

    pub(super) fn line(&mut self, line: &Line<'a>) -> Result<(), ParseError> {
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
            'i' | 'k' => {
                self.media.other_lines.push(line.other());
                Ok(())
            }
            _ => Err(line.unexpected("a line of a media section or an m= line")),
        }
    }

    fn attribute(&mut self, line: &Line<'a>) -> Result<(), ParseError> {
        let (name, value) = line.attribute();
        let media = &mut self.media;
        match name {
            "mid" => line.set_once(&mut media.mid, line.required(value)?)?,
            "sendrecv" | "sendonly" | "recvonly" | "inactive" => {
                line.set_once(&mut self.direction, direction(line, name)?)?;
            }
            "bundle-only" => media.bundle_only = line.flag()?,
            "rtcp-mux" => media.rtcp_mux = line.flag()?,
            "rtcp-mux-only" => media.rtcp_mux_only = line.flag()?,
            "rtcp-rsize" => media.rtcp_rsize = line.flag()?,
            "rtcp" => match rtcp(value) {
                Some(rtcp) => line.set_once(&mut media.rtcp, rtcp)?,
                None => media.attributes.push(line.raw_attribute()),
            },
            "rtcp-xr" => media.rtcp_xr.extend(line.words(value)),
            "cryptex" => media.cryptex = line.flag()?,
            "ptime" | "maxptime" => {
                let place = if name == "ptime" { &mut media.ptime } else { &mut media.max_ptime };
                // RFC 8866 §6.4 allows fractions, which nobody writes.
                match number(value) {
                    Some(milliseconds) => line.set_once(place, milliseconds)?,
                    None => media.attributes.push(line.raw_attribute()),
                }
            }
            // A second one is no reason to refuse a session: nobody acts on the first.
            "framerate" => match value.and_then(FrameRate::new) {
                Some(rate) if media.frame_rate.is_none() => media.frame_rate = Some(rate),
                _ => media.attributes.push(line.raw_attribute()),
            },
            "sctp-port" => {
                let port = line.number(value, "a=sctp-port:<port>")?;
                line.set_once(&mut media.sctp_port, port)?;
            }
            "max-message-size" => {
                let size = line.number(value, "a=max-message-size:<octets>")?;
                line.set_once(&mut media.max_message_size, size)?;
            }
            "sctpmap" => match sctp_map(value) {
                Some(map) => line.set_once(&mut media.sctp_map, map)?,
                None => media.attributes.push(line.raw_attribute()),
            },
            "extmap-allow-mixed" => media.extmap_allow_mixed = line.flag()?,
            "end-of-candidates" => media.end_of_candidates = line.flag()?,
            "candidate" => media.candidates.push(match value {
                Some(value) => format!("{name}:{value}"),
                None => name.to_owned(),
            }),
            "ice-ufrag" => line.set_once(&mut media.ice_ufrag, line.required(value)?)?,
            "ice-pwd" => line.set_once(&mut media.ice_pwd, line.required(value)?)?,
            "ice-options" => media.ice_options.extend(line.words(value)),
            "fingerprint" => media.fingerprints.push(line.fingerprint()?),
            "setup" => line.set_once(&mut media.setup, setup(line)?)?,
            "extmap" => match line.extmap()? {
                Some(extension) => line.push_extension(&mut media.extensions, extension)?,
                None => media.attributes.push(line.raw_attribute()),
            },
            "rtpmap" => self.codecs.rtpmap(line)?,
            "fmtp" => self.codecs.fmtp(line, value)?,
            "rtcp-fb" => self.codecs.feedback(line, value)?,
            "msid" => media.msids.push(msid(line)?),
            "ssrc" => ssrc(&mut media.ssrcs, line, value)?,
            "ssrc-group" => media.ssrc_groups.push(ssrc_group(line)?),
            "rid" => {
                let rid = rid(line, value)?;
                match self.rids.get(&rid.id).map(|at| media.rids.get(*at)) {
                    None => {
                        self.rids.insert(rid.id.clone(), media.rids.len());
                        media.rids.push(rid);
                    }
                    // Said twice alike it is said once.
                    Some(known) if known == Some(&rid) => {}
                    Some(_) => {
                        self.ambiguous_rids.insert(rid.id);
                    }
                }
            }
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
        in_order(&mut media.other_lines);
        // RFC 8851 §6.3: all of them are passed over. One alone would be another for this side than for its peer.
        media.rids.retain(|rid| !self.ambiguous_rids.contains(&rid.id));
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
        match attribute.trim_ascii().split_once(':') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (attribute.trim_ascii().to_owned(), None),
        }
    });
    if let (Some(ssrc), Some(attribute)) = (ssrcs.get_mut(index), attribute) {
        ssrc.attributes.push(attribute);
    }
    Ok(())
}

fn ssrc_group(line: &Line<'_>) -> Result<SsrcGroup, ParseError> {
    const EXPECTED: &str = "a=ssrc-group:<semantics> <number>...";
    let mut words = line.words(line.attribute().1).into_iter();
    let semantics = words.next().ok_or_else(|| line.unexpected(EXPECTED))?;
    let ssrcs: Result<Vec<u32>, _> = words.map(|word| line.number(Some(&word), EXPECTED)).collect();
    match ssrcs? {
        ssrcs if ssrcs.is_empty() => Err(line.unexpected(EXPECTED)),
        ssrcs => Ok(SsrcGroup { semantics, ssrcs }),
    }
}

/// `a=rtcp:<port> [IN IP4|IP6 <address>]`. Nobody needs it beside `a=rtcp-mux`, so one that cannot be read is kept as it is.
fn rtcp(value: Option<&str>) -> Option<Rtcp> {
    let mut words = value?.split_ascii_whitespace();
    let port = number(words.next())?;
    let address = match words.next() {
        None => None,
        Some("IN") => {
            let (kind, address) = (words.next()?, words.next()?.parse::<IpAddr>().ok()?);
            (kind == if address.is_ipv4() { "IP4" } else { "IP6" }).then_some(Some(address))?
        }
        Some(_) => return None,
    };
    words.next().is_none().then_some(Rtcp { port, address })
}

/// `a=sctpmap:5000 webrtc-datachannel 1024`, likewise.
fn sctp_map(value: Option<&str>) -> Option<SctpMap> {
    let mut words = value?.split_ascii_whitespace();
    let (port, protocol) = (number(words.next())?, words.next()?.to_owned());
    let streams = match words.next() {
        None => None,
        streams => Some(number(streams)?),
    };
    words.next().is_none().then_some(SctpMap { port, protocol, streams })
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
    let restrictions = words.next().map(str::trim_ascii).filter(|text| !text.is_empty());
    Ok(Rid { id: id.to_owned(), direction, restrictions: restrictions.map(str::to_owned) })
}
