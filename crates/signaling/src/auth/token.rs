//! The static access token.

use std::fmt;

use subtle::ConstantTimeEq;

/// A secret that every client has to know. `Debug` does not show it.
pub struct AccessToken(String);

impl AccessToken {
    /// The least number of bytes. Shorter ones can be guessed.
    pub const MIN_BYTES: usize = 32;

    /// Takes a token of at least [`Self::MIN_BYTES`].
    pub fn new(secret: String) -> Result<Self, TokenTooShort> {
        if secret.len() < Self::MIN_BYTES {
            return Err(TokenTooShort { bytes: secret.len() });
        }
        Ok(Self(secret))
    }

    /// Takes as long for a wrong token as for the right one; its length is no secret.
    pub(crate) fn matches(&self, presented: &str) -> bool {
        self.0.as_bytes().ct_eq(presented.as_bytes()).into()
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken(hidden)")
    }
}

/// The token has less than [`AccessToken::MIN_BYTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenTooShort {
    /// What it has.
    pub bytes: usize,
}

impl fmt::Display for TokenTooShort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "it has {} bytes and can be guessed: use at least {} (`openssl rand -hex 32` makes one)",
            self.bytes,
            AccessToken::MIN_BYTES
        )
    }
}

impl std::error::Error for TokenTooShort {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_32_bytes_and_more_are_taken() {
        assert!(AccessToken::new("a".repeat(32)).is_ok());
        let error = AccessToken::new("a".repeat(31)).expect_err("too short");
        assert_eq!(error, TokenTooShort { bytes: 31 });
    }

    #[test]
    fn only_the_same_token_matches() {
        let token = AccessToken::new("0123456789abcdef0123456789abcdef".into()).expect("long");
        assert!(token.matches("0123456789abcdef0123456789abcdef"));
        for wrong in ["", "0123456789abcdef0123456789abcdeF", "0123456789abcdef0123456789abcdef0"] {
            assert!(!token.matches(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_token_is_not_shown() {
        let token = AccessToken::new("s3cret".repeat(6)).expect("long");
        assert!(!format!("{token:?}").contains("s3cret"));
    }
}
