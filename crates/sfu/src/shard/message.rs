//! What one shard has to say to another. The ring that carries it knows who says it.

use tsubame_stun::ice::Path;

/// Messages with octets are media: they are lost where a ring is full, as datagrams may be lost. Their memory is the ring's, and goes back to it.
#[derive(Debug)]
pub(crate) enum ShardMessage {
    /// A datagram that landed here and is yours.
    Datagram { path: Path, octets: Vec<u8> },
    /// What comes on this path is mine.
    Claim { path: Path },
    /// And now it is no longer.
    Release { path: Path },
}
