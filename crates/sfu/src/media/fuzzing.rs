//! The machines of forwarding for fuzzers, each with the calls that a model needs. Compiled under `--cfg tsubame_fuzzing` only.

use std::time::{Duration, Instant};

use tsubame_rtp::MediaKind;
use tsubame_rtp::rtcp::{self, Packet, Writer};

use super::{NackTracker, PacketCache, SentHistory, SequenceMap, TransportCcRecorder};

/// The numbers that a subscription's packets go out under.
pub struct FuzzedSequenceMap(SequenceMap);

impl FuzzedSequenceMap {
    /// See [`SequenceMap::new`].
    pub fn new(kind: MediaKind, first_number: u64, first_timestamp: u32) -> Self {
        Self(SequenceMap::new(kind, 90_000, first_number, first_timestamp))
    }

    /// Number and timestamp of a packet.
    pub fn forward(&mut self, now: Instant, source: u64, timestamp: u32) -> Option<(u64, u32)> {
        self.0.forward(now, source, timestamp)
    }

    /// The packet is left out.
    pub fn skip(&mut self, source: u64) {
        self.0.skip(source);
    }

    /// The next packet is another source's.
    pub fn switch_source(&mut self) {
        self.0.switch_source();
    }

    /// What was sent under this number, and what was added to its timestamp.
    pub fn source_of(&self, number: u16) -> Option<(u64, u32)> {
        let origin = self.0.source_of(number)?;
        Some((origin.sequence_number, origin.timestamp_offset))
    }
}

/// What is missing of a publisher's stream.
#[derive(Default)]
pub struct FuzzedNackTracker(NackTracker);

impl FuzzedNackTracker {
    /// A packet came.
    pub fn received(&mut self, now: Instant, number: u64) {
        self.0.received(now, number);
    }

    /// What to ask for, and whether a keyframe.
    pub fn poll(&mut self, now: Instant, round_trip: Option<Duration>) -> (Vec<u16>, bool) {
        let wanted = self.0.poll(now, round_trip);
        (wanted.numbers.to_vec(), wanted.keyframe)
    }
}

/// A publication's packets.
pub struct FuzzedPacketCache(PacketCache);

impl FuzzedPacketCache {
    /// See [`PacketCache::new`].
    pub fn new(slots: usize) -> Self {
        Self(PacketCache::new(slots))
    }

    /// How many packets it keeps.
    pub fn slots(&self) -> usize {
        self.0.slots()
    }

    /// Keeps a packet.
    pub fn insert(&mut self, now: Instant, number: u64, packet: &[u8]) -> bool {
        self.0.insert(now, number, packet)
    }

    /// The packet of this number.
    pub fn get(&self, number: u64) -> Option<&[u8]> {
        self.0.get(number).map(|packet| packet.bytes)
    }
}

/// Both ends of transport-wide feedback.
pub struct FuzzedFeedback {
    sender: SentHistory,
    receiver: TransportCcRecorder,
}

impl Default for FuzzedFeedback {
    fn default() -> Self {
        Self { sender: SentHistory::new(), receiver: TransportCcRecorder::new() }
    }
}

impl FuzzedFeedback {
    /// A packet leaves: its number.
    pub fn sent(&mut self, now: Instant, octets: usize) -> u16 {
        self.sender.stamp(now, octets)
    }

    /// A packet arrives.
    pub fn received(&mut self, now: Instant, number: u16) {
        self.receiver.received(now, number);
    }

    /// What the receiver has to report now.
    pub fn report(&mut self) -> Vec<u8> {
        let mut out = vec![0; 1_200];
        let mut writer = Writer::new(&mut out);
        while !self.receiver.is_empty() && self.receiver.write(1, 2, &mut writer).is_ok() {}
        let len = writer.finish();
        out.truncate(len);
        out
    }

    /// A report reaches the sender: packets and octets that are new in it, and what is known in all: packets, octets, lost.
    pub fn reported(&mut self, now: Instant, report: &[u8]) -> (u64, u64, [u64; 3]) {
        let (mut packets, mut octets) = (0, 0);
        for packet in rtcp::packets(report).flatten() {
            if let Packet::TransportFeedback(feedback) = packet {
                let delivery = self.sender.feedback(now, &feedback);
                packets += delivery.packets;
                octets += delivery.octets;
            }
        }
        let all = self.sender.delivery();
        (packets, octets, [all.packets, all.octets, all.lost])
    }
}
