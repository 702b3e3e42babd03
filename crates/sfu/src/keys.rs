//! Keys of the shard's tables: each names an entry of one slab, and only of that one.

macro_rules! key {
    ($name:ident, $what:literal) => {
        #[doc = $what]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) struct $name(pub(crate) usize);
    };
}

key!(PeerKey, "A client.");
key!(ChannelKey, "A channel.");
key!(PublicationKey, "A published track.");
key!(SubscriptionKey, "One client's view of a published track.");
