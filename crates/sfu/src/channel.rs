//! A channel: who is in it and what they publish.

use crate::keys::{PeerKey, PublicationKey};

/// Both lists are in the order of arrival, which is the order in which tracks are offered.
#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) name: String,
    pub(crate) members: Vec<PeerKey>,
    pub(crate) publications: Vec<PublicationKey>,
}

impl Channel {
    pub(crate) fn new(name: String) -> Self {
        Self { name, members: Vec::new(), publications: Vec::new() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}
