//! The keys of one direction and one protocol.

use zeroize::Zeroizing;

use crate::derivation::{Derivation, Label};
use crate::profile::Profile;

/// RTP and RTCP have keys of their own (RFC 3711 §4.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Rtp,
    Rtcp,
}

/// Erased when dropped; never printed.
pub(crate) struct SessionKeys {
    key: Zeroizing<[u8; 32]>,
    key_len: usize,
    pub(crate) salt: Zeroizing<[u8; 14]>,
    /// HMAC-SHA1 takes 160 bits (RFC 3711 §5.2). Unused by AEAD.
    pub(crate) auth: Zeroizing<[u8; 20]>,
}

impl SessionKeys {
    pub(crate) fn derive(profile: Profile, protocol: Protocol, from: &Derivation) -> Self {
        let first_label = match protocol {
            Protocol::Rtp => 0,
            Protocol::Rtcp => 3,
        };
        let mut keys = Self {
            key: Zeroizing::new([0; 32]),
            key_len: profile.key_len(),
            salt: Zeroizing::new([0; 14]),
            auth: Zeroizing::new([0; 20]),
        };
        if let Some(key) = keys.key.get_mut(..keys.key_len) {
            from.derive(Label(first_label), key);
        }
        if !profile.is_aead() {
            from.derive(Label(first_label + 1), &mut *keys.auth);
        }
        from.derive(Label(first_label + 2), &mut *keys.salt);
        keys
    }

    /// Keys that were not derived: some vectors give session keys.
    #[cfg(test)]
    pub(crate) fn given(key: &[u8], salt: &[u8], auth: &[u8]) -> Self {
        let mut keys = Self {
            key: Zeroizing::new([0; 32]),
            key_len: key.len(),
            salt: Zeroizing::new([0; 14]),
            auth: Zeroizing::new([0; 20]),
        };
        keys.key[..key.len()].copy_from_slice(key);
        keys.salt[..salt.len()].copy_from_slice(salt);
        keys.auth[..auth.len()].copy_from_slice(auth);
        keys
    }

    pub(crate) fn key(&self) -> &[u8] {
        self.key.get(..self.key_len).unwrap_or_default()
    }

    /// The 96-bit salt of AEAD.
    pub(crate) fn aead_salt(&self) -> Zeroizing<[u8; 12]> {
        let [a, b, c, d, e, f, g, h, i, j, k, l, ..] = *self.salt;
        Zeroizing::new([a, b, c, d, e, f, g, h, i, j, k, l])
    }
}
