//! The session level.

use std::net::{IpAddr, Ipv4Addr};

use crate::{
    Attribute, Bandwidth, ExtMap, FingerprintLine, Group, Media, MsidSemantic, OtherLine,
    ParseError, Setup, parse,
};

/// A session description (RFC 8866) with the attributes of WebRTC (RFC 8829).
///
/// [`str::parse`] reads one, [`ToString`] writes one with CRLF line ends. A value that holds a line
/// break cannot break out of its line: CR, LF and NUL are left out when writing. [`Debug`](std::fmt::Debug) hides passwords and keys.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionDescription {
    /// `o=`
    pub origin: Origin,
    /// `s=`, `-` in practice.
    pub name: String,
    /// `b=` lines of the session.
    pub bandwidth: Vec<Bandwidth>,
    /// `a=group` lines.
    pub groups: Vec<Group>,
    /// `a=ice-lite` (RFC 8839 §5.3).
    pub ice_lite: bool,
    /// `a=ice-options` (RFC 8839 §5.6), the words.
    pub ice_options: Vec<String>,
    /// `a=ice-ufrag` for all sections that have none.
    pub ice_ufrag: Option<String>,
    /// `a=ice-pwd` for all sections that have none.
    pub ice_pwd: Option<String>,
    /// `a=fingerprint` for all sections that have none.
    pub fingerprints: Vec<FingerprintLine>,
    /// `a=setup` for all sections that have none.
    pub setup: Option<Setup>,
    /// `a=extmap-allow-mixed` (RFC 8285 §6).
    pub extmap_allow_mixed: bool,
    /// `a=extmap` for all sections.
    pub extensions: Vec<ExtMap>,
    /// `a=cryptex` (RFC 9335 §4) for all sections.
    pub cryptex: bool,
    /// `a=end-of-candidates` (RFC 8840 §8.2) for all sections.
    pub end_of_candidates: bool,
    /// `a=identity` (RFC 8827 §5), the value: an assertion in base64 and its extensions.
    pub identity: Option<String>,
    /// `a=msid-semantic`.
    pub msid_semantic: Option<MsidSemantic>,
    /// Everything else of the session level, in order.
    pub attributes: Vec<Attribute>,
    /// `i= u= e= p= t= r= z= k=`, in this order; but `t=0 0`, which is written where there is no other `t=`.
    pub other_lines: Vec<OtherLine>,
    /// The media sections.
    pub media: Vec<Media>,
}

impl SessionDescription {
    /// A description without media; its session is called `-`.
    pub fn new(origin: Origin) -> Self {
        Self {
            origin,
            name: String::from("-"),
            bandwidth: Vec::new(),
            groups: Vec::new(),
            ice_lite: false,
            ice_options: Vec::new(),
            ice_ufrag: None,
            ice_pwd: None,
            fingerprints: Vec::new(),
            setup: None,
            extmap_allow_mixed: false,
            extensions: Vec::new(),
            cryptex: false,
            end_of_candidates: false,
            identity: None,
            msid_semantic: None,
            attributes: Vec::new(),
            other_lines: Vec::new(),
            media: Vec::new(),
        }
    }

    /// Reads a description from octets: the body of an HTTP request, for example.
    ///
    /// # Errors
    /// What [`str::parse`] gives; and octets that are no UTF-8 (RFC 8866 §5), with the line they are in.
    pub fn from_bytes(octets: &[u8]) -> Result<Self, ParseError> {
        // The length first: nobody is to make us look for mistakes in megabytes.
        if octets.len() > crate::MAX_LENGTH {
            return Err(ParseError::TooLong { length: octets.len() });
        }
        match std::str::from_utf8(octets) {
            Ok(text) => text.parse(),
            Err(error) => Err(ParseError::not_utf8(octets, error.valid_up_to())),
        }
    }

    /// The members of the first `a=group:BUNDLE` (RFC 9143 §4).
    pub fn bundle(&self) -> Option<&[String]> {
        self.groups.iter().find(|g| g.semantics == "BUNDLE").map(|g| g.mids.as_slice())
    }

    /// The section with this mid.
    pub fn media_by_mid(&self, mid: &str) -> Option<&Media> {
        self.media.iter().find(|media| media.mid.as_deref() == Some(mid))
    }

    /// Whether there is an `a=crypto` (RFC 4568) on any level.
    pub fn has_crypto(&self) -> bool {
        self.media.iter().any(|media| !media.crypto.is_empty())
            || self.attributes.iter().any(|a| a.name.trim_ascii().eq_ignore_ascii_case("crypto"))
    }
}

impl std::str::FromStr for SessionDescription {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        parse::description(text)
    }
}

/// `o=` (RFC 8866 §5.2): who wrote the description, and which version of it this is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// User name, `-` in practice; no spaces.
    pub username: String,
    /// Constant for a session.
    pub session_id: u64,
    /// Grows with every description of the session.
    pub session_version: u64,
    /// Where it was written; means nothing. A domain name is read as the unspecified address.
    pub address: IpAddr,
}

impl Origin {
    /// `o=- <session_id> <session_version> IN IP4 127.0.0.1`, what browsers write.
    pub fn new(session_id: u64, session_version: u64) -> Self {
        Self {
            username: String::from("-"),
            session_id,
            session_version,
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        }
    }
}
