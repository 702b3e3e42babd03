//! One session key put to work on whole packets: the two families of profiles side by side.

mod aes_cm;
mod gcm;

use std::fmt;

use aes_cm::AesCm;
use gcm::Gcm;

use crate::profile::Profile;
use crate::session_keys::{Protocol, SessionKeys};

/// The E flag of the word that ends an SRTCP packet (RFC 3711 §3.4).
pub(crate) const E_FLAG: u32 = 1 << 31;

/// Where a packet stands: what the initialization vector is made from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RtpPosition {
    pub(crate) ssrc: u32,
    /// 48 bits.
    pub(crate) index: u64,
    /// Octets that stay in the clear.
    pub(crate) header_len: usize,
}

impl RtpPosition {
    fn roll_over_counter(self) -> u32 {
        // 48 bits less 16: it fits.
        u32::try_from(self.index >> 16).unwrap_or(u32::MAX)
    }

    /// The 48 bits of the index.
    fn index_octets(self) -> [u8; 6] {
        let [_, _, octets @ ..] = self.index.to_be_bytes();
        octets
    }
}

/// The packet would not be authentic, or is too short to be protected at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unauthentic;

/// The cipher of one direction and one protocol.
// Both variants are a few hundred octets of expanded key, read for every packet: in place.
#[allow(clippy::large_enum_variant, reason = "an indirection per packet costs more than the space")]
pub(crate) enum Cipher {
    Gcm(Gcm),
    AesCm(AesCm),
}

impl Cipher {
    pub(crate) fn new(profile: Profile, protocol: Protocol, keys: &SessionKeys) -> Option<Self> {
        let tag_len = match protocol {
            Protocol::Rtp => profile.rtp_overhead(),
            Protocol::Rtcp => profile.rtcp_overhead() - 4,
        };
        match profile {
            Profile::AeadAes128Gcm | Profile::AeadAes256Gcm => Gcm::new(keys).map(Self::Gcm),
            Profile::Aes128CmHmacSha1_80 | Profile::Aes128CmHmacSha1_32 => {
                AesCm::new(keys, tag_len).map(Self::AesCm)
            }
        }
    }

    /// `packet` is header, payload and room for the tag. `false` if that room is not there.
    #[must_use]
    pub(crate) fn seal_rtp(&self, at: RtpPosition, packet: &mut [u8]) -> bool {
        match self {
            Self::Gcm(gcm) => gcm.seal_rtp(at, packet),
            Self::AesCm(aes_cm) => aes_cm.seal_rtp(at, packet),
        }
        .is_some()
    }

    /// Decrypts in place; the length of the plaintext packet.
    pub(crate) fn open_rtp(
        &self,
        at: RtpPosition,
        packet: &mut [u8],
    ) -> Result<usize, Unauthentic> {
        match self {
            Self::Gcm(gcm) => gcm.open_rtp(at, packet),
            Self::AesCm(aes_cm) => aes_cm.open_rtp(at, packet),
        }
        .ok_or(Unauthentic)
    }

    /// `packet` is the RTCP packet and room for tag and index. `false` if that room is not there.
    #[must_use]
    pub(crate) fn seal_rtcp(&self, ssrc: u32, index: u32, packet: &mut [u8]) -> bool {
        match self {
            Self::Gcm(gcm) => gcm.seal_rtcp(ssrc, index, packet),
            Self::AesCm(aes_cm) => aes_cm.seal_rtcp(ssrc, index, packet),
        }
        .is_some()
    }

    /// The word of E flag and index of a protected RTCP packet, not yet authenticated.
    pub(crate) fn rtcp_word(&self, packet: &[u8]) -> Option<u32> {
        let before_tag = match self {
            // RFC 7714 §9.2: after the tag.
            Self::Gcm(_) => packet,
            // RFC 3711 §3.4: before it.
            Self::AesCm(aes_cm) => aes_cm.split_tag(packet)?.0,
        };
        before_tag.last_chunk().map(|word| u32::from_be_bytes(*word))
    }

    /// Decrypts in place, if the word says that the packet is encrypted; the plaintext's length.
    pub(crate) fn open_rtcp(
        &self,
        ssrc: u32,
        word: u32,
        packet: &mut [u8],
    ) -> Result<usize, Unauthentic> {
        match self {
            Self::Gcm(gcm) => gcm.open_rtcp(ssrc, word, packet),
            Self::AesCm(aes_cm) => aes_cm.open_rtcp(ssrc, word, packet),
        }
        .ok_or(Unauthentic)
    }
}

impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gcm(_) => "Gcm(..)",
            Self::AesCm(_) => "AesCm(..)",
        })
    }
}
