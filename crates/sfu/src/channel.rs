//! A channel: who is in it and what they publish.

use crate::crossing::Link;
use crate::keys::{PeerKey, PublicationKey};

/// Members and publications are in the order of arrival, which is the order in which tracks are offered.
#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) name: String,
    pub(crate) members: Vec<PeerKey>,
    pub(crate) publications: Vec<PublicationKey>,
    /// This shard's stay in the channel: another number each time it has members again.
    pub(crate) epoch: u64,
    /// Other shards with members.
    pub(crate) links: Vec<Link>,
    /// Shards that were told that this one has members, and are to be told when it has none.
    pub(crate) told: Vec<usize>,
}

impl Channel {
    pub(crate) fn new(name: String, epoch: u64) -> Self {
        Self {
            name,
            members: Vec::new(),
            publications: Vec::new(),
            epoch,
            links: Vec::new(),
            told: Vec::new(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}
