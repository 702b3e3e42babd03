//! What tshark makes of the packets that this crate writes, and whether it agrees about those that browsers sent. It is in the
//! Debian package `tshark`.

use tsubame_rtp::codec::{Codec, inspect, vp8};
use tsubame_rtp::rtcp::{
    Application, Dlrr, Full, Metric, ReportBlock, SenderInfo, SliceLoss, TransportFeedbackHeader,
    Writer,
};
use tsubame_rtp::{Header, HeaderWriter, NtpTime, Packet};

use crate::support::pcap::{As, dissect};
use crate::support::{Golden, recorded};

fn written(write: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>) -> Vec<u8> {
    let mut out = [0xff; 1500];
    let mut writer = Writer::new(&mut out);
    write(&mut writer).unwrap();
    let len = writer.finish();
    out[..len].to_vec()
}

/// What tshark says about one RTCP datagram; and that nothing in it is malformed and its length is right.
fn rtcp(datagram: Vec<u8>, fields: &[&str]) -> Vec<String> {
    let checks = ["_ws.malformed", "_ws.expert.severity", "rtcp.length_check"];
    let all = [&checks[..], fields].concat();
    let mut rows = dissect(&[datagram], As::Rtcp, &all);
    let mut row = rows.pop().unwrap();
    assert_eq!(row[0], "", "malformed");
    // Notes (0x00400000 and below) are about calls without signalling.
    let worst =
        row[1].split(',').filter(|text| !text.is_empty()).map(|text| text.parse::<u32>().unwrap());
    assert!(worst.max().unwrap_or(0) <= 0x0040_0000, "{}", row[1]);
    assert!(row[2].split(',').all(|check| check == "1" || check == "True"), "{}", row[2]);
    row.split_off(checks.len())
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
const BLOCK_FIELDS: [&str; 8] = [
    "rtcp.ssrc.identifier",
    "rtcp.ssrc.fraction",
    "rtcp.ssrc.cum_nr",
    "rtcp.ssrc.high_cycles",
    "rtcp.ssrc.high_seq",
    "rtcp.ssrc.jitter",
    "rtcp.ssrc.lsr",
    "rtcp.ssrc.dlsr",
];
const BLOCK_VALUES: [&str; 8] =
    ["0x0a0b0c0d", "64", "1000", "2", "4660", "77", "3070566400", "344064"];

#[test]
fn sender_report() {
    let info = SenderInfo {
        ssrc: 1,
        ntp: NtpTime(0xb44d_b705_2000_0000),
        rtp_timestamp: 90_000,
        packet_count: 7,
        octet_count: 1000,
    };
    let own = [
        "rtcp.pt",
        "rtcp.senderssrc",
        "rtcp.timestamp.ntp.msw",
        "rtcp.timestamp.ntp.lsw",
        "rtcp.timestamp.rtp",
        "rtcp.sender.packetcount",
        "rtcp.sender.octetcount",
    ];
    let fields = [&own[..], &BLOCK_FIELDS].concat();
    let row = rtcp(written(|writer| writer.sender_report(&info, &[BLOCK])), &fields);
    let own = ["200", "0x00000001", "3024992005", "536870912", "90000", "7", "1000"];
    assert_eq!(row, [&own[..], &BLOCK_VALUES].concat());
}

#[test]
fn receiver_report() {
    let fields = [&["rtcp.pt", "rtcp.rc", "rtcp.senderssrc"][..], &BLOCK_FIELDS].concat();
    let row = rtcp(written(|writer| writer.receiver_report(5, &[BLOCK])), &fields);
    assert_eq!(row, [&["201", "1", "0x00000005"][..], &BLOCK_VALUES].concat());
}

#[test]
fn source_description() {
    let fields = ["rtcp.pt", "rtcp.ssrc.identifier", "rtcp.sdes.type", "rtcp.sdes.text"];
    for cname in ["abcd", "user@host"] {
        let row = rtcp(written(|writer| writer.source_description(9, cname)), &fields);
        assert_eq!(row[..2], ["202", "0x00000009"]);
        assert!(row[2].starts_with('1') && row[3] == cname, "{row:?}");
    }
}

#[test]
fn goodbye() {
    let fields = ["rtcp.pt", "rtcp.ssrc.identifier", "rtcp.sdes.length", "rtcp.sdes.text"];
    let row = rtcp(written(|writer| writer.goodbye(&[1, 2], "done!")), &fields);
    assert_eq!(row, ["203", "0x00000001,0x00000002", "5", "done!"]);
}

#[test]
fn application() {
    let application = Application { subtype: 5, ssrc: 1, name: *b"name", data: &[1, 2, 3, 4] };
    let fields = ["rtcp.pt", "rtcp.app.subtype", "rtcp.app.name", "rtcp.app.data"];
    let row = rtcp(written(|writer| writer.application(&application)), &fields);
    assert_eq!(row, ["204", "5", "name", "01020304"]);
}

#[test]
fn nack() {
    let fields = [
        "rtcp.pt",
        "rtcp.rtpfb.fmt",
        "rtcp.senderssrc",
        "rtcp.mediassrc",
        "rtcp.rtpfb.nack_pid",
        "rtcp.rtpfb.nack_blp",
    ];
    let row = rtcp(written(|writer| writer.nack(1, 2, [100, 101, 116, 117, 9000])), &fields);
    assert_eq!(row[..4], ["205", "1", "0x00000001", "0x00000002"]);
    // It lists the numbers that the bits stand for among the first ones.
    assert_eq!(row[4..], ["100,101,116,117,9000", "0x8001,0x0000,0x0000"]);
}

#[test]
fn picture_loss_indication() {
    let fields = ["rtcp.pt", "rtcp.psfb.fmt", "rtcp.senderssrc", "rtcp.mediassrc"];
    let row = rtcp(written(|writer| writer.picture_loss_indication(1, 2)), &fields);
    assert_eq!(row, ["206", "1", "0x00000001", "0x00000002"]);
}

#[test]
fn full_intra_request() {
    let fields =
        ["rtcp.psfb.fmt", "rtcp.senderssrc", "rtcp.psfb.fir.fci.ssrc", "rtcp.psfb.fir.fci.csn"];
    let row = rtcp(written(|writer| writer.full_intra_request(1, 0xcafe_babe, 7)), &fields);
    assert_eq!(row[..2], ["4", "0x00000001"]);
    assert!(["3405691582", "0xcafebabe"].contains(&row[2].as_str()) && row[3] == "7", "{row:?}");
}

#[test]
fn slice_loss_indication() {
    let losses = [SliceLoss { first: 1, number: 2, picture_id: 3 }];
    let fields = [
        "rtcp.psfb.fmt",
        "rtcp.psfb.fir.sli.first",
        "rtcp.psfb.fir.sli.number",
        "rtcp.psfb.fir.sli.picture_id",
    ];
    let row = rtcp(written(|writer| writer.slice_loss_indication(1, 2, &losses)), &fields);
    assert_eq!(row, ["2", "1", "2", "3"]);
}

#[test]
fn receiver_estimated_max_bitrate() {
    let fields = [
        "rtcp.psfb.fmt",
        "rtcp.psfb.remb.identifier",
        "rtcp.psfb.remb.fci.br_exp",
        "rtcp.psfb.remb.fci.br_mantissa",
        "rtcp.psfb.remb.fci.number_ssrcs",
        "rtcp.psfb.remb.fci.ssrc",
    ];
    let row = rtcp(
        written(|writer| writer.receiver_estimated_max_bitrate(1, 1_000_000, &[2, 3])),
        &fields,
    );
    // 250,000 times 2^2 is a million.
    assert_eq!(row[..5], ["15", "REMB", "2", "250000", "2"]);
    assert!(["2,3", "0x00000002,0x00000003"].contains(&row[5].as_str()), "{row:?}");
}

#[test]
fn transport_feedback() {
    let header = TransportFeedbackHeader {
        sender_ssrc: 1,
        media_ssrc: 2,
        base_sequence_number: 300,
        feedback_packet_count: 9,
    };
    let arrivals = [Some(640_250), None, Some(641_250), Some(900_000), Some(899_000)];
    let fields = [
        "rtcp.rtpfb.fmt",
        "rtcp.rtpfb.transportcc.baseseq",
        "rtcp.rtpfb.transportcc.statuscount",
        "rtcp.rtpfb.transportcc.reftime",
        "rtcp.rtpfb.transportcc.pktcount",
        "rtcp.rtpfb.transportcc.recv_delta",
    ];
    let bytes = written(|writer| {
        assert_eq!(writer.transport_feedback(&header, &arrivals)?, 5);
        Ok(())
    });
    let row = rtcp(bytes, &fields);
    assert_eq!(row[..5], ["15", "300", "5", "10", "9"]);
    // In 250 us: 1, 4, 1035 and -4, two octets each from the third on.
    let deltas: Vec<_> = row[5].split(',').map(|text| text.replace("0x", "")).collect();
    assert_eq!(deltas, ["01", "04", "040b", "fffc"].map(str::to_owned), "{row:?}");
}

/// tshark 4.0 frames CCFB but does not read it: peers_rtcp.rs does.
#[test]
fn congestion_control_feedback() {
    let metric = Some(Metric { ecn: 1, arrival_time_offset: 16 });
    let streams: [(u32, u16, &[Option<Metric>]); 1] = [(2, 65_535, &[metric, None, metric])];
    let row = rtcp(
        written(|writer| writer.congestion_control_feedback(1, &streams, 7)),
        &["rtcp.pt", "rtcp.rtpfb.fmt", "rtcp.length"],
    );
    assert_eq!(row, ["205", "11", "6"]);
}

#[test]
fn extended_report() {
    let dlrr = Dlrr {
        ssrc: 2,
        last_receiver_report: 0xb705_2000,
        delay_since_last_receiver_report: 0x5_4000,
    };
    let time = Some(NtpTime(0xb44d_b705_2000_0000));
    let fields = ["rtcp.pt", "rtcp.xr.bt", "rtcp.xr.bl", "rtcp.xr.lrr", "rtcp.xr.dlrr"];
    let row = rtcp(written(|writer| writer.extended_report(1, time, &[dlrr])), &fields);
    assert_eq!(row, ["207", "4,5", "2,3", "3070566400", "344064"]);
}

#[test]
fn a_compound() {
    let bytes = written(|writer| {
        writer.sender_report(&SenderInfo::default(), &[])?;
        writer.receiver_report(1, &[BLOCK])?;
        writer.source_description(1, "cname")?;
        writer.nack(1, 2, [7])?;
        writer.goodbye(&[1], "")
    });
    let row = rtcp(bytes, &["rtcp.pt"]);
    assert_eq!(row, ["200,201,202,205,203"]);
}

/// What browsers sent as RTCP: tshark and this crate see the same packets in it.
#[test]
fn rtcp_of_browsers() {
    let all: Vec<_> = recorded().filter(|golden| tsubame_rtp::is_rtcp(&golden.bytes)).collect();
    let datagrams: Vec<_> = all.iter().map(|golden| golden.bytes.clone()).collect();
    let rows = dissect(&datagrams, As::Rtcp, &["rtcp.pt", "rtcp.rtpfb.transportcc.statuscount"]);
    assert!(rows.len() >= 20);
    for (golden, row) in all.iter().zip(rows) {
        let kinds: Vec<_> = tsubame_rtp::rtcp::packets(&golden.bytes).map(Result::unwrap).collect();
        assert_eq!(row[0].split(',').count(), kinds.len(), "{}", golden.name);
        for kind in kinds {
            if let tsubame_rtp::rtcp::Packet::TransportFeedback(feedback) = kind {
                assert_eq!(row[1], feedback.status_count().to_string(), "{}", golden.name);
            }
        }
    }
}

const HEADER: Header = Header {
    marker: true,
    payload_type: 96,
    sequence_number: 0xfffe,
    timestamp: 0x0102_0304,
    ssrc: 0x1122_3344,
};

#[test]
fn rtp_headers_in_both_forms() {
    let header = |two_byte: bool| {
        let mut out = [0; 128];
        let mut writer = HeaderWriter::with_csrcs(&mut out, &HEADER, &[1, 0xcafe_babe]).unwrap();
        writer.extension(1, b"0").unwrap();
        writer.extension(3, &[0, 7]).unwrap();
        if two_byte {
            writer.extension(20, &[9; 20]).unwrap();
        }
        let len = writer.finish();
        [&out[..len], &[0xde, 0xad]].concat()
    };
    let fields = [
        "_ws.malformed",
        "rtp.marker",
        "rtp.p_type",
        "rtp.seq",
        "rtp.timestamp",
        "rtp.ssrc",
        "rtp.csrc.item",
        "rtp.ext.profile",
        "rtp.ext.rfc5285.id",
        "rtp.ext.rfc5285.data",
        "rtp.payload",
    ];
    let rows = dissect(&[header(false), header(true)], As::Rtp(None), &fields);
    let nines = "09".repeat(20);
    let expected = |profile: &str, ids: &str, data: &str| {
        let [ssrc, csrcs] = ["0x11223344", "0x00000001,0xcafebabe"];
        let row = ["", "1", "96", "65534", "16909060", ssrc, csrcs, profile, ids, data, "dead"];
        row.map(str::to_owned).to_vec()
    };
    assert_eq!(rows[0], expected("0xbede", "1,3", "30,0007"));
    assert_eq!(rows[1], expected("0x1000", "1,3,20", &format!("30,0007,{nines}")));
}

/// The header, the extensions and the padding of everything that browsers sent.
#[test]
fn rtp_of_browsers() {
    let all: Vec<_> = recorded().filter(|golden| !tsubame_rtp::is_rtcp(&golden.bytes)).collect();
    let datagrams: Vec<_> = all.iter().map(|golden| golden.bytes.clone()).collect();
    let fields = [
        "rtp.marker",
        "rtp.p_type",
        "rtp.seq",
        "rtp.timestamp",
        "rtp.ssrc",
        "rtp.ext.rfc5285.id",
        "rtp.ext.rfc5285.data",
        "rtp.padding.count",
        "rtp.payload",
    ];
    let rows = dissect(&datagrams, As::Rtp(None), &fields);
    let hex = |bytes: &[u8]| bytes.iter().map(|octet| format!("{octet:02x}")).collect::<String>();
    for (golden, row) in all.iter().zip(rows) {
        let packet = Packet::parse(&golden.bytes).unwrap();
        let ids: Vec<_> = packet.extensions().map(|(id, _)| id.to_string()).collect();
        let data: Vec<_> = packet.extensions().map(|(_, data)| hex(data)).collect();
        let padding = match packet.padding_len() {
            0 => String::new(),
            len => len.to_string(),
        };
        let expected = [
            u8::from(packet.marker()).to_string(),
            packet.payload_type().to_string(),
            packet.sequence_number().to_string(),
            packet.timestamp().to_string(),
            format!("0x{:08x}", packet.ssrc()),
            ids.join(","),
            data.join(","),
            padding,
            hex(packet.payload()),
        ];
        assert_eq!(row, expected, "{} {}", golden.source, golden.name);
    }
}

/// Payloads of one codec that browsers sent, without retransmissions.
fn payloads_of(codec: &str) -> Vec<Golden> {
    let all = recorded();
    all.filter(|golden| {
        golden.name.split('-').next() == Some(codec) && !golden.name.contains("rtx")
    })
    .collect()
}

#[test]
fn vp8_of_browsers() {
    let all = payloads_of("vp8");
    let datagrams: Vec<_> = all.iter().map(|golden| golden.bytes.clone()).collect();
    let fields = ["vp8.pld.s", "vp8.pld.partid", "vp8.pld.pictureid", "vp8.hdr.frametype"];
    let rows = dissect(&datagrams, As::Rtp(Some((96, "vp8"))), &fields);
    assert!(rows.len() >= 7);
    for (golden, row) in all.iter().zip(rows) {
        let packet = Packet::parse(&golden.bytes).unwrap();
        let descriptor = vp8::Descriptor::read(packet.payload()).unwrap();
        let info = inspect(Codec::Vp8, &packet, None).unwrap();
        assert_eq!(row[0] == "1", descriptor.start_of_partition, "{}", golden.name);
        assert_eq!(row[1], descriptor.partition.to_string());
        let picture = descriptor.picture_id.map_or(String::new(), |id| id.value().to_string());
        assert_eq!(row[2], picture, "{}", golden.name);
        // It calls the bit a frame type: 0 is a keyframe. It stands in the first packet of a frame only.
        let keyframe = row[3] == "0" || row[3] == "False";
        assert_eq!(keyframe, info.keyframe, "{} {row:?}", golden.name);
    }
}

#[test]
fn h264_of_browsers() {
    let all = payloads_of("h264");
    let datagrams: Vec<_> = all.iter().map(|golden| golden.bytes.clone()).collect();
    let fields = ["h264.nal_unit_hdr", "h264.nal_unit_type", "h264.start.bit", "h264.end.bit"];
    let rows = dissect(&datagrams, As::Rtp(Some((102, "h264"))), &fields);
    assert!(rows.len() >= 6);
    for (golden, row) in all.iter().zip(rows) {
        let packet = Packet::parse(&golden.bytes).unwrap();
        let info = inspect(Codec::H264, &packet, None).unwrap();
        let units: Vec<_> = row[0].split(',').chain(row[1].split(',')).collect();
        let continues = row[2] == "0" || row[2] == "False";
        let begins_keyframe = !continues && units.iter().any(|kind| ["5", "7"].contains(kind));
        assert_eq!(info.keyframe, begins_keyframe, "{} {row:?}", golden.name);
        assert_eq!(info.frame_start, !continues, "{} {row:?}", golden.name);
    }
}
