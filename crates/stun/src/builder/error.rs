//! Why a message was not built.

use std::{error, fmt};

use crate::attribute::AttributeType;

/// Why a message was not built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// The memory handed in is too small.
    BufferTooSmall {
        /// Octets needed so far.
        needed: usize,
        /// Octets there are.
        available: usize,
    },
    /// A value is longer than its attribute allows, or the message longer than 65,535 octets.
    TooLong {
        /// The attribute that was to be added.
        kind: AttributeType,
        /// Octets of its value.
        length: usize,
    },
    /// A value outside its range, e.g. an error code of 200.
    OutOfRange {
        /// The attribute that was to be added.
        kind: AttributeType,
    },
    /// An attribute after one that has to come later: nothing but `MESSAGE-INTEGRITY-SHA256` and `FINGERPRINT` follows
    /// `MESSAGE-INTEGRITY`, nothing follows `FINGERPRINT`.
    OutOfOrder {
        /// The attribute that was to be added.
        kind: AttributeType,
    },
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BufferTooSmall { needed, available } => {
                write!(f, "{needed} octets needed, {available} available")
            }
            Self::TooLong { kind, length } => {
                write!(f, "{length} octets are too long for {kind:?}")
            }
            Self::OutOfRange { kind } => write!(f, "value out of range for {kind:?}"),
            Self::OutOfOrder { kind } => write!(f, "{kind:?} cannot follow what is there"),
        }
    }
}

impl error::Error for BuildError {}
