//! Another implementation of RTCP (`rtc-rtcp`) in memory: what we write it reads to equal values, and the other way round.

use bytes::Bytes;
use rtc_rtcp as peer;
use rtc_shared::marshal::{Marshal, Unmarshal};
use tsubame_rtp::NtpTime;
use tsubame_rtp::rtcp::{
    self, Dlrr, ExtendedBlock, Full, Metric, Packet, ReportBlock, SenderInfo, SliceLoss,
    TransportFeedbackHeader, Writer,
};

use peer::extended_report::{
    DLRRReport, DLRRReportBlock, ExtendedReport, ReceiverReferenceTimeReportBlock,
};
use peer::goodbye::Goodbye;
use peer::payload_feedbacks::full_intra_request::{FirEntry, FullIntraRequest};
use peer::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use peer::payload_feedbacks::receiver_estimated_maximum_bitrate::ReceiverEstimatedMaximumBitrate;
use peer::payload_feedbacks::slice_loss_indication::{SliEntry, SliceLossIndication};
use peer::receiver_report::ReceiverReport;
use peer::reception_report::ReceptionReport;
use peer::sender_report::SenderReport;
use peer::source_description::{
    SdesType, SourceDescription, SourceDescriptionChunk, SourceDescriptionItem,
};
use peer::transport_feedbacks::cc_feedback_report::{
    CcFeedbackMetricBlock, CcFeedbackReport, CcFeedbackReportBlock, Ecn,
};
use peer::transport_feedbacks::transport_layer_cc::{SymbolTypeTcc, TransportLayerCc};
use peer::transport_feedbacks::transport_layer_nack::{
    NackPair, TransportLayerNack, nack_pairs_from_sequence_numbers,
};

use crate::support::browsers;

fn ours(write: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>) -> Bytes {
    let mut out = [0xff; 4096];
    let mut writer = Writer::new(&mut out);
    write(&mut writer).unwrap();
    let len = writer.finish();
    Bytes::copy_from_slice(&out[..len])
}

/// What the peer reads in what we wrote, and that it writes the same octets.
fn theirs<P: Unmarshal + Marshal>(mut bytes: Bytes) -> P {
    let written = bytes.clone();
    let packet = P::unmarshal(&mut bytes).unwrap();
    assert_eq!(packet.marshal().unwrap(), written, "the same octets");
    packet
}

/// The only packet in what the peer wrote.
fn one(bytes: &[u8]) -> Packet<'_> {
    let mut packets = rtcp::packets(bytes);
    let packet = packets.next().unwrap().unwrap();
    assert!(packets.next().is_none());
    packet
}

const BLOCK: ReportBlock = ReportBlock {
    ssrc: 0x0a0b_0c0d,
    fraction_lost: 64,
    cumulative_lost: 1000,
    extended_highest_sequence_number: 0x0002_1234,
    jitter: 77,
    last_sender_report: 0xb705_2000,
    delay_since_last_sender_report: 0x0005_4000,
};

fn their_block() -> ReceptionReport {
    ReceptionReport {
        ssrc: 0x0a0b_0c0d,
        fraction_lost: 64,
        total_lost: 1000,
        last_sequence_number: 0x0002_1234,
        jitter: 77,
        last_sender_report: 0xb705_2000,
        delay: 0x0005_4000,
    }
}

#[test]
fn sender_reports() {
    let info = SenderInfo {
        ssrc: 1,
        ntp: NtpTime(0xb44d_b705_2000_0000),
        rtp_timestamp: 90_000,
        packet_count: 7,
        octet_count: 1000,
    };
    let expected = SenderReport {
        ssrc: 1,
        ntp_time: info.ntp.0,
        rtp_time: 90_000,
        packet_count: 7,
        octet_count: 1000,
        reports: vec![their_block(); 31],
        profile_extensions: Bytes::new(),
    };
    let read: SenderReport = theirs(ours(|writer| writer.sender_report(&info, &[BLOCK; 31])));
    assert_eq!(read, expected);
    // Theirs may have extensions of a profile, which we pass over.
    let extended =
        SenderReport { profile_extensions: Bytes::from_static(&[1, 2, 3, 4]), ..expected };
    let bytes = extended.marshal().unwrap();
    let Packet::SenderReport(report) = one(&bytes) else { panic!("not an SR") };
    assert_eq!(report.info(), info);
    assert_eq!(report.report_blocks().collect::<Vec<_>>(), [BLOCK; 31]);
}

#[test]
fn receiver_reports() {
    let read: ReceiverReport = theirs(ours(|writer| writer.receiver_report(5, &[BLOCK; 2])));
    let expected = ReceiverReport {
        ssrc: 5,
        reports: vec![their_block(); 2],
        profile_extensions: Bytes::new(),
    };
    assert_eq!(read, expected);
    let bytes = expected.marshal().unwrap();
    let Packet::ReceiverReport(report) = one(&bytes) else { panic!("not an RR") };
    assert_eq!((report.ssrc(), report.report_blocks().collect()), (5, vec![BLOCK; 2]));
}

#[test]
fn source_descriptions() {
    // What the peer writes is not compared by octets: behind the items it writes a count where zeros belong, which we overlook.
    for cname in ["", "a", "ab", "abc", "abcd", "abcde"] {
        let mut bytes = ours(|writer| writer.source_description(9, cname));
        let read = SourceDescription::unmarshal(&mut bytes).unwrap();
        assert_eq!(read.chunks[0].source, 9);
        assert_eq!(read.chunks[0].items[0].sdes_type, SdesType::SdesCname);
        assert_eq!(read.chunks[0].items[0].text, cname);
    }
    // Two chunks of several items.
    let item =
        |sdes_type, text| SourceDescriptionItem { sdes_type, text: Bytes::from_static(text) };
    let items = vec![item(SdesType::SdesCname, b"name"), item(SdesType::SdesTool, b"tool")];
    let chunk = |source| SourceDescriptionChunk { source, items: items.clone() };
    let bytes = SourceDescription { chunks: vec![chunk(1), chunk(2)] }.marshal().unwrap();
    let Packet::SourceDescription(description) = one(&bytes) else { panic!("not SDES") };
    let read: Vec<_> = description.chunks().map(|chunk| (chunk.ssrc(), chunk.cname())).collect();
    assert_eq!(read, [(1, Some(&b"name"[..])), (2, Some(&b"name"[..]))]);
    let items: Vec<_> = description.chunks().flat_map(|chunk| chunk.items()).collect();
    assert_eq!(items[1], (6, &b"tool"[..]));
    assert_eq!(items.len(), 4);
}

#[test]
fn goodbyes() {
    for reason in ["", "bye", "good", "goodbye"] {
        let bytes = ours(|writer| writer.goodbye(&[1, 2], reason));
        let read = Goodbye::unmarshal(&mut bytes.clone()).unwrap();
        assert_eq!(
            (read.sources.as_slice(), read.reason.as_ref()),
            (&[1, 2][..], reason.as_bytes())
        );
        let bytes = read.marshal().unwrap();
        let Packet::Goodbye(goodbye) = one(&bytes) else { panic!("not a BYE") };
        assert_eq!(goodbye.ssrcs().collect::<Vec<_>>(), [1, 2]);
        assert_eq!(goodbye.reason().unwrap_or_default(), reason.as_bytes());
    }
}

#[test]
fn nacks() {
    let numbers = [65_530, 65_531, 2, 3, 100, 9000];
    let read: TransportLayerNack = theirs(ours(|writer| writer.nack(1, 2, numbers)));
    assert_eq!((read.sender_ssrc, read.media_ssrc), (1, 2));
    let listed: Vec<u16> = read.nacks.iter().flat_map(NackPair::packet_list).collect();
    assert_eq!(listed, numbers);
    let nacks = nack_pairs_from_sequence_numbers(&[1, 2, 17, 18, 40]);
    let bytes = TransportLayerNack { sender_ssrc: 1, media_ssrc: 2, nacks }.marshal().unwrap();
    let Packet::Nack(nack) = one(&bytes) else { panic!("not a NACK") };
    assert_eq!(nack.sequence_numbers().collect::<Vec<_>>(), [1, 2, 17, 18, 40]);
}

#[test]
fn keyframe_requests() {
    let read: PictureLossIndication = theirs(ours(|writer| writer.picture_loss_indication(1, 2)));
    assert_eq!(read, PictureLossIndication { sender_ssrc: 1, media_ssrc: 2 });
    let read: FullIntraRequest = theirs(ours(|writer| writer.full_intra_request(1, 2, 7)));
    let entry = |ssrc, sequence_number| FirEntry { ssrc, sequence_number };
    assert_eq!(read, FullIntraRequest { sender_ssrc: 1, media_ssrc: 0, fir: vec![entry(2, 7)] });
    let fir = vec![entry(2, 255), entry(3, 0)];
    let bytes = FullIntraRequest { sender_ssrc: 1, media_ssrc: 0, fir }.marshal().unwrap();
    let Packet::FullIntraRequest(fir) = one(&bytes) else { panic!("not a FIR") };
    let read: Vec<_> = fir.entries().map(|entry| (entry.ssrc, entry.sequence_number)).collect();
    assert_eq!(read, [(2, 255), (3, 0)]);
}

/// The peer sends SLI under the type of transport feedback (205), which RFC 4585 §6.3.2 does not: only the body is compared.
#[test]
fn slice_loss_indications() {
    let losses = [SliceLoss { first: 0xaaa, number: 0, picture_id: 0x2c }];
    let bytes = ours(|writer| writer.slice_loss_indication(1, 2, &losses));
    let sli_entries = vec![SliEntry { first: 0xaaa, number: 0, picture: 0x2c }];
    let peer = SliceLossIndication { sender_ssrc: 1, media_ssrc: 2, sli_entries };
    assert_eq!(peer.marshal().unwrap()[4..], bytes[4..]);
}

#[test]
fn estimates_of_bit_rates() {
    // Not zero, which the peer takes for 2^23.
    for bitrate in [1_u32, 262_143, 262_144, 1_000_000, 250_000 << 12] {
        let bytes =
            ours(|writer| writer.receiver_estimated_max_bitrate(1, bitrate.into(), &[2, 3]));
        let read = ReceiverEstimatedMaximumBitrate::unmarshal(&mut bytes.clone()).unwrap();
        assert_eq!((read.sender_ssrc, read.bitrate, &read.ssrcs), (1, bitrate as f32, &vec![2, 3]));
        let bytes = read.marshal().unwrap();
        let Packet::ReceiverEstimatedMaxBitrate(remb) = one(&bytes) else { panic!("no REMB") };
        assert_eq!((remb.sender_ssrc(), remb.bitrate()), (1, u64::from(bitrate)));
        assert_eq!(remb.ssrcs().collect::<Vec<_>>(), [2, 3]);
    }
}

#[test]
fn extended_reports() {
    let time = NtpTime(0xb44d_b705_2000_0000);
    let item = |ssrc| Dlrr {
        ssrc,
        last_receiver_report: 0xb705_2000,
        delay_since_last_receiver_report: 0x5_4000,
    };
    let bytes = ours(|writer| writer.extended_report(1, Some(time), &[item(2), item(3)]));
    let read: ExtendedReport = theirs(bytes.clone());
    assert_eq!((read.sender_ssrc, read.reports.len()), (1, 2));
    let peer = |ssrc| DLRRReport { ssrc, last_rr: 0xb705_2000, dlrr: 0x5_4000 };
    let peer = ExtendedReport {
        sender_ssrc: 1,
        reports: vec![
            Box::new(ReceiverReferenceTimeReportBlock { ntp_timestamp: time.0 }),
            Box::new(DLRRReportBlock { reports: vec![peer(2), peer(3)] }),
        ],
    };
    assert_eq!(read, peer);
    let theirs = peer.marshal().unwrap();
    assert_eq!(theirs, bytes);
    let Packet::ExtendedReport(report) = one(&theirs) else { panic!("not an XR") };
    let blocks: Vec<_> = report.blocks().collect();
    let [ExtendedBlock::ReceiverReferenceTime(read), ExtendedBlock::Dlrr(items)] = blocks[..]
    else {
        panic!("other blocks")
    };
    assert_eq!((read, items.collect::<Vec<_>>()), (time, vec![item(2), item(3)]));
}

/// The blocks of RFC 3611 that are not read are framed, and do not hide the one behind them.
#[test]
fn extended_reports_with_every_other_block() {
    use peer::extended_report::{
        Chunk, PacketReceiptTimesReportBlock, RLEReportBlock, StatisticsSummaryReportBlock,
        VoIPMetricsReportBlock,
    };
    let rle = |is_loss_rle| RLEReportBlock {
        is_loss_rle,
        chunks: vec![Chunk(0x4006), Chunk(0x0006), Chunk(0x8765), Chunk(0)],
        ..Default::default()
    };
    let times = PacketReceiptTimesReportBlock { receipt_time: vec![1, 2, 3], ..Default::default() };
    let peer = ExtendedReport {
        sender_ssrc: 1,
        reports: vec![
            Box::new(rle(true)),
            Box::new(rle(false)),
            Box::new(times),
            Box::new(StatisticsSummaryReportBlock::default()),
            Box::new(VoIPMetricsReportBlock::default()),
            Box::new(ReceiverReferenceTimeReportBlock { ntp_timestamp: 9 }),
        ],
    };
    let bytes = peer.marshal().unwrap();
    let Packet::ExtendedReport(report) = one(&bytes) else { panic!("not an XR") };
    let blocks: Vec<_> = report.blocks().collect();
    let types: Vec<_> = blocks
        .iter()
        .filter_map(|block| match block {
            ExtendedBlock::Unknown { block_type, .. } => Some(*block_type),
            _ => None,
        })
        .collect();
    assert_eq!(types, [1, 2, 3, 6, 7]);
    assert!(matches!(blocks[5..], [ExtendedBlock::ReceiverReferenceTime(NtpTime(9))]));
}

#[test]
fn congestion_control_feedback() {
    let metric = |ecn, arrival_time_offset| Some(Metric { ecn, arrival_time_offset });
    let first = [metric(0, 16), None, metric(3, 0x1fff)];
    let second = [metric(1, 0), metric(2, 0x1ffe)];
    let streams: [(u32, u16, &[Option<Metric>]); 2] = [(2, 65_535, &first), (3, 5, &second)];
    let bytes = ours(|writer| writer.congestion_control_feedback(1, &streams, 0xb705_2000));
    let peer = |received, ecn, arrival_time_offset| CcFeedbackMetricBlock {
        received,
        ecn,
        arrival_time_offset,
    };
    let block = |media_ssrc, begin_sequence, metric_blocks| CcFeedbackReportBlock {
        media_ssrc,
        begin_sequence,
        metric_blocks,
    };
    let expected = CcFeedbackReport {
        sender_ssrc: 1,
        report_blocks: vec![
            block(
                2,
                65_535,
                vec![
                    peer(true, Ecn::NotEct, 16),
                    peer(false, Ecn::NotEct, 0),
                    peer(true, Ecn::Ce, 0x1fff),
                ],
            ),
            block(3, 5, vec![peer(true, Ecn::Ect1, 0), peer(true, Ecn::Ect0, 0x1ffe)]),
        ],
        report_timestamp: 0xb705_2000,
    };
    let read: CcFeedbackReport = theirs(bytes.clone());
    assert_eq!(read, expected);
    let theirs = expected.marshal().unwrap();
    let Packet::CongestionControlFeedback(feedback) = one(&theirs) else { panic!("no CCFB") };
    let read: Vec<_> = feedback
        .streams()
        .map(|s| {
            (s.ssrc(), s.begin_sequence_number(), s.metrics().map(|m| m.1).collect::<Vec<_>>())
        })
        .collect();
    assert_eq!(read, [(2, 65_535, first.to_vec()), (3, 5, second.to_vec())]);
}

/// Sequence numbers and times of arrival by the peer's chunks and deltas.
fn arrivals(feedback: &TransportLayerCc) -> Vec<(u16, i64)> {
    use peer::transport_feedbacks::transport_layer_cc::PacketStatusChunk::{
        RunLengthChunk, StatusVectorChunk,
    };
    let symbols = feedback.packet_chunks.iter().flat_map(|chunk| match chunk {
        RunLengthChunk(run) => vec![run.packet_status_symbol; run.run_length.into()],
        StatusVectorChunk(vector) => vector.symbol_list.clone(),
    });
    let mut deltas = feedback.recv_deltas.iter();
    let mut micros = i64::from((feedback.reference_time << 8).cast_signed() >> 8) * 64_000;
    let mut all = Vec::new();
    for (offset, symbol) in (0..feedback.packet_status_count).zip(symbols) {
        if symbol != SymbolTypeTcc::PacketNotReceived {
            // The peer's deltas are in microseconds.
            micros += deltas.next().unwrap().delta;
            all.push((feedback.base_sequence_number.wrapping_add(offset), micros));
        }
    }
    all
}

#[test]
fn transport_feedback() {
    let header = TransportFeedbackHeader {
        sender_ssrc: 1,
        media_ssrc: 2,
        base_sequence_number: 65_000,
        feedback_packet_count: 9,
    };
    // All kinds of chunk: a run of arrivals, one of losses, vectors of one and of two bits, large and negative deltas.
    let mut statuses: Vec<Option<i64>> = (0..20).map(|n| Some(64_000_000 + n * 1_000)).collect();
    statuses.extend([None; 900]);
    statuses.extend((0..30).map(|n| (n % 3 != 0).then_some(64_100_000 + n * 250)));
    statuses
        .extend((0..20).map(|n| (n % 4 != 0).then_some(64_300_000 + n * 70_000 - n % 2 * 90_000)));
    let mut count = 0;
    let bytes = ours(|writer| {
        count = writer.transport_feedback(&header, &statuses)?;
        Ok(())
    });
    assert_eq!(count, statuses.len());
    let read = TransportLayerCc::unmarshal(&mut bytes.clone()).unwrap();
    assert_eq!((read.sender_ssrc, read.media_ssrc, read.fb_pkt_count), (1, 2, 9));
    assert_eq!(usize::from(read.packet_status_count), count);
    let expected: Vec<_> = (0_u16..)
        .zip(&statuses)
        .filter_map(|(offset, at)| Some((65_000_u16.wrapping_add(offset), (*at)?)))
        .collect();
    assert_eq!(arrivals(&read), expected);
    let again = read.marshal().unwrap();
    let Packet::TransportFeedback(feedback) = one(&again) else { panic!("no feedback") };
    assert_eq!(feedback.arrivals().collect::<Vec<_>>(), expected);
}

/// The transport-wide feedback that browsers sent: both read the same arrivals in it.
#[test]
fn transport_feedback_of_browsers() {
    let mut seen = 0;
    for golden in browsers() {
        if !golden.name.starts_with("tcc") {
            continue;
        }
        let read = TransportLayerCc::unmarshal(&mut Bytes::from(golden.bytes.clone())).unwrap();
        let Packet::TransportFeedback(feedback) = one(&golden.bytes) else { panic!("no feedback") };
        assert_eq!(feedback.arrivals().collect::<Vec<_>>(), arrivals(&read), "{}", golden.name);
        seen += 1;
    }
    assert_eq!(seen, 12);
}

/// Compounds of browsers, of ours and reduced-size ones have as many packets for the peer as for us.
#[test]
fn compounds() {
    let bytes = ours(|writer| {
        writer.sender_report(&SenderInfo::default(), &[BLOCK])?;
        writer.source_description(1, "cname")?;
        writer.extended_report(1, Some(NtpTime(1)), &[])?;
        writer.nack(1, 2, [7])?;
        writer.picture_loss_indication(1, 2)
    });
    let golden = browsers().into_iter().map(|golden| golden.bytes);
    let all = golden.filter(|bytes| tsubame_rtp::is_rtcp(bytes)).chain([bytes.to_vec()]);
    for bytes in all {
        let theirs = peer::packet::unmarshal(&mut Bytes::from(bytes.clone())).unwrap();
        assert_eq!(rtcp::packets(&bytes).filter(Result::is_ok).count(), theirs.len());
    }
}
