//! Session keys from the master key (RFC 3711 §4.3).

use aes::cipher::{
    BlockCipherEncrypt, BlockSizeUser, InnerIvInit, KeyInit, StreamCipher, StreamCipherCoreWrapper,
    consts::U16,
};
use aes::{Aes128Enc, Aes256Enc};
use ctr::{CtrCore, flavors::Ctr32BE};

use crate::error::KeyError;
use crate::profile::Profile;

/// What a derived key is for (RFC 3711 §4.3.1, §4.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Label(pub(crate) u8);

/// The PRF of one master key: AES in counter mode, whose first counter names the label.
///
/// The key derivation rate is 0 (RFC 5764 §4.1.2), so every key is derived once.
pub(crate) struct Derivation<'a> {
    master_key: &'a [u8],
    /// RFC 7714 §11: the 12-octet salt of AEAD is padded on the right.
    master_salt: [u8; 14],
}

impl<'a> Derivation<'a> {
    pub(crate) fn new(
        profile: Profile,
        master_key: &'a [u8],
        master_salt: &[u8],
    ) -> Result<Self, KeyError> {
        if master_key.len() != profile.key_len() {
            let (expected, actual) = (profile.key_len(), master_key.len());
            return Err(KeyError::KeyLength { expected, actual });
        }
        if master_salt.len() != profile.salt_len() {
            let (expected, actual) = (profile.salt_len(), master_salt.len());
            return Err(KeyError::SaltLength { expected, actual });
        }
        Ok(Self { master_key, master_salt: pad_salt(master_salt) })
    }

    /// Fills `out` with the key of `label`.
    pub(crate) fn derive(&self, label: Label, out: &mut [u8]) {
        let iv = first_counter(self.master_salt, label);
        out.fill(0);
        // The key's length was checked: 32 octets, or 16.
        if let Ok(aes) = Aes256Enc::new_from_slice(self.master_key) {
            apply_keystream(&aes, &iv, out);
        } else if let Ok(aes) = Aes128Enc::new_from_slice(self.master_key) {
            apply_keystream(&aes, &iv, out);
        }
    }
}

/// AES-CM (RFC 3711 §4.1.1): XORs the keystream that begins at counter `iv` onto `data`.
///
/// Only the low 16 bits count blocks, so a 32-bit counter is the same for the 2^20 octets that
/// one IV may encrypt.
pub(crate) fn apply_keystream<C>(aes: &C, iv: &[u8; 16], data: &mut [u8])
where
    C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16>,
{
    let core = CtrCore::<&C, Ctr32BE>::inner_iv_init(aes, iv.into());
    StreamCipherCoreWrapper::from_core(core).apply_keystream(data);
}

fn pad_salt(salt: &[u8]) -> [u8; 14] {
    let mut padded = [0; 14];
    for (to, from) in padded.iter_mut().zip(salt) {
        *to = *from;
    }
    padded
}

/// x * 2^16, where x = (label * 2^48) XOR master_salt: the label meets octet 7.
fn first_counter(salt: [u8; 14], label: Label) -> [u8; 16] {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n] = salt;
    [a, b, c, d, e, f, g, h ^ label.0, i, j, k, l, m, n, 0, 0]
}

#[cfg(test)]
mod tests {
    use aes::Aes192Enc;
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::testing::{array, hex, number, vectors};

    fn keystream(key: &[u8], iv: &[u8], out: &mut [u8]) {
        let iv = iv.try_into().unwrap();
        match key.len() {
            16 => apply_keystream(&Aes128Enc::new_from_slice(key).unwrap(), iv, out),
            24 => apply_keystream(&Aes192Enc::new_from_slice(key).unwrap(), iv, out),
            _ => apply_keystream(&Aes256Enc::new_from_slice(key).unwrap(), iv, out),
        }
    }

    /// RFC 3711 B.2; RFC 6188 7.1 and 7.3.
    #[test]
    fn keystream_vectors() {
        let mut checked = 0;
        for file in ["rfc3711", "rfc6188"] {
            for vector in array(&vectors(file), "aes_cm_keystream") {
                let mut segment = vec![0; number(vector, "segment_length_octets") as usize];
                keystream(&hex(vector, "session_key"), &hex(vector, "iv"), &mut segment);
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

    /// RFC 3711 B.3; RFC 6188 7.2 and 7.4.
    #[test]
    fn derivation_vectors() {
        let mut checked = 0;
        for file in ["rfc3711", "rfc6188"] {
            for vector in array(&vectors(file), "key_derivation") {
                let salt: [u8; 14] = hex(vector, "master_salt").try_into().unwrap();
                for derived in array(vector, "derived") {
                    let label = Label(number(derived, "label") as u8);
                    let iv = first_counter(salt, label);
                    assert_eq!(iv.to_vec(), hex(derived, "aes_cm_input"));
                    let value = hex(derived, "value");
                    let mut out = vec![0; value.len()];
                    keystream(&hex(vector, "master_key"), &iv, &mut out);
                    assert_eq!(out, value);
                    checked += 1;
                }
            }
        }
        assert_eq!(checked, 18);
    }

    #[test]
    fn lengths_are_checked_on_both_sides() {
        for profile in Profile::ALL {
            let (key, salt) = (profile.key_len(), profile.salt_len());
            let new = |k: usize, s: usize| {
                Derivation::new(profile, &vec![0; k], &vec![0; s]).map(|_| ()).err()
            };
            assert_eq!(new(key, salt), None);
            for actual in [key - 1, key + 1] {
                assert_eq!(new(actual, salt), Some(KeyError::KeyLength { expected: key, actual }));
            }
            for actual in [salt - 1, salt + 1] {
                assert_eq!(new(key, actual), Some(KeyError::SaltLength { expected: salt, actual }));
            }
        }
    }
}
