//! Sender and receiver reports: the SFU's own, in both directions.

use std::time::Duration;

use tsubame_netsim::LinkConfig;
use tsubame_rtp::rtcp::{self, Packet, SenderInfo};
use tsubame_rtp::{MediaKind, NtpTime};

use super::SECOND;
use super::world::{Setup, World, publisher, viewer};

const MS: Duration = Duration::from_millis(1);

/// The largest fraction lost that the publisher of five viewers is told, when so many of them lose 30 %.
fn worst_fraction(lossy: usize) -> u8 {
    let mut world = World::new(90, 1);
    let publisher = world.join(&publisher());
    let viewers: Vec<usize> = (0..5).map(|_| world.join(&viewer())).collect();
    world.run(2 * SECOND);
    for viewer in viewers.into_iter().take(lossy) {
        world.link(viewer, LinkConfig { delay: 10 * MS, loss: 0.3, ..LinkConfig::default() });
    }
    let mut worst = 0;
    for _ in 0..50 {
        world.run(100 * MS);
        let stats = world.clients[publisher].peer.stats();
        worst = worst.max(stats.sent(MediaKind::Video).unwrap().fraction_lost);
    }
    worst
}

#[test]
fn one_lossy_viewer_of_five_changes_nothing_in_the_reports() {
    assert_eq!(worst_fraction(1), 0);
    assert_eq!(worst_fraction(2), 0);
}

#[test]
fn three_lossy_viewers_of_five_are_reported() {
    assert!(worst_fraction(3) > 40);
}

#[test]
fn what_the_sfu_itself_misses_is_reported() {
    let mut world = World::new(91, 1);
    let publisher = world.join(&publisher());
    world.join(&viewer());
    world.run(SECOND);
    world.link(publisher, LinkConfig { delay: 10 * MS, loss: 0.2, ..LinkConfig::default() });
    let mut worst = 0;
    for _ in 0..30 {
        world.run(100 * MS);
        let stats = world.clients[publisher].peer.stats();
        worst = worst.max(stats.sent(MediaKind::Video).unwrap().fraction_lost);
    }
    assert!(worst > 25, "{worst}");
}

#[test]
fn a_publisher_measures_its_round_trip_from_the_reports() {
    let mut world = World::new(92, 1);
    let publisher = world.join(&publisher());
    world.run(3 * SECOND);
    let stats = world.clients[publisher].peer.stats();
    for kind in [MediaKind::Audio, MediaKind::Video] {
        let sent = stats.sent(kind).unwrap();
        assert!(sent.reports >= 2);
        let round_trip = sent.round_trip.expect("no LSR and DLSR");
        assert!((19 * MS..=21 * MS).contains(&round_trip), "{round_trip:?}");
        assert_eq!(sent.cumulative_lost, 0);
    }
}

#[test]
fn the_sfu_measures_the_round_trip_to_a_viewer() {
    let mut world = World::new(93, 1);
    world.join(&publisher());
    let viewer = world.join(&viewer());
    world.link(viewer, LinkConfig { delay: 40 * MS, ..LinkConfig::default() });
    world.run(5 * SECOND);
    let key = world.key(viewer).unwrap();
    let round_trip = world.shards[0].peers[key.0].round_trip.expect("not measured");
    assert!((78 * MS..=82 * MS).contains(&round_trip), "{round_trip:?}");
}

#[test]
fn transport_wide_feedback_reaches_the_publisher_and_comes_back_from_viewers() {
    let mut world = World::new(94, 1);
    let publisher = world.join(&publisher());
    let viewer = world.join(&viewer());
    world.run(3 * SECOND);
    let stats = world.clients[publisher].peer.stats();
    assert!(stats.sent(MediaKind::Video).unwrap().transport_feedback > 20);
    let key = world.key(viewer).unwrap();
    let delivery = world.shards[0].peers[key.0].sent.delivery();
    assert!(delivery.packets > 200, "{delivery:?}");
    assert_eq!(delivery.lost, 0);
}

/// Sender reports that a viewer got, with the SSRCs of its audio and video.
fn sender_reports(world: &mut World, client: usize) -> Vec<SenderInfo> {
    let mut forger = world.forger(client);
    world.tap = Some(Vec::new());
    world.run(5 * SECOND);
    let tap = world.tap.take().unwrap();
    let mut reports = vec![];
    for tapped in tap.iter().filter(|tapped| tapped.client == client && !tapped.up) {
        let Some(compound) = forger.open_rtcp(&tapped.bytes) else { continue };
        for packet in rtcp::packets(&compound).flatten() {
            if let Packet::SenderReport(report) = packet {
                reports.push(report.info());
            }
        }
    }
    reports
}

#[test]
fn a_publishers_tracks_keep_their_relation_in_the_sfus_sender_reports() {
    let mut world = World::new(95, 1);
    // The publisher's clock is another, and its reports are under way for differently long.
    let publisher = world.join(&Setup {
        adjust: |config| config.ntp = NtpTime(0xd123_4567_89ab_cdef),
        ..publisher()
    });
    let jitter = LinkConfig { delay: 10 * MS, jitter: 40 * MS, ..LinkConfig::default() };
    world.link(publisher, jitter);
    let viewer = world.join(&viewer());
    world.run(3 * SECOND);
    let reports = sender_reports(&mut world, viewer);
    assert!(reports.len() >= 8);
    // By how much the two clocks differ, according to each report: 32.32 fixed point.
    let mut offsets: Vec<i64> = vec![];
    for kind in [MediaKind::Audio, MediaKind::Video] {
        let subscription = world.subscription(viewer, kind);
        let publication = &world.shards[0].publications[subscription.publication.0];
        let seen = publication.sender_report.unwrap();
        let rate = i128::from(publication.codec.clock_rate());
        let shift = subscription.sequence.timestamp_offset().unwrap();
        let own = reports.iter().filter(|report| report.ssrc == subscription.ssrc);
        let mut count = 0;
        for report in own {
            let ticks = report.rtp_timestamp.wrapping_sub(shift).wrapping_sub(seen.rtp_timestamp);
            let elapsed = (i128::from(ticks.cast_signed()) << 32) / rate;
            let theirs = seen.ntp.0.wrapping_add(elapsed as u64);
            offsets.push(report.ntp.0.wrapping_sub(theirs).cast_signed());
            count += 1;
        }
        assert!(count >= 4);
    }
    let spread = offsets.iter().max().unwrap() - offsets.iter().min().unwrap();
    // Two ticks of the slower clock, which is audio's.
    assert!(spread <= (2 << 32) / 48_000, "{spread} of 2^32 s");
}

#[test]
fn sender_reports_count_what_was_sent_to_this_viewer() {
    let mut world = World::new(96, 1);
    world.join(&publisher());
    world.run(3 * SECOND);
    let viewer = world.join(&viewer());
    world.run(SECOND);
    let reports = sender_reports(&mut world, viewer);
    let video = world.subscription(viewer, MediaKind::Video);
    let last = reports.iter().rfind(|report| report.ssrc == video.ssrc).unwrap();
    assert!(last.packet_count <= video.packets && last.packet_count + 120 > video.packets);
    assert!(last.octet_count <= video.octets && last.octet_count > last.packet_count * 100);
}
