//! Signature schemes and the public keys of certificates (RFC 5246 §7.4.1.4.1, RFC 8446 §4.2.3).

use std::ops::RangeInclusive;

use x509_parser::der_parser::asn1_rs::FromDer;
use x509_parser::oid_registry::{
    OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_NIST_EC_P384, OID_PKCS1_RSAENCRYPTION,
};
use x509_parser::public_key::RSAPublicKey;

use super::group::is_uncompressed;
use crate::crypto::signature::{self as algorithms, UnparsedPublicKey, VerificationAlgorithm};
use crate::error::{Error, PeerIncompatible, PeerMisbehaved};

/// A hash function with a signature algorithm. In TLS 1.2 an ECDSA scheme does not name a curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignatureScheme {
    EcdsaSha256,
    EcdsaSha384,
    RsaPkcs1Sha256,
    RsaPkcs1Sha384,
    RsaPkcs1Sha512,
    RsaPssSha256,
    RsaPssSha384,
    RsaPssSha512,
}

impl SignatureScheme {
    /// What this crate verifies, in the order it asks for them.
    pub(crate) const ALL: [Self; 8] = [
        Self::EcdsaSha256,
        Self::EcdsaSha384,
        Self::RsaPssSha256,
        Self::RsaPssSha384,
        Self::RsaPssSha512,
        Self::RsaPkcs1Sha256,
        Self::RsaPkcs1Sha384,
        Self::RsaPkcs1Sha512,
    ];

    pub(crate) fn id(self) -> u16 {
        match self {
            Self::RsaPkcs1Sha256 => 0x0401,
            Self::EcdsaSha256 => 0x0403,
            Self::RsaPkcs1Sha384 => 0x0501,
            Self::EcdsaSha384 => 0x0503,
            Self::RsaPkcs1Sha512 => 0x0601,
            Self::RsaPssSha256 => 0x0804,
            Self::RsaPssSha384 => 0x0805,
            Self::RsaPssSha512 => 0x0806,
        }
    }

    pub(crate) fn from_id(id: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|scheme| scheme.id() == id)
    }
}

/// Bits of an RSA key whose signatures are verified.
const RSA_BITS: RangeInclusive<usize> = 2048..=8192;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum KeyKind {
    P256,
    P384,
    Rsa,
}

/// The public key of a certificate.
pub(crate) struct PublicKey {
    kind: KeyKind,
    bytes: Vec<u8>,
}

impl PublicKey {
    /// Reads the key of a certificate in DER. Nothing else in the certificate matters: WebRTC trusts its fingerprint.
    pub(crate) fn of_certificate(der: &[u8]) -> Result<Self, Error> {
        let (rest, certificate) = x509_parser::parse_x509_certificate(der)
            .map_err(|_| Error::from(PeerMisbehaved::BadCertificate))?;
        if !rest.is_empty() {
            return Err(PeerMisbehaved::BadCertificate.into());
        }
        let info = &certificate.tbs_certificate.subject_pki;
        let curve = info.algorithm.parameters.as_ref().and_then(|any| any.as_oid().ok());
        let kind = if info.algorithm.algorithm == OID_PKCS1_RSAENCRYPTION {
            KeyKind::Rsa
        } else if info.algorithm.algorithm != OID_KEY_TYPE_EC_PUBLIC_KEY {
            return Err(PeerIncompatible::UnsupportedCertificateKey.into());
        } else if curve.as_ref() == Some(&OID_EC_P256) {
            KeyKind::P256
        } else if curve.as_ref() == Some(&OID_NIST_EC_P384) {
            KeyKind::P384
        } else {
            return Err(PeerIncompatible::UnsupportedCertificateKey.into());
        };
        let bytes = info.subject_public_key.data.to_vec();
        // RFC 8422 §5.3: we take uncompressed points alone, in a certificate too. All of this is looked at here because the providers
        // do not look at it alike.
        let is_taken = match kind {
            KeyKind::P256 => is_uncompressed(&bytes, 32),
            KeyKind::P384 => is_uncompressed(&bytes, 48),
            KeyKind::Rsa => rsa_bits(&bytes).is_some_and(|bits| RSA_BITS.contains(&bits)),
        };
        if !is_taken {
            return Err(PeerIncompatible::UnsupportedCertificateKey.into());
        }
        Ok(Self { kind, bytes })
    }

    pub(crate) fn is_rsa(&self) -> bool {
        self.kind == KeyKind::Rsa
    }

    /// An uncompressed point, or an RSAPublicKey in DER.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether the signature is this key's. A scheme of another kind of key verifies nothing.
    pub(crate) fn verifies(
        &self,
        scheme: SignatureScheme,
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        use SignatureScheme as S;
        #[cfg(test)]
        super::tests::work::count(|work| work.verified += 1);
        let algorithm: &'static dyn VerificationAlgorithm = match (self.kind, scheme) {
            (KeyKind::P256, S::EcdsaSha256) => &algorithms::ECDSA_P256_SHA256_ASN1,
            (KeyKind::P256, S::EcdsaSha384) => &algorithms::ECDSA_P256_SHA384_ASN1,
            (KeyKind::P384, S::EcdsaSha256) => &algorithms::ECDSA_P384_SHA256_ASN1,
            (KeyKind::P384, S::EcdsaSha384) => &algorithms::ECDSA_P384_SHA384_ASN1,
            (KeyKind::Rsa, S::RsaPkcs1Sha256) => &algorithms::RSA_PKCS1_2048_8192_SHA256,
            (KeyKind::Rsa, S::RsaPkcs1Sha384) => &algorithms::RSA_PKCS1_2048_8192_SHA384,
            (KeyKind::Rsa, S::RsaPkcs1Sha512) => &algorithms::RSA_PKCS1_2048_8192_SHA512,
            (KeyKind::Rsa, S::RsaPssSha256) => &algorithms::RSA_PSS_2048_8192_SHA256,
            (KeyKind::Rsa, S::RsaPssSha384) => &algorithms::RSA_PSS_2048_8192_SHA384,
            (KeyKind::Rsa, S::RsaPssSha512) => &algorithms::RSA_PSS_2048_8192_SHA512,
            _ => return false,
        };
        UnparsedPublicKey::new(algorithm, &self.bytes).verify(message, signature).is_ok()
    }
}

/// How many bits the modulus of an RSAPublicKey (RFC 8017 §A.1.1) has; `None` where the bytes are none, or more than one.
fn rsa_bits(der: &[u8]) -> Option<usize> {
    let (rest, key) = RSAPublicKey::from_der(der).ok()?;
    let zeros = key.modulus.iter().take_while(|byte| **byte == 0).count();
    let modulus = key.modulus.get(zeros..)?;
    let leading = usize::try_from(modulus.first()?.leading_zeros()).ok()?;
    rest.is_empty().then_some(8 * modulus.len() - leading)
}
