//! The bounded table of paths over which an authenticated request came.

use std::time::{Duration, Instant};

use crate::ice::path::Path;

/// What is known of one path.
#[derive(Debug)]
pub(super) struct PathState {
    pub(super) path: Path,
    /// When the last authenticated request came.
    pub(super) last_request: Instant,
    /// Tells it from an earlier life of the same path.
    pub(super) serial: u32,
    /// Transactions that came by it and were seen nowhere else: what a relay of somebody else's requests does not have.
    pub(super) own: u32,
    /// PRIORITY of the last nomination over this path; `None` while it was never nominated.
    pub(super) nominated: Option<u32>,
    /// Who vouches for it.
    pub(super) trust: Trust,
}

/// Whether the peer's ufrag was known when a path was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// Before the answer: the ufrag the requests named. It has to turn out to be the answer's.
    Provisional(String),
    /// The ufrag was compared with the answer's.
    Confirmed,
}

/// The table. A handful of entries, so it is searched from the front.
#[derive(Debug)]
pub(super) struct Paths {
    entries: Vec<PathState>,
    limit: usize,
}

impl Paths {
    pub(super) fn new(limit: usize) -> Self {
        // With room for one path only, a selected one could never be left.
        Self { entries: Vec::new(), limit: limit.max(2) }
    }

    pub(super) fn get(&self, path: &Path) -> Option<&PathState> {
        self.entries.iter().find(|entry| entry.path == *path)
    }

    pub(super) fn get_mut(&mut self, path: &Path) -> Option<&mut PathState> {
        self.entries.iter_mut().find(|entry| entry.path == *path)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &PathState> {
        self.entries.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut PathState> {
        self.entries.iter_mut()
    }

    /// Adds a path that is not in the table. In a full table the unselected path that has been silent longest makes room
    /// and is returned.
    pub(super) fn insert(&mut self, state: PathState, selected: Option<Path>) -> Option<Path> {
        let evicted = if self.entries.len() < self.limit { None } else { self.evict(selected) };
        self.entries.push(state);
        evicted
    }

    fn evict(&mut self, selected: Option<Path>) -> Option<Path> {
        let oldest = self
            .entries
            .iter()
            .enumerate()
            .filter(|(_, entry)| Some(entry.path) != selected)
            .min_by_key(|(_, entry)| entry.last_request)
            .map(|(index, _)| index)?;
        Some(self.entries.remove(oldest).path)
    }

    /// Removes the first path for which `condemned` holds.
    pub(super) fn remove_one(&mut self, condemned: impl Fn(&PathState) -> bool) -> Option<Path> {
        let index = self.entries.iter().position(condemned)?;
        Some(self.entries.remove(index).path)
    }

    /// When the next path will have been silent for `timeout`.
    pub(super) fn next_expiry(&self, timeout: Duration) -> Option<Instant> {
        self.entries.iter().map(|entry| entry.last_request + timeout).min()
    }
}
