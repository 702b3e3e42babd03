//! A media section and its codecs.

use std::net::{IpAddr, Ipv4Addr};

use crate::parse::payload_type;
use crate::{
    Attribute, Bandwidth, Candidate, CandidateError, ExtMap, Feedback, FingerprintLine, Format,
    FormatError, FrameRate, Msid, OtherLine, Rid, Rtcp, SctpMap, Setup, Simulcast, Ssrc, SsrcGroup,
};

/// One media section: an `m=` line and what follows it. [`Debug`](std::fmt::Debug) hides passwords and keys.
#[derive(Clone, PartialEq, Eq)]
pub struct Media {
    /// What is carried.
    pub kind: MediaKind,
    /// 0 rejects the section; 9 (discard) when ICE finds the address.
    pub port: u16,
    /// The number of ports after the slash (RFC 8866 §5.14), which WebRTC has no use for.
    pub port_count: Option<u16>,
    /// `UDP/TLS/RTP/SAVPF` for WebRTC media, verbatim.
    pub protocol: String,
    /// Formats of the `m=` line in order of preference: payload types, or `webrtc-datachannel`.
    pub formats: Vec<String>,
    /// `c=` of the section, or of the session where the section has none.
    pub connection: IpAddr,
    /// `b=` lines.
    pub bandwidth: Vec<Bandwidth>,
    /// Direction from the writer's view; the session's where the section names none, else sendrecv.
    pub direction: Direction,
    /// `a=mid` (RFC 5888 §4). Unique in a description.
    pub mid: Option<String>,
    /// `a=bundle-only` (RFC 9143 §6).
    pub bundle_only: bool,
    /// `a=ice-ufrag` (RFC 8839 §5.4).
    pub ice_ufrag: Option<String>,
    /// `a=ice-pwd` (RFC 8839 §5.4).
    pub ice_pwd: Option<String>,
    /// `a=ice-options` (RFC 8839 §5.6), the words.
    pub ice_options: Vec<String>,
    /// `a=fingerprint` lines.
    pub fingerprints: Vec<FingerprintLine>,
    /// `a=setup`.
    pub setup: Option<Setup>,
    /// `a=rtcp-mux` (RFC 5761 §5.1.1).
    pub rtcp_mux: bool,
    /// `a=rtcp-mux-only` (RFC 8858 §3).
    pub rtcp_mux_only: bool,
    /// `a=rtcp-rsize` (RFC 5506 §5).
    pub rtcp_rsize: bool,
    /// `a=rtcp` (RFC 3605 §2.1).
    pub rtcp: Option<Rtcp>,
    /// `a=rtcp-xr` (RFC 3611 §5.1), the formats: `rcvr-rtt=all` of Chromium.
    pub rtcp_xr: Vec<String>,
    /// `a=cryptex` (RFC 9335 §4).
    pub cryptex: bool,
    /// `a=ptime` (RFC 8866 §6.4), milliseconds of media in a packet. One with a fraction is in [`Media::attributes`].
    pub ptime: Option<u32>,
    /// `a=maxptime` (RFC 8866 §6.5), in milliseconds, likewise.
    pub max_ptime: Option<u32>,
    /// `a=framerate` (RFC 8866 §6.13). One that is no decimal number is in [`Media::attributes`].
    pub frame_rate: Option<FrameRate>,
    /// `a=sctp-port` (RFC 8841 §5.1); 0 says that there is no association.
    pub sctp_port: Option<u16>,
    /// `a=max-message-size` (RFC 8841 §6.1) in octets; 0 says any size.
    pub max_message_size: Option<u64>,
    /// `a=sctpmap`, where a peer of old says it instead of `a=sctp-port`.
    pub sctp_map: Option<SctpMap>,
    /// `a=extmap-allow-mixed` (RFC 8285 §6) on this section.
    pub extmap_allow_mixed: bool,
    /// Candidate lines, the text after `a=`: the name in lower case, and no space around the colon and at the end.
    pub candidates: Vec<String>,
    /// `a=end-of-candidates` (RFC 8840 §8.2).
    pub end_of_candidates: bool,
    /// Payload types that have an `a=rtpmap`, in the order of [`Media::formats`].
    pub codecs: Vec<Codec>,
    /// `a=extmap` lines.
    pub extensions: Vec<ExtMap>,
    /// `a=msid` lines.
    pub msids: Vec<Msid>,
    /// `a=ssrc` lines, gathered by source.
    pub ssrcs: Vec<Ssrc>,
    /// `a=ssrc-group` lines.
    pub ssrc_groups: Vec<SsrcGroup>,
    /// `a=rid` lines.
    pub rids: Vec<Rid>,
    /// `a=simulcast`.
    pub simulcast: Option<Simulcast>,
    /// `a=crypto` lines (RFC 4568), the text after the colon, so that policy can refuse them.
    pub crypto: Vec<String>,
    /// Everything else, in order.
    pub attributes: Vec<Attribute>,
    /// `i=` and `k=`, in order.
    pub other_lines: Vec<OtherLine>,
}

impl Media {
    /// An empty section on port 9, `UDP/TLS/RTP/SAVPF`, sendrecv.
    pub fn new(kind: MediaKind) -> Self {
        Self {
            kind,
            port: 9,
            port_count: None,
            protocol: String::from("UDP/TLS/RTP/SAVPF"),
            formats: Vec::new(),
            connection: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            bandwidth: Vec::new(),
            direction: Direction::SendRecv,
            mid: None,
            bundle_only: false,
            ice_ufrag: None,
            ice_pwd: None,
            ice_options: Vec::new(),
            fingerprints: Vec::new(),
            setup: None,
            rtcp_mux: false,
            rtcp_mux_only: false,
            rtcp_rsize: false,
            rtcp: None,
            rtcp_xr: Vec::new(),
            cryptex: false,
            ptime: None,
            max_ptime: None,
            frame_rate: None,
            sctp_port: None,
            max_message_size: None,
            sctp_map: None,
            extmap_allow_mixed: false,
            candidates: Vec::new(),
            end_of_candidates: false,
            codecs: Vec::new(),
            extensions: Vec::new(),
            msids: Vec::new(),
            ssrcs: Vec::new(),
            ssrc_groups: Vec::new(),
            rids: Vec::new(),
            simulcast: None,
            crypto: Vec::new(),
            attributes: Vec::new(),
            other_lines: Vec::new(),
        }
    }

    /// The answer to a section that is refused (RFC 8829 §5.3.1, RFC 3264 §6): port 0, with the kind, the protocol, the formats and the
    /// mid of the offer, and inactive. It belongs into no group.
    pub fn rejected(offered: &Self) -> Self {
        Self {
            port: 0,
            protocol: offered.protocol.clone(),
            formats: offered.formats.clone(),
            mid: offered.mid.clone(),
            direction: Direction::Inactive,
            ..Self::new(offered.kind.clone())
        }
    }

    /// Each line of [`Media::candidates`], read. An agent passes over those it cannot read (RFC 8839 §5.1).
    pub fn parsed_candidates(&self) -> impl Iterator<Item = Result<Candidate, CandidateError>> {
        self.candidates.iter().map(|text| text.parse())
    }

    /// The header extension with this URI.
    pub fn extension(&self, uri: &str) -> Option<&ExtMap> {
        self.extensions.iter().find(|extension| extension.uri == uri)
    }

    /// The source with this number.
    pub fn ssrc(&self, id: u32) -> Option<&Ssrc> {
        self.ssrcs.iter().find(|ssrc| ssrc.id == id)
    }

    /// The source that follows `ssrc` in a group of these semantics: with `FID` its retransmissions, with `FEC-FR` its repair.
    pub fn grouped_ssrc(&self, semantics: &str, ssrc: u32) -> Option<u32> {
        let groups = self.ssrc_groups.iter().filter(|group| group.semantics == semantics);
        groups
            .filter(|group| group.ssrcs.first() == Some(&ssrc))
            .find_map(|group| group.ssrcs.get(1).copied())
    }

    /// The codec of a payload type.
    pub fn codec(&self, payload_type: u8) -> Option<&Codec> {
        self.codecs.iter().find(|codec| codec.payload_type == payload_type)
    }

    /// Adds a codec and its payload type as the last, least preferred, format.
    pub fn push_codec(&mut self, codec: Codec) {
        self.formats.push(codec.payload_type.to_string());
        self.codecs.push(codec);
    }
}

/// The media type of an `m=` line.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum MediaKind {
    /// `audio`
    Audio,
    /// `video`
    Video,
    /// `application`: data channels.
    Application,
    /// Any other word, verbatim.
    Other(String),
}

impl MediaKind {
    /// The word in the description.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Application => "application",
            Self::Other(word) => word,
        }
    }
}

/// Direction of media, from the view of whoever wrote the description (RFC 8866 §6.7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Both, the default.
    #[default]
    SendRecv,
    /// The writer only sends.
    SendOnly,
    /// The writer only receives.
    RecvOnly,
    /// Neither.
    Inactive,
}

impl Direction {
    /// The attribute's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    /// Whether its writer sends.
    pub fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    /// Whether its writer receives.
    pub fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }
}

/// A payload type: `a=rtpmap` (RFC 8866 §6.6) with its `a=fmtp` and `a=rtcp-fb` (RFC 4585 §4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Codec {
    /// RTP payload type, 0 to 127.
    pub payload_type: u8,
    /// Encoding name as written. Compare without case: [`Codec::is`].
    pub name: String,
    /// RTP clock rate in Hz.
    pub clock_rate: u32,
    /// Audio channels.
    pub channels: Option<u8>,
    /// `a=fmtp`, split at semicolons: (name, value). A format that is no list of pairs (`0-15` of
    /// telephone-event, `111/111` of red) is one name without a value.
    pub parameters: Vec<(String, Option<String>)>,
    /// `a=rtcp-fb` values: `nack`, `nack pli`, `ccm fir`, `transport-cc`, ... Those given for `*` are here too,
    /// and written for each payload type.
    pub feedback: Vec<String>,
}

impl Codec {
    /// A codec without parameters and feedback.
    pub fn new(payload_type: u8, name: &str, clock_rate: u32, channels: Option<u8>) -> Self {
        Self {
            payload_type,
            name: name.to_owned(),
            clock_rate,
            channels,
            parameters: Vec::new(),
            feedback: Vec::new(),
        }
    }

    /// Whether the encoding has this name. Encoding names ignore case (RFC 4855 §3).
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// Value of a format parameter; names ignore case.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .and_then(|(_, value)| value.as_deref())
    }

    /// Sets a format parameter, in its place where it was there already. The others stay as they are.
    pub fn set_parameter(&mut self, name: &str, value: Option<&str>) {
        let value = value.map(str::to_owned);
        match self.parameters.iter_mut().find(|(key, _)| key.eq_ignore_ascii_case(name)) {
            Some((_, place)) => *place = value,
            None => self.parameters.push((name.to_owned(), value)),
        }
    }

    /// `apt` of a retransmission payload type (RFC 4588 §8.1): the payload type it repairs.
    pub fn associated_payload_type(&self) -> Option<u8> {
        if self.is("rtx") { payload_type(self.parameter("apt")?) } else { None }
    }

    /// Whether this feedback, `nack pli` for example, was given.
    pub fn has_feedback(&self, value: &str) -> bool {
        self.feedback.iter().any(|feedback| feedback == value)
    }

    /// The feedback, typed.
    pub fn feedback_types(&self) -> impl Iterator<Item = Feedback> {
        self.feedback.iter().map(|value| Feedback::from(value.as_str()))
    }

    /// Adds feedback, once.
    pub fn push_feedback(&mut self, feedback: &Feedback) {
        let value = feedback.to_string();
        if !self.feedback.contains(&value) {
            self.feedback.push(value);
        }
    }

    /// The format parameters, by codec.
    ///
    /// # Errors
    /// A parameter of the codec does not say what it should.
    pub fn format(&self) -> Result<Format, FormatError> {
        Format::read(self)
    }
}
