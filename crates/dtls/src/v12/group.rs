//! Groups for ECDHE (RFC 8422 §5.1.1) and the ephemeral keys on them.

use zeroize::Zeroizing;

use crate::crypto::agree;
use crate::crypto::agreement::{self, EphemeralPrivateKey, UnparsedPublicKey};
use crate::crypto::rand::SystemRandom;
use crate::error::{Environment, Error, PeerMisbehaved};

/// A group for the key exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NamedGroup {
    /// x25519, 29.
    X25519,
    /// secp256r1, 23.
    Secp256r1,
    /// secp384r1, 24.
    Secp384r1,
}

impl NamedGroup {
    /// Every group in the default order of preference.
    pub const ALL: [Self; 3] = [Self::X25519, Self::Secp256r1, Self::Secp384r1];

    /// The code point.
    pub fn id(self) -> u16 {
        match self {
            Self::X25519 => 29,
            Self::Secp256r1 => 23,
            Self::Secp384r1 => 24,
        }
    }

    /// The group of a code point; `None` when it is not implemented.
    pub fn from_id(id: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|group| group.id() == id)
    }

    /// Whether it has the form of a public value (RFC 8422 §5.4.1, §5.11): the only one that is announced.
    fn is_public_value(self, bytes: &[u8]) -> bool {
        match self {
            Self::X25519 => bytes.len() == 32,
            Self::Secp256r1 => is_uncompressed(bytes, 32),
            Self::Secp384r1 => is_uncompressed(bytes, 48),
        }
    }

    fn algorithm(self) -> &'static agreement::Algorithm {
        match self {
            Self::X25519 => &agreement::X25519,
            Self::Secp256r1 => &agreement::ECDH_P256,
            Self::Secp384r1 => &agreement::ECDH_P384,
        }
    }
}

/// A private key for one key exchange, with its public value. Its randomness is not the embedder's: neither provider takes any.
pub(crate) struct KeyExchange {
    group: NamedGroup,
    private: EphemeralPrivateKey,
    public: agreement::PublicKey,
}

impl KeyExchange {
    pub(crate) fn generate(group: NamedGroup) -> Result<Self, Error> {
        #[cfg(test)]
        super::tests::work::count(|work| work.generated += 1);
        let no_randomness = |_| Error::from(Environment::NoRandomness);
        let private = EphemeralPrivateKey::generate(group.algorithm(), &SystemRandom::new())
            .map_err(no_randomness)?;
        let public = private.compute_public_key().map_err(no_randomness)?;
        Ok(Self { group, private, public })
    }

    pub(crate) fn group(&self) -> NamedGroup {
        self.group
    }

    pub(crate) fn public(&self) -> &[u8] {
        self.public.as_ref()
    }

    /// The pre-master secret. Points off the curve and an all-zero X25519 result (RFC 7748 §6.1) are refused, as is all that is
    /// no uncompressed point.
    pub(crate) fn agree(self, peer: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        #[cfg(test)]
        super::tests::work::count(|work| work.agreed += 1);
        let refused = PeerMisbehaved::BadKeyShare(self.group);
        if !self.group.is_public_value(peer) {
            return Err(refused.into());
        }
        let peer = UnparsedPublicKey::new(self.group.algorithm(), peer);
        agree(self.private, peer).ok_or(refused.into())
    }
}

/// Whether it has the form of an uncompressed point (RFC 8422 §5.4.1) with such coordinates.
pub(crate) fn is_uncompressed(point: &[u8], coordinate_len: usize) -> bool {
    point.len() == 1 + 2 * coordinate_len && point.first() == Some(&4)
}
