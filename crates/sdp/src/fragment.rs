//! Pieces of descriptions.

use std::str::FromStr;

use crate::{Attribute, Group, Media, ParseError, SessionDescription, parse};

/// What follows a description by `application/trickle-ice-sdpfrag` (RFC 8840 §9): candidates as they are found, and the credentials of an ICE
/// restart. WHIP sends it with PATCH (RFC 9725 §4.3).
///
/// There is no `v=`, `o=`, `s=`, `t=` and `c=`. What else the session level of a description says, and a fragment has no field for, is
/// read and not kept. [`Debug`](std::fmt::Debug) hides the password.
///
/// ```
/// use tsubame_sdp::Fragment;
///
/// let text = "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n\
///     m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=candidate:1 1 udp 2122260223 192.0.2.1 61764 typ host\r\n\
///     a=end-of-candidates\r\na=mid:0\r\n";
/// let fragment: Fragment = text.parse()?;
/// assert_eq!(fragment.ice_ufrag.as_deref(), Some("EsAw"));
/// let audio = &fragment.media[0];
/// assert_eq!((audio.mid.as_deref(), audio.candidates.len()), (Some("0"), 1));
/// assert_eq!(fragment.to_string(), text);
/// # Ok::<(), tsubame_sdp::ParseError>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Fragment {
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
    /// `a=end-of-candidates` (RFC 8840 §8.2) for all sections.
    pub end_of_candidates: bool,
    /// Attributes without a type in front of the sections, in order.
    pub attributes: Vec<Attribute>,
    /// The sections, which say by their mid whose candidates they hold. [`Media::connection`] is neither read nor written.
    pub media: Vec<Media>,
}

impl Fragment {
    /// A fragment that says nothing yet.
    pub fn new() -> Self {
        Self::default()
    }
}

impl FromStr for Fragment {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let SessionDescription {
            groups,
            ice_lite,
            ice_options,
            ice_ufrag,
            ice_pwd,
            end_of_candidates,
            attributes,
            media,
            ..
        } = parse::fragment(text)?;
        Ok(Self {
            groups,
            ice_lite,
            ice_options,
            ice_ufrag,
            ice_pwd,
            end_of_candidates,
            attributes,
            media,
        })
    }
}
