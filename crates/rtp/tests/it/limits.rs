//! Counts and lengths that lie: work is bounded by octets, not by what they claim.

use tsubame_rtp::codec::{av1, red, vp9};
use tsubame_rtp::extension::dependency_descriptor;
use tsubame_rtp::rtcp::{self, Packet, ParseError};
use tsubame_rtp::{Packet as Rtp, ParseError as RtpError};

use crate::support::{octets, walk_rtcp};

fn first_error(bytes: &[u8]) -> ParseError {
    let mut packets = rtcp::packets(bytes);
    packets.next().unwrap().unwrap_err()
}

/// A compound as large as a datagram, full of feedback that claims 65,535 lost packets each: one step for each packet.
#[test]
fn transport_feedback_on_millions_of_lost_packets_costs_its_octets() {
    let mut one = vec![0x8f, 205, 0, 9, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0xff, 0xff, 0, 0, 1, 9];
    one.extend([0x1f, 0xff].repeat(9));
    one.extend([0, 0]);
    let datagram = one.repeat(1500 / one.len());
    let claimed: usize = rtcp::packets(&datagram)
        .map(|packet| match packet.unwrap() {
            Packet::TransportFeedback(feedback) => usize::from(feedback.status_count()),
            _ => 0,
        })
        .sum();
    assert!(claimed > 2_000_000, "{claimed}");
    assert_eq!(walk_rtcp(&datagram), 1500 / one.len());
}

/// 65,535 packets that came, with their deltas, do not fit a datagram; without them the feedback is malformed.
#[test]
fn transport_feedback_that_claims_65_535_arrivals_is_refused() {
    let mut bytes = octets("8fcd000900000001000000020000ffff00000109");
    bytes.extend([0x3f, 0xff].repeat(9));
    bytes.extend([0, 0]);
    assert_eq!(first_error(&bytes), ParseError::Malformed { packet_type: 205, count: 15 });
    assert_eq!(walk_rtcp(&bytes), 1);
}

/// Chunks of no packets at all: as many steps as there are chunks, and then it is malformed.
#[test]
fn transport_feedback_of_empty_runs_ends() {
    let mut bytes = octets("8fcd016e00000001000000020000ffff00000109");
    bytes.resize(4 + 0x16e * 4, 0);
    assert_eq!(first_error(&bytes), ParseError::Malformed { packet_type: 205, count: 15 });
}

#[test]
fn a_nack_as_large_as_a_datagram_asks_for_seventeen_packets_an_entry() {
    let mut bytes = octets("81cd00000000000100000002");
    bytes.extend([0, 0, 0xff, 0xff].repeat(372));
    let words = (bytes.len() as u16 / 4 - 1).to_be_bytes();
    bytes[2..4].copy_from_slice(&words);
    let Some(Ok(Packet::Nack(nack))) = rtcp::packets(&bytes).next() else { panic!("not a NACK") };
    assert_eq!(nack.pairs().count(), 372);
    assert_eq!(nack.sequence_numbers().count(), 372 * 17);
}

#[test]
fn a_fir_list_is_as_long_as_its_octets() {
    let mut bytes = octets("84ce00000000000100000000");
    bytes.extend([0, 0, 0, 9, 1, 0, 0, 0].repeat(180));
    let words = (bytes.len() as u16 / 4 - 1).to_be_bytes();
    bytes[2..4].copy_from_slice(&words);
    let Some(Ok(Packet::FullIntraRequest(fir))) = rtcp::packets(&bytes).next() else {
        panic!("not a FIR")
    };
    assert_eq!(fir.entries().count(), 180);
}

/// A REMB on 255 streams, an SR and an RR with 31 blocks, an SDES with 31 chunks, a BYE of 31 sources: none of them there.
#[test]
fn lists_that_are_not_there_are_malformed() {
    let refused = [
        "8fce0004000000010000000052454d42ff0bd090",
        "9fc8000600000001000000000000000000000000000000000000000000000000",
        "9fc9000100000001",
        "9fca00010000000101000000",
        "9fcb000100000001",
    ];
    for hex in refused {
        let mut bytes = octets(hex);
        let words = (bytes.len() as u16 / 4 - 1).to_be_bytes();
        bytes[2..4].copy_from_slice(&words);
        assert!(matches!(first_error(&bytes), ParseError::Malformed { .. }), "{hex}");
    }
}

/// RFC 8888: 65,535 reports of one stream, more than 16,384 of them, and one more than there is room for.
#[test]
fn congestion_control_feedback_that_claims_more_than_it_has_is_refused() {
    for count in [0xffff_u16, 0x4001, 5] {
        let mut bytes = octets("8bcd0006000000010000000200000000800080000000000000000000");
        bytes[14..16].copy_from_slice(&count.to_be_bytes());
        assert_eq!(first_error(&bytes), ParseError::Malformed { packet_type: 205, count: 11 });
    }
}

/// RFC 8888 §3.1: 16,384 reports of a stream and no more, though all octets are there.
#[test]
fn congestion_control_feedback_reports_on_16_384_packets_of_a_stream() {
    let with = |count: u16| {
        let mut bytes = octets("8bcd0000000000010000000200000000");
        bytes[14..16].copy_from_slice(&count.to_be_bytes());
        bytes.extend([0x80, 0].repeat(usize::from(count).next_multiple_of(2)));
        bytes.extend([0; 4]);
        let words = (bytes.len() / 4 - 1) as u16;
        bytes[2..4].copy_from_slice(&words.to_be_bytes());
        bytes
    };
    for count in [16_383, 16_384] {
        let bytes = with(count);
        let Some(Ok(Packet::CongestionControlFeedback(feedback))) = rtcp::packets(&bytes).next()
        else {
            panic!("{count} reports are not read")
        };
        let counts: Vec<_> = feedback.streams().map(|stream| stream.metrics().count()).collect();
        assert_eq!(counts, [usize::from(count)]);
    }
    for count in [16_385, 16_386] {
        let expected = ParseError::Malformed { packet_type: 205, count: 11 };
        assert_eq!(first_error(&with(count)), expected, "{count}");
    }
}

#[test]
fn congestion_control_feedback_on_more_than_16_384_packets_of_a_stream_is_not_written() {
    let mut out = vec![0; 80_000];
    let reports = vec![None; 16_385];
    for count in [16_384, 16_385] {
        let mut writer = rtcp::Writer::new(&mut out);
        let written = writer.congestion_control_feedback(1, &[(2, 0, &reports[..count])], 3);
        let len = writer.finish();
        if count == 16_384 {
            assert_eq!((written, len), (Ok(()), 4 + 4 + 8 + 2 * count + 4));
            assert!(rtcp::packets(&out[..len]).all(|packet| packet.is_ok()));
        } else {
            assert_eq!((written, len), (Err(rtcp::Full), 0));
        }
    }
}

#[test]
fn a_length_field_beyond_the_datagram_ends_the_walk() {
    for claimed in [3_u16, 4, 0x7fff, 0xffff] {
        let mut bytes = octets("81ce000200000001cafebabe");
        bytes[2..4].copy_from_slice(&claimed.to_be_bytes());
        let expected = ParseError::Length { claimed: 4 + usize::from(claimed) * 4, available: 12 };
        assert_eq!(first_error(&bytes), expected);
        assert_eq!(rtcp::packets(&bytes).count(), 1);
    }
}

/// A datagram of nothing but empty headers: one step for four octets.
#[test]
fn a_compound_of_empty_packets_is_walked_once() {
    assert_eq!(rtcp::packets(&octets("80c30000").repeat(375)).count(), 375);
}

/// GHSA-f26w-gh5m-qq77: a padding count of zero, or of more than there is behind the header.
#[test]
fn padding_longer_than_the_packet_is_refused_in_rtp_and_rtcp() {
    for claimed in [0, 4, 255] {
        let rtp = [&octets("a0600001000000020000000300")[..], &[0, claimed]].concat();
        let expected = RtpError::Padding { claimed, available: 3 };
        assert_eq!(Rtp::parse(&rtp).unwrap_err(), expected);
        let mut rtcp = octets("a1ce000200000001cafebabe");
        rtcp[11] = claimed;
        let error = first_error(&rtcp);
        if claimed == 4 {
            assert_eq!(error, ParseError::Malformed { packet_type: 206, count: 1 });
        } else {
            assert_eq!(error, ParseError::Padding { claimed, available: 8 });
        }
    }
}

/// CSRCs and extension words that the packet does not have.
#[test]
fn a_header_that_announces_more_than_there_is_is_refused() {
    let error = |hex| Rtp::parse(&octets(hex)).unwrap_err();
    assert_eq!(error("8f6000010000000200000003"), RtpError::Truncated { needed: 72, len: 12 });
    assert_eq!(
        error("9060000100000002000000031000ffff"),
        RtpError::Truncated { needed: 16 + 0xffff * 4, len: 16 }
    );
    assert_eq!(error("906000010000000200000003"), RtpError::Truncated { needed: 16, len: 12 });
}

/// The largest extension there is, full of elements without data: two octets a step.
#[test]
fn an_extension_of_a_quarter_of_a_megabyte_costs_its_octets() {
    let mut bytes = octets("9060000100000002000000031000ffff");
    bytes.extend([7, 0].repeat(0xffff * 2));
    let packet = Rtp::parse(&bytes).unwrap();
    assert_eq!(packet.extensions().count(), 0xffff * 2);
    assert_eq!(packet.extension(8), None);
}

/// Descriptors and payloads whose lists claim more than they have.
#[test]
fn payload_lists_end_with_the_payload() {
    assert!(red::blocks(&[0xff; 1400]).is_none(), "350 blocks");
    assert!(vp9::scalability_structure(&[0x0a, 0x08, 255, 0]).is_none(), "255 pictures");
    assert_eq!(av1::elements(&[0; 1400]).unwrap().count(), 0, "empty elements");
    let ones = [&[0][..], &[1, 9].repeat(700)].concat();
    assert_eq!(av1::elements(&ones).unwrap().count(), 700);
    let structure = [&[0x80, 0, 1, 0x80][..], &[0; 252]].concat();
    assert_eq!(dependency_descriptor::read(&structure).unwrap().structure(), None, "no end");
}
