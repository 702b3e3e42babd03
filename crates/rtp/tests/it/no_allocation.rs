//! Reading and writing never ask the allocator for anything.

use allocation_counter::measure;
use tsubame_rtp::codec::{self, Codec, vp8, vp9};
use tsubame_rtp::extension::dependency_descriptor;
use tsubame_rtp::rtcp::{self, ReportBlock, SenderInfo, TransportFeedbackHeader, Writer};
use tsubame_rtp::{Header, HeaderWriter, Packet, PacketMut, ReceptionStatistics, SequenceExtender};

use crate::support::{all_rtcp, all_rtp, origin, walk_rtcp};

/// Checks that it would notice.
#[test]
fn an_allocation_is_counted() {
    assert_eq!(measure(|| drop(std::hint::black_box(vec![1_u8]))).count_total, 1);
}

#[test]
fn walking_every_rtcp_compound_does_not_allocate() {
    let all = all_rtcp();
    let mut steps = 0;
    let info = measure(|| {
        for golden in &all {
            steps += walk_rtcp(&golden.bytes);
        }
    });
    assert!(steps > 50);
    assert_eq!(info.count_total, 0);
}

#[test]
fn reading_every_rtp_packet_does_not_allocate() {
    let all = all_rtp();
    let mut found = 0;
    let info = measure(|| {
        for golden in &all {
            let packet = Packet::parse(&golden.bytes).unwrap();
            found += packet.csrcs().count() + packet.extensions().count();
            let descriptor = packet.extension(7);
            for codec in Codec::ALL {
                found += usize::from(codec::inspect(codec, &packet, descriptor).is_some());
            }
            let descriptor = descriptor.and_then(dependency_descriptor::read);
            found +=
                usize::from(descriptor.is_some_and(|d| d.frame(d.structure().as_ref()).is_some()));
        }
    });
    assert!(found > 100);
    assert_eq!(info.count_total, 0);
}

#[test]
fn changing_a_packet_in_place_does_not_allocate() {
    let mut all = all_rtp();
    let info = measure(|| {
        for golden in &mut all {
            let mut packet = PacketMut::parse(&mut golden.bytes).unwrap();
            packet.set_ssrc(7);
            packet.set_sequence_number(8);
            if let Some(data) = packet.extension_mut(7) {
                dependency_descriptor::set_frame_number(data, 9);
            }
            packet.remove_extension(1);
            vp8::rewrite(packet.payload_mut(), &vp8::Rewrite::default());
            vp9::rewrite(packet.payload_mut(), &vp9::Rewrite::default());
        }
    });
    assert_eq!(info.count_total, 0);
}

#[test]
fn writing_headers_and_reports_does_not_allocate() {
    let start = origin();
    let header =
        Header { marker: true, payload_type: 96, sequence_number: 1, timestamp: 2, ssrc: 3 };
    let arrivals = [Some(0), None, Some(900), Some(5_000_000)];
    let mut out = [0; 1200];
    let mut statistics = ReceptionStatistics::new(90_000);
    let mut extender = SequenceExtender::new();
    let mut written = 0;
    let info = measure(|| {
        let mut writer = HeaderWriter::with_csrcs(&mut out, &header, &[1, 2]).unwrap();
        writer.extension(1, b"0").unwrap();
        writer.extension(20, &[0; 30]).unwrap();
        written += writer.finish();
        statistics.received(start, extender.extend(1), 2);
        let block = statistics.report_block(3, start, None);
        let mut writer = Writer::new(&mut out);
        writer.sender_report(&SenderInfo::default(), &[block]).unwrap();
        writer.receiver_report(1, &[ReportBlock::default(); 2]).unwrap();
        writer.source_description(1, "cname").unwrap();
        writer.nack(1, 2, [1, 2, 100]).unwrap();
        let header = TransportFeedbackHeader {
            sender_ssrc: 1,
            media_ssrc: 2,
            base_sequence_number: 3,
            feedback_packet_count: 4,
        };
        written += writer.transport_feedback(&header, &arrivals).unwrap();
        written += writer.finish();
        written += rtcp::packets(&out).count();
    });
    assert!(written > 200);
    assert_eq!(info.count_total, 0);
}
