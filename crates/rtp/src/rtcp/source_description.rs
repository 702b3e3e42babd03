//! SDES (RFC 3550 §6.5).

use super::{Full, Writer, packet_type};
use crate::bytes::Reader;

/// A source description: chunks, each of one source.
#[derive(Clone, Copy, Debug)]
pub struct SourceDescription<'a> {
    count: u8,
    body: &'a [u8],
}

/// CNAME, the canonical end-point identifier (RFC 3550 §6.5.1).
const CNAME: u8 = 1;

impl<'a> SourceDescription<'a> {
    pub(super) fn parse(count: u8, body: &'a [u8]) -> Option<Self> {
        let description = Self { count, body };
        (description.chunks().count() == usize::from(count)).then_some(description)
    }

    /// The chunks, at most 31.
    #[must_use]
    pub const fn chunks(&self) -> Chunks<'a> {
        Chunks { left: self.count, reader: Reader::new(self.body) }
    }
}

/// Iterator over the chunks of a source description.
#[derive(Clone, Debug)]
pub struct Chunks<'a> {
    left: u8,
    reader: Reader<'a>,
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Chunk<'a>;

    fn next(&mut self) -> Option<Chunk<'a>> {
        self.left = self.left.checked_sub(1)?;
        let ssrc = self.reader.u32()?;
        let rest = self.reader.rest();
        let mut items = Items { reader: self.reader };
        while items.next().is_some() {}
        // §6.5: items end with a zero octet, and zeros up to the next multiple of four.
        let consumed = rest.len() - items.reader.len();
        let end = (consumed + 1).next_multiple_of(4);
        let chunk = self.reader.take(end)?;
        if chunk.get(consumed) != Some(&0) {
            return None;
        }
        Some(Chunk { ssrc, items: chunk.get(..consumed)? })
    }
}

/// What is said about one source.
#[derive(Clone, Copy, Debug)]
pub struct Chunk<'a> {
    ssrc: u32,
    items: &'a [u8],
}

impl<'a> Chunk<'a> {
    /// The source.
    #[must_use]
    pub const fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Its items: (type, text).
    #[must_use]
    pub const fn items(&self) -> Items<'a> {
        Items { reader: Reader::new(self.items) }
    }

    /// Its canonical name.
    #[must_use]
    pub fn cname(&self) -> Option<&'a [u8]> {
        self.items().find(|(kind, _)| *kind == CNAME).map(|(_, text)| text)
    }
}

/// Iterator over the items of a chunk: (type, text).
#[derive(Clone, Debug)]
pub struct Items<'a> {
    reader: Reader<'a>,
}

impl<'a> Iterator for Items<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let mut reader = self.reader;
        let kind = reader.u8().filter(|kind| *kind != 0)?;
        let len = reader.u8()?;
        let text = reader.take(usize::from(len))?;
        self.reader = reader;
        Some((kind, text))
    }
}

impl Writer<'_> {
    /// Appends an SDES with one chunk of one CNAME, at most 255 octets.
    ///
    /// # Errors
    ///
    /// [`Full`]; nothing was written then.
    pub fn source_description(&mut self, ssrc: u32, cname: &str) -> Result<(), Full> {
        let len = u8::try_from(cname.len()).map_err(|_| Full)?;
        self.packet(1, packet_type::SOURCE_DESCRIPTION, |body| {
            body.u32(ssrc)?;
            body.put(&[CNAME, len])?;
            body.put(cname.as_bytes())?;
            // At least one zero ends the list; the writer pads with more.
            body.u8(0)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtcp::tests::{one, written};
    use crate::rtcp::{Packet, ParseError, packets};

    /// Two chunks: CNAME "ab" and TOOL "x"; CNAME "abcd", whose end needs a word of its own.
    const GOLDEN: &[u8] = &[
        0x82, 202, 0, 7, 0, 0, 0, 1, 1, 2, b'a', b'b', 6, 1, b'x', 0, // first
        0, 0, 0, 2, 1, 4, b'a', b'b', b'c', b'd', 6, 0, 0, 0, 0,
        0, // second, with an empty TOOL
    ];

    #[test]
    fn the_golden_packet() {
        let Packet::SourceDescription(description) = one(GOLDEN) else { panic!("not SDES") };
        let chunks: Vec<_> = description.chunks().collect();
        assert_eq!(chunks.len(), 2);
        assert_eq!((chunks[0].ssrc(), chunks[0].cname()), (1, Some(&b"ab"[..])));
        assert_eq!(chunks[0].items().collect::<Vec<_>>(), [(1, &b"ab"[..]), (6, &b"x"[..])]);
        assert_eq!((chunks[1].ssrc(), chunks[1].cname()), (2, Some(&b"abcd"[..])));
        assert_eq!(chunks[1].items().count(), 2);
    }

    #[test]
    fn every_length_of_a_cname_comes_back() {
        for len in 0..=255 {
            let cname = "x".repeat(len);
            let bytes = written(|writer| writer.source_description(9, &cname));
            let Packet::SourceDescription(description) = one(&bytes) else { panic!("not SDES") };
            let chunk = description.chunks().next().unwrap();
            assert_eq!((chunk.ssrc(), chunk.cname()), (9, Some(cname.as_bytes())));
        }
        let mut out = [0; 512];
        let refused = Writer::new(&mut out).source_description(9, &"x".repeat(256));
        assert_eq!(refused, Err(Full));
    }

    #[test]
    fn a_chunk_that_is_not_there_is_malformed() {
        let mut bytes = GOLDEN.to_vec();
        bytes[0] = 0x83;
        let error = packets(&bytes).next().unwrap().unwrap_err();
        assert_eq!(error, ParseError::Malformed { packet_type: 202, count: 3 });
    }

    #[test]
    fn an_item_longer_than_the_chunk_is_malformed() {
        let mut bytes = GOLDEN.to_vec();
        bytes[21] = 200;
        assert!(packets(&bytes).next().unwrap().is_err());
    }
}
