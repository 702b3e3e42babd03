//! The sending direction.

use std::fmt;

use crate::cipher::{Cipher, E_FLAG, RtpPosition, WORD};
use crate::cryptex;
use crate::derivation::Derivation;
use crate::error::{KeyError, ProtectError};
use crate::index::INDEX_END;
use crate::packet::{RtpHeader, rtcp_ssrc};
use crate::profile::Profile;
use crate::session_keys::{Protocol, SessionKeys};
use crate::used::UsedIndices;
use crate::window::WindowSize;

/// SRTCP indices have 31 bits (RFC 3711 §3.4).
const RTCP_INDEX_END: u32 = 1 << 31;
/// Larger than any datagram, and far below the 2^20 octets that one counter may encrypt.
const MAX_PACKET: usize = 65_535;

/// Protects what one side sends: RTP and RTCP under the keys of one direction.
///
/// A packet index is used once. The Protector keeps a window of the indices used per SSRC and
/// refuses one that was used before or that is older than the window; a packet that arrived late
/// may still go out under its own, lower, index, once.
///
/// It serves at most [`MAX_OUTGOING_SSRCS`](crate::MAX_OUTGOING_SSRCS) SSRCs and never forgets one.
///
/// What an RTP packet needs are the Protector's own octets, at most 600, 48 octets per stream, and AWS-LC's AES-GCM key
/// where that is used; the RTCP key stands apart.
pub struct Protector {
    rtp: Cipher,
    used: UsedIndices,
    // Rarely used, so out of the way of the RTP keys of many subscribers.
    rtcp: Box<RtcpSender>,
}

struct RtcpSender {
    profile: Profile,
    cipher: Cipher,
    /// One counter for all SSRCs: RFC 3711 §3.4 asks for unique indices per SSRC, no more.
    next_index: u32,
}

impl Protector {
    /// Derives the session keys (RFC 3711 §4.3, RFC 7714 §11).
    ///
    /// # Errors
    /// The key or the salt has not the length that the profile needs.
    pub fn new(profile: Profile, master_key: &[u8], master_salt: &[u8]) -> Result<Self, KeyError> {
        Self::with_window(profile, master_key, master_salt, WindowSize::default())
    }

    /// As [`Protector::new`], with a window of used indices of another size than 128.
    ///
    /// # Errors
    /// The key or the salt has not the length that the profile needs.
    pub fn with_window(
        profile: Profile,
        master_key: &[u8],
        master_salt: &[u8],
        window: WindowSize,
    ) -> Result<Self, KeyError> {
        let derivation = Derivation::new(profile, master_key, master_salt)?;
        let cipher = |protocol| {
            let keys = SessionKeys::derive(profile, protocol, &derivation);
            let (expected, actual) = (profile.key_len(), master_key.len());
            Cipher::new(profile, protocol, &keys).ok_or(KeyError::KeyLength { expected, actual })
        };
        Ok(Self {
            rtp: cipher(Protocol::Rtp)?,
            used: UsedIndices::new(window),
            rtcp: Box::new(RtcpSender { profile, cipher: cipher(Protocol::Rtcp)?, next_index: 0 }),
        })
    }

    /// The profile the keys are for.
    pub fn profile(&self) -> Profile {
        self.rtcp.profile
    }

    /// Writes `header`, the encrypted `payload` and the tag into `out`; the length of that.
    ///
    /// `index` is the 48-bit packet index, ROC * 2^16 + SEQ, whose low 16 bits stand in `header`;
    /// `header` is the whole RTP header with CSRCs and extension. `out` needs
    /// [`Profile::rtp_overhead`] octets beside header and payload.
    ///
    /// # Errors
    /// Every [`ProtectError`]. The index is claimed before the cipher runs, so that nothing that goes wrong in between lets it be
    /// used twice: only `Malformed`, `KeyExhausted`, `IndexMismatch`, `BufferTooSmall` and a `TooLarge` that the lengths tell leave it
    /// unused. After any other error count it as used.
    pub fn protect_rtp_into(
        &mut self,
        index: u64,
        header: &[u8],
        payload: &[u8],
        out: &mut [u8],
    ) -> Result<usize, ProtectError> {
        self.seal_rtp_into(false, index, header, [payload], out)
    }

    /// As [`Protector::protect_rtp_into`], with a payload that lies in several parts: what a forwarder passes on, and padding of its own.
    ///
    /// # Errors
    /// As those of [`Protector::protect_rtp_into`].
    pub fn protect_rtp_parts_into<const N: usize>(
        &mut self,
        index: u64,
        header: &[u8],
        payload: [&[u8]; N],
        out: &mut [u8],
    ) -> Result<usize, ProtectError> {
        self.seal_rtp_into(false, index, header, payload, out)
    }

    /// As [`Protector::protect_rtp_into`], with CSRCs and the header extension encrypted too: Cryptex
    /// (RFC 9335), for a peer that negotiated it.
    ///
    /// The header needs an extension of RFC 8285's one-byte (0xbede) or two-byte (0x1000) form, be it
    /// empty: it tells the receiver (RFC 9335 §5.1).
    ///
    /// # Errors
    /// As those of [`Protector::protect_rtp_into`]; [`ProtectError::Malformed`] without the extension.
    pub fn protect_rtp_cryptex_into(
        &mut self,
        index: u64,
        header: &[u8],
        payload: &[u8],
        out: &mut [u8],
    ) -> Result<usize, ProtectError> {
        if !cryptex::can_hide(header) {
            return Err(ProtectError::Malformed);
        }
        self.seal_rtp_into(true, index, header, [payload], out)
    }

    #[inline]
    fn seal_rtp_into<const N: usize>(
        &mut self,
        hides_header: bool,
        index: u64,
        header: &[u8],
        payload: [&[u8]; N],
        out: &mut [u8],
    ) -> Result<usize, ProtectError> {
        let parsed = RtpHeader::parse(header).filter(|parsed| parsed.len == header.len());
        let RtpHeader { len: header_len, sequence_number, ssrc } =
            parsed.ok_or(ProtectError::Malformed)?;
        if index >= INDEX_END {
            return Err(ProtectError::KeyExhausted);
        }
        if index & 0xffff != u64::from(sequence_number) {
            return Err(ProtectError::IndexMismatch { index, sequence_number });
        }
        let payload_len: usize = payload.iter().map(|part| part.len()).sum();
        let out = reserve(out, header_len + payload_len, self.rtp.trailer_len())?;
        // Before the cipher runs: no failure after this line may leave two packets under one index.
        self.used.claim(ssrc, index)?;
        copy(copy(out, [header]), payload);
        let mut at = RtpPosition { ssrc, index, header_len, hidden_csrc_len: 0 };
        if hides_header {
            cryptex::mark_hidden(out);
            at.header_len = cryptex::CLEAR;
            at.hidden_csrc_len = cryptex::csrc_len(out);
        }
        let sealed = self.rtp.seal_rtp(at, out);
        if sealed { Ok(out.len()) } else { Err(ProtectError::TooLarge) }
    }

    /// Writes the compound (or reduced-size) RTCP `packet`, encrypted and authenticated, into
    /// `out`; the length of that. `out` needs [`Profile::rtcp_overhead`] octets more.
    ///
    /// # Errors
    /// [`ProtectError::Malformed`], `TooLarge`, `BufferTooSmall`; `KeyExhausted` after 2^31 packets.
    pub fn protect_rtcp_into(
        &mut self,
        packet: &[u8],
        out: &mut [u8],
    ) -> Result<usize, ProtectError> {
        self.seal_rtcp_into(E_FLAG, packet, out)
    }

    /// As [`Protector::protect_rtcp_into`], but not encrypted: the E flag is clear (RFC 3711 §3.4,
    /// RFC 7714 §9.3). For third parties that have to read reports; WebRTC always encrypts.
    ///
    /// # Errors
    /// As those of [`Protector::protect_rtcp_into`], with which it shares the indices.
    pub fn authenticate_rtcp_into(
        &mut self,
        packet: &[u8],
        out: &mut [u8],
    ) -> Result<usize, ProtectError> {
        self.seal_rtcp_into(0, packet, out)
    }

    fn seal_rtcp_into(
        &mut self,
        e_flag: u32,
        packet: &[u8],
        out: &mut [u8],
    ) -> Result<usize, ProtectError> {
        let ssrc = rtcp_ssrc(packet).ok_or(ProtectError::Malformed)?;
        let RtcpSender { cipher, next_index, .. } = &mut *self.rtcp;
        let out = reserve(out, packet.len(), cipher.trailer_len() + WORD)?;
        let index = *next_index;
        if index >= RTCP_INDEX_END {
            return Err(ProtectError::KeyExhausted);
        }
        // Before the cipher runs, as for RTP.
        *next_index += 1;
        copy(out, [packet]);
        let sealed = cipher.seal_rtcp(ssrc, index | e_flag, out);
        if sealed { Ok(out.len()) } else { Err(ProtectError::TooLarge) }
    }
}

/// The part of `out` that the protected packet fills.
fn reserve(out: &mut [u8], plain: usize, overhead: usize) -> Result<&mut [u8], ProtectError> {
    if plain > MAX_PACKET - overhead {
        return Err(ProtectError::TooLarge);
    }
    let (needed, available) = (plain + overhead, out.len());
    out.get_mut(..needed).ok_or(ProtectError::BufferTooSmall { needed, available })
}

/// Lays `parts` one behind the other, and gives what is left of `to`, which is at least as long as they are together.
fn copy<'a, const N: usize>(mut to: &'a mut [u8], parts: [&[u8]; N]) -> &'a mut [u8] {
    for part in parts {
        let Some((place, rest)) = to.split_at_mut_checked(part.len()) else { return &mut [] };
        place.copy_from_slice(part);
        to = rest;
    }
    to
}

impl fmt::Debug for Protector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Protector")
            .field("profile", &self.profile())
            .field("ssrcs", &self.used.ssrcs())
            .field("next_rtcp_index", &self.rtcp.next_index)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{hex, number, text, vectors};

    /// Many subscribers' contexts have to fit the cache (a processor's L2 holds 1,000 of them).
    #[test]
    fn a_context_is_at_most_600_octets() {
        assert!(size_of::<Protector>() <= 600, "{}", size_of::<Protector>());
        assert!(size_of::<(u32, crate::window::Window)>() <= 48);
    }

    /// The largest SRTCP index cannot be reached through the public API in a test's time.
    #[test]
    fn the_last_rtcp_index_is_used_and_none_after_it() {
        let mut checked = 0;
        for vector in vectors("srtp_packets")["packets"].as_array().unwrap() {
            if !text(vector, "id").starts_with("rtcp_compound_index_max_") {
                continue;
            }
            let profile = Profile::from_name(text(vector, "profile")).unwrap();
            let (key, salt) = (hex(vector, "master_key"), hex(vector, "master_salt"));
            let mut protector = Protector::new(profile, &key, &salt).unwrap();
            protector.rtcp.next_index = number(vector, "srtcp_index") as u32;
            let plain = hex(vector, "plaintext_packet");
            let mut out = [0; 200];
            let len = protector.protect_rtcp_into(&plain, &mut out).unwrap();
            assert_eq!(out[..len], hex(vector, "protected_packet"));
            for _ in 0..3 {
                let after = protector.protect_rtcp_into(&plain, &mut out);
                assert_eq!(after, Err(ProtectError::KeyExhausted));
                let after = protector.authenticate_rtcp_into(&plain, &mut out);
                assert_eq!(after, Err(ProtectError::KeyExhausted));
            }
            checked += 1;
        }
        assert_eq!(checked, 3);
    }
}
