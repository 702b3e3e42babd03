//! Pieces of descriptions.

use std::str::FromStr;

use crate::{Origin, ParseError, SessionDescription, parse};

/// What follows a description by `application/trickle-ice-sdpfrag` (RFC 8840 §9): candidates as they are found, and the credentials of an ICE
/// restart. WHIP sends it with PATCH (RFC 9725 §4.3).
///
/// ```
/// use tsubame_sdp::Fragment;
///
/// let text = "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n\
///     m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=candidate:1 1 udp 2122260223 192.0.2.1 61764 typ host\r\n\
///     a=end-of-candidates\r\na=mid:0\r\n";
/// let fragment: Fragment = text.parse()?;
/// let audio = &fragment.description.media[0];
/// assert_eq!((audio.mid.as_deref(), audio.candidates.len()), (Some("0"), 1));
/// assert_eq!(fragment.to_string(), text);
/// # Ok::<(), tsubame_sdp::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// What it says. There is no `v=`, `o=`, `s=`, `t=` and `c=`: [`SessionDescription::origin`], [`SessionDescription::name`] and
    /// [`crate::Media::connection`] are neither read nor written.
    pub description: SessionDescription,
}

impl Fragment {
    /// A fragment that says nothing yet.
    pub fn new() -> Self {
        Self { description: SessionDescription::new(Origin::new(0, 0)) }
    }
}

impl Default for Fragment {
    fn default() -> Self {
        Self::new()
    }
}

impl FromStr for Fragment {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Ok(Self { description: parse::fragment(text)? })
    }
}
