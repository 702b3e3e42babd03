//! Keys for message integrity (RFC 8489 §9). A short-term key is the password itself, as octets.

use md5::Md5;
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize as _, ZeroizeOnDrop};

use crate::attribute::PasswordAlgorithm;

/// A long-term key: 16 octets with MD5, 32 with SHA-256. Overwritten with zeros on drop, never shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct LongTermKey {
    bytes: [u8; 32],
    length: usize,
}

impl AsRef<[u8]> for LongTermKey {
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

impl Drop for LongTermKey {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

impl ZeroizeOnDrop for LongTermKey {}

impl std::fmt::Debug for LongTermKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LongTermKey(..)")
    }
}

/// The key of the long-term mechanism: a hash of `name:realm:password` (RFC 8489 §9.2.2, §18.5.1). `None` for an
/// algorithm that is not registered or that comes with parameters.
///
/// The strings are taken as they are: OpaqueString (RFC 8265) is the caller's to apply.
pub fn long_term_key(
    algorithm: PasswordAlgorithm<'_>,
    username: &str,
    realm: &str,
    password: &str,
) -> Option<LongTermKey> {
    let parts = [username, ":", realm, ":", password];
    let mut key = LongTermKey { bytes: [0; 32], length: 0 };
    let mut store = |digest: &[u8]| {
        key.bytes.iter_mut().zip(digest).for_each(|(slot, octet)| *slot = *octet);
        key.length = digest.len();
    };
    match algorithm {
        PasswordAlgorithm::MD5 => {
            store(&parts.iter().fold(Md5::new(), |hash, part| hash.chain_update(part)).finalize());
        }
        PasswordAlgorithm::SHA256 => {
            store(
                &parts.iter().fold(Sha256::new(), |hash, part| hash.chain_update(part)).finalize(),
            );
        }
        _ => return None,
    }
    Some(key)
}

/// The value of `USERHASH`: SHA-256 of `name:realm` (RFC 8489 §14.4).
pub fn userhash(username: &str, realm: &str) -> [u8; 32] {
    Sha256::new().chain_update(username).chain_update(":").chain_update(realm).finalize().into()
}
