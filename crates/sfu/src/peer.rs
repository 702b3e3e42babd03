//! One client: its transport, what was negotiated with it, what it sends and what it gets.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rand_chacha::ChaCha12Rng;
use tokio::sync::mpsc;
use tsubame_stun::ice::Path;

use crate::api::{CloseReason, Event, Role};
use crate::id::ConnectionId;
use crate::keys::{ChannelKey, PublicationKey, SubscriptionKey};
use crate::limits;
use crate::media::sender_report::SenderClock;
use crate::media::{SentHistory, TransportCcRecorder};
use crate::negotiate::{Negotiator, OwnSection};
use crate::transport::Transport;

/// What an incoming SSRC carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stream {
    pub(crate) ssrc: u32,
    pub(crate) publication: PublicationKey,
    pub(crate) is_rtx: bool,
}

/// A packet that may not leave yet, as a reference: its octets stay in the publication's cache, its transport-wide number is given and it is
/// encrypted only when it is released.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub(crate) subscription: SubscriptionKey,
    /// In the publication's cache.
    pub(crate) source: u64,
    /// The sequence number that the subscriber knows it by.
    pub(crate) sequence_number: u16,
    /// To be added to the packet's own timestamp.
    pub(crate) timestamp_offset: u32,
    pub(crate) since: Instant,
}

/// Where the exchange of offers and answers stands. One offer at a time; what changes meanwhile goes into the next.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Negotiation {
    /// Until when the outstanding offer has to be answered.
    pub(crate) answer_due: Option<Instant>,
    /// Something changed since the last offer.
    pub(crate) changed: bool,
    /// The first answer has been accepted.
    pub(crate) established: bool,
}

/// A refill-per-second allowance.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowance {
    per_second: u32,
    left: u32,
    second: Instant,
}

impl Allowance {
    pub(crate) fn new(now: Instant, per_second: u32) -> Self {
        Self { per_second, left: per_second, second: now }
    }

    /// Takes one, if there is one left of this second's.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        if now.saturating_duration_since(self.second) >= Duration::from_secs(1) {
            self.second = now;
            self.left = self.per_second;
        }
        let allowed = self.left > 0;
        self.left = self.left.saturating_sub(1);
        allowed
    }
}

pub(crate) struct Peer {
    pub(crate) id: ConnectionId,
    pub(crate) channel: ChannelKey,
    pub(crate) role: Role,
    pub(crate) bundle_id: Option<String>,
    pub(crate) wants_audio: bool,
    pub(crate) wants_video: bool,
    pub(crate) events: mpsc::Sender<Event>,
    pub(crate) transport: Transport,
    /// Of its own, so that nothing of what it is sent depends on who else is there.
    pub(crate) random: ChaCha12Rng,
    pub(crate) negotiator: Negotiator,
    pub(crate) negotiation: Negotiation,
    /// What the client sends, as its last answer says.
    pub(crate) own_sections: Vec<OwnSection>,
    /// Gone once the transport is connected.
    pub(crate) setup_due: Option<Instant>,
    /// The paths that lead here in the demultiplexer, and the shard that handed over what came on them, if it was not ours.
    pub(crate) paths: Vec<(Path, Option<usize>)>,
    /// The SSRC of what we say about the client's media.
    pub(crate) feedback_ssrc: u32,
    /// The next SSRC to give out. Never one twice within a session.
    pub(crate) next_ssrc: u32,
    /// How many were put to use: the protector takes so many under one key and never forgets one.
    pub(crate) used_ssrcs: usize,
    pub(crate) streams: Vec<Stream>,
    pub(crate) publications: Vec<PublicationKey>,
    pub(crate) subscriptions: Vec<SubscriptionKey>,
    /// There are tracks that it would get if it had a section left for them.
    pub(crate) lacks_sections: bool,
    pub(crate) rtcp_allowance: Allowance,
    pub(crate) clock: SenderClock,
    pub(crate) arrivals: TransportCcRecorder,
    /// When transport-wide feedback may go out again.
    pub(crate) arrivals_due: Instant,
    pub(crate) sent: SentHistory,
    pub(crate) held: VecDeque<Held>,
    pub(crate) round_trip: Option<Duration>,
    /// When feedback on the client's own media is due.
    pub(crate) feedback_due: Option<Instant>,
    /// When reports are due.
    pub(crate) report_due: Option<Instant>,
    /// Its datagrams that wait in `shard::handshakes`.
    pub(crate) handshakes_waiting: usize,
    /// Waits to be settled in this turn.
    pub(crate) touched: bool,
    /// What the timer heap was told.
    pub(crate) armed: Option<Instant>,
    /// Set when the session is over; the shard takes it out at the end of the turn.
    pub(crate) closed: Option<CloseReason>,
}

impl Peer {
    pub(crate) fn stream(&self, ssrc: u32) -> Option<Stream> {
        self.streams.iter().find(|stream| stream.ssrc == ssrc).copied()
    }

    /// Remembers what an SSRC carries, unless the client has used up its SSRCs.
    pub(crate) fn add_stream(&mut self, stream: Stream) -> bool {
        let added = self.streams.len() < limits::INCOMING_SSRCS;
        if added {
            self.streams.push(stream);
        }
        added
    }

    pub(crate) fn allocate_ssrc(&mut self) -> u32 {
        let ssrc = self.next_ssrc;
        self.next_ssrc = self.next_ssrc.wrapping_add(1);
        ssrc
    }

    /// Ends the session at the end of this turn. The first reason stands.
    pub(crate) fn close(&mut self, reason: CloseReason) {
        self.closed.get_or_insert(reason);
    }

    /// Tells the session's owner. One that does not read is cut off: what it misses cannot be made good.
    pub(crate) fn tell(&mut self, event: Event) {
        if self.events.try_send(event).is_err() {
            self.close(CloseReason::EventsOverflowed);
        }
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        [
            self.transport.poll_timeout(),
            self.negotiation.answer_due,
            self.setup_due,
            self.feedback_due,
            self.report_due,
        ]
        .into_iter()
        .flatten()
        .min()
    }
}
