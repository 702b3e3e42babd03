//! Two cursors over borrowed bytes. Nothing here can panic: what is not there is `None`.

/// Reads big-endian fields from the front of a slice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u24(&mut self) -> Option<u32> {
        self.array().map(|[a, b, c]| u32::from_be_bytes([0, a, b, c]))
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    pub(crate) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(head)
    }

    /// Unsigned LEB128 of at most eight octets, as AV1 writes it (AV1 specification, section 4.10.5).
    pub(crate) fn leb128(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..56).step_by(7) {
            let octet = self.u8()?;
            value |= u64::from(octet & 0x7f) << shift;
            if octet & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.0
    }

    pub(crate) const fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Appends big-endian fields to a caller's buffer; `None` when the buffer is full.
#[derive(Debug)]
pub(crate) struct Cursor<'o> {
    out: &'o mut [u8],
    len: usize,
}

impl<'o> Cursor<'o> {
    pub(crate) const fn new(out: &'o mut [u8]) -> Self {
        Self { out, len: 0 }
    }

    pub(crate) fn put(&mut self, bytes: &[u8]) -> Option<()> {
        let end = self.len.checked_add(bytes.len())?;
        self.out.get_mut(self.len..end)?.copy_from_slice(bytes);
        self.len = end;
        Some(())
    }

    pub(crate) fn u8(&mut self, value: u8) -> Option<()> {
        self.put(&[value])
    }

    pub(crate) fn u16(&mut self, value: u16) -> Option<()> {
        self.put(&value.to_be_bytes())
    }

    /// The low 24 bits of `value`.
    pub(crate) fn u24(&mut self, value: u32) -> Option<()> {
        let [_, bytes @ ..] = value.to_be_bytes();
        self.put(&bytes)
    }

    pub(crate) fn u32(&mut self, value: u32) -> Option<()> {
        self.put(&value.to_be_bytes())
    }

    pub(crate) fn u64(&mut self, value: u64) -> Option<()> {
        self.put(&value.to_be_bytes())
    }

    pub(crate) fn leb128(&mut self, mut value: u64) -> Option<()> {
        loop {
            let low = low8(value) & 0x7f;
            value >>= 7;
            if value == 0 {
                return self.u8(low);
            }
            self.u8(low | 0x80)?;
        }
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }
}

/// The low 8 bits.
pub(crate) const fn low8(value: u64) -> u8 {
    let [.., a] = value.to_be_bytes();
    a
}

/// The low 16 bits.
pub(crate) const fn low16(value: u64) -> u16 {
    let [.., a, b] = value.to_be_bytes();
    u16::from_be_bytes([a, b])
}

/// The low 32 bits.
pub(crate) const fn low32(value: u64) -> u32 {
    let [.., a, b, c, d] = value.to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_gives_nothing_beyond_the_end() {
        let mut reader = Reader::new(&[1, 2, 3]);
        assert_eq!(reader.u16(), Some(0x0102));
        assert_eq!(reader.u16(), None);
        assert_eq!(reader.take(2), None);
        assert_eq!(reader.u8(), Some(3));
        assert!(reader.is_empty());
    }

    #[test]
    fn a_cursor_stops_at_the_end() {
        let mut out = [0; 3];
        let mut cursor = Cursor::new(&mut out);
        assert_eq!(cursor.u16(0x0102), Some(()));
        assert_eq!(cursor.u16(0x0304), None);
        assert_eq!(cursor.u8(3), Some(()));
        assert_eq!(out, [1, 2, 3]);
    }

    #[test]
    fn leb128_goes_both_ways() {
        for value in [0, 1, 127, 128, 300, 1 << 35, (1 << 56) - 1] {
            let mut out = [0; 8];
            let mut cursor = Cursor::new(&mut out);
            cursor.leb128(value).unwrap();
            let len = cursor.len();
            assert_eq!(Reader::new(&out[..len]).leb128(), Some(value));
        }
        assert_eq!(Reader::new(&[0x80; 9]).leb128(), None, "never more than eight octets");
    }
}
