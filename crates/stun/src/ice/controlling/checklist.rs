//! The checklist (RFC 8445 §6.1.2): candidates of both sides and the pairs made of them, best first.

use std::collections::VecDeque;
use std::net::SocketAddr;

use super::pair::{Pair, PairState, RoundTrip};
use crate::ice::candidate::{self, COMPONENT, CandidateKind};
use crate::ice::path::Path;

/// Addresses of this machine that are used.
const MAX_LOCAL: usize = 16;
/// Candidates of the peer that are kept.
const MAX_REMOTE: usize = 100;
/// Pairs that are kept (RFC 8445 §6.1.2.5).
const MAX_PAIRS: usize = 100;

#[derive(Debug)]
struct Local {
    address: SocketAddr,
    preference: u16,
}

#[derive(Clone, Copy, Debug)]
struct Remote {
    address: SocketAddr,
    priority: u32,
    /// Learnt from a check of the peer's, not told by signaling.
    reflexive: bool,
}

/// Pairs in the order of their priority, and the queue of triggered checks.
#[derive(Debug)]
pub(super) struct Checklist {
    controlling: bool,
    locals: Vec<Local>,
    remotes: Vec<Remote>,
    pairs: Vec<Pair>,
    triggered: VecDeque<Path>,
}

impl Checklist {
    pub(super) fn new() -> Self {
        Self {
            controlling: true,
            locals: Vec::new(),
            remotes: Vec::new(),
            pairs: Vec::new(),
            triggered: VecDeque::new(),
        }
    }

    pub(super) fn is_controlling(&self) -> bool {
        self.controlling
    }

    /// RFC 8445 §7.3.1.1: after a change of roles the priorities of all pairs are computed again.
    pub(super) fn set_controlling(&mut self, controlling: bool) {
        self.controlling = controlling;
        self.sort();
    }

    /// Pairs, best first.
    pub(super) fn pairs(&self) -> &[Pair] {
        &self.pairs
    }

    pub(super) fn pairs_mut(&mut self) -> &mut [Pair] {
        &mut self.pairs
    }

    pub(super) fn get(&self, path: &Path) -> Option<&Pair> {
        self.pairs.iter().find(|pair| pair.path == *path)
    }

    pub(super) fn get_mut(&mut self, path: &Path) -> Option<&mut Pair> {
        self.pairs.iter_mut().find(|pair| pair.path == *path)
    }

    pub(super) fn priority(&self, path: &Path) -> Option<u64> {
        self.get(path).map(|pair| pair.priority(self.controlling))
    }

    /// Adds a host candidate. The first one added is preferred.
    pub(super) fn add_local(&mut self, address: SocketAddr) {
        let known = self.locals.iter().any(|local| local.address == address);
        if known || self.locals.len() >= MAX_LOCAL {
            return;
        }
        let lowest = self.locals.iter().map(|local| local.preference).min();
        let preference = lowest.map_or(u16::MAX, |lowest| lowest.saturating_sub(1));
        self.locals.push(Local { address, preference });
        for remote in self.remotes.clone() {
            self.add_pair(address, remote);
        }
    }

    /// Removes a host candidate and its pairs.
    pub(super) fn remove_local(&mut self, address: SocketAddr) {
        self.locals.retain(|local| local.address != address);
        self.pairs.retain(|pair| pair.path.local != address);
        self.triggered.retain(|path| path.local != address);
    }

    /// Adds a candidate that signaling told.
    pub(super) fn add_remote(&mut self, address: SocketAddr, priority: u32) {
        let remote = Remote { address, priority, reflexive: false };
        let full = self.remotes.len() >= MAX_REMOTE;
        let known = self.remotes.iter_mut().find(|known| known.address == address);
        match known {
            Some(known) if !known.reflexive => return,
            // Its check was faster than signaling: now its true priority is known, and that it is for everybody.
            Some(known) => *known = remote,
            None if full => return,
            None => self.remotes.push(remote),
        }
        for pair in self.pairs.iter_mut().filter(|pair| pair.path.remote == address) {
            pair.remote_priority = priority;
        }
        let locals: Vec<_> = self.locals.iter().map(|local| local.address).collect();
        for local in locals {
            self.add_pair(local, remote);
        }
        self.sort();
    }

    /// Learns a peer-reflexive candidate from an authenticated check (RFC 8445 §7.3.1.3). It is paired with the local
    /// candidate that received the check only.
    pub(super) fn learn_remote(&mut self, path: Path, priority: u32) {
        if self.get(&path).is_some() {
            return;
        }
        let known = self.remotes.iter().find(|known| known.address == path.remote).copied();
        let remote = known.unwrap_or(Remote { address: path.remote, priority, reflexive: true });
        if known.is_none() {
            if self.remotes.len() >= MAX_REMOTE {
                return;
            }
            self.remotes.push(remote);
        }
        self.add_pair(path.local, remote);
    }

    /// Puts a pair at the end of the triggered-check queue (RFC 8445 §6.1.4.1).
    pub(super) fn trigger(&mut self, path: Path) {
        let Some(pair) = self.get_mut(&path) else { return };
        if pair.state != PairState::Succeeded {
            pair.pause();
            pair.state = PairState::Waiting;
        }
        if !self.triggered.contains(&path) {
            self.triggered.push_back(path);
        }
    }

    /// Whether a triggered check waits.
    pub(super) fn has_triggered(&self) -> bool {
        !self.triggered.is_empty()
    }

    /// The next triggered check.
    pub(super) fn pop_triggered(&mut self) -> Option<Path> {
        self.triggered.pop_front()
    }

    /// Takes a pair out of the triggered-check queue.
    pub(super) fn untrigger(&mut self, path: &Path) {
        self.triggered.retain(|triggered| triggered != path);
    }

    /// Adds a pair of the same address family, if it is new and good enough for the list.
    fn add_pair(&mut self, local: SocketAddr, remote: Remote) {
        let path = Path::udp(local, remote.address);
        if local.is_ipv4() != remote.address.is_ipv4() || self.get(&path).is_some() {
            return;
        }
        let Some(local) = self.locals.iter().find(|known| known.address == local) else { return };
        let preference = local.preference;
        let pair = Pair {
            path,
            state: PairState::Waiting,
            local_priority: candidate::host_priority(preference),
            remote_priority: remote.priority,
            reflexive_priority: candidate::priority(
                CandidateKind::PeerReflexive,
                preference,
                COMPONENT,
            ),
            transaction: None,
            superseded: None,
            nominated_by_peer: false,
            round_trip: RoundTrip::default(),
        };
        if self.pairs.len() >= MAX_PAIRS && !self.make_room(pair.priority(self.controlling)) {
            return;
        }
        self.pairs.push(pair);
        self.sort();
    }

    /// Removes the worst pair that did not succeed, if it is worse than `priority`.
    fn make_room(&mut self, priority: u64) -> bool {
        let worst = self.pairs.iter().rposition(|pair| pair.state != PairState::Succeeded);
        let Some(index) = worst else { return false };
        let controlling = self.controlling;
        if self.pairs.get(index).is_none_or(|pair| pair.priority(controlling) >= priority) {
            return false;
        }
        let removed = self.pairs.remove(index);
        self.untrigger(&removed.path);
        true
    }

    fn sort(&mut self) {
        let controlling = self.controlling;
        // Stable, and paths break ties: the order does not depend on anything but the candidates.
        self.pairs.sort_by_key(|pair| (std::cmp::Reverse(pair.priority(controlling)), pair.path));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(a: u8, b: u8) -> SocketAddr {
        SocketAddr::from(([10, 0, a, b], 5000))
    }

    #[test]
    fn lists_are_bounded() {
        let mut checklist = Checklist::new();
        for number in 0..50 {
            checklist.add_local(address(1, number));
        }
        assert_eq!(checklist.locals.len(), MAX_LOCAL);
        for number in 0..150 {
            checklist.add_remote(address(2, number), 1);
        }
        assert_eq!(checklist.remotes.len(), MAX_REMOTE);
        for number in 0..150 {
            checklist.learn_remote(Path::udp(address(1, 0), address(3, number)), 1);
        }
        assert_eq!(checklist.remotes.len(), MAX_REMOTE);
        assert_eq!(checklist.pairs.len(), MAX_PAIRS);
    }

    #[test]
    fn a_full_list_keeps_the_best() {
        let mut checklist = Checklist::new();
        checklist.add_local(address(1, 0));
        checklist.add_local(address(1, 1));
        for number in 0..99 {
            checklist.add_remote(address(2, number), 1);
        }
        checklist.add_remote(address(3, 0), 1_000_000);
        let best: Vec<_> = checklist.pairs.iter().take(2).map(|pair| pair.path.remote).collect();
        assert_eq!(best, [address(3, 0); 2]);
        assert_eq!(checklist.pairs.len(), MAX_PAIRS);
    }

    #[test]
    fn a_learnt_candidate_takes_the_priority_signaling_tells_later() {
        let mut checklist = Checklist::new();
        checklist.add_local(address(1, 0));
        checklist.add_local(address(1, 1));
        checklist.learn_remote(Path::udp(address(1, 0), address(2, 0)), 5);
        assert_eq!(checklist.pairs.len(), 1);
        checklist.add_remote(address(2, 0), 77);
        let priorities: Vec<_> = checklist.pairs.iter().map(|pair| pair.remote_priority).collect();
        assert_eq!(priorities, [77, 77]);
    }

    #[test]
    fn pair_priorities_follow_the_formula() {
        let mut checklist = Checklist::new();
        checklist.add_local(address(1, 0));
        checklist.add_remote(address(2, 0), 7);
        let pair = checklist.pairs.first().map(|pair| (pair.priority(true), pair.priority(false)));
        let g = u64::from(candidate::host_priority(65_535));
        assert_eq!(pair, Some(((7 << 32) + 2 * g + 1, (7 << 32) + 2 * g)));
    }
}
