//! When packets arrived, by transport-wide sequence number
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01).

use std::collections::VecDeque;
use std::time::Instant;

use tsubame_rtp::SequenceExtender;
use tsubame_rtp::rtcp::{TransportFeedbackHeader, Writer};

/// Statuses that wait for a report; beyond that the oldest go unreported.
const MAX_WAITING: usize = 2048;

/// Arrivals that were not reported yet.
#[derive(Debug)]
pub(super) struct TransportFeedback {
    origin: Instant,
    extender: SequenceExtender,
    /// The number of the first of `arrivals`.
    base: u64,
    /// Microseconds since `origin`.
    arrivals: VecDeque<Option<i64>>,
    packet_count: u8,
}

impl TransportFeedback {
    pub(super) fn new(origin: Instant) -> Self {
        Self {
            origin,
            extender: SequenceExtender::new(),
            base: 0,
            arrivals: VecDeque::new(),
            packet_count: 0,
        }
    }

    pub(super) fn arrived(&mut self, now: Instant, sequence_number: u16) {
        let first = self.extender.highest().is_none();
        let number = self.extender.extend(sequence_number);
        if first {
            self.base = number;
        }
        // What comes after its report stays reported as lost.
        let Some(offset) = number.checked_sub(self.base) else { return };
        let Ok(mut offset) = usize::try_from(offset) else { return };
        if offset >= MAX_WAITING {
            let excess = offset + 1 - MAX_WAITING;
            self.arrivals.drain(..excess.min(self.arrivals.len()));
            self.base += excess as u64;
            offset = MAX_WAITING - 1;
        }
        if offset >= self.arrivals.len() {
            self.arrivals.resize(offset + 1, None);
        }
        let micros = now.saturating_duration_since(self.origin).as_micros();
        self.arrivals[offset] = i64::try_from(micros).ok();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.arrivals.is_empty()
    }

    /// Reports as much as fits.
    pub(super) fn write(&mut self, sender_ssrc: u32, media_ssrc: u32, writer: &mut Writer<'_>) {
        let header = TransportFeedbackHeader {
            sender_ssrc,
            media_ssrc,
            base_sequence_number: (self.base & 0xffff) as u16,
            feedback_packet_count: self.packet_count,
        };
        let Ok(written) = writer.transport_feedback(&header, self.arrivals.make_contiguous())
        else {
            // Nothing fits, not even alone: drop rather than try for ever.
            self.base += self.arrivals.len() as u64;
            self.arrivals.clear();
            return;
        };
        self.arrivals.drain(..written);
        self.base += written as u64;
        self.packet_count = self.packet_count.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tsubame_rtp::rtcp::{self, Packet};

    use super::*;
    use crate::peer::testing::origin;

    fn report(feedback: &mut TransportFeedback) -> Vec<(u16, i64)> {
        let mut out = [0; 1000];
        let mut writer = Writer::new(&mut out);
        feedback.write(1, 2, &mut writer);
        let len = writer.finish();
        let mut arrivals = Vec::new();
        for packet in rtcp::packets(&out[..len]) {
            let Ok(Packet::TransportFeedback(report)) = packet else { unreachable!() };
            assert_eq!((report.sender_ssrc(), report.media_ssrc()), (1, 2));
            arrivals.extend(report.arrivals());
        }
        arrivals
    }

    #[test]
    fn arrivals_are_reported_once_across_the_wrap() {
        let start = origin();
        let mut feedback = TransportFeedback::new(start);
        for (at, number) in [(10, 65_534), (11, 65_535), (30, 2), (20, 0)] {
            feedback.arrived(start + Duration::from_millis(at), number);
        }
        let expected = [(65_534, 10_000), (65_535, 11_000), (0, 20_000), (2, 30_000)];
        assert_eq!(report(&mut feedback), expected);
        assert!(feedback.is_empty());
        feedback.arrived(start + Duration::from_millis(40), 1);
        assert!(feedback.is_empty(), "it was reported as lost");
        feedback.arrived(start + Duration::from_millis(50), 3);
        assert_eq!(report(&mut feedback), [(3, 50_000)]);
    }

    #[test]
    fn is_bounded() {
        let start = origin();
        let mut feedback = TransportFeedback::new(start);
        feedback.arrived(start, 0);
        feedback.arrived(start, 30_000);
        assert_eq!(feedback.arrivals.len(), MAX_WAITING);
        let mut reported = Vec::new();
        while !feedback.is_empty() {
            reported.extend(report(&mut feedback));
        }
        assert_eq!(reported, [(30_000, 0)]);
    }
}
