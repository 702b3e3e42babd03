//! Writing transport-wide feedback: which chunks, and how many statuses fit.

use super::chunk::Symbol;
use super::{REFERENCE_MICROS, TICK_MICROS};
use crate::bytes::{Cursor, low32};
use crate::rtcp::feedback::FeedbackHeader;
use crate::rtcp::{Full, Writer, format, packet_type};

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
    /// Gives how many statuses were written: fewer than there are when the buffer is short, when there are more than
    /// 65,535, or when an arrival lies more than 8 s from the one before it. The rest belongs into another packet. Writes
    /// nothing for none.
    ///
    /// The feedback refers to the time of the first arrival that is handed in, even if only losses before it fit. Of losses
    /// alone it refers to time 0, which a sender takes for a jump of the clock: hand in losses together with the arrival that
    /// follows them (only that shows that they were sent), or use
    /// [`transport_feedback_since`](Self::transport_feedback_since).
    ///
    /// # Errors
    ///
    /// [`Full`] when there is no room for a single status; nothing was written then.
    pub fn transport_feedback(
        &mut self,
        header: &TransportFeedbackHeader,
        arrivals: &[Option<i64>],
    ) -> Result<usize, Full> {
        self.transport_feedback_since(header, 0, arrivals)
    }

    /// Appends feedback like [`transport_feedback`](Self::transport_feedback); where nothing arrived it refers to `since`, in
    /// microseconds of the same clock: the time of the last arrival that was reported, say.
    ///
    /// # Errors
    ///
    /// [`Full`] when there is no room for a single status; nothing was written then.
    pub fn transport_feedback_since(
        &mut self,
        header: &TransportFeedbackHeader,
        since: i64,
        arrivals: &[Option<i64>],
    ) -> Result<usize, Full> {
        if arrivals.is_empty() {
            return Ok(0);
        }
        let first = arrivals.iter().flatten().next().copied().unwrap_or(since);
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

/// How many statuses fit, chunk by chunk. Of the last chunk fewer statuses than it could take may fit, because of their
/// deltas; they take one chunk as well, for what one chunk can say one chunk can say of its beginning.
fn fitting(mut steps: Steps<'_>, space: usize) -> u16 {
    let mut len = FIXED;
    let mut count: u16 = 0;
    while let Some(kind) = ChunkKind::choose(&steps) {
        len += 2;
        for _ in 0..kind.takes() {
            let Some((symbol, _)) = steps.next() else { break };
            len += symbol.delta_len().unwrap_or(0);
            match count.checked_add(1) {
                Some(next) if len.next_multiple_of(4) <= space => count = next,
                _ => return count,
            }
        }
    }
    count
}

/// Iterator over (symbol, delta in ticks); ends at a delta that 16 bits cannot carry.
#[derive(Clone, Debug)]
struct Steps<'s> {
    arrivals: &'s [Option<i64>],
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

/// The three kinds of chunk.
#[derive(Clone, Copy, Debug)]
enum ChunkKind {
    /// So many of the same symbol.
    Run(Symbol, u16),
    /// 14 symbols of one bit.
    OneBit,
    /// Seven symbols of two bits.
    TwoBit,
}

impl ChunkKind {
    /// A run where it covers at least seven packets, else 14 symbols of one bit where that suffices, else seven of two.
    /// `None` when nothing is left.
    fn choose(steps: &Steps<'_>) -> Option<Self> {
        let (symbol, _) = steps.clone().next()?;
        let run = steps.clone().take(0x1fff).take_while(|step| step.0 == symbol).count();
        Some(match u16::try_from(run) {
            Ok(run @ 7..) => Self::Run(symbol, run),
            _ if steps.clone().take(14).all(|step| step.0 != Symbol::LargeDelta) => Self::OneBit,
            _ => Self::TwoBit,
        })
    }

    /// How many statuses it takes at most.
    const fn takes(self) -> u16 {
        match self {
            Self::Run(_, count) => count,
            Self::OneBit => 14,
            Self::TwoBit => 7,
        }
    }
}

fn write_chunks(body: &mut Cursor<'_>, mut steps: Steps<'_>) -> Option<()> {
    while let Some(kind) = ChunkKind::choose(&steps) {
        body.u16(match kind {
            ChunkKind::Run(symbol, count) => symbol.bits() << 13 | count,
            ChunkKind::OneBit => 0b10 << 14 | vector(steps.clone(), 14, 1),
            ChunkKind::TwoBit => 0b11 << 14 | vector(steps.clone(), 7, 2),
        })?;
        // `nth` counts from zero.
        steps.nth(usize::from(kind.takes()) - 1);
    }
    Some(())
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
