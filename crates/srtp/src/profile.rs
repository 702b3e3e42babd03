//! The protection profiles.

/// How packets are encrypted and authenticated.
///
/// The AEAD profiles are authenticated encryption (RFC 7714); the others encrypt with AES in counter
/// mode and authenticate with HMAC-SHA1 (RFC 3711, RFC 6188).
///
/// DTLS-SRTP, and with it WebRTC, negotiates the four of [`Profile::DTLS`]. The two with AES-256 in
/// counter mode have no DTLS-SRTP identifier ([`Profile::dtls_id`] is `None`): they are for keys that
/// came another way, such as SDP's `a=crypto` (RFC 4568, RFC 6188 §4) or a configuration file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Profile {
    /// AEAD_AES_128_GCM (RFC 7714 §12): the cheapest, preferred wherever the peer offers it.
    AeadAes128Gcm,
    /// AEAD_AES_256_GCM (RFC 7714 §12).
    AeadAes256Gcm,
    /// SRTP_AES128_CM_HMAC_SHA1_80 (RFC 5764 §4.1.2): the one every peer has.
    Aes128CmHmacSha1_80,
    /// SRTP_AES128_CM_HMAC_SHA1_32: 4-octet tags on RTP, but 10-octet ones on RTCP.
    Aes128CmHmacSha1_32,
    /// AES_256_CM_HMAC_SHA1_80 (RFC 6188 §4.1): not for DTLS-SRTP.
    Aes256CmHmacSha1_80,
    /// AES_256_CM_HMAC_SHA1_32 (RFC 6188 §4.2): 4-octet tags on RTP, 10-octet ones on RTCP; not for
    /// DTLS-SRTP.
    Aes256CmHmacSha1_32,
}

impl Profile {
    /// Every profile that DTLS-SRTP negotiates in WebRTC, strongest and cheapest first.
    pub const DTLS: [Self; 4] = [
        Self::AeadAes128Gcm,
        Self::AeadAes256Gcm,
        Self::Aes128CmHmacSha1_80,
        Self::Aes128CmHmacSha1_32,
    ];

    /// Every profile: those of [`Profile::DTLS`], then those without a DTLS-SRTP identifier.
    pub const ALL: [Self; 6] = [
        Self::AeadAes128Gcm,
        Self::AeadAes256Gcm,
        Self::Aes128CmHmacSha1_80,
        Self::Aes128CmHmacSha1_32,
        Self::Aes256CmHmacSha1_80,
        Self::Aes256CmHmacSha1_32,
    ];

    /// The profile of a DTLS `use_srtp` identifier (RFC 5764 §4.1.2, RFC 7714 §14.2), if known.
    pub const fn from_dtls_id(id: u16) -> Option<Self> {
        Some(match id {
            0x0001 => Self::Aes128CmHmacSha1_80,
            0x0002 => Self::Aes128CmHmacSha1_32,
            0x0007 => Self::AeadAes128Gcm,
            0x0008 => Self::AeadAes256Gcm,
            _ => return None,
        })
    }

    /// The DTLS `use_srtp` identifier; `None` for AES-256 in counter mode, which has none.
    pub const fn dtls_id(self) -> Option<u16> {
        Some(match self {
            Self::Aes128CmHmacSha1_80 => 0x0001,
            Self::Aes128CmHmacSha1_32 => 0x0002,
            Self::AeadAes128Gcm => 0x0007,
            Self::AeadAes256Gcm => 0x0008,
            Self::Aes256CmHmacSha1_80 | Self::Aes256CmHmacSha1_32 => return None,
        })
    }

    /// The name in the registry of SRTP crypto suites (RFC 4568 §6.2, RFC 6188 §4, RFC 7714 §14.1).
    pub const fn name(self) -> &'static str {
        match self {
            Self::AeadAes128Gcm => "AEAD_AES_128_GCM",
            Self::AeadAes256Gcm => "AEAD_AES_256_GCM",
            Self::Aes128CmHmacSha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Self::Aes128CmHmacSha1_32 => "AES_CM_128_HMAC_SHA1_32",
            Self::Aes256CmHmacSha1_80 => "AES_256_CM_HMAC_SHA1_80",
            Self::Aes256CmHmacSha1_32 => "AES_256_CM_HMAC_SHA1_32",
        }
    }

    /// The profile of a [name](Profile::name), if known.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.name() == name)
    }

    /// Octets of the master key, and of the session's encryption key.
    pub const fn key_len(self) -> usize {
        match self {
            Self::AeadAes128Gcm | Self::Aes128CmHmacSha1_80 | Self::Aes128CmHmacSha1_32 => 16,
            Self::AeadAes256Gcm | Self::Aes256CmHmacSha1_80 | Self::Aes256CmHmacSha1_32 => 32,
        }
    }

    /// Octets of the master salt.
    pub const fn salt_len(self) -> usize {
        if self.is_aead() { 12 } else { 14 }
    }

    /// Octets that protection adds to an RTP packet.
    pub const fn rtp_overhead(self) -> usize {
        match self {
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 16,
            Self::Aes128CmHmacSha1_80 | Self::Aes256CmHmacSha1_80 => 10,
            Self::Aes128CmHmacSha1_32 | Self::Aes256CmHmacSha1_32 => 4,
        }
    }

    /// Octets that protection adds to an RTCP packet: the tag and the word of E flag and index.
    ///
    /// RFC 3711 §5.2: SRTCP keeps the 80-bit tag whatever SRTP uses.
    pub const fn rtcp_overhead(self) -> usize {
        if self.is_aead() { 16 + 4 } else { 10 + 4 }
    }

    pub(crate) const fn is_aead(self) -> bool {
        matches!(self, Self::AeadAes128Gcm | Self::AeadAes256Gcm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dtls_identifiers_and_names_lead_back_to_their_profile() {
        for profile in Profile::ALL {
            let is_negotiable = Profile::DTLS.contains(&profile);
            assert_eq!(profile.dtls_id().and_then(Profile::from_dtls_id).is_some(), is_negotiable);
            assert!(profile.dtls_id().is_none_or(|id| Profile::from_dtls_id(id) == Some(profile)));
            assert_eq!(Profile::from_name(profile.name()), Some(profile));
        }
        assert_eq!(Profile::from_name("NULL_HMAC_SHA1_80"), None);
    }

    /// 3 and 4 stood for AES-256 in counter mode in a draft of RFC 5764, and for nothing since.
    #[test]
    fn identifiers_that_name_no_profile_of_ours_are_unknown() {
        let known: Vec<_> = (0..=u16::MAX).filter_map(Profile::from_dtls_id).collect();
        assert_eq!(known.len(), Profile::DTLS.len());
        for id in [0x0000, 0x0003, 0x0004, 0x0005, 0x0006, 0x0009, 0x000a] {
            assert_eq!(Profile::from_dtls_id(id), None);
        }
    }
}
