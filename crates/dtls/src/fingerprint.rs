//! Certificate fingerprints as signaling carries them (RFC 8122 §5).

use std::fmt;
use std::str::FromStr;

use crate::crypto::digest;

/// A hash function of a fingerprint, in the order of its strength.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HashAlgorithm {
    /// SHA-1: read because peers may still offer it beside a better one.
    Sha1,
    /// SHA-256: what everybody uses.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl HashAlgorithm {
    /// The name in SDP (RFC 8122 §5).
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha-1",
            Self::Sha256 => "sha-256",
            Self::Sha384 => "sha-384",
            Self::Sha512 => "sha-512",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512]
            .into_iter()
            .find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }

    fn digest(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        }
    }
}

/// A hash over a certificate in DER. Its text is what follows `a=fingerprint:` in SDP: `sha-256 AB:CD:...`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fingerprint {
    /// The hash function.
    pub algorithm: HashAlgorithm,
    /// The hash.
    pub bytes: Vec<u8>,
}

impl Fingerprint {
    /// The fingerprint of a certificate in DER.
    pub fn of(algorithm: HashAlgorithm, der: &[u8]) -> Self {
        Self { algorithm, bytes: digest::digest(algorithm.digest(), der).as_ref().to_vec() }
    }

    /// Whether this is the fingerprint of that certificate.
    pub fn matches(&self, der: &[u8]) -> bool {
        Self::of(self.algorithm, der) == *self
    }
}

/// Whether a certificate is one that signaling announced.
///
/// RFC 8122 §5: with fingerprints of several hash functions, those of the strongest count, so that a weak one beside a
/// strong one gives nothing away. Any of several with the same function may match.
pub(crate) fn any_matches(expected: &[Fingerprint], der: &[u8]) -> bool {
    let Some(strongest) = expected.iter().map(|fingerprint| fingerprint.algorithm).max() else {
        return false;
    };
    let actual = Fingerprint::of(strongest, der);
    expected.contains(&actual)
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.algorithm.name())?;
        for (index, byte) in self.bytes.iter().enumerate() {
            let colon = if index == 0 { "" } else { ":" };
            write!(f, "{colon}{byte:02X}")?;
        }
        Ok(())
    }
}

/// A text that is not a fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FingerprintParseError {
    /// No space between the name of the hash function and the hash.
    NoHash,
    /// A hash function that is not known.
    UnknownAlgorithm,
    /// Not pairs of hexadecimal digits with colons between them.
    NotHexadecimal,
    /// Not as many bytes as the hash function gives.
    WrongLength {
        /// What it gives.
        expected: usize,
        /// What stands there.
        got: usize,
    },
}

impl fmt::Display for FingerprintParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoHash => f.write_str("no hash follows the name of the hash function"),
            Self::UnknownAlgorithm => f.write_str("unknown hash function"),
            Self::NotHexadecimal => f.write_str("the hash is not colon-separated hexadecimal"),
            Self::WrongLength { expected, got } => {
                write!(f, "the hash has {got} bytes, not {expected}")
            }
        }
    }
}

impl std::error::Error for FingerprintParseError {}

impl FromStr for Fingerprint {
    type Err = FingerprintParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, hash) = text.trim().split_once(' ').ok_or(FingerprintParseError::NoHash)?;
        let algorithm =
            HashAlgorithm::from_name(name).ok_or(FingerprintParseError::UnknownAlgorithm)?;
        let expected = algorithm.digest().output_len();
        let bytes = hash
            .trim()
            .split(':')
            .map(hex_byte)
            .collect::<Option<Vec<u8>>>()
            .ok_or(FingerprintParseError::NotHexadecimal)?;
        if bytes.len() != expected {
            return Err(FingerprintParseError::WrongLength { expected, got: bytes.len() });
        }
        Ok(Self { algorithm, bytes })
    }
}

fn hex_byte(pair: &str) -> Option<u8> {
    // from_str_radix alone would let a sign through.
    (pair.len() == 2 && pair.bytes().all(|digit| digit.is_ascii_hexdigit()))
        .then(|| u8::from_str_radix(pair, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_round_trips() {
        for algorithm in [
            HashAlgorithm::Sha1,
            HashAlgorithm::Sha256,
            HashAlgorithm::Sha384,
            HashAlgorithm::Sha512,
        ] {
            let fingerprint = Fingerprint::of(algorithm, b"certificate");
            assert_eq!(fingerprint.to_string().parse(), Ok(fingerprint.clone()));
            assert_eq!(fingerprint.to_string().to_lowercase().parse(), Ok(fingerprint));
        }
    }

    #[test]
    fn known_value() {
        // SHA-256 of "abc", FIPS 180-2 B.1.
        assert_eq!(
            Fingerprint::of(HashAlgorithm::Sha256, b"abc").to_string(),
            "sha-256 BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23:\
             B0:03:61:A3:96:17:7A:9C:B4:10:FF:61:F2:00:15:AD"
        );
    }

    #[test]
    fn broken_texts_are_told_apart() {
        let parse = |text: &str| text.parse::<Fingerprint>();
        assert_eq!(parse("sha-256"), Err(FingerprintParseError::NoHash));
        assert_eq!(parse("md5 00"), Err(FingerprintParseError::UnknownAlgorithm));
        assert_eq!(parse("sha-1 +1:00"), Err(FingerprintParseError::NotHexadecimal));
        assert_eq!(parse("sha-1 0:00"), Err(FingerprintParseError::NotHexadecimal));
        assert_eq!(
            parse("sha-1 00:01"),
            Err(FingerprintParseError::WrongLength { expected: 20, got: 2 })
        );
    }

    #[test]
    fn the_strongest_hash_function_decides() {
        let right = b"right certificate";
        let weak = Fingerprint::of(HashAlgorithm::Sha1, right);
        let strong = Fingerprint::of(HashAlgorithm::Sha256, right);
        let foreign = Fingerprint::of(HashAlgorithm::Sha256, b"another certificate");
        assert!(any_matches(std::slice::from_ref(&weak), right));
        assert!(any_matches(&[foreign.clone(), strong], right));
        assert!(!any_matches(&[weak, foreign], right));
        assert!(!any_matches(&[], right));
    }
}
