//! AES-128 in counter mode with HMAC-SHA1 (RFC 3711 §4.1.1, §4.2.1), by RustCrypto.

use aes::Aes128Enc;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use zeroize::Zeroizing;

use super::{E_FLAG, RtpPosition};
use crate::derivation::apply_keystream;
use crate::packet::RTCP_HEADER;
use crate::session_keys::SessionKeys;

const WORD: usize = 4;

pub(crate) struct AesCm {
    aes: Aes128Enc,
    /// Keyed once: a copy of it starts behind the two blocks of padded key.
    mac: Hmac<Sha1>,
    salt: Zeroizing<[u8; 14]>,
    /// 10 or 4 octets.
    tag_len: usize,
}

impl AesCm {
    pub(crate) fn new(keys: &SessionKeys, tag_len: usize) -> Option<Self> {
        Some(Self {
            aes: Aes128Enc::new_from_slice(keys.key()).ok()?,
            mac: Hmac::new_from_slice(&*keys.auth).ok()?,
            salt: keys.salt.clone(),
            tag_len,
        })
    }

    pub(crate) fn seal_rtp(&self, at: RtpPosition, packet: &mut [u8]) -> Option<()> {
        let (authenticated, tag) = self.split_tag_mut(packet)?;
        let payload = authenticated.get_mut(at.header_len..)?;
        apply_keystream(&self.aes, &self.counter(at.ssrc, at.index_octets()), payload);
        self.write_tag(authenticated, Some(at.roll_over_counter()), tag);
        Some(())
    }

    pub(crate) fn open_rtp(&self, at: RtpPosition, packet: &mut [u8]) -> Option<usize> {
        let (authenticated, tag) = self.split_tag_mut(packet)?;
        self.verify_tag(authenticated, Some(at.roll_over_counter()), tag)?;
        let payload = authenticated.get_mut(at.header_len..)?;
        apply_keystream(&self.aes, &self.counter(at.ssrc, at.index_octets()), payload);
        Some(authenticated.len())
    }

    pub(crate) fn seal_rtcp(&self, ssrc: u32, index: u32, packet: &mut [u8]) -> Option<()> {
        let (authenticated, tag) = self.split_tag_mut(packet)?;
        let (plain, word) = authenticated.split_last_chunk_mut::<WORD>()?;
        let payload = plain.get_mut(RTCP_HEADER..)?;
        apply_keystream(&self.aes, &self.counter(ssrc, rtcp_index_octets(index)), payload);
        *word = (index | E_FLAG).to_be_bytes();
        self.write_tag(authenticated, None, tag);
        Some(())
    }

    pub(crate) fn open_rtcp(&self, ssrc: u32, word: u32, packet: &mut [u8]) -> Option<usize> {
        let (authenticated, tag) = self.split_tag_mut(packet)?;
        self.verify_tag(authenticated, None, tag)?;
        let (plain, _) = authenticated.split_last_chunk_mut::<WORD>()?;
        let payload = plain.get_mut(RTCP_HEADER..)?;
        if word & E_FLAG != 0 {
            let index = rtcp_index_octets(word & !E_FLAG);
            apply_keystream(&self.aes, &self.counter(ssrc, index), payload);
        }
        Some(plain.len())
    }

    /// What the tag covers, and the tag.
    pub(crate) fn split_tag<'p>(&self, packet: &'p [u8]) -> Option<(&'p [u8], &'p [u8])> {
        packet.split_at_checked(packet.len().checked_sub(self.tag_len)?)
    }

    fn split_tag_mut<'p>(&self, packet: &'p mut [u8]) -> Option<(&'p mut [u8], &'p mut [u8])> {
        packet.split_at_mut_checked(packet.len().checked_sub(self.tag_len)?)
    }

    fn write_tag(&self, authenticated: &[u8], roll_over_counter: Option<u32>, tag: &mut [u8]) {
        let full = self.mac(authenticated, roll_over_counter).finalize().into_bytes();
        for (to, from) in tag.iter_mut().zip(full) {
            *to = from;
        }
    }

    /// In constant time.
    fn verify_tag(
        &self,
        authenticated: &[u8],
        roll_over_counter: Option<u32>,
        tag: &[u8],
    ) -> Option<()> {
        self.mac(authenticated, roll_over_counter).verify_truncated_left(tag).ok()
    }

    /// RFC 3711 §4.2: SRTP authenticates the packet and its ROC; SRTCP carries its index along.
    fn mac(&self, authenticated: &[u8], roll_over_counter: Option<u32>) -> Hmac<Sha1> {
        let mut mac = self.mac.clone();
        mac.update(authenticated);
        if let Some(roll_over_counter) = roll_over_counter {
            mac.update(&roll_over_counter.to_be_bytes());
        }
        mac
    }

    /// RFC 3711 §4.1.1: (salt * 2^16) XOR (SSRC * 2^64) XOR (index * 2^16).
    fn counter(&self, ssrc: u32, index: [u8; 6]) -> [u8; 16] {
        let [a, b, c, d] = ssrc.to_be_bytes();
        let [e, f, g, h, i, j] = index;
        let mut iv = [0, 0, 0, 0, a, b, c, d, e, f, g, h, i, j, 0, 0];
        for (octet, salt) in iv.iter_mut().zip(self.salt.iter()) {
            *octet ^= salt;
        }
        iv
    }
}

fn rtcp_index_octets(index: u32) -> [u8; 6] {
    let [a, b, c, d] = index.to_be_bytes();
    [0, 0, a, b, c, d]
}
