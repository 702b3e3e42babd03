//! Transport-wide congestion control feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1).
//!
//! A few octets can speak for thousands of packets that were lost (a run-length chunk covers 8,191), so nothing here
//! steps through lost packets: the work is bounded by the octets of the feedback, not by the count that it claims.

use super::feedback::FeedbackHeader;
use super::{Full, Writer, format, packet_type};
use crate::bytes::{Cursor, Reader, low16, low32};

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
        let mut received = Received::new(after_header, status_count);
        let mut received_count = 0;
        let mut deltas_len = 0;
        for (_, symbol) in received.by_ref() {
            received_count += 1;
            deltas_len += symbol.delta_len()?;
        }
        if received.left != 0 {
            return None;
        }
        let chunks_len = after_header.len() - received.chunks.len();
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

/// Packet status symbols (§3.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Symbol {
    NotReceived,
    SmallDelta,
    LargeDelta,
    Reserved,
}

impl Symbol {
    const fn from_bits(bits: u16) -> Self {
        match bits & 0b11 {
            0 => Self::NotReceived,
            1 => Self::SmallDelta,
            2 => Self::LargeDelta,
            _ => Self::Reserved,
        }
    }

    const fn bits(self) -> u16 {
        match self {
            Self::NotReceived => 0,
            Self::SmallDelta => 1,
            Self::LargeDelta => 2,
            Self::Reserved => 3,
        }
    }

    const fn delta_len(self) -> Option<usize> {
        match self {
            Self::NotReceived => Some(0),
            Self::SmallDelta => Some(1),
            Self::LargeDelta => Some(2),
            Self::Reserved => None,
        }
    }
}

/// Packet status chunks (§3.1.3, §3.1.4).
#[derive(Clone, Copy, Debug)]
enum Chunk {
    Run {
        symbol: Symbol,
        left: u16,
    },
    /// Symbols of `width` bits; the next ones stand in the highest bits.
    Vector {
        bits: u16,
        width: u16,
        left: u16,
    },
}

impl Chunk {
    const fn read(bits: u16) -> Self {
        match bits >> 14 {
            0 | 1 => Self::Run { symbol: Symbol::from_bits(bits >> 13), left: bits & 0x1fff },
            2 => Self::Vector { bits: bits << 2, width: 1, left: 14 },
            _ => Self::Vector { bits: bits << 2, width: 2, left: 7 },
        }
    }

    /// The next symbol and how many packets it is about: a whole run when they are lost.
    const fn next(&mut self) -> Option<(Symbol, u16)> {
        match self {
            Self::Run { left: 0, .. } | Self::Vector { left: 0, .. } => None,
            Self::Run { symbol: Symbol::NotReceived, left } => {
                let run = *left;
                *left = 0;
                Some((Symbol::NotReceived, run))
            }
            Self::Run { symbol, left } => {
                *left -= 1;
                Some((*symbol, 1))
            }
            Self::Vector { bits, width, left } => {
                let symbol = Symbol::from_bits(*bits >> (16 - *width));
                *bits <<= *width;
                *left -= 1;
                Some((symbol, 1))
            }
        }
    }
}

/// Iterator over the packets that arrived, by their offset from the base.
#[derive(Clone, Debug)]
struct Received<'a> {
    chunks: Reader<'a>,
    chunk: Chunk,
    offset: u16,
    /// Statuses still to come.
    left: u16,
}

impl<'a> Received<'a> {
    const fn new(chunks: &'a [u8], status_count: u16) -> Self {
        Self {
            chunks: Reader::new(chunks),
            chunk: Chunk::Run { symbol: Symbol::NotReceived, left: 0 },
            offset: 0,
            left: status_count,
        }
    }
}

impl Iterator for Received<'_> {
    type Item = (u16, Symbol);

    fn next(&mut self) -> Option<(u16, Symbol)> {
        while self.left != 0 {
            let Some((symbol, run)) = self.chunk.next() else {
                self.chunk = Chunk::read(self.chunks.u16()?);
                continue;
            };
            let offset = self.offset;
            self.offset = offset.wrapping_add(run);
            // The last chunk may reach beyond the count.
            self.left = self.left.saturating_sub(run);
            if symbol != Symbol::NotReceived {
                return Some((offset, symbol));
            }
        }
        None
    }
}

/// What a feedback packet begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransportFeedbackHeader {
    /// Who reports.
    pub sender_ssrc: u32,
    /// A stream of the sender.
    pub media_ssrc: u32,
    /// The transport-wide sequence number of the first status.
    pub base_sequence_number: u16,
    /// Number of this feedback packet.
    pub feedback_packet_count: u8,
}

impl Writer<'_> {
    /// Appends feedback on the packets from `header.base_sequence_number` on: for each, the time of its arrival in
    /// microseconds of any steady clock, or `None` when it did not come.
    ///
    /// Gives how many statuses were written: fewer than there are when the buffer is short or when an arrival lies
    /// more than 8 s from the one before it. The rest belongs into another packet. Writes nothing for none.
    ///
    /// # Errors
    ///
    /// [`Full`] when there is no room for a single status; nothing was written then.
    pub fn transport_feedback(
        &mut self,
        header: &TransportFeedbackHeader,
        arrivals: &[Option<i64>],
    ) -> Result<usize, Full> {
        if arrivals.is_empty() {
            return Ok(0);
        }
        let first = arrivals.iter().flatten().next().copied().unwrap_or(0);
        let reference_time = first.div_euclid(REFERENCE_MICROS);
        let all = Steps { arrivals, ticks: reference_time * (REFERENCE_MICROS / TICK_MICROS) };
        let count = fitting(all.clone(), self.remaining());
        let fitting = arrivals.get(..usize::from(count)).filter(|_| count != 0).ok_or(Full)?;
        let steps = Steps { arrivals: fitting, ..all };
        self.packet(format::TRANSPORT_WIDE_FEEDBACK, packet_type::TRANSPORT_FEEDBACK, |body| {
            FeedbackHeader { sender_ssrc: header.sender_ssrc, media_ssrc: header.media_ssrc }
                .write(body)?;
            body.u16(header.base_sequence_number)?;
            body.u16(count)?;
            body.u24(low32(reference_time.cast_unsigned()))?;
            body.u8(header.feedback_packet_count)?;
            write_chunks(body, steps.clone())?;
            write_deltas(body, steps)
        })?;
        Ok(usize::from(count))
    }
}

/// Common header, feedback header and the eight octets before the chunks.
const FIXED: usize = 4 + 8 + 8;

/// How many statuses fit, if each chunk took only the seven that it takes at least.
fn fitting(steps: Steps<'_>, space: usize) -> u16 {
    let mut deltas = 0;
    let mut count: u16 = 0;
    for (symbol, _) in steps {
        deltas += symbol.delta_len().unwrap_or(0);
        let Some(next) = count.checked_add(1) else { break };
        let len = FIXED + usize::from(next).div_ceil(7) * 2 + deltas;
        if len.next_multiple_of(4) > space {
            break;
        }
        count = next;
    }
    count
}

/// Iterator over (symbol, delta in ticks); ends at a delta that 16 bits cannot carry.
#[derive(Clone)]
struct Steps<'a> {
    arrivals: &'a [Option<i64>],
    /// The arrival before, in ticks.
    ticks: i64,
}

impl Iterator for Steps<'_> {
    type Item = (Symbol, i16);

    fn next(&mut self) -> Option<(Symbol, i16)> {
        let (arrival, rest) = self.arrivals.split_first()?;
        let step = match arrival {
            None => (Symbol::NotReceived, 0),
            Some(micros) => {
                let ticks = micros.div_euclid(TICK_MICROS);
                let delta = i16::try_from(ticks.checked_sub(self.ticks)?).ok()?;
                self.ticks = ticks;
                let small = (0..=255).contains(&delta);
                (if small { Symbol::SmallDelta } else { Symbol::LargeDelta }, delta)
            }
        };
        self.arrivals = rest;
        Some(step)
    }
}

/// Takes a run where it covers at least seven packets, else 14 symbols of one bit where that suffices, else
/// seven of two bits.
fn write_chunks(body: &mut Cursor<'_>, mut steps: Steps<'_>) -> Option<()> {
    loop {
        let Some((symbol, _)) = steps.clone().next() else { return Some(()) };
        let run = steps.clone().take(0x1fff).take_while(|step| step.0 == symbol).count();
        let taken = if run >= 7 {
            body.u16(symbol.bits() << 13 | low16(run.try_into().ok()?))?;
            run
        } else if steps.clone().take(14).all(|step| step.0 != Symbol::LargeDelta) {
            body.u16(0b10 << 14 | vector(steps.clone(), 14, 1))?;
            14
        } else {
            body.u16(0b11 << 14 | vector(steps.clone(), 7, 2))?;
            7
        };
        // `nth` counts from zero.
        steps.nth(taken - 1);
    }
}

/// `count` symbols of `width` bits, 14 bits in all; zeros where there are fewer.
fn vector(steps: Steps<'_>, count: u16, width: u16) -> u16 {
    steps
        .take(usize::from(count))
        .zip(1..=count)
        .fold(0, |bits, ((symbol, _), index)| bits | symbol.bits() << (14 - index * width))
}

fn write_deltas(body: &mut Cursor<'_>, mut steps: Steps<'_>) -> Option<()> {
    steps.try_for_each(|(symbol, delta)| match symbol {
        Symbol::SmallDelta => body.u8(u8::try_from(delta).ok()?),
        Symbol::LargeDelta => body.u16(delta.cast_unsigned()),
        _ => Some(()),
    })
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rtcp::{Packet, ParseError, packets};

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
    pub(in crate::rtcp) const ONE_BIT: &[u8] = &[
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
    pub(in crate::rtcp) const TWO_BIT: &[u8] = &[
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
        let mut received = Received::new(feedback.chunks, feedback.status_count);
        let mut chunks_before = received.chunks.len();
        assert_eq!(received.next(), None);
        chunks_before -= received.chunks.len();
        assert_eq!(chunks_before, 18, "every chunk was read once");
    }

    #[test]
    fn what_does_not_fit_is_for_the_next_packet() {
        let arrivals: Vec<_> = (0..100).map(|n| Some(n * 1000)).collect();
        let (bytes, count) = written(&arrivals, 100);
        assert!(bytes.len() <= 100);
        assert!((50..100).contains(&count), "{count}");
        let read: Vec<_> = parsed(&bytes).arrivals().map(|(_, micros)| Some(micros)).collect();
        assert_eq!(read, arrivals[..count]);
        let mut out = [0; 23];
        assert_eq!(Writer::new(&mut out).transport_feedback(&HEADER, &arrivals), Err(Full));
        assert_eq!(Writer::new(&mut out).transport_feedback(&HEADER, &[]), Ok(0));
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
