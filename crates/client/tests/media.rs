//! Media from a publisher to a watcher, through a server that only passes it on.

mod support;

use std::time::Duration;

use support::{Offer, World, peer_address, publisher, session_address, watcher};
use tsubame_client::MediaKind;
use tsubame_client::SrtpProfile;
use tsubame_client::peer::{PeerEvent, Setup, VideoSettings};
use tsubame_netsim::LinkConfig;
use tsubame_rtp::{Codec, Packet};
use tsubame_srtp::Profile;

const DELAY: Duration = Duration::from_millis(20);

#[test]
fn flows_under_every_profile_and_either_setup() {
    for profile in SrtpProfile::ALL {
        for setup in [Setup::Active, Setup::Passive] {
            let [mut publisher, mut watcher] = [publisher(), watcher()];
            for config in [&mut publisher, &mut watcher] {
                config.srtp_profiles = vec![profile];
                config.setup = setup;
            }
            let mut world = World::pair(1, publisher, watcher);
            world.run_for(Duration::from_secs(4));
            let expected = Profile::from_dtls_id(profile.id()).unwrap();
            for events in &world.events {
                assert!(events.contains(&PeerEvent::Connected(expected)), "{events:?}");
            }
            let stats = world.peers[1].stats();
            assert_eq!(stats.profile, Some(expected));
            assert_eq!((stats.dropped, stats.unknown), (0, 0));
            for track in &stats.tracks {
                assert_eq!(track.connection_id, "PUB");
                assert!(track.packets > 100, "{track:?}");
                assert_eq!((track.lost, track.duplicated, track.corrupted), (0, 0, 0));
            }
        }
    }
}

#[test]
fn is_what_was_sent() {
    let mut world = World::pair(2, publisher(), watcher());
    world.run_for(Duration::from_secs(5));
    let sent = world.peers[0].stats();
    let seen = world.peers[1].stats();

    let (audio_sent, video_sent) =
        (sent.sent(MediaKind::Audio).unwrap(), sent.sent(MediaKind::Video).unwrap());
    let (audio, video) =
        (seen.track(MediaKind::Audio).unwrap(), seen.track(MediaKind::Video).unwrap());
    assert_eq!((audio.codec, video.codec), (Some(Codec::Opus), Some(Codec::Vp8)));
    assert_eq!((audio.mid.as_str(), audio.track_id.as_deref()), ("0", Some("PUB-0")));
    assert_eq!((video.mid.as_str(), video.track_id.as_deref()), ("1", Some("PUB-1")));
    // Setting up takes some 300 ms each; the watcher came at the same time.
    assert!((200..=250).contains(&audio_sent.packets), "{audio_sent:?}");
    assert!((120..=150).contains(&video_sent.frames), "{video_sent:?}");
    let bitrate = video_sent.bytes * 8 / (video_sent.frames / 30);
    assert!((550_000..750_000).contains(&bitrate), "{bitrate}");
    // What is under way has not arrived.
    for (sent, track) in [(audio_sent, audio), (video_sent, video)] {
        assert!(track.packets <= sent.packets);
        assert!(track.packets + 60 > sent.packets, "{sent:?} {track:?}");
        assert_eq!(track.ssrc, Some(sent.ssrc));
        let delay = track.delay.unwrap();
        // Stamps have the resolution of NTP.
        for delay in [delay.min, delay.max, delay.mean()] {
            assert!(delay.abs_diff(DELAY * 2) < Duration::from_micros(1), "{delay:?}");
        }
        assert_eq!(track.jitter, 0);
        assert!(track.sender_reports >= 3, "{track:?}");
    }
    // Both clocks, and the network, agree: the report block measures the round trip.
    let round_trip = video_sent.round_trip.unwrap();
    assert!(round_trip.abs_diff(DELAY * 4) < Duration::from_millis(1), "{round_trip:?}");
    assert!(seen.round_trip.is_some_and(|round_trip| round_trip.abs_diff(DELAY * 2) < DELAY));
}

#[test]
fn video_packets_carry_what_was_negotiated() {
    let mut world = World::pair(3, publisher(), watcher());
    world.run_for(Duration::from_secs(2));
    let mut transport_numbers = Vec::new();
    let mut kinds = [0; 2];
    for (_, bytes) in &world.sessions[0].rtp {
        let packet = Packet::parse(bytes).unwrap();
        let (mid, kind) = match packet.payload_type() {
            111 => (b"0", 0),
            96 => (b"1", 1),
            other => panic!("payload type {other}"),
        };
        kinds[kind] += 1;
        assert_eq!(packet.extension(1), Some(&mid[..]));
        assert_eq!(packet.extension(2).map(<[u8]>::len), Some(3));
        let number: [u8; 2] = packet.extension(3).unwrap().try_into().unwrap();
        transport_numbers.push(u16::from_be_bytes(number));
        assert!(packet.payload().len() <= tsubame_client::MAX_PAYLOAD);
    }
    assert!(kinds[0] > 50 && kinds[1] > 100, "{kinds:?}");
    let steps = transport_numbers.windows(2).map(|pair| pair[1].wrapping_sub(pair[0]));
    assert!(steps.into_iter().all(|step| step == 1), "one sequence for all streams");
}

#[test]
fn loss_is_repaired_by_retransmissions() {
    let mut world = World::pair(4, publisher(), watcher());
    let lossy = LinkConfig { loss: 0.05, delay: DELAY, ..LinkConfig::default() };
    world.run_for(Duration::from_secs(1));
    world.network.set_link(session_address(1), peer_address(1), lossy);
    world.run_for(Duration::from_secs(20));
    world.network.set_link(
        session_address(1),
        peer_address(1),
        LinkConfig { delay: DELAY, ..LinkConfig::default() },
    );
    world.run_for(Duration::from_secs(1));
    let video = world.peers[1].stats().track(MediaKind::Video).unwrap().clone();
    assert!(video.nacks > 20, "{video:?}");
    assert!(video.recovered > 40, "{video:?}");
    assert_eq!(video.lost, 0, "{video:?}");
    assert_eq!(video.corrupted, 0);
    let sent = world.peers[0].stats().sent(MediaKind::Video).unwrap().clone();
    assert!(sent.retransmissions >= video.recovered, "{sent:?}");
    // Audio is not repaired.
    let audio = world.peers[1].stats().track(MediaKind::Audio).unwrap().clone();
    assert!(audio.lost > 10 && audio.recovered == 0, "{audio:?}");
}

#[test]
fn duplicates_and_reordering_are_counted() {
    let mut world = World::pair(5, publisher(), watcher());
    world.run_for(Duration::from_secs(1));
    let odd = LinkConfig { delay: DELAY, duplicate: 0.1, reorder: 0.1, ..LinkConfig::default() };
    world.network.set_link(session_address(1), peer_address(1), odd);
    world.run_for(Duration::from_secs(5));
    let stats = world.peers[1].stats();
    let video = stats.track(MediaKind::Video).unwrap();
    assert!(video.duplicated > 10, "{video:?}");
    assert!(video.out_of_order > 10, "{video:?}");
    assert_eq!((video.lost, video.recovered, stats.dropped), (0, 0, 0), "{video:?}");
}

#[test]
fn forged_packets_are_dropped() {
    let mut world = World::pair(6, publisher(), watcher());
    world.run_for(Duration::from_secs(1));
    let before = world.peers[1].stats();
    // What the publisher sent is encrypted with other keys than the watcher expects.
    for mut datagram in world.sessions[0].raw.clone() {
        // Of a sequence number that has not come yet: others are replays, whatever is in them.
        datagram[2] ^= 0x10;
        let (to, from) = (peer_address(1), session_address(1));
        let now = world.now;
        world.peers[1].handle_datagram(now, to, from, &mut datagram);
    }
    let after = world.peers[1].stats();
    assert!(after.dropped > before.dropped + 10);
    let packets =
        |stats: &tsubame_client::Stats| stats.tracks.iter().map(|t| t.packets).sum::<u64>();
    assert_eq!(packets(&before), packets(&after));
}

#[test]
fn two_who_publish_and_watch_see_each_other() {
    let mut world = World::new(7);
    let mut config = publisher();
    config.receive = true;
    for _ in 0..2 {
        let at = world.add(config.clone());
        let offer = Offer::publish(&world.sessions[at]);
        world.offer(at, &offer);
    }
    for (at, other) in [(0, 1), (1, 0)] {
        let name = if other == 0 { "FIRST" } else { "SECOND" };
        let offer = Offer::both(&world.sessions[at], &world.sessions[other], name);
        world.offer(at, &offer);
        world.sessions[at].forward_to = Some(other);
    }
    world.run_for(Duration::from_secs(3));
    for (at, name) in [(0, "SECOND"), (1, "FIRST")] {
        let stats = world.peers[at].stats();
        assert_eq!(stats.sent.len(), 2);
        let mids: Vec<&str> = stats.tracks_of(name).map(|track| track.mid.as_str()).collect();
        assert_eq!(mids, ["2", "3"]);
        for track in &stats.tracks {
            assert!(track.packets > 100 && track.lost == 0 && track.corrupted == 0, "{track:?}");
        }
        assert!(stats.sent.iter().all(|sent| sent.reports > 0), "{:?}", stats.sent);
    }
}

#[test]
fn streams_that_no_offer_names_are_told_apart_by_their_mid() {
    let mut world = World::new(8);
    world.add(publisher());
    let offer = Offer::publish(&world.sessions[0]);
    world.offer(0, &offer);
    world.add(watcher());
    let offer = Offer::watch(&world.sessions[1], &world.sessions[0], "PUB");
    let named = |line: &&str| !line.starts_with("a=ssrc");
    let offer: String = offer.lines().filter(named).map(|line| format!("{line}\r\n")).collect();
    world.offer(1, &offer);
    world.sessions[0].forward_to = Some(1);
    world.sessions[1].forward_to = Some(0);
    let lossy = LinkConfig { loss: 0.05, delay: DELAY, ..LinkConfig::default() };
    world.run_for(Duration::from_secs(1));
    world.network.set_link(session_address(1), peer_address(1), lossy);
    world.run_for(Duration::from_secs(5));
    let stats = world.peers[1].stats();
    let video = stats.track(MediaKind::Video).unwrap();
    assert!(video.packets > 400 && video.recovered > 10 && video.corrupted == 0, "{video:?}");
    assert!(stats.track(MediaKind::Audio).unwrap().packets > 200);
}

#[test]
fn every_codec_that_can_be_published_is_watched() {
    for codec in [Codec::Vp8, Codec::Vp9, Codec::H264] {
        let mut config = publisher();
        config.video = Some(VideoSettings { codec, ..VideoSettings::default() });
        let mut world = World::pair(9, config, watcher());
        world.run_for(Duration::from_secs(3));
        world.peers[1].request_keyframes(world.now, None);
        world.run_for(Duration::from_secs(1));
        let (sent, seen) = (world.peers[0].stats(), world.peers[1].stats());
        let sent = sent.sent(MediaKind::Video).unwrap();
        let track = seen.track(MediaKind::Video).unwrap();
        assert_eq!(track.codec, Some(codec));
        assert_eq!((sent.keyframes, track.keyframes), (2, 2));
        assert!(track.frames > 90 && track.frames <= sent.frames, "{track:?}");
        assert_eq!((track.lost, track.corrupted), (0, 0));
    }
}
