//! Offers that change, paths that change, ends.

mod support;

use std::time::Duration;

use support::{Offer, World, peer_address, publisher, session_address, watcher};
use tsubame_client::MediaKind;
use tsubame_client::peer::{NegotiationError, Peer, PeerError, PeerEvent};
use tsubame_dtls::KeyingError;
use tsubame_rtp::rtcp::{self, Packet};
use tsubame_sdp::{Direction, SessionDescription, Setup};

#[test]
fn tracks_end_and_begin_with_offers() {
    let mut world = World::pair(1, publisher(), watcher());
    world.run_for(Duration::from_secs(2));
    let away = Offer::inactive(&world.sessions[1]);
    world.offer(1, &away);
    let stats = world.peers[1].stats();
    assert!(stats.tracks.iter().all(|track| track.ended));
    assert_eq!(stats.tracks.len(), 2);
    let again = Offer::watch(&world.sessions[1], &world.sessions[0], "NEXT");
    world.offer(1, &again);
    world.run_for(Duration::from_secs(1));
    let stats = world.peers[1].stats();
    assert_eq!(stats.tracks.len(), 4);
    let packets: Vec<u64> = stats.tracks_of("NEXT").map(|track| track.packets).collect();
    assert!(packets.len() == 2 && packets.iter().all(|packets| *packets > 40), "{packets:?}");
    // The same offer again changes nothing.
    let again = Offer::watch(&world.sessions[1], &world.sessions[0], "NEXT");
    world.offer(1, &again);
    assert_eq!(world.peers[1].stats().tracks.len(), 4);
    let versions: Vec<u64> =
        world.sessions[1].answers.iter().map(|answer| answer.origin.session_version).collect();
    assert_eq!(versions, [0, 1, 2, 3]);
}

#[test]
fn a_publisher_that_is_no_longer_wanted_stops() {
    let mut world = World::pair(2, publisher(), watcher());
    world.run_for(Duration::from_secs(1));
    let away = Offer::inactive(&world.sessions[0]);
    world.offer(0, &away);
    world.run_for(Duration::from_millis(100));
    let before = world.sessions[0].rtp.len();
    world.run_for(Duration::from_secs(1));
    assert_eq!(world.sessions[0].rtp.len(), before);
    let wanted = Offer::publish(&world.sessions[0]);
    world.offer(0, &wanted);
    world.run_for(Duration::from_secs(1));
    assert!(world.sessions[0].rtp.len() > before + 50);
}

#[test]
fn the_answer_fits_the_offer() {
    let mut world = World::pair(3, publisher(), watcher());
    world.run_for(Duration::ZERO);
    let [publishing, watching] = [0, 1].map(|at| world.sessions[at].answers[0].clone());
    let directions = |answer: &SessionDescription| -> Vec<Direction> {
        answer.media.iter().map(|media| media.direction).collect()
    };
    assert_eq!(directions(&publishing), [Direction::SendOnly; 2]);
    assert_eq!(directions(&watching), [Direction::RecvOnly; 2]);
    for answer in [&publishing, &watching] {
        assert_eq!(answer.bundle(), Some(&[String::from("0"), String::from("1")][..]));
        for media in &answer.media {
            assert_eq!(media.setup, Some(Setup::Active));
            assert!(media.rtcp_mux && media.rtcp_rsize && media.fingerprints.len() == 1);
            assert_eq!(media.extensions.len(), 3);
        }
    }
    let formats = |answer: &SessionDescription| answer.media[1].formats.clone();
    assert_eq!(formats(&publishing), ["96", "97", "98", "99", "102", "103"]);
    assert_eq!(publishing.media[1].ssrc_groups[0].semantics, "FID");
    assert_eq!(publishing.media[1].ssrcs.len(), 2);
    assert_eq!(watching.media[1].ssrcs.len(), 0);
}

#[test]
fn an_ice_restart_loses_no_media() {
    let mut world = World::pair(4, publisher(), watcher());
    world.run_for(Duration::from_secs(2));
    let now = world.now;
    world.sessions[1].restart_ice(now);
    let offer = Offer::watch(&world.sessions[1], &world.sessions[0], "PUB");
    let before = world.sessions[1].answers[0].media[0].ice_ufrag.clone();
    world.offer(1, &offer);
    let after = world.sessions[1].answers[1].media[0].ice_ufrag.clone();
    assert_ne!(before, after);
    world.run_for(Duration::from_secs(2));
    let selected = |event: &&PeerEvent| matches!(event, PeerEvent::PathSelected { .. });
    assert_eq!(world.events[1].iter().filter(selected).count(), 2);
    let track = world.peers[1].stats().track(MediaKind::Video).unwrap().clone();
    assert_eq!((track.lost, track.ended), (0, false));
    assert!(world.peers[1].is_connected());
    assert!(world.now - track.last_packet.unwrap() < Duration::from_millis(100));
}

/// The path of before the restart keeps its consent, so a restart that fails costs nothing.
#[test]
fn an_ice_restart_whose_candidates_lead_nowhere_leaves_the_media_where_it_is() {
    let mut world = World::pair(14, publisher(), watcher());
    world.run_for(Duration::from_secs(2));
    // Another session's address: what comes there for this one is met with silence.
    let [silent, address] = [0, 1].map(|at| world.sessions[at].address);
    let now = world.now;
    world.sessions[1].restart_ice(now);
    let offer = Offer::watch(&world.sessions[1], &world.sessions[0], "PUB");
    let [silent, reachable] =
        [silent, address].map(|address| format!("{} {} typ host", address.ip(), address.port()));
    assert!(offer.contains(&reachable));
    world.offer(1, &offer.replace(&reachable, &silent));
    world.run_for(Duration::from_secs(60));
    let is_failure = |event: &PeerEvent| matches!(event, PeerEvent::Failed(_));
    assert!(!world.events[1].iter().any(is_failure), "{:?}", world.events[1]);
    assert!(world.peers[1].is_connected());
    let track = world.peers[1].stats().track(MediaKind::Video).unwrap().clone();
    assert_eq!((track.lost, track.ended), (0, false));
    assert!(world.now - track.last_packet.unwrap() < Duration::from_millis(100));
}

#[test]
fn a_wrong_fingerprint_is_fatal_in_either_setup() {
    for setup in [tsubame_client::peer::Setup::Active, tsubame_client::peer::Setup::Passive] {
        let mut world = World::new(5);
        let mut config = watcher();
        config.setup = setup;
        let at = world.add(config);
        let offer = Offer::inactive(&world.sessions[at]);
        let right = world.sessions[at].fingerprint();
        let (head, tail) = right.split_at(right.len() - 1);
        let wrong = format!("{head}{}", if tail == "0" { '1' } else { '0' });
        world.offer(at, &offer.replace(&right, &wrong));
        world.run_for(Duration::from_secs(2));
        let failed = PeerEvent::Failed(PeerError::Keying(KeyingError::FingerprintMismatch));
        assert!(world.events[at].contains(&failed), "{:?}", world.events[at]);
        assert!(!world.peers[at].is_connected());
        assert_eq!(world.peers[at].stats().profile, None);
    }
}

#[test]
fn a_goodbye_is_heard_as_rtcp_and_as_dtls() {
    let mut world = World::pair(6, publisher(), watcher());
    world.run_for(Duration::from_secs(1));
    let now = world.now;
    for peer in &mut world.peers {
        peer.close(now);
    }
    world.run_for(Duration::from_secs(1));
    assert!(world.sessions[0].closed && world.sessions[1].closed);
    let (_, last) = world.sessions[0].rtcp.last().unwrap();
    let goodbye = rtcp::packets(last).flatten().find_map(|packet| match packet {
        Packet::Goodbye(goodbye) => Some(goodbye.ssrcs().collect::<Vec<_>>()),
        _ => None,
    });
    let ssrcs: Vec<u32> = world.peers[0].stats().sent.iter().map(|sent| sent.ssrc).collect();
    assert_eq!(goodbye, Some(ssrcs));
    assert!(world.peers.iter().all(|peer| !peer.is_connected() && peer.poll_timeout().is_none()));
}

#[test]
fn a_server_that_falls_silent_is_noticed() {
    let mut world = World::pair(7, publisher(), watcher());
    world.run_for(Duration::from_secs(1));
    world.network.set_link_up(session_address(0), peer_address(0), false);
    world.run_for(Duration::from_secs(20));
    assert!(world.peers[0].is_connected(), "RFC 7675 gives it 30 s");
    world.run_for(Duration::from_secs(20));
    let expired = PeerEvent::Failed(PeerError::ConsentExpired);
    assert_eq!(world.events[0].last(), Some(&expired));
    let sent = world.peers[0].stats().sent[0].packets;
    world.run_for(Duration::from_secs(1));
    assert_eq!(world.peers[0].stats().sent[0].packets, sent);
}

#[test]
fn offers_that_cannot_be_trusted_are_refused_and_change_nothing() {
    let mut world = World::new(8);
    world.add(watcher());
    let good = Offer::inactive(&world.sessions[0]);
    let fingerprint = format!("a=fingerprint:{}\r\n", world.sessions[0].fingerprint());
    let ufrag = format!("a=ice-ufrag:{}\r\n", world.sessions[0].ice.local().ufrag);
    let crypto = "a=mid:0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\r\n";
    let refused = [
        (good.replace("a=mid:0\r\n", crypto), NegotiationError::Crypto),
        (good.replace(&fingerprint, ""), NegotiationError::NoFingerprint),
        (good.replace(&ufrag, ""), NegotiationError::NoCredentials),
        (good.replace("a=setup:actpass", "a=setup:holdconn"), NegotiationError::HoldConn),
    ];
    let now = world.now;
    for (offer, error) in refused {
        assert_ne!(offer, good, "{error:?}");
        let result = world.peers[0].handle_offer(now, &offer);
        assert_eq!(result, Err(PeerError::Negotiation(error)));
    }
    let garbage = world.peers[0].handle_offer(now, "hello");
    assert!(matches!(garbage, Err(PeerError::Sdp(_))), "{garbage:?}");
    assert_eq!(world.peers[0].poll_timeout(), None);
    world.offer(0, &good);
    world.run_for(Duration::from_secs(1));
    assert!(world.peers[0].is_connected());
}

#[test]
fn a_rejected_section_stays_rejected() {
    let mut world = World::new(9);
    world.add(publisher());
    let offer = Offer::publish(&world.sessions[0]).replace("m=audio 9", "m=audio 0");
    let now = world.now;
    let answer = world.peers[0].handle_offer(now, &offer).unwrap();
    let answer: SessionDescription = answer.parse().unwrap();
    assert_eq!((answer.media[0].port, answer.media[0].direction), (0, Direction::Inactive));
    assert_eq!(answer.media[1].direction, Direction::SendOnly);
    assert_eq!(answer.bundle(), Some(&[String::from("1")][..]));
}

#[test]
fn peers_do_not_wait_for_nothing() {
    // A peer that polls itself without end would never let the virtual clock go on.
    let world = World::new(10);
    let peer = Peer::new(world.now, watcher(), [1; 32]);
    assert_eq!(peer.poll_timeout(), None);
}
