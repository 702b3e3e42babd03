//! The receiving direction.

use std::fmt;

use crate::cipher::{Cipher, E_FLAG, RtpPosition, WORD};
use crate::cryptex;
use crate::derivation::Derivation;
use crate::error::{KeyError, UnprotectError};
use crate::index::{Estimate, estimate};
use crate::packet::{RTCP_HEADER, RtpHeader, rtcp_ssrc};
use crate::profile::Profile;
use crate::recent::Recent;
use crate::session_keys::{Protocol, SessionKeys};
use crate::window::{Standing, Window, WindowSize};

/// Verifies and decrypts what one peer sends: RTP and RTCP under the keys of one direction.
///
/// State (roll-over counters, replay windows) moves only after a packet's tag verified. The
/// [`MAX_INCOMING_SSRCS`](crate::MAX_INCOMING_SSRCS) SSRCs heard last are remembered; an authenticated
/// packet of one more takes the place of the one silent longest, which begins anew with roll-over
/// counter 0 if it returns.
pub struct Unprotector {
    rtp: Cipher,
    rtp_streams: Recent,
    rtcp: Box<RtcpReceiver>,
}

/// And what else is rarely used.
struct RtcpReceiver {
    profile: Profile,
    accepts_cryptex: bool,
    cipher: Cipher,
    streams: Recent,
}

/// A packet whose tag was right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnprotectedRtp {
    /// The plaintext packet is `packet[..len]`.
    pub len: usize,
    /// Its 48-bit index: ROC * 2^16 + SEQ.
    pub index: u64,
}

impl Unprotector {
    /// Derives the session keys (RFC 3711 §4.3, RFC 7714 §11). Replay windows of 128 packets.
    ///
    /// # Errors
    /// The key or the salt has not the length that the profile needs.
    pub fn new(profile: Profile, master_key: &[u8], master_salt: &[u8]) -> Result<Self, KeyError> {
        Self::with_window(profile, master_key, master_salt, WindowSize::default())
    }

    /// As [`Unprotector::new`], with replay windows of another size than 128.
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
        let rtp = cipher(Protocol::Rtp)?;
        let (cipher, streams) = (cipher(Protocol::Rtcp)?, Recent::new(window));
        Ok(Self {
            rtp,
            rtp_streams: Recent::new(window),
            rtcp: Box::new(RtcpReceiver { profile, accepts_cryptex: false, cipher, streams }),
        })
    }

    /// From now on every packet carries a master key identifier (MKI, RFC 3711 §3.1) of so many
    /// octets; 0, which is where it starts, means none.
    ///
    /// The identifier is stepped over whatever its value: there is one master key, so the tag alone
    /// decides. It is not authenticated and not returned.
    pub fn expect_mki(&mut self, octets: u8) {
        self.rtp.set_mki_len(octets);
        self.rtcp.cipher.set_mki_len(octets);
    }

    /// From now on packets may hide their CSRCs and header extension (Cryptex, RFC 9335), because that
    /// was negotiated; they open to what they were before.
    ///
    /// Otherwise such a packet is either unauthentic (AEAD) or opens to nonsense behind the fixed
    /// header (HMAC-SHA1), as it would with any receiver that does not know of it.
    pub fn accept_cryptex(&mut self) {
        self.rtcp.accepts_cryptex = true;
    }

    /// The profile the keys are for.
    pub fn profile(&self) -> Profile {
        self.rtcp.profile
    }

    /// Verifies and decrypts an SRTP packet in place.
    ///
    /// # Errors
    /// Says why the packet is to be dropped. Nothing has changed then, except the packet's buffer.
    pub fn unprotect_rtp(&mut self, packet: &mut [u8]) -> Result<UnprotectedRtp, UnprotectError> {
        let RtpHeader { len: header_len, sequence_number, ssrc } =
            RtpHeader::parse(packet).ok_or(UnprotectError::Malformed)?;
        if packet.len() < header_len + self.rtp.trailer_len() {
            return Err(UnprotectError::Malformed);
        }
        let (place, window) = self.rtp_streams.find(ssrc).unzip();
        let index = match estimate(window.and_then(Window::highest), sequence_number) {
            Estimate::Index(index) => index,
            Estimate::BeforeFirst => return Err(UnprotectError::TooOld),
            Estimate::PastLast => return Err(UnprotectError::KeyExhausted),
        };
        // RFC 3711 §3.3 has the replay check before authentication, the update after it.
        check(window, index)?;
        let mut at = RtpPosition { ssrc, index, header_len, hidden_csrc_len: 0 };
        let hides_header = cryptex::is_hidden(packet) && self.rtcp.accepts_cryptex;
        if hides_header {
            at.header_len = cryptex::CLEAR;
            at.hidden_csrc_len = cryptex::csrc_len(packet);
        }
        let len = self.rtp.open_rtp(at, packet).map_err(|_| UnprotectError::Unauthentic)?;
        if hides_header {
            cryptex::mark_open(packet);
        }
        self.rtp_streams.accept(place, ssrc, index);
        Ok(UnprotectedRtp { len, index })
    }

    /// Verifies and decrypts an SRTCP packet in place; the length of the plaintext compound.
    ///
    /// A packet that is authenticated but not encrypted (E flag clear) is accepted: RFC 3711 §3.4
    /// leaves encryption to the sender, and only the peer can have made the tag.
    ///
    /// # Errors
    /// Says why the packet is to be dropped. Nothing has changed then, except the packet's buffer.
    pub fn unprotect_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, UnprotectError> {
        let ssrc = rtcp_ssrc(packet).ok_or(UnprotectError::Malformed)?;
        let RtcpReceiver { cipher, streams, .. } = &mut *self.rtcp;
        if packet.len() < RTCP_HEADER + WORD + cipher.trailer_len() {
            return Err(UnprotectError::Malformed);
        }
        let word = cipher.rtcp_word(packet).ok_or(UnprotectError::Malformed)?;
        let index = u64::from(word & !E_FLAG);
        let (place, window) = streams.find(ssrc).unzip();
        check(window, index)?;
        let opened = cipher.open_rtcp(ssrc, word, packet);
        let len = opened.map_err(|_| UnprotectError::Unauthentic)?;
        streams.accept(place, ssrc, index);
        Ok(len)
    }

    /// How many SSRCs of RTP and of RTCP are remembered.
    pub fn ssrcs(&self) -> (usize, usize) {
        (self.rtp_streams.ssrcs(), self.rtcp.streams.ssrcs())
    }
}

#[inline]
fn check(window: Option<&Window>, index: u64) -> Result<(), UnprotectError> {
    match window.map_or(Standing::Fresh, |window| window.standing(index)) {
        Standing::Fresh => Ok(()),
        Standing::Seen => Err(UnprotectError::Replayed),
        Standing::TooOld => Err(UnprotectError::TooOld),
    }
}

impl fmt::Debug for Unprotector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rtp, rtcp) = self.ssrcs();
        f.debug_struct("Unprotector")
            .field("profile", &self.profile())
            .field("rtp_ssrcs", &rtp)
            .field("rtcp_ssrcs", &rtcp)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{hex, number, text, vectors};

    #[test]
    fn a_context_is_at_most_600_octets() {
        assert!(size_of::<Unprotector>() <= 600, "{}", size_of::<Unprotector>());
    }

    /// A receiver does not get to roll-over counter 2^32 - 1 through the public API.
    #[test]
    fn the_last_rtp_index_opens_and_none_after_it() {
        let mut checked = 0;
        for vector in vectors("srtp_packets")["packets"].as_array().unwrap() {
            if !text(vector, "id").starts_with("rollover_roc4294967295_") {
                continue;
            }
            let profile = Profile::from_name(text(vector, "profile")).unwrap();
            let (key, salt) = (hex(vector, "master_key"), hex(vector, "master_salt"));
            let mut unprotector = Unprotector::new(profile, &key, &salt).unwrap();
            let index = number(vector, "roc") << 16 | number(vector, "sequence_number");
            unprotector.rtp_streams.accept(None, 0xcafe_babe, index - 1);
            let (plain, mut packet) =
                (hex(vector, "plaintext_packet"), hex(vector, "protected_packet"));
            let opened = unprotector.unprotect_rtp(&mut packet).unwrap();
            assert_eq!(opened, UnprotectedRtp { len: plain.len(), index });
            assert_eq!(packet[..plain.len()], plain);
            packet[2..4].fill(0);
            assert_eq!(unprotector.unprotect_rtp(&mut packet), Err(UnprotectError::KeyExhausted));
            checked += 1;
        }
        assert_eq!(checked, 3);
    }
}
