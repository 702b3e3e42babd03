//! From the pre-master secret to keys (RFC 5246 §6.3 and §8.1, RFC 7627 §4, RFC 5705 §4).

use zeroize::Zeroizing;

use super::prf::prf;
use super::suite::{CipherSuite, SuiteHash};
use crate::config::Role;
use crate::wire::{Reader, with_length};

/// The randoms of both hellos.
#[derive(Clone, Copy)]
pub(crate) struct Randoms {
    pub(crate) client: [u8; 32],
    pub(crate) server: [u8; 32],
}

/// The master secret with the hash function of its suite. Overwritten when dropped.
pub(crate) struct MasterSecret {
    secret: Zeroizing<[u8; 48]>,
    hash: SuiteHash,
}

impl MasterSecret {
    /// RFC 7627 §4: bound to every message up to and including ClientKeyExchange.
    pub(crate) fn extended(hash: SuiteHash, pre_master: &[u8], session_hash: &[u8]) -> Self {
        Self::derive(hash, pre_master, b"extended master secret", &[session_hash])
    }

    /// RFC 5246 §8.1, for peers without the extended master secret where the configuration lets them.
    pub(crate) fn plain(hash: SuiteHash, pre_master: &[u8], randoms: &Randoms) -> Self {
        Self::derive(hash, pre_master, b"master secret", &[&randoms.client, &randoms.server])
    }

    /// That of a session that is resumed.
    pub(crate) fn resumed(hash: SuiteHash, secret: &Zeroizing<[u8; 48]>) -> Self {
        Self { secret: secret.clone(), hash }
    }

    /// For the session that this one may become.
    pub(crate) fn secret(&self) -> &Zeroizing<[u8; 48]> {
        &self.secret
    }

    fn derive(hash: SuiteHash, pre_master: &[u8], label: &[u8], seed: &[&[u8]]) -> Self {
        let mut secret = Zeroizing::new([0; 48]);
        prf(hash, pre_master, label, seed, &mut *secret);
        Self { secret, hash }
    }

    /// The content of the Finished message that `sender` sends after these messages (RFC 5246 §7.4.9).
    pub(crate) fn verify_data(&self, sender: Role, transcript: &[u8]) -> [u8; 12] {
        let label: &[u8] = match sender {
            Role::Client => b"client finished",
            Role::Server => b"server finished",
        };
        let digest = self.hash.digest(transcript);
        let mut out = [0; 12];
        prf(self.hash, &*self.secret, label, &[digest.as_ref()], &mut out);
        out
    }

    /// RFC 5246 §6.3. AEAD suites have no MAC keys.
    pub(crate) fn key_block(&self, suite: CipherSuite, randoms: &Randoms) -> KeyBlock {
        let (key_len, iv_len) = (suite.aead().key_len(), suite.fixed_iv_len());
        let mut bytes = Zeroizing::new(vec![0; 2 * (key_len + iv_len)]);
        let seed: [&[u8]; 2] = [&randoms.server, &randoms.client];
        prf(self.hash, &*self.secret, b"key expansion", &seed, &mut bytes);
        KeyBlock { suite, bytes }
    }

    /// RFC 5705 §4.
    pub(crate) fn export(
        &self,
        randoms: &Randoms,
        label: &[u8],
        context: Option<&[u8]>,
        out: &mut [u8],
    ) {
        // An absent context is not an empty one: only the latter has a length in front.
        let mut prefixed = Vec::new();
        if let Some(context) = context {
            with_length::<2>(&mut prefixed, |out| out.extend_from_slice(context));
        }
        let seed: [&[u8]; 3] = [&randoms.client, &randoms.server, &prefixed];
        prf(self.hash, &*self.secret, label, &seed, out);
    }
}

/// Keys and fixed nonce parts of both directions. Overwritten when dropped.
pub(crate) struct KeyBlock {
    suite: CipherSuite,
    bytes: Zeroizing<Vec<u8>>,
}

impl KeyBlock {
    /// Key and fixed nonce part that `sender` encrypts with.
    pub(crate) fn of(&self, sender: Role) -> Option<(&[u8], &[u8])> {
        let (key_len, iv_len) = (self.suite.aead().key_len(), self.suite.fixed_iv_len());
        let mut parts = Reader::new(&self.bytes);
        let client_key = parts.take(key_len)?;
        let server_key = parts.take(key_len)?;
        let client_iv = parts.take(iv_len)?;
        let server_iv = parts.take(iv_len)?;
        Some(match sender {
            Role::Client => (client_key, client_iv),
            Role::Server => (server_key, server_iv),
        })
    }

    pub(crate) fn suite(&self) -> CipherSuite {
        self.suite
    }
}
