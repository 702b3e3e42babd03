//! Transport-wide congestion control feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1).
//!
//! A few octets can speak for thousands of packets that were lost (a run-length chunk covers 8,191), so nothing here
//! steps through lost packets: the work is bounded by the octets of the feedback, not by the count that it claims.

mod chunk;
mod write;

use self::chunk::{Received, Symbol};
use super::feedback::FeedbackHeader;
use crate::bytes::Reader;

pub use self::write::TransportFeedbackHeader;

/// Arrivals of packets, by their transport-wide sequence numbers.
#[derive(Clone, Copy, Debug)]
pub struct TransportFeedback<'a> {
    header: FeedbackHeader,
    base_sequence_number: u16,
    status_count: u16,
    received_count: u16,
    reference_time: i32,
    feedback_packet_count: u8,
    chunks: &'a [u8],
    deltas: &'a [u8],
}

/// Receive deltas are in 250 us, the reference time in 64 ms.
const TICK_MICROS: i64 = 250;
const REFERENCE_MICROS: i64 = 64_000;

impl<'a> TransportFeedback<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        let header = FeedbackHeader::read(&mut reader)?;
        let base_sequence_number = reader.u16()?;
        let status_count = reader.u16().filter(|count| *count != 0)?;
        // 24 bits, signed.
        let reference_time = (reader.u24()? << 8).cast_signed() >> 8;
        let feedback_packet_count = reader.u8()?;
        let after_header = reader.rest();
        let (chunks_len, received_count, deltas_len) = chunk::measure(after_header, status_count)?;
        let (chunks, rest) = after_header.split_at_checked(chunks_len)?;
        Some(Self {
            header,
            base_sequence_number,
            status_count,
            received_count,
            reference_time,
            feedback_packet_count,
            chunks,
            deltas: rest.get(..deltas_len)?,
        })
    }

    /// Who reports.
    #[must_use]
    pub const fn sender_ssrc(&self) -> u32 {
        self.header.sender_ssrc
    }

    /// A stream of the sender; any, for the feedback is about all of them.
    #[must_use]
    pub const fn media_ssrc(&self) -> u32 {
        self.header.media_ssrc
    }

    /// The first transport-wide sequence number it speaks of.
    #[must_use]
    pub const fn base_sequence_number(&self) -> u16 {
        self.base_sequence_number
    }

    /// How many it speaks of, 1 to 65,535.
    #[must_use]
    pub const fn status_count(&self) -> u16 {
        self.status_count
    }

    /// How many of them arrived.
    #[must_use]
    pub const fn received_count(&self) -> u16 {
        self.received_count
    }

    /// Number of this feedback packet, which shows lost ones.
    #[must_use]
    pub const fn feedback_packet_count(&self) -> u8 {
        self.feedback_packet_count
    }

    /// The packets that arrived: (sequence number, time of arrival). What it leaves out was lost. The time is in
    /// microseconds of a clock of the receiver's own, which wraps after 2^24 times 64 ms (12 days).
    #[must_use]
    pub fn arrivals(&self) -> Arrivals<'a> {
        Arrivals {
            base_sequence_number: self.base_sequence_number,
            received: Received::new(self.chunks, self.status_count),
            deltas: Reader::new(self.deltas),
            micros: i64::from(self.reference_time) * REFERENCE_MICROS,
        }
    }
}

/// Iterator over the packets that arrived: see [`TransportFeedback::arrivals`].
#[derive(Clone, Debug)]
pub struct Arrivals<'a> {
    base_sequence_number: u16,
    received: Received<'a>,
    deltas: Reader<'a>,
    micros: i64,
}

impl Iterator for Arrivals<'_> {
    type Item = (u16, i64);

    fn next(&mut self) -> Option<(u16, i64)> {
        let (offset, symbol) = self.received.next()?;
        let delta = match symbol {
            Symbol::SmallDelta => i64::from(self.deltas.u8()?),
            _ => i64::from(self.deltas.u16()?.cast_signed()),
        };
        self.micros += delta * TICK_MICROS;
        Some((self.base_sequence_number.wrapping_add(offset), self.micros))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rtcp::{Full, Packet, ParseError, Writer, packets};

    const HEADER: TransportFeedbackHeader = TransportFeedbackHeader {
        sender_ssrc: 1,
        media_ssrc: 2,
        base_sequence_number: 65_534,
        feedback_packet_count: 9,
    };

    fn written(arrivals: &[Option<i64>], space: usize) -> (Vec<u8>, usize) {
        let mut out = vec![0xff; space];
        let mut writer = Writer::new(&mut out);
        let count = writer.transport_feedback(&HEADER, arrivals).unwrap();
        let len = writer.finish();
        out.truncate(len);
        (out, count)
    }

    fn parsed(bytes: &[u8]) -> TransportFeedback<'_> {
        let Some(Ok(Packet::TransportFeedback(feedback))) = packets(bytes).next() else {
            panic!("no feedback")
        };
        feedback
    }

    /// Laid out by hand from the figures of §3.1: one-bit vector of four packets: came, lost, came, came
    /// (1011 then zeros); reference time 1 (64 ms); deltas 4, 8 and 0 ticks; padding.
    const ONE_BIT: &[u8] = &[
        0x8f,
        205,
        0,
        6,
        0,
        0,
        0,
        1,
        0,
        0,
        0,
        2, // header
        0xff,
        0xfe,
        0,
        4,
        0,
        0,
        1,
        9, // base, count, reference, number
        0b1010_1100,
        0,
        4,
        8,
        0,
        0,
        0,
        0, // chunk, deltas, padding
    ];

    /// Two-bit vector (small, large, lost, zeros: 01 10 00 00 00 00 00), then the deltas 1 and -2.
    const TWO_BIT: &[u8] = &[
        0x8f,
        205,
        0,
        6,
        0,
        0,
        0,
        1,
        0,
        0,
        0,
        2,
        0xff,
        0xfe,
        0,
        3,
        0xff,
        0xff,
        0xff,
        9,
        0b1101_1000,
        0,
        1,
        0xff,
        0xfe,
        0,
        0,
        0,
    ];

    #[test]
    fn a_vector_of_one_bit() {
        let feedback = parsed(ONE_BIT);
        assert_eq!((feedback.sender_ssrc(), feedback.media_ssrc()), (1, 2));
        assert_eq!((feedback.base_sequence_number(), feedback.status_count()), (65_534, 4));
        assert_eq!((feedback.feedback_packet_count(), feedback.received_count()), (9, 3));
        let arrivals: Vec<_> = feedback.arrivals().collect();
        assert_eq!(arrivals, [(65_534, 65_000), (0, 67_000), (1, 67_000)]);
    }

    #[test]
    fn a_vector_of_two_bits_and_a_negative_reference_time() {
        let feedback = parsed(TWO_BIT);
        let arrivals: Vec<_> = feedback.arrivals().collect();
        assert_eq!(arrivals, [(65_534, -63_750), (65_535, -64_250)]);
    }

    /// Two packets as browsers send them: with the padding bit, one to three octets of padding, and 24 bits of
    /// reference time.
    #[test]
    fn recorded_packets() {
        let run = [
            0xaf, 0xcd, 0x00, 0x05, 0xfa, 0x17, 0xfa, 0x17, 0x43, 0x03, 0x2f, 0xa0, 0x00, 0x99,
            0x00, 0x01, 0x3d, 0xe8, 0x02, 0x17, 0x20, 0x01, 0x94, 0x01,
        ];
        let feedback = parsed(&run);
        assert_eq!(feedback.media_ssrc(), 1_124_282_272);
        assert_eq!((feedback.base_sequence_number(), feedback.status_count()), (153, 1));
        assert_eq!(feedback.feedback_packet_count(), 23);
        let at = 4_057_090 * REFERENCE_MICROS + 37_000;
        assert_eq!(feedback.arrivals().collect::<Vec<_>>(), [(153, at)]);
        let vector = [
            0xaf, 0xcd, 0x00, 0x06, 0xfa, 0x17, 0xfa, 0x17, 0x19, 0x3d, 0xd8, 0xbb, 0x01, 0x74,
            0x00, 0x02, 0x45, 0xb1, 0x5a, 0x40, 0xd8, 0x00, 0xf0, 0xff, 0xd0, 0x00, 0x00, 0x03,
        ];
        let feedback = parsed(&vector);
        assert_eq!(feedback.feedback_packet_count(), 64);
        let first = 4_567_386 * REFERENCE_MICROS + 60_000;
        assert_eq!(feedback.arrivals().collect::<Vec<_>>(), [(372, first), (373, first - 12_000)]);
    }

    #[test]
    fn the_golden_packets_are_written() {
        let arrivals = [Some(65_000), None, Some(67_000), Some(67_100)];
        let (bytes, count) = written(&arrivals, 1500);
        assert_eq!(count, 4);
        // The writer needs one word less of padding than the golden packet has.
        assert_eq!(bytes[4..25], ONE_BIT[4..25]);
        assert_eq!(bytes.len(), 28);
        let (bytes, _) = written(&[Some(-63_750), Some(-64_250), None], 1500);
        assert_eq!(bytes[20..22], TWO_BIT[20..22]);
        assert_eq!(parsed(&bytes).arrivals().count(), 2);
    }

    #[test]
    fn runs() {
        // 10,000 lost packets between two that came.
        let mut arrivals = vec![None; 10_002];
        arrivals[0] = Some(0);
        arrivals[10_001] = Some(1000);
        let (bytes, count) = written(&arrivals, 65_536);
        assert_eq!(count, 10_002);
        let feedback = parsed(&bytes);
        assert_eq!(feedback.received_count(), 2);
        let expected = [(65_534, 0), (65_534_u16.wrapping_add(10_001), 1000)];
        assert_eq!(feedback.arrivals().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn statuses_without_chunks_are_malformed() {
        let mut bytes = ONE_BIT[..20].to_vec();
        bytes[3] = 4;
        bytes[14..16].copy_from_slice(&[0xff, 0xff]);
        let error = packets(&bytes).next().unwrap().unwrap_err();
        assert_eq!(error, ParseError::Malformed { packet_type: 205, count: 15 });
    }

    #[test]
    fn statuses_without_deltas_are_malformed() {
        // 8,191 packets that came, by one chunk, and no deltas.
        let mut bytes = ONE_BIT[..20].to_vec();
        bytes[14..16].copy_from_slice(&[0x1f, 0xff]);
        bytes.extend([0x3f, 0xff, 0, 0]);
        bytes[3] = 5;
        assert!(packets(&bytes).next().unwrap().is_err());
    }

    #[test]
    fn no_statuses_and_reserved_symbols_are_malformed() {
        let mut bytes = ONE_BIT.to_vec();
        bytes[15] = 0;
        assert!(packets(&bytes).next().unwrap().is_err());
        let mut bytes = TWO_BIT.to_vec();
        bytes[20] = 0b1111_0000;
        assert!(packets(&bytes).next().unwrap().is_err());
        // Empty runs are no progress, but there are only so many of them.
        let mut bytes = ONE_BIT.to_vec();
        bytes[20..].fill(0);
        assert!(packets(&bytes).next().unwrap().is_err());
    }

    /// Eight chunks speak for 65,535 lost packets: the walk takes as many steps as there are chunks.
    #[test]
    fn the_work_is_bounded_by_the_octets() {
        let mut bytes = ONE_BIT[..20].to_vec();
        bytes[14..16].copy_from_slice(&[0xff, 0xff]);
        for _ in 0..9 {
            bytes.extend([0x1f, 0xff]);
        }
        bytes.extend([0, 0]);
        bytes[3] = 9;
        let feedback = parsed(&bytes);
        assert_eq!((feedback.status_count(), feedback.received_count()), (65_535, 0));
        let (chunks_len, received_count, deltas_len) =
            chunk::measure(&bytes[20..], u16::MAX).unwrap();
        assert_eq!((chunks_len, received_count, deltas_len), (18, 0, 0), "every chunk once");
        assert_eq!(feedback.arrivals().next(), None);
    }

    /// Measuring by the chunk is the same as walking symbol by symbol, for any chunks and any count.
    #[test]
    fn measured_is_what_is_walked() {
        let small = (0..=u16::MAX)
            .step_by(3)
            .flat_map(|word| [1, 6, 7, 8, 13, 14, 15].map(|count| (word, count)));
        let large = (0..=u16::MAX).step_by(251).map(|word| (word, 8_190));
        for (word, status_count) in small.chain(large) {
            let chunks = [word.to_be_bytes(), [0x3f, 0xff], [0x3f, 0xff]].concat();
            let (mut received, mut deltas_len) = (0, Some(0));
            for (_, symbol) in Received::new(&chunks, status_count) {
                received += 1;
                deltas_len = deltas_len.and_then(|len| Some(len + symbol.delta_len()?));
            }
            let measured = chunk::measure(&chunks, status_count);
            let measured = measured.map(|(_, received, len)| (received, len));
            assert_eq!(
                measured,
                deltas_len.map(|len| (received, len)),
                "{word:04x} {status_count}"
            );
        }
    }

    #[test]
    fn what_does_not_fit_is_for_the_next_packet() {
        let arrivals: Vec<_> = (0..100).map(|n| Some(n * 1000)).collect();
        let (bytes, count) = written(&arrivals, 100);
        assert!(bytes.len() <= 100);
        assert_eq!(count, 78, "20 octets, one run, 78 deltas");
        let read: Vec<_> = parsed(&bytes).arrivals().map(|(_, micros)| Some(micros)).collect();
        assert_eq!(read, arrivals[..count]);
        let mut out = [0; 23];
        assert_eq!(Writer::new(&mut out).transport_feedback(&HEADER, &arrivals), Err(Full));
        assert_eq!(Writer::new(&mut out).transport_feedback(&HEADER, &[]), Ok(0));
    }

    /// Whatever space there is, what is written fits it, and one octet less of deltas would have taken more statuses.
    #[test]
    fn every_space_is_used() {
        let arrivals: Vec<_> = (0..64).map(|n| (n % 3 != 1).then_some(n * n * 1000)).collect();
        let mut before = 0;
        for space in 24..200 {
            let (bytes, count) = written(&arrivals, space);
            assert!(bytes.len() <= space);
            assert!(count >= before && count >= 1, "{space}");
            before = count;
            let expected: Vec<_> = arrivals[..count].iter().flatten().copied().collect();
            let read: Vec<_> = parsed(&bytes).arrivals().map(|(_, micros)| micros).collect();
            assert_eq!(read, expected);
        }
        assert_eq!(before, 64);
    }

    /// 599 lost packets before one that came: their feedback refers to its time, not to zero.
    #[test]
    fn losses_refer_to_the_time_of_the_arrival_that_follows() {
        let mut arrivals = vec![None; 600];
        arrivals[599] = Some(9_000_000_000);
        let (bytes, count) = written(&arrivals, 1500);
        assert_eq!((bytes.len(), count), (FIXED_AND_A_RUN_AND_A_VECTOR, 600));
        assert_eq!(parsed(&bytes).arrivals().collect::<Vec<_>>(), [(597, 9_000_000_000)]);
        // Room for the run of losses alone.
        let (bytes, count) = written(&arrivals, 24);
        assert_eq!((bytes.len(), count), (24, 599));
        assert_eq!(parsed(&bytes).received_count(), 0);
        assert_eq!(bytes[16..19], [0x02, 0x25, 0x51], "140,625 times 64 ms");
    }

    /// 20 octets before the chunks, a run, a vector, one delta and three octets of padding.
    const FIXED_AND_A_RUN_AND_A_VECTOR: usize = 28;

    #[test]
    fn losses_alone_refer_to_the_time_that_is_given() {
        let reference = |since: Option<i64>| {
            let mut out = [0; 64];
            let mut writer = Writer::new(&mut out);
            let written = match since {
                None => writer.transport_feedback(&HEADER, &[None; 513]),
                Some(since) => writer.transport_feedback_since(&HEADER, since, &[None; 513]),
            };
            assert_eq!(written, Ok(513));
            let len = writer.finish();
            assert_eq!(parsed(&out[..len]).arrivals().count(), 0);
            [out[16], out[17], out[18]]
        };
        assert_eq!(reference(None), [0, 0, 0]);
        assert_eq!(reference(Some(9_000_000_000)), [0x02, 0x25, 0x51]);
        assert_eq!(reference(Some(-1)), [0xff, 0xff, 0xff]);
        // An arrival goes before it.
        let mut out = [0; 64];
        let mut writer = Writer::new(&mut out);
        writer.transport_feedback_since(&HEADER, 9_000_000_000, &[None, Some(64_000)]).unwrap();
        let len = writer.finish();
        assert_eq!(parsed(&out[..len]).arrivals().collect::<Vec<_>>(), [(65_535, 64_000)]);
    }

    /// A run of 8,191 losses takes two octets, and the writer knows it.
    #[test]
    fn many_losses_fit_a_small_buffer() {
        let mut arrivals = vec![None; 8_192];
        arrivals[8_191] = Some(1);
        let (bytes, count) = written(&arrivals, 28);
        assert_eq!((bytes.len(), count), (28, 8_192));
    }

    #[test]
    fn more_than_65_535_statuses_are_for_the_next_packet() {
        let mut arrivals = vec![None; 70_000];
        arrivals[69_999] = Some(64_000);
        let (bytes, count) = written(&arrivals, 1500);
        assert_eq!(count, 65_535);
        assert_eq!(parsed(&bytes).status_count(), 65_535);
    }

    #[test]
    fn a_delta_of_more_than_16_bits_is_for_the_next_packet() {
        let (_, count) = written(&[Some(0), None, Some(9_000_000), Some(9_000_000)], 1500);
        assert_eq!(count, 2);
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(
            start in -1_000_000_000i64..1_000_000_000,
            steps in proptest::collection::vec(
                prop_oneof![
                    4 => (0i64..250).prop_map(Some),
                    2 => Just(None),
                    1 => (-30_000i64..30_000).prop_map(Some),
                ],
                1..300),
        ) {
            let mut ticks = start;
            let arrivals: Vec<_> = steps
                .into_iter()
                .map(|step| step.map(|step| { ticks += step; ticks * TICK_MICROS }))
                .collect();
            let (bytes, count) = written(&arrivals, 4096);
            prop_assert_eq!(count, arrivals.len());
            let feedback = parsed(&bytes);
            let expected: Vec<_> = arrivals
                .iter()
                .enumerate()
                .filter_map(|(index, arrival)| Some((65_534_u16.wrapping_add(index as u16), (*arrival)?)))
                .collect();
            // The reference time wraps after 2^24 * 64 ms; compare what is left of it.
            let wrap = |micros: i64| micros.rem_euclid(REFERENCE_MICROS << 24);
            let read: Vec<_> = feedback.arrivals().map(|(seq, micros)| (seq, wrap(micros))).collect();
            let expected: Vec<_> = expected.into_iter().map(|(seq, micros)| (seq, wrap(micros))).collect();
            prop_assert_eq!(read, expected);
        }
    }
}
