//! AES-GCM of AWS-LC, by feature `aws-lc-rs`. A key is a pointer to what C code allocates.

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use super::{NONCE, TAG};

pub(super) struct Key(LessSafeKey);

impl Key {
    /// `None` unless it has 16 or 32 octets.
    pub(super) fn new(key: &[u8]) -> Option<Self> {
        let algorithm = if key.len() == 32 { &AES_256_GCM } else { &AES_128_GCM };
        UnboundKey::new(algorithm, key).ok().map(|key| Self(LessSafeKey::new(key)))
    }

    /// Encrypts in place. `None` for more than 2^36 octets.
    pub(super) fn seal(
        &self,
        nonce: [u8; NONCE],
        aad: &[u8],
        payload: &mut [u8],
    ) -> Option<[u8; TAG]> {
        let (nonce, mut tag) = (Nonce::assume_unique_for_key(nonce), [0; TAG]);
        self.0.seal_in_place_scatter(nonce, Aad::from(aad), payload, &[], &mut tag).ok()?;
        Some(tag)
    }

    /// Decrypts in place, if the tag is right.
    pub(super) fn open(
        &self,
        nonce: [u8; NONCE],
        aad: &[u8],
        tag: &[u8; TAG],
        payload: &mut [u8],
    ) -> Option<()> {
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.0.open_in_place_separate_tag(nonce, Aad::from(aad), tag, payload).ok()?;
        Some(())
    }
}
