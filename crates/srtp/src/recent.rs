//! Replay windows of the incoming SSRCs that were heard last.

use crate::window::{Window, WindowSize};

/// At most `max` windows; a new SSRC takes the place of the one that was silent longest.
///
/// Only authenticated packets reach [`Recent::accept`], so only the peer itself can push a stream
/// out.
#[derive(Debug)]
pub(crate) struct Recent {
    streams: Vec<Stream>,
    last: usize,
    clock: u64,
    window: WindowSize,
    max: usize,
}

#[derive(Debug)]
struct Stream {
    ssrc: u32,
    /// Of the latest accepted packet, in packets of all streams.
    heard: u64,
    window: Window,
}

impl Recent {
    pub(crate) fn new(window: WindowSize, max: usize) -> Self {
        Self { streams: Vec::new(), last: 0, clock: 0, window, max }
    }

    pub(crate) fn ssrcs(&self) -> usize {
        self.streams.len()
    }

    /// The window of a known SSRC.
    pub(crate) fn find(&self, ssrc: u32) -> Option<&Window> {
        self.position(ssrc).and_then(|at| self.streams.get(at)).map(|stream| &stream.window)
    }

    /// Remembers an authenticated packet.
    pub(crate) fn accept(&mut self, ssrc: u32, index: u64) {
        self.clock += 1;
        self.last = self.position(ssrc).unwrap_or_else(|| self.make_room(ssrc));
        if let Some(stream) = self.streams.get_mut(self.last) {
            stream.heard = self.clock;
            stream.window.insert(index);
        }
    }

    fn position(&self, ssrc: u32) -> Option<usize> {
        if self.streams.get(self.last).is_some_and(|stream| stream.ssrc == ssrc) {
            return Some(self.last);
        }
        self.streams.iter().position(|stream| stream.ssrc == ssrc)
    }

    fn make_room(&mut self, ssrc: u32) -> usize {
        let fresh = Stream { ssrc, heard: self.clock, window: Window::new(self.window) };
        if self.streams.len() < self.max {
            self.streams.push(fresh);
            return self.streams.len() - 1;
        }
        let by_silence = |(_, stream): &(usize, &Stream)| stream.heard;
        let oldest = self.streams.iter().enumerate().min_by_key(by_silence);
        let at = oldest.map_or(0, |(at, _)| at);
        if let Some(stream) = self.streams.get_mut(at) {
            *stream = fresh;
        }
        at
    }
}
