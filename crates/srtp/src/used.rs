//! Which indices were used on which outgoing SSRC. Nothing here is ever forgotten.

use crate::error::ProtectError;
use crate::window::{Standing, Window, WindowSize};

/// Windows of used indices by SSRC, sorted, since there may be thousands of them.
#[derive(Debug)]
pub(crate) struct UsedIndices {
    streams: Vec<(u32, Window)>,
    /// Where the last packet's SSRC stood: packets come in runs of one stream.
    last: usize,
    window: WindowSize,
    max_ssrcs: usize,
}

impl UsedIndices {
    pub(crate) fn new(window: WindowSize, max_ssrcs: usize) -> Self {
        Self { streams: Vec::new(), last: 0, window, max_ssrcs }
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

    fn window_of(&mut self, ssrc: u32) -> Result<&mut Window, ProtectError> {
        let at_last = self.streams.get(self.last).is_some_and(|(known, _)| *known == ssrc);
        if !at_last {
            self.last = match self.streams.binary_search_by_key(&ssrc, |(known, _)| *known) {
                Ok(at) => at,
                Err(_) if self.streams.len() >= self.max_ssrcs => {
                    return Err(ProtectError::TooManySsrcs);
                }
                Err(at) => {
                    self.streams.insert(at, (ssrc, Window::new(self.window)));
                    at
                }
            };
        }
        match self.streams.get_mut(self.last) {
            Some((_, window)) => Ok(window),
            None => Err(ProtectError::TooManySsrcs),
        }
    }
}
