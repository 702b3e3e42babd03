//! Asking the processor for memory before it is needed.
//!
//! Nothing of this is about sockets. It is here because it takes `unsafe`, and because whoever writes a batch for hundreds of destinations
//! walks through as many pieces of memory, none of which is in the processor's caches.

/// Bytes that come into the caches together.
const LINE: usize = 64;

/// Has the processor fetch `value` into its caches, while it goes on with something else. Not what `value` points to.
///
/// Where there is no such instruction nothing is done.
#[inline(always)]
pub fn prefetch<T: ?Sized>(value: &T) {
    let begin = std::ptr::from_ref(value).cast::<u8>();
    for address in lines(begin.addr(), size_of_val(value)) {
        line(begin.with_addr(address));
    }
}

/// Where the lines begin that so many bytes from `begin` on lie in.
#[inline(always)]
fn lines(begin: usize, len: usize) -> impl Iterator<Item = usize> {
    let first = if len == 0 { begin } else { begin - begin % LINE };
    (first..begin + len).step_by(LINE)
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn line(address: *const u8) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: a prefetch is a hint about an address, valid or not: it reads nothing that the program can see and does not fault. SSE is part of x86-64.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) }
}

#[cfg(target_arch = "aarch64")]
#[inline(always)]
fn line(address: *const u8) {
    // SAFETY: as above; the instruction changes neither memory nor registers nor flags.
    unsafe {
        std::arch::asm!("prfm pldl1keep, [{0}]", in(reg) address, options(nostack, readonly, preserves_flags));
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn line(_: *const u8) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_that_a_value_lies_in_is_fetched_once() {
        for (begin, len, expected) in [
            (128, 0, vec![]),
            (130, 0, vec![]),
            (128, 1, vec![128]),
            (128, 64, vec![128]),
            (128, 65, vec![128, 192]),
            (128, 100, vec![128, 192]),
            (191, 1, vec![128]),
            (191, 2, vec![128, 192]),
            (130, 126, vec![128, 192]),
            (130, 127, vec![128, 192, 256]),
        ] {
            assert_eq!(lines(begin, len).collect::<Vec<_>>(), expected, "{len} from {begin} on");
        }
    }

    #[test]
    fn fetching_changes_nothing() {
        let bytes: Vec<u8> = (0..=255).collect();
        prefetch(&());
        prefetch(&bytes);
        prefetch(&bytes[3..]);
        assert!(bytes.iter().copied().eq(0..=255));
    }
}
