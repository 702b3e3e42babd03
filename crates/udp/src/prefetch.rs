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
    let mut at = 0;
    while at < size_of_val(value) {
        line(begin.wrapping_add(at));
        at += LINE;
    }
    // A value that does not begin with a line ends in one more.
    if !size_of_val(value).is_multiple_of(LINE) || !begin.addr().is_multiple_of(LINE) {
        line(begin.wrapping_add(size_of_val(value).saturating_sub(1)));
    }
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
    fn fetching_changes_nothing_whatever_the_size() {
        let bytes: Vec<u8> = (0..=255).collect();
        for from in [0, 1, 63, 64, 255, 256] {
            for to in [from, from + 1, 200, 256] {
                if let Some(part) = bytes.get(from..to) {
                    prefetch(part);
                }
            }
        }
        prefetch(&());
        prefetch(&bytes);
        assert!(bytes.iter().copied().eq(0..=255));
    }
}
