//! RTP packets and RTCP compounds: parsed, and every value read.

use std::hint::black_box;

use bytes::Bytes;
use rtc_shared::marshal::Unmarshal;

use crate::measure::{Contestant, Role};
use crate::table::{Group, Row};
use crate::workload::rtp::{
    MID, TRANSPORT_CC, compound, octets, packet, read_compound, read_packet, sum,
};

pub(crate) fn groups() -> [Group; 1] {
    let row = |name: &str, contestants| Row { name: name.to_owned(), contestants };
    [Group {
        name: "RTP and RTCP",
        rows: vec![
            row("RTP packet, two extensions looked up", rtp()),
            row("RTCP compound: SR, SDES, NACK, transport-cc of 40", rtcp()),
        ],
    }]
}

fn rtp() -> Vec<Contestant> {
    let (bytes, expected) = (packet(), read_packet(&packet()));
    let shared = Bytes::from(packet());
    let ours = bytes.clone();
    assert_eq!((rtc_rtp(&shared), rtp_types(&bytes)), (expected, expected), "all read the same");
    vec![
        Contestant::plain("tsubame-rtp", Role::Ours, move || read_packet(black_box(&ours))),
        Contestant::plain("rtc-rtp", Role::Peer, move || rtc_rtp(black_box(&shared))),
        Contestant::plain("rtp-types", Role::Peer, move || rtp_types(black_box(&bytes))),
    ]
}

/// The packet lies in a `Bytes` already, so that its payload need not be copied.
fn rtc_rtp(bytes: &Bytes) -> u64 {
    let packet = rtc_rtp::packet::Packet::unmarshal(&mut bytes.clone()).expect("a packet");
    let header = &packet.header;
    let extension = |id| header.get_extension(id).expect("the extension");
    sum([
        u64::from(header.marker),
        u64::from(header.payload_type),
        u64::from(header.sequence_number),
        u64::from(header.timestamp),
        u64::from(header.ssrc),
        octets(&extension(MID)),
        octets(&extension(TRANSPORT_CC)),
        packet.payload.len() as u64,
    ])
}

/// It leaves the elements of the header extension to its user: the loop is ours.
fn rtp_types(bytes: &[u8]) -> u64 {
    let packet = rtp_types::RtpPacket::parse(bytes).expect("a packet");
    let (profile, elements) = packet.extension().expect("an extension");
    assert_eq!(profile, 0xbede);
    let extension = |id| one_byte_element(elements, id).expect("the extension");
    sum([
        u64::from(packet.marker_bit()),
        u64::from(packet.payload_type()),
        u64::from(packet.sequence_number()),
        u64::from(packet.timestamp()),
        u64::from(packet.ssrc()),
        octets(extension(MID)),
        octets(extension(TRANSPORT_CC)),
        packet.payload().len() as u64,
    ])
}

/// RFC 8285 §4.2.
fn one_byte_element(mut elements: &[u8], wanted: u8) -> Option<&[u8]> {
    while let Some((&head, rest)) = elements.split_first() {
        if head == 0 {
            elements = rest;
            continue;
        }
        let (data, rest) = rest.split_at_checked(usize::from(head & 0x0f) + 1)?;
        if head >> 4 == wanted {
            return Some(data);
        }
        elements = rest;
    }
    None
}

fn rtcp() -> Vec<Contestant> {
    let (bytes, expected) = (compound(), read_compound(&compound()));
    let shared = Bytes::from(compound());
    let ours = bytes.clone();
    assert_eq!((rtc_rtcp(&shared), rtcp_types(&bytes)), (expected, expected), "all read the same");
    vec![
        Contestant::plain("tsubame-rtp", Role::Ours, move || read_compound(black_box(&ours))),
        Contestant::plain("rtc-rtcp", Role::Peer, move || rtc_rtcp(black_box(&shared))),
        Contestant::plain("rtcp-types", Role::Peer, move || rtcp_types(black_box(&bytes))),
    ]
}

fn rtc_rtcp(bytes: &Bytes) -> u64 {
    use rtc_rtcp::sender_report::SenderReport;
    use rtc_rtcp::source_description::{SdesType, SourceDescription};
    use rtc_rtcp::transport_feedbacks::transport_layer_cc::{
        PacketStatusChunk, SymbolTypeTcc, TransportLayerCc,
    };
    use rtc_rtcp::transport_feedbacks::transport_layer_nack::TransportLayerNack;

    let mut total = 0_u64;
    for packet in rtc_rtcp::packet::unmarshal(&mut bytes.clone()).expect("a compound") {
        let any = packet.as_any();
        total = total.wrapping_add(if let Some(report) = any.downcast_ref::<SenderReport>() {
            let head = sum([
                u64::from(report.ssrc),
                report.ntp_time,
                u64::from(report.rtp_time),
                u64::from(report.packet_count),
                u64::from(report.octet_count),
            ]);
            report.reports.iter().fold(head, |total, block| {
                total.wrapping_add(sum([
                    u64::from(block.ssrc),
                    u64::from(block.fraction_lost),
                    u64::from(block.total_lost),
                    u64::from(block.last_sequence_number),
                    u64::from(block.jitter),
                    u64::from(block.last_sender_report),
                    u64::from(block.delay),
                ]))
            })
        } else if let Some(description) = any.downcast_ref::<SourceDescription>() {
            let cname = |item: &&rtc_rtcp::source_description::SourceDescriptionItem| {
                item.sdes_type == SdesType::SdesCname
            };
            let chunks = description.chunks.iter();
            chunks
                .map(|chunk| {
                    let name = chunk.items.iter().find(cname).expect("a CNAME");
                    u64::from(chunk.source) + octets(&name.text)
                })
                .sum()
        } else if let Some(nack) = any.downcast_ref::<TransportLayerNack>() {
            nack.nacks.iter().flat_map(|pair| *pair).map(u64::from).sum()
        } else if let Some(feedback) = any.downcast_ref::<TransportLayerCc>() {
            // It gives chunks and deltas; putting them together is left to its user.
            let mut deltas = feedback.recv_deltas.iter();
            let mut at = i64::from(feedback.reference_time) * 64_000;
            let mut sequence = feedback.base_sequence_number;
            let mut left = feedback.packet_status_count;
            let mut total = 0;
            let mut status = |symbol: SymbolTypeTcc| {
                if left == 0 {
                    return;
                }
                left -= 1;
                if symbol != SymbolTypeTcc::PacketNotReceived {
                    at += deltas.next().expect("a delta").delta;
                    total += u64::from(sequence) + at.unsigned_abs();
                }
                sequence = sequence.wrapping_add(1);
            };
            for chunk in &feedback.packet_chunks {
                match chunk {
                    PacketStatusChunk::RunLengthChunk(run) => {
                        (0..run.run_length).for_each(|_| status(run.packet_status_symbol));
                    }
                    PacketStatusChunk::StatusVectorChunk(vector) => {
                        vector.symbol_list.iter().for_each(|symbol| status(*symbol));
                    }
                }
            }
            total
        } else {
            panic!("not in the compound")
        });
    }
    total
}

fn rtcp_types(bytes: &[u8]) -> u64 {
    use rtcp_types::{Compound, Nack, Packet, Twcc};

    let mut total = 0_u64;
    for packet in Compound::parse(bytes).expect("a compound") {
        total = total.wrapping_add(match packet.expect("an RTCP packet") {
            Packet::Sr(report) => {
                let head = sum([
                    u64::from(report.ssrc()),
                    report.ntp_timestamp(),
                    u64::from(report.rtp_timestamp()),
                    u64::from(report.packet_count()),
                    u64::from(report.octet_count()),
                ]);
                report.report_blocks().fold(head, |total, block| {
                    total.wrapping_add(sum([
                        u64::from(block.ssrc()),
                        u64::from(block.fraction_lost()),
                        u64::from(block.cumulative_lost()),
                        u64::from(block.extended_sequence_number()),
                        u64::from(block.interarrival_jitter()),
                        u64::from(block.last_sender_report_timestamp()),
                        u64::from(block.delay_since_last_sender_report_timestamp()),
                    ]))
                })
            }
            Packet::Sdes(description) => description
                .chunks()
                .map(|chunk| {
                    let name = chunk.items().find(|item| item.type_() == 1).expect("a CNAME");
                    u64::from(chunk.ssrc()) + octets(name.value())
                })
                .sum(),
            Packet::TransportFeedback(feedback) => {
                if let Ok(nack) = feedback.parse_fci::<Nack<'_>>() {
                    nack.entries().map(u64::from).sum()
                } else {
                    let feedback = feedback.parse_fci::<Twcc<'_>>().expect("transport-cc");
                    twcc(&feedback)
                }
            }
            other => panic!("not in the compound: {other:?}"),
        });
    }
    total
}

fn twcc(feedback: &rtcp_types::Twcc<'_>) -> u64 {
    use rtcp_types::TwccPacketStatus::Received;

    let mut at = i64::from(feedback.reference_time()) * 64_000;
    let mut total = 0;
    for packet in feedback.packets() {
        let (sequence, status) = packet.expect("a status");
        if let Received { delta } = status {
            at += i64::from(delta) * 250;
            total += u64::from(sequence) + at.unsigned_abs();
        }
    }
    total
}
