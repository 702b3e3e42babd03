//! Protecting and unprotecting does not allocate once a stream is known.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use support::{SSRC, compound, header, pair};
use tsubame_srtp::Profile;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    // The thread may be past the end of its locals: nothing of ours runs then.
    let _ = ALLOCATIONS.try_with(|allocations| allocations.set(allocations.get() + 1));
}

// SAFETY: every call goes to the system's allocator unchanged.
#[allow(unsafe_code, reason = "a counting allocator cannot be had without")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        unsafe { System.realloc(pointer, layout, size) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn steady_state() {
    let counted = ALLOCATIONS.get();
    drop(std::hint::black_box(Box::new(1)));
    assert_eq!(ALLOCATIONS.get(), counted + 1, "the allocator counts");

    for profile in Profile::ALL {
        let (mut protector, mut unprotector) = pair(profile);
        let compound = compound(SSRC);
        let payload = [0x5a; 1200];
        let mut buffer = [0; 1500];
        let mut round = |index: u64| {
            for ssrc in [SSRC, SSRC + 1, SSRC + 2] {
                let header = header(ssrc, index);
                let len =
                    protector.protect_rtp_into(index, &header, &payload, &mut buffer).unwrap();
                let opened = unprotector.unprotect_rtp(&mut buffer[..len]).unwrap();
                assert_eq!(buffer[12..opened.len], payload);
                // Refusals are part of the steady state.
                assert!(unprotector.unprotect_rtp(&mut buffer[..len]).is_err());
                assert!(protector.protect_rtp_into(index, &header, &payload, &mut buffer).is_err());
            }
            let len = protector.protect_rtcp_into(&compound, &mut buffer).unwrap();
            assert_eq!(unprotector.unprotect_rtcp(&mut buffer[..len]), Ok(compound.len()));
        };
        round(1);
        let before = ALLOCATIONS.get();
        for index in 2..500 {
            round(index);
        }
        assert_eq!(ALLOCATIONS.get() - before, 0, "{profile:?}");
    }
}
