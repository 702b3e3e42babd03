//! When a publisher's packets arrived, by their transport-wide sequence numbers, for its own bandwidth estimation.

use std::time::Instant;

use tsubame_rtp::SequenceExtender;
use tsubame_rtp::rtcp::{Full, TransportFeedbackHeader, Writer};

/// Statuses that wait for a feedback packet. A jump beyond that starts anew: a sender does not skip numbers.
const WINDOW: u64 = 1_024;

/// Records arrivals and writes them as transport-wide feedback. Every number is reported once, as received or as lost; one that comes after that
/// is not reported again.
#[derive(Debug)]
pub(crate) struct TransportCcRecorder {
    extender: SequenceExtender,
    start: Option<Instant>,
    /// The number of the first status that is to be reported.
    base: u64,
    /// Arrivals in microseconds since `start`, from `base` on.
    arrivals: Vec<Option<i64>>,
    feedback_packet_count: u8,
}

impl TransportCcRecorder {
    pub(crate) fn new() -> Self {
        Self {
            extender: SequenceExtender::new(),
            start: None,
            base: 0,
            arrivals: Vec::new(),
            feedback_packet_count: 0,
        }
    }

    pub(crate) fn received(&mut self, now: Instant, number: u16) {
        let number = self.extender.extend(number);
        let start = *self.start.get_or_insert(now);
        let micros = now.saturating_duration_since(start).as_micros() as i64;
        if self.arrivals.is_empty() && (number < self.base.saturating_sub(WINDOW) || self.base == 0)
        {
            self.base = number;
        }
        if number >= self.base + WINDOW {
            self.arrivals.clear();
            self.base = number;
        }
        // Reported as lost already.
        let Some(place) = number.checked_sub(self.base).map(|place| place as usize) else { return };
        if self.arrivals.len() <= place {
            self.arrivals.resize(place + 1, None);
        }
        self.arrivals[place].get_or_insert(micros);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.arrivals.is_empty()
    }

    /// Appends one feedback packet with as many statuses as fit.
    ///
    /// # Errors
    ///
    /// [`Full`]: nothing fits, nothing was written.
    pub(crate) fn write(
        &mut self,
        sender_ssrc: u32,
        media_ssrc: u32,
        writer: &mut Writer<'_>,
    ) -> Result<(), Full> {
        let header = TransportFeedbackHeader {
            sender_ssrc,
            media_ssrc,
            base_sequence_number: (self.base & 0xffff) as u16,
            feedback_packet_count: self.feedback_packet_count,
        };
        let written = writer.transport_feedback(&header, &self.arrivals)?;
        self.arrivals.drain(..written);
        self.base += written as u64;
        self.feedback_packet_count = self.feedback_packet_count.wrapping_add(1);
        Ok(())
    }
}
