//! Who is in which channel, and who gets whose tracks.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use rand_chacha::ChaCha12Rng;
use rand_core::{Rng, SeedableRng};
use tokio::sync::mpsc;
use tsubame_rtp::{Codec, MediaKind};
use tsubame_srtp::MAX_OUTGOING_SSRCS;
use tsubame_stun::ice::Credentials;

use super::{Shard, demux};
use crate::api::{CloseReason, Event, Join, JoinError, Joined};
use crate::channel::Channel;
use crate::crossing::{Home, TrackId};
use crate::id::ConnectionId;
use crate::keys::{ChannelKey, PeerKey, PublicationKey, SubscriptionKey};
use crate::limits;
use crate::media::sender_report::SenderClock;
use crate::media::{KeyframeBudget, NackResponder, SentHistory, SequenceMap, TransportCcRecorder};
use crate::negotiate::{ExtensionSet, Negotiator, RemoteTrack};
use crate::peer::{Allowance, Negotiation, Peer};
use crate::publication::{Identity, Publication, PublisherFeedback};
use crate::subscription::{State, Subscription};
use crate::transport::Transport;

impl Shard {
    pub(super) fn join(
        &mut self,
        now: Instant,
        join: Join,
        events: mpsc::Sender<Event>,
    ) -> Result<Joined, JoinError> {
        self.may_join(&join)?;
        let channel = self.channel(&join.channel);
        let key = PeerKey(self.peers.vacant_key());
        let peer = self.new_peer(now, channel, &join, events);
        for ufrag in peer.transport.local_ufrags() {
            self.demux.add_ufrag(ufrag, key);
        }
        self.ids.insert(peer.id, key);
        self.peers.insert(peer);
        let publications = match self.channels.get_mut(channel.0) {
            Some(channel) => {
                channel.members.push(key);
                channel.publications.clone()
            }
            None => Vec::new(),
        };
        for publication in publications {
            self.subscribe(key, publication);
        }
        self.attend(channel);
        self.touch(key);
        Ok(self.first_offer(now, key))
    }

    fn may_join(&self, join: &Join) -> Result<(), JoinError> {
        if self.shutting_down {
            return Err(JoinError::ShuttingDown);
        }
        if join.channel.is_empty() || join.channel.len() > limits::CHANNEL_NAME {
            return Err(JoinError::InvalidChannel);
        }
        if self.ids.contains_key(&join.connection_id) {
            return Err(JoinError::DuplicateConnectionId);
        }
        self.shared.census.enter(self.shared.max_connections)
    }

    /// The channel of that name, made if there is none.
    fn channel(&mut self, name: &str) -> ChannelKey {
        if let Some(key) = self.channel_names.get(name) {
            return *key;
        }
        self.epochs += 1;
        let key = ChannelKey(self.channels.insert(Channel::new(name.to_owned(), self.epochs)));
        self.channel_names.insert(name.to_owned(), key);
        key
    }

    fn new_peer(
        &mut self,
        now: Instant,
        channel: ChannelKey,
        join: &Join,
        events: mpsc::Sender<Event>,
    ) -> Peer {
        let mut credentials = Credentials::from_random(self.random_bytes());
        credentials.ufrag = demux::mark_ufrag(self.index, &credentials.ufrag);
        let negotiator = Negotiator::new(
            join,
            &credentials,
            self.shared.dtls.identity.fingerprint(),
            self.shared.candidates.get(self.index).map_or(&[], Vec::as_slice),
            self.random.next_u64() >> 2,
        );
        let transport =
            Transport::new(now, credentials, Arc::clone(&self.shared.dtls), self.random_bytes());
        let feedback_ssrc = self.random.next_u32().max(1);
        Peer {
            id: join.connection_id,
            channel,
            role: join.role,
            bundle_id: join.bundle_id.clone(),
            wants_audio: join.audio.is_some(),
            wants_video: join.video.is_some(),
            events,
            transport,
            random: ChaCha12Rng::from_seed(self.random_bytes()),
            negotiator,
            negotiation: Negotiation::default(),
            own_sections: Vec::new(),
            setup_due: Some(now + limits::SETUP_TIMEOUT),
            paths: Vec::new(),
            feedback_ssrc,
            next_ssrc: feedback_ssrc.wrapping_add(1),
            used_ssrcs: 0,
            streams: Vec::new(),
            publications: Vec::new(),
            subscriptions: Vec::new(),
            lacks_sections: false,
            rtcp_allowance: Allowance::new(now, limits::RTCP_PER_SECOND),
            clock: SenderClock::default(),
            arrivals: TransportCcRecorder::new(),
            arrivals_due: now,
            sent: SentHistory::new(),
            held: VecDeque::new(),
            round_trip: None,
            handshakes_waiting: 0,
            feedback_due: None,
            report_due: None,
            touched: false,
            armed: None,
            closed: None,
        }
    }

    /// Ends a session at its owner's wish: nobody has to be told why.
    pub(super) fn leave(&mut self, id: ConnectionId) {
        if let Some(key) = self.ids.get(&id).copied()
            && let Some(peer) = self.peers.get_mut(key.0)
        {
            peer.close(CloseReason::PeerClosed);
            self.touch(key);
        }
    }

    /// Takes a client out of everything it is in.
    pub(super) fn remove(&mut self, key: PeerKey, reason: Option<CloseReason>) {
        let Some(peer) = self.peers.try_remove(key.0) else { return };
        tracing::debug!(
            connection = %peer.id,
            ?reason,
            delivery = ?peer.sent.delivery(),
            "session ended"
        );
        self.ids.remove(&peer.id);
        for ufrag in peer.transport.local_ufrags() {
            self.demux.remove_ufrag(ufrag);
        }
        for (path, via) in &peer.paths {
            self.give_up_path(key, *path, *via);
        }
        if peer.setup_due.is_some() {
            self.shared.census.set_up();
        }
        self.shared.census.leave();
        for publication in &peer.publications {
            self.unpublish(*publication);
        }
        for subscription in &peer.subscriptions {
            self.forget_subscription(*subscription);
        }
        self.leave_channel(key, peer.channel);
        if let Some(reason) = reason {
            // Full or closed: then nobody is listening, which is all the same now.
            let _ = peer.events.try_send(Event::Closed(reason));
        }
    }

    fn leave_channel(&mut self, key: PeerKey, channel_key: ChannelKey) {
        let Some(channel) = self.channels.get_mut(channel_key.0) else { return };
        channel.members.retain(|member| *member != key);
        if channel.is_empty() {
            self.depart(channel_key);
            let channel = self.channels.remove(channel_key.0);
            self.channel_names.remove(&channel.name);
        }
    }

    /// Adds a track of `owner` to its channel and offers it to everybody who may have it.
    pub(super) fn publish(
        &mut self,
        owner: PeerKey,
        codec: Codec,
        mid: &str,
        feedback: PublisherFeedback,
    ) -> Option<PublicationKey> {
        let peer = self.peers.get_mut(owner.0)?;
        let channel_key = peer.channel;
        let key = PublicationKey(self.publications.vacant_key());
        peer.publications.push(key);
        let identity = Identity {
            key,
            home: Home::Here(owner),
            track: TrackId { key, arrival: self.shared.directory.next_arrival() },
            owner_id: peer.id,
            bundle_id: peer.bundle_id.clone(),
            channel: channel_key,
            codec,
        };
        self.publications.insert(Publication::new(identity, mid.to_owned(), feedback));
        self.announce(key);
        let channel = self.channels.get_mut(channel_key.0)?;
        channel.publications.push(key);
        for member in channel.members.clone() {
            self.subscribe(member, key);
        }
        Some(key)
    }

    /// Takes a track out of its channel and away from its subscribers.
    pub(super) fn unpublish(&mut self, key: PublicationKey) {
        let Some(publication) = self.publications.try_remove(key.0) else { return };
        if let Some(channel) = self.channels.get_mut(publication.channel.0) {
            channel.publications.retain(|other| *other != key);
        }
        self.batched.retain(|other| *other != key);
        self.end_elsewhere(&publication);
        if let Some(owner) = publication.owner().and_then(|owner| self.peers.get_mut(owner.0)) {
            owner.streams.retain(|stream| stream.publication != key);
            owner.publications.retain(|other| *other != key);
        }
        for subscription_key in publication.subscribers {
            let Some(subscription) = self.subscriptions.try_remove(subscription_key.0) else {
                continue;
            };
            let Some(peer) = self.peers.get_mut(subscription.peer.0) else { continue };
            peer.subscriptions.retain(|other| *other != subscription_key);
            peer.held.retain(|held| held.subscription != subscription_key);
            peer.negotiator.remove_track(subscription.slot);
            peer.negotiation.changed = true;
            self.touch(subscription.peer);
        }
    }

    /// Gives a client a track, if it may and wants to have it. It is offered when the turn is settled.
    pub(super) fn subscribe(&mut self, key: PeerKey, publication_key: PublicationKey) {
        let Some(publication) = self.publications.get_mut(publication_key.0) else { return };
        let Some(peer) = self.peers.get_mut(key.0) else { return };
        let kind = publication.kind();
        let wanted = match kind {
            MediaKind::Audio => peer.wants_audio,
            MediaKind::Video => peer.wants_video,
        };
        let same_bundle = peer.bundle_id.is_some() && peer.bundle_id == publication.bundle_id;
        if publication.owner() == Some(key) || !peer.role.receives() || !wanted || same_bundle {
            return;
        }
        let ssrc = peer.allocate_ssrc();
        let rtx_offered = (kind == MediaKind::Video).then(|| peer.allocate_ssrc());
        let track = RemoteTrack {
            publisher: publication.owner_id,
            codec: publication.codec,
            ssrc,
            rtx_ssrc: rtx_offered,
        };
        let Some(slot) = peer.negotiator.add_track(track) else {
            tracing::debug!(connection = %peer.id, "no section left for a track");
            peer.lacks_sections = true;
            return;
        };
        peer.used_ssrcs += 1 + usize::from(rtx_offered.is_some());
        if peer.used_ssrcs > MAX_OUTGOING_SSRCS {
            peer.close(CloseReason::SsrcsExhausted);
            return self.touch(key);
        }
        let first_sequence_number = u64::from(peer.random.next_u32() & 0x7fff);
        let rtx_sequence_number = u64::from(peer.random.next_u32() & 0x7fff);
        let first_timestamp = peer.random.next_u32();
        let subscription = Subscription {
            peer: key,
            publication: publication_key,
            kind,
            slot,
            mid: String::new(),
            state: State::Offered,
            extensions: ExtensionSet::default(),
            ssrc,
            rtx_ssrc: None,
            rtx_offered,
            rtx_sequence_number,
            sequence: SequenceMap::new(
                kind,
                publication.codec.clock_rate(),
                first_sequence_number,
                first_timestamp,
            ),
            awaiting_keyframe: kind == MediaKind::Video,
            retransmissions: NackResponder::new(),
            keyframe_budget: KeyframeBudget::new(),
            packets: 0,
            octets: 0,
        };
        let subscription_key = SubscriptionKey(self.subscriptions.insert(subscription));
        peer.subscriptions.push(subscription_key);
        publication.subscribers.push(subscription_key);
        let is_first = publication.subscribers.len() == 1;
        peer.negotiation.changed = true;
        if is_first {
            self.watch(publication_key);
        }
        self.touch(key);
    }

    /// Sections may have become free: gives the client the tracks that had to wait for one, in the order of their arrival.
    pub(super) fn subscribe_to_the_rest(&mut self, key: PeerKey) {
        let Some(peer) = self.peers.get_mut(key.0) else { return };
        if !std::mem::take(&mut peer.lacks_sections) {
            return;
        }
        let has: Vec<PublicationKey> = peer
            .subscriptions
            .iter()
            .filter_map(|key| Some(self.subscriptions.get(key.0)?.publication))
            .collect();
        let Some(channel) = self.channels.get(peer.channel.0) else { return };
        for publication in channel.publications.clone() {
            if !has.contains(&publication) {
                self.subscribe(key, publication);
            }
        }
    }

    /// Takes a subscription away from its publication; its client is gone.
    fn forget_subscription(&mut self, key: SubscriptionKey) {
        let Some(subscription) = self.subscriptions.try_remove(key.0) else { return };
        if let Some(publication) = self.publications.get_mut(subscription.publication.0) {
            publication.subscribers.retain(|other| *other != key);
            publication.reports.forget(key);
            if publication.subscribers.is_empty() {
                self.unwatch(subscription.publication);
            }
        }
    }
}
