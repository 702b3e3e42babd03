//! Who this side is: a certificate and its private key.

use std::fmt;
use std::ops::RangeInclusive;

use x509_parser::pem::Pem;
use zeroize::{Zeroize, Zeroizing};

use crate::crypto::digest::{SHA256, digest};
use crate::crypto::rand::{SecureRandom, SystemRandom};
use crate::crypto::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, KeyPair,
    RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384,
    RSA_PSS_SHA512, RsaEncoding,
};
use crate::crypto::{ecdsa_key, modulus_len, rsa};
use crate::fingerprint::{Fingerprint, HashAlgorithm};
use crate::v12::{NamedGroup, PublicKey, SignatureScheme};

/// Largest certificate that fits a handshake message of 16 KiB with the lengths around it.
const MAX_CERTIFICATE: usize = 16 * 1024 - 6;
/// Octets of the modulus of RSA keys: 2,048 to 4,096 bits.
const RSA_MODULUS: RangeInclusive<usize> = 256..=512;

/// A certificate and its private key. One identity signs for every session of a process; share it in an
/// [`Arc`](std::sync::Arc).
pub struct Identity {
    certificate: Vec<u8>,
    key: PrivateKey,
    rng: SystemRandom,
}

enum PrivateKey {
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Rsa(rsa::KeyPair),
}

impl Identity {
    /// A new ECDSA P-256 key with a self-signed certificate whose subject is random.
    ///
    /// WebRTC peers compare fingerprints and look at nothing else in a certificate, so its validity is long and fixed,
    /// and no clock is needed.
    pub fn generate_ecdsa() -> Result<Self, IdentityError> {
        let rng = SystemRandom::new();
        let mut name = [0; 8];
        rng.fill(&mut name).map_err(|_| IdentityError::NoRandomness)?;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &rng)
            .map_err(|_| IdentityError::GenerationFailed)?;
        let key = SelfSigner::new(pkcs8.as_ref(), &rng).ok_or(IdentityError::GenerationFailed)?;

        let name = u64::from_be_bytes(name);
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::CommonName, format!("{name:016x}"));
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2049, 12, 31);
        params.serial_number = Some(name.into());
        let certificate = params.self_signed(&key).map_err(|_| IdentityError::GenerationFailed)?;
        Self::from_der(certificate.der().to_vec(), pkcs8.as_ref().to_vec())
    }

    /// A certificate in DER and its private key in PKCS #8: ECDSA on P-256 or P-384, or RSA of 2,048 to 4,096 bits. An
    /// RSA key may also come in PKCS #1.
    pub fn from_der(certificate: Vec<u8>, private_key: Vec<u8>) -> Result<Self, IdentityError> {
        let private_key = Zeroizing::new(private_key);
        if certificate.len() > MAX_CERTIFICATE {
            return Err(IdentityError::CertificateTooLarge);
        }
        let rng = SystemRandom::new();
        let key = PrivateKey::from_der(&private_key, &rng).ok_or(IdentityError::UnsupportedKey)?;
        let public =
            PublicKey::of_certificate(&certificate).map_err(|_| IdentityError::BadCertificate)?;
        if public.as_bytes() != key.public_key() {
            return Err(IdentityError::KeyMismatch);
        }
        Ok(Self { certificate, key, rng })
    }

    /// The first certificate of a PEM text, and the first private key of another (both may be the same text): PKCS #8
    /// (`PRIVATE KEY`), or PKCS #1 for RSA (`RSA PRIVATE KEY`). Keys as for [`from_der`](Self::from_der).
    ///
    /// # Errors
    /// [`IdentityError::BadPem`] where either is missing; otherwise as `from_der`.
    pub fn from_pem(certificate: &str, private_key: &str) -> Result<Self, IdentityError> {
        let certificate = pem_block(certificate, &["CERTIFICATE"])?.contents;
        let key = pem_block(private_key, &["PRIVATE KEY", "RSA PRIVATE KEY"])?;
        Self::from_der(certificate, key.contents)
    }

    /// The SHA-256 fingerprint, for signaling.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(HashAlgorithm::Sha256, &self.certificate)
    }

    /// The certificate in DER.
    pub fn certificate_der(&self) -> &[u8] {
        &self.certificate
    }

    /// The certificate in 32 bytes.
    pub(crate) fn certificate_digest(&self) -> [u8; 32] {
        let mut out = [0; 32];
        for (to, from) in out.iter_mut().zip(digest(&SHA256, &self.certificate).as_ref()) {
            *to = *from;
        }
        out
    }

    /// Whether the key is RSA; otherwise it is ECDSA.
    pub(crate) fn is_rsa(&self) -> bool {
        matches!(self.key, PrivateKey::Rsa(_))
    }

    /// The curve of an ECDSA key.
    pub(crate) fn curve(&self) -> Option<NamedGroup> {
        match self.key {
            PrivateKey::P256(_) => Some(NamedGroup::Secp256r1),
            PrivateKey::P384(_) => Some(NamedGroup::Secp384r1),
            PrivateKey::Rsa(_) => None,
        }
    }

    /// What this key can sign with, best first.
    pub(crate) fn schemes(&self) -> &'static [SignatureScheme] {
        use SignatureScheme as S;
        match self.key {
            PrivateKey::P256(_) => &[S::EcdsaSha256],
            PrivateKey::P384(_) => &[S::EcdsaSha384],
            PrivateKey::Rsa(_) => &[
                S::RsaPkcs1Sha256,
                S::RsaPssSha256,
                S::RsaPkcs1Sha384,
                S::RsaPssSha384,
                S::RsaPkcs1Sha512,
                S::RsaPssSha512,
            ],
        }
    }

    /// Signs with one of [`Self::schemes`]; `None` when the scheme is another or there is no randomness.
    pub(crate) fn sign(&self, scheme: SignatureScheme, message: &[u8]) -> Option<Vec<u8>> {
        #[cfg(test)]
        crate::v12::tests::work::count(|work| work.signed += 1);
        match (&self.key, scheme) {
            (PrivateKey::P256(key), SignatureScheme::EcdsaSha256)
            | (PrivateKey::P384(key), SignatureScheme::EcdsaSha384) => {
                Some(key.sign(&self.rng, message).ok()?.as_ref().to_vec())
            }
            (PrivateKey::Rsa(key), scheme) => {
                let encoding: &'static dyn RsaEncoding = match scheme {
                    SignatureScheme::RsaPkcs1Sha256 => &RSA_PKCS1_SHA256,
                    SignatureScheme::RsaPkcs1Sha384 => &RSA_PKCS1_SHA384,
                    SignatureScheme::RsaPkcs1Sha512 => &RSA_PKCS1_SHA512,
                    SignatureScheme::RsaPssSha256 => &RSA_PSS_SHA256,
                    SignatureScheme::RsaPssSha384 => &RSA_PSS_SHA384,
                    SignatureScheme::RsaPssSha512 => &RSA_PSS_SHA512,
                    SignatureScheme::EcdsaSha256 | SignatureScheme::EcdsaSha384 => return None,
                };
                let mut signature = vec![0; modulus_len(key)];
                key.sign(encoding, &self.rng, message, &mut signature).ok()?;
                Some(signature)
            }
            _ => None,
        }
    }
}

impl PrivateKey {
    fn from_der(der: &[u8], rng: &SystemRandom) -> Option<Self> {
        let ecdsa = |algorithm| ecdsa_key(algorithm, der, rng);
        let rsa = || rsa::KeyPair::from_pkcs8(der).or_else(|_| rsa::KeyPair::from_der(der)).ok();
        ecdsa(&ECDSA_P256_SHA256_ASN1_SIGNING)
            .map(Self::P256)
            .or_else(|| ecdsa(&ECDSA_P384_SHA384_ASN1_SIGNING).map(Self::P384))
            .or_else(|| rsa().filter(|key| RSA_MODULUS.contains(&modulus_len(key))).map(Self::Rsa))
    }

    fn public_key(&self) -> &[u8] {
        match self {
            Self::P256(key) | Self::P384(key) => key.public_key().as_ref(),
            Self::Rsa(key) => key.public_key().as_ref(),
        }
    }
}

/// A new P-256 key as it signs its own certificate.
struct SelfSigner {
    key: EcdsaKeyPair,
    rng: SystemRandom,
}

impl SelfSigner {
    fn new(pkcs8: &[u8], rng: &SystemRandom) -> Option<Self> {
        let key = ecdsa_key(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8, rng)?;
        Some(Self { key, rng: rng.clone() })
    }
}

impl rcgen::PublicKeyData for SelfSigner {
    fn der_bytes(&self) -> &[u8] {
        self.key.public_key().as_ref()
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

impl rcgen::SigningKey for SelfSigner {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let signature = self.key.sign(&self.rng, message);
        Ok(signature.map_err(|_| rcgen::Error::RemoteKeyError)?.as_ref().to_vec())
    }
}

/// The first block of a PEM text with one of these labels. Unless it is to be kept, its bytes are overwritten.
fn pem_block(text: &str, labels: &[&str]) -> Result<Pem, IdentityError> {
    for block in Pem::iter_from_buffer(text.as_bytes()) {
        let mut block = block.map_err(|_| IdentityError::BadPem)?;
        if labels.contains(&block.label.as_str()) {
            return Ok(block);
        }
        block.contents.zeroize();
    }
    Err(IdentityError::BadPem)
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("fingerprint", &self.fingerprint().to_string())
            .finish_non_exhaustive()
    }
}

/// Why an identity could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdentityError {
    /// No random numbers were to be had.
    NoRandomness,
    /// Key or certificate could not be generated.
    GenerationFailed,
    /// The private key is not PKCS #8 of ECDSA P-256, P-384 or RSA of 2,048 to 4,096 bits, nor PKCS #1 of the latter.
    UnsupportedKey,
    /// The certificate is not X.509 in DER with such a key.
    BadCertificate,
    /// The certificate does not fit a handshake message of 16 KiB.
    CertificateTooLarge,
    /// The certificate belongs to another key.
    KeyMismatch,
    /// The text holds no certificate, or no private key that is not encrypted, in PEM.
    BadPem,
}

impl fmt::Display for IdentityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoRandomness => "the random number generator failed",
            Self::GenerationFailed => "key or certificate generation failed",
            Self::UnsupportedKey => "the private key is not ECDSA P-256, P-384 or RSA in PKCS #8",
            Self::BadCertificate => "the certificate is not X.509 in DER with a supported key",
            Self::CertificateTooLarge => "the certificate does not fit a handshake message",
            Self::KeyMismatch => "the certificate belongs to another key",
            Self::BadPem => "no certificate, or no unencrypted private key, in PEM",
        })
    }
}

impl std::error::Error for IdentityError {}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_certificate_is_signed_by_its_own_key() {
        let identity = Identity::generate_ecdsa().unwrap();
        let (rest, certificate) =
            x509_parser::parse_x509_certificate(identity.certificate_der()).unwrap();
        assert!(rest.is_empty());
        let key = PublicKey::of_certificate(identity.certificate_der()).unwrap();
        let signed = certificate.tbs_certificate.as_ref();
        let signature = &certificate.signature_value.data;
        assert!(key.verifies(SignatureScheme::EcdsaSha256, signed, signature));
        assert_eq!(certificate.subject(), certificate.issuer());
        // RFC 5280 §4.1.2.2: a serial number is positive.
        assert!(certificate.tbs_certificate.raw_serial().first().is_some_and(|byte| *byte < 0x80));
    }

    #[test]
    fn no_two_generated_certificates_are_alike() {
        let [one, other] = [(); 2].map(|()| Identity::generate_ecdsa().unwrap());
        assert_ne!(one.fingerprint(), other.fingerprint());
        assert_ne!(one.key.public_key(), other.key.public_key());
    }
}
