//! Whose datagram is it? (RFC 7983 tells what it is; this tells whose.)
//!
//! STUN is found by the ufrag it names, everything else by the path that authenticated STUN verified before. Nothing here is learned from
//! media, and nothing before authentication.

use std::collections::HashMap;

use tsubame_stun::ice::Path;

use crate::keys::PeerKey;
use crate::limits::FOREIGN_PATHS;

/// Ufrags begin with a character that names the shard, so that any shard can hand a check to the one that knows it.
const SHARD_CHARACTERS: &[u8; 64] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The most shards that can be told apart.
pub(crate) const MAX_SHARDS: usize = SHARD_CHARACTERS.len();

/// Marks a random ufrag as belonging to `shard`.
pub(crate) fn mark_ufrag(shard: usize, random: &str) -> String {
    let mark = SHARD_CHARACTERS[shard % MAX_SHARDS];
    format!("{}{random}", char::from(mark))
}

/// The shard that a ufrag of ours names.
pub(crate) fn shard_of_ufrag(ufrag: &str) -> Option<usize> {
    let mark = ufrag.bytes().next()?;
    SHARD_CHARACTERS.iter().position(|character| *character == mark)
}

/// The tables of one shard. Only looked up by key, never iterated: their order reaches nobody.
#[derive(Debug, Default)]
pub(crate) struct Demux {
    paths: HashMap<Path, PeerKey>,
    ufrags: HashMap<String, PeerKey>,
    /// Paths of clients that live on other shards, told by those shards after they had verified them.
    foreign: HashMap<Path, usize>,
}

impl Demux {
    pub(crate) fn peer_by_path(&self, path: &Path) -> Option<PeerKey> {
        self.paths.get(path).copied()
    }

    pub(crate) fn peer_by_ufrag(&self, ufrag: &str) -> Option<PeerKey> {
        self.ufrags.get(ufrag).copied()
    }

    pub(crate) fn shard_by_path(&self, path: &Path) -> Option<usize> {
        self.foreign.get(path).copied()
    }

    pub(crate) fn add_ufrag(&mut self, ufrag: &str, peer: PeerKey) {
        self.ufrags.insert(ufrag.to_owned(), peer);
    }

    pub(crate) fn remove_ufrag(&mut self, ufrag: &str) {
        self.ufrags.remove(ufrag);
    }

    /// The path is this client's now: it proved to hold its session's password, whoever had the path before.
    pub(crate) fn add_path(&mut self, path: Path, peer: PeerKey) -> Option<PeerKey> {
        self.foreign.remove(&path);
        self.paths.insert(path, peer)
    }

    /// Forgets the path if it is (still) this client's. Whether it was.
    pub(crate) fn remove_path(&mut self, path: &Path, peer: PeerKey) -> bool {
        let is_its_own = self.paths.get(path) == Some(&peer);
        if is_its_own {
            self.paths.remove(path);
        }
        is_its_own
    }

    /// The path is a client's of another shard now, whoever had it here before.
    pub(crate) fn add_foreign(&mut self, path: Path, shard: usize) {
        self.paths.remove(&path);
        if self.foreign.len() < FOREIGN_PATHS || self.foreign.contains_key(&path) {
            self.foreign.insert(path, shard);
        }
    }

    /// Entries of all tables.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.paths.len() + self.ufrags.len() + self.foreign.len()
    }

    /// Panics when something leads to a client that is not there.
    #[cfg(tsubame_fuzzing)]
    pub(crate) fn check(&self, exists: impl Fn(PeerKey) -> bool) {
        assert!(self.paths.values().all(|key| exists(*key)), "a path that leads to nobody");
        assert!(self.ufrags.values().all(|key| exists(*key)), "a ufrag that names nobody");
    }

    pub(crate) fn remove_foreign(&mut self, path: &Path, shard: usize) {
        if self.foreign.get(path) == Some(&shard) {
            self.foreign.remove(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marked_ufrag_names_its_shard() {
        for shard in 0..MAX_SHARDS {
            assert_eq!(shard_of_ufrag(&mark_ufrag(shard, "x")), Some(shard));
        }
        assert_eq!(shard_of_ufrag(""), None);
        assert_eq!(shard_of_ufrag("*"), None);
    }

    #[test]
    fn a_path_is_only_taken_away_from_the_client_that_has_it() {
        let path = Path::udp(([127, 0, 0, 1], 1).into(), ([127, 0, 0, 1], 2).into());
        let mut demux = Demux::default();
        demux.add_path(path, PeerKey(1));
        assert_eq!(demux.add_path(path, PeerKey(2)), Some(PeerKey(1)));
        demux.remove_path(&path, PeerKey(1));
        assert_eq!(demux.peer_by_path(&path), Some(PeerKey(2)));
        demux.remove_path(&path, PeerKey(2));
        assert_eq!(demux.peer_by_path(&path), None);
    }
}
