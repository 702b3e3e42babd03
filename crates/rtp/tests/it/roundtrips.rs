//! What was written is read, for any values: each RTCP packet with lists of any length, in buffers of any size.

use proptest::collection::vec;
use proptest::prelude::*;
use tsubame_rtp::NtpTime;
use tsubame_rtp::rtcp::{
    self, Application, Dlrr, ExtendedBlock, Full, Packet, ReportBlock, SenderInfo, SliceLoss,
    Writer,
};

fn written(write: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>) -> Vec<u8> {
    let mut out = [0xff; 4096];
    let mut writer = Writer::new(&mut out);
    write(&mut writer).unwrap();
    let len = writer.finish();
    out[..len].to_vec()
}

/// The only packet in `bytes`.
fn one(bytes: &[u8]) -> Packet<'_> {
    let mut packets = rtcp::packets(bytes);
    let packet = packets.next().unwrap().unwrap();
    assert!(packets.next().is_none());
    packet
}

prop_compose! {
    fn report_block()(
        ssrc: u32, fraction_lost: u8, cumulative_lost in -0x80_0000..0x80_0000_i32,
        extended_highest_sequence_number: u32, jitter: u32, last_sender_report: u32,
        delay_since_last_sender_report: u32,
    ) -> ReportBlock {
        ReportBlock {
            ssrc, fraction_lost, cumulative_lost, extended_highest_sequence_number, jitter,
            last_sender_report, delay_since_last_sender_report,
        }
    }
}

proptest! {
    #[test]
    fn reports(
        ssrc: u32, ntp: u64, rtp_timestamp: u32, packet_count: u32, octet_count: u32,
        blocks in vec(report_block(), 0..=31),
    ) {
        let info = SenderInfo { ssrc, ntp: NtpTime(ntp), rtp_timestamp, packet_count, octet_count };
        let bytes = written(|writer| writer.sender_report(&info, &blocks));
        let Packet::SenderReport(report) = one(&bytes) else { panic!("not an SR") };
        prop_assert_eq!(report.info(), info);
        prop_assert_eq!(report.report_blocks().collect::<Vec<_>>(), blocks.clone());
        let bytes = written(|writer| writer.receiver_report(ssrc, &blocks));
        let Packet::ReceiverReport(report) = one(&bytes) else { panic!("not an RR") };
        prop_assert_eq!(report.ssrc(), ssrc);
        prop_assert_eq!(report.report_blocks().collect::<Vec<_>>(), blocks);
    }

    #[test]
    fn source_descriptions_and_goodbyes(
        ssrc: u32, text in "[ -~]{0,255}", ssrcs in vec(any::<u32>(), 0..=31),
    ) {
        let bytes = written(|writer| writer.source_description(ssrc, &text));
        let Packet::SourceDescription(description) = one(&bytes) else { panic!("not SDES") };
        let chunk = description.chunks().next().unwrap();
        prop_assert_eq!((chunk.ssrc(), chunk.cname()), (ssrc, Some(text.as_bytes())));
        let bytes = written(|writer| writer.goodbye(&ssrcs, &text));
        let Packet::Goodbye(goodbye) = one(&bytes) else { panic!("not a BYE") };
        prop_assert_eq!(goodbye.ssrcs().collect::<Vec<_>>(), ssrcs);
        prop_assert_eq!(goodbye.reason().unwrap_or_default(), text.as_bytes());
    }

    #[test]
    fn application_packets(subtype in 0u8..32, ssrc: u32, name: [u8; 4], data in vec(any::<[u8; 4]>(), 0..50)) {
        let data = data.concat();
        let application = Application { subtype, ssrc, name, data: &data };
        let bytes = written(|writer| writer.application(&application));
        let Packet::Application(again) = one(&bytes) else { panic!("not an APP") };
        prop_assert_eq!(again, application);
    }

    #[test]
    fn slice_losses(sender: u32, media: u32, losses in vec((0u16..0x2000, 0u16..0x2000, 0u8..64), 1..60)) {
        let losses: Vec<_> = losses
            .into_iter()
            .map(|(first, number, picture_id)| SliceLoss { first, number, picture_id })
            .collect();
        let bytes = written(|writer| writer.slice_loss_indication(sender, media, &losses));
        let Packet::SliceLossIndication(sli) = one(&bytes) else { panic!("not an SLI") };
        prop_assert_eq!((sli.sender_ssrc(), sli.media_ssrc()), (sender, media));
        prop_assert_eq!(sli.losses().collect::<Vec<_>>(), losses);
    }

    #[test]
    fn keyframe_requests(sender: u32, media: u32, number: u8) {
        let bytes = written(|writer| writer.full_intra_request(sender, media, number));
        let Packet::FullIntraRequest(fir) = one(&bytes) else { panic!("not a FIR") };
        let entry = fir.entries().next().unwrap();
        prop_assert_eq!((fir.sender_ssrc(), entry.ssrc, entry.sequence_number), (sender, media, number));
        let bytes = written(|writer| writer.picture_loss_indication(sender, media));
        let Packet::PictureLossIndication(pli) = one(&bytes) else { panic!("not a PLI") };
        prop_assert_eq!((pli.sender_ssrc, pli.media_ssrc), (sender, media));
    }

    #[test]
    fn extended_reports(ssrc: u32, time: Option<u64>, items in vec(any::<(u32, u32, u32)>(), 0..40)) {
        let items: Vec<_> = items
            .into_iter()
            .map(|(ssrc, last_receiver_report, delay_since_last_receiver_report)| Dlrr {
                ssrc, last_receiver_report, delay_since_last_receiver_report,
            })
            .collect();
        let time = time.map(NtpTime);
        let bytes = written(|writer| writer.extended_report(ssrc, time, &items));
        let Packet::ExtendedReport(report) = one(&bytes) else { panic!("not an XR") };
        prop_assert_eq!(report.ssrc(), ssrc);
        let (mut read_time, mut read_items) = (None, Vec::new());
        for block in report.blocks() {
            match block {
                ExtendedBlock::ReceiverReferenceTime(time) => read_time = Some(time),
                ExtendedBlock::Dlrr(list) => read_items.extend(list),
                other => panic!("{other:?}"),
            }
        }
        prop_assert_eq!((read_time, read_items), (time, items));
    }

    /// However small the buffer: what was written are whole packets, and what was refused left no trace.
    #[test]
    fn a_short_buffer_holds_whole_packets(space in 0usize..400, numbers in vec(any::<u16>(), 1..40)) {
        let mut out = vec![0xff; space];
        let mut writer = Writer::new(&mut out);
        let mut taken = 0;
        let block = ReportBlock::default();
        taken += usize::from(writer.receiver_report(1, &[block; 3]).is_ok());
        taken += usize::from(writer.source_description(1, "a canonical name").is_ok());
        taken += usize::from(writer.nack(1, 2, numbers.iter().copied()).is_ok());
        taken += usize::from(writer.goodbye(&[1, 2], "bye").is_ok());
        taken += usize::from(writer.receiver_estimated_max_bitrate(1, 5, &[2]).is_ok());
        taken += usize::from(writer.extended_report(1, Some(NtpTime(5)), &[]).is_ok());
        taken += usize::from(writer.picture_loss_indication(1, 2).is_ok());
        let len = writer.finish();
        prop_assert!(len <= space && len.is_multiple_of(4));
        prop_assert_eq!(rtcp::packets(&out[..len]).filter(Result::is_ok).count(), taken);
    }

    /// Reading never depends on what follows: each packet of a compound reads as it does alone.
    #[test]
    fn a_packet_reads_the_same_alone_and_in_a_compound(order in Just((0..14usize).collect::<Vec<_>>()).prop_shuffle()) {
        let golden: Vec<_> = crate::support::constructed()
            .into_iter()
            .filter(|golden| golden.source == "rtcp")
            .collect();
        let compound: Vec<u8> = order.iter().flat_map(|index| golden[*index].bytes.clone()).collect();
        let kinds = |bytes: &[u8]| -> Vec<String> {
            rtcp::packets(bytes).map(|packet| format!("{:?}", packet.unwrap())).collect()
        };
        let alone: Vec<String> = order.iter().flat_map(|index| kinds(&golden[*index].bytes)).collect();
        prop_assert_eq!(kinds(&compound), alone);
    }
}
