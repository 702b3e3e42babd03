//! Media from publishers to viewers.

use std::time::Duration;

use tsubame_client::peer::Setup as DtlsSide;
use tsubame_dtls::SrtpProfile;
use tsubame_netsim::LinkConfig;
use tsubame_rtp::MediaKind;

use super::world::{Setup, World, publisher, viewer};
use super::{SECOND, frames, packets};
use crate::api::{Event, Role};

#[test]
fn a_viewer_gets_every_packet_of_a_publisher_in_order() {
    let mut world = World::new(1, 1);
    world.join(&publisher());
    let viewer = world.join(&viewer());
    world.run(5 * SECOND);
    let stats = world.clients[viewer].peer.stats();
    assert_eq!(stats.tracks.len(), 2);
    for track in &stats.tracks {
        assert_eq!(track.connection_id, world.clients[0].id.as_str());
        assert_eq!(
            (track.lost, track.duplicated, track.out_of_order, track.corrupted),
            (0, 0, 0, 0)
        );
    }
    assert!(frames(&world, viewer) > 120, "{}", frames(&world, viewer));
    assert!(packets(&world, viewer, MediaKind::Audio) > 200);
    assert_eq!(stats.dropped, 0);
}

#[test]
fn a_viewer_may_come_before_the_publisher() {
    let mut world = World::new(2, 1);
    let viewer = world.join(&viewer());
    world.run(2 * SECOND);
    assert!(world.clients[viewer].seen.contains(&Event::Connected));
    world.join(&publisher());
    world.run(3 * SECOND);
    assert!(frames(&world, viewer) > 60);
}

#[test]
fn a_late_viewer_starts_with_a_keyframe_that_was_asked_for() {
    let mut world = World::new(3, 1);
    let publisher = world.join(&publisher());
    world.run(5 * SECOND);
    let before = world.clients[publisher].peer.stats().sent(MediaKind::Video).unwrap().keyframes;
    let viewer = world.join(&viewer());
    world.run(2 * SECOND);
    let stats = world.clients[viewer].peer.stats();
    let video = stats.track(MediaKind::Video).unwrap();
    assert_eq!(video.first_packet, video.first_keyframe);
    let sent = world.clients[publisher].peer.stats();
    assert!(sent.sent(MediaKind::Video).unwrap().keyframes > before);
    assert!(sent.sent(MediaKind::Video).unwrap().firs >= 1);
}

#[test]
fn a_publisher_that_comes_back_is_seen_again() {
    let mut world = World::new(4, 1);
    let first = world.join(&publisher());
    let viewer = world.join(&viewer());
    world.run(3 * SECOND);
    world.leave(first);
    world.run(SECOND);
    let stats = world.clients[viewer].peer.stats();
    assert!(stats.tracks.iter().all(|track| track.ended));
    let second = world.join(&publisher());
    world.run(3 * SECOND);
    let stats = world.clients[viewer].peer.stats();
    let id = world.clients[second].id;
    assert!(stats.tracks_of(id.as_str()).any(|track| track.frames > 60));
    // Its sections are used again.
    assert_eq!(world.clients[viewer].offer.matches("m=video").count(), 1);
}

#[test]
fn three_clients_that_send_and_receive_see_the_two_others() {
    let mut world = World::new(5, 1);
    let setup = Setup { role: Role::SendRecv, ..publisher() };
    for _ in 0..3 {
        world.join(&setup);
        world.run(SECOND / 2);
    }
    world.run(3 * SECOND);
    for client in 0..3 {
        let stats = world.clients[client].peer.stats();
        let own = world.clients[client].id;
        assert_eq!(stats.tracks_of(own.as_str()).count(), 0, "nobody sees itself");
        assert_eq!(stats.tracks.iter().filter(|track| track.frames > 40).count(), 4);
    }
    world.leave(0);
    world.run(2 * SECOND);
    let left = world.clients[0].id;
    for client in 1..3 {
        let stats = world.clients[client].peer.stats();
        assert!(stats.tracks_of(left.as_str()).all(|track| track.ended));
        assert_eq!(stats.tracks.iter().filter(|track| !track.ended).count(), 2);
    }
}

#[test]
fn audio_alone_and_video_alone_work() {
    for (audio, video) in [(true, false), (false, true)] {
        let mut world = World::new(6, 1);
        world.join(&Setup { audio, video, ..publisher() });
        let viewer = world.join(&viewer());
        world.run(3 * SECOND);
        assert_eq!(packets(&world, viewer, MediaKind::Audio) > 100, audio);
        assert_eq!(packets(&world, viewer, MediaKind::Video) > 60, video);
    }
}

#[test]
fn a_viewer_that_wants_no_video_gets_none() {
    let mut world = World::new(7, 1);
    world.join(&publisher());
    let listener = world.join(&Setup { video: false, ..viewer() });
    let watcher = world.join(&Setup { audio: false, ..viewer() });
    world.run(3 * SECOND);
    assert_eq!(packets(&world, listener, MediaKind::Video), 0);
    assert!(packets(&world, listener, MediaKind::Audio) > 100);
    assert_eq!(packets(&world, watcher, MediaKind::Audio), 0);
    assert!(packets(&world, watcher, MediaKind::Video) > 60);
}

#[test]
fn channels_do_not_mix() {
    let mut world = World::new(8, 1);
    world.join(&publisher());
    let elsewhere = world.join(&Setup { channel: "sparrows", ..viewer() });
    world.run(3 * SECOND);
    assert_eq!(packets(&world, elsewhere, MediaKind::Video), 0);
    assert!(world.clients[elsewhere].seen.contains(&Event::Connected));
}

#[test]
fn a_client_that_is_the_dtls_server_is_served_too() {
    let mut world = World::new(9, 1);
    world.join(&Setup { adjust: |config| config.setup = DtlsSide::Passive, ..publisher() });
    let viewer =
        world.join(&Setup { adjust: |config| config.setup = DtlsSide::Passive, ..viewer() });
    world.run(3 * SECOND);
    assert!(frames(&world, viewer) > 60);
}

#[test]
fn every_srtp_profile_carries_media_and_gcm_is_preferred() {
    for (profile, adjust) in [
        (SrtpProfile::AeadAes128Gcm, (|_| {}) as fn(&mut _)),
        (SrtpProfile::AeadAes256Gcm, |config: &mut tsubame_client::peer::PeerConfig| {
            config.srtp_profiles = vec![SrtpProfile::Aes128CmSha1_80, SrtpProfile::AeadAes256Gcm];
        }),
        (SrtpProfile::Aes128CmSha1_80, |config| {
            config.srtp_profiles = vec![SrtpProfile::Aes128CmSha1_80];
        }),
        (SrtpProfile::Aes128CmSha1_32, |config| {
            config.srtp_profiles = vec![SrtpProfile::Aes128CmSha1_32];
        }),
    ] {
        let mut world = World::new(10, 1);
        world.join(&publisher());
        let viewer = world.join(&Setup { adjust, ..viewer() });
        world.run(3 * SECOND);
        assert!(frames(&world, viewer) > 60, "{profile:?}");
        let negotiated = world.clients[viewer].peer.stats().profile;
        assert_eq!(negotiated, tsubame_srtp::Profile::from_dtls_id(profile.id()));
    }
}

#[test]
fn what_the_sfu_misses_is_asked_for_again_and_arrives() {
    let mut world = World::new(11, 1);
    let publisher = world.join(&publisher());
    let viewer = world.join(&viewer());
    world.run(SECOND);
    let lossy =
        LinkConfig { loss: 0.05, delay: Duration::from_millis(10), ..LinkConfig::default() };
    world.link(publisher, lossy);
    world.run(10 * SECOND);
    world.link(publisher, LinkConfig { loss: 0.0, ..lossy_free() });
    world.run(SECOND);
    let sent = world.clients[publisher].peer.stats();
    assert!(sent.sent(MediaKind::Video).unwrap().retransmissions > 5);
    let stats = world.clients[viewer].peer.stats();
    let video = stats.track(MediaKind::Video).unwrap();
    assert!(video.lost * 200 < video.packets, "{} of {}", video.lost, video.packets);
}

#[test]
fn what_a_viewer_misses_is_answered_from_the_cache_and_costs_the_publisher_nothing() {
    let mut world = World::new(12, 1);
    let publisher = world.join(&publisher());
    let viewer = world.join(&viewer());
    world.run(SECOND);
    world.link(viewer, LinkConfig { loss: 0.05, ..lossy_free() });
    world.run(10 * SECOND);
    world.link(viewer, lossy_free());
    world.run(SECOND);
    let stats = world.clients[viewer].peer.stats();
    let video = stats.track(MediaKind::Video).unwrap();
    assert!(video.recovered > 5, "{}", video.recovered);
    assert!(video.lost * 200 < video.packets, "{} of {}", video.lost, video.packets);
    assert_eq!(video.corrupted, 0);
    let sent = world.clients[publisher].peer.stats();
    assert_eq!(sent.sent(MediaKind::Video).unwrap().nacks, 0);
}

#[test]
fn clients_whose_datagrams_land_on_a_foreign_shard_are_served() {
    let mut world = World::new(13, 4);
    world.join(&publisher());
    for _ in 0..5 {
        world.join(&viewer());
    }
    world.run(3 * SECOND);
    for viewer in 1..6 {
        assert!(frames(&world, viewer) > 60, "{viewer}");
    }
    let owner = &world.shards[3];
    assert!(owner.counters().rtp_forwarded > 0);
    assert!(world.shards[0].counters().handed_over > 0);
}

#[test]
fn the_same_seed_gives_the_same_decisions() {
    let run = || {
        let mut world = World::new(14, 2);
        world.join(&publisher());
        world.join(&viewer());
        world.link(1, LinkConfig { loss: 0.1, ..lossy_free() });
        world.run(5 * SECOND);
        let stats = world.clients[1].peer.stats();
        let video = stats.track(MediaKind::Video).unwrap();
        (video.packets, video.lost, video.recovered, video.ssrc, world.elapsed())
    };
    assert_eq!(run(), run());
}

fn lossy_free() -> LinkConfig {
    LinkConfig { delay: Duration::from_millis(10), ..LinkConfig::default() }
}
