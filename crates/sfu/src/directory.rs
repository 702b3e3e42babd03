//! Which shards have members of which channel, and where the next one goes (docs/sharding.md, "Placement").
//!
//! Asked when a client joins or leaves and when a shard gets a channel's first member, never for a packet. A server of one shard does not even
//! ask then.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::api::JoinError;
use crate::id::ConnectionId;

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Directory {
    shards: usize,
    /// A channel with more members spreads.
    members_per_shard: usize,
    arrivals: AtomicU64,
    seats: Mutex<Seats>,
}

#[derive(Debug)]
struct Seats {
    /// Names in use.
    ids: HashSet<ConnectionId>,
    /// Seats taken, by shard.
    taken: Vec<usize>,
    /// Shards with members of a channel, its home first, each with their number. Never empty.
    channels: HashMap<String, Vec<(usize, usize)>>,
}

/// A client's place on a shard. Dropping it gives it up.
#[derive(Debug)]
pub(crate) struct Seat {
    directory: Arc<Directory>,
    id: ConnectionId,
    shard: usize,
    /// `None` where there is one shard, and nothing to remember.
    channel: Option<String>,
}

impl Directory {
    pub(crate) fn new(shards: usize, members_per_shard: usize) -> Self {
        Self {
            shards,
            members_per_shard: members_per_shard.max(1),
            arrivals: AtomicU64::new(0),
            seats: Mutex::new(Seats {
                ids: HashSet::new(),
                taken: vec![0; shards],
                channels: HashMap::new(),
            }),
        }
    }

    /// Finds a shard for a client, and keeps its place there until the seat is dropped.
    pub(crate) fn take_seat(
        self: &Arc<Self>,
        channel: &str,
        id: ConnectionId,
    ) -> Result<Seat, JoinError> {
        self.take(channel, id, |seats| seats.place(channel, self.members_per_shard))
    }

    /// The same on a shard of one's choice.
    #[cfg(test)]
    pub(crate) fn take_seat_on(
        self: &Arc<Self>,
        shard: usize,
        channel: &str,
        id: ConnectionId,
    ) -> Result<Seat, JoinError> {
        self.take(channel, id, |_| shard)
    }

    fn take(
        self: &Arc<Self>,
        channel: &str,
        id: ConnectionId,
        place: impl FnOnce(&Seats) -> usize,
    ) -> Result<Seat, JoinError> {
        let directory = Arc::clone(self);
        if self.shards == 1 {
            // The shard knows all names itself.
            return Ok(Seat { directory, id, shard: 0, channel: None });
        }
        let mut seats = self.seats();
        if !seats.ids.insert(id) {
            return Err(JoinError::DuplicateConnectionId);
        }
        let shard = place(&seats);
        seats.take(channel, shard);
        Ok(Seat { directory, id, shard, channel: Some(channel.to_owned()) })
    }

    /// The other shards with members of a channel.
    pub(crate) fn others(&self, channel: &str, shard: usize) -> Vec<usize> {
        let seats = self.seats();
        let shards = seats.channels.get(channel).into_iter().flatten();
        shards.map(|(other, _)| *other).filter(|other| *other != shard).collect()
    }

    /// The number of the next track, in the order of arrival.
    pub(crate) fn next_arrival(&self) -> u64 {
        self.arrivals.fetch_add(1, Ordering::Relaxed)
    }

    /// Nothing of it is ever half done, so a panic of somebody who held it is nobody else's.
    fn seats(&self) -> MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seats {
    /// A channel begins on the shard with the fewest clients and goes on there. When each of its shards has so many of its members, it spreads to
    /// that one of the others which has the fewest clients, if these are fewer than on the busiest of its own; if not, the next member goes to
    /// the shard with the fewest of them.
    fn place(&self, channel: &str, members_per_shard: usize) -> usize {
        let Some(own) = self.channels.get(channel) else {
            return self.idlest(|_| true).unwrap_or(0);
        };
        if let Some((shard, _)) = own.iter().find(|(_, members)| *members < members_per_shard) {
            return *shard;
        }
        let is_own = |shard: usize| own.iter().any(|(own, _)| *own == shard);
        let busiest = own.iter().map(|(shard, _)| self.taken(*shard)).max().unwrap_or(0);
        let further =
            self.idlest(|shard| !is_own(shard)).filter(|shard| self.taken(*shard) < busiest);
        let fewest = own.iter().min_by_key(|(_, members)| *members).map_or(0, |(shard, _)| *shard);
        further.unwrap_or(fewest)
    }

    /// The shard with the fewest clients, the first of several.
    fn idlest(&self, of: impl Fn(usize) -> bool) -> Option<usize> {
        (0..self.taken.len()).filter(|shard| of(*shard)).min_by_key(|shard| self.taken(*shard))
    }

    fn taken(&self, shard: usize) -> usize {
        self.taken.get(shard).copied().unwrap_or(usize::MAX)
    }

    fn take(&mut self, channel: &str, shard: usize) {
        if let Some(taken) = self.taken.get_mut(shard) {
            *taken += 1;
        }
        let shards = match self.channels.get_mut(channel) {
            Some(shards) => shards,
            None => self.channels.entry(channel.to_owned()).or_default(),
        };
        match shards.iter_mut().find(|(other, _)| *other == shard) {
            Some((_, members)) => *members += 1,
            None => shards.push((shard, 1)),
        }
    }

    fn give_up(&mut self, channel: &str, shard: usize) {
        if let Some(taken) = self.taken.get_mut(shard) {
            *taken -= 1;
        }
        let Some(shards) = self.channels.get_mut(channel) else { return };
        if let Some((_, members)) = shards.iter_mut().find(|(other, _)| *other == shard) {
            *members -= 1;
        }
        shards.retain(|(_, members)| *members > 0);
        if shards.is_empty() {
            self.channels.remove(channel);
        }
    }
}

impl Seat {
    pub(crate) fn shard(&self) -> usize {
        self.shard
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(channel) = &self.channel {
            let mut seats = self.directory.seats();
            seats.ids.remove(&self.id);
            seats.give_up(channel, self.shard);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64) -> ConnectionId {
        let mut octets = [0; 16];
        octets[8..].copy_from_slice(&number.to_be_bytes());
        octets[..8].copy_from_slice(&number.to_be_bytes());
        ConnectionId::from_random(octets)
    }

    /// Clients that join one after the other: where they sit.
    fn seats(
        directory: &Arc<Directory>,
        channels: &[&str],
        numbers: std::ops::Range<u64>,
    ) -> Vec<Seat> {
        let names = channels.iter().cycle();
        numbers
            .zip(names)
            .map(|(number, name)| directory.take_seat(name, id(number)).unwrap())
            .collect()
    }

    fn shards(seats: &[Seat]) -> Vec<usize> {
        seats.iter().map(Seat::shard).collect()
    }

    #[test]
    fn a_channel_stays_on_its_shard_until_that_has_enough_of_it() {
        let directory = Arc::new(Directory::new(3, 4));
        let members = seats(&directory, &["a"], 0..14);
        assert_eq!(shards(&members), [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 0, 1]);
        assert_eq!(directory.others("a", 1), [0, 2]);
        assert_eq!(directory.others("b", 1).len(), 0);
    }

    #[test]
    fn channels_begin_where_the_fewest_clients_are() {
        let directory = Arc::new(Directory::new(3, 100));
        let crowd = seats(&directory, &["a"], 0..5);
        let members = seats(&directory, &["b", "c", "d"], 5..8);
        assert_eq!(shards(&crowd), [0; 5]);
        assert_eq!(shards(&members), [1, 2, 1]);
    }

    #[test]
    fn a_channel_does_not_spread_to_a_shard_that_is_busier_than_its_own() {
        let directory = Arc::new(Directory::new(2, 2));
        let small = seats(&directory, &["a"], 0..2);
        let crowd: Vec<Seat> =
            (20..30).map(|number| directory.take_seat_on(1, "b", id(number)).unwrap()).collect();
        let more = seats(&directory, &["a"], 2..12);
        assert_eq!((shards(&small), shards(&more[..8])), (vec![0; 2], vec![0; 8]));
        assert_eq!(shards(&more[8..]), [0, 1], "until it is as busy itself");
        drop(crowd);
    }

    #[test]
    fn who_has_left_does_not_count() {
        let directory = Arc::new(Directory::new(2, 2));
        let mut members = seats(&directory, &["a"], 0..4);
        assert_eq!(shards(&members), [0, 0, 1, 1]);
        members.drain(..2);
        assert_eq!(directory.others("a", 1).len(), 0);
        assert_eq!(
            shards(&seats(&directory, &["a"], 4..6)),
            [0, 0],
            "the other one has room again"
        );
        drop(members);
        let seats = directory.seats();
        assert!(seats.channels.is_empty() && seats.ids.is_empty());
        assert_eq!(seats.taken, [0, 0]);
    }

    #[test]
    fn a_name_is_used_once_on_all_shards() {
        let directory = Arc::new(Directory::new(2, 1));
        let first = directory.take_seat("a", id(1)).unwrap();
        assert_eq!(directory.take_seat("a", id(1)).unwrap_err(), JoinError::DuplicateConnectionId);
        assert_eq!(directory.take_seat("b", id(1)).unwrap_err(), JoinError::DuplicateConnectionId);
        drop(first);
        assert!(directory.take_seat("b", id(1)).is_ok());
    }

    #[test]
    fn one_shard_has_nothing_to_remember() {
        let directory = Arc::new(Directory::new(1, 1));
        let members = seats(&directory, &["a", "b"], 0..4);
        assert_eq!(shards(&members), [0; 4]);
        assert!(directory.seats().channels.is_empty() && directory.seats().ids.is_empty());
    }

    #[test]
    fn joins_that_race_find_one_home() {
        let directory = Arc::new(Directory::new(4, 100));
        let joins = (0..8_u64).map(|number| {
            let directory = Arc::clone(&directory);
            std::thread::spawn(move || directory.take_seat("a", id(number)).unwrap())
        });
        let threads: Vec<_> = joins.collect();
        let members: Vec<Seat> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert!(members.iter().all(|seat| seat.shard() == members[0].shard()));
    }
}
