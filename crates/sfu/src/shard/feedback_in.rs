//! RTCP from clients. It ends here: nothing of it is passed on, and what a subscriber says moves only its own state and the aggregates.

use std::time::{Duration, Instant};

use tsubame_rtp::rtcp::{self, ReportBlock};
use tsubame_stun::ice::Path;

use super::Shard;
use crate::keys::{PeerKey, PublicationKey, SubscriptionKey};

impl Shard {
    pub(super) fn handle_rtcp(
        &mut self,
        now: Instant,
        key: PeerKey,
        path: &Path,
        datagram: &mut [u8],
    ) {
        let Some(peer) = self.peers.get_mut(key.0) else { return };
        let Some(len) = peer.transport.unprotect_rtcp(path, datagram) else {
            self.counters.rtcp_not_authentic += 1;
            return;
        };
        let Some(compound) = datagram.get(..len) else { return };
        for packet in rtcp::packets(compound) {
            let Ok(packet) = packet else {
                self.counters.rtcp_malformed += 1;
                continue;
            };
            let Some(peer) = self.peers.get_mut(key.0) else { return };
            if !peer.rtcp_allowance.take(now) {
                self.counters.rtcp_over_limit += 1;
                return;
            }
            self.handle_rtcp_packet(now, key, packet);
        }
    }

    fn handle_rtcp_packet(&mut self, now: Instant, key: PeerKey, packet: rtcp::Packet<'_>) {
        match packet {
            rtcp::Packet::SenderReport(report) => {
                self.note_sender_report(now, key, &report);
                self.note_report_blocks(now, key, report.report_blocks());
            }
            rtcp::Packet::ReceiverReport(report) => {
                self.note_report_blocks(now, key, report.report_blocks());
            }
            rtcp::Packet::Nack(nack) => {
                if let Some(subscription) = self.subscription_sent_as(key, nack.media_ssrc()) {
                    self.hold_retransmissions(now, subscription, nack.sequence_numbers());
                }
            }
            rtcp::Packet::PictureLossIndication(indication) => {
                self.keyframe_wanted_by(now, key, indication.media_ssrc);
            }
            rtcp::Packet::FullIntraRequest(request) => {
                for entry in request.entries() {
                    self.keyframe_wanted_by(now, key, entry.ssrc);
                }
            }
            rtcp::Packet::TransportFeedback(feedback) => {
                if let Some(peer) = self.peers.get_mut(key.0) {
                    peer.sent.feedback(now, &feedback);
                }
            }
            // Nothing is decided from these: BYE says what signaling says, REMB and SLI are not negotiated, SDES names are not forwarded.
            _ => {}
        }
    }

    fn note_sender_report(&mut self, now: Instant, key: PeerKey, report: &rtcp::SenderReport<'_>) {
        let info = report.info();
        let Some(peer) = self.peers.get_mut(key.0) else { return };
        let Some(stream) = peer.stream(info.ssrc) else { return };
        let Some(publication) = self.publications.get_mut(stream.publication.0) else { return };
        if publication.ssrc == Some(info.ssrc) {
            let seen = peer.clock.translate(now, &self.clock, info.ntp, info.rtp_timestamp);
            publication.sender_report = Some(seen);
            self.replicate_sender_report(stream.publication);
        }
    }

    fn note_report_blocks(&mut self, now: Instant, key: PeerKey, blocks: rtcp::ReportBlocks<'_>) {
        let compact_now = self.clock.at(now).compact();
        for block in blocks {
            let Some(subscription_key) = self.subscription_sent_as(key, block.ssrc) else {
                continue;
            };
            self.note_round_trip(key, &block, compact_now);
            let Some(subscription) = self.subscriptions.get(subscription_key.0) else { continue };
            let key = subscription.publication;
            if let Some(publication) = self.publications.get_mut(key.0) {
                publication.reports.report(now, subscription_key, block.fraction_lost);
                self.tell_losses_soon(now, key);
            }
        }
    }

    fn note_round_trip(&mut self, key: PeerKey, block: &ReportBlock, compact_now: u32) {
        let Some(measured) = block.round_trip(compact_now) else { return };
        let measured = Duration::from_micros(u64::from(measured) * 1_000_000 / 65_536);
        let Some(peer) = self.peers.get_mut(key.0) else { return };
        // Up to 4 ms too long where reports wait for each other (`worker/pace.rs`): what it is for, the spacing of retransmissions, can bear that.
        // Smoothed as RFC 6298 §2.3 does; a lying peer can only slow its own retransmissions.
        let measured = measured.min(Duration::from_secs(2));
        peer.round_trip = Some(match peer.round_trip {
            Some(smoothed) => (smoothed * 7 + measured) / 8,
            None => measured,
        });
    }

    /// The subscription whose media, not its retransmissions, goes out under this SSRC.
    fn subscription_sent_as(&self, key: PeerKey, ssrc: u32) -> Option<SubscriptionKey> {
        let peer = self.peers.get(key.0)?;
        peer.subscriptions.iter().copied().find(|key| {
            self.subscriptions.get(key.0).is_some_and(|subscription| subscription.ssrc == ssrc)
        })
    }

    fn keyframe_wanted_by(&mut self, now: Instant, key: PeerKey, ssrc: u32) {
        if let Some(subscription) = self.subscription_sent_as(key, ssrc) {
            self.request_keyframe(now, subscription);
        }
    }

    /// A subscriber needs a keyframe. Its own budget comes first, the publication's gate second.
    pub(super) fn request_keyframe(&mut self, now: Instant, key: SubscriptionKey) {
        let Some(subscription) = self.subscriptions.get_mut(key.0) else { return };
        if !subscription.is_forwarding() || !subscription.keyframe_budget.request(now) {
            return;
        }
        let publication = subscription.publication;
        self.ask_for_keyframe(now, publication);
    }

    /// Asks the publisher, through the publication's gate.
    pub(super) fn ask_for_keyframe(&mut self, now: Instant, key: PublicationKey) {
        let Some(publication) = self.publications.get_mut(key.0) else { return };
        // Before the first packet there is nobody to ask: the first frame is a keyframe, and if not, those who wait insist.
        if publication.ssrc.is_none() || publication.kind() != tsubame_rtp::MediaKind::Video {
            return;
        }
        let wanted = publication.keyframes.request(now);
        match publication.owner() {
            Some(owner) => {
                publication.keyframe_wanted |= wanted;
                self.touch(owner);
            }
            None => self.ask_home_for_keyframe(key, wanted),
        }
    }
}
