//! User fragment and password (RFC 8445 §5.3).

use std::fmt;
use std::ops::RangeInclusive;

use zeroize::{Zeroize, ZeroizeOnDrop};

/// The characters of ufrag and password, `ice-char` (RFC 8839 §5.4): 64 of them, six bits each.
const ICE_CHARS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Characters of a ufrag made by [`Credentials::from_random`]: 48 bits.
const UFRAG_LENGTH: usize = 8;
/// Characters of a password made by [`Credentials::from_random`]: 144 bits.
const PWD_LENGTH: usize = 24;
/// Characters a ufrag may have (RFC 8839 §5.4).
const UFRAG_RANGE: RangeInclusive<usize> = 4..=256;
/// Characters a password may have (RFC 8839 §5.4).
const PWD_RANGE: RangeInclusive<usize> = 22..=256;

/// Why two texts are no credentials. It does not hold them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CredentialsError {
    /// The user fragment is not 4 to 256 `ice-char`s.
    Ufrag {
        /// Octets it has.
        length: usize,
    },
    /// The password is not 22 to 256 `ice-char`s.
    Pwd {
        /// Octets it has.
        length: usize,
    },
}

impl fmt::Display for CredentialsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ufrag { length } => {
                write!(f, "a ufrag of {length} octets is not 4 to 256 ice-chars")
            }
            Self::Pwd { length } => {
                write!(f, "a password of {length} octets is not 22 to 256 ice-chars")
            }
        }
    }
}

impl std::error::Error for CredentialsError {}

/// The name and the secret of one side, for one ICE generation. `Debug` does not show the password, and dropping
/// overwrites it.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// User fragment: 4 to 256 `ice-char`s.
    pub ufrag: String,
    /// Password: 22 to 256 `ice-char`s.
    pub pwd: String,
}

impl Credentials {
    /// Credentials as signaling told them.
    ///
    /// # Errors
    /// One of them has another length than RFC 8839 §5.4 allows, or other characters.
    pub fn new(ufrag: &str, pwd: &str) -> Result<Self, CredentialsError> {
        let fits = |text: &str, range: RangeInclusive<usize>| {
            range.contains(&text.len()) && text.bytes().all(|octet| ICE_CHARS.contains(&octet))
        };
        if !fits(ufrag, UFRAG_RANGE) {
            return Err(CredentialsError::Ufrag { length: ufrag.len() });
        }
        if !fits(pwd, PWD_RANGE) {
            return Err(CredentialsError::Pwd { length: pwd.len() });
        }
        Ok(Self { ufrag: ufrag.to_owned(), pwd: pwd.to_owned() })
    }

    /// A ufrag of 8 and a password of 24 characters made of 24 random octets. The octets have to be unpredictable: every
    /// password bit comes from a bit of its own, the ufrag uses 48 further bits.
    pub fn from_random(mut bytes: [u8; 24]) -> Self {
        // 24 octets are 192 bits: eight characters of ufrag take the first 48, 24 characters of password the other 144.
        let mut characters = bytes.chunks_exact(3).flat_map(|chunk| {
            let group = chunk.iter().fold(0u32, |group, octet| group << 8 | u32::from(*octet));
            [18, 12, 6, 0].map(|shift| ice_char(group >> shift))
        });
        let ufrag = characters.by_ref().take(UFRAG_LENGTH).collect();
        // Of its full size from the start: growing would leave copies of its beginning behind.
        let mut pwd = String::with_capacity(PWD_LENGTH);
        pwd.extend(characters.take(PWD_LENGTH));
        bytes.zeroize();
        Self { ufrag, pwd }
    }
}

impl Zeroize for Credentials {
    /// Overwrites and empties the password; the ufrag is no secret.
    fn zeroize(&mut self) {
        self.pwd.zeroize();
    }
}

impl Drop for Credentials {
    fn drop(&mut self) {
        self.zeroize();
    }
}

impl ZeroizeOnDrop for Credentials {}

fn ice_char(bits: u32) -> char {
    let index = usize::try_from(bits & 0x3f).unwrap_or_default();
    ICE_CHARS.get(index).copied().map_or('A', char::from)
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("ufrag", &self.ufrag).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_octets_become_ice_chars_and_every_bit_counts() {
        let zero = Credentials::from_random([0; 24]);
        assert_eq!(zero.ufrag, "AAAAAAAA");
        assert_eq!(zero.pwd, "A".repeat(24));
        for bit in 0..192 {
            let mut bytes = [0; 24];
            bytes[bit / 8] = 0x80 >> (bit % 8);
            let other = Credentials::from_random(bytes);
            assert_eq!(other.ufrag == zero.ufrag, bit >= 48, "bit {bit}");
            assert_eq!(other.pwd == zero.pwd, bit < 48, "bit {bit}");
        }
    }

    #[test]
    fn credentials_have_the_lengths_and_characters_of_the_rfc() {
        let new = |ufrag, pwd| {
            Credentials::new(&"u".repeat(ufrag), &"p".repeat(pwd)).map(|credentials| {
                assert_eq!((credentials.ufrag.len(), credentials.pwd.len()), (ufrag, pwd));
            })
        };
        for (ufrag, pwd) in [(4, 22), (256, 256)] {
            assert_eq!(new(ufrag, pwd), Ok(()));
        }
        for length in [0, 3, 257] {
            assert_eq!(new(length, 22), Err(CredentialsError::Ufrag { length }));
        }
        for length in [0, 21, 257] {
            assert_eq!(new(4, length), Err(CredentialsError::Pwd { length }));
        }
        let pwd = "p".repeat(22);
        assert_eq!(Credentials::new("a:bc", &pwd), Err(CredentialsError::Ufrag { length: 4 }));
        let error = Credentials::new("a+/c", &format!("{pwd}-")).unwrap_err();
        assert_eq!(error, CredentialsError::Pwd { length: 23 });
        assert!(!error.to_string().contains(&pwd));
    }

    #[test]
    fn secrets_are_overwritten_on_drop() {
        fn is_overwritten<T: ZeroizeOnDrop>() {}
        is_overwritten::<Credentials>();
        is_overwritten::<crate::IntegrityKey>();
        is_overwritten::<crate::LongTermKey>();
        let mut credentials = Credentials { ufrag: "abcd".into(), pwd: "secret".into() };
        credentials.zeroize();
        assert_eq!(credentials.pwd, "");
        assert_eq!(credentials.ufrag, "abcd");
    }

    #[test]
    fn debug_hides_the_password() {
        let text = format!("{:?}", Credentials { ufrag: "abcd".into(), pwd: "secret".into() });
        assert!(text.contains("abcd") && !text.contains("secret"), "{text}");
    }
}
