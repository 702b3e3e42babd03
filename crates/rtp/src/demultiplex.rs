//! Telling RTP from RTCP on one port.

/// Whether a datagram belongs to RTP or RTCP by its first octet, 128 to 191 (RFC 7983 §7).
#[must_use]
pub fn is_rtp_or_rtcp(datagram: &[u8]) -> bool {
    matches!(datagram.first(), Some(128..=191))
}

/// Whether an RTP or RTCP datagram is RTCP: packet types 192 to 223, which as RTP would be payload
/// types 64 to 95 with the marker set (RFC 5761 §4). False for anything that is neither.
#[must_use]
pub fn is_rtcp(datagram: &[u8]) -> bool {
    is_rtp_or_rtcp(datagram) && matches!(datagram.get(1), Some(192..=223))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_octet_tells_rtp_from_stun_and_dtls() {
        for first in 0..=255 {
            assert_eq!(is_rtp_or_rtcp(&[first, 0]), (128..192).contains(&u32::from(first)));
        }
        assert!(!is_rtp_or_rtcp(&[]));
    }

    #[test]
    fn the_second_octet_tells_rtcp_from_rtp() {
        for second in 0..=255 {
            assert_eq!(is_rtcp(&[0x80, second]), (192..224).contains(&u32::from(second)));
            assert!(!is_rtcp(&[0x16, second]));
        }
        assert!(!is_rtcp(&[0x80]));
    }
}
