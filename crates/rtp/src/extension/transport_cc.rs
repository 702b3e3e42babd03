//! The transport-wide sequence number (draft-holmer-rmcat-transport-wide-cc-extensions-01 §2).

/// What SDP calls it.
pub const URI: &str = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";

/// The transport-wide sequence number: two octets.
#[must_use]
pub fn read(data: &[u8]) -> Option<u16> {
    data.try_into().ok().map(u16::from_be_bytes)
}

/// The element's data.
#[must_use]
pub const fn encode(sequence_number: u16) -> [u8; 2] {
    sequence_number.to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_both_ways() {
        assert_eq!(encode(0x1234), [0x12, 0x34]);
        assert_eq!(read(&[0x12, 0x34]), Some(0x1234));
        assert_eq!(read(&[1]), None);
        assert_eq!(read(&[1, 2, 3]), None);
    }
}
