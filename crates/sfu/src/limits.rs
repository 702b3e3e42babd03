//! Every limit of the data plane in one place (docs/architecture.md, rule 4).

use std::time::Duration;

/// An offer that is not answered by then ends its session.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// ICE and DTLS have to be done by then.
pub(crate) const SETUP_TIMEOUT: Duration = Duration::from_secs(15);
/// Members of one channel on one shard, before further ones go to another shard (`Config::channel_on_one_shard`).
pub(crate) const CHANNEL_ON_ONE_SHARD: usize = 500;
/// Octets of a channel's name.
pub(crate) const CHANNEL_NAME: usize = 255;
/// After so much silence of an SSRC, one that it had replaced may take its place again.
pub(crate) const SOURCE_SILENCE: Duration = Duration::from_secs(1);
/// SSRCs that one client may send from.
pub(crate) const INCOMING_SSRCS: usize = 64;
/// RTCP packets a client may send per second.
pub(crate) const RTCP_PER_SECOND: u32 = 200;
/// Datagrams longer than this are dropped unread.
pub(crate) const DATAGRAM: usize = 1_500;
/// Packets of one video publication that are kept for retransmission: 2.8 s at 180 packets per second. A power of two.
pub(crate) const VIDEO_CACHE: usize = 512;
/// The same for audio: 1.3 s at 50 packets per second.
pub(crate) const AUDIO_CACHE: usize = 64;
/// Packets that one client may have waiting for their release.
pub(crate) const HELD: usize = 256;
/// A packet that waited this long is of no use to the receiver any more.
pub(crate) const HELD_AGE: Duration = Duration::from_millis(500);
/// Sender and receiver reports go out this often (RFC 3550 §6.2 with the reduced minimum of a point-to-point session).
pub(crate) const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// Transport-wide feedback and NACKs of a publisher are looked after this often while media arrives.
pub(crate) const FEEDBACK_INTERVAL: Duration = Duration::from_millis(50);
/// Looked after this often while packets are missing.
pub(crate) const NACK_INTERVAL: Duration = Duration::from_millis(10);
/// Places of a ring from one shard to another: messages that may wait to be read, media among them; fewer where there are many shards.
pub(crate) const RING_PLACES: usize = 4_096;
/// Messages beyond those that may not be lost. A shard that leaves so many unread has stopped.
pub(crate) const WAITING_MESSAGES: usize = 65_536;
/// Paths that a shard remembers as another shard's.
pub(crate) const FOREIGN_PATHS: usize = 65_536;
/// While a socket takes no more, video waits this long for it.
pub(crate) const WAITING_VIDEO: Duration = Duration::from_millis(100);
/// Datagrams of DTLS handshakes that are looked at per turn. Each may cost 100 to 200 µs.
pub(crate) const HANDSHAKES_PER_TURN: usize = 4;
/// And where turns take long: one for each of these.
pub(crate) const HANDSHAKE_INTERVAL: Duration = Duration::from_micros(500);
/// But no more than that.
pub(crate) const HANDSHAKES_PER_LONG_TURN: usize = 16;
/// Datagrams of DTLS handshakes that may wait for their turn: all flights of 500 clients that join at once.
pub(crate) const HANDSHAKES_WAITING: usize = 4_096;
/// And those of one client: a flight with a long certificate chain in small fragments, twice.
pub(crate) const HANDSHAKES_PER_CLIENT: usize = 16;
/// The largest RTCP compound packet that is written, before SRTCP adds to it.
pub(crate) const RTCP_COMPOUND: usize = 1_150;
