//! The restriction identifier of the stream that a retransmission stream repairs (RFC 8852 §3.2).

use super::rid;

/// What SDP calls it.
pub const URI: &str = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id";

/// The identifier, with the characters of [`rid::read`].
#[must_use]
pub fn read(data: &[u8]) -> Option<&str> {
    rid::read(data)
}

/// The element's data.
#[must_use]
pub const fn encode(rid: &str) -> &[u8] {
    rid::encode(rid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes_and_nothing_else() {
        assert_eq!(read(encode("r1")), Some("r1"));
        assert_eq!(read(b""), None);
        assert_eq!(read(b"r 1"), None);
    }
}
