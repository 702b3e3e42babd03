//! An offer of Chromium's, as it was recorded.

use tsubame_sdp::SessionDescription;

/// Audio and video to send, with candidates: 7,064 octets, 177 lines.
pub(crate) const OFFER: &str =
    include_str!("../../crates/sdp/tests/golden/chromium-offer-sendonly.sdp");

pub(crate) fn parse(text: &str) -> SessionDescription {
    text.parse().expect("an offer")
}
