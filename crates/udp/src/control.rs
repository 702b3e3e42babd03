//! Control messages (`cmsg(3)`): a list of (level, kind, data) beside a datagram.
//!
//! The layout is the kernel's: a `size_t` length that counts the header, the level, the kind, the
//! data, padding up to the size of a `size_t`.

use crate::address::array;

const WORD: usize = size_of::<usize>();
const HEADER: usize = (WORD + 2 * size_of::<i32>()).next_multiple_of(WORD);

/// Room for the control messages of one datagram, received or sent.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(crate) struct Control {
    bytes: [u8; Self::CAPACITY],
}

impl Control {
    /// Enough for IPV6_PKTINFO (40), IPV6_TCLASS (24), UDP_GRO (24) and SCM_TIMESTAMPNS (32): what
    /// does not fit is cut, and a datagram whose control messages were cut is dropped.
    pub(crate) const CAPACITY: usize = 128;

    pub(crate) const fn new() -> Self {
        Self { bytes: [0; Self::CAPACITY] }
    }

    /// Appends a message after the `used` bytes there are; returns how many there are now.
    pub(crate) fn push(&mut self, used: usize, level: i32, kind: i32, data: &[u8]) -> usize {
        let len = HEADER + data.len();
        let end = used + len.next_multiple_of(WORD);
        let slot = &mut self.bytes[used..end];
        slot.fill(0);
        slot[..WORD].copy_from_slice(&len.to_ne_bytes());
        slot[WORD..WORD + 4].copy_from_slice(&level.to_ne_bytes());
        slot[WORD + 4..WORD + 8].copy_from_slice(&kind.to_ne_bytes());
        slot[HEADER..len].copy_from_slice(data);
        end
    }

    /// The messages in the first `len` bytes.
    pub(crate) fn messages(&self, len: usize) -> Messages<'_> {
        Messages { rest: &self.bytes[..len.min(Self::CAPACITY)] }
    }

    pub(crate) fn as_mut_ptr(this: *mut Self) -> *mut u8 {
        this.cast()
    }
}

/// One control message: level, kind, data.
pub(crate) type Message<'a> = (i32, i32, &'a [u8]);

/// Iterates over control messages; ends at the first that is malformed.
pub(crate) struct Messages<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Messages<'a> {
    type Item = Message<'a>;

    fn next(&mut self) -> Option<Message<'a>> {
        let len = usize::from_ne_bytes(array(self.rest, 0)?);
        let level = i32::from_ne_bytes(array(self.rest, WORD)?);
        let kind = i32::from_ne_bytes(array(self.rest, WORD + 4)?);
        let data = self.rest.get(HEADER..len)?;
        // The last one may lack its padding.
        self.rest = self.rest.get(len.next_multiple_of(WORD)..).unwrap_or_default();
        Some((level, kind, data))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_is_the_c_librarys() {
        for data in 0..=24u32 {
            // SAFETY: both only compute.
            let (len, space) = unsafe { (libc::CMSG_LEN(data), libc::CMSG_SPACE(data)) };
            let mut control = Control::new();
            let end = control.push(0, 1, 2, &vec![7; data as usize]);
            assert_eq!(end, space as usize);
            assert_eq!(usize::from_ne_bytes(array(&control.bytes, 0).unwrap()), len as usize);
        }
        assert_eq!(HEADER, size_of::<libc::cmsghdr>());
    }

    #[test]
    fn what_was_pushed_is_read() {
        let mut control = Control::new();
        let used = control.push(0, 17, 103, &1200u16.to_ne_bytes());
        let used = control.push(used, 41, 50, &[9; 20]);
        let read: Vec<_> = control.messages(used).collect();
        assert_eq!(read, [(17, 103, &1200u16.to_ne_bytes()[..]), (41, 50, &[9; 20][..])]);
    }

    #[test]
    fn malformed_lists_end() {
        let mut control = Control::new();
        let used = control.push(0, 1, 2, &[3; 4]);
        for len in [0, 1, HEADER - 1, HEADER, HEADER + 3] {
            assert_eq!(control.messages(len).count(), 0, "cut at {len}");
        }
        assert_eq!(control.messages(used).count(), 1);
        for len in [0, 1, HEADER - 1, usize::MAX, usize::MAX - 7, Control::CAPACITY + 1] {
            control.bytes[..WORD].copy_from_slice(&len.to_ne_bytes());
            assert_eq!(control.messages(Control::CAPACITY).count(), 0, "claims {len}");
        }
    }
}
