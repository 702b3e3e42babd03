//! str0m's SRTP. The type that does it is private to str0m, but what it calls for a packet is public: the ciphers of its
//! crypto provider, and the functions for initialization vector and tag. They are put together here as str0m puts them
//! together, a `Vec` for each protected packet and one kept buffer for what is unprotected. What is missing: str0m parses the
//! header, finds the stream, extends the sequence number and keeps the replay window elsewhere, in types that are private too.

use str0m_proto::crypto::{
    AeadAes128Gcm, AeadAes128GcmCipher, AeadAes256Gcm, AeadAes256GcmCipher, Aes128CmSha1_80,
    Aes128CmSha1_80Cipher, Sha1HmacProvider, SrtpProvider,
};
use tsubame_srtp::Profile;

use crate::workload::srtp::keys;

pub(crate) struct Str0m(Cipher);

enum Cipher {
    Gcm128 {
        salt: [u8; 12],
        seal: Box<dyn AeadAes128GcmCipher>,
        open: Box<dyn AeadAes128GcmCipher>,
    },
    Gcm256 {
        salt: [u8; 12],
        seal: Box<dyn AeadAes256GcmCipher>,
        open: Box<dyn AeadAes256GcmCipher>,
    },
    AesCm {
        salt: [u8; 14],
        key: [u8; 20],
        seal: Box<dyn Aes128CmSha1_80Cipher>,
        open: Box<dyn Aes128CmSha1_80Cipher>,
        hmac: &'static dyn Sha1HmacProvider,
    },
}

impl Str0m {
    /// `None` for the profile that str0m has not.
    pub(crate) fn new(profile: Profile) -> Option<Self> {
        let provider = str0m_aws_lc_rs::default_provider();
        let srtp = provider.srtp_provider;
        let cipher = match profile {
            Profile::AeadAes128Gcm => {
                let key = derive(srtp, profile, 0);
                Cipher::Gcm128 {
                    salt: derive(srtp, profile, 2),
                    seal: srtp.aead_aes_128_gcm().create_cipher(key, true),
                    open: srtp.aead_aes_128_gcm().create_cipher(key, false),
                }
            }
            Profile::AeadAes256Gcm => {
                let key = derive(srtp, profile, 0);
                Cipher::Gcm256 {
                    salt: derive(srtp, profile, 2),
                    seal: srtp.aead_aes_256_gcm().create_cipher(key, true),
                    open: srtp.aead_aes_256_gcm().create_cipher(key, false),
                }
            }
            Profile::Aes128CmHmacSha1_80 => {
                let key = derive(srtp, profile, 0);
                Cipher::AesCm {
                    salt: derive(srtp, profile, 2),
                    key: derive(srtp, profile, 1),
                    seal: srtp.aes_128_cm_sha1_80().create_cipher(key, true),
                    open: srtp.aes_128_cm_sha1_80().create_cipher(key, false),
                    hmac: provider.sha1_hmac_provider,
                }
            }
            _ => return None,
        };
        Some(Self(cipher))
    }

    /// The protected packet.
    pub(crate) fn protect(
        &mut self,
        packet: &[u8],
        header: usize,
        ssrc: u32,
        index: u64,
    ) -> Vec<u8> {
        let (roc, sequence) = ((index >> 16) as u32, index as u16);
        let (aad, payload) = packet.split_at(header);
        match &mut self.0 {
            Cipher::Gcm128 { salt, seal, .. } => {
                let iv = AeadAes128Gcm::rtp_iv(*salt, ssrc, roc, sequence);
                let mut out = vec![0; packet.len() + AeadAes128Gcm::TAG_LEN];
                seal.encrypt(&iv, aad, payload, &mut out[header..]).expect("sealed");
                out[..header].copy_from_slice(aad);
                out
            }
            Cipher::Gcm256 { salt, seal, .. } => {
                let iv = AeadAes256Gcm::rtp_iv(*salt, ssrc, roc, sequence);
                let mut out = vec![0; packet.len() + AeadAes256Gcm::TAG_LEN];
                seal.encrypt(&iv, aad, payload, &mut out[header..]).expect("sealed");
                out[..header].copy_from_slice(aad);
                out
            }
            Cipher::AesCm { salt, key, seal, hmac, .. } => {
                let iv = Aes128CmSha1_80::rtp_iv(*salt, ssrc, index);
                // Its cipher wants room for one block more.
                let mut out = vec![0; packet.len() + 15];
                seal.encrypt(&iv, payload, &mut out[header..]).expect("sealed");
                out[..header].copy_from_slice(aad);
                let mac = |key: &[u8], parts: &[&[u8]]| hmac.sha1_hmac(key, parts);
                Aes128CmSha1_80::rtp_hmac(mac, &*key, &mut out, index, packet.len());
                out.truncate(packet.len() + Aes128CmSha1_80::HMAC_TAG_LEN);
                out
            }
        }
    }

    /// Writes the payload into `out`.
    pub(crate) fn unprotect(
        &mut self,
        packet: &[u8],
        header: usize,
        ssrc: u32,
        index: u64,
        out: &mut Vec<u8>,
    ) {
        let (roc, sequence) = ((index >> 16) as u32, index as u16);
        let (aad, sealed) = packet.split_at(header);
        match &mut self.0 {
            Cipher::Gcm128 { salt, open, .. } => {
                let iv = AeadAes128Gcm::rtp_iv(*salt, ssrc, roc, sequence);
                out.resize(sealed.len() - AeadAes128Gcm::TAG_LEN, 0);
                open.decrypt(&iv, &[aad], sealed, out).expect("authentic");
            }
            Cipher::Gcm256 { salt, open, .. } => {
                let iv = AeadAes256Gcm::rtp_iv(*salt, ssrc, roc, sequence);
                out.resize(sealed.len() - AeadAes256Gcm::TAG_LEN, 0);
                open.decrypt(&iv, &[aad], sealed, out).expect("authentic");
            }
            Cipher::AesCm { salt, key, open, hmac, .. } => {
                let (authenticated, tag) =
                    packet.split_at(packet.len() - Aes128CmSha1_80::HMAC_TAG_LEN);
                let mac = |key: &[u8], parts: &[&[u8]]| hmac.sha1_hmac(key, parts);
                assert!(Aes128CmSha1_80::rtp_verify(mac, &*key, authenticated, index, tag));
                let iv = Aes128CmSha1_80::rtp_iv(*salt, ssrc, index);
                let payload = &authenticated[header..];
                out.resize(payload.len() + 15, 0);
                open.decrypt(&iv, payload, out).expect("decrypted");
                out.truncate(payload.len());
            }
        }
    }
}

/// Session keys by RFC 3711 §4.3.1, key derivation rate 0.
fn derive<const N: usize>(srtp: &dyn SrtpProvider, profile: Profile, label: u8) -> [u8; N] {
    let (key, salt) = keys(profile);
    let mut input = [0; 16];
    input[..salt.len()].copy_from_slice(&salt);
    input[7] ^= label;
    let mut derived = [0; N];
    for (block, out) in derived.chunks_mut(16).enumerate() {
        input[15] = block as u8;
        // Some ciphers write a block of padding behind.
        let mut keystream = [0; 32];
        if key.len() == 32 {
            srtp.srtp_aes_256_ecb_round(&key, &input, &mut keystream);
        } else {
            srtp.srtp_aes_128_ecb_round(&key, &input, &mut keystream);
        }
        out.copy_from_slice(&keystream[..out.len()]);
    }
    derived
}
