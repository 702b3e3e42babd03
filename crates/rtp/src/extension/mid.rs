//! The media identification, which names the m-line a stream belongs to (RFC 9143 §15).

/// What SDP calls it.
pub const URI: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";

/// The identification: an RFC 4566 token. `None` for an empty one or one with other characters.
#[must_use]
pub fn read(data: &[u8]) -> Option<&str> {
    // RFC 4566 §9: token-char, the visible ASCII characters less "(),/:;<=>?@[\] and the double quote.
    let is_token = |octet: &u8| octet.is_ascii_graphic() && !br#"(),/:;<=>?@[\]""#.contains(octet);
    (!data.is_empty() && data.iter().all(is_token)).then(|| str::from_utf8(data).ok())?
}

/// The element's data.
#[must_use]
pub const fn encode(mid: &str) -> &[u8] {
    mid.as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_read() {
        assert_eq!(read(b"0"), Some("0"));
        assert_eq!(read(encode("audio-1{x}")), Some("audio-1{x}"));
    }

    #[test]
    fn anything_else_is_not() {
        for data in [&b""[..], b"a b", b"a\0", b"a/b", b"\xff", "é".as_bytes(), b"a\""] {
            assert_eq!(read(data), None, "{data:?}");
        }
    }
}
