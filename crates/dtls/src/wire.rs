//! Big-endian reading and writing of TLS's presentation language (RFC 5246 §4).

/// Consumes a borrowed buffer from the front. Every method returns `None`, and consumes nothing that matters, when
/// the buffer is too short.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What was not consumed yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// `Some` when everything was consumed: structures of fixed form must end where they end.
    pub(crate) fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }

    pub(crate) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(len)?;
        self.0 = tail;
        Some(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, tail) = self.0.split_first_chunk::<N>()?;
        self.0 = tail;
        Some(*head)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u24(&mut self) -> Option<usize> {
        let [a, b, c] = self.array()?;
        Some(usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c))
    }

    /// A vector whose length stands in one byte.
    pub(crate) fn vec8(&mut self) -> Option<&'a [u8]> {
        let len = self.u8()?;
        self.take(usize::from(len))
    }

    /// A vector whose length stands in two bytes.
    pub(crate) fn vec16(&mut self) -> Option<&'a [u8]> {
        let len = self.u16()?;
        self.take(usize::from(len))
    }

    /// A vector whose length stands in three bytes.
    pub(crate) fn vec24(&mut self) -> Option<&'a [u8]> {
        let len = self.u24()?;
        self.take(len)
    }
}

/// A list of 16-bit code points, as cipher suites and groups come. `None` when the length is odd.
pub(crate) fn code_points(bytes: &[u8]) -> Option<impl Iterator<Item = u16> + Clone + '_> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|pair| u16::from_be_bytes(*pair)))
}

/// Appends what `body` writes, preceded by its length in `N` bytes.
///
/// Callers write structures whose size they bound; a length that does not fit is a defect of this crate.
pub(crate) fn with_length<const N: usize>(out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; N]);
    body(out);
    let len = out.len().saturating_sub(start).saturating_sub(N);
    debug_assert!(len < 1 << (8 * N), "a vector outgrew its length field");
    let encoded = (len as u64).to_be_bytes();
    let field = out.get_mut(start..start + N);
    if let (Some(field), Some(encoded)) = (field, encoded.last_chunk::<N>()) {
        field.copy_from_slice(encoded);
    }
}

pub(crate) fn put_u16(out: &mut Vec<u8>, value: u16) {
    out.extend_from_slice(&value.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_read_back() {
        let mut out = Vec::new();
        with_length::<1>(&mut out, |out| out.extend_from_slice(b"abc"));
        with_length::<2>(&mut out, |out| put_u16(out, 7));
        with_length::<3>(&mut out, |_| ());
        let mut reader = Reader::new(&out);
        assert_eq!(reader.vec8(), Some(&b"abc"[..]));
        assert_eq!(reader.vec16(), Some(&[0, 7][..]));
        assert_eq!(reader.vec24(), Some(&[][..]));
        assert!(reader.end().is_some());
    }

    #[test]
    fn short_buffers_are_refused() {
        assert_eq!(Reader::new(&[2, 0]).vec8(), None);
        assert_eq!(Reader::new(&[0, 2, 1]).vec16(), None);
        assert_eq!(Reader::new(&[0, 0]).u24(), None);
        assert!(code_points(&[0, 1, 2]).is_none());
    }
}
