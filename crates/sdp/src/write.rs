//! Writing a description: one function per level, one line at a time.

use std::fmt::{self, Display, Formatter, Write};
use std::net::IpAddr;

use crate::{
    Attribute, Bandwidth, BandwidthKind, Codec, ExtMap, FingerprintLine, Media, Rid, RidDirection,
    SessionDescription, Simulcast, SimulcastId,
};

impl Display for SessionDescription {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let w = &mut Lines(f);
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
        for bandwidth in &self.bandwidth {
            w.line('b', bandwidth)?;
        }
        w.line('t', "0 0")?;
        for group in &self.groups {
            w.list("group", &group.semantics, &group.mids)?;
        }
        w.flag("ice-lite", self.ice_lite)?;
        w.flag("extmap-allow-mixed", self.extmap_allow_mixed)?;
        if let Some(semantic) = &self.msid_semantic {
            w.list("msid-semantic", &semantic.semantic, &semantic.streams)?;
        }
        w.transport(&self.ice_ufrag, &self.ice_pwd, &self.ice_options, &self.fingerprints)?;
        if let Some(setup) = self.setup {
            w.attribute("setup", setup.as_str())?;
        }
        for extension in &self.extensions {
            w.attribute("extmap", extension)?;
        }
        for attribute in &self.attributes {
            w.line('a', attribute)?;
        }
        for media in &self.media {
            write_media(w, media)?;
        }
        Ok(())
    }
}

fn write_media(w: &mut Lines<'_, '_>, media: &Media) -> fmt::Result {
    w.line('m', MediaLine(media))?;
    w.line('c', Address(media.connection))?;
    for bandwidth in &media.bandwidth {
        w.line('b', bandwidth)?;
    }
    for candidate in &media.candidates {
        w.line('a', candidate)?;
    }
    w.flag("end-of-candidates", media.end_of_candidates)?;
    w.transport(&media.ice_ufrag, &media.ice_pwd, &media.ice_options, &media.fingerprints)?;
    if let Some(setup) = media.setup {
        w.attribute("setup", setup.as_str())?;
    }
    if let Some(mid) = &media.mid {
        w.attribute("mid", mid)?;
    }
    w.flag("bundle-only", media.bundle_only)?;
    for extension in &media.extensions {
        w.attribute("extmap", extension)?;
    }
    w.flag("extmap-allow-mixed", media.extmap_allow_mixed)?;
    w.flag(media.direction.as_str(), true)?;
    for msid in &media.msids {
        let track = Prefixed(" ", msid.track.as_deref());
        w.attribute("msid", format_args!("{}{track}", msid.stream))?;
    }
    w.flag("rtcp-mux", media.rtcp_mux)?;
    w.flag("rtcp-rsize", media.rtcp_rsize)?;
    for codec in &media.codecs {
        write_codec(w, codec)?;
    }
    for rid in &media.rids {
        w.attribute("rid", rid)?;
    }
    if let Some(simulcast) = &media.simulcast {
        w.attribute("simulcast", simulcast)?;
    }
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
    let channels = codec.channels.map(|channels| channels.to_string());
    w.attribute(
        "rtpmap",
        format_args!(
            "{payload_type} {}/{}{}",
            codec.name,
            codec.clock_rate,
            Prefixed("/", channels.as_deref())
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
struct Lines<'a, 'f>(&'a mut Formatter<'f>);

impl Lines<'_, '_> {
    fn line(&mut self, kind: char, value: impl Display) -> fmt::Result {
        self.0.write_char(kind)?;
        self.0.write_char('=')?;
        write!(OneLine(self.0), "{value}")?;
        self.0.write_str("\r\n")
    }

    fn attribute(&mut self, name: &str, value: impl Display) -> fmt::Result {
        self.line('a', format_args!("{name}:{value}"))
    }

    fn flag(&mut self, name: &str, set: bool) -> fmt::Result {
        if set { self.line('a', name) } else { Ok(()) }
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
        if let Some(ufrag) = ufrag {
            self.attribute("ice-ufrag", ufrag)?;
        }
        if let Some(pwd) = pwd {
            self.attribute("ice-pwd", pwd)?;
        }
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
        let formats = Spaced(&media.formats);
        write!(f, "{} {} {}{formats}", media.kind.as_str(), media.port, media.protocol)
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
struct Prefixed<'a>(&'static str, Option<&'a str>);

impl Display for Prefixed<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.1 {
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
