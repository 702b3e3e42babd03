//! AES in counter mode with HMAC-SHA1 (RFC 3711 §4.1.1, §4.2.1; RFC 6188 with longer keys).

use aes::cipher::KeyInit;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::hmac_sha1::HmacSha1;
use super::keystream::{Aes, apply_keystream};
use super::{E_FLAG, RtpPosition, WORD};
use crate::cryptex::{gather, scatter};
use crate::packet::RTCP_HEADER;
use crate::session_keys::SessionKeys;

/// With `Aes128Enc` or `Aes256Enc`.
pub(crate) struct AesCm<A> {
    aes: A,
    mac: HmacSha1,
    salt: Zeroizing<[u8; 14]>,
    /// 10 or 4 octets.
    tag_len: u8,
    /// Octets of the master key identifier between what is authenticated and the tag.
    pub(crate) mki_len: u8,
}

impl<A: Aes + KeyInit> AesCm<A> {
    pub(crate) fn new(keys: &SessionKeys, tag_len: u8) -> Option<Self> {
        Some(Self {
            aes: A::new_from_slice(keys.key()).ok()?,
            mac: HmacSha1::new(&*keys.auth)?,
            salt: keys.salt.clone(),
            tag_len,
            mki_len: 0,
        })
    }
}

impl<A: Aes> AesCm<A> {
    pub(crate) fn seal_rtp(&self, at: RtpPosition, packet: &mut [u8]) -> Option<()> {
        let (authenticated, tag) = self.split_mut(packet)?;
        self.apply_to_rtp(at, authenticated)?;
        self.write_tag(authenticated, &at.roll_over_counter().to_be_bytes(), tag)
    }

    pub(crate) fn open_rtp(&self, at: RtpPosition, packet: &mut [u8]) -> Option<usize> {
        let (authenticated, tag) = self.split_mut(packet)?;
        self.verify_tag(authenticated, &at.roll_over_counter().to_be_bytes(), tag)?;
        self.apply_to_rtp(at, authenticated)?;
        Some(authenticated.len())
    }

    pub(crate) fn seal_rtcp(&self, ssrc: u32, word: u32, packet: &mut [u8]) -> Option<()> {
        let (authenticated, tag) = self.split_mut(packet)?;
        let (plain, place) = authenticated.split_last_chunk_mut::<WORD>()?;
        *place = word.to_be_bytes();
        self.apply_to_rtcp(ssrc, word, plain)?;
        self.write_tag(authenticated, &[], tag)
    }

    pub(crate) fn open_rtcp(&self, ssrc: u32, word: u32, packet: &mut [u8]) -> Option<usize> {
        let (authenticated, tag) = self.split_mut(packet)?;
        self.verify_tag(authenticated, &[], tag)?;
        let (plain, _) = authenticated.split_last_chunk_mut::<WORD>()?;
        self.apply_to_rtcp(ssrc, word, plain)?;
        Some(plain.len())
    }

    /// RFC 3711 §3.4: the word stands behind the packet, before MKI and tag.
    pub(crate) fn rtcp_word(&self, packet: &[u8]) -> Option<[u8; WORD]> {
        packet.get(..packet.len().checked_sub(self.trailer_len())?)?.last_chunk().copied()
    }

    /// Octets of MKI and tag.
    pub(crate) fn trailer_len(&self) -> usize {
        usize::from(self.mki_len) + usize::from(self.tag_len)
    }

    #[inline]
    fn apply_to_rtp(&self, at: RtpPosition, packet: &mut [u8]) -> Option<()> {
        if at.hidden_csrc_len != 0 {
            gather(packet, at.hidden_csrc_len)?;
        }
        let payload = packet.get_mut(at.header_len..)?;
        apply_keystream(&self.aes, &self.iv(at.ssrc, at.index_octets()), payload);
        if at.hidden_csrc_len != 0 {
            scatter(packet, at.hidden_csrc_len)?;
        }
        Some(())
    }

    fn apply_to_rtcp(&self, ssrc: u32, word: u32, plain: &mut [u8]) -> Option<()> {
        let payload = plain.get_mut(RTCP_HEADER..)?;
        if word & E_FLAG != 0 {
            let [a, b, c, d] = (word & !E_FLAG).to_be_bytes();
            apply_keystream(&self.aes, &self.iv(ssrc, [0, 0, a, b, c, d]), payload);
        }
        Some(())
    }

    /// What the tag covers, and the tag. The MKI between them is not authenticated (RFC 3711 §3.1).
    fn split_mut<'p>(&self, packet: &'p mut [u8]) -> Option<(&'p mut [u8], &'p mut [u8])> {
        let len = packet.len().checked_sub(self.trailer_len())?;
        let (authenticated, trailer) = packet.split_at_mut_checked(len)?;
        Some((authenticated, trailer.get_mut(usize::from(self.mki_len)..)?))
    }

    /// RFC 3711 §4.2: SRTP authenticates the packet and, as `suffix`, its roll-over counter; SRTCP
    /// carries its index along.
    fn write_tag(&self, authenticated: &[u8], suffix: &[u8], tag: &mut [u8]) -> Option<()> {
        let full = self.mac.tag(authenticated, suffix);
        tag.copy_from_slice(full.get(..tag.len())?);
        Some(())
    }

    /// In constant time.
    fn verify_tag(&self, authenticated: &[u8], suffix: &[u8], tag: &[u8]) -> Option<()> {
        let full = self.mac.tag(authenticated, suffix);
        bool::from(full.get(..tag.len())?.ct_eq(tag)).then_some(())
    }

    /// RFC 3711 §4.1.1 without its last 16 bits: salt XOR (SSRC * 2^48) XOR index.
    fn iv(&self, ssrc: u32, index: [u8; 6]) -> [u8; 14] {
        let [a, b, c, d] = ssrc.to_be_bytes();
        let [e, f, g, h, i, j] = index;
        let mut iv = [0, 0, 0, 0, a, b, c, d, e, f, g, h, i, j];
        for (octet, salt) in iv.iter_mut().zip(self.salt.iter()) {
            *octet ^= salt;
        }
        iv
    }
}

#[cfg(test)]
mod tests {
    use aes::{Aes128Enc, Aes192Enc};

    use super::*;
    use crate::testing::{array, hex, number, text, vectors};

    /// The packets of profiles that are no [`Profile`](crate::Profile): AES-192 (RFC 6188), and NULL
    /// encryption, whose HMAC is the same.
    #[test]
    fn packets_of_other_lengths_and_without_encryption() {
        let mut checked = 0;
        for vector in array(&vectors("srtp_packets"), "packets") {
            match text(vector, "profile") {
                "AES_192_CM_HMAC_SHA1_80" => aes_192_packet(vector),
                "NULL_HMAC_SHA1_80" => null_packet(vector),
                _ => continue,
            }
            checked += 1;
        }
        assert_eq!(checked, 3);
    }

    fn aes_192_packet(vector: &serde_json::Value) {
        let keys = SessionKeys::given(
            &hex(vector, "session_key"),
            &hex(vector, "session_salt"),
            &hex(vector, "session_auth_key"),
        );
        let cipher = AesCm::<Aes192Enc>::new(&keys, 10).unwrap();
        let (plain, protected) = (hex(vector, "plaintext_packet"), hex(vector, "protected_packet"));
        let at = RtpPosition {
            ssrc: u32::from_be_bytes(plain[8..12].try_into().unwrap()),
            index: number(vector, "roc") << 16 | number(vector, "sequence_number"),
            header_len: 12,
            hidden_csrc_len: 0,
        };
        let mut packet = plain.clone();
        packet.extend([0; 10]);
        cipher.seal_rtp(at, &mut packet).unwrap();
        assert_eq!(packet, protected);
        assert_eq!(cipher.open_rtp(at, &mut packet), Some(plain.len()));
        assert_eq!(packet[..plain.len()], plain);
    }

    /// SRTP's authentication without its encryption; SRTCP with the E flag clear is just that.
    fn null_packet(vector: &serde_json::Value) {
        let keys = SessionKeys::given(&[0; 16], &[0; 14], &hex(vector, "session_auth_key"));
        let cipher = AesCm::<Aes128Enc>::new(&keys, 10).unwrap();
        let (plain, protected) = (hex(vector, "plaintext_packet"), hex(vector, "protected_packet"));
        if text(vector, "kind") == "rtcp" {
            let word = number(vector, "srtcp_index") as u32;
            let mut packet = plain.clone();
            packet.extend([0; WORD + 10]);
            cipher.seal_rtcp(1, word, &mut packet).unwrap();
            assert_eq!(packet, protected);
            assert_eq!(cipher.open_rtcp(1, word, &mut packet), Some(plain.len()));
        } else {
            let roll_over_counter = number(vector, "roc") as u32;
            let (authenticated, tag) = protected.split_at(plain.len());
            assert_eq!(authenticated, plain);
            cipher.verify_tag(&plain, &roll_over_counter.to_be_bytes(), tag).unwrap();
            let other = (roll_over_counter + 1).to_be_bytes();
            assert_eq!(cipher.verify_tag(&plain, &other, tag), None);
        }
    }
}
