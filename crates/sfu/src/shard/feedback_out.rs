//! RTCP to clients: to publishers what the SFU itself received and needs, to subscribers sender reports of the SFU's own making.

use std::time::Instant;

use tsubame_rtp::rtcp::{ReportBlock, SenderInfo};

use super::Shard;
use super::compound::Compound;
use crate::keys::PeerKey;
use crate::limits;
use crate::media::sender_report;
use crate::sink::Sink;

impl Shard {
    /// Sends everything that is due to one client, in as few packets as it fits.
    pub(super) fn write_feedback(&mut self, now: Instant, key: PeerKey, sink: &mut impl Sink) {
        let Some(peer) = self.peers.get_mut(key.0) else { return };
        if !peer.transport.is_connected() {
            return;
        }
        let mut compound = Compound::new();
        if peer.report_due.is_some_and(|due| due <= now) {
            peer.report_due = Some(now + limits::REPORT_INTERVAL);
            self.write_reports(now, key, &mut compound, sink);
        }
        let Some(peer) = self.peers.get_mut(key.0) else { return };
        if peer.feedback_due.is_some_and(|due| due <= now) {
            peer.feedback_due = None;
            self.write_reception(now, key, &mut compound, sink);
        }
        self.write_keyframe_requests(now, key, &mut compound, sink);
        if let Some(peer) = self.peers.get_mut(key.0) {
            compound.send(&mut peer.transport, sink);
        }
    }

    /// RFC 3550 §6.4: receiver reports about what the client sends, sender reports about what it gets.
    fn write_reports(
        &mut self,
        now: Instant,
        key: PeerKey,
        compound: &mut Compound,
        sink: &mut impl Sink,
    ) {
        let Some(peer) = self.peers.get_mut(key.0) else { return };
        let sender = peer.feedback_ssrc;
        let id = peer.id;
        let mut blocks: arrayvec::ArrayVec<ReportBlock, 31> = arrayvec::ArrayVec::new();
        for publication in &peer.publications {
            let Some(publication) = self.publications.get_mut(publication.0) else { continue };
            if let Some(block) = publication.report_block(now)
                && !blocks.is_full()
            {
                blocks.push(block);
            }
        }
        compound.add(&mut peer.transport, sink, |writer| writer.receiver_report(sender, &blocks));
        compound.add(&mut peer.transport, sink, |writer| {
            writer.source_description(sender, id.as_str())
        });
        for subscription in &peer.subscriptions {
            let Some(subscription) = self.subscriptions.get(subscription.0) else { continue };
            let Some(publication) = self.publications.get(subscription.publication.0) else {
                continue;
            };
            let Some(seen) = &publication.sender_report else { continue };
            let rate = publication.codec.clock_rate();
            let Some((ntp, rtp_timestamp)) =
                sender_report::times(now, &self.clock, seen, rate, &subscription.sequence)
            else {
                continue;
            };
            let info = SenderInfo {
                ssrc: subscription.ssrc,
                ntp,
                rtp_timestamp,
                packet_count: subscription.packets,
                octet_count: subscription.octets,
            };
            let publisher = publication.owner_id;
            compound.add(&mut peer.transport, sink, |writer| writer.sender_report(&info, &[]));
            compound.add(&mut peer.transport, sink, |writer| {
                writer.source_description(info.ssrc, publisher.as_str())
            });
        }
    }

    /// Transport-wide feedback, and NACKs for what the SFU itself misses.
    fn write_reception(
        &mut self,
        now: Instant,
        key: PeerKey,
        compound: &mut Compound,
        sink: &mut impl Sink,
    ) {
        let Some(peer) = self.peers.get_mut(key.0) else { return };
        let sender = peer.feedback_ssrc;
        let media_ssrc = peer.streams.first().map_or(0, |stream| stream.ssrc);
        // NACKs may be in more of a hurry; the arrivals keep their own pace meanwhile.
        if peer.arrivals_due <= now {
            peer.arrivals_due = now + limits::FEEDBACK_INTERVAL;
            while !peer.arrivals.is_empty() {
                let arrivals = &mut peer.arrivals;
                compound.add(&mut peer.transport, sink, |writer| {
                    arrivals.write(sender, media_ssrc, writer)
                });
            }
        }
        if !peer.arrivals.is_empty() {
            peer.feedback_due = Some(peer.arrivals_due);
        }
        let mut still_missing = false;
        for publication in &peer.publications {
            let Some(publication) = self.publications.get_mut(publication.0) else { continue };
            let (Some(ssrc), true) = (publication.ssrc, publication.feedback.nack) else {
                continue;
            };
            let wanted = publication.missing.poll(now, peer.round_trip);
            if !wanted.numbers.is_empty() {
                compound.add(&mut peer.transport, sink, |writer| {
                    writer.nack(sender, ssrc, wanted.numbers.iter().copied())
                });
            }
            if wanted.keyframe && publication.keyframes.request(now) {
                publication.keyframe_wanted = true;
            }
            still_missing |= !publication.missing.is_empty();
        }
        if still_missing {
            peer.feedback_due = Some(now + limits::NACK_INTERVAL);
        }
    }

    /// FIR where the publisher understands it (RFC 5104 §4.3.1), PLI where it does not (RFC 4585 §6.3.1).
    fn write_keyframe_requests(
        &mut self,
        now: Instant,
        key: PeerKey,
        compound: &mut Compound,
        sink: &mut impl Sink,
    ) {
        let Some(peer) = self.peers.get_mut(key.0) else { return };
        let sender = peer.feedback_ssrc;
        for publication in &peer.publications {
            let Some(publication) = self.publications.get_mut(publication.0) else { continue };
            let due = publication.keyframes.poll(now);
            if !std::mem::take(&mut publication.keyframe_wanted) && !due {
                continue;
            }
            let Some(ssrc) = publication.ssrc else { continue };
            self.counters.keyframes_requested += 1;
            if publication.feedback.fir {
                publication.full_intra_requests = publication.full_intra_requests.wrapping_add(1);
                let number = publication.full_intra_requests;
                compound.add(&mut peer.transport, sink, |writer| {
                    writer.full_intra_request(sender, ssrc, number)
                });
            } else if publication.feedback.pli {
                compound.add(&mut peer.transport, sink, |writer| {
                    writer.picture_loss_indication(sender, ssrc)
                });
            }
        }
    }

    /// When the publisher is to be asked for a keyframe that had to wait.
    pub(super) fn keyframe_deadline(&self, key: PeerKey) -> Option<Instant> {
        let peer = self.peers.get(key.0)?;
        peer.publications
            .iter()
            .filter_map(|publication| {
                self.publications.get(publication.0)?.keyframes.poll_timeout()
            })
            .min()
    }
}
