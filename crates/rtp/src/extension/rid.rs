//! The restriction identifier, which names one encoding of a simulcast (RFC 8852 §3.1).

/// What SDP calls it.
pub const URI: &str = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";

/// The identifier: letters and digits (RFC 8852), and also "-" and "_", which RFC 8851 allows in SDP.
/// `None` for an empty one or one with other characters.
#[must_use]
pub fn read(data: &[u8]) -> Option<&str> {
    let is_allowed = |octet: &u8| octet.is_ascii_alphanumeric() || b"-_".contains(octet);
    (!data.is_empty() && data.iter().all(is_allowed)).then(|| str::from_utf8(data).ok())?
}

/// The element's data.
#[must_use]
pub const fn encode(rid: &str) -> &[u8] {
    rid.as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_read() {
        assert_eq!(read(encode("r0")), Some("r0"));
        assert_eq!(read(b"a-B_9"), Some("a-B_9"));
    }

    #[test]
    fn anything_else_is_not() {
        for data in [&b""[..], b"a b", b"r0\0", b"r.0", b"\xff"] {
            assert_eq!(read(data), None, "{data:?}");
        }
    }
}
