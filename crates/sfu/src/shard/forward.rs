//! Packets to subscribers. Subscriber-major: all of a batch for one subscriber, then the next, so that what goes to one destination forms a run.

use std::time::Instant;

use slab::Slab;
use tsubame_rtp as rtp;
use tsubame_rtp::extension::abs_send_time;
use tsubame_srtp::Protector;
use tsubame_stun::ice::Path;
use tsubame_udp::{Priority, prefetch};

use super::Shard;
use super::header::{HEADER, Stamps, write_header};
use super::template::Template;
use crate::counters::Counters;
use crate::keys::{PeerKey, PublicationKey, SubscriptionKey};
use crate::limits;
use crate::media::{NtpClock, PacketCache, SentHistory};
use crate::negotiate::table::{self, extension_id};
use crate::peer::{Held, Peer};
use crate::publication::Incoming;
use crate::sink::Sink;
use crate::subscription::Subscription;

/// The most that SRTP adds to a packet.
const SRTP_OVERHEAD: usize = 20;

/// Where a subscriber's packets go and what they are sealed with.
struct Outlet<'a> {
    now: Instant,
    clock: &'a NtpClock,
    path: Path,
    protector: &'a mut Protector,
    sent: &'a mut SentHistory,
    counters: &'a mut Counters,
}

impl Shard {
    pub(super) fn forward_batches(&mut self, now: Instant, sink: &mut impl Sink) {
        // One by one and off the list first: a panic in one batch must not lose the others.
        for _ in 0..self.batched.len() {
            let Some(key) = self.batched.pop_front() else { break };
            if self.is_to_be_held(now, key) {
                self.batched.push_back(key);
            } else {
                self.count_coalescing(now, key);
                self.forward_batch(now, key, sink);
            }
        }
        self.must_forward = false;
    }

    fn forward_batch(&mut self, now: Instant, key: PublicationKey, sink: &mut impl Sink) {
        let Some(publication) = self.publications.get(key.0) else { return };
        // Nobody's, for a replica: least of all that of whoever came before.
        self.current = publication.owner();
        if self.current.is_some_and(|owner| self.is_over(owner)) {
            return;
        }
        #[cfg(test)]
        if let Some(owner) = self.current {
            self.spring(super::Trap::Forward, owner);
        }
        let Some(publication) = self.publications.get_mut(key.0) else { return };
        // Recovered packets come late: in order they make longer runs and fewer surprises. No two have one number.
        publication.batch.sort_unstable_by_key(|incoming| incoming.sequence_number);
        let highest = publication.batch.last().map_or(0, |incoming| incoming.sequence_number);
        publication.forwarded = publication.forwarded.max(highest);
        let mut is_awaited = false;
        self.templates.begin();
        for (place, subscription_key) in publication.subscribers.iter().enumerate() {
            let ahead = publication.subscribers.get(place + 1..).unwrap_or_default();
            prefetch_subscribers(&self.subscriptions, &self.peers, ahead);
            let Some(subscription) = self.subscriptions.get_mut(subscription_key.0) else {
                continue;
            };
            if !subscription.is_forwarding() {
                continue;
            }
            let Some(peer) = self.peers.get_mut(subscription.peer.0) else { continue };
            if peer.closed.is_some() {
                continue;
            }
            let Some((path, protector)) = peer.transport.sender() else { continue };
            let mut outlet = Outlet {
                now,
                clock: &self.clock,
                path,
                protector,
                sent: &mut peer.sent,
                counters: &mut self.counters,
            };
            // What goes wrong from here on is this subscriber's.
            self.current = Some(subscription.peer);
            let abs_send_time = || abs_send_time_at(&self.clock, now);
            let templates = self.templates.of(subscription, publication, abs_send_time);
            for (incoming, template) in publication.batch.iter().zip(templates) {
                outlet.forward(subscription, &publication.cache, incoming, template, sink);
            }
            is_awaited |= subscription.awaiting_keyframe;
        }
        publication.batch.clear();
        // Those who still wait are heard at the gate's pace, whatever they say themselves.
        if is_awaited {
            self.ask_for_keyframe(now, key);
        }
    }

    /// Lets packets leave that had to wait, as far as the subscriber's allowance goes.
    pub(super) fn release_held(&mut self, now: Instant, key: PeerKey, sink: &mut impl Sink) {
        let Some(peer) = self.peers.get_mut(key.0) else { return };
        // Each is looked at once. A track without allowance keeps its own waiting, not those of the others.
        for _ in 0..peer.held.len() {
            let Some(held) = peer.held.pop_front() else { break };
            let expired = now.saturating_duration_since(held.since) > limits::HELD_AGE;
            let Some(subscription) = self.subscriptions.get_mut(held.subscription.0) else {
                continue;
            };
            let Some(publication) = self.publications.get_mut(subscription.publication.0) else {
                continue;
            };
            let Some(cached) = publication.cache.get(held.source).filter(|_| !expired) else {
                continue;
            };
            if !subscription.retransmissions.may_release(cached.bytes.len()) {
                peer.held.push_back(held);
                continue;
            }
            let Some((path, protector)) = peer.transport.sender() else { break };
            let mut outlet = Outlet {
                now,
                clock: &self.clock,
                path,
                protector,
                sent: &mut peer.sent,
                counters: &mut self.counters,
            };
            outlet.retransmit(subscription, &held, cached.bytes, publication.codec, sink);
        }
        if !peer.held.is_empty() {
            let at = now + limits::NACK_INTERVAL;
            if peer.feedback_due.is_none_or(|due| due > at) {
                peer.feedback_due = Some(at);
            }
        }
    }

    /// A subscriber asked again for packets. Each waits as a reference until its allowance lets it go.
    pub(super) fn hold_retransmissions(
        &mut self,
        now: Instant,
        key: SubscriptionKey,
        lost: impl Iterator<Item = u16>,
    ) {
        let Some(subscription) = self.subscriptions.get_mut(key.0) else { return };
        // Without RTX the same index would have to carry other bytes: such a subscriber gets a keyframe instead.
        if subscription.rtx_ssrc.is_none() {
            return self.request_keyframe(now, key);
        }
        let Some(peer) = self.peers.get_mut(subscription.peer.0) else { return };
        // More at a time than may wait are not looked at.
        for number in lost.take(limits::HELD) {
            let Some(origin) = subscription.sequence.source_of(number) else { continue };
            if peer.held.len() >= limits::HELD
                || !subscription.retransmissions.may_resend(now, number, peer.round_trip)
            {
                continue;
            }
            peer.held.push_back(Held {
                subscription: key,
                source: origin.sequence_number,
                sequence_number: number,
                timestamp_offset: origin.timestamp_offset,
                since: now,
            });
        }
        let peer = subscription.peer;
        self.touch(peer);
    }
}

/// Has what the next subscribers need fetched into the caches, while one is being encrypted for. Of hundreds of subscribers nothing is in there any
/// more since the batch before, and each piece is found by way of another: so from step to step, one subscriber further on each.
fn prefetch_subscribers(
    subscriptions: &Slab<Subscription>,
    peers: &Slab<Peer>,
    ahead: &[SubscriptionKey],
) {
    let subscription = |place: usize| subscriptions.get(ahead.get(place)?.0);
    let peer = |place: usize| peers.get(subscription(place)?.peer.0);
    if let Some(third) = subscription(2) {
        prefetch(third);
    }
    if let Some(second) = subscription(1) {
        prefetch(second.mid.as_bytes());
        second.sequence.prefetch();
    }
    if let Some(second) = peer(1) {
        prefetch(&second.closed);
        prefetch(&second.sent);
        second.transport.prefetch_sender();
    }
    if let Some(first) = peer(0) {
        first.sent.prefetch();
        first.transport.prefetch_keys();
    }
}

impl Outlet<'_> {
    fn forward(
        &mut self,
        subscription: &mut Subscription,
        cache: &PacketCache,
        incoming: &Incoming,
        mut template: Template<'_>,
        sink: &mut impl Sink,
    ) {
        if subscription.awaiting_keyframe && !incoming.keyframe {
            return;
        }
        let (offset, len) = (usize::from(incoming.payload.0), usize::from(incoming.payload.1));
        if len == 0 {
            return subscription.sequence.skip(incoming.sequence_number);
        }
        let Some(bytes) = cache.get(incoming.sequence_number).map(|cached| cached.bytes) else {
            return;
        };
        let Some(payload) = bytes.get(offset..offset + len) else { return };
        let Some((index, timestamp)) =
            subscription.sequence.forward(self.now, incoming.sequence_number, incoming.timestamp)
        else {
            return;
        };
        subscription.awaiting_keyframe = false;
        let transport_cc = if template.wants_transport_cc() {
            self.sent.stamp(self.now, len + template.padding.len())
        } else {
            0
        };
        template.fill_in((index & 0xffff) as u16, timestamp, subscription.ssrc, transport_cc);
        if self.seal(subscription.kind, index, template.header, [payload, template.padding], sink) {
            subscription.packets = subscription.packets.wrapping_add(1);
            subscription.octets = subscription.octets.wrapping_add(u32::from(incoming.payload.1));
            subscription.retransmissions.media_sent(len);
            self.counters.rtp_forwarded += 1;
        }
    }

    /// Sends a cached packet again on the RTX stream (RFC 4588).
    fn retransmit(
        &mut self,
        subscription: &mut Subscription,
        held: &Held,
        cached: &[u8],
        codec: rtp::Codec,
        sink: &mut impl Sink,
    ) {
        let (Some(ssrc), Some(payload_type), Ok(packet)) =
            (subscription.rtx_ssrc, table::rtx_payload_type(codec), rtp::Packet::parse(cached))
        else {
            return;
        };
        let mut payload = [0; limits::DATAGRAM];
        let Some(len) = rtp::rtx::wrap(held.sequence_number, packet.payload(), &mut payload) else {
            return;
        };
        let index = subscription.rtx_sequence_number;
        subscription.rtx_sequence_number += 1;
        let header = rtp::Header {
            marker: packet.marker(),
            payload_type,
            sequence_number: (index & 0xffff) as u16,
            timestamp: packet.timestamp().wrapping_add(held.timestamp_offset),
            ssrc,
        };
        let extensions = packet.extensions().filter(|(id, _)| extension_id::PASSED.contains(id));
        let payload = payload.get(..len).unwrap_or_default();
        let mut bytes = [0; HEADER];
        let stamps = self.stamp(subscription, len);
        let Some(len) = write_header(subscription, &header, &stamps, extensions, &mut bytes) else {
            return;
        };
        if self.seal(
            subscription.kind,
            index,
            bytes.get(..len).unwrap_or_default(),
            [payload, &[]],
            sink,
        ) {
            self.counters.retransmitted += 1;
        }
    }

    /// What a packet with so many octets of payload is stamped with: it leaves now.
    fn stamp(&mut self, subscription: &Subscription, octets: usize) -> Stamps {
        let negotiated = subscription.extensions;
        let mut stamps = Stamps::default();
        if negotiated.contains(extension_id::ABS_SEND_TIME) {
            stamps.abs_send_time = abs_send_time_at(self.clock, self.now);
        }
        if negotiated.contains(extension_id::TRANSPORT_CC) {
            stamps.transport_cc = self.sent.stamp(self.now, octets);
        }
        stamps
    }

    /// Encrypts straight into the sink. `index` is the 48-bit one of RFC 3711; its low 16 bits stand in the header.
    fn seal(
        &mut self,
        kind: rtp::MediaKind,
        index: u64,
        header: &[u8],
        payload: [&[u8]; 2],
        sink: &mut impl Sink,
    ) -> bool {
        let max_len = header.len() + payload[0].len() + payload[1].len() + SRTP_OVERHEAD;
        let priority = match kind {
            rtp::MediaKind::Audio => Priority::Normal,
            rtp::MediaKind::Video => Priority::Low,
        };
        let (protector, counters) = (&mut *self.protector, &mut *self.counters);
        sink.datagram(&self.path, priority, max_len, |out| {
            match protector.protect_rtp_parts_into(index, header, payload, out) {
                Ok(len) => Some(len),
                Err(_) => {
                    counters.rtp_refused_by_protector += 1;
                    None
                }
            }
        })
    }
}

fn abs_send_time_at(clock: &NtpClock, now: Instant) -> [u8; 3] {
    abs_send_time::encode(abs_send_time::AbsSendTime::from_ntp(clock.at(now)))
}
