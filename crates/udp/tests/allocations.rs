//! Neither sending nor receiving allocates, whatever happens to the datagrams.
#![cfg(target_os = "linux")]
#![allow(missing_docs, unreachable_pub, dead_code, clippy::unwrap_used, reason = "tests")]
#![allow(unsafe_code, reason = "a global allocator is unsafe to write")]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use common::{bind, bind_with};
use tsubame_udp::{BindOptions, ReceiveBatch, SendBatch};

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: everything is left to the system's allocator; counting touches neither layout nor memory.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the same contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the same contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(f: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.with(Cell::get);
    f();
    ALLOCATIONS.with(Cell::get) - before
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(1)))), 1);
}

#[test]
fn sending_and_receiving_do_not_allocate() {
    for gso in [true, false] {
        let options = BindOptions { gso, ..BindOptions::default() };
        let sender = bind_with("0.0.0.0:0", &options);
        let receivers: Vec<_> = (0..8).map(|_| bind("127.0.0.1:0")).collect();
        let mut out = SendBatch::new(8, 60_000);
        let mut batch = ReceiveBatch::new(4);
        let mut bytes = 0;
        let count = allocations(|| {
            for round in 0..10 {
                for receiver in &receivers {
                    for packet in 0..4 {
                        let len = if packet == 3 { 500 } else { 1200 };
                        let source = Some([127, 0, 0, 1 + round % 2].into());
                        out.reserve(source, receiver.local_addr(), 1200).unwrap().fill(packet);
                        out.commit(len);
                    }
                }
                assert!(out.reserve(None, sender.local_addr(), 1200).is_none(), "full");
                let report = sender.send(&mut out);
                assert_eq!((report.datagrams, report.dropped.total()), (32, 0));
                // Failures do not allocate either: nobody has this source address.
                for _ in 0..3 {
                    let foreign = Some([192, 0, 2, 9].into());
                    out.reserve(foreign, receivers[0].local_addr(), 10).unwrap();
                    out.commit(10);
                }
                assert_eq!(sender.send(&mut out).dropped.total(), 3);
                for receiver in &receivers {
                    while receiver.receive(&mut batch).unwrap() > 0 {
                        batch.for_each(|datagram| bytes += datagram.data.len());
                    }
                }
            }
        });
        assert_eq!(bytes, 10 * 8 * (3 * 1200 + 500));
        assert_eq!(count, 0, "gso {gso}");
    }
}
