//! One session key put to work on whole packets: the two families of profiles side by side.

mod aes_cm;
mod gcm;
mod hmac_sha1;
mod keystream;

use std::fmt;

use aes::{Aes128Enc, Aes256Enc};

use aes_cm::AesCm;
use gcm::Gcm;
#[cfg(any(test, feature = "internals"))]
pub(crate) use keystream::apply_keystream;
pub(crate) use keystream::{Aes, AesKey, Counter};

use crate::profile::Profile;
use crate::session_keys::{Protocol, SessionKeys};

/// The E flag of the word that ends an SRTCP packet (RFC 3711 §3.4).
pub(crate) const E_FLAG: u32 = 1 << 31;
/// Octets of that word.
pub(crate) const WORD: usize = 4;

/// Where a packet stands: what the initialization vector is made from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RtpPosition {
    pub(crate) ssrc: u32,
    /// 48 bits.
    pub(crate) index: u64,
    /// Octets that stay in the clear.
    pub(crate) header_len: usize,
    /// Octets of CSRCs that are encrypted though they stand within those (RFC 9335); mostly 0.
    pub(crate) hidden_csrc_len: usize,
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
    Aes128Cm(AesCm<Aes128Enc>),
    Aes256Cm(AesCm<Aes256Enc>),
}

impl Cipher {
    pub(crate) fn new(profile: Profile, protocol: Protocol, keys: &SessionKeys) -> Option<Self> {
        let tag_len = match protocol {
            Protocol::Rtp => profile.rtp_overhead(),
            Protocol::Rtcp => profile.rtcp_overhead() - WORD,
        };
        let tag_len = u8::try_from(tag_len).ok()?;
        Some(match profile {
            Profile::AeadAes128Gcm | Profile::AeadAes256Gcm => Self::Gcm(Gcm::new(keys)?),
            Profile::Aes128CmHmacSha1_80 | Profile::Aes128CmHmacSha1_32 => {
                Self::Aes128Cm(AesCm::new(keys, tag_len)?)
            }
            Profile::Aes256CmHmacSha1_80 | Profile::Aes256CmHmacSha1_32 => {
                Self::Aes256Cm(AesCm::new(keys, tag_len)?)
            }
        })
    }

    /// Packets that are opened carry a master key identifier of so many octets.
    pub(crate) fn set_mki_len(&mut self, octets: u8) {
        *match self {
            Self::Gcm(gcm) => &mut gcm.mki_len,
            Self::Aes128Cm(aes_cm) => &mut aes_cm.mki_len,
            Self::Aes256Cm(aes_cm) => &mut aes_cm.mki_len,
        } = octets;
    }

    /// Octets of tag and master key identifier: what protection adds to RTP. RTCP gets a word more.
    pub(crate) fn trailer_len(&self) -> usize {
        match self {
            Self::Gcm(gcm) => gcm.trailer_len(),
            Self::Aes128Cm(aes_cm) => aes_cm.trailer_len(),
            Self::Aes256Cm(aes_cm) => aes_cm.trailer_len(),
        }
    }

    /// `packet` is header, payload and room for the tag. `false` if that room is not there.
    #[must_use]
    pub(crate) fn seal_rtp(&self, at: RtpPosition, packet: &mut [u8]) -> bool {
        match self {
            Self::Gcm(gcm) => gcm.seal_rtp(at, packet),
            Self::Aes128Cm(aes_cm) => aes_cm.seal_rtp(at, packet),
            Self::Aes256Cm(aes_cm) => aes_cm.seal_rtp(at, packet),
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
            Self::Aes128Cm(aes_cm) => aes_cm.open_rtp(at, packet),
            Self::Aes256Cm(aes_cm) => aes_cm.open_rtp(at, packet),
        }
        .ok_or(Unauthentic)
    }

    /// `packet` is the RTCP packet and room for tag and `word`, the E flag and the index. With the
    /// flag clear it is authenticated only. `false` if that room is not there.
    #[must_use]
    pub(crate) fn seal_rtcp(&self, ssrc: u32, word: u32, packet: &mut [u8]) -> bool {
        match self {
            Self::Gcm(gcm) => gcm.seal_rtcp(ssrc, word, packet),
            Self::Aes128Cm(aes_cm) => aes_cm.seal_rtcp(ssrc, word, packet),
            Self::Aes256Cm(aes_cm) => aes_cm.seal_rtcp(ssrc, word, packet),
        }
        .is_some()
    }

    /// The word of E flag and index of a protected RTCP packet, not yet authenticated.
    pub(crate) fn rtcp_word(&self, packet: &[u8]) -> Option<u32> {
        match self {
            Self::Gcm(gcm) => gcm.rtcp_word(packet),
            Self::Aes128Cm(aes_cm) => aes_cm.rtcp_word(packet),
            Self::Aes256Cm(aes_cm) => aes_cm.rtcp_word(packet),
        }
        .map(u32::from_be_bytes)
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
            Self::Aes128Cm(aes_cm) => aes_cm.open_rtcp(ssrc, word, packet),
            Self::Aes256Cm(aes_cm) => aes_cm.open_rtcp(ssrc, word, packet),
        }
        .ok_or(Unauthentic)
    }
}

impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gcm(_) => "Gcm(..)",
            Self::Aes128Cm(_) => "Aes128Cm(..)",
            Self::Aes256Cm(_) => "Aes256Cm(..)",
        })
    }
}
