//! Why a description was refused.

use std::fmt;

use crate::secret::without_secret;

/// Bytes of an offending line that an error repeats.
const MAX_EXCERPT: usize = 80;

/// Why a text is no session description this crate accepts. Lines are counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseError {
    /// More than [`crate::MAX_LENGTH`] bytes.
    TooLong {
        /// How many bytes it has.
        length: usize,
    },
    /// One thing more than there may be.
    TooMany {
        /// Where it is.
        line: usize,
        /// What there is too much of.
        what: &'static str,
        /// How many are allowed.
        limit: usize,
    },
    /// A line that does not say what it should.
    Unexpected {
        /// Which line.
        line: usize,
        /// The line, cut to 80 bytes; of one that holds a password or a key only what stands before it.
        text: String,
        /// What was expected in its place.
        expected: &'static str,
    },
    /// The text ended too early.
    Ended {
        /// What was expected next.
        expected: &'static str,
    },
}

impl ParseError {
    pub(crate) fn unexpected(line: usize, text: &str, expected: &'static str) -> Self {
        Self::Unexpected { line, text: without_secret(excerpt(text)), expected }
    }

    /// `valid`: how many octets from the start are good.
    pub(crate) fn not_utf8(octets: &[u8], valid: usize) -> Self {
        let good = octets.get(..valid).unwrap_or_default();
        let line = good.split(|octet| *octet == b'\n').count();
        let start = good.iter().rposition(|octet| *octet == b'\n').map_or(0, |at| at + 1);
        let mut text = octets.get(start..).unwrap_or_default();
        text = text.split(|octet| matches!(octet, b'\r' | b'\n')).next().unwrap_or_default();
        text = text.get(..MAX_EXCERPT).unwrap_or(text);
        Self::unexpected(line, &String::from_utf8_lossy(text), "UTF-8")
    }

    /// The line it is about, from 1.
    pub fn line(&self) -> Option<usize> {
        match self {
            Self::TooMany { line, .. } | Self::Unexpected { line, .. } => Some(*line),
            Self::TooLong { .. } | Self::Ended { .. } => None,
        }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { length } => {
                write!(f, "SDP of {length} bytes, at most {} are allowed", crate::MAX_LENGTH)
            }
            Self::TooMany { line, what, limit } => {
                write!(f, "SDP line {line}: more than {limit} {what}")
            }
            Self::Unexpected { line, text, expected } => {
                write!(f, "SDP line {line}: expected {expected}, found {text:?}")
            }
            Self::Ended { expected } => write!(f, "SDP ended, expected {expected}"),
        }
    }
}

impl std::error::Error for ParseError {}

pub(crate) fn excerpt(text: &str) -> String {
    let mut end = text.len().min(MAX_EXCERPT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}
