//! SDES (RFC 3550 §6.5).

use super::{Full, Writer, packet_type};
use crate::bytes::{Cursor, Reader};

/// A source description: chunks, each of one source.
#[derive(Clone, Copy, Debug)]
pub struct SourceDescription<'a> {
    count: u8,
    body: &'a [u8],
}

/// Types of items (RFC 3550 §12.2, RFC 9143 §15.2, RFC 8852 §4.1).
pub mod sdes_item {
    /// The canonical end-point identifier.
    pub const CNAME: u8 = 1;
    /// The name of the sending program.
    pub const TOOL: u8 = 6;
    /// The identification of the m-line.
    pub const MID: u8 = 15;
    /// The restriction identifier of a stream.
    pub const RTP_STREAM_ID: u8 = 12;
    /// That of the stream which a retransmission stream repairs.
    pub const REPAIRED_RTP_STREAM_ID: u8 = 13;
}

use sdes_item::CNAME;

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

/// What is to be said about one source.
#[derive(Clone, Copy, Debug)]
pub struct SourceItems<'a> {
    /// The source.
    pub ssrc: u32,
    /// Its items: (type, text of at most 255 octets); see [`sdes_item`].
    pub items: &'a [(u8, &'a [u8])],
}

impl Writer<'_> {
    /// Appends an SDES with one chunk of one CNAME, at most 255 octets.
    ///
    /// # Errors
    ///
    /// [`Full`]; nothing was written then.
    pub fn source_description(&mut self, ssrc: u32, cname: &str) -> Result<(), Full> {
        self.source_descriptions(&[SourceItems { ssrc, items: &[(CNAME, cname.as_bytes())] }])
    }

    /// Appends an SDES with at most 31 chunks.
    ///
    /// # Errors
    ///
    /// [`Full`], also for an item of type 0, which ends a chunk; nothing was written then.
    pub fn source_descriptions(&mut self, chunks: &[SourceItems<'_>]) -> Result<(), Full> {
        let count = u8::try_from(chunks.len()).ok().filter(|count| *count <= 31).ok_or(Full)?;
        self.packet(count, packet_type::SOURCE_DESCRIPTION, |body| {
            chunks.iter().try_for_each(|chunk| write_chunk(body, chunk))
        })
    }
}

fn write_chunk(body: &mut Cursor<'_>, chunk: &SourceItems<'_>) -> Option<()> {
    body.u32(chunk.ssrc)?;
    for (kind, text) in chunk.items {
        body.u8(Some(*kind).filter(|kind| *kind != 0)?)?;
        body.u8(u8::try_from(text.len()).ok()?)?;
        body.put(text)?;
    }
    // At least one zero ends the list, and as many as fill the word.
    body.u8(0)?;
    while !body.len().is_multiple_of(4) {
        body.u8(0)?;
    }
    Some(())
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
        let first = [(sdes_item::CNAME, &b"ab"[..]), (sdes_item::TOOL, b"x")];
        let second = [(sdes_item::CNAME, &b"abcd"[..]), (sdes_item::TOOL, b"")];
        let chunks =
            [SourceItems { ssrc: 1, items: &first }, SourceItems { ssrc: 2, items: &second }];
        let bytes = written(|writer| writer.source_descriptions(&chunks));
        assert_eq!(bytes, GOLDEN);
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
    fn what_an_sdes_cannot_say_is_not_written() {
        let mut out = [0; 512];
        let mut writer = Writer::new(&mut out);
        let ending = SourceItems { ssrc: 1, items: &[(0, b"x")] };
        assert_eq!(writer.source_descriptions(&[ending]), Err(Full));
        let nothing = SourceItems { ssrc: 1, items: &[] };
        assert_eq!(writer.source_descriptions(&[nothing; 32]), Err(Full));
        assert!(writer.is_empty());
        assert_eq!(writer.source_descriptions(&[nothing; 31]), Ok(()));
        let len = writer.finish();
        let Packet::SourceDescription(description) = one(&out[..len]) else { panic!("not SDES") };
        assert_eq!(description.chunks().count(), 31);
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
