//! What can be wrong with a configuration, each in one sentence.

use std::fmt;
use std::io;
use std::path::PathBuf;

use tracing_subscriber::filter::ParseError;
use tsubame_signaling::{InvalidUrl, TokenTooShort};

/// Where a value was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// On the command line.
    Option(&'static str),
    /// In a file.
    Line {
        /// Which.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// The key.
        key: &'static str,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Option(option) => f.write_str(option),
            Self::Line { path, line, key } => write!(f, "{}:{line}: {key}", path.display()),
        }
    }
}

/// Why the configuration cannot be used. Secrets are in none of the texts.
#[derive(Debug)]
pub(crate) enum ConfigError {
    /// The file.
    Unreadable { path: PathBuf, error: io::Error },
    /// No TOML, an unknown key, or a value of the wrong type.
    Syntax { path: PathBuf, line: usize, message: String },
    /// A value that means nothing here.
    Invalid { origin: Origin, value: String, expected: &'static str },
    /// A log filter that is none.
    Log { origin: Origin, value: String, error: ParseError },
    /// One option without another.
    Incomplete(&'static str),
    /// A token that can be guessed.
    Token { origin: Origin, error: TokenTooShort },
    /// A webhook that cannot be asked.
    AuthUrl { origin: Origin, error: InvalidUrl },
    /// A token and a webhook.
    TwoAuthorities { origin: Origin },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, error } if error.kind() == io::ErrorKind::NotFound => {
                write!(f, "{} does not exist: check the path after --config", path.display())
            }
            Self::Unreadable { path, error } => {
                write!(
                    f,
                    "{} cannot be read ({error}): check the file and its permissions",
                    path.display()
                )
            }
            Self::Syntax { path, line, message } => {
                write!(f, "{}:{line}: {message}", path.display())
            }
            Self::Invalid { origin, value, expected } => {
                write!(f, "{origin}: {value:?} is not {expected}")
            }
            Self::Log { origin, value, error } => write!(
                f,
                "{origin}: {value:?} is no filter ({error}): write error, warn, info, debug or trace"
            ),
            Self::Incomplete(what) => f.write_str(what),
            Self::Token { origin, error } => write!(f, "{origin}: {error}"),
            Self::AuthUrl { origin, error } => write!(f, "{origin}: {error}"),
            Self::TwoAuthorities { origin } => {
                write!(f, "{origin}: there is access_token as well: keep one of the two")
            }
        }
    }
}

impl std::error::Error for ConfigError {}
