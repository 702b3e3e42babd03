//! The rings to and from all the other shards.

use super::message::ShardMessage;
use super::ring::{self, Receiver, Sender};

/// Places of all rings that lead to one shard, all together, where there are many shards; each has [`FEWEST`] to [`MOST`].
const PLACES: usize = 16_384;
const FEWEST: usize = 512;
const MOST: usize = crate::limits::RING_PLACES;

/// A shard's ends of its rings. A shard that is alone has none, and pays nothing.
#[derive(Default)]
pub(crate) struct Neighbours {
    /// By shard. A ring to oneself is never used, and has one place.
    links: Vec<(Sender, Receiver)>,
    /// Who is heard next.
    turn: usize,
}

impl Neighbours {
    /// The ends of so many shards, each connected to each.
    pub(crate) fn connect(shards: usize) -> Vec<Self> {
        Self::connect_with(shards, (PLACES / shards.max(1)).clamp(FEWEST, MOST))
    }

    /// The same with rings of so many places.
    pub(crate) fn connect_with(shards: usize, places: usize) -> Vec<Self> {
        if shards < 2 {
            return (0..shards).map(|_| Self::default()).collect();
        }
        let mut senders: Vec<Vec<Sender>> = (0..shards).map(|_| Vec::new()).collect();
        let mut receivers: Vec<Vec<Receiver>> = (0..shards).map(|_| Vec::new()).collect();
        for (from, senders) in senders.iter_mut().enumerate() {
            for (to, receivers) in receivers.iter_mut().enumerate() {
                let (sender, receiver) = ring::ring(if from == to { 1 } else { places });
                senders.push(sender);
                receivers.push(receiver);
            }
        }
        let ends = senders.into_iter().zip(receivers);
        ends.map(|(senders, receivers)| Self {
            links: senders.into_iter().zip(receivers).collect(),
            turn: 0,
        })
        .collect()
    }

    /// See [`Sender::send`].
    pub(crate) fn send(&mut self, to: usize, message: ShardMessage) -> bool {
        self.links.get_mut(to).is_some_and(|(sender, _)| sender.send(message))
    }

    /// See [`Sender::try_send`].
    pub(crate) fn try_send(&mut self, to: usize, message: ShardMessage) -> bool {
        self.links.get_mut(to).is_some_and(|(sender, _)| sender.try_send(message))
    }

    /// See [`Sender::try_send_octets`].
    pub(crate) fn try_send_octets(
        &mut self,
        to: usize,
        octets: &[u8],
        message: impl FnOnce(Vec<u8>) -> ShardMessage,
    ) -> bool {
        let Some((sender, _)) = self.links.get_mut(to) else { return false };
        sender.try_send_octets(octets, message)
    }

    /// The next message and who sent it. The neighbours take turns, so that none of them keeps the others waiting.
    pub(crate) fn receive(&mut self) -> Option<(usize, ShardMessage)> {
        for _ in 0..self.links.len() {
            let from = self.turn;
            self.turn = (self.turn + 1) % self.links.len();
            if let Some(message) = self.links.get_mut(from)?.1.receive() {
                return Some((from, message));
            }
        }
        None
    }

    /// Returns the memory of a message that came from there.
    pub(crate) fn give_back(&mut self, from: usize, octets: Vec<u8>) {
        if let Some((_, receiver)) = self.links.get_mut(from) {
            receiver.give_back(octets);
        }
    }

    /// Whether there is a message to read.
    pub(crate) fn has_received(&self) -> bool {
        self.links.iter().any(|(_, receiver)| !receiver.is_empty())
    }

    /// Tries again to send what had to wait. Whether something still does.
    pub(crate) fn retry(&mut self) -> bool {
        self.links.iter_mut().fold(false, |waits, (sender, _)| sender.retry() | waits)
    }

    /// Those who have something to read that they were not told of yet.
    pub(crate) fn take_unannounced(&mut self) -> impl Iterator<Item = usize> {
        let links = self.links.iter_mut().enumerate();
        links.filter_map(|(to, (sender, _))| sender.take_unannounced().then_some(to))
    }
}

#[cfg(test)]
mod tests {
    use tsubame_stun::ice::Path;

    use super::*;

    fn claim() -> ShardMessage {
        let path = Path::udp(([127, 0, 0, 1], 1).into(), ([127, 0, 0, 1], 2).into());
        ShardMessage::Claim { path }
    }

    #[test]
    fn everybody_is_connected_to_everybody_else() {
        let mut all = Neighbours::connect(4);
        for from in 0..4 {
            for to in (0..4).filter(|to| *to != from) {
                assert!(all[from].try_send(to, claim()));
                assert!(all[to].has_received());
                assert_eq!(all[to].receive().map(|(from, _)| from), Some(from));
                assert!(!all[to].has_received());
            }
            assert_eq!(all[from].take_unannounced().count(), 3);
            assert_eq!(all[from].take_unannounced().count(), 0);
            assert!(!all[from].try_send(4, claim()), "there is no such shard");
        }
    }

    #[test]
    fn a_neighbour_that_says_much_does_not_keep_others_waiting() {
        let mut all = Neighbours::connect(3);
        for _ in 0..5 {
            assert!(all[1].try_send(0, claim()));
        }
        assert!(all[2].try_send(0, claim()));
        let heard: Vec<usize> =
            std::iter::from_fn(|| all[0].receive()).map(|(from, _)| from).collect();
        assert_eq!(heard, [1, 2, 1, 1, 1, 1]);
    }

    #[test]
    fn one_shard_has_no_rings() {
        let [mut alone] = Neighbours::connect(1).try_into().ok().unwrap();
        assert!(!alone.has_received() && alone.receive().is_none() && !alone.retry());
        assert!(!alone.send(0, claim()));
    }
}
