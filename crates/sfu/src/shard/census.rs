//! How many clients the whole server has.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::api::JoinError;

/// Who is there, on all shards together.
#[derive(Debug, Default)]
pub(crate) struct Census {
    connections: AtomicUsize,
    /// Those of them that are being set up.
    pub(super) half_open: AtomicUsize,
}

impl Census {
    /// Counts a client that comes in, unless `max` are there or a fifth of that many are being set up.
    pub(super) fn enter(&self, max: usize) -> Result<(), JoinError> {
        let below = |limit: usize| move |count: usize| (count < limit).then_some(count + 1);
        let (set, fetch) = (Ordering::Relaxed, Ordering::Relaxed);
        self.connections.fetch_update(set, fetch, below(max)).map_err(|_| JoinError::ServerFull)?;
        if self.half_open.fetch_update(set, fetch, below((max / 5).max(1))).is_err() {
            self.connections.fetch_sub(1, Ordering::Relaxed);
            return Err(JoinError::TooManyHalfOpen);
        }
        Ok(())
    }

    /// Connections, and those of them that are being set up.
    #[cfg(tsubame_fuzzing)]
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.connections.load(Ordering::Relaxed), self.half_open.load(Ordering::Relaxed))
    }

    pub(super) fn set_up(&self) {
        self.half_open.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn leave(&self) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }
}
