//! What DTLS-SRTP (RFC 5764) negotiates: a protection profile and keys.

use std::fmt;

use zeroize::{Zeroize, Zeroizing};

use crate::config::Role;

/// An SRTP protection profile (RFC 5764 §4.1.2, RFC 7714 §14.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SrtpProfile {
    /// SRTP_AES128_CM_HMAC_SHA1_80, 0x0001.
    Aes128CmSha1_80,
    /// SRTP_AES128_CM_HMAC_SHA1_32, 0x0002.
    Aes128CmSha1_32,
    /// SRTP_AEAD_AES_128_GCM, 0x0007.
    AeadAes128Gcm,
    /// SRTP_AEAD_AES_256_GCM, 0x0008.
    AeadAes256Gcm,
}

impl SrtpProfile {
    /// Every profile, by descending merit: GCM is cheaper and stronger.
    pub const ALL: [Self; 4] =
        [Self::AeadAes128Gcm, Self::AeadAes256Gcm, Self::Aes128CmSha1_80, Self::Aes128CmSha1_32];

    /// The code point in use_srtp.
    pub fn id(self) -> u16 {
        match self {
            Self::Aes128CmSha1_80 => 0x0001,
            Self::Aes128CmSha1_32 => 0x0002,
            Self::AeadAes128Gcm => 0x0007,
            Self::AeadAes256Gcm => 0x0008,
        }
    }

    /// The profile of a code point; `None` when it is not implemented.
    pub fn from_id(id: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.id() == id)
    }

    /// Length of a master key in bytes.
    pub fn key_len(self) -> usize {
        match self {
            Self::AeadAes256Gcm => 32,
            _ => 16,
        }
    }

    /// Length of a master salt in bytes.
    pub fn salt_len(self) -> usize {
        match self {
            Self::Aes128CmSha1_80 | Self::Aes128CmSha1_32 => 14,
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 12,
        }
    }

    /// Length of the keying material of both directions in bytes (RFC 5764 §4.2).
    pub(crate) fn material_len(self) -> usize {
        2 * (self.key_len() + self.salt_len())
    }
}

/// SRTP master keys and salts of both directions. Overwritten when dropped, and never printed.
pub struct SrtpKeys {
    /// The negotiated profile.
    pub profile: SrtpProfile,
    local_key: Zeroizing<Vec<u8>>,
    local_salt: Zeroizing<Vec<u8>>,
    remote_key: Zeroizing<Vec<u8>>,
    remote_salt: Zeroizing<Vec<u8>>,
}

impl SrtpKeys {
    /// RFC 5764 §4.2: client key, server key, client salt, server salt.
    pub(crate) fn split(profile: SrtpProfile, role: Role, material: &[u8]) -> Option<Self> {
        let mut parts = crate::wire::Reader::new(material);
        let client_key = parts.take(profile.key_len())?;
        let server_key = parts.take(profile.key_len())?;
        let client_salt = parts.take(profile.salt_len())?;
        let server_salt = parts.take(profile.salt_len())?;
        let (local_key, local_salt, remote_key, remote_salt) = match role {
            Role::Client => (client_key, client_salt, server_key, server_salt),
            Role::Server => (server_key, server_salt, client_key, client_salt),
        };
        let own = |part: &[u8]| Zeroizing::new(part.to_vec());
        Some(Self {
            profile,
            local_key: own(local_key),
            local_salt: own(local_salt),
            remote_key: own(remote_key),
            remote_salt: own(remote_salt),
        })
    }

    /// The negotiated profile, as the field.
    pub fn profile(&self) -> SrtpProfile {
        self.profile
    }

    /// The master key this side encrypts with.
    pub fn local_key(&self) -> &[u8] {
        &self.local_key
    }

    /// The master salt this side encrypts with.
    pub fn local_salt(&self) -> &[u8] {
        &self.local_salt
    }

    /// The master key the peer encrypts with.
    pub fn remote_key(&self) -> &[u8] {
        &self.remote_key
    }

    /// The master salt the peer encrypts with.
    pub fn remote_salt(&self) -> &[u8] {
        &self.remote_salt
    }
}

impl Zeroize for SrtpKeys {
    fn zeroize(&mut self) {
        self.local_key.zeroize();
        self.local_salt.zeroize();
        self.remote_key.zeroize();
        self.remote_salt.zeroize();
    }
}

impl fmt::Debug for SrtpKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SrtpKeys").field("profile", &self.profile).finish_non_exhaustive()
    }
}

/// Why no SRTP keys were given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyingError {
    /// The handshake is not complete.
    NotConnected,
    /// The peer's certificate is not one that signaling announced.
    FingerprintMismatch,
    /// No SRTP profile was negotiated.
    NoProfile,
}

impl fmt::Display for KeyingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotConnected => "the handshake is not complete",
            Self::FingerprintMismatch => {
                "the peer's certificate is not the one signaling announced"
            }
            Self::NoProfile => "no SRTP profile was negotiated",
        })
    }
}

impl std::error::Error for KeyingError {}
