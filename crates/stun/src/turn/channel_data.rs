//! `ChannelData` messages (RFC 8656 §12.4 to §12.6): a channel number, a length, and the datagram.

use std::{error, fmt};

use crate::bytes::{padded, u16_at};
use crate::message;

/// Octets of channel number and length.
const HEADER: usize = 4;

/// The number of a channel: 0x4000 to 0x4fff (RFC 8656 §12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelNumber(u16);

impl ChannelNumber {
    /// The smallest number.
    pub const MIN: Self = Self(0x4000);
    /// The largest number. RFC 5766 allowed up to 0x7fff; RFC 8656 reserves the others for other protocols on the port.
    pub const MAX: Self = Self(0x4fff);

    /// The channel with this number; `None` out of range.
    pub const fn new(number: u16) -> Option<Self> {
        if number >= Self::MIN.0 && number <= Self::MAX.0 { Some(Self(number)) } else { None }
    }

    /// The number on the wire.
    pub const fn number(self) -> u16 {
        self.0
    }
}

/// Whether a datagram is `ChannelData` and not one of its neighbours on the port (RFC 7983): first octet 64 to 79.
pub fn is_channel_data(datagram: &[u8]) -> bool {
    datagram.len() >= HEADER && datagram.first().is_some_and(|first| (64..=79).contains(first))
}

/// Why octets are no `ChannelData` message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChannelDataError {
    /// Fewer octets than the header, or than it claims.
    Truncated {
        /// Octets needed.
        needed: usize,
        /// Octets there are.
        available: usize,
    },
    /// A number that is no channel's.
    ChannelNumber {
        /// The number.
        number: u16,
    },
    /// More octets than padding accounts for.
    TrailingOctets {
        /// How many.
        count: usize,
    },
    /// More than 65,535 octets of data.
    TooLong {
        /// Octets of data.
        length: usize,
    },
}

impl fmt::Display for ChannelDataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { needed, available } => {
                write!(f, "{needed} octets needed, {available} available")
            }
            Self::ChannelNumber { number } => write!(f, "{number:#06x} is no channel number"),
            Self::TrailingOctets { count } => write!(f, "{count} octets too many"),
            Self::TooLong { length } => write!(f, "{length} octets are too long"),
        }
    }
}

impl error::Error for ChannelDataError {}

/// A `ChannelData` message, borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelData<'a> {
    /// The channel: it stands for the peer's address.
    pub channel: ChannelNumber,
    /// The datagram relayed.
    pub data: &'a [u8],
}

impl<'a> ChannelData<'a> {
    /// Reads a message that fills a datagram. Padding is optional there (RFC 8656 §12.5), and whatever it holds is ignored.
    ///
    /// # Errors
    /// See [`ChannelDataError`]: the datagram is to be discarded.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, ChannelDataError> {
        let (message, _) = Self::split(datagram)?;
        let count = datagram.len().saturating_sub(HEADER + padded(message.data.len()));
        if count > 0 { Err(ChannelDataError::TrailingOctets { count }) } else { Ok(message) }
    }

    /// Reads the message at the front of a stream, and says how many octets it takes there: its padding, which is not
    /// optional on a stream, is counted though it may not have arrived.
    ///
    /// # Errors
    /// [`ChannelDataError::Truncated`]: more of the stream is needed. Any other: the stream cannot be understood.
    pub fn split(stream: &'a [u8]) -> Result<(Self, usize), ChannelDataError> {
        let available = stream.len();
        let truncated = |needed| ChannelDataError::Truncated { needed, available };
        let number = u16_at(stream, 0).ok_or(truncated(HEADER))?;
        let length = usize::from(u16_at(stream, 2).ok_or(truncated(HEADER))?);
        let channel =
            ChannelNumber::new(number).ok_or(ChannelDataError::ChannelNumber { number })?;
        let data = stream.get(HEADER..HEADER + length).ok_or(truncated(HEADER + length))?;
        Ok((Self { channel, data }, HEADER + padded(length)))
    }

    /// Writes the message to the front of `out` and gives its octets: without padding, for a datagram.
    ///
    /// # Errors
    /// [`ChannelDataError::Truncated`] if `out` is too small, [`ChannelDataError::TooLong`].
    pub fn write(&self, out: &mut [u8]) -> Result<usize, ChannelDataError> {
        self.write_padded(out, self.data.len())
    }

    /// Writes the message with padding, for a stream.
    ///
    /// # Errors
    /// As [`ChannelData::write`].
    pub fn write_to_stream(&self, out: &mut [u8]) -> Result<usize, ChannelDataError> {
        self.write_padded(out, padded(self.data.len()))
    }

    fn write_padded(&self, out: &mut [u8], padded: usize) -> Result<usize, ChannelDataError> {
        let length = self.data.len();
        let field = u16::try_from(length).map_err(|_| ChannelDataError::TooLong { length })?;
        let needed = HEADER + padded;
        let available = out.len();
        let out = out.get_mut(..needed).ok_or(ChannelDataError::Truncated { needed, available })?;
        let ([n0, n1], [l0, l1]) = (self.channel.0.to_be_bytes(), field.to_be_bytes());
        let (head, body) = out.split_at_mut(HEADER);
        head.copy_from_slice(&[n0, n1, l0, l1]);
        let (data, padding) = body.split_at_mut(length);
        data.copy_from_slice(self.data);
        padding.fill(0);
        Ok(needed)
    }
}

/// How many octets the next message of a stream to or from a TURN server takes, STUN or `ChannelData`, by its first four
/// octets. `None` while they have not come; zero if they are neither, and the stream cannot be understood.
///
/// A stream of STUN alone has no other framing either (RFC 8489 §6.2.2).
pub fn frame_length(stream: &[u8]) -> Option<usize> {
    let (kind, length) = (u16_at(stream, 0)?, usize::from(u16_at(stream, 2)?));
    Some(match kind {
        0x0000..=0x3fff if length % 4 == 0 => message::HEADER_LENGTH + length,
        0x4000..=0x4fff => HEADER + padded(length),
        _ => 0,
    })
}
