//! RTP from publishers: authenticated, counted, kept in the publication's cache and lined up for forwarding.

use std::time::Instant;

use arrayvec::ArrayVec;
use tsubame_rtp::{self as rtp, MediaKind};
use tsubame_stun::ice::Path;

use super::Shard;
use crate::keys::{PeerKey, PublicationKey};
use crate::limits;
use crate::negotiate::table::extension_id;
use crate::peer::Stream;
use crate::publication::{Incoming, PASSED_OCTETS, Publication};

impl Shard {
    pub(super) fn handle_rtp(
        &mut self,
        now: Instant,
        key: PeerKey,
        path: &Path,
        datagram: &mut [u8],
    ) {
        let Some(peer) = self.peers.get_mut(key.0) else { return };
        let Some(len) = peer.transport.unprotect_rtp(path, datagram) else {
            self.counters.rtp_not_authentic += 1;
            return;
        };
        let Some(packet) = datagram.get(..len).and_then(|bytes| rtp::Packet::parse(bytes).ok())
        else {
            self.counters.rtp_malformed += 1;
            return;
        };
        let Some(stream) = self.stream_of(key, &packet) else {
            self.counters.rtp_not_negotiated += 1;
            return;
        };
        self.counters.rtp_received += 1;
        #[cfg(test)]
        self.spring(super::Trap::Receive, key);
        self.note_arrival(now, key, &packet);
        if stream.is_rtx {
            self.handle_retransmission(now, stream.publication, &packet);
        } else {
            self.handle_media(now, stream.publication, &packet);
        }
    }

    /// Which track a packet belongs to: by its SSRC, or for a new SSRC by its MID, or else by its payload type alone.
    fn stream_of(&mut self, key: PeerKey, packet: &rtp::Packet<'_>) -> Option<Stream> {
        let payload_type = packet.payload_type();
        let peer = self.peers.get_mut(key.0)?;
        let known = peer.stream(packet.ssrc());
        let publication = match known {
            Some(stream) => self.publications.get(stream.publication.0)?,
            None => {
                let mid = packet.extension(extension_id::MID);
                peer.publications
                    .iter()
                    .filter_map(|publication| self.publications.get(publication.0))
                    .find(|publication| match mid {
                        Some(mid) => publication.mid.as_bytes() == mid,
                        None => publication.takes(payload_type),
                    })?
            }
        };
        if !publication.takes(payload_type) {
            return None;
        }
        let is_rtx = Some(payload_type) == publication.rtx_payload_type;
        match known {
            Some(stream) => (stream.is_rtx == is_rtx).then_some(stream),
            None => {
                let stream = Stream { ssrc: packet.ssrc(), publication: publication.key, is_rtx };
                if !peer.add_stream(stream) {
                    return None;
                }
                if !is_rtx {
                    self.switch_source(stream);
                }
                Some(stream)
            }
        }
    }

    /// A publication's packets come from this SSRC from now on.
    fn switch_source(&mut self, stream: Stream) {
        let Some(publication) = self.publications.get_mut(stream.publication.0) else { return };
        let is_first = publication.ssrc.is_none();
        publication.switch_ssrc(stream.ssrc);
        self.replicate_source(stream.publication);
        if !is_first {
            self.restart_subscribers(stream.publication);
        }
    }

    /// What subscribers are sent goes on with packets of another source. Those of the old one that are still here stay behind: their numbers are
    /// far below, and one after the switch would be taken for the first of the new source.
    pub(super) fn restart_subscribers(&mut self, key: PublicationKey) {
        self.drop_batch(key);
        let Some(publication) = self.publications.get(key.0) else { return };
        for key in &publication.subscribers {
            if let Some(subscription) = self.subscriptions.get_mut(key.0) {
                subscription.sequence.switch_source();
                subscription.awaiting_keyframe = subscription.kind == MediaKind::Video;
            }
        }
    }

    fn drop_batch(&mut self, key: PublicationKey) {
        let Some(publication) = self.publications.get_mut(key.0) else { return };
        if publication.batch.is_empty() {
            return;
        }
        publication.batch.clear();
        publication.batch_since = None;
        publication.is_held = false;
        self.batched.retain(|batched| *batched != key);
    }

    fn note_arrival(&mut self, now: Instant, key: PeerKey, packet: &rtp::Packet<'_>) {
        let Some(peer) = self.peers.get_mut(key.0) else { return };
        let number = packet
            .extension(extension_id::TRANSPORT_CC)
            .and_then(rtp::extension::transport_cc::read);
        if let Some(number) = number {
            peer.arrivals.received(now, number);
        }
        if peer.feedback_due.is_none() {
            let at = now + limits::FEEDBACK_INTERVAL;
            peer.feedback_due = Some(at);
            self.timers.arm(key, &mut peer.armed, at);
        }
    }

    fn handle_media(&mut self, now: Instant, key: PublicationKey, packet: &rtp::Packet<'_>) {
        if !self.is_source(now, key, packet.ssrc()) {
            self.counters.rtp_not_negotiated += 1;
            return;
        }
        let Some(publication) = self.publications.get_mut(key.0) else { return };
        publication.last_packet = Some(now);
        let sequence_number = publication.extend(packet.sequence_number());
        publication.reception.received(now, sequence_number, packet.timestamp());
        publication.missing.received(now, sequence_number);
        self.accept(now, key, sequence_number, packet);
        self.watch_for_losses(now, key);
    }

    /// Whether an SSRC known to be this publication's is the one it is made of now. One that was replaced may still have packets on their way;
    /// when its successor has fallen silent it has come back.
    fn is_source(&mut self, now: Instant, key: PublicationKey, ssrc: u32) -> bool {
        let Some(publication) = self.publications.get(key.0) else { return false };
        if publication.ssrc == Some(ssrc) {
            return true;
        }
        let silent = publication
            .last_packet
            .is_none_or(|at| now.saturating_duration_since(at) >= limits::SOURCE_SILENCE);
        if silent {
            self.switch_source(Stream { ssrc, publication: key, is_rtx: false });
        }
        silent
    }

    /// RFC 4588: the original packet is inside; it takes the place it would have had.
    fn handle_retransmission(
        &mut self,
        now: Instant,
        key: PublicationKey,
        packet: &rtp::Packet<'_>,
    ) {
        let Some(publication) = self.publications.get_mut(key.0) else { return };
        let Some(ssrc) = publication.ssrc else { return };
        let mut restored = [0; limits::DATAGRAM];
        // An RTX packet without payload is a bandwidth probe.
        let Some(packet) = rtp::rtx::restore(packet, publication.payload_type, ssrc, &mut restored)
            .and_then(|len| rtp::Packet::parse(restored.get(..len)?).ok())
        else {
            return;
        };
        let Some(sequence_number) = publication.extend_retransmitted(packet.sequence_number())
        else {
            return;
        };
        publication.missing.received(now, sequence_number);
        self.accept(now, key, sequence_number, &packet);
    }

    /// Puts a packet that was not there yet into the cache and the turn's batch.
    fn accept(
        &mut self,
        now: Instant,
        key: PublicationKey,
        sequence_number: u64,
        packet: &rtp::Packet<'_>,
    ) {
        let Some(publication) = self.publications.get_mut(key.0) else { return };
        if !publication.cache.insert(now, sequence_number, packet.bytes()) {
            self.counters.rtp_duplicate += 1;
            return;
        }
        let Some(incoming) = incoming(sequence_number, packet, publication.codec) else { return };
        if !publication.watchers.is_empty() {
            self.replicate(key, &incoming, packet.bytes());
        }
        self.line_up(key, incoming);
    }

    /// Puts a packet that is in the cache into the turn's batch.
    pub(super) fn line_up(&mut self, key: PublicationKey, incoming: Incoming) {
        let Some(publication) = self.publications.get_mut(key.0) else { return };
        if incoming.keyframe {
            publication.keyframes.keyframe_seen();
        }
        if publication.batch.is_empty() {
            self.batched.push_back(key);
        }
        self.must_forward |= publication.batch.len() >= publication.cache.slots() / 2;
        publication.batch.push(incoming);
    }

    /// While packets are missing the publisher's feedback is looked after more often.
    fn watch_for_losses(&mut self, now: Instant, key: PublicationKey) {
        let Some(publication) = self.publications.get(key.0) else { return };
        if publication.missing.is_empty() {
            return;
        }
        let Some(owner) = publication.owner() else { return };
        let Some(peer) = self.peers.get_mut(owner.0) else { return };
        let at = now + limits::NACK_INTERVAL;
        if peer.feedback_due.is_none_or(|due| due > at) {
            peer.feedback_due = Some(at);
            self.timers.arm(owner, &mut peer.armed, at);
        }
    }
}

impl Publication {
    fn takes(&self, payload_type: u8) -> bool {
        payload_type == self.payload_type || Some(payload_type) == self.rtx_payload_type
    }
}

pub(super) fn incoming(
    sequence_number: u64,
    packet: &rtp::Packet<'_>,
    codec: rtp::Codec,
) -> Option<Incoming> {
    let descriptor = packet.extension(extension_id::DEPENDENCY_DESCRIPTOR);
    let info = rtp::codec::inspect(codec, packet, descriptor);
    let keyframe = info.is_some_and(|info| info.keyframe);
    let start = packet.bytes().as_ptr() as usize;
    let mut extensions = ArrayVec::new();
    let mut octets = 0;
    for (id, data) in packet.extensions() {
        let is_passed = extension_id::PASSED.contains(&id) && !data.is_empty();
        if !is_passed || extensions.is_full() || octets + data.len() > PASSED_OCTETS {
            continue;
        }
        octets += data.len();
        let offset = u16::try_from(data.as_ptr() as usize - start).ok()?;
        extensions.push((id, offset, u8::try_from(data.len()).ok()?));
    }
    Some(Incoming {
        sequence_number,
        timestamp: packet.timestamp(),
        marker: packet.marker(),
        keyframe,
        payload: (
            u16::try_from(packet.payload_offset()).ok()?,
            u16::try_from(packet.payload().len()).ok()?,
        ),
        extensions,
    })
}
