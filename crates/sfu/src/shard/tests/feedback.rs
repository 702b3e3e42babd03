//! Keyframe requests and retransmissions: what viewers ask for, and what that costs everybody else.

use std::collections::HashMap;
use std::time::Duration;

use tsubame_netsim::LinkConfig;
use tsubame_rtp::MediaKind;
use tsubame_rtp::rtcp::{self, Packet};

use super::forger::Forger;
use super::world::{SERVER, Setup, World, publisher, viewer};
use super::{SECOND, frames, line_of, without};

const MS: Duration = Duration::from_millis(1);

fn pli(forger: &mut Forger, ssrc: u32) -> Vec<u8> {
    forger.rtcp(|writer| writer.picture_loss_indication(Forger::SSRC, ssrc))
}

/// A publisher and viewers that have all had their keyframe long ago.
fn settled(seed: u8, viewers: usize) -> (World, Vec<(Forger, u32)>) {
    let mut world = World::with_limit(seed, 1, 5_000);
    world.join(&Setup { audio: false, adjust: slow_video, ..publisher() });
    world.run(SECOND);
    let mut forgers = Vec::new();
    while forgers.len() < viewers {
        let group: Vec<usize> = (0..viewers.min(100)).map(|_| world.join(&viewer())).collect();
        world.run(SECOND);
        for client in group {
            let ssrc = world.subscription(client, MediaKind::Video).ssrc;
            forgers.push((world.forger(client), ssrc));
            world.clients[client].frozen = true;
        }
    }
    world.run(SECOND);
    (world, forgers)
}

fn slow_video(config: &mut tsubame_client::peer::PeerConfig) {
    config.video = config.video.as_ref().map(|_| tsubame_client::peer::VideoSettings {
        bitrate: 50_000,
        frame_rate: 10,
        ..Default::default()
    });
}

#[test]
fn five_hundred_viewers_asking_fifty_times_a_second_buy_one_keyframe_per_500_ms() {
    let (mut world, mut forgers) = settled(70, 500);
    let mut asked = vec![];
    let mut count = world.shards[0].counters().keyframes_requested;
    for _ in 0..60 {
        for (forger, ssrc) in &mut forgers {
            let datagram = pli(forger, *ssrc);
            world.inject(forger.address, &datagram);
        }
        for step in [0, 10, 10] {
            world.run(step * MS);
            let requested = world.shards[0].counters().keyframes_requested;
            asked.extend((count..requested).map(|_| world.elapsed()));
            count = requested;
        }
    }
    assert_eq!(asked.len(), 3, "{asked:?}");
    assert!(asked.windows(2).all(|pair| pair[1] - pair[0] >= 500 * MS), "{asked:?}");
}

#[test]
fn a_request_within_the_interval_is_made_at_its_end() {
    let (mut world, mut forgers) = settled(71, 2);
    let before = world.shards[0].counters().keyframes_requested;
    let asked = |world: &World| world.shards[0].counters().keyframes_requested - before;
    let ask = |world: &mut World, (forger, ssrc): &mut (Forger, u32)| {
        let datagram = pli(forger, *ssrc);
        world.inject(forger.address, &datagram);
        world.settle();
    };
    ask(&mut world, &mut forgers[0]);
    assert_eq!(asked(&world), 1, "the first goes upstream at once");
    // Long enough for the keyframe to come: what is asked after it began wants another.
    world.run(250 * MS);
    ask(&mut world, &mut forgers[1]);
    world.run(240 * MS);
    assert_eq!(asked(&world), 1);
    world.run(20 * MS);
    assert_eq!(asked(&world), 2);
    world.run(2 * SECOND);
    assert_eq!(asked(&world), 2);
}

#[test]
fn a_keyframe_that_begins_within_the_interval_serves_who_asked_before() {
    let (mut world, mut forgers) = settled(72, 2);
    let before = world.shards[0].counters().keyframes_requested;
    for (forger, ssrc) in &mut forgers {
        let datagram = pli(forger, *ssrc);
        world.inject(forger.address, &datagram);
        world.run(5 * MS);
    }
    world.run(2 * SECOND);
    assert_eq!(world.shards[0].counters().keyframes_requested - before, 1);
}

#[test]
fn one_viewer_that_keeps_asking_runs_out_of_keyframes() {
    let (mut world, mut forgers) = settled(73, 1);
    let before = world.shards[0].counters().keyframes_requested;
    for _ in 0..1_500 {
        let (forger, ssrc) = &mut forgers[0];
        let datagram = pli(forger, *ssrc);
        world.inject(forger.address, &datagram);
        world.run(20 * MS);
    }
    let bought = world.shards[0].counters().keyframes_requested - before;
    assert!((3..=12).contains(&bought), "{bought} in 30 s");
}

#[test]
fn requests_for_tracks_that_a_client_does_not_get_are_nobodys() {
    let (mut world, mut forgers) = settled(74, 2);
    let before = world.shards[0].counters().keyframes_requested;
    let foreign = forgers[1].1;
    let own = world.clients[0].peer.stats().sent(MediaKind::Video).unwrap().ssrc;
    for ssrc in [0, u32::MAX, own, foreign.wrapping_add(1 << 20)] {
        let forger = &mut forgers[0].0;
        let datagram = pli(forger, ssrc);
        world.inject(forger.address, &datagram);
    }
    world.run(SECOND);
    assert_eq!(world.shards[0].counters().keyframes_requested, before);
}

#[test]
fn a_keyframe_lost_on_the_way_is_asked_for_again() {
    let mut world = World::new(75, 1);
    // Without NACK, so that nothing but a second request can help.
    let publisher = world.join(&Setup {
        edit_answer: |answer| without(&answer, &["a=rtcp-fb:96 nack\r\n"]),
        ..publisher()
    });
    world.run(3 * SECOND);
    let viewer = world.join(&viewer());
    world.run_until(SECOND, |world| world.shards[0].counters().keyframes_requested > 0);
    let address = world.clients[publisher].address;
    world.network.set_link_up(address, SERVER.into(), false);
    world.run(200 * MS);
    world.network.set_link_up(address, SERVER.into(), true);
    assert_eq!(frames(&world, viewer), 0);
    world.run(SECOND);
    assert!(frames(&world, viewer) > 10);
    assert!(world.shards[0].counters().keyframes_requested >= 2);
    let stats = world.clients[viewer].peer.stats();
    let video = stats.track(MediaKind::Video).unwrap();
    assert_eq!(video.first_packet, video.first_keyframe);
}

#[test]
fn every_full_intra_request_has_the_next_sequence_number() {
    let mut world = World::new(76, 1);
    let publisher = world.join(&publisher());
    world.run(SECOND);
    let mut forger = world.forger(publisher);
    world.tap = Some(Vec::new());
    for _ in 0..5 {
        let viewer = world.join(&viewer());
        world.run(SECOND);
        world.leave(viewer);
    }
    let tap = world.tap.take().unwrap();
    let mut numbers = vec![];
    for tapped in tap.iter().filter(|tapped| tapped.client == publisher && !tapped.up) {
        let Some(compound) = forger.open_rtcp(&tapped.bytes) else { continue };
        for packet in rtcp::packets(&compound).flatten() {
            if let Packet::FullIntraRequest(request) = packet {
                numbers.extend(request.entries().map(|entry| entry.sequence_number));
            }
        }
    }
    assert!(numbers.len() >= 5, "{numbers:?}");
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1)), "{numbers:?}");
}

#[test]
fn a_publisher_without_fir_gets_pli_and_one_without_either_gets_nothing() {
    for (lines, pli, asked) in [
        (&["a=rtcp-fb:96 ccm fir\r\n"][..], true, true),
        (&["a=rtcp-fb:96 ccm fir\r\n", "a=rtcp-fb:96 nack pli\r\n"], false, false),
    ] {
        let mut world = World::new(77, 1);
        let edit_answer: fn(String) -> String = if pli {
            |answer| without(&answer, &["a=rtcp-fb:96 ccm fir\r\n"])
        } else {
            |answer| without(&answer, &["a=rtcp-fb:96 ccm fir\r\n", "a=rtcp-fb:96 nack pli\r\n"])
        };
        let publisher = world.join(&Setup { edit_answer, ..publisher() });
        world.run(SECOND);
        world.join(&viewer());
        world.run(SECOND);
        let stats = world.clients[publisher].peer.stats();
        let sent = stats.sent(MediaKind::Video).unwrap();
        assert_eq!((sent.firs, sent.plis > 0), (0, asked), "{lines:?}");
    }
}

#[test]
fn retransmissions_take_a_quarter_of_the_media_at_most_however_much_is_asked_for() {
    let mut world = World::new(78, 1);
    world.join(&Setup { audio: false, ..publisher() });
    let viewer = world.join(&viewer());
    world.tap = Some(Vec::new());
    world.run(SECOND);
    let mut forger = world.forger(viewer);
    let subscription = world.subscription(viewer, MediaKind::Video);
    let (ssrc, rtx_ssrc) = (subscription.ssrc, subscription.rtx_ssrc.unwrap());
    let (mut media, mut rtx) = (0, 0);
    let mut recent: Vec<u16> = vec![];
    for _ in 0..500 {
        world.run(10 * MS);
        let tap = world.tap.replace(Vec::new()).unwrap();
        for tapped in tap.iter().filter(|tapped| !tapped.up) {
            let Some((number, from)) = line_of(&tapped.bytes) else { continue };
            if from == ssrc {
                media += tapped.bytes.len();
                recent.push(number);
            } else if from == rtx_ssrc {
                rtx += tapped.bytes.len();
            }
        }
        if recent.is_empty() {
            continue;
        }
        let from = recent.len().saturating_sub(200);
        let lost = recent[from..].iter().copied();
        let datagram = forger.rtcp(|writer| writer.nack(Forger::SSRC, ssrc, lost));
        world.inject(forger.address, &datagram);
    }
    assert!(rtx * 10 > media, "{rtx} of {media}");
    // A quarter, and what every subscription has to begin with.
    assert!(rtx <= media / 4 + 20_000, "{rtx} of {media}");
    assert!(world.key(viewer).is_some());
    assert!(world.shards[0].peers.iter().all(|(_, peer)| peer.held.len() <= crate::limits::HELD));
}

#[test]
fn what_was_never_sent_is_not_sent_again() {
    let mut world = World::new(79, 1);
    world.join(&publisher());
    let viewer = world.join(&viewer());
    world.run(SECOND);
    let mut forger = world.forger(viewer);
    let ssrc = world.subscription(viewer, MediaKind::Video).ssrc;
    world.tap = Some(Vec::new());
    world.run(SECOND);
    let tap = world.tap.take().unwrap();
    let mut sent = tap.iter().filter(|t| !t.up).filter_map(|tapped| line_of(&tapped.bytes));
    let next = sent.rfind(|line| line.1 == ssrc).unwrap().0.wrapping_add(1);
    for (media_ssrc, lost) in
        [(ssrc, next..next.wrapping_add(300)), (ssrc.wrapping_add(77), 0..300), (0, 0..300)]
    {
        let datagram = forger.rtcp(|writer| writer.nack(Forger::SSRC, media_ssrc, lost));
        world.inject(forger.address, &datagram);
        world.run(50 * MS);
    }
    assert_eq!(world.shards[0].counters().retransmitted, 0);
    assert!(world.shards[0].peers.iter().all(|(_, peer)| peer.held.is_empty()));
}

#[test]
fn losses_on_the_retransmission_stream_are_not_taken_for_losses_of_media() {
    let mut world = World::new(81, 1);
    world.join(&Setup { audio: false, ..publisher() });
    let viewer = world.join(&viewer());
    world.tap = Some(Vec::new());
    world.run(SECOND);
    let subscription = world.subscription(viewer, MediaKind::Video);
    let (ssrc, rtx_ssrc) = (subscription.ssrc, subscription.rtx_ssrc.unwrap());
    let tap = world.tap.take().unwrap();
    let lines = tap.iter().filter(|t| !t.up).filter_map(|tapped| line_of(&tapped.bytes));
    let sent: Vec<u16> = lines.filter(|line| line.1 == ssrc).map(|line| line.0).collect();
    let recent = &sent[sent.len() - 5..];
    let mut forger = world.forger(viewer);
    for (media_ssrc, resent) in [(rtx_ssrc, 0), (ssrc, 5)] {
        let lost = recent.iter().copied();
        let datagram = forger.rtcp(|writer| writer.nack(Forger::SSRC, media_ssrc, lost));
        world.inject(forger.address, &datagram);
        world.run(50 * MS);
        assert_eq!(world.shards[0].counters().retransmitted, resent);
    }
}

#[test]
fn a_client_without_rtx_never_gets_a_second_packet_under_one_index_but_keyframes() {
    let mut world = World::new(80, 1);
    world.join(&Setup { audio: false, ..publisher() });
    let viewer = world.join(&Setup { edit_offer: without_rtx, ..viewer() });
    world.run(SECOND);
    let before = world.shards[0].counters().keyframes_requested;
    let lossy = LinkConfig { delay: 10 * MS, loss: 0.1, ..LinkConfig::default() };
    world.link(viewer, lossy);
    world.tap = Some(Vec::new());
    world.run(5 * SECOND);
    let mut seen = HashMap::new();
    for tapped in world.tap.take().unwrap().iter().filter(|t| !t.up && t.client == viewer) {
        let Some(line) = line_of(&tapped.bytes) else { continue };
        assert_eq!(seen.insert(line, ()), None, "{line:?} was sent twice");
        assert_eq!(tapped.bytes[1] & 0x7f, 96);
    }
    assert!(seen.len() > 100);
    assert_eq!(world.shards[0].counters().retransmitted, 0);
    assert!(world.shards[0].counters().keyframes_requested > before);
}

fn without_rtx(offer: String) -> String {
    let kept = offer.lines().filter(|line| {
        !["a=rtpmap:97", "a=fmtp:97", "a=rtcp-fb:97"].iter().any(|gone| line.starts_with(gone))
    });
    kept.map(|line| match line.starts_with("m=video") {
        true => line.replace(" 97", "") + "\r\n",
        false => line.to_owned() + "\r\n",
    })
    .collect()
}
