//! The parts of forwarding, each a small machine of its own: told the time, no I/O, bounded.

mod keyframe_budget;
mod keyframe_gate;
mod nack_responder;
mod nack_tracker;
mod ntp_clock;
mod packet_cache;
mod report_aggregator;
pub(crate) mod sender_report;
mod sent_history;
mod sequence_map;
mod transport_cc;

pub(crate) use keyframe_budget::KeyframeBudget;
pub(crate) use keyframe_gate::KeyframeGate;
pub(crate) use nack_responder::NackResponder;
pub(crate) use nack_tracker::NackTracker;
pub(crate) use ntp_clock::NtpClock;
pub(crate) use packet_cache::PacketCache;
pub(crate) use report_aggregator::{Histogram, LossCounts, ReportAggregator};
pub(crate) use sender_report::SenderReportSeen;
pub(crate) use sent_history::SentHistory;
pub(crate) use sequence_map::SequenceMap;
pub(crate) use transport_cc::TransportCcRecorder;

#[cfg(tsubame_fuzzing)]
pub(crate) mod fuzzing;

#[cfg(test)]
mod testing {
    use std::sync::OnceLock;
    use std::time::Instant;

    /// The instant that tests count from: the same one each time it is asked for.
    pub(super) fn origin() -> Instant {
        static ORIGIN: OnceLock<Instant> = OnceLock::new();
        #[expect(
            clippy::disallowed_methods,
            reason = "an Instant has no other origin, and only differences matter"
        )]
        let now = Instant::now;
        *ORIGIN.get_or_init(now)
    }

    /// SplitMix64: enough for a walk that is the same every time.
    pub(super) struct Random(u64);

    impl Random {
        pub(super) fn new(seed: u64) -> Self {
            Self(seed)
        }

        /// 0 to `bound` less one.
        pub(super) fn below(&mut self, bound: u64) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (z ^ (z >> 31)) % bound
        }
    }
}
