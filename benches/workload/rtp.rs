//! A video packet as a browser sends it, and an RTCP compound.

use tsubame_rtp::rtcp::{self, ReportBlock, SenderInfo, TransportFeedbackHeader, Writer};
use tsubame_rtp::{Header, HeaderWriter, NtpTime, Packet};

/// Local identifier of the MID in [`packet`].
pub(crate) const MID: u8 = 1;
/// Local identifier of the transport-wide sequence number, the last element but one.
pub(crate) const TRANSPORT_CC: u8 = 3;

const SSRC: u32 = 0xcafe_babe;

/// 1,200 octets: MID, absolute send time, transport-wide sequence number and video orientation in front of the payload.
pub(crate) fn packet() -> Vec<u8> {
    let mut packet = vec![0; 1200];
    let header = Header {
        marker: true,
        payload_type: 96,
        sequence_number: 4711,
        timestamp: 90_000,
        ssrc: SSRC,
    };
    let mut writer = HeaderWriter::new(&mut packet, &header).expect("room for a header");
    for (id, data) in
        [(MID, &b"1"[..]), (2, &[0x12, 0x34, 0x56]), (TRANSPORT_CC, &[0x0f, 0xa0]), (5, &[0x00])]
    {
        writer.extension(id, data).expect("room for an extension");
    }
    let header_length = writer.finish();
    packet[header_length..].fill(0x5a);
    packet
}

/// Parses the packet, looks two extensions up, and reads every field an SFU needs.
pub(crate) fn read_packet(packet: &[u8]) -> u64 {
    let packet = Packet::parse(packet).expect("a packet");
    let mid = packet.extension(MID).expect("a MID");
    let sequence = packet.extension(TRANSPORT_CC).expect("a sequence number");
    sum([
        u64::from(packet.marker()),
        u64::from(packet.payload_type()),
        u64::from(packet.sequence_number()),
        u64::from(packet.timestamp()),
        u64::from(packet.ssrc()),
        octets(mid),
        octets(sequence),
        packet.payload().len() as u64,
    ])
}

/// SR with two report blocks, SDES with a CNAME, a NACK of five packets, and transport-wide feedback on 40 packets of
/// which two were lost: 200 octets.
pub(crate) fn compound() -> Vec<u8> {
    let mut out = [0; 1200];
    let mut writer = Writer::new(&mut out);
    let info = SenderInfo {
        ssrc: SSRC,
        ntp: NtpTime(0xb44d_b705_2000_0000),
        rtp_timestamp: 90_000,
        packet_count: 1234,
        octet_count: 1_234_567,
    };
    let block = |ssrc| ReportBlock {
        ssrc,
        fraction_lost: 12,
        cumulative_lost: 77,
        extended_highest_sequence_number: 0x0001_1267,
        jitter: 93,
        last_sender_report: 0xb705_2000,
        delay_since_last_sender_report: 0x0001_8000,
    };
    let arrivals: Vec<Option<i64>> = (0..40)
        .map(|packet: i64| {
            (packet % 17 != 9).then_some(1_000_000 + packet * 1_250 + packet % 3 * 500)
        })
        .collect();
    let feedback = TransportFeedbackHeader {
        sender_ssrc: SSRC,
        media_ssrc: 7,
        base_sequence_number: 4711,
        feedback_packet_count: 9,
    };
    writer.sender_report(&info, &[block(1), block(2)]).expect("room");
    writer.source_description(SSRC, "u3lCqbTz8pQ1mZ4k").expect("room");
    writer.nack(SSRC, 7, [100, 101, 105, 300, 302]).expect("room");
    let written = writer.transport_feedback(&feedback, &arrivals).expect("room");
    assert_eq!(written, arrivals.len(), "one packet holds all of the feedback");
    let length = writer.finish();
    out[..length].to_vec()
}

/// Parses the compound and reads every value in it.
pub(crate) fn read_compound(compound: &[u8]) -> u64 {
    let mut total = 0_u64;
    for packet in rtcp::packets(compound) {
        total = total.wrapping_add(match packet.expect("an RTCP packet") {
            rtcp::Packet::SenderReport(report) => {
                let info = report.info();
                report.report_blocks().fold(
                    sum([
                        u64::from(info.ssrc),
                        info.ntp.0,
                        u64::from(info.rtp_timestamp),
                        u64::from(info.packet_count),
                        u64::from(info.octet_count),
                    ]),
                    |total, block| {
                        total.wrapping_add(sum([
                            u64::from(block.ssrc),
                            u64::from(block.fraction_lost),
                            u64::from(block.cumulative_lost.unsigned_abs()),
                            u64::from(block.extended_highest_sequence_number),
                            u64::from(block.jitter),
                            u64::from(block.last_sender_report),
                            u64::from(block.delay_since_last_sender_report),
                        ]))
                    },
                )
            }
            rtcp::Packet::SourceDescription(description) => description
                .chunks()
                .map(|chunk| u64::from(chunk.ssrc()) + octets(chunk.cname().expect("a CNAME")))
                .sum(),
            rtcp::Packet::Nack(nack) => nack.sequence_numbers().map(u64::from).sum(),
            rtcp::Packet::TransportFeedback(feedback) => feedback
                .arrivals()
                .map(|(sequence, at)| u64::from(sequence) + at.unsigned_abs())
                .sum(),
            other => panic!("not in the compound: {other:?}"),
        });
    }
    total
}

/// So that nothing that was read can be left out by the compiler.
pub(crate) fn sum<const N: usize>(values: [u64; N]) -> u64 {
    values.into_iter().fold(0, u64::wrapping_add)
}

/// As [`sum`].
pub(crate) fn octets(octets: &[u8]) -> u64 {
    octets.iter().copied().map(u64::from).sum()
}
