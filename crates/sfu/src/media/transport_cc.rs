//! When a publisher's packets arrived, by their transport-wide sequence numbers, for its own bandwidth estimation.

use std::time::Instant;

use arrayvec::ArrayVec;
use tsubame_rtp::SequenceExtender;
use tsubame_rtp::rtcp::{Full, TransportFeedbackHeader, Writer};

/// Numbers whose arrival is remembered. A jump beyond that starts anew: a sender does not skip numbers. A power of two.
const WINDOW: u64 = 1_024;
/// Statuses that are offered to one feedback packet: all there can be. The last is always an arrival, and feedback must not be made of
/// losses alone: it would have no time to refer to, and what the sender makes of a wrong one spoils its estimate.
const STATUSES: usize = WINDOW as usize;

/// Records arrivals and writes them as transport-wide feedback. A packet that comes after it was reported lost is reported again, with all that
/// followed it: senders take the last word.
#[derive(Debug)]
pub(crate) struct TransportCcRecorder {
    extender: SequenceExtender,
    start: Option<Instant>,
    /// Arrivals in microseconds since `start`, by number; allocated with the first.
    ring: Vec<Option<i64>>,
    /// The ring speaks of the numbers from here ...
    begin: u64,
    /// ... to before here.
    end: u64,
    /// The first of them that is to be reported.
    next: u64,
    feedback_packet_count: u8,
}

impl TransportCcRecorder {
    pub(crate) fn new() -> Self {
        Self {
            extender: SequenceExtender::new(),
            start: None,
            ring: Vec::new(),
            begin: 0,
            end: 0,
            next: 0,
            feedback_packet_count: 0,
        }
    }

    /// A packet with this number arrived. A second one does not change the time of the first.
    pub(crate) fn received(&mut self, now: Instant, number: u16) {
        let number = self.extender.extend(number);
        let start = *self.start.get_or_insert(now);
        let micros = now.saturating_duration_since(start).as_micros() as i64;
        if self.ring.is_empty() {
            self.ring = vec![None; WINDOW as usize];
            self.begin_at(number);
        }
        if number >= self.end {
            self.extend_to(number);
        } else if number < self.begin {
            return;
        }
        let slot = &mut self.ring[(number % WINDOW) as usize];
        if slot.is_none() {
            *slot = Some(micros);
            self.next = self.next.min(number);
        }
    }

    /// Whether there is nothing to report.
    pub(crate) fn is_empty(&self) -> bool {
        self.next == self.end
    }

    /// Appends one feedback packet with as many statuses as fit; on [`Full`] nothing was written.
    pub(crate) fn write(
        &mut self,
        sender_ssrc: u32,
        media_ssrc: u32,
        writer: &mut Writer<'_>,
    ) -> Result<(), Full> {
        if self.is_empty() {
            return Ok(());
        }
        let header = TransportFeedbackHeader {
            sender_ssrc,
            media_ssrc,
            base_sequence_number: (self.next & 0xffff) as u16,
            feedback_packet_count: self.feedback_packet_count,
        };
        let statuses: ArrayVec<Option<i64>, STATUSES> = (self.next..self.end)
            .take(STATUSES)
            .map(|number| self.ring[(number % WINDOW) as usize])
            .collect();
        let written = writer.transport_feedback(&header, &statuses)?;
        self.next += written as u64;
        self.feedback_packet_count = self.feedback_packet_count.wrapping_add(1);
        Ok(())
    }

    /// Makes `number` the last that the ring speaks of.
    fn extend_to(&mut self, number: u64) {
        if number - self.end >= WINDOW {
            self.ring.fill(None);
            self.begin_at(number);
        }
        for lost in self.end..=number {
            self.ring[(lost % WINDOW) as usize] = None;
        }
        self.end = number + 1;
        self.begin = self.begin.max(self.end.saturating_sub(WINDOW));
        self.next = self.next.max(self.begin);
    }

    fn begin_at(&mut self, number: u64) {
        (self.begin, self.next, self.end) = (number, number, number);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tsubame_rtp::rtcp::{self, Packet};

    use super::*;
    use crate::media::testing::{Random, origin};

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// Base, number of statuses and arrivals of a feedback packet.
    type Report = (u16, u16, Vec<(u16, i64)>);

    /// Writes everything that is to be reported.
    fn reports(recorder: &mut TransportCcRecorder) -> Vec<Report> {
        let mut reports = Vec::new();
        while !recorder.is_empty() {
            let mut out = [0; 1_150];
            let mut writer = Writer::new(&mut out);
            recorder.write(1, 2, &mut writer).unwrap();
            let len = writer.finish();
            for packet in rtcp::packets(&out[..len]) {
                let Ok(Packet::TransportFeedback(feedback)) = packet else { panic!("no feedback") };
                let arrivals = feedback.arrivals().collect();
                reports.push((feedback.base_sequence_number(), feedback.status_count(), arrivals));
            }
            assert!(reports.len() <= 8, "it ends");
        }
        reports
    }

    #[test]
    fn arrivals_and_losses_are_reported_once() {
        let start = origin();
        let mut recorder = TransportCcRecorder::new();
        assert!(recorder.is_empty());
        assert!(reports(&mut recorder).is_empty());
        recorder.received(start, 65_534);
        recorder.received(start + ms(1), 65_535);
        recorder.received(start + ms(2), 1);
        assert!(!recorder.is_empty());
        let expected = vec![(65_534, 0), (65_535, 1_000), (1, 2_000)];
        assert_eq!(reports(&mut recorder), [(65_534, 4, expected)]);
        assert!(recorder.is_empty());
        recorder.received(start + ms(5), 4);
        assert_eq!(reports(&mut recorder), [(2, 3, vec![(4, 5_000)])], "2 and 3 were lost");
    }

    #[test]
    fn one_that_comes_after_its_report_is_reported_with_what_followed() {
        let start = origin();
        let mut recorder = TransportCcRecorder::new();
        recorder.received(start, 10);
        recorder.received(start + ms(1), 12);
        reports(&mut recorder);
        recorder.received(start + ms(2), 11);
        assert_eq!(reports(&mut recorder), [(11, 2, vec![(11, 2_000), (12, 1_000)])]);
    }

    #[test]
    fn a_second_one_changes_nothing() {
        let start = origin();
        let mut recorder = TransportCcRecorder::new();
        recorder.received(start, 10);
        recorder.received(start + ms(9), 10);
        assert_eq!(reports(&mut recorder), [(10, 1, vec![(10, 0)])]);
        recorder.received(start + ms(9), 10);
        assert!(recorder.is_empty());
    }

    #[test]
    fn what_is_older_than_the_first_or_the_window_is_passed_over() {
        let start = origin();
        let mut recorder = TransportCcRecorder::new();
        recorder.received(start, 1_000);
        recorder.received(start, 999);
        assert_eq!(reports(&mut recorder), [(1_000, 1, vec![(1_000, 0)])]);
        for number in 1_001..3_000 {
            recorder.received(start, number);
        }
        reports(&mut recorder);
        recorder.received(start, 1_500);
        assert!(recorder.is_empty());
    }

    #[test]
    fn a_jump_starts_anew_and_costs_one_status() {
        let start = origin();
        let mut recorder = TransportCcRecorder::new();
        recorder.received(start, 0);
        reports(&mut recorder);
        recorder.received(start, 30_000);
        assert_eq!(reports(&mut recorder), [(30_000, 1, vec![(30_000, 0)])]);
        // Just within the window everything between is lost.
        recorder.received(start, 30_000 + WINDOW as u16);
        let statuses: usize = reports(&mut recorder).iter().map(|r| usize::from(r.1)).sum();
        assert_eq!(statuses, WINDOW as usize);
    }

    #[test]
    fn more_than_fits_one_packet_takes_several() {
        let start = origin();
        let mut recorder = TransportCcRecorder::new();
        for number in 0..1_000 {
            recorder.received(start + ms(u64::from(number) * 100), number);
        }
        let reports = reports(&mut recorder);
        assert!(reports.len() > 1);
        let arrivals: Vec<u16> =
            reports.iter().flat_map(|report| report.2.iter().map(|arrival| arrival.0)).collect();
        assert_eq!(arrivals, (0..1_000).collect::<Vec<_>>());
    }

    /// The feedback on what was lost refers to the time of the arrival that followed, however many were lost and
    /// however little room there is for them.
    #[test]
    fn a_thousand_losses_in_a_row_refer_to_the_arrival_that_follows() {
        let start = origin();
        for room in [24, 28, 1_150] {
            let mut recorder = TransportCcRecorder::new();
            recorder.received(start, 0);
            reports(&mut recorder);
            recorder.received(start + Duration::from_secs(640), 1_001);
            let mut statuses = 0;
            while !recorder.is_empty() {
                let mut out = vec![0; room];
                let mut writer = Writer::new(&mut out);
                recorder.write(1, 2, &mut writer).unwrap();
                let len = writer.finish();
                let Some(Ok(Packet::TransportFeedback(feedback))) =
                    rtcp::packets(&out[..len]).next()
                else {
                    panic!("no feedback")
                };
                statuses += feedback.status_count();
                // 640 s in units of 64 ms, where the draft's figure has it.
                assert_eq!(out[16..19], [0, 0x27, 0x10], "room for {room}");
            }
            assert_eq!(statuses, 1_001);
        }
    }

    #[test]
    fn full_changes_nothing() {
        let mut recorder = TransportCcRecorder::new();
        recorder.received(origin(), 5);
        let mut out = [0; 20];
        assert_eq!(recorder.write(1, 2, &mut Writer::new(&mut out)), Err(Full));
        assert_eq!(reports(&mut recorder), [(5, 1, vec![(5, 0)])]);
        assert_eq!(recorder.feedback_packet_count, 1);
    }

    #[test]
    fn an_hour_of_silence_is_survived() {
        let start = origin();
        let mut recorder = TransportCcRecorder::new();
        recorder.received(start, 1);
        recorder.received(start + Duration::from_secs(3_600), 2);
        let reports = reports(&mut recorder);
        assert_eq!(reports.len(), 2, "a delta has 16 bits");
        assert_eq!(reports[1].2[0].1, 3_600_000_000);
    }

    #[test]
    fn forged_numbers_stay_within_bounds() {
        let mut random = Random::new(3);
        let mut recorder = TransportCcRecorder::new();
        let mut now = origin();
        for round in 0..20_000 {
            recorder.received(now, random.below(1 << 16) as u16);
            now += Duration::from_micros(random.below(2_000));
            assert!(recorder.begin <= recorder.next && recorder.next <= recorder.end);
            assert!(recorder.end - recorder.begin <= WINDOW);
            assert_eq!(recorder.ring.len(), WINDOW as usize);
            if round % 50 == 0 {
                reports(&mut recorder);
            }
        }
    }
}
