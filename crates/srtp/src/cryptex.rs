//! Cryptex (RFC 9335): CSRCs and the header extension are encrypted with the payload.
//!
//! What stays in the clear is the fixed header and the four octets that begin the extension, whose
//! "defined by profile" field tells that the rest is hidden.

/// Octets of the fixed RTP header.
const FIXED: usize = 12;
/// Octets that begin an extension: "defined by profile" and the length.
const EXTENSION: usize = 4;

/// What stays in the clear.
pub(crate) const CLEAR: usize = FIXED + EXTENSION;

/// "Defined by profile" of RFC 8285's one- and two-byte extensions, and of the same hidden (§5.1).
const PROFILES: [([u8; 2], [u8; 2]); 2] =
    [([0xbe, 0xde], [0xc0, 0xde]), ([0x10, 0x00], [0xc2, 0xde])];

/// Octets of CSRCs of an RTP packet.
pub(crate) fn csrc_len(packet: &[u8]) -> usize {
    packet.first().map_or(0, |first| 4 * usize::from(first & 0x0f))
}

/// Whether there is an extension that can be hidden.
pub(crate) fn can_hide(packet: &[u8]) -> bool {
    profile_of(packet).is_some_and(|known| PROFILES.iter().any(|(open, _)| *open == known))
}

/// Whether the packet says that it hides its CSRCs and extension.
pub(crate) fn is_hidden(packet: &[u8]) -> bool {
    profile_of(packet).is_some_and(|known| PROFILES.iter().any(|(_, hidden)| *hidden == known))
}

/// Says so in the packet; the cipher does the hiding.
pub(crate) fn mark_hidden(packet: &mut [u8]) {
    replace(packet, |(open, hidden), known| (known == open).then_some(hidden));
}

/// Takes that back, after the cipher has brought everything to light.
pub(crate) fn mark_open(packet: &mut [u8]) {
    replace(packet, |(open, hidden), known| (known == hidden).then_some(open));
}

/// Brings what is encrypted together: the extension's beginning changes places with the CSRCs (§6.2).
pub(crate) fn gather(packet: &mut [u8], csrc_len: usize) -> Option<()> {
    packet.get_mut(FIXED..CLEAR + csrc_len)?.rotate_right(EXTENSION);
    Some(())
}

/// Puts it back as it is sent.
pub(crate) fn scatter(packet: &mut [u8], csrc_len: usize) -> Option<()> {
    packet.get_mut(FIXED..CLEAR + csrc_len)?.rotate_left(EXTENSION);
    Some(())
}

fn profile_of(packet: &[u8]) -> Option<[u8; 2]> {
    let has_extension = packet.first()? & 0x10 != 0;
    packet.get(FIXED + csrc_len(packet)..)?.first_chunk().copied().filter(|_| has_extension)
}

fn replace(packet: &mut [u8], by: impl Fn(([u8; 2], [u8; 2]), [u8; 2]) -> Option<[u8; 2]>) {
    let at = FIXED + csrc_len(packet);
    if let Some(place) = packet.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
        let other = PROFILES.into_iter().find_map(|pair| by(pair, *place));
        *place = other.unwrap_or(*place);
    }
}
