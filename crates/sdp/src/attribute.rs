//! The attributes that are more than a flag.

use std::net::IpAddr;

use crate::Direction;
use crate::parse::payload_type;

/// An attribute this crate has no type for: `a=name` or `a=name:value`. Survives a round trip.
#[derive(Clone, PartialEq, Eq)]
pub struct Attribute {
    /// What stands before the first colon.
    pub name: String,
    /// What stands after it; `None` when there is no colon.
    pub value: Option<String>,
}

/// A line that WebRTC gives no meaning to. Survives a round trip.
#[derive(Clone, PartialEq, Eq)]
pub struct OtherLine {
    /// The letter before the equals sign: `i u e p t r z k` on the session level, `i k` in a section.
    pub kind: char,
    /// What stands after it.
    pub value: String,
}

/// `a=group` (RFC 5888 §5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Semantics, in capitals as they stand in the registry: `BUNDLE`, `LS`, ...
    pub semantics: String,
    /// Members, by [`crate::Media::mid`]. For `BUNDLE` the first is the offerer's or answerer's tagged section.
    pub mids: Vec<String>,
}

/// `a=msid-semantic` (an early draft of RFC 8830; browsers still write it).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MsidSemantic {
    /// Always `WMS` in practice.
    pub semantic: String,
    /// Stream ids, or `*` for all of them.
    pub streams: Vec<String>,
}

/// `a=fingerprint` (RFC 8122 §5) as text. Whether it is an acceptable one is the caller's policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FingerprintLine {
    /// Hash function in lower case, `sha-256` for example.
    pub algorithm: String,
    /// The hash, `AB:CD:...` in upper case.
    pub value: String,
}

/// `a=setup` (RFC 4145 §4): who opens the DTLS association.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Setup {
    /// Either; only in offers.
    ActPass,
    /// The DTLS client.
    Active,
    /// The DTLS server.
    Passive,
    /// Nobody for now.
    HoldConn,
}

impl Setup {
    /// The word in the description.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ActPass => "actpass",
            Self::Active => "active",
            Self::Passive => "passive",
            Self::HoldConn => "holdconn",
        }
    }
}

/// `a=extmap` (RFC 8285 §5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtMap {
    /// Local identifier on the wire, 1 to 255 (15 means nothing in the one-byte form).
    pub id: u8,
    /// Direction, when it differs from the section's.
    pub direction: Option<Direction>,
    /// What the extension is.
    pub uri: String,
    /// Extension attributes, verbatim.
    pub attributes: Option<String>,
}

impl ExtMap {
    /// An extension for both directions, without attributes.
    pub fn new(id: u8, uri: &str) -> Self {
        Self { id, direction: None, uri: uri.to_owned(), attributes: None }
    }
}

/// `a=msid` (RFC 8830 §2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Msid {
    /// Stream id; `-` says that the track belongs to no stream.
    pub stream: String,
    /// Track id.
    pub track: Option<String>,
}

/// All `a=ssrc` lines (RFC 5576 §4.1) of one source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ssrc {
    /// The synchronization source.
    pub id: u32,
    /// Source attributes: (`cname`, `Some(..)`), (`msid`, `Some(..)`), ...
    pub attributes: Vec<(String, Option<String>)>,
}

impl Ssrc {
    /// The canonical name (RFC 5576 §6.1).
    pub fn cname(&self) -> Option<&str> {
        self.attribute("cname")
    }

    /// Stream and track, where they are told by source (`a=ssrc:1 msid:stream track`, older libwebrtc and GStreamer).
    pub fn msid(&self) -> Option<Msid> {
        let mut words = self.attribute("msid")?.split_ascii_whitespace();
        let stream = words.next()?.to_owned();
        Some(Msid { stream, track: words.next().map(str::to_owned) })
    }

    /// The value of the first source attribute of this name.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(own, _)| own == name).and_then(|(_, value)| value.as_deref())
    }
}

/// `a=ssrc-group` (RFC 5576 §4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SsrcGroup {
    /// `FID` (a source and its retransmissions), `SIM`, `FEC-FR`, ...
    pub semantics: String,
    /// Members; for `FID` the media source first.
    pub ssrcs: Vec<u32>,
}

/// `a=rtcp` (RFC 3605 §2.1): where RTCP would go without `a=rtcp-mux`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rtcp {
    /// 9 (discard) in practice.
    pub port: u16,
    /// `None` when it is that of the section.
    pub address: Option<IpAddr>,
}

/// `a=framerate` (RFC 8866 §6.13): the most frames a second, as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameRate(String);

impl FrameRate {
    /// A decimal number above 0, `30` or `29.97` for example; `None` for anything else.
    pub fn new(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let is_number = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit());
        let rate: f64 = text.parse().ok()?;
        let is_rate = is_number(whole) && is_number(fraction) && rate > 0.0 && rate.is_finite();
        is_rate.then(|| Self(text.to_owned()))
    }

    /// The text in the description.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What it says.
    pub fn frames_per_second(&self) -> f64 {
        self.0.parse().unwrap_or_default()
    }
}

/// `a=sctpmap`, of the draft of data channels that came before RFC 8841.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SctpMap {
    /// SCTP port; the format of the `m=` line.
    pub port: u16,
    /// `webrtc-datachannel`
    pub protocol: String,
    /// Most streams.
    pub streams: Option<u16>,
}

/// `a=rid` (RFC 8851 §4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rid {
    /// Identifier of the encoding.
    pub id: String,
    /// Whose sending it describes.
    pub direction: RidDirection,
    /// `pt=` and restrictions, verbatim.
    pub restrictions: Option<String>,
}

impl Rid {
    /// Each restriction, `pt` among them: (`max-width`, `Some("1280")`).
    pub fn restriction_list(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        let restrictions = self.restrictions.as_deref().unwrap_or_default().split(';');
        restrictions.map(str::trim_ascii).filter(|restriction| !restriction.is_empty()).map(
            |restriction| match restriction.split_once('=') {
                Some((name, value)) => (name.trim_ascii(), Some(value.trim_ascii())),
                None => (restriction, None),
            },
        )
    }

    /// Payload types it is limited to; empty when there is no such limit, or none of it is a payload type.
    pub fn payload_types(&self) -> Vec<u8> {
        let list =
            self.restriction_list().find(|(name, _)| *name == "pt").and_then(|(_, list)| list);
        list.into_iter()
            .flat_map(|list| list.split(','))
            .filter_map(|word| payload_type(word.trim_ascii()))
            .collect()
    }
}

/// Direction of a [`Rid`], from the view of whoever wrote the description.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RidDirection {
    /// `send`
    Send,
    /// `recv`
    Recv,
}

/// `a=simulcast` (RFC 8853 §5.1): streams, each a list of alternatives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Simulcast {
    /// Streams its writer sends.
    pub send: Vec<Vec<SimulcastId>>,
    /// Streams its writer wants.
    pub receive: Vec<Vec<SimulcastId>>,
}

/// One encoding in [`Simulcast`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimulcastId {
    /// A [`Rid::id`].
    pub id: String,
    /// Written as `~id`: starts paused.
    pub paused: bool,
}

/// `b=` (RFC 8866 §5.8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bandwidth {
    /// Which limit.
    pub kind: BandwidthKind,
    /// Its value: kbit/s for `AS` and `CT`, bit/s for `TIAS`, `RS` and `RR`.
    pub value: u32,
}

/// The modifier of a `b=` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BandwidthKind {
    /// `AS`, application specific: kbit/s with IP and UDP overhead.
    ApplicationSpecific,
    /// `CT`, conference total: kbit/s.
    ConferenceTotal,
    /// `TIAS` (RFC 3890): bit/s without lower layers.
    TransportIndependent,
    /// Anything else, verbatim: `RS`, `RR`, `X-...`
    Other(String),
}
