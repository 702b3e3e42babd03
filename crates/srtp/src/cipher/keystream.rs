//! AES in counter mode (RFC 3711 §4.1.1), by RustCrypto's `aes`.

use aes::Block;
use aes::cipher::array::Array;
use aes::cipher::consts::U16;
use aes::cipher::{
    BlockCipherEncBackend, BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser,
};

const BLOCK: usize = 16;
/// Blocks prepared at a time: as many as the widest instructions take at once.
const MANY: usize = 64;

/// An AES key, whatever its length.
pub(crate) trait Aes: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16> {}

impl<C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16>> Aes for C {}

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
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n] = *self.iv;
        let mut counter = u32::from_be_bytes([m, n, 0, 0]);
        for data in self.data.chunks_mut(MANY * BLOCK) {
            let mut keystream = [Block::default(); MANY];
            let Some(keystream) = keystream.get_mut(..data.len().div_ceil(BLOCK)) else { return };
            for block in &mut *keystream {
                let [w, x, y, z] = counter.to_be_bytes();
                *block = [a, b, c, d, e, f, g, h, i, j, k, l, w, x, y, z].into();
                counter = counter.wrapping_add(1);
            }
            encrypt(backend, keystream);
            xor(data, keystream);
        }
    }
}

#[inline(always)]
fn encrypt<B: BlockCipherEncBackend<BlockSize = U16>>(backend: &B, blocks: &mut [Block]) {
    let (parallel, tail) = Array::<_, B::ParBlocksSize>::slice_as_chunks_mut(blocks);
    for blocks in parallel {
        backend.encrypt_par_blocks(blocks.into());
    }
    for block in tail {
        backend.encrypt_block(block.into());
    }
}

/// `keystream` is as long as `data`, rounded up to blocks.
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
    use aes::cipher::KeyInit;
    use aes::{Aes128Enc, Aes192Enc, Aes256Enc};
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
        for len in (0..1100).chain(1500..1600).chain(3060..3090) {
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
