//! AES in counter mode (RFC 3711 §4.1.1), by RustCrypto's `aes`.

use aes::cipher::array::Array;
use aes::cipher::consts::U16;
use aes::cipher::typenum::Unsigned;
use aes::cipher::{
    BlockCipherEncBackend, BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser, KeyInit,
};
use aes::{Aes128Enc, Aes256Enc, Block};

const BLOCK: usize = 16;
/// Blocks prepared at a time, at most: twice as many as the widest instructions take at once.
const MANY: usize = 128;
/// Blocks encrypted one by one that are prepared together: each takes its time, and a processor works on several of them.
const FEW: usize = 4;

/// An AES key, whatever its length.
pub(crate) trait Aes: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16> {}

impl<C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16>> Aes for C {}

/// The schedule of a key of 16 or 32 octets, which is erased when dropped.
pub(crate) enum AesKey {
    Aes128(Aes128Enc),
    Aes256(Aes256Enc),
}

impl AesKey {
    /// `None` for a key of another length.
    pub(crate) fn new(key: &[u8]) -> Option<Self> {
        let aes_128 = || Aes128Enc::new_from_slice(key).ok().map(Self::Aes128);
        let aes_256 = || Aes256Enc::new_from_slice(key).ok().map(Self::Aes256);
        aes_128().or_else(aes_256)
    }
}

/// XORs the keystream that begins at counter `iv * 2^16` onto `data`.
///
/// The low 16 bits count blocks, enough for 2^20 octets; no packet has more than 2^16.
// One copy of it per key length, so that the compiler sees how the key schedule is used and skips
// what the packet's size does not need.
#[inline(never)]
pub(crate) fn apply_keystream(aes: &impl Aes, iv: &[u8; 14], data: &mut [u8]) {
    aes.encrypt_with_backend(Keystream { iv, data });
}

/// What `aes` calls it from is compiled for the instructions that the processor has, and so is all
/// of this with it: counters, encryption and XOR.
struct Keystream<'a> {
    iv: &'a [u8; 14],
    data: &'a mut [u8],
}

impl BlockSizeUser for Keystream<'_> {
    type BlockSize = U16;
}

impl BlockCipherEncClosure for Keystream<'_> {
    #[inline(always)]
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, backend: &B) {
        const { assert!(B::ParBlocksSize::USIZE <= MANY, "blocks would be left unencrypted") };
        let mut counter = Counter::new(self.iv);
        // What the backend does in parallel takes as long for one block as for all.
        let wide = B::ParBlocksSize::USIZE;
        let (groups, rest) =
            self.data.split_at_mut(self.data.len() / (wide * BLOCK) * (wide * BLOCK));
        for data in groups.chunks_mut(MANY / wide * wide * BLOCK) {
            let mut keystream = [Block::default(); MANY];
            let Some(keystream) = keystream.get_mut(..data.len() / BLOCK) else { return };
            keystream.fill_with(|| counter.next());
            let (parallel, _) = Array::<_, B::ParBlocksSize>::slice_as_chunks_mut(keystream);
            for blocks in parallel {
                backend.encrypt_par_blocks(blocks.into());
            }
            xor(data, keystream);
        }
        for data in rest.chunks_mut(FEW * BLOCK) {
            let keystream = [(); FEW].map(|()| {
                let mut block = counter.next();
                backend.encrypt_block((&mut block).into());
                block
            });
            xor(data, &keystream);
        }
    }
}

/// The blocks that are encrypted: 96 bits that stay, and a number.
pub(crate) struct Counter {
    /// In the order of octets, the number's zero.
    fixed: u128,
    number: u32,
}

impl Counter {
    #[inline(always)]
    pub(crate) fn new(iv: &[u8; 14]) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n] = *iv;
        let fixed = u128::from_le_bytes([a, b, c, d, e, f, g, h, i, j, k, l, 0, 0, 0, 0]);
        Self { fixed, number: u32::from_be_bytes([m, n, 0, 0]) }
    }

    // As one number, which takes less time than sixteen octets.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> Block {
        let block = self.fixed | u128::from(self.number.swap_bytes()) << 96;
        self.number = self.number.wrapping_add(1);
        block.to_le_bytes().into()
    }
}

/// `keystream` has at least as many blocks as `data` begins.
#[inline(always)]
fn xor(data: &mut [u8], keystream: &[Block]) {
    let (blocks, tail) = data.as_chunks_mut::<BLOCK>();
    for (block, key) in blocks.iter_mut().zip(keystream) {
        let key: [u8; BLOCK] = (*key).into();
        *block = (u128::from_ne_bytes(*block) ^ u128::from_ne_bytes(key)).to_ne_bytes();
    }
    if let Some(key) = keystream.get(blocks.len()) {
        for (octet, key) in tail.iter_mut().zip(key) {
            *octet ^= key;
        }
    }
}

#[cfg(test)]
mod tests {
    use aes::Aes192Enc;
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::testing::{array, hex, number, vectors};

    /// RFC 3711 B.2; RFC 6188 7.1 and 7.3: nearly all of the 2^16 blocks of one counter.
    #[test]
    fn keystream_vectors() {
        let mut checked = 0;
        for file in ["rfc3711", "rfc6188"] {
            for vector in array(&vectors(file), "aes_cm_keystream") {
                let iv = initial_counter(vector);
                let mut segment = vec![0; number(vector, "segment_length_octets") as usize];
                apply_any(&hex(vector, "session_key"), &iv, &mut segment);
                for block in array(vector, "blocks") {
                    let at = 16 * number(block, "block_index") as usize;
                    assert_eq!(segment[at..at + 16], hex(block, "keystream"));
                }
                let digest = Sha256::digest(&segment).to_vec();
                assert_eq!(digest, hex(&vector["segment_sha256"], "value"));
                checked += 1;
            }
        }
        assert_eq!(checked, 3);
    }

    /// One block at a time is the definition; lengths around every group's edges.
    #[test]
    fn every_length_is_the_beginning_of_one_keystream() {
        let aes = Aes128Enc::new_from_slice(&[0x42; 16]).unwrap();
        let iv = [0xfe; 14];
        let mut whole = vec![0; 4 * MANY * BLOCK];
        for (number, block) in whole.chunks_mut(BLOCK).enumerate() {
            let mut counter = Block::default();
            counter[..14].copy_from_slice(&iv);
            counter[14..].copy_from_slice(&(number as u16).to_be_bytes());
            aes.encrypt_block(&mut counter);
            block.copy_from_slice(&counter);
        }
        for len in (0..1100).chain(1500..1600).chain(2040..2120).chain(3060..3090).chain(4080..4200)
        {
            let mut data = vec![0; len];
            apply_keystream(&aes, &iv, &mut data);
            assert_eq!(data, whole[..len], "{len} octets");
        }
    }

    fn initial_counter(vector: &serde_json::Value) -> [u8; 14] {
        let iv = hex(vector, "iv");
        assert_eq!(iv[14..], [0, 0]);
        iv[..14].try_into().unwrap()
    }

    fn apply_any(key: &[u8], iv: &[u8; 14], data: &mut [u8]) {
        match key.len() {
            16 => apply_keystream(&Aes128Enc::new_from_slice(key).unwrap(), iv, data),
            24 => apply_keystream(&Aes192Enc::new_from_slice(key).unwrap(), iv, data),
            _ => apply_keystream(&Aes256Enc::new_from_slice(key).unwrap(), iv, data),
        }
    }
}
