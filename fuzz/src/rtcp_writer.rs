//! RTCP packets written in any order into memory of any size: what was taken is read back as it is, what did not fit left no
//! trace.

use tsubame_rtp::NtpTime;
use tsubame_rtp::rtcp::{
    self, Application, Dlrr, ExtendedBlock, Full, Metric, Packet, ReportBlock, SenderInfo,
    TransportFeedbackHeader, Writer,
};

use crate::input::Input;

/// What has to be read.
enum Expected {
    Sender(SenderInfo, Vec<ReportBlock>),
    Receiver(u32, Vec<ReportBlock>),
    Cname(u32, String),
    Goodbye(Vec<u32>, String),
    Application(u8, u32, [u8; 4], Vec<u8>),
    Nack(Vec<u16>),
    Keyframe(u32),
    Fir(u32, u8),
    Bitrate(u64, Vec<u32>),
    Arrivals(u16, Vec<Option<i64>>),
    Extended(Option<NtpTime>, Vec<Dlrr>),
    Congestion(Vec<(u32, u16, Vec<Option<Metric>>)>),
}

/// See the module's documentation.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let mut memory = vec![0xee; usize::from(input.u16() % 4_096)];
    let size = memory.len();
    let mut writer = Writer::new(&mut memory);
    let mut expected = Vec::new();
    while let Some(operation) = input.operation() {
        let before = writer.len();
        match write(&mut writer, operation, &mut input) {
            Ok(Some(packet)) => expected.push(packet),
            Ok(None) => assert_eq!(writer.len(), before, "nothing, in some octets"),
            Err(Full) => assert_eq!(writer.len(), before, "a part of what did not fit"),
        }
        assert_eq!(writer.len() + writer.remaining(), size);
        assert!(writer.len().is_multiple_of(4));
    }
    let len = writer.finish();
    let packets: Result<Vec<_>, _> = rtcp::packets(&memory[..len]).collect();
    let packets = packets.expect("ours");
    assert_eq!(packets.len(), expected.len());
    for (packet, expected) in packets.iter().zip(&expected) {
        assert!(is(packet, expected), "another packet than was written: {packet:?}");
    }
    assert!(memory[len..].len() + len == size);
}

/// `Ok(None)`: there was nothing to write.
fn write(
    writer: &mut Writer<'_>,
    operation: u8,
    input: &mut Input<'_>,
) -> Result<Option<Expected>, Full> {
    Ok(Some(match operation % 13 {
        0 => {
            let info = SenderInfo {
                ssrc: input.u32(),
                ntp: NtpTime(input.u64()),
                rtp_timestamp: input.u32(),
                packet_count: input.u32(),
                octet_count: input.u32(),
            };
            let blocks = blocks(input);
            writer.sender_report(&info, &blocks)?;
            Expected::Sender(info, blocks)
        }
        1 => {
            let (ssrc, blocks) = (input.u32(), blocks(input));
            writer.receiver_report(ssrc, &blocks)?;
            Expected::Receiver(ssrc, blocks)
        }
        2 => {
            let (ssrc, cname) = (input.u32(), input.text());
            writer.source_description(ssrc, &cname)?;
            Expected::Cname(ssrc, cname)
        }
        3 => {
            let (ssrcs, reason) = (numbers(input), input.text());
            writer.goodbye(&ssrcs, &reason)?;
            Expected::Goodbye(ssrcs, reason)
        }
        4 => {
            let (subtype, ssrc, name) = (input.u8() % 64, input.u32(), input.array());
            let data = input.short();
            writer.application(&Application { subtype, ssrc, name, data })?;
            Expected::Application(subtype, ssrc, name, data.to_vec())
        }
        5 => {
            let begin = input.u16();
            // Ascending modulo 2^16, and less than half of the circle around.
            let steps = input.short().iter().take(100).scan(begin, |number, step| {
                *number = number.wrapping_add(u16::from(*step));
                Some(*number)
            });
            let mut numbers: Vec<_> = steps.collect();
            writer.nack(1, 2, numbers.iter().copied())?;
            if numbers.is_empty() {
                return Ok(None);
            }
            numbers.dedup();
            Expected::Nack(numbers)
        }
        6 => {
            let ssrc = input.u32();
            writer.picture_loss_indication(1, ssrc)?;
            Expected::Keyframe(ssrc)
        }
        7 => {
            let (ssrc, number) = (input.u32(), input.u8());
            writer.full_intra_request(1, ssrc, number)?;
            Expected::Fir(ssrc, number)
        }
        8 => {
            let (bitrate, ssrcs) = (input.u64() >> (input.u8() % 64), numbers(input));
            writer.receiver_estimated_max_bitrate(1, bitrate, &ssrcs)?;
            Expected::Bitrate(bitrate, ssrcs)
        }
        9 | 10 => return feedback(writer, input),
        11 => {
            let time = (input.flag()).then(|| NtpTime(input.u64()));
            let item = |number: u32| Dlrr {
                ssrc: number,
                last_receiver_report: number ^ 0xffff,
                delay_since_last_receiver_report: !number,
            };
            let items: Vec<_> = numbers(input).into_iter().map(item).collect();
            writer.extended_report(3, time, &items)?;
            Expected::Extended(time, items)
        }
        _ => {
            let mut streams = Vec::new();
            for _ in 0..input.u8() % 3 {
                let metric = |octet: &u8| {
                    let offset = u16::from(*octet) << 5 | 1;
                    (octet % 3 != 0).then_some(Metric { ecn: octet % 4, arrival_time_offset: offset })
                };
                let metrics = input.short().iter().map(metric).collect::<Vec<_>>();
                streams.push((input.u32(), input.u16(), metrics));
            }
            let borrowed: Vec<_> = streams.iter().map(|(a, b, list)| (*a, *b, &list[..])).collect();
            writer.congestion_control_feedback(4, &borrowed, 5)?;
            Expected::Congestion(streams)
        }
    }))
}

/// Transport-wide feedback writes as many statuses as fit.
fn feedback(writer: &mut Writer<'_>, input: &mut Input<'_>) -> Result<Option<Expected>, Full> {
    let base_sequence_number = input.u16();
    let header = TransportFeedbackHeader {
        sender_ssrc: 1,
        media_ssrc: 2,
        base_sequence_number,
        feedback_packet_count: 3,
    };
    let begin = i64::from(input.u32());
    let mut micros = begin * 250;
    let mut arrivals = Vec::new();
    for octet in input.short() {
        match octet {
            // Runs of lost packets.
            0..=63 => arrivals.extend(std::iter::repeat_n(None, usize::from(*octet))),
            64..=191 => {
                micros += i64::from(*octet - 64) * 700;
                arrivals.push(Some(micros));
            }
            192..=250 => {
                micros -= i64::from(*octet - 192) * 1_000;
                arrivals.push(Some(micros));
            }
            _ => {
                micros += i64::from(*octet) * 30_000;
                arrivals.push(Some(micros));
            }
        }
    }
    let written = match begin % 2 {
        0 => writer.transport_feedback(&header, &arrivals)?,
        _ => writer.transport_feedback_since(&header, begin * 250, &arrivals)?,
    };
    if arrivals.is_empty() {
        assert_eq!(written, 0);
        return Ok(None);
    }
    assert!((1..=arrivals.len()).contains(&written));
    arrivals.truncate(written);
    Ok(Some(Expected::Arrivals(base_sequence_number, arrivals)))
}

fn blocks(input: &mut Input<'_>) -> Vec<ReportBlock> {
    let mut blocks = Vec::new();
    for _ in 0..input.u8() % 40 {
        blocks.push(ReportBlock {
            ssrc: input.u32(),
            fraction_lost: input.u8(),
            // 24 bits, signed.
            cumulative_lost: (input.u32() << 8).cast_signed() >> 8,
            extended_highest_sequence_number: input.u32(),
            jitter: input.u32(),
            last_sender_report: input.u32(),
            delay_since_last_sender_report: input.u32(),
        });
    }
    blocks
}

fn numbers(input: &mut Input<'_>) -> Vec<u32> {
    input.short().iter().map(|octet| u32::from(*octet) * 0x0101_0101).collect()
}

fn is(packet: &Packet<'_>, expected: &Expected) -> bool {
    match (packet, expected) {
        (Packet::SenderReport(report), Expected::Sender(info, blocks)) => {
            report.info() == *info && report.report_blocks().eq(blocks.iter().copied())
        }
        (Packet::ReceiverReport(report), Expected::Receiver(ssrc, blocks)) => {
            report.ssrc() == *ssrc && report.report_blocks().eq(blocks.iter().copied())
        }
        (Packet::SourceDescription(description), Expected::Cname(ssrc, cname)) => {
            let chunks: Vec<_> = description.chunks().collect();
            chunks.len() == 1
                && chunks[0].ssrc() == *ssrc
                && chunks[0].cname() == Some(cname.as_bytes())
        }
        (Packet::Goodbye(goodbye), Expected::Goodbye(ssrcs, reason)) => {
            goodbye.ssrcs().eq(ssrcs.iter().copied())
                && goodbye.reason().unwrap_or_default() == reason.as_bytes()
        }
        (Packet::Application(read), Expected::Application(subtype, ssrc, name, data)) => {
            (read.subtype, read.ssrc, read.name) == (*subtype, *ssrc, *name)
                && read.data.starts_with(data)
                && read.data.len() == data.len().next_multiple_of(4)
        }
        (Packet::Nack(nack), Expected::Nack(numbers)) => {
            nack.sequence_numbers().eq(numbers.iter().copied())
        }
        (Packet::PictureLossIndication(read), Expected::Keyframe(ssrc)) => read.media_ssrc == *ssrc,
        (Packet::FullIntraRequest(request), Expected::Fir(ssrc, number)) => {
            let entries: Vec<_> = request.entries().collect();
            entries.len() == 1 && (entries[0].ssrc, entries[0].sequence_number) == (*ssrc, *number)
        }
        (Packet::ReceiverEstimatedMaxBitrate(read), Expected::Bitrate(bitrate, ssrcs)) => {
            // The highest 18 bits.
            let lost = (64 - bitrate.leading_zeros()).saturating_sub(18);
            read.bitrate() == bitrate >> lost << lost && read.ssrcs().eq(ssrcs.iter().copied())
        }
        (Packet::TransportFeedback(read), Expected::Arrivals(base, arrivals)) => {
            let numbered = arrivals.iter().enumerate().filter_map(|(index, arrival)| {
                let micros = (*arrival)?;
                Some((base.wrapping_add(index as u16), micros.div_euclid(250) * 250))
            });
            // The reference time has 24 bits of 64 ms: both go around together.
            let around = |micros: i64| micros.rem_euclid((1 << 24) * 64_000);
            read.base_sequence_number() == *base
                && usize::from(read.status_count()) == arrivals.len()
                && read
                    .arrivals()
                    .map(|(number, micros)| (number, around(micros)))
                    .eq(numbered.map(|(number, micros)| (number, around(micros))))
        }
        (Packet::ExtendedReport(report), Expected::Extended(time, items)) => {
            let blocks: Vec<_> = report.blocks().collect();
            let times = blocks.iter().filter_map(|block| match block {
                ExtendedBlock::ReceiverReferenceTime(time) => Some(*time),
                _ => None,
            });
            let dlrr = blocks.iter().filter_map(|block| match block {
                ExtendedBlock::Dlrr(items) => Some(*items),
                _ => None,
            });
            times.eq(*time) && dlrr.flatten().eq(items.iter().copied())
        }
        (Packet::CongestionControlFeedback(read), Expected::Congestion(streams)) => {
            read.sender_ssrc() == 4
                && read.report_timestamp() == 5
                && read.streams().count() == streams.len()
                && read.streams().zip(streams).all(|(read, (ssrc, begin, metrics))| {
                    (read.ssrc(), read.begin_sequence_number()) == (*ssrc, *begin)
                        && read.metrics().map(|(_, metric)| metric).eq(metrics.iter().copied())
                        && read.metrics().all(|(number, _)| number.wrapping_sub(*begin) < 256)
                })
        }
        _ => false,
    }
}
