//! *ring*. It takes its randomness from the system and lets nobody implement another source.

pub(crate) use ring::{aead, agreement, digest, hmac, rand, rsa, signature};

use agreement::{EphemeralPrivateKey, UnparsedPublicKey};
use rand::SystemRandom;
use rsa::KeyPair as RsaKeyPair;
use signature::{EcdsaKeyPair, EcdsaSigningAlgorithm};
use zeroize::Zeroizing;

/// The shared secret; `None` where the public value is none of the group's.
pub(crate) fn agree(
    private: EphemeralPrivateKey,
    public: UnparsedPublicKey<&[u8]>,
) -> Option<Zeroizing<Vec<u8>>> {
    agreement::agree_ephemeral(private, &public, |secret| Zeroizing::new(secret.to_vec())).ok()
}

/// An ECDSA key in PKCS #8; `None` where it is not, or on another curve.
pub(crate) fn ecdsa_key(
    algorithm: &'static EcdsaSigningAlgorithm,
    pkcs8: &[u8],
    rng: &SystemRandom,
) -> Option<EcdsaKeyPair> {
    EcdsaKeyPair::from_pkcs8(algorithm, pkcs8, rng).ok()
}

/// How many octets the key's modulus has, and each of its signatures.
pub(crate) fn modulus_len(key: &RsaKeyPair) -> usize {
    key.public().modulus_len()
}
