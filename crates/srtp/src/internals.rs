//! The primitives by themselves, for benches: no part of the API, and no promise that they stay.

use crate::cipher::{AesKey, apply_keystream};
use crate::derivation::{Derivation, Label};
use crate::error::KeyError;
use crate::profile::Profile;

/// An AES key, 16 or 32 octets, whose schedule is kept.
pub struct Keystream(AesKey);

impl Keystream {
    /// `None` for a key of another length.
    pub fn new(key: &[u8]) -> Option<Self> {
        AesKey::new(key).map(Self)
    }

    /// XORs the keystream of the counter `iv * 2^16` onto at most 2^20 octets (RFC 3711 §4.1.1).
    pub fn apply(&self, iv: &[u8; 14], data: &mut [u8]) {
        match &self.0 {
            AesKey::Aes128(aes) => apply_keystream(aes, iv, data),
            AesKey::Aes256(aes) => apply_keystream(aes, iv, data),
        }
    }
}

/// Fills `out` with the session key of `label` (RFC 3711 §4.3).
///
/// # Errors
/// The key or the salt has not the length that the profile needs.
pub fn derive(
    profile: Profile,
    master_key: &[u8],
    master_salt: &[u8],
    label: u8,
    out: &mut [u8],
) -> Result<(), KeyError> {
    Derivation::new(profile, master_key, master_salt)?.derive(Label(label), out);
    Ok(())
}
