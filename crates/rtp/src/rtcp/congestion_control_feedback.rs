//! CCFB (RFC 8888 §3.1): arrival and ECN marks of each packet, per stream.

use super::{Full, Writer, format, packet_type};
use crate::bytes::{Cursor, Reader};

/// Most packets that one stream's block may report on (RFC 8888 §3.1).
const MAX_REPORTS: usize = 16_384;

/// A congestion control feedback packet.
#[derive(Clone, Copy, Debug)]
pub struct CongestionControlFeedback<'a> {
    sender_ssrc: u32,
    streams: &'a [u8],
    report_timestamp: u32,
}

/// What arrived of one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// The ECN bits of its IP header, 0 to 3.
    pub ecn: u8,
    /// How long before the report timestamp it came, in 1/1024 s, 13 bits: 0x1FFE is 8.19 s
    /// or more, 0x1FFF means that the time is not known.
    pub arrival_time_offset: u16,
}

impl<'a> CongestionControlFeedback<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        let sender_ssrc = reader.u32()?;
        let (streams, timestamp) = reader.rest().split_last_chunk()?;
        let feedback =
            Self { sender_ssrc, streams, report_timestamp: u32::from_be_bytes(*timestamp) };
        let mut streams = feedback.streams();
        while streams.next().is_some() {}
        streams.reader.is_empty().then_some(feedback)
    }

    /// Who reports.
    #[must_use]
    pub const fn sender_ssrc(&self) -> u32 {
        self.sender_ssrc
    }

    /// When it was sent: the middle 32 bits of the receiver's NTP clock.
    #[must_use]
    pub const fn report_timestamp(&self) -> u32 {
        self.report_timestamp
    }

    /// The streams it reports on.
    #[must_use]
    pub const fn streams(&self) -> Streams<'a> {
        Streams { reader: Reader::new(self.streams) }
    }
}

/// Iterator over the streams of a feedback packet.
#[derive(Clone, Debug)]
pub struct Streams<'a> {
    reader: Reader<'a>,
}

impl<'a> Iterator for Streams<'a> {
    type Item = StreamFeedback<'a>;

    fn next(&mut self) -> Option<StreamFeedback<'a>> {
        let mut reader = self.reader;
        let ssrc = reader.u32()?;
        let begin_sequence_number = reader.u16()?;
        let count = usize::from(reader.u16()?);
        if count > MAX_REPORTS {
            return None;
        }
        let metrics = reader.take(count * 2)?;
        // An odd number of metric blocks is padded to a whole word.
        reader.take(count % 2 * 2)?;
        self.reader = reader;
        Some(StreamFeedback { ssrc, begin_sequence_number, metrics })
    }
}

/// The feedback on one stream.
#[derive(Clone, Copy, Debug)]
pub struct StreamFeedback<'a> {
    ssrc: u32,
    begin_sequence_number: u16,
    metrics: &'a [u8],
}

impl<'a> StreamFeedback<'a> {
    /// The stream.
    #[must_use]
    pub const fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// The first sequence number reported on.
    #[must_use]
    pub const fn begin_sequence_number(&self) -> u16 {
        self.begin_sequence_number
    }

    /// One item per sequence number, `None` for a packet that did not arrive.
    #[must_use]
    pub const fn metrics(&self) -> StreamMetrics<'a> {
        StreamMetrics { next: self.begin_sequence_number, metrics: self.metrics }
    }
}

/// Iterator over sequence numbers and what arrived of them.
#[derive(Clone, Debug)]
pub struct StreamMetrics<'a> {
    next: u16,
    metrics: &'a [u8],
}

impl Iterator for StreamMetrics<'_> {
    type Item = (u16, Option<Metric>);

    fn next(&mut self) -> Option<Self::Item> {
        let (head, rest) = self.metrics.split_first_chunk()?;
        self.metrics = rest;
        let sequence_number = self.next;
        self.next = sequence_number.wrapping_add(1);
        let [high, _] = *head;
        let metric = Metric {
            ecn: high >> 5 & 0b11,
            arrival_time_offset: u16::from_be_bytes(*head) & 0x1fff,
        };
        Some((sequence_number, (high & 0x80 != 0).then_some(metric)))
    }
}

impl Writer<'_> {
    /// Appends a CCFB. Each stream is its SSRC, its first sequence number and one item per packet from there on.
    ///
    /// # Errors
    ///
    /// [`Full`], also for more than 16,384 packets of a stream; nothing was written then.
    pub fn congestion_control_feedback(
        &mut self,
        sender_ssrc: u32,
        streams: &[(u32, u16, &[Option<Metric>])],
        report_timestamp: u32,
    ) -> Result<(), Full> {
        self.packet(format::CONGESTION_CONTROL_FEEDBACK, packet_type::TRANSPORT_FEEDBACK, |body| {
            body.u32(sender_ssrc)?;
            for (ssrc, begin, metrics) in streams {
                body.u32(*ssrc)?;
                body.u16(*begin)?;
                write_metrics(body, metrics)?;
            }
            body.u32(report_timestamp)
        })
    }
}

fn write_metrics(body: &mut Cursor<'_>, metrics: &[Option<Metric>]) -> Option<()> {
    let count = u16::try_from(metrics.len()).ok()?;
    if metrics.len() > MAX_REPORTS {
        return None;
    }
    body.u16(count)?;
    for metric in metrics {
        body.u16(metric.map_or(0, |metric| {
            0x8000 | u16::from(metric.ecn & 0b11) << 13 | metric.arrival_time_offset & 0x1fff
        }))?;
    }
    if count % 2 == 1 {
        body.u16(0)?;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rtcp::tests::{one, written};
    use crate::rtcp::{Packet, packets};

    /// Laid out by hand from figure 2 of RFC 8888: one stream with three packets, of which the second is lost;
    /// one with none.
    const GOLDEN: &[u8] = &[
        0x8b, 205, 0, 8, 0, 0, 0, 1, // header, sender
        0, 0, 0, 2, 0xff, 0xff, 0, 3, // stream, begin 65,535, three reports
        0x80, 0x10, 0, 0, 0xff, 0xff, 0,
        0, // arrived; lost; arrived with CE at an unknown time; padding
        0, 0, 0, 3, 0, 5, 0, 0, // stream without reports
        0xb7, 0x05, 0x20, 0, // timestamp
    ];

    #[test]
    fn the_golden_packet() {
        let Packet::CongestionControlFeedback(feedback) = one(GOLDEN) else { panic!("no CCFB") };
        assert_eq!(feedback.sender_ssrc(), 1);
        assert_eq!(feedback.report_timestamp(), 0xb705_2000);
        let streams: Vec<_> = feedback.streams().collect();
        assert_eq!(streams.len(), 2);
        assert_eq!((streams[0].ssrc(), streams[0].begin_sequence_number()), (2, 65_535));
        let metric = |ecn, arrival_time_offset| Some(Metric { ecn, arrival_time_offset });
        let metrics: Vec<_> = streams[0].metrics().collect();
        assert_eq!(metrics, [(65_535, metric(0, 16)), (0, None), (1, metric(3, 0x1fff))]);
        assert_eq!(streams[1].metrics().count(), 0);
        let list: Vec<_> = metrics.iter().map(|(_, metric)| *metric).collect();
        let bytes = written(|writer| {
            let streams: [(u32, u16, &[Option<Metric>]); 2] = [(2, 65_535, &list), (3, 5, &[])];
            writer.congestion_control_feedback(1, &streams, 0xb705_2000)
        });
        assert_eq!(bytes, GOLDEN);
    }

    #[test]
    fn more_reports_than_octets_are_malformed() {
        let mut bytes = GOLDEN.to_vec();
        for claimed in [[0, 9], [0xff, 0xff], [0x40, 0x01]] {
            bytes[14..16].copy_from_slice(&claimed);
            assert!(packets(&bytes).next().unwrap().is_err());
        }
    }

    #[test]
    fn without_a_timestamp_it_is_malformed() {
        let bytes = [0x8b, 205, 0, 1, 0, 0, 0, 1];
        assert!(packets(&bytes).next().unwrap().is_err());
    }

    proptest! {
        #[test]
        fn what_was_reported_is_read(
            begin: u16,
            metrics in proptest::collection::vec(proptest::option::of((0u8..4, 0u16..0x2000)), 0..100),
        ) {
            let metrics: Vec<_> = metrics
                .into_iter()
                .map(|metric| metric.map(|(ecn, arrival_time_offset)| Metric { ecn, arrival_time_offset }))
                .collect();
            let bytes = written(|writer| writer.congestion_control_feedback(1, &[(2, begin, &metrics)], 9));
            let Packet::CongestionControlFeedback(feedback) = one(&bytes) else { panic!("no CCFB") };
            let stream = feedback.streams().next().unwrap();
            prop_assert_eq!(stream.metrics().map(|(_, metric)| metric).collect::<Vec<_>>(), metrics);
        }
    }
}
