//! Packet status chunks (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1.1 to §3.1.4).

use crate::bytes::{Reader, low16};

/// Packet status symbols (§3.1.1), with what they say about the delta that goes with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Symbol {
    NotReceived,
    SmallDelta,
    LargeDelta,
    Reserved,
}

impl Symbol {
    const fn from_bits(bits: u16) -> Self {
        match bits & 0b11 {
            0 => Self::NotReceived,
            1 => Self::SmallDelta,
            2 => Self::LargeDelta,
            _ => Self::Reserved,
        }
    }

    pub(super) const fn bits(self) -> u16 {
        match self {
            Self::NotReceived => 0,
            Self::SmallDelta => 1,
            Self::LargeDelta => 2,
            Self::Reserved => 3,
        }
    }

    pub(super) const fn delta_len(self) -> Option<usize> {
        match self {
            Self::NotReceived => Some(0),
            Self::SmallDelta => Some(1),
            Self::LargeDelta => Some(2),
            Self::Reserved => None,
        }
    }
}

/// Packet status chunks (§3.1.3, §3.1.4).
#[derive(Clone, Copy, Debug)]
enum Chunk {
    Run {
        symbol: Symbol,
        left: u16,
    },
    /// Symbols of `width` bits; the next ones stand in the highest bits.
    Vector {
        bits: u16,
        width: u16,
        left: u16,
    },
}

impl Chunk {
    const fn read(bits: u16) -> Self {
        match bits >> 14 {
            0 | 1 => Self::Run { symbol: Symbol::from_bits(bits >> 13), left: bits & 0x1fff },
            2 => Self::Vector { bits: bits << 2, width: 1, left: 14 },
            _ => Self::Vector { bits: bits << 2, width: 2, left: 7 },
        }
    }

    /// Of its first `left` statuses: how many there are, how many of those packets arrived, and the octets of their deltas.
    /// `None` for the reserved symbol.
    fn measure(self, left: u16) -> Option<(u16, u16, usize)> {
        let (statuses, small, large) = match self {
            Self::Run { symbol, left: run } => {
                let run = run.min(left);
                match symbol {
                    Symbol::NotReceived => (run, 0, 0),
                    Symbol::SmallDelta => (run, run, 0),
                    Symbol::LargeDelta => (run, 0, run),
                    Symbol::Reserved if run == 0 => (0, 0, 0),
                    Symbol::Reserved => return None,
                }
            }
            Self::Vector { bits, width, left: statuses } => {
                let statuses = statuses.min(left);
                let seen = if statuses == 0 { 0 } else { bits >> (16 - statuses * width) };
                // The lower and the upper bit of each symbol of two bits; of one bit there is the lower alone.
                let lower = if width == 1 { u16::MAX } else { 0x5555 };
                let (small, large) = (seen & lower, seen >> 1 & !lower >> 1);
                if small & large != 0 {
                    return None;
                }
                (statuses, ones(small), ones(large))
            }
        };
        Some((statuses, small + large, usize::from(small) + 2 * usize::from(large)))
    }

    /// The next symbol and how many packets it is about: a whole run when they are lost.
    const fn next(&mut self) -> Option<(Symbol, u16)> {
        match self {
            Self::Run { left: 0, .. } | Self::Vector { left: 0, .. } => None,
            Self::Run { symbol: Symbol::NotReceived, left } => {
                let run = *left;
                *left = 0;
                Some((Symbol::NotReceived, run))
            }
            Self::Run { symbol, left } => {
                *left -= 1;
                Some((*symbol, 1))
            }
            Self::Vector { bits, width, left } => {
                let symbol = Symbol::from_bits(*bits >> (16 - *width));
                *bits <<= *width;
                *left -= 1;
                Some((symbol, 1))
            }
        }
    }
}

const fn ones(bits: u16) -> u16 {
    // At most 16.
    low16(bits.count_ones() as u64)
}

/// The chunks of a feedback packet, measured: their octets, how many packets arrived, and the octets of the deltas. `None` when
/// the chunks do not speak of `status_count` packets or with the reserved symbol. One step a chunk.
pub(super) fn measure(chunks: &[u8], status_count: u16) -> Option<(usize, u16, usize)> {
    let mut reader = Reader::new(chunks);
    let (mut left, mut received, mut deltas_len) = (status_count, 0, 0);
    while left != 0 {
        let (statuses, arrived, len) = Chunk::read(reader.u16()?).measure(left)?;
        left -= statuses;
        received += arrived;
        deltas_len += len;
    }
    Some((chunks.len() - reader.len(), received, deltas_len))
}

/// Iterator over the packets that arrived, by their offset from the base.
#[derive(Clone, Debug)]
pub(super) struct Received<'a> {
    chunks: Reader<'a>,
    chunk: Chunk,
    offset: u16,
    /// Statuses still to come.
    left: u16,
}

impl<'a> Received<'a> {
    pub(super) const fn new(chunks: &'a [u8], status_count: u16) -> Self {
        Self {
            chunks: Reader::new(chunks),
            chunk: Chunk::Run { symbol: Symbol::NotReceived, left: 0 },
            offset: 0,
            left: status_count,
        }
    }
}

impl Iterator for Received<'_> {
    type Item = (u16, Symbol);

    fn next(&mut self) -> Option<(u16, Symbol)> {
        while self.left != 0 {
            let Some((symbol, run)) = self.chunk.next() else {
                self.chunk = Chunk::read(self.chunks.u16()?);
                continue;
            };
            let offset = self.offset;
            self.offset = offset.wrapping_add(run);
            // The last chunk may reach beyond the count.
            self.left = self.left.saturating_sub(run);
            if symbol != Symbol::NotReceived {
                return Some((offset, symbol));
            }
        }
        None
    }
}
