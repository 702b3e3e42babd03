//! Appending RTCP packets to a caller's buffer.

use std::fmt;

use crate::bytes::Cursor;

/// The packet does not fit: into what is left of the buffer, or into the fields that count it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the RTCP packet does not fit")
    }
}

impl std::error::Error for Full {}

/// Builds a compound packet in a caller's buffer. Each method appends one whole packet, or nothing and
/// [`Full`]. The methods stand beside the views of the packets they write.
#[derive(Debug)]
pub struct Writer<'o> {
    out: &'o mut [u8],
    len: usize,
}

const HEADER: usize = 4;

impl<'o> Writer<'o> {
    /// A writer at the beginning of `out`.
    #[must_use]
    pub const fn new(out: &'o mut [u8]) -> Self {
        Self { out, len: 0 }
    }

    /// Octets written.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing was written.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Octets that are left.
    #[must_use]
    pub const fn remaining(&self) -> usize {
        self.out.len() - self.len
    }

    /// The length of the compound in octets.
    #[must_use]
    pub const fn finish(self) -> usize {
        self.len
    }

    /// Writes what `body` writes, padded with zeros to a multiple of four octets, behind a common header.
    /// What `body` leaves behind when it gives up is beyond `len` and so never seen.
    pub(super) fn packet(
        &mut self,
        count: u8,
        packet_type: u8,
        body: impl FnOnce(&mut Cursor<'_>) -> Option<()>,
    ) -> Result<(), Full> {
        let space = self.out.get_mut(self.len..).ok_or(Full)?;
        let (header, rest) = space.split_first_chunk_mut::<HEADER>().ok_or(Full)?;
        let mut cursor = Cursor::new(rest);
        body(&mut cursor).ok_or(Full)?;
        while !cursor.len().is_multiple_of(4) {
            cursor.u8(0).ok_or(Full)?;
        }
        let words = u16::try_from(cursor.len() / 4).map_err(|_| Full)?;
        let [w0, w1] = words.to_be_bytes();
        *header = [0x80 | count & 0x1f, packet_type, w0, w1];
        self.len += HEADER + cursor.len();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_not_written() {
        let mut out = [0; 23];
        let mut writer = Writer::new(&mut out);
        assert!(writer.is_empty());
        writer.picture_loss_indication(1, 2).unwrap();
        assert_eq!(writer.len(), 12);
        assert_eq!(writer.remaining(), 11);
        assert_eq!(writer.picture_loss_indication(1, 2), Err(Full));
        assert_eq!(writer.len(), 12);
        writer.receiver_report(1, &[]).unwrap();
        assert_eq!(writer.finish(), 20);
    }

    #[test]
    fn the_body_is_padded_to_words() {
        let mut out = [0xff; 12];
        let mut writer = Writer::new(&mut out);
        writer.packet(3, 199, |body| body.put(&[1, 2, 3, 4, 5])).unwrap();
        assert_eq!(writer.finish(), 12);
        assert_eq!(out, [0x83, 199, 0, 2, 1, 2, 3, 4, 5, 0, 0, 0]);
    }

    #[test]
    fn padding_that_does_not_fit_is_full() {
        let mut out = [0; 11];
        assert_eq!(Writer::new(&mut out).packet(0, 199, |body| body.put(&[1; 5])), Err(Full));
    }
}
