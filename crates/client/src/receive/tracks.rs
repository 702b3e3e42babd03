//! All watched tracks of a peer: whose packet is it, and what is to be reported when.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use tsubame_rtp::rtcp::{ReportBlock, Writer};
use tsubame_rtp::{NtpTime, Packet, extension, rtx};

use super::track::{ReceiveParameters, ReceivePayload, Track};
use super::transport_feedback::TransportFeedback;
use crate::stats::TrackStats;

/// Streams remembered; a server that uses more does not speak for real publishers.
const MAX_STREAMS: usize = 1024;
/// From one look at keyframes and transport-wide feedback to the next.
const TICK: Duration = Duration::from_millis(100);
/// Blocks in one report (RFC 3550 §6.4.1).
const MAX_BLOCKS: usize = 31;
/// Delays that wait to be taken.
const MAX_DELAYS: usize = 256;
/// Largest packet that a retransmission is restored into.
const MAX_PACKET: usize = 1500;

/// What a stream carries.
#[derive(Clone, Copy, Debug)]
struct Route {
    track: usize,
    /// The media stream, for a stream of retransmissions.
    repairs: Option<u32>,
}

/// The tracks, and the streams they are on.
#[derive(Debug)]
pub(crate) struct Tracks {
    tracks: Vec<Track>,
    routes: HashMap<u32, Route>,
    transport_feedback: TransportFeedback,
    transport_cc: Option<u8>,
    next_tick: Option<Instant>,
    /// Reports begin with this track, so that all get their turn.
    first_reported: usize,
    unknown: u64,
    /// Of stamped packets, until somebody takes them.
    pub(crate) delays: Vec<Duration>,
}

/// Who reports, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Feedback {
    pub(crate) now: Instant,
    /// The SSRC that speaks for this peer.
    pub(crate) sender_ssrc: u32,
}

impl Tracks {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            tracks: Vec::new(),
            routes: HashMap::new(),
            transport_feedback: TransportFeedback::new(now),
            transport_cc: None,
            next_tick: None,
            first_reported: 0,
            unknown: 0,
            delays: Vec::new(),
        }
    }

    /// What the latest offer announces: tracks stay, end and begin.
    pub(crate) fn negotiate(&mut self, announced: Vec<ReceiveParameters>) {
        self.transport_cc = announced.iter().find_map(|p| p.extensions.transport_cc);
        for track in &mut self.tracks {
            if !announced.iter().any(|parameters| track.is_of(parameters)) {
                track.end();
            }
        }
        for parameters in announced {
            let streams = parameters.streams.clone();
            let known = self.tracks.iter().position(|track| track.is_of(&parameters));
            let at = known.unwrap_or(self.tracks.len());
            match self.tracks.get_mut(at) {
                Some(track) => track.update(parameters),
                None => self.tracks.push(Track::new(parameters)),
            }
            for (media, repair) in streams {
                self.route(media, Route { track: at, repairs: None });
                if let Some(repair) = repair {
                    self.route(repair, Route { track: at, repairs: Some(media) });
                }
            }
        }
    }

    /// A decrypted RTP packet.
    pub(crate) fn handle_rtp(&mut self, now: Instant, ntp: NtpTime, bytes: &[u8]) {
        let Ok(packet) = Packet::parse(bytes) else { return self.unknown += 1 };
        self.note_arrival(now, &packet);
        let Some(route) = self.route_of(&packet) else { return self.unknown += 1 };
        let Some(track) = self.tracks.get_mut(route.track) else { return };
        let repaired = track.repaired_by(packet.payload_type());
        match (repaired, route.repairs) {
            (None, _) => {
                let delay = track.handle_media(now, ntp, &packet);
                self.delays.extend(delay.filter(|_| self.delays.len() < MAX_DELAYS));
            }
            (Some(payload_type), Some(media)) => {
                let mut out = [0; MAX_PACKET];
                // Padding probes the bandwidth and repairs nothing.
                let restored = rtx::restore(&packet, payload_type, media, &mut out);
                let Some(original) = restored.and_then(|len| Packet::parse(&out[..len]).ok())
                else {
                    return;
                };
                track.handle_recovered(now, ntp, &original);
            }
            (Some(_), None) => self.unknown += 1,
        }
    }

    /// A media packet that was not decrypted: its header is what it says it is, or the packet is lost. `false`: it has to
    /// be decrypted after all.
    pub(crate) fn handle_unverified(&mut self, now: Instant, bytes: &[u8]) -> bool {
        let Ok(packet) = Packet::parse(bytes) else { return false };
        let Some(Route { track, repairs: None }) = self.routes.get(&packet.ssrc()).copied() else {
            return false;
        };
        let Some(track) = self.tracks.get_mut(track) else { return false };
        if !track.handle_unverified(now, &packet) {
            return false;
        }
        self.note_arrival(now, &packet);
        true
    }

    /// For transport-wide feedback.
    fn note_arrival(&mut self, now: Instant, packet: &Packet<'_>) {
        if let Some(number) = self.transport_cc.and_then(|id| packet.extension(id))
            && let Some(number) = extension::transport_cc::read(number)
        {
            self.transport_feedback.arrived(now, number);
        }
        self.next_tick.get_or_insert(now + TICK);
    }

    /// A packet whose index was seen before.
    pub(crate) fn handle_replay(&mut self, ssrc: u32) {
        let route = self.routes.get(&ssrc);
        if let Some(track) = route.and_then(|route| self.tracks.get_mut(route.track)) {
            track.handle_duplicate();
        }
    }

    pub(crate) fn handle_sender_report(&mut self, now: Instant, ssrc: u32, ntp: NtpTime) {
        let route = self.routes.get(&ssrc);
        if let Some(track) = route.and_then(|route| self.tracks.get_mut(route.track)) {
            track.handle_sender_report(now, ssrc, ntp);
        }
    }

    /// Asks for keyframes of every picture, or of one publisher's.
    pub(crate) fn want_keyframes(&mut self, now: Instant, connection_id: Option<&str>) {
        for track in &mut self.tracks {
            let wanted = connection_id.is_none_or(|id| track.parameters().connection_id == id);
            if wanted && !track.has_ended() {
                track.want_keyframe(now);
                self.next_tick = Some(now);
            }
        }
    }

    /// When [`write_feedback`](Self::write_feedback) has something to say.
    pub(crate) fn due(&self) -> Option<Instant> {
        let nacks = self.tracks.iter().filter_map(Track::nack_due).min();
        [nacks, self.next_tick].into_iter().flatten().min()
    }

    /// NACK, PLI and transport-wide feedback that is due. Writes nothing if nothing is.
    pub(crate) fn write_feedback(&mut self, from: Feedback, writer: &mut Writer<'_>) {
        let Feedback { now, sender_ssrc } = from;
        for track in &mut self.tracks {
            if writer.remaining() < 1100 {
                return;
            }
            if let Some((ssrc, numbers)) = track.nack(now) {
                let _ = writer.nack(sender_ssrc, ssrc, numbers);
            }
        }
        if self.next_tick.is_none_or(|tick| tick > now) {
            return;
        }
        // The next tick comes when everything of this one is written.
        for track in &mut self.tracks {
            if writer.remaining() < 100 {
                return;
            }
            if let Some(ssrc) = track.picture_loss(now) {
                let _ = writer.picture_loss_indication(sender_ssrc, ssrc);
            }
        }
        if !self.transport_feedback.is_empty() {
            if writer.remaining() < 600 {
                return;
            }
            let media_ssrc = self.tracks.iter().find_map(Track::ssrc).unwrap_or(0);
            self.transport_feedback.write(sender_ssrc, media_ssrc, writer);
        }
        if self.transport_feedback.is_empty() {
            self.next_tick = Some(now + TICK);
        }
    }

    /// Blocks for a sender or receiver report: 31 of them at a time, in turns.
    pub(crate) fn report_blocks(&mut self, now: Instant) -> Vec<ReportBlock> {
        let count = self.tracks.len();
        let mut blocks = Vec::new();
        for step in 0..count {
            let at = (self.first_reported + step) % count;
            let Some(track) = self.tracks.get_mut(at).filter(|track| !track.has_ended()) else {
                continue;
            };
            if blocks.len() == MAX_BLOCKS {
                self.first_reported = at;
                break;
            }
            blocks.extend(track.report_block(now));
        }
        blocks
    }

    pub(crate) fn stats(&self) -> Vec<TrackStats> {
        self.tracks.iter().map(Track::stats).collect()
    }

    pub(crate) fn unknown(&self) -> u64 {
        self.unknown
    }

    /// By announcement, else by the mid in the packet, else by a payload type that is one track's alone (RFC 9143 §9.2).
    fn route_of(&mut self, packet: &Packet<'_>) -> Option<Route> {
        if let Some(route) = self.routes.get(&packet.ssrc()) {
            return Some(*route);
        }
        let by_mid = self.tracks.iter().position(|track| {
            let parameters = track.parameters();
            let mid = parameters.extensions.mid.and_then(|id| packet.extension(id));
            !track.has_ended() && mid == Some(parameters.mid.as_bytes())
        });
        let track = by_mid.or_else(|| self.only_track_with(packet.payload_type()))?;
        let is_repair = self.tracks[track].repaired_by(packet.payload_type()).is_some();
        let repairs = if is_repair { self.tracks[track].ssrc() } else { None };
        let route = Route { track, repairs };
        // A retransmission before any media says nothing yet about what it repairs.
        if !is_repair || repairs.is_some() {
            self.route(packet.ssrc(), route);
        }
        Some(route)
    }

    fn only_track_with(&self, payload_type: u8) -> Option<usize> {
        let mut having = self.tracks.iter().enumerate().filter(|(_, track)| {
            let has = |payload: &ReceivePayload| {
                payload.payload_type == payload_type || payload.rtx == Some(payload_type)
            };
            !track.has_ended() && track.parameters().payloads.iter().any(has)
        });
        let (track, _) = having.next()?;
        having.next().is_none().then_some(track)
    }

    fn route(&mut self, ssrc: u32, route: Route) {
        if self.routes.len() < MAX_STREAMS || self.routes.contains_key(&ssrc) {
            self.routes.insert(ssrc, route);
        }
    }
}
