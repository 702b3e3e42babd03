//! Session keys from the master key (RFC 3711 §4.3).

use zeroize::Zeroize;

use crate::cipher::{Aes, AesKey, Counter};
use crate::error::KeyError;
use crate::profile::Profile;

/// What a derived key is for (RFC 3711 §4.3.1, §4.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Label(pub(crate) u8);

/// The PRF of one master key: AES in counter mode, whose first counter names the label.
///
/// The key derivation rate is 0 (RFC 5764 §4.1.2), so every key is derived once.
pub(crate) struct Derivation {
    master_key: AesKey,
    /// RFC 7714 §11: the 12-octet salt of AEAD is padded on the right.
    master_salt: [u8; 14],
}

impl Derivation {
    pub(crate) fn new(
        profile: Profile,
        master_key: &[u8],
        master_salt: &[u8],
    ) -> Result<Self, KeyError> {
        let (expected, actual) = (profile.key_len(), master_key.len());
        let wrong_key = KeyError::KeyLength { expected, actual };
        if actual != expected {
            return Err(wrong_key);
        }
        if master_salt.len() != profile.salt_len() {
            let (expected, actual) = (profile.salt_len(), master_salt.len());
            return Err(KeyError::SaltLength { expected, actual });
        }
        let master_key = AesKey::new(master_key).ok_or(wrong_key)?;
        Ok(Self { master_key, master_salt: pad_salt(master_salt) })
    }

    /// Fills `out` with the key of `label`.
    pub(crate) fn derive(&self, label: Label, out: &mut [u8]) {
        let iv = prf_input(self.master_salt, label);
        match &self.master_key {
            AesKey::Aes128(aes) => write_keystream(aes, &iv, out),
            AesKey::Aes256(aes) => write_keystream(aes, &iv, out),
        }
    }
}

/// The keystream that begins at counter `iv * 2^16`, block by block: here it is keys, and each block is erased from the stack
/// once it is in its place. (What packets are encrypted with is no secret beyond its packet, and has a fast way of its own.)
fn write_keystream(aes: &impl Aes, iv: &[u8; 14], out: &mut [u8]) {
    let mut counter = Counter::new(iv);
    for place in out.chunks_mut(16) {
        let mut block = counter.next();
        aes.encrypt_block(&mut block);
        match <&mut [u8; 16]>::try_from(&mut *place) {
            // One move and no call, which is why this case stands by itself.
            Ok(place) => place.copy_from_slice(&block),
            Err(_) => {
                for (to, from) in place.iter_mut().zip(&block) {
                    *to = *from;
                }
            }
        }
        block.as_mut_slice().zeroize();
    }
}

fn pad_salt(salt: &[u8]) -> [u8; 14] {
    let mut padded = [0; 14];
    for (to, from) in padded.iter_mut().zip(salt) {
        *to = *from;
    }
    padded
}

/// x = (label * 2^48) XOR master_salt: the label meets octet 7. The counter is x * 2^16.
fn prf_input(salt: [u8; 14], label: Label) -> [u8; 14] {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n] = salt;
    [a, b, c, d, e, f, g, h ^ label.0, i, j, k, l, m, n]
}

#[cfg(test)]
mod tests {
    use aes::cipher::KeyInit;
    use aes::{Aes128Enc, Aes192Enc};

    use super::*;
    use crate::testing::{array, hex, number, text, vectors};

    /// RFC 3711 B.3; RFC 6188 7.2 and 7.4.
    #[test]
    fn derivation_vectors() {
        let mut checked = 0;
        for file in ["rfc3711", "rfc6188"] {
            for vector in array(&vectors(file), "key_derivation") {
                let key = hex(vector, "master_key");
                let salt: [u8; 14] = hex(vector, "master_salt").try_into().unwrap();
                for derived in array(vector, "derived") {
                    let label = Label(number(derived, "label") as u8);
                    let x = prf_input(salt, label);
                    assert_eq!(x.to_vec(), hex(derived, "x"));
                    assert_eq!([&x[..], &[0, 0]].concat(), hex(derived, "aes_cm_input"));
                    let expected = hex(derived, "value");
                    assert_eq!(derive_any(&key, salt, label, expected.len()), expected);
                    let blocks = hex(derived, "aes_cm_output");
                    assert_eq!(derive_any(&key, salt, label, blocks.len()), blocks);
                    checked += 1;
                }
            }
        }
        assert_eq!(checked, 18);
    }

    /// The keys of every packet in the collection, whatever its profile, those of RFC 6904 too.
    #[test]
    fn session_keys_of_every_packet() {
        let mut checked = 0;
        for vector in array(&vectors("srtp_packets"), "packets") {
            let key = hex(vector, "master_key");
            let salt = pad_salt(&hex(vector, "master_salt"));
            let first = if text(vector, "kind") == "rtp" { 0 } else { 3 };
            for (name, label) in [
                ("session_key", first),
                ("session_auth_key", first + 1),
                ("session_salt", first + 2),
                ("session_header_key", 6),
                ("session_header_salt", 7),
            ] {
                if vector.get(name).is_none_or(|value| value.is_null()) {
                    continue;
                }
                let expected = hex(vector, name);
                let derived = derive_any(&key, salt, Label(label), expected.len());
                assert_eq!(derived, expected, "{name} of {}", text(vector, "id"));
                checked += 1;
            }
        }
        assert!(checked > 120, "{checked}");
    }

    fn derive_any(key: &[u8], master_salt: [u8; 14], label: Label, len: usize) -> Vec<u8> {
        let mut out = vec![0; len];
        if let Ok(aes) = Aes192Enc::new_from_slice(key) {
            write_keystream(&aes, &prf_input(master_salt, label), &mut out);
        } else {
            Derivation { master_key: AesKey::new(key).unwrap(), master_salt }
                .derive(label, &mut out);
        }
        out
    }

    /// What was in the place before has no part in it, and nothing behind the key's length is written.
    #[test]
    fn a_key_is_the_beginning_of_its_keystream_whatever_lay_in_its_place() {
        let derivation =
            Derivation { master_key: AesKey::new(&[0x42; 16]).unwrap(), master_salt: [7; 14] };
        let mut whole = [0; 64];
        derivation.derive(Label(1), &mut whole);
        for len in 0..=64 {
            let mut out = [0xa5; 64];
            derivation.derive(Label(1), &mut out[..len]);
            assert_eq!((&out[..len], &out[len..]), (&whole[..len], &[0xa5; 64][len..]));
        }
        let mut packet = [0; 64];
        let aes = Aes128Enc::new_from_slice(&[0x42; 16]).unwrap();
        crate::cipher::apply_keystream(&aes, &prf_input([7; 14], Label(1)), &mut packet);
        assert_eq!(packet, whole, "the same counter mode as that of packets");
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
