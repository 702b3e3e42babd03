//! Which indices were used on which outgoing SSRC. Nothing here is ever forgotten.

use crate::error::ProtectError;
use crate::window::{Standing, Window, WindowSize};

/// How many SSRCs one [`Protector`](crate::Protector) serves in its life.
pub const MAX_OUTGOING_SSRCS: usize = 4096;

/// Windows of used indices by SSRC, sorted, since there may be thousands of them.
#[derive(Debug)]
pub(crate) struct UsedIndices {
    // Exactly as long as needed: most have a handful of streams, and there are many Protectors.
    streams: Box<[(u32, Window)]>,
    /// Where the last packet's SSRC stood: packets come in runs of one stream.
    last: u32,
    window: WindowSize,
}

impl UsedIndices {
    pub(crate) fn new(window: WindowSize) -> Self {
        Self { streams: Box::default(), last: 0, window }
    }

    /// Marks the index as used, or says why it may not be.
    pub(crate) fn claim(&mut self, ssrc: u32, index: u64) -> Result<(), ProtectError> {
        let window = self.window_of(ssrc)?;
        match window.standing(index) {
            Standing::Fresh => {
                window.insert(index);
                Ok(())
            }
            Standing::Seen => Err(ProtectError::IndexReused { ssrc, index }),
            Standing::TooOld => {
                let highest = window.highest().unwrap_or_default();
                Err(ProtectError::IndexTooOld { ssrc, index, highest })
            }
        }
    }

    pub(crate) fn ssrcs(&self) -> usize {
        self.streams.len()
    }

    #[inline]
    fn window_of(&mut self, ssrc: u32) -> Result<&mut Window, ProtectError> {
        let last = self.last as usize;
        let at = match self.streams.get(last) {
            Some((known, _)) if *known == ssrc => last,
            _ => self.look_up(ssrc)?,
        };
        self.streams.get_mut(at).map(|(_, window)| window).ok_or(ProtectError::TooManySsrcs)
    }

    #[cold]
    fn look_up(&mut self, ssrc: u32) -> Result<usize, ProtectError> {
        let at = match self.streams.binary_search_by_key(&ssrc, |(known, _)| *known) {
            Ok(at) => at,
            Err(at) => self.insert(at, ssrc)?,
        };
        // At most 4096, so the fallback is never taken.
        self.last = u32::try_from(at).unwrap_or(0);
        Ok(at)
    }

    fn insert(&mut self, at: usize, ssrc: u32) -> Result<usize, ProtectError> {
        if self.streams.len() >= MAX_OUTGOING_SSRCS {
            return Err(ProtectError::TooManySsrcs);
        }
        let mut streams = std::mem::take(&mut self.streams).into_vec();
        streams.reserve_exact(1);
        streams.insert(at, (ssrc, Window::new(self.window)));
        self.streams = streams.into_boxed_slice();
        Ok(at)
    }
}
