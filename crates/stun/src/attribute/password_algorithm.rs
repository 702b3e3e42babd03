//! `PASSWORD-ALGORITHM` and `PASSWORD-ALGORITHMS` (RFC 8489 §14.11, §14.12).

use crate::bytes::{padded, u16_at};

/// How the long-term key is made from name, realm and password, with the algorithm's parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordAlgorithm<'a> {
    /// The number registered with IANA (RFC 8489 §18.5).
    pub number: u16,
    /// Parameters; the algorithms registered so far have none.
    pub parameters: &'a [u8],
}

impl PasswordAlgorithm<'static> {
    /// MD5 of `name:realm:password` (RFC 8489 §18.5.1.1).
    pub const MD5: Self = Self { number: 1, parameters: &[] };
    /// SHA-256 of `name:realm:password` (RFC 8489 §18.5.1.2).
    pub const SHA256: Self = Self { number: 2, parameters: &[] };
}

impl<'a> PasswordAlgorithm<'a> {
    /// Reads the value of `PASSWORD-ALGORITHM`: exactly one algorithm.
    pub fn decode(value: &'a [u8]) -> Option<Self> {
        let (algorithm, total) = Self::split(value)?;
        (total >= value.len()).then_some(algorithm)
    }

    fn split(bytes: &'a [u8]) -> Option<(Self, usize)> {
        let number = u16_at(bytes, 0)?;
        let length = usize::from(u16_at(bytes, 2)?);
        let parameters = bytes.get(4..4 + length)?;
        // The padding of the last algorithm may or may not be counted by the attribute's length.
        Some((Self { number, parameters }, 4 + padded(length)))
    }
}

/// The algorithms of a `PASSWORD-ALGORITHMS` value, in the server's order of preference. Ends at the first that is cut.
#[derive(Clone, Debug)]
pub struct PasswordAlgorithms<'a> {
    rest: &'a [u8],
}

impl<'a> PasswordAlgorithms<'a> {
    /// Walks over the value of `PASSWORD-ALGORITHMS`.
    pub fn new(value: &'a [u8]) -> Self {
        Self { rest: value }
    }
}

impl<'a> Iterator for PasswordAlgorithms<'a> {
    type Item = PasswordAlgorithm<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let (algorithm, total) = PasswordAlgorithm::split(self.rest)?;
        self.rest = self.rest.get(total..).unwrap_or_default();
        Some(algorithm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_in_order_and_ends_where_it_is_cut() {
        let value = [0, 2, 0, 0, 0, 9, 0, 1, 0xaa, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 9];
        let list: Vec<_> = PasswordAlgorithms::new(&value).collect();
        assert_eq!(
            list,
            [
                PasswordAlgorithm::SHA256,
                PasswordAlgorithm { number: 9, parameters: &[0xaa] },
                PasswordAlgorithm::MD5
            ]
        );
    }

    #[test]
    fn one_algorithm_is_one() {
        assert_eq!(PasswordAlgorithm::decode(&[0, 1, 0, 0]), Some(PasswordAlgorithm::MD5));
        assert_eq!(PasswordAlgorithm::decode(&[0, 1, 0, 0, 0, 2, 0, 0]), None);
        assert_eq!(PasswordAlgorithm::decode(&[0, 1, 0]), None);
        assert_eq!(PasswordAlgorithm::decode(&[0, 1, 0, 1]), None);
    }
}
