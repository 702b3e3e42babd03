//! `sendmmsg` (Linux 3.0): the message headers of a flush, filled from runs.

use std::os::fd::RawFd;

use crate::address::RawAddress;
use crate::control::Control;
use crate::run::Run;
use crate::sys::{self, Headers, Parts};
use crate::{gso, pktinfo};

/// Who takes messages: the kernel, or a test's stand-in for it.
pub(crate) trait Kernel {
    /// Sends messages in order until one fails; says how many were sent, or, when not even the
    /// first was, its errno.
    ///
    /// # Safety
    /// Every pointer in `messages` must be valid for reads of the length beside it.
    unsafe fn send(&mut self, messages: &mut [libc::mmsghdr]) -> Result<usize, i32>;
}

/// The real one.
pub(crate) struct Sendmmsg(pub(crate) RawFd);

impl Kernel for Sendmmsg {
    unsafe fn send(&mut self, messages: &mut [libc::mmsghdr]) -> Result<usize, i32> {
        // SAFETY: the same contract.
        unsafe { sys::sendmmsg(self.0, messages) }
    }
}

/// A place in a batch: the next datagram to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) run: usize,
    pub(crate) datagram: usize,
}

/// What one message carries.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Span {
    pub(crate) datagrams: usize,
    pub(crate) bytes: usize,
}

/// How runs become messages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// A run is one message.
    pub(crate) gso: bool,
    /// This run is not, whatever `gso` says.
    pub(crate) split: Option<usize>,
    /// Sources are named to the kernel.
    pub(crate) pktinfo: bool,
}

impl Shape {
    /// How many of the remaining datagrams of a run go into one message.
    fn datagrams(&self, run: usize, remaining: usize) -> usize {
        if self.gso && self.split != Some(run) { remaining } else { 1 }
    }
}

/// Message headers and what they point to, for up to `capacity` messages at a time.
pub(crate) struct Messages {
    headers: Headers,
    names: Box<[RawAddress]>,
    controls: Box<[Control]>,
    spans: Box<[Span]>,
}

impl Messages {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            headers: Headers::new(capacity),
            names: vec![RawAddress::default(); capacity].into_boxed_slice(),
            controls: vec![Control::new(); capacity].into_boxed_slice(),
            spans: vec![Span::default(); capacity].into_boxed_slice(),
        }
    }

    /// Fills headers from `cursor` on and hands them out with what they point to borrowed.
    pub(crate) fn fill<'a>(
        &'a mut self,
        arena: &'a mut [u8],
        runs: &[Run],
        mut cursor: Cursor,
        shape: Shape,
    ) -> Filled<'a> {
        // Raw pointers, each taken once, because the headers will point into all of these.
        let (names, controls) = (self.names.as_mut_ptr(), self.controls.as_mut_ptr());
        let (data, arena_len) = (arena.as_mut_ptr(), arena.len());
        let spans = &mut self.spans;
        let mut index = 0;
        let capacity = self.headers.capacity();
        let parts = std::iter::from_fn(|| {
            let run = runs.get(cursor.run).filter(|_| index < capacity)?;
            let datagrams = shape.datagrams(cursor.run, run.datagrams() - cursor.datagram);
            let range = run.range(cursor.datagram, cursor.datagram + datagrams);
            assert!(range.end <= arena_len);
            let (name, control) = (names.wrapping_add(index), controls.wrapping_add(index));
            // SAFETY: `index` is below the capacity of both arrays; they are borrowed by this call
            // and no other reference to their elements is alive.
            let (name_len, control_len) = unsafe {
                let control_len = encode_control(&mut *control, run, datagrams, shape);
                ((*name).encode(run.destination), control_len)
            };
            let parts = Parts {
                name: RawAddress::as_mut_ptr(name),
                name_len,
                data: data.wrapping_add(range.start),
                data_len: range.len(),
                control: Control::as_mut_ptr(control),
                control_len,
            };
            spans[index] = Span { datagrams, bytes: range.len() };
            cursor = advance(cursor, datagrams, runs);
            index += 1;
            Some(parts)
        });
        let filled = self.headers.fill(parts);
        Filled { headers: &mut self.headers.messages()[..filled], spans: &self.spans[..filled] }
    }
}

/// Headers that point to what they were filled from, all of which this borrows.
pub(crate) struct Filled<'a> {
    headers: &'a mut [libc::mmsghdr],
    pub(crate) spans: &'a [Span],
}

impl Filled<'_> {
    /// Sends the messages from `first` on.
    pub(crate) fn send(&mut self, first: usize, kernel: &mut impl Kernel) -> Result<usize, i32> {
        // SAFETY: `Messages::fill` pointed the headers into arrays and an arena that `self`
        // borrows, within their bounds.
        unsafe { kernel.send(&mut self.headers[first..]) }
    }
}

/// The place `datagrams` further on, in the same run or at the start of the next.
pub(crate) fn advance(cursor: Cursor, datagrams: usize, runs: &[Run]) -> Cursor {
    let datagram = cursor.datagram + datagrams;
    match runs.get(cursor.run) {
        Some(run) if datagram < run.datagrams() => Cursor { datagram, ..cursor },
        _ => Cursor { run: cursor.run + 1, datagram: 0 },
    }
}

fn encode_control(control: &mut Control, run: &Run, datagrams: usize, shape: Shape) -> usize {
    let mut used = 0;
    if let Some(source) = run.source.filter(|_| shape.pktinfo) {
        used = pktinfo::encode(control, used, source, run.destination);
    }
    if datagrams > 1 {
        // A run of two is at most MAX_RUN_BYTES long, so that its segments fit 16 bits.
        used = gso::encode(control, used, run.segment() as u16);
    }
    used
}
