//! Writing a description: one function per level, one line at a time.

use std::fmt::{self, Display, Formatter, Write};
use std::net::IpAddr;

use crate::{
    Attribute, Bandwidth, BandwidthKind, Codec, Direction, ExtMap, FingerprintLine, Fragment,
    FrameRate, Media, OtherLine, Rid, RidDirection, Rtcp, SctpMap, SessionDescription, Setup,
    Simulcast, SimulcastId,
};

impl Display for SessionDescription {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let w = &mut Lines { out: f, whole: true };
        w.line('v', "0")?;
        let origin = &self.origin;
        w.line(
            'o',
            format_args!(
                "{} {} {} {}",
                origin.username,
                origin.session_id,
                origin.session_version,
                Address(origin.address)
            ),
        )?;
        w.line('s', &self.name)?;
        write_middle(w, self)?;
        write_body(w, self)
    }
}

impl Display for Fragment {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let w = &mut Lines { out: f, whole: false };
        for group in &self.groups {
            w.list("group", &group.semantics, &group.mids)?;
        }
        w.flag("ice-lite", self.ice_lite)?;
        w.flag("end-of-candidates", self.end_of_candidates)?;
        w.transport(&self.ice_ufrag, &self.ice_pwd, &self.ice_options, &[])?;
        for attribute in &self.attributes {
            w.line('a', attribute)?;
        }
        self.media.iter().try_for_each(|media| write_media(w, media))
    }
}

/// From `i=` to `k=`, in the order of RFC 8866 §5.
fn write_middle(w: &mut Lines<'_, '_>, description: &SessionDescription) -> fmt::Result {
    w.others(&description.other_lines, &['i', 'u', 'e', 'p'])?;
    for bandwidth in &description.bandwidth {
        w.line('b', bandwidth)?;
    }
    if !description.other_lines.iter().any(|line| line.kind == 't') {
        w.line('t', "0 0")?;
    }
    w.others(&description.other_lines, &['t', 'r', 'z', 'k'])
}

/// The attributes of the session, and the sections.
fn write_body(w: &mut Lines<'_, '_>, description: &SessionDescription) -> fmt::Result {
    for group in &description.groups {
        w.list("group", &group.semantics, &group.mids)?;
    }
    w.flag("ice-lite", description.ice_lite)?;
    w.flag("extmap-allow-mixed", description.extmap_allow_mixed)?;
    w.flag("cryptex", description.cryptex)?;
    w.flag("end-of-candidates", description.end_of_candidates)?;
    if let Some(semantic) = &description.msid_semantic {
        w.list("msid-semantic", &semantic.semantic, &semantic.streams)?;
    }
    w.transport(
        &description.ice_ufrag,
        &description.ice_pwd,
        &description.ice_options,
        &description.fingerprints,
    )?;
    w.optional("setup", description.setup.map(Setup::as_str))?;
    w.optional("identity", description.identity.as_ref())?;
    for extension in &description.extensions {
        w.attribute("extmap", extension)?;
    }
    for attribute in &description.attributes {
        w.line('a', attribute)?;
    }
    description.media.iter().try_for_each(|media| write_media(w, media))
}

fn write_media(w: &mut Lines<'_, '_>, media: &Media) -> fmt::Result {
    w.line('m', MediaLine(media))?;
    w.others(&media.other_lines, &['i'])?;
    if w.whole {
        w.line('c', Address(media.connection))?;
    }
    for bandwidth in &media.bandwidth {
        w.line('b', bandwidth)?;
    }
    w.others(&media.other_lines, &['k'])?;
    if let Some(Rtcp { port, address }) = &media.rtcp {
        let address = Prefixed(" ", address.map(Address));
        w.attribute("rtcp", format_args!("{port}{address}"))?;
    }
    for candidate in &media.candidates {
        w.line('a', candidate)?;
    }
    w.flag("end-of-candidates", media.end_of_candidates)?;
    w.transport(&media.ice_ufrag, &media.ice_pwd, &media.ice_options, &media.fingerprints)?;
    w.optional("setup", media.setup.map(Setup::as_str))?;
    w.optional("mid", media.mid.as_ref())?;
    w.flag("bundle-only", media.bundle_only)?;
    for extension in &media.extensions {
        w.attribute("extmap", extension)?;
    }
    w.flag("extmap-allow-mixed", media.extmap_allow_mixed)?;
    w.flag(media.direction.as_str(), w.whole || media.direction != Direction::SendRecv)?;
    for msid in &media.msids {
        let track = Prefixed(" ", msid.track.as_deref());
        w.attribute("msid", format_args!("{}{track}", msid.stream))?;
    }
    w.flag("rtcp-mux", media.rtcp_mux)?;
    w.flag("rtcp-mux-only", media.rtcp_mux_only)?;
    w.flag("rtcp-rsize", media.rtcp_rsize)?;
    if let Some((first, rest)) = media.rtcp_xr.split_first() {
        w.list("rtcp-xr", first, rest)?;
    }
    w.flag("cryptex", media.cryptex)?;
    for codec in &media.codecs {
        write_codec(w, codec)?;
    }
    w.optional("ptime", media.ptime)?;
    w.optional("maxptime", media.max_ptime)?;
    w.optional("framerate", media.frame_rate.as_ref().map(FrameRate::as_str))?;
    w.optional("sctp-port", media.sctp_port)?;
    w.optional("max-message-size", media.max_message_size)?;
    if let Some(SctpMap { port, protocol, streams }) = &media.sctp_map {
        let streams = Prefixed(" ", *streams);
        w.attribute("sctpmap", format_args!("{port} {protocol}{streams}"))?;
    }
    for rid in &media.rids {
        w.attribute("rid", rid)?;
    }
    let streams =
        |simulcast: &&Simulcast| !simulcast.send.is_empty() || !simulcast.receive.is_empty();
    w.optional("simulcast", media.simulcast.as_ref().filter(streams))?;
    for group in &media.ssrc_groups {
        w.list("ssrc-group", &group.semantics, &group.ssrcs)?;
    }
    for ssrc in &media.ssrcs {
        if ssrc.attributes.is_empty() {
            w.attribute("ssrc", ssrc.id)?;
        }
        for (name, value) in &ssrc.attributes {
            let value = Prefixed(":", value.as_deref());
            w.attribute("ssrc", format_args!("{} {name}{value}", ssrc.id))?;
        }
    }
    for crypto in &media.crypto {
        w.attribute("crypto", crypto)?;
    }
    for attribute in &media.attributes {
        w.line('a', attribute)?;
    }
    Ok(())
}

fn write_codec(w: &mut Lines<'_, '_>, codec: &Codec) -> fmt::Result {
    let payload_type = codec.payload_type;
    w.attribute(
        "rtpmap",
        format_args!(
            "{payload_type} {}/{}{}",
            codec.name,
            codec.clock_rate,
            Prefixed("/", codec.channels)
        ),
    )?;
    for feedback in &codec.feedback {
        w.attribute("rtcp-fb", format_args!("{payload_type} {feedback}"))?;
    }
    if !codec.parameters.is_empty() {
        w.attribute("fmtp", format_args!("{payload_type} {}", Parameters(&codec.parameters)))?;
    }
    Ok(())
}

/// Writes whole lines; the only place that writes a line end.
struct Lines<'a, 'f> {
    out: &'a mut Formatter<'f>,
    /// A description; or a fragment, which has no `c=` and says nothing of directions.
    whole: bool,
}

impl Lines<'_, '_> {
    fn line(&mut self, kind: char, value: impl Display) -> fmt::Result {
        self.out.write_char(kind)?;
        self.out.write_char('=')?;
        write!(OneLine(self.out), "{value}")?;
        self.out.write_str("\r\n")
    }

    fn attribute(&mut self, name: &str, value: impl Display) -> fmt::Result {
        self.line('a', format_args!("{name}:{value}"))
    }

    fn flag(&mut self, name: &str, set: bool) -> fmt::Result {
        if set { self.line('a', name) } else { Ok(()) }
    }

    fn optional(&mut self, name: &str, value: Option<impl Display>) -> fmt::Result {
        value.map_or(Ok(()), |value| self.attribute(name, value))
    }

    fn others(&mut self, lines: &[OtherLine], kinds: &[char]) -> fmt::Result {
        let mut lines = lines.iter().filter(|line| kinds.contains(&line.kind));
        lines.try_for_each(|line| self.line(line.kind, &line.value))
    }

    fn list(&mut self, name: &str, head: &str, items: &[impl Display]) -> fmt::Result {
        self.line('a', format_args!("{name}:{head}{}", Spaced(items)))
    }

    fn transport(
        &mut self,
        ufrag: &Option<String>,
        pwd: &Option<String>,
        options: &[String],
        fingerprints: &[FingerprintLine],
    ) -> fmt::Result {
        self.optional("ice-ufrag", ufrag.as_ref())?;
        self.optional("ice-pwd", pwd.as_ref())?;
        if let Some((first, rest)) = options.split_first() {
            self.list("ice-options", first, rest)?;
        }
        for fingerprint in fingerprints {
            let FingerprintLine { algorithm, value } = fingerprint;
            self.attribute("fingerprint", format_args!("{algorithm} {value}"))?;
        }
        Ok(())
    }
}

/// Lets nothing through that would end the line.
struct OneLine<'a, 'f>(&'a mut Formatter<'f>);

impl Write for OneLine<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.split(['\r', '\n', '\0']).try_for_each(|part| self.0.write_str(part))
    }
}

struct MediaLine<'a>(&'a Media);

impl Display for MediaLine<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let media = self.0;
        let Media { kind, port, protocol, .. } = media;
        let (count, formats) = (Prefixed("/", media.port_count), Spaced(&media.formats));
        write!(f, "{} {port}{count} {protocol}{formats}", kind.as_str())
    }
}

struct Address(IpAddr);

impl Display for Address {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => write!(f, "IN IP4 {address}"),
            IpAddr::V6(address) => write!(f, "IN IP6 {address}"),
        }
    }
}

/// Each item after a space.
struct Spaced<'a, T>(&'a [T]);

impl<T: Display> Display for Spaced<'_, T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|item| write!(f, " {item}"))
    }
}

/// A separator and a value, or nothing.
struct Prefixed<T>(&'static str, Option<T>);

impl<T: Display> Display for Prefixed<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.1 {
            Some(value) => write!(f, "{}{value}", self.0),
            None => Ok(()),
        }
    }
}

struct Parameters<'a>(&'a [(String, Option<String>)]);

impl Display for Parameters<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (name, value) in self.0 {
            write!(f, "{separator}{name}{}", Prefixed("=", value.as_deref()))?;
            separator = ";";
        }
        Ok(())
    }
}

impl Display for Attribute {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.name, Prefixed(":", self.value.as_deref()))
    }
}

impl Display for Bandwidth {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let kind = match &self.kind {
            BandwidthKind::ApplicationSpecific => "AS",
            BandwidthKind::ConferenceTotal => "CT",
            BandwidthKind::TransportIndependent => "TIAS",
            BandwidthKind::Other(kind) => kind,
        };
        write!(f, "{kind}:{}", self.value)
    }
}

impl Display for ExtMap {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let direction = Prefixed("/", self.direction.map(|direction| direction.as_str()));
        let attributes = Prefixed(" ", self.attributes.as_deref());
        write!(f, "{}{direction} {}{attributes}", self.id, self.uri)
    }
}

impl Display for Rid {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let direction = match self.direction {
            RidDirection::Send => "send",
            RidDirection::Recv => "recv",
        };
        write!(f, "{} {direction}{}", self.id, Prefixed(" ", self.restrictions.as_deref()))
    }
}

impl Display for Simulcast {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (direction, streams) in [("send", &self.send), ("recv", &self.receive)] {
            if !streams.is_empty() {
                write!(f, "{separator}{direction} {}", Streams(streams))?;
                separator = " ";
            }
        }
        Ok(())
    }
}

struct Streams<'a>(&'a [Vec<SimulcastId>]);

impl Display for Streams<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (stream, alternatives) in self.0.iter().enumerate() {
            if stream > 0 {
                f.write_char(';')?;
            }
            for (index, id) in alternatives.iter().enumerate() {
                let comma = if index > 0 { "," } else { "" };
                let paused = if id.paused { "~" } else { "" };
                write!(f, "{comma}{paused}{}", id.id)?;
            }
        }
        Ok(())
    }
}
