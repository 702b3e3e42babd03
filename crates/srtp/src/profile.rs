//! The protection profiles that DTLS-SRTP can negotiate.

/// How packets are encrypted and authenticated.
///
/// The first two are authenticated encryption (RFC 7714), the others encrypt with AES in counter
/// mode and authenticate with HMAC-SHA1 (RFC 3711, RFC 5764 §4.1.2).
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
}

impl Profile {
    /// Every profile, strongest and cheapest first.
    pub const ALL: [Self; 4] = [
        Self::AeadAes128Gcm,
        Self::AeadAes256Gcm,
        Self::Aes128CmHmacSha1_80,
        Self::Aes128CmHmacSha1_32,
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

    /// The DTLS `use_srtp` identifier of this profile.
    pub const fn dtls_id(self) -> u16 {
        match self {
            Self::Aes128CmHmacSha1_80 => 0x0001,
            Self::Aes128CmHmacSha1_32 => 0x0002,
            Self::AeadAes128Gcm => 0x0007,
            Self::AeadAes256Gcm => 0x0008,
        }
    }

    /// Octets of the master key.
    pub const fn key_len(self) -> usize {
        match self {
            Self::AeadAes256Gcm => 32,
            Self::AeadAes128Gcm | Self::Aes128CmHmacSha1_80 | Self::Aes128CmHmacSha1_32 => 16,
        }
    }

    /// Octets of the master salt.
    pub const fn salt_len(self) -> usize {
        match self {
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 12,
            Self::Aes128CmHmacSha1_80 | Self::Aes128CmHmacSha1_32 => 14,
        }
    }

    /// Octets that protection adds to an RTP packet.
    pub const fn rtp_overhead(self) -> usize {
        match self {
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 16,
            Self::Aes128CmHmacSha1_80 => 10,
            Self::Aes128CmHmacSha1_32 => 4,
        }
    }

    /// Octets that protection adds to an RTCP packet: the tag and the word of E flag and index.
    ///
    /// RFC 3711 §5.2: SRTCP keeps the 80-bit tag whatever SRTP uses.
    pub const fn rtcp_overhead(self) -> usize {
        match self {
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 16 + 4,
            Self::Aes128CmHmacSha1_80 | Self::Aes128CmHmacSha1_32 => 10 + 4,
        }
    }
}
