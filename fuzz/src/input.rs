//! The fuzzer's octets, read as numbers, strings and operations from the front.
//!
//! Plainer than `arbitrary`: an operation stands where its octets stand, so that a fuzzer that inserts, removes or repeats
//! octets inserts, removes or repeats operations, and a seed can be written down by hand.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// What is left of the input. Numbers are zero and strings empty once there is nothing left.
#[derive(Clone, Copy)]
pub struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    /// All of it.
    pub fn new(data: &'a [u8]) -> Self {
        Self(data)
    }

    /// What the next operation is; `None` at the end.
    pub fn operation(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// One octet.
    pub fn u8(&mut self) -> u8 {
        self.operation().unwrap_or(0)
    }

    /// Yes or no: yes for an even octet, and so at the end.
    pub fn flag(&mut self) -> bool {
        self.u8().is_multiple_of(2)
    }

    /// An index below `count`, which is not zero.
    pub fn index(&mut self, count: usize) -> usize {
        usize::from(self.u8()) % count
    }

    /// Two octets.
    pub fn u16(&mut self) -> u16 {
        u16::from_be_bytes(self.array())
    }

    /// Four octets.
    pub fn u32(&mut self) -> u32 {
        u32::from_be_bytes(self.array())
    }

    /// Eight octets.
    pub fn u64(&mut self) -> u64 {
        u64::from_be_bytes(self.array())
    }

    /// So many octets, zeros where there are none.
    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut array = [0; N];
        let taken = self.take(N);
        array[..taken.len()].copy_from_slice(taken);
        array
    }

    /// At most so many octets.
    pub fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// A string of at most 255 octets behind its length.
    pub fn short(&mut self) -> &'a [u8] {
        let count = usize::from(self.u8());
        self.take(count)
    }

    /// A string of at most 2,047 octets behind its length.
    pub fn long(&mut self) -> &'a [u8] {
        let count = usize::from(self.u16() & 0x7ff);
        self.take(count)
    }

    /// Text of at most 255 octets behind its length; what is not UTF-8 is left out.
    pub fn text(&mut self) -> String {
        String::from_utf8_lossy(self.short()).replace(char::REPLACEMENT_CHARACTER, "")
    }

    /// Everything that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    /// A step of time: milliseconds at first, up to two minutes in the last quarter.
    pub fn step(&mut self) -> Duration {
        let octet = u64::from(self.u8());
        Duration::from_millis(if octet < 192 { octet } else { (octet - 191) * 2_000 })
    }
}

/// The beginning of virtual time.
pub fn epoch() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "virtual time has to start somewhere")]
    static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);
    *EPOCH
}
