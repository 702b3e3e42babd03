//! AES in Galois/counter mode (RFC 7714), by ring.

use ring::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, Tag, UnboundKey};
use zeroize::Zeroizing;

use super::{E_FLAG, RtpPosition};
use crate::packet::RTCP_HEADER;
use crate::session_keys::SessionKeys;

const TAG: usize = 16;
const WORD: usize = 4;

pub(crate) struct Gcm {
    key: LessSafeKey,
    salt: Zeroizing<[u8; 12]>,
}

impl Gcm {
    pub(crate) fn new(keys: &SessionKeys) -> Option<Self> {
        let algorithm = if keys.key().len() == 32 { &AES_256_GCM } else { &AES_128_GCM };
        let key = UnboundKey::new(algorithm, keys.key()).ok()?;
        Some(Self { key: LessSafeKey::new(key), salt: keys.aead_salt() })
    }

    pub(crate) fn seal_rtp(&self, at: RtpPosition, packet: &mut [u8]) -> Option<()> {
        let (header, rest) = packet.split_at_mut_checked(at.header_len)?;
        let (payload, tag) = rest.split_last_chunk_mut::<TAG>()?;
        let nonce = self.rtp_nonce(at);
        *tag = self.seal(nonce, header, payload)?;
        Some(())
    }

    pub(crate) fn open_rtp(&self, at: RtpPosition, packet: &mut [u8]) -> Option<usize> {
        let (header, rest) = packet.split_at_mut_checked(at.header_len)?;
        let (payload, tag) = rest.split_last_chunk_mut::<TAG>()?;
        self.open(self.rtp_nonce(at), header, *tag, payload)?;
        Some(header.len() + payload.len())
    }

    pub(crate) fn seal_rtcp(&self, ssrc: u32, index: u32, packet: &mut [u8]) -> Option<()> {
        let (packet, word) = packet.split_last_chunk_mut::<WORD>()?;
        let (packet, tag) = packet.split_last_chunk_mut::<TAG>()?;
        let (header, payload) = packet.split_first_chunk_mut::<RTCP_HEADER>()?;
        *word = (index | E_FLAG).to_be_bytes();
        *tag = self.seal(self.rtcp_nonce(ssrc, index), &rtcp_aad(*header, *word), payload)?;
        Some(())
    }

    pub(crate) fn open_rtcp(&self, ssrc: u32, word: u32, packet: &mut [u8]) -> Option<usize> {
        let nonce = self.rtcp_nonce(ssrc, word & !E_FLAG);
        let len = packet.len().checked_sub(TAG + WORD)?;
        if word & E_FLAG != 0 {
            let (packet, word) = packet.split_last_chunk_mut::<WORD>()?;
            let (packet, tag) = packet.split_last_chunk_mut::<TAG>()?;
            let (header, payload) = packet.split_first_chunk_mut::<RTCP_HEADER>()?;
            self.open(nonce, &rtcp_aad(*header, *word), *tag, payload)?;
        } else {
            // RFC 7714 §9.3: everything is associated data, the word too, which stands behind the
            // tag and has to be moved beside the packet.
            let (_, trailer) = packet.split_at_mut_checked(len)?;
            let (tag, word) = trailer.split_first_chunk::<TAG>()?;
            let (tag, word): ([u8; TAG], [u8; WORD]) = (*tag, *word.first_chunk()?);
            *trailer.first_chunk_mut()? = word;
            let aad = packet.get(..len + WORD)?;
            self.open(nonce, aad, tag, &mut [])?;
        }
        Some(len)
    }

    fn seal(&self, nonce: Nonce, aad: &[u8], payload: &mut [u8]) -> Option<[u8; TAG]> {
        let tag = self.key.seal_in_place_separate_tag(nonce, Aad::from(aad), payload).ok()?;
        tag.as_ref().try_into().ok()
    }

    fn open(&self, nonce: Nonce, aad: &[u8], tag: [u8; TAG], payload: &mut [u8]) -> Option<()> {
        let (aad, tag) = (Aad::from(aad), Tag::from(tag));
        self.key.open_in_place_separate_tag(nonce, aad, tag, payload, 0..).ok()?;
        Some(())
    }

    /// RFC 7714 §8.1: two zero octets, SSRC, ROC, SEQ, XORed with the salt.
    fn rtp_nonce(&self, at: RtpPosition) -> Nonce {
        let [a, b, c, d] = at.ssrc.to_be_bytes();
        let [e, f, g, h, i, j] = at.index_octets();
        self.salted([0, 0, a, b, c, d, e, f, g, h, i, j])
    }

    /// RFC 7714 §9.1: two zero octets, SSRC, two zero octets, the 31-bit index.
    fn rtcp_nonce(&self, ssrc: u32, index: u32) -> Nonce {
        let [a, b, c, d] = ssrc.to_be_bytes();
        let [g, h, i, j] = index.to_be_bytes();
        self.salted([0, 0, a, b, c, d, 0, 0, g, h, i, j])
    }

    fn salted(&self, mut iv: [u8; 12]) -> Nonce {
        for (octet, salt) in iv.iter_mut().zip(self.salt.iter()) {
            *octet ^= salt;
        }
        Nonce::assume_unique_for_key(iv)
    }
}

/// RFC 7714 §9.2: the first 8 octets and the word of E flag and index.
fn rtcp_aad(header: [u8; RTCP_HEADER], word: [u8; WORD]) -> [u8; RTCP_HEADER + WORD] {
    let ([a, b, c, d, e, f, g, h], [i, j, k, l]) = (header, word);
    [a, b, c, d, e, f, g, h, i, j, k, l]
}

#[cfg(test)]
mod tests {
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
                SessionKeys::given(&hex(vector, "session_key"), &hex(vector, "session_salt"));
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
                let at = RtpPosition { ssrc, index, header_len };
                let mut packet = plain.clone();
                packet.extend([0; TAG]);
                gcm.seal_rtp(at, &mut packet).unwrap();
                assert_eq!(packet, protected);
                assert_eq!(gcm.open_rtp(at, &mut packet), Some(plain.len()));
                assert_eq!(packet[..plain.len()], plain);
            } else {
                let index = number(vector, "srtcp_index") as u32;
                let mut packet = protected.clone();
                let word = u32::from_be_bytes(*packet.last_chunk().unwrap());
                assert_eq!(word & !E_FLAG, index);
                assert_eq!(word & E_FLAG != 0, encrypted);
                assert_eq!(gcm.open_rtcp(ssrc, word, &mut packet), Some(plain.len()));
                assert_eq!(packet[..plain.len()], plain);
                if encrypted {
                    packet.truncate(plain.len());
                    packet.extend([0; TAG + WORD]);
                    gcm.seal_rtcp(ssrc, index, &mut packet).unwrap();
                    assert_eq!(packet, protected);
                }
            }
            checked += 1;
        }
        assert_eq!(checked, 8);
    }
}
