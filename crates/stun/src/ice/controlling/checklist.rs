//! The checklist (RFC 8445 §6.1.2): candidates of both sides and the pairs made of them, best first.

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;

use super::pair::{Foundation, Pair, PairState, RoundTrip};
use crate::ice::candidate::{self, COMPONENT, CandidateKind};
use crate::ice::path::Path;

/// Addresses of this machine that are used.
const MAX_LOCAL: usize = 16;
/// Candidates of the peer that are kept.
const MAX_REMOTE: usize = 100;
/// Pairs that are kept (RFC 8445 §6.1.2.5).
const MAX_PAIRS: usize = 100;
/// Paths whose consent expired that are remembered.
const MAX_REVOKED: usize = 100;

#[derive(Debug)]
struct Local {
    address: SocketAddr,
    preference: u16,
}

#[derive(Clone, Debug)]
struct Remote {
    address: SocketAddr,
    priority: u32,
    /// As the peer wrote it; `None` for a candidate learnt from a check of the peer's, not told by signaling.
    foundation: Option<String>,
    /// A number for the foundation; a learnt candidate has one of its own.
    foundation_number: u32,
    /// The generation it was told for.
    ufrag: Option<String>,
}

impl Remote {
    fn is_reflexive(&self) -> bool {
        self.foundation.is_none()
    }
}

/// Pairs in the order of their priority, and the queue of triggered checks.
#[derive(Debug)]
pub(super) struct Checklist {
    controlling: bool,
    locals: Vec<Local>,
    remotes: Vec<Remote>,
    next_foundation: u32,
    pairs: Vec<Pair>,
    triggered: VecDeque<Path>,
    /// Where consent expired: under these credentials they are not used again (RFC 7675 §5.1).
    revoked: VecDeque<Path>,
}

impl Checklist {
    pub(super) fn new() -> Self {
        Self {
            controlling: true,
            locals: Vec::new(),
            remotes: Vec::new(),
            next_foundation: 0,
            pairs: Vec::new(),
            triggered: VecDeque::new(),
            revoked: VecDeque::new(),
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
            self.add_pair(address, &remote);
        }
    }

    /// Removes a host candidate and its pairs.
    pub(super) fn remove_local(&mut self, address: SocketAddr) {
        self.locals.retain(|local| local.address != address);
        self.pairs.retain(|pair| pair.path.local != address);
        self.triggered.retain(|path| path.local != address);
    }

    /// Forgets the peer's candidates and all pairs: an ICE restart.
    pub(super) fn restart(&mut self) {
        self.remotes.clear();
        self.pairs.clear();
        self.triggered.clear();
        self.revoked.clear();
    }

    /// Now it is known what the peer's ufrag is: candidates that were told for another are forgotten.
    pub(super) fn keep_generation(&mut self, ufrag: &str) {
        let is_of_another =
            |remote: &Remote| remote.ufrag.as_deref().is_some_and(|told| told != ufrag);
        while let Some(index) = self.remotes.iter().position(is_of_another) {
            self.forget_remote(index);
        }
    }

    /// Gives a path up for as long as the credentials are the same.
    pub(super) fn revoke(&mut self, path: Path) {
        self.untrigger(&path);
        if let Some(pair) = self.get_mut(&path) {
            pair.fail();
            pair.nominated = None;
            pair.consent = None;
        }
        if self.revoked.len() >= MAX_REVOKED {
            self.revoked.pop_front();
        }
        self.revoked.push_back(path);
    }

    /// Makes every pair wait for a check again, whatever was found out about it, but not where consent expired.
    pub(super) fn reopen(&mut self) {
        for pair in &mut self.pairs {
            if !self.revoked.contains(&pair.path) {
                pair.pause();
                pair.state = PairState::Waiting;
            }
        }
    }

    /// Adds a candidate that signaling told.
    pub(super) fn add_remote(
        &mut self,
        address: SocketAddr,
        priority: u32,
        foundation: &str,
        ufrag: Option<&str>,
    ) {
        let known = self.remotes.iter().position(|known| known.address == address);
        let of_known = known.and_then(|index| self.remotes.get(index));
        if of_known.is_some_and(|known| !known.is_reflexive()) {
            return;
        }
        let alike = |known: &&Remote| known.foundation.as_deref() == Some(foundation);
        let alike = self.remotes.iter().find(alike).map(|known| known.foundation_number);
        let foundation_number = alike.unwrap_or_else(|| self.number_foundation());
        let foundation = Some(foundation.to_owned());
        let ufrag = ufrag.map(str::to_owned);
        let remote = Remote { address, priority, foundation, foundation_number, ufrag };
        if let Some(known) = known.and_then(|index| self.remotes.get_mut(index)) {
            // Its check was faster than signaling: now its true priority is known, and that it is for everybody.
            *known = remote.clone();
        } else if !self.push_remote(remote.clone()) {
            return;
        }
        for pair in self.pairs.iter_mut().filter(|pair| pair.path.remote == address) {
            pair.remote_priority = priority;
            pair.foundation.remote = foundation_number;
        }
        let locals: Vec<_> = self.locals.iter().map(|local| local.address).collect();
        for local in locals {
            self.add_pair(local, &remote);
        }
        self.sort();
    }

    /// Learns a peer-reflexive candidate from an authenticated check (RFC 8445 §7.3.1.3). It is paired with the local
    /// candidate that received the check only.
    pub(super) fn learn_remote(&mut self, path: Path, priority: u32) {
        if self.get(&path).is_some() {
            return;
        }
        let known = self.remotes.iter().find(|known| known.address == path.remote).cloned();
        if let Some(known) = known {
            self.add_pair(path.local, &known);
            return;
        }
        // RFC 8445 §7.3.1.3: its foundation differs from those of all others.
        let foundation_number = self.number_foundation();
        let (address, foundation, ufrag) = (path.remote, None, None);
        let remote = Remote { address, priority, foundation, foundation_number, ufrag };
        if self.push_remote(remote.clone()) {
            self.add_pair(path.local, &remote);
        }
    }

    fn number_foundation(&mut self) -> u32 {
        self.next_foundation = self.next_foundation.wrapping_add(1);
        self.next_foundation
    }

    /// In a full list the oldest learnt candidate that leads nowhere makes room: a peer that changes its address often
    /// does not become unreachable by that.
    fn push_remote(&mut self, remote: Remote) -> bool {
        if self.remotes.len() >= MAX_REMOTE {
            let leads_nowhere = |remote: &Remote| {
                let mut pairs = self.pairs.iter().filter(|pair| pair.path.remote == remote.address);
                remote.is_reflexive() && pairs.all(|pair| pair.state != PairState::Succeeded)
            };
            let Some(index) = self.remotes.iter().position(leads_nowhere) else { return false };
            self.forget_remote(index);
        }
        self.remotes.push(remote);
        true
    }

    fn forget_remote(&mut self, index: usize) {
        let forgotten = self.remotes.remove(index).address;
        self.pairs.retain(|pair| pair.path.remote != forgotten);
        self.triggered.retain(|path| path.remote != forgotten);
    }

    /// Lets pairs out of `Frozen` (RFC 8445 §6.1.2.6, §6.1.4.2; RFC 8838 §12): the best of every foundation that was
    /// never tried; and, when nothing else waits, the best of every foundation of which nothing is tried now.
    pub(super) fn thaw(&mut self) {
        if self.pairs.iter().all(|pair| pair.state != PairState::Frozen) {
            return;
        }
        self.thaw_where(|others| others.state == PairState::Frozen);
        if self.pairs.iter().all(|pair| pair.state != PairState::Waiting) {
            self.thaw_where(|others| !others.is_active());
        }
    }

    /// Thaws the best frozen pair of each foundation all pairs of which satisfy `condition`.
    fn thaw_where(&mut self, condition: impl Fn(&Pair) -> bool) {
        let others = self.pairs.iter().filter(|pair| !condition(pair));
        let mut taken: BTreeSet<_> = others.map(|pair| pair.foundation).collect();
        for pair in &mut self.pairs {
            if pair.state == PairState::Frozen && taken.insert(pair.foundation) {
                pair.state = PairState::Waiting;
            }
        }
    }

    /// A pair succeeded: the others of its foundation probably do, too (RFC 8445 §7.2.5.3.3).
    pub(super) fn thaw_foundation(&mut self, foundation: Foundation) {
        for pair in &mut self.pairs {
            if pair.foundation == foundation && pair.state == PairState::Frozen {
                pair.state = PairState::Waiting;
            }
        }
    }

    /// Puts a pair at the end of the triggered-check queue (RFC 8445 §6.1.4.1), unless its consent expired.
    pub(super) fn trigger(&mut self, path: Path) {
        if self.revoked.contains(&path) {
            return;
        }
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
    fn add_pair(&mut self, local: SocketAddr, remote: &Remote) {
        let path = Path::udp(local, remote.address);
        if local.is_ipv4() != remote.address.is_ipv4()
            || self.get(&path).is_some()
            || self.revoked.contains(&path)
        {
            return;
        }
        let Some(local) = self.locals.iter().find(|known| known.address == local) else { return };
        let preference = local.preference;
        let foundation = Foundation { local: path.local.ip(), remote: remote.foundation_number };
        // RFC 8838 §12: what is known to work is not waited for.
        let works =
            |pair: &Pair| pair.foundation == foundation && pair.state == PairState::Succeeded;
        let state =
            if self.pairs.iter().any(works) { PairState::Waiting } else { PairState::Frozen };
        let pair = Pair {
            path,
            state,
            foundation,
            local_priority: candidate::host_priority(preference),
            remote_priority: remote.priority,
            reflexive_priority: candidate::priority(
                CandidateKind::PeerReflexive,
                preference,
                COMPONENT,
            ),
            transaction: None,
            superseded: Vec::new(),
            nominated: None,
            last_request: None,
            consent: None,
            conflicts: 0,
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
            checklist.add_remote(address(2, number), 1, "f", None);
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
            checklist.add_remote(address(2, number), 1, "f", None);
        }
        checklist.add_remote(address(3, 0), 1_000_000, "f", None);
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
        checklist.add_remote(address(2, 0), 77, "f", None);
        let priorities: Vec<_> = checklist.pairs.iter().map(|pair| pair.remote_priority).collect();
        assert_eq!(priorities, [77, 77]);
    }

    #[test]
    fn pair_priorities_follow_the_formula() {
        let mut checklist = Checklist::new();
        checklist.add_local(address(1, 0));
        checklist.add_remote(address(2, 0), 7, "f", None);
        let pair = checklist.pairs.first().map(|pair| (pair.priority(true), pair.priority(false)));
        let g = u64::from(candidate::host_priority(65_535));
        assert_eq!(pair, Some(((7 << 32) + 2 * g + 1, (7 << 32) + 2 * g)));
    }

    /// The states of the pairs, best first.
    fn states(checklist: &Checklist) -> Vec<PairState> {
        checklist.pairs.iter().map(|pair| pair.state).collect()
    }

    #[test]
    fn the_best_pair_of_each_foundation_waits_and_the_others_are_frozen() {
        use PairState::{Frozen, Waiting};
        let mut checklist = Checklist::new();
        checklist.add_local(address(1, 0));
        for (number, foundation) in [(1, "a"), (2, "a"), (3, "b"), (4, "a"), (5, "b")] {
            checklist.add_remote(address(2, number), u32::from(number), foundation, None);
        }
        assert_eq!(states(&checklist), [Frozen; 5]);
        checklist.thaw();
        assert_eq!(states(&checklist), [Waiting, Waiting, Frozen, Frozen, Frozen]);
        checklist.thaw();
        assert_eq!(states(&checklist), [Waiting, Waiting, Frozen, Frozen, Frozen], "one each");
    }

    #[test]
    fn a_frozen_pair_waits_until_nothing_waits_and_nothing_of_its_foundation_is_in_progress() {
        use PairState::{Failed, Frozen, InProgress, Waiting};
        let mut checklist = Checklist::new();
        checklist.add_local(address(1, 0));
        for (number, foundation) in [(1, "a"), (2, "b"), (3, "a")] {
            checklist.add_remote(address(2, number), u32::from(number), foundation, None);
        }
        checklist.thaw();
        assert_eq!(states(&checklist), [Waiting, Waiting, Frozen]);
        checklist.pairs[0].state = Failed;
        checklist.thaw();
        assert_eq!(states(&checklist), [Failed, Waiting, Frozen], "b waits, so a has time");
        checklist.pairs[1].state = InProgress;
        checklist.pairs[0].state = InProgress;
        checklist.thaw();
        assert_eq!(states(&checklist), [InProgress, InProgress, Frozen]);
        checklist.pairs[0].state = Failed;
        checklist.thaw();
        assert_eq!(states(&checklist), [Failed, InProgress, Waiting]);
    }

    #[test]
    fn success_thaws_the_foundation_and_whoever_joins_it_later() {
        use PairState::{Frozen, Succeeded, Waiting};
        let mut checklist = Checklist::new();
        checklist.add_local(address(1, 0));
        for number in [1, 2, 3] {
            checklist.add_remote(address(2, number), u32::from(number), "a", None);
        }
        checklist.thaw();
        assert_eq!(states(&checklist), [Waiting, Frozen, Frozen]);
        checklist.pairs[0].state = Succeeded;
        checklist.thaw_foundation(checklist.pairs[0].foundation);
        assert_eq!(states(&checklist), [Succeeded, Waiting, Waiting]);
        checklist.add_remote(address(2, 0), 0, "a", None);
        assert_eq!(states(&checklist), [Succeeded, Waiting, Waiting, Waiting]);
    }

    #[test]
    fn pairs_of_different_local_addresses_or_learnt_candidates_have_foundations_of_their_own() {
        let mut checklist = Checklist::new();
        checklist.add_local(address(1, 0));
        checklist.add_local(address(1, 1));
        checklist.add_remote(address(2, 0), 7, "a", None);
        checklist.learn_remote(Path::udp(address(1, 0), address(3, 0)), 5);
        checklist.learn_remote(Path::udp(address(1, 0), address(3, 1)), 5);
        checklist.thaw();
        assert_eq!(states(&checklist), [PairState::Waiting; 4]);
    }

    #[test]
    fn a_learnt_candidate_that_leads_nowhere_makes_room_and_one_that_works_stays() {
        let mut checklist = Checklist::new();
        checklist.add_local(address(1, 0));
        for number in 0..100 {
            checklist.learn_remote(Path::udp(address(1, 0), address(3, number)), 1);
        }
        let works = Path::udp(address(1, 0), address(3, 0));
        checklist.get_mut(&works).unwrap().state = PairState::Succeeded;
        checklist.learn_remote(Path::udp(address(1, 0), address(4, 0)), 1);
        assert_eq!((checklist.remotes.len(), checklist.pairs.len()), (MAX_REMOTE, MAX_PAIRS));
        assert!(checklist.get(&works).is_some());
        assert!(checklist.get(&Path::udp(address(1, 0), address(3, 1))).is_none());
        assert!(checklist.get(&Path::udp(address(1, 0), address(4, 0))).is_some());
    }
}
