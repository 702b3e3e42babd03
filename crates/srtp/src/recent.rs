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

/// Where a stream stands in [`Recent`], until the next packet is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place(u32);

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

    /// Where a known SSRC stands, and its window.
    #[inline]
    pub(crate) fn find(&self, ssrc: u32) -> Option<(Place, &Window)> {
        let last = Place(self.last);
        match self.streams.get(last.0 as usize) {
            Some(stream) if stream.ssrc == ssrc => Some((last, &stream.window)),
            _ => self.search(ssrc),
        }
    }

    /// For the first packet of a run.
    #[inline(never)]
    fn search(&self, ssrc: u32) -> Option<(Place, &Window)> {
        let at = self.streams.iter().position(|stream| stream.ssrc == ssrc)?;
        let place = Place(u32::try_from(at).ok()?);
        self.streams.get(at).map(|stream| (place, &stream.window))
    }

    /// Remembers an authenticated packet of the SSRC that [`Recent::find`] found there, or did not.
    #[inline]
    pub(crate) fn accept(&mut self, place: Option<Place>, ssrc: u32, index: u64) {
        if place != Some(Place(self.last)) {
            self.change_to(place, ssrc);
        }
        if let Some(stream) = self.streams.get_mut(self.last as usize) {
            stream.window.insert(index);
        }
    }

    fn last_heard(&self) -> Option<&Stream> {
        self.streams.get(self.last as usize)
    }

    /// A run of another stream begins.
    #[inline(never)]
    fn change_to(&mut self, place: Option<Place>, ssrc: u32) {
        let run = self.last_heard().map_or(0, |stream| stream.run + 1);
        let at = place.map_or_else(|| self.make_room(ssrc), |place| place.0 as usize);
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
