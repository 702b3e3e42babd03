//! Bit fields, the highest bit first, as the AV1 RTP specification writes them (appendix A.8.1).

/// Reads bits from the front of a slice. A copy of it is a bookmark.
#[derive(Clone, Copy, Debug)]
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> BitReader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    pub(super) fn flag(&mut self) -> Option<bool> {
        let octet = self.bytes.get(self.position / 8)?;
        let bit = *octet >> (7 - self.position % 8) & 1;
        self.position += 1;
        Some(bit == 1)
    }

    /// `f(count)`, at most 32 bits.
    pub(super) fn bits(&mut self, count: u32) -> Option<u32> {
        (0..count).try_fold(0, |value, _| Some(value << 1 | u32::from(self.flag()?)))
    }

    /// `f(count)` of at most eight bits.
    pub(super) fn small(&mut self, count: u32) -> Option<u8> {
        u8::try_from(self.bits(count)?).ok()
    }

    /// `ns(n)`: a value below `n` in as few bits as its place among them allows.
    pub(super) fn non_symmetric(&mut self, n: u8) -> Option<u8> {
        let (short_bits, short_values) = non_symmetric(n)?;
        let value = u32::from(self.small(short_bits)?);
        if value < short_values {
            return u8::try_from(value).ok();
        }
        u8::try_from((value << 1) - short_values + self.bits(1)?).ok()
    }
}

/// Writes bits into a caller's buffer, which it clears as it goes; `None` when the buffer is full.
#[derive(Debug)]
pub(super) struct BitWriter<'o> {
    out: &'o mut [u8],
    position: usize,
}

impl<'o> BitWriter<'o> {
    pub(super) const fn new(out: &'o mut [u8]) -> Self {
        Self { out, position: 0 }
    }

    pub(super) fn flag(&mut self, flag: bool) -> Option<()> {
        let octet = self.out.get_mut(self.position / 8)?;
        if self.position.is_multiple_of(8) {
            *octet = 0;
        }
        *octet |= u8::from(flag) << (7 - self.position % 8);
        self.position += 1;
        Some(())
    }

    /// `f(count)`: the low `count` bits of `value`, at most 32.
    pub(super) fn bits(&mut self, value: u32, count: u32) -> Option<()> {
        (0..count).rev().try_for_each(|bit| self.flag(value >> bit & 1 == 1))
    }

    /// `ns(n)`, of a value below `n`.
    pub(super) fn non_symmetric(&mut self, value: u8, n: u8) -> Option<()> {
        let (short_bits, short_values) = non_symmetric(n)?;
        let value = u32::from(value);
        if value < short_values {
            return self.bits(value, short_bits);
        }
        self.bits(value + short_values, short_bits + 1)
    }

    /// Octets begun.
    pub(super) const fn len(&self) -> usize {
        self.position.div_ceil(8)
    }
}

/// Of `n` values: the bits of the short ones, and how many are short. `None` for no values.
fn non_symmetric(n: u8) -> Option<(u32, u32)> {
    let short_bits = n.checked_ilog2()?;
    Some((short_bits, (2 << short_bits) - u32::from(n)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_cross_octets() {
        let mut out = [0xff; 3];
        let mut writer = BitWriter::new(&mut out);
        writer.bits(0b101, 3).unwrap();
        writer.bits(0x1234, 16).unwrap();
        assert_eq!(writer.len(), 3);
        assert!(writer.bits(0, 6).is_none(), "five are left");
        let mut reader = BitReader::new(&[0b1010_0010, 0b0100_0110, 0b1000_0000]);
        assert_eq!((reader.bits(3), reader.bits(16)), (Some(0b101), Some(0x1234)));
        assert_eq!((reader.bits(6), reader.flag()), (None, None), "it is at the end");
    }

    /// The table of the specification's example: of five values three take two bits, two take three.
    #[test]
    fn five_values_take_two_or_three_bits() {
        for (value, expected) in [(0, "00"), (1, "01"), (2, "10"), (3, "110"), (4, "111")] {
            let mut out = [0];
            let mut writer = BitWriter::new(&mut out);
            writer.non_symmetric(value, 5).unwrap();
            let bits = writer.position;
            assert_eq!(format!("{:08b}", out[0])[..bits], *expected);
        }
    }

    #[test]
    fn non_symmetric_values_come_back() {
        for n in 1..=33 {
            for value in 0..n {
                let mut out = [0; 2];
                let mut writer = BitWriter::new(&mut out);
                writer.non_symmetric(value, n).unwrap();
                let written = writer.position;
                let mut reader = BitReader::new(&out);
                assert_eq!((reader.non_symmetric(n), reader.position), (Some(value), written));
            }
        }
        assert_eq!(BitReader::new(&[0]).non_symmetric(0), None);
    }
}
