//! Replay windows of the incoming SSRCs that were heard last.

use crate::window::{Window, WindowSize};

/// How many incoming SSRCs an [`Unprotector`](crate::Unprotector) remembers, of RTP and of RTCP each.
pub const MAX_INCOMING_SSRCS: usize = 64;

/// A new SSRC takes the place of the one that was silent longest.
///
/// Only authenticated packets reach [`Recent::accept`], so only the peer itself can push a stream
/// out.
#[derive(Debug)]
pub(crate) struct Recent {
    streams: Box<[Stream]>,
    /// Where the SSRC of the last accepted packet stands: packets come in runs of one stream.
    last: u32,
    window: WindowSize,
}

#[derive(Debug)]
struct Stream {
    ssrc: u32,
    /// In which run of packets of one stream it was heard last: the larger, the later.
    run: u64,
    window: Window,
}

impl Recent {
    pub(crate) fn new(window: WindowSize) -> Self {
        Self { streams: Box::default(), last: 0, window }
    }

    pub(crate) fn ssrcs(&self) -> usize {
        self.streams.len()
    }

    /// The window of a known SSRC.
    pub(crate) fn find(&self, ssrc: u32) -> Option<&Window> {
        let stream = self.last_heard().filter(|stream| stream.ssrc == ssrc);
        let other = || self.streams.iter().find(|stream| stream.ssrc == ssrc);
        stream.or_else(other).map(|stream| &stream.window)
    }

    /// Remembers an authenticated packet.
    pub(crate) fn accept(&mut self, ssrc: u32, index: u64) {
        if self.last_heard().is_none_or(|stream| stream.ssrc != ssrc) {
            self.change_to(ssrc);
        }
        if let Some(stream) = self.streams.get_mut(self.last as usize) {
            stream.window.insert(index);
        }
    }

    fn last_heard(&self) -> Option<&Stream> {
        self.streams.get(self.last as usize)
    }

    /// A run of another stream begins.
    fn change_to(&mut self, ssrc: u32) {
        let run = self.last_heard().map_or(0, |stream| stream.run + 1);
        let known = self.streams.iter().position(|stream| stream.ssrc == ssrc);
        let at = known.unwrap_or_else(|| self.make_room(ssrc));
        if let Some(stream) = self.streams.get_mut(at) {
            stream.run = run;
        }
        // At most 64, so the fallback is never taken.
        self.last = u32::try_from(at).unwrap_or(0);
    }

    fn make_room(&mut self, ssrc: u32) -> usize {
        let fresh = Stream { ssrc, run: 0, window: Window::new(self.window) };
        if self.streams.len() < MAX_INCOMING_SSRCS {
            let mut streams = std::mem::take(&mut self.streams).into_vec();
            streams.reserve_exact(1);
            streams.push(fresh);
            self.streams = streams.into_boxed_slice();
            return self.streams.len() - 1;
        }
        let by_silence = |(_, stream): &(usize, &Stream)| stream.run;
        let oldest = self.streams.iter().enumerate().min_by_key(by_silence);
        let at = oldest.map_or(0, |(at, _)| at);
        if let Some(stream) = self.streams.get_mut(at) {
            *stream = fresh;
        }
        at
    }
}
