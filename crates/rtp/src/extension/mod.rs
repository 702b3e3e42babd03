//! RTP header extensions: the general mechanism of RFC 8285, and one module per extension with its URI,
//! its reader and its writer. Readers take an element's data and give `None` when it is not theirs.

pub mod abs_capture_time;
pub mod abs_send_time;
pub mod audio_level;
pub mod csrc_audio_level;
pub mod dependency_descriptor;
pub mod mid;
pub mod playout_delay;
pub mod repaired_rid;
pub mod rid;
pub mod transport_cc;
pub mod video_layers_allocation;
pub mod video_orientation;

use crate::bytes::Reader;

/// The two forms of RFC 8285.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    OneByte,
    TwoByte,
}

impl Form {
    pub(crate) const fn from_profile(profile: u16) -> Option<Self> {
        match profile {
            // RFC 8285 §4.2.
            0xbede => Some(Self::OneByte),
            // RFC 8285 §4.3: 12 fixed bits and four "appbits", which we ignore.
            0x1000..=0x100f => Some(Self::TwoByte),
            _ => None,
        }
    }

    pub(crate) const fn profile(self) -> u16 {
        match self {
            Self::OneByte => 0xbede,
            Self::TwoByte => 0x1000,
        }
    }
}

/// Iterator over the elements of a header extension: (local identifier, data). Padding is left out; it
/// ends early at the reserved identifier 15 of the one-byte form and at an element that does not fit.
#[derive(Clone, Debug)]
pub struct Elements<'a> {
    form: Form,
    reader: Reader<'a>,
}

impl<'a> Elements<'a> {
    pub(crate) const fn new(form: Form, body: &'a [u8]) -> Self {
        Self { form, reader: Reader::new(body) }
    }

    pub(crate) const fn none() -> Self {
        Self::new(Form::OneByte, &[])
    }

    /// The data of the first element with this identifier from here on. The form is asked once, not for each element: every
    /// packet that is forwarded comes through here.
    #[inline]
    pub(crate) fn find_data(self, id: u8) -> Option<&'a [u8]> {
        let mut rest = self.reader.rest();
        match self.form {
            Form::OneByte => loop {
                let (head, tail) = rest.split_first()?;
                if *head == 0 {
                    rest = tail;
                    continue;
                }
                let (data, tail) = tail.split_at_checked(usize::from(head & 0x0f) + 1)?;
                match head >> 4 {
                    0 | 15 => return None,
                    found if found == id => return Some(data),
                    _ => rest = tail,
                }
            },
            Form::TwoByte => loop {
                let (head, tail) = rest.split_first()?;
                if *head == 0 {
                    rest = tail;
                    continue;
                }
                let (len, tail) = tail.split_first()?;
                let (data, tail) = tail.split_at_checked(usize::from(*len))?;
                if *head == id {
                    return Some(data);
                }
                rest = tail;
            },
        }
    }

    /// Octets after the element that was given last.
    pub(crate) const fn remaining(&self) -> usize {
        self.reader.len()
    }

    #[inline]
    fn step(&mut self) -> Option<(u8, &'a [u8])> {
        loop {
            let head = self.reader.u8()?;
            // A single zero octet is padding in either form.
            if head == 0 {
                continue;
            }
            let (id, len) = match self.form {
                Form::TwoByte => (head, usize::from(self.reader.u8()?)),
                // RFC 8285 §4.2: 15 stops the parser, and so does padding that claims a length.
                Form::OneByte if matches!(head >> 4, 0 | 15) => return None,
                Form::OneByte => (head >> 4, usize::from(head & 0x0f) + 1),
            };
            return Some((id, self.reader.take(len)?));
        }
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = (u8, &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let item = self.step();
        if item.is_none() {
            *self = Self::none();
        }
        item
    }
}

impl std::iter::FusedIterator for Elements<'_> {}

/// Turns every element with this identifier into padding, in one pass, and says whether there was one. It sees the elements
/// that [`Elements`] gives.
pub(crate) fn erase(form: Form, body: &mut [u8], id: u8) -> bool {
    let mut found = false;
    let mut rest = body;
    while let Some((head, mut tail)) = std::mem::take(&mut rest).split_first_mut() {
        if *head == 0 {
            rest = tail;
            continue;
        }
        let (own, len) = match form {
            Form::OneByte if matches!(*head >> 4, 0 | 15) => break,
            Form::OneByte => (*head >> 4, usize::from(*head & 0x0f) + 1),
            Form::TwoByte => (*head, tail.first().map_or(0, |len| 1 + usize::from(*len))),
        };
        // In the two-byte form with the octet of the length; one that is cut there has none.
        if form == Form::TwoByte && len == 0 {
            break;
        }
        let Some((element, after)) = tail.split_at_mut_checked(len) else { break };
        if own == id {
            *head = 0;
            element.fill(0);
            found = true;
        }
        tail = after;
        rest = tail;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_byte(body: &[u8]) -> Vec<(u8, &[u8])> {
        Elements::new(Form::OneByte, body).collect()
    }

    fn two_byte(body: &[u8]) -> Vec<(u8, &[u8])> {
        Elements::new(Form::TwoByte, body).collect()
    }

    /// The layout of RFC 8285 §4.2's example: lengths 1, 2 and 4, padding between and after.
    #[test]
    fn the_one_byte_example() {
        let body = [0x10, 0xa1, 0x21, 0xb1, 0xb2, 0, 0, 0x33, 0xc1, 0xc2, 0xc3, 0xc4];
        let expected: [(u8, &[u8]); 3] =
            [(1, &[0xa1]), (2, &[0xb1, 0xb2]), (3, &[0xc1, 0xc2, 0xc3, 0xc4])];
        assert_eq!(one_byte(&body), expected);
    }

    /// The layout of RFC 8285 §4.3's example: lengths 0, 1 and 4.
    #[test]
    fn the_two_byte_example() {
        let body = [1, 0, 2, 1, 0xb1, 0, 3, 4, 0xc1, 0xc2, 0xc3, 0xc4];
        let expected: [(u8, &[u8]); 3] = [(1, &[]), (2, &[0xb1]), (3, &[0xc1, 0xc2, 0xc3, 0xc4])];
        assert_eq!(two_byte(&body), expected);
    }

    #[test]
    fn the_one_byte_form_ends_at_15_and_at_padding_with_a_length() {
        assert_eq!(one_byte(&[0x10, 1, 0xf0, 2, 0x20, 3]), [(1, &[1][..])]);
        assert_eq!(one_byte(&[0x10, 1, 0x01, 2, 2, 0x20, 3]), [(1, &[1][..])]);
    }

    #[test]
    fn an_element_that_does_not_fit_ends_the_list() {
        assert_eq!(one_byte(&[0x10, 1, 0x2f, 1, 2]), [(1, &[1][..])]);
        assert_eq!(two_byte(&[1, 1, 9, 2, 200, 1]), [(1, &[9][..])]);
        assert_eq!(two_byte(&[1]), []);
        let mut elements = Elements::new(Form::OneByte, &[0x2f, 0x10, 1, 0x10, 1]);
        assert_eq!(elements.next(), None);
        assert_eq!(elements.next(), None, "and it stays ended");
    }

    proptest::proptest! {
        /// Looking for one identifier is the same as walking to it, in either form and whatever the octets are.
        #[test]
        fn finding_is_walking(
            two_byte: bool,
            body in proptest::collection::vec(0u8..=0x42, 0..40),
            id in 0u8..=255,
        ) {
            let form = if two_byte { Form::TwoByte } else { Form::OneByte };
            let elements = Elements::new(form, &body);
            for id in [id, id % 5, 15] {
                let walked = elements.clone().find(|element| element.0 == id);
                proptest::prop_assert_eq!(elements.clone().find_data(id), walked.map(|element| element.1));
            }
        }

        /// What is erased is not seen any more, everything else is, and the padding in its place is zeros.
        #[test]
        fn erasing_takes_away_what_walking_finds(
            two_byte: bool,
            body in proptest::collection::vec(0u8..=0x42, 0..40),
            id in 0u8..=4,
        ) {
            let form = if two_byte { Form::TwoByte } else { Form::OneByte };
            let mut erased = body.clone();
            let found = erase(form, &mut erased, id);
            let walked = Elements::new(form, &body);
            proptest::prop_assert_eq!(found, walked.clone().any(|element| element.0 == id));
            proptest::prop_assert!(walked.filter(|element| element.0 != id).eq(Elements::new(form, &erased)));
            proptest::prop_assert!(erased.iter().zip(&body).all(|(after, before)| *after == *before || *after == 0));
        }
    }

    #[test]
    fn the_profiles() {
        assert_eq!(Form::from_profile(0xbede), Some(Form::OneByte));
        for appbits in 0..16 {
            assert_eq!(Form::from_profile(0x1000 | appbits), Some(Form::TwoByte));
        }
        assert_eq!(Form::from_profile(0x1010), None);
        assert_eq!(Form::from_profile(0x0fff), None);
    }
}
