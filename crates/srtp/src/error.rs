//! What can go wrong, as data.

use std::fmt;

/// The keying material does not fit the profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// The master key has the wrong number of octets.
    KeyLength {
        /// What the profile needs.
        expected: usize,
        /// What was handed in.
        actual: usize,
    },
    /// The master salt has the wrong number of octets.
    SaltLength {
        /// What the profile needs.
        expected: usize,
        /// What was handed in.
        actual: usize,
    },
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyLength { expected, actual } => {
                write!(f, "master key of {actual} octets where the profile needs {expected}")
            }
            Self::SaltLength { expected, actual } => {
                write!(f, "master salt of {actual} octets where the profile needs {expected}")
            }
        }
    }
}

impl std::error::Error for KeyError {}

/// Why a packet was not protected. Nothing useful stands in the output buffer then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProtectError {
    /// A packet was already protected under this index and SSRC. Under GCM a second one would give
    /// the authentication key away (RFC 7714 §13.1), so it never happens.
    IndexReused {
        /// The SSRC of the packet.
        ssrc: u32,
        /// Its 48-bit index.
        index: u64,
    },
    /// The index is below the window: nobody remembers whether it was used.
    IndexTooOld {
        /// The SSRC of the packet.
        ssrc: u32,
        /// Its 48-bit index.
        index: u64,
        /// The highest index used so far on this SSRC.
        highest: u64,
    },
    /// The low 16 bits of the index are not the sequence number in the header.
    IndexMismatch {
        /// The index handed in.
        index: u64,
        /// The sequence number in the header.
        sequence_number: u16,
    },
    /// The index has more than 48 bits, or all 2^31 SRTCP indices are used: the session needs new
    /// keys (RFC 3711 §9.2).
    KeyExhausted,
    /// [`MAX_OUTGOING_SSRCS`](crate::MAX_OUTGOING_SSRCS) SSRCs have been used under this key. None
    /// of them may be forgotten, so no new one is accepted.
    TooManySsrcs,
    /// The header is not exactly one RTP header with its CSRCs and extension, or the RTCP packet is
    /// shorter than 8 octets or not of version 2.
    Malformed,
    /// The packet is larger than 65,535 octets.
    TooLarge,
    /// The output buffer is too small.
    BufferTooSmall {
        /// Octets that are needed.
        needed: usize,
        /// Octets that are there.
        available: usize,
    },
}

impl fmt::Display for ProtectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IndexReused { ssrc, index } => {
                write!(f, "index {index} of SSRC {ssrc:#010x} is already used")
            }
            Self::IndexTooOld { ssrc, index, highest } => {
                write!(f, "index {index} of SSRC {ssrc:#010x} is far below {highest}")
            }
            Self::IndexMismatch { index, sequence_number } => {
                write!(f, "index {index} does not end in sequence number {sequence_number}")
            }
            Self::KeyExhausted => f.write_str("every packet index of this key is used"),
            Self::TooManySsrcs => f.write_str("too many outgoing SSRCs under one key"),
            Self::Malformed => f.write_str("not an RTP header or an RTCP packet"),
            Self::TooLarge => f.write_str("packet over 65535 octets"),
            Self::BufferTooSmall { needed, available } => {
                write!(f, "{needed} octets do not fit a buffer of {available}")
            }
        }
    }
}

impl std::error::Error for ProtectError {}

/// Why a packet was dropped. It is noise of an unreliable network, never a reason to end a session.
///
/// The contents of the packet's buffer are unspecified after an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UnprotectError {
    /// Too short, or its header claims more octets than there are.
    Malformed,
    /// A packet of this index has already been accepted.
    Replayed,
    /// The index is below the replay window.
    TooOld,
    /// The authentication tag is wrong: forged, damaged, or another key.
    Unauthentic,
    /// The index would pass 2^48 - 1: the sender went on after its key was exhausted.
    KeyExhausted,
}

impl fmt::Display for UnprotectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "malformed packet",
            Self::Replayed => "replayed packet",
            Self::TooOld => "packet below the replay window",
            Self::Unauthentic => "wrong authentication tag",
            Self::KeyExhausted => "packet index past 2^48 - 1",
        })
    }
}

impl std::error::Error for UnprotectError {}
