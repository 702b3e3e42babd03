//! The few header fields that protection needs to see.

/// What SRTP reads from an RTP header (RFC 3550 §5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RtpHeader {
    /// Octets up to the payload: fixed header, CSRCs, extension.
    pub(crate) len: usize,
    pub(crate) sequence_number: u16,
    pub(crate) ssrc: u32,
}

impl RtpHeader {
    /// `None` for what is shorter than its own header or not of version 2.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let [first, _, s0, s1, _, _, _, _, a, b, c, d] = *bytes.first_chunk::<12>()?;
        if first >> 6 != 2 {
            return None;
        }
        let mut len = 12 + 4 * usize::from(first & 0x0f);
        if first & 0x10 != 0 {
            // Two octets of profile, two of length in 32-bit words.
            let [_, _, w0, w1] = *bytes.get(len..)?.first_chunk::<4>()?;
            len += 4 + 4 * usize::from(u16::from_be_bytes([w0, w1]));
        }
        (len <= bytes.len()).then_some(Self {
            len,
            sequence_number: u16::from_be_bytes([s0, s1]),
            ssrc: u32::from_be_bytes([a, b, c, d]),
        })
    }
}

/// Octets of RTCP that stay in the clear: the first header and the sender's SSRC.
pub(crate) const RTCP_HEADER: usize = 8;

/// The sender's SSRC of a compound (or reduced-size) RTCP packet, if it is one.
pub(crate) fn rtcp_ssrc(bytes: &[u8]) -> Option<u32> {
    let [first, _, _, _, a, b, c, d] = *bytes.first_chunk::<RTCP_HEADER>()?;
    (first >> 6 == 2).then(|| u32::from_be_bytes([a, b, c, d]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_csrcs_and_extension() {
        let mut packet = vec![0x92, 0x60, 0x12, 0x34, 0, 0, 0, 1, 0xca, 0xfe, 0xba, 0xbe];
        packet.extend([0; 8]);
        packet.extend([0xbe, 0xde, 0, 2]);
        packet.extend([0; 8]);
        let header = RtpHeader { len: 32, sequence_number: 0x1234, ssrc: 0xcafe_babe };
        assert_eq!(RtpHeader::parse(&packet), Some(header));
        for len in 0..packet.len() {
            assert_eq!(RtpHeader::parse(&packet[..len]), None, "cut to {len}");
        }
    }

    #[test]
    fn refuses_other_versions() {
        for version in [0u8, 1, 3] {
            let mut packet = [0u8; 12];
            packet[0] = version << 6;
            assert_eq!(RtpHeader::parse(&packet), None);
            assert_eq!(rtcp_ssrc(&packet), None);
        }
    }
}
