//! Redundant audio (RFC 2198): earlier payloads repeated in front of the newest, each with its payload type.

use crate::bytes::{Cursor, Reader};

/// Most blocks of a packet that are read. The format has no limit; senders repeat two or three times, and RFC 2198 warns
/// of more.
pub const MAX_BLOCKS: usize = 16;

/// One payload in a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block<'a> {
    /// Its payload type, 0 to 127.
    pub payload_type: u8,
    /// How much earlier than the packet's timestamp it begins, in timestamp units, 14 bits; 0 for the newest.
    pub timestamp_offset: u16,
    /// The payload; empty where the sender had nothing to repeat. At most 1,023 octets but for the newest.
    pub data: &'a [u8],
}

/// The blocks of a payload, the oldest first as the wire has them, the newest (primary) last. `None` when the
/// headers do not end, when the lengths are more than is there, or for more than [`MAX_BLOCKS`].
#[must_use]
pub fn blocks(payload: &[u8]) -> Option<Blocks<'_>> {
    let mut headers = Reader::new(payload);
    let mut repeated = 0;
    for _ in 0..MAX_BLOCKS {
        let Header::Repeated { len, .. } = Header::read(&mut headers)? else {
            // All lengths fit: the newest takes what is left, which may be nothing.
            headers.len().checked_sub(repeated)?;
            return Some(Blocks {
                headers: Reader::new(payload),
                data: headers,
                primary_seen: false,
            });
        };
        repeated += usize::from(len);
    }
    None
}

/// The newest payload and its type: what a receiver without RED gets. `None` where [`blocks`] gives none.
#[must_use]
pub fn primary(payload: &[u8]) -> Option<Block<'_>> {
    blocks(payload)?.last()
}

/// Iterator over the blocks of a packet: see [`blocks`].
#[derive(Clone, Debug)]
pub struct Blocks<'a> {
    headers: Reader<'a>,
    data: Reader<'a>,
    primary_seen: bool,
}

impl<'a> Iterator for Blocks<'a> {
    type Item = Block<'a>;

    fn next(&mut self) -> Option<Block<'a>> {
        if self.primary_seen {
            return None;
        }
        Some(match Header::read(&mut self.headers)? {
            Header::Repeated { payload_type, timestamp_offset, len } => {
                Block { payload_type, timestamp_offset, data: self.data.take(len.into())? }
            }
            Header::Primary { payload_type } => {
                self.primary_seen = true;
                Block { payload_type, timestamp_offset: 0, data: self.data.rest() }
            }
        })
    }
}

/// §3: four octets of header, or one for the newest, which has neither offset nor length.
enum Header {
    Repeated { payload_type: u8, timestamp_offset: u16, len: u16 },
    Primary { payload_type: u8 },
}

impl Header {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let first = reader.u8()?;
        let payload_type = first & 0x7f;
        if first & 0x80 == 0 {
            return Some(Self::Primary { payload_type });
        }
        let [a, b, c] = reader.array()?;
        Some(Self::Repeated {
            payload_type,
            timestamp_offset: u16::from_be_bytes([a, b]) >> 2,
            len: u16::from_be_bytes([b, c]) & 0x3ff,
        })
    }
}

/// Writes a payload of these blocks into `out`, the newest last, and gives its length. `None` when there are none or more
/// than [`MAX_BLOCKS`], when an offset has more than 14 bits or a repeated payload more than 1,023 octets, or when `out` is too
/// small. The offset of the newest is not written.
#[must_use]
pub fn encode(blocks: &[Block<'_>], out: &mut [u8]) -> Option<usize> {
    let (primary, repeated) = blocks.split_last()?;
    if blocks.len() > MAX_BLOCKS {
        return None;
    }
    let mut cursor = Cursor::new(out);
    for block in repeated {
        let len = u32::try_from(block.data.len()).ok().filter(|len| *len <= 0x3ff)?;
        let offset = u32::from(block.timestamp_offset);
        cursor.u8(0x80 | block.payload_type)?;
        cursor.u24((offset <= 0x3fff).then_some(offset << 10 | len)?)?;
    }
    cursor.u8(primary.payload_type & 0x7f)?;
    blocks.iter().try_for_each(|block| cursor.put(block.data))?;
    Some(cursor.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As Chromium sends Opus: the frame before (20 ms, 960 units, three octets), then this one.
    const GOLDEN: &[u8] = &[0x80 | 111, 0x0f, 0x00, 3, 111, 1, 2, 3, 4, 5];

    #[test]
    fn the_golden_payload() {
        let blocks: Vec<_> = blocks(GOLDEN).unwrap().collect();
        let expected = [
            Block { payload_type: 111, timestamp_offset: 960, data: &[1, 2, 3] },
            Block { payload_type: 111, timestamp_offset: 0, data: &[4, 5] },
        ];
        assert_eq!(blocks, expected);
        assert_eq!(primary(GOLDEN), Some(expected[1]));
        let mut out = [0; 16];
        assert_eq!(encode(&blocks, &mut out), Some(GOLDEN.len()));
        assert_eq!(out[..GOLDEN.len()], *GOLDEN);
    }

    #[test]
    fn the_newest_alone() {
        let only = Block { payload_type: 5, timestamp_offset: 0, data: &[9] };
        assert_eq!(blocks(&[5, 9]).unwrap().collect::<Vec<_>>(), [only]);
        assert_eq!(primary(&[5]).map(|block| block.data.len()), Some(0));
    }

    #[test]
    fn lengths_that_lie_are_refused() {
        let refused: [&[u8]; 5] = [
            &[],
            &[0x80 | 111],
            &[0x80 | 111, 0x0f, 0, 1],
            &[0x80 | 111, 0x0f, 0, 2, 111, 1],
            &[0x80 | 111, 0x0f, 0x03, 0xff, 111, 1, 2, 3],
        ];
        for payload in refused {
            assert!(blocks(payload).is_none(), "{payload:?}");
            assert_eq!(primary(payload), None);
        }
    }

    /// 16 blocks are read, the seventeenth makes the packet malformed: a datagram of headers is no work.
    #[test]
    fn more_than_sixteen_blocks_are_refused() {
        let with = |repeated: usize| [&[0x80 | 111, 0, 0, 0].repeat(repeated)[..], &[111]].concat();
        assert_eq!(blocks(&with(15)).unwrap().count(), 16);
        assert!(blocks(&with(16)).is_none());
        assert!(blocks(&[0xff; 1200]).is_none());
        let many = [Block { payload_type: 1, timestamp_offset: 0, data: &[] }; 17];
        let mut out = [0; 128];
        assert_eq!((encode(&many[1..], &mut out), encode(&many, &mut out)), (Some(61), None));
    }

    #[test]
    fn what_the_header_cannot_say_is_not_written() {
        let block = |timestamp_offset, data| Block { payload_type: 1, timestamp_offset, data };
        let primary = block(0, &[]);
        let mut out = [0; 2048];
        let long = [0; 1024];
        assert_eq!(encode(&[block(0x3fff, &long[1..]), primary], &mut out), Some(1028));
        assert_eq!(encode(&[block(0, &long), primary], &mut out), None);
        assert_eq!(encode(&[block(0x4000, &[]), primary], &mut out), None);
        assert_eq!(encode(&[], &mut out), None);
        assert_eq!(encode(&[primary], &mut []), None);
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(
            list in proptest::collection::vec(
                (0u8..128, 0u16..0x4000, proptest::collection::vec(any::<u8>(), 0..40)), 1..=16),
        ) {
            let mut expected: Vec<_> = list
                .iter()
                .map(|(payload_type, offset, data)| Block {
                    payload_type: *payload_type, timestamp_offset: *offset, data,
                })
                .collect();
            expected.last_mut().unwrap().timestamp_offset = 0;
            let mut out = [0; 1024];
            let len = encode(&expected, &mut out).unwrap();
            prop_assert_eq!(blocks(&out[..len]).unwrap().collect::<Vec<_>>(), expected);
        }
    }
}
