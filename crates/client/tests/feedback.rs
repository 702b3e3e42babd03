//! RTCP in both directions.

mod support;

use std::time::Duration;

use support::{World, publisher, watcher};
use tsubame_client::MediaKind;
use tsubame_rtp::rtcp::{self, Packet, Writer};
use tsubame_srtp::Profile;

fn compound(write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut out = [0; 1000];
    let mut writer = Writer::new(&mut out);
    write(&mut writer);
    let len = writer.finish();
    out[..len].to_vec()
}

#[test]
fn a_keyframe_comes_for_each_pli_and_fir() {
    let mut world = World::pair(1, publisher(), watcher());
    world.run_for(Duration::from_secs(2));
    let video = |world: &World| world.peers[0].stats().sent(MediaKind::Video).unwrap().clone();
    let before = video(&world);
    assert_eq!(before.keyframes, 1, "the first frame, and no other");
    let pli = compound(|w| w.picture_loss_indication(1, before.ssrc).unwrap());
    world.sessions[0].send_rtcp(&pli);
    world.run_for(Duration::from_millis(100));
    assert_eq!((video(&world).keyframes, video(&world).plis), (2, 1));
    let fir = compound(|w| w.full_intra_request(1, before.ssrc, 0).unwrap());
    world.sessions[0].send_rtcp(&fir);
    world.run_for(Duration::from_millis(100));
    assert_eq!((video(&world).keyframes, video(&world).firs), (3, 1));
    // Neither is about a stream of somebody else.
    let other = compound(|w| w.picture_loss_indication(1, before.ssrc ^ 1).unwrap());
    world.sessions[0].send_rtcp(&other);
    world.run_for(Duration::from_millis(100));
    assert_eq!((video(&world).keyframes, video(&world).plis), (3, 1));
    // The watcher saw them all.
    world.run_for(Duration::from_millis(100));
    let track = world.peers[1].stats().track(MediaKind::Video).unwrap().clone();
    assert_eq!(track.keyframes, 3);
}

#[test]
fn a_watcher_that_came_late_asks_for_a_keyframe() {
    let mut world = World::new(2);
    let publishing = world.add(publisher());
    let offer = support::Offer::publish(&world.sessions[publishing]);
    world.offer(publishing, &offer);
    world.run_for(Duration::from_secs(2));
    let watching = world.add(watcher());
    let offer = support::Offer::watch(&world.sessions[1], &world.sessions[0], "PUB");
    world.offer(watching, &offer);
    world.sessions[0].forward_to = Some(1);
    world.sessions[1].forward_to = Some(0);
    world.run_for(Duration::from_secs(2));
    let track = world.peers[1].stats().track(MediaKind::Video).unwrap().clone();
    assert_eq!(track.plis, 1, "{track:?}");
    assert_eq!(track.keyframes, 1, "{track:?}");
    let waited = track.first_keyframe.unwrap() - track.first_packet.unwrap();
    assert!(waited > Duration::from_millis(200), "{waited:?}");
    world.peers[1].request_keyframes(world.now, Some("NOBODY"));
    world.run_for(Duration::from_secs(1));
    assert_eq!(world.peers[1].stats().track(MediaKind::Video).unwrap().keyframes, 1);
    world.peers[1].request_keyframes(world.now, Some("PUB"));
    world.run_for(Duration::from_secs(1));
    assert_eq!(world.peers[1].stats().track(MediaKind::Video).unwrap().keyframes, 2);
}

#[test]
fn a_nack_is_answered_once_from_the_history() {
    let mut world = World::pair(3, publisher(), watcher());
    world.run_for(Duration::from_secs(2));
    // Nobody else asks.
    world.sessions[1].forward_to = None;
    let ssrc = world.peers[0].stats().sent(MediaKind::Video).unwrap().ssrc;
    let of_video = |bytes: &[u8]| {
        let packet = tsubame_rtp::Packet::parse(bytes).unwrap();
        (packet.ssrc() == ssrc).then(|| (packet.sequence_number(), packet.payload().to_vec()))
    };
    let sent: Vec<_> =
        world.sessions[0].rtp.iter().filter_map(|(_, bytes)| of_video(bytes)).collect();
    let (number, payload) = sent[sent.len() - 10].clone();
    let forgotten = sent[0].0.wrapping_sub(1);
    let nack = compound(|w| w.nack(1, ssrc, [forgotten, number]).unwrap());
    // Twice at once is one wish.
    world.sessions[0].send_rtcp(&nack);
    world.sessions[0].send_rtcp(&nack);
    let before = world.sessions[0].rtp.len();
    world.run_for(Duration::from_millis(100));
    let retransmitted: Vec<_> = world.sessions[0].rtp[before..]
        .iter()
        .filter_map(|(_, bytes)| {
            let packet = tsubame_rtp::Packet::parse(bytes).unwrap();
            let (number, payload) = tsubame_rtp::rtx::unwrap(&packet)?;
            (packet.payload_type() == 97).then(|| (number, payload.to_vec()))
        })
        .collect();
    assert_eq!(retransmitted, [(number, payload)]);
    let stats = world.peers[0].stats().sent(MediaKind::Video).unwrap().clone();
    assert_eq!((stats.nacks, stats.nacked_packets), (2, 4));
    assert_eq!((stats.retransmissions, stats.not_retransmitted), (1, 3));
}

#[test]
fn the_server_gets_reports_and_transport_wide_feedback() {
    let mut world = World::pair(4, publisher(), watcher());
    world.run_for(Duration::from_secs(5));
    assert_eq!(world.peers[1].stats().profile, Some(Profile::AeadAes128Gcm));
    let stats = world.peers[0].stats();
    let mut sender_reports = 0;
    for (_, compound) in &world.sessions[0].rtcp {
        for packet in rtcp::packets(compound) {
            if let Packet::SenderReport(report) = packet.unwrap() {
                assert!(stats.sent.iter().any(|sent| sent.ssrc == report.info().ssrc));
                sender_reports += 1;
            }
        }
    }
    assert!(sender_reports >= 8, "{sender_reports}");
    let (mut blocks, mut feedback, mut arrivals) = (0, 0, 0);
    for (_, compound) in &world.sessions[1].rtcp {
        for packet in rtcp::packets(compound) {
            match packet.unwrap() {
                Packet::ReceiverReport(report) => {
                    for block in report.report_blocks() {
                        assert_eq!((block.fraction_lost, block.cumulative_lost), (0, 0));
                        blocks += 1;
                    }
                }
                Packet::TransportFeedback(report) => {
                    assert_eq!(report.received_count(), report.status_count(), "nothing is lost");
                    feedback += 1;
                    arrivals += u64::from(report.received_count());
                }
                _ => {}
            }
        }
    }
    assert!(blocks >= 6, "{blocks}");
    assert!(feedback >= 30, "{feedback}");
    let received: u64 = world.peers[1].stats().tracks.iter().map(|track| track.packets).sum();
    assert!(arrivals + 60 > received && arrivals <= received, "{arrivals} of {received}");
    assert!(stats.sent.iter().all(|sent| sent.reports >= 3 && sent.transport_feedback > 20));
}
