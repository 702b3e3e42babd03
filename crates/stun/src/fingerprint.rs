//! `FINGERPRINT` (RFC 8489 §14.7).

use std::{error, fmt};

use crate::attribute::AttributeType;
use crate::bytes::exact_u32;
use crate::message::Message;

/// What the CRC is XORed with: "STUN" in ASCII.
const XOR: u32 = 0x5354_554e;

/// Why a fingerprint does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FingerprintError {
    /// There is none.
    Missing,
    /// It does not match the message, or is not four octets long.
    Wrong,
}

impl fmt::Display for FingerprintError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "no FINGERPRINT",
            Self::Wrong => "wrong FINGERPRINT",
        })
    }
}

impl error::Error for FingerprintError {}

impl Message<'_> {
    /// Checks the CRC. It tells STUN from other protocols on a port and protects against nobody.
    ///
    /// # Errors
    /// [`FingerprintError::Missing`] or [`FingerprintError::Wrong`].
    pub fn verify_fingerprint(&self) -> Result<(), FingerprintError> {
        let (value, covered) =
            self.located(AttributeType::FINGERPRINT).ok_or(FingerprintError::Missing)?;
        // Parsing made sure that FINGERPRINT comes last, so the length field already includes it, as it has to.
        if exact_u32(value) == Some(compute(covered)) {
            Ok(())
        } else {
            Err(FingerprintError::Wrong)
        }
    }
}

/// The value for a message that ends where the attribute will begin, its length field already counting the attribute.
pub(crate) fn compute(covered: &[u8]) -> u32 {
    crc32fast::hash(covered) ^ XOR
}
