//! What one shard has to say to another. The ring that carries it knows who says it.

use tsubame_stun::ice::Path;

use crate::crossing::{Announcement, TrackId, TrackMessage};

/// Messages with octets are media: they are lost where a ring is full, as datagrams may be lost. Their memory is the ring's, and goes back to it.
#[derive(Debug)]
pub(crate) enum ShardMessage {
    /// A datagram that landed here and is yours.
    Datagram { path: Path, octets: Vec<u8> },
    /// What comes on this path is mine.
    Claim { path: Path },
    /// And now it is no longer.
    Release { path: Path },
    /// There are members of this channel here: tell me its tracks. An answer wants none itself.
    Attend { channel: String, epoch: u64, is_answer: bool },
    /// There are none any more.
    Depart { channel: String },
    /// A track of a channel that you attend.
    Announce(Box<Announcement>),
    /// About a track that was announced.
    Track(TrackId, TrackMessage),
}

// It lies in the rings as it is.
const _: () = assert!(size_of::<ShardMessage>() <= 128);
