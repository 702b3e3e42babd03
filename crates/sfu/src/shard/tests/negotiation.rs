//! Offers and answers over the life of a channel, and who may come in.

use std::time::Duration;

use tsubame_rtp::MediaKind;

use super::world::{Setup, World, id_of, publisher, viewer};
use super::{SECOND, frames, packets};
use crate::api::{CloseReason, Event, JoinError, RequestError, Role};
use crate::limits;
use crate::negotiate::MAX_SECTIONS;

fn meeting() -> Setup {
    Setup { role: Role::SendRecv, ..publisher() }
}

#[test]
fn one_offer_is_outstanding_and_changes_meanwhile_go_into_the_next() {
    let mut world = World::new(20, 1);
    let viewer = world.join(&viewer());
    world.run(SECOND);
    world.clients[viewer].mute = true;
    let first = world.join(&publisher());
    world.run(SECOND);
    assert_eq!(world.offers(viewer), 1);
    let outstanding = world.clients[viewer].offer.clone();
    let others = [world.join(&publisher()), world.join(&publisher()), world.join(&publisher())];
    world.run(SECOND);
    world.leave(others[0]);
    world.run(SECOND);
    assert_eq!(world.offers(viewer), 1);
    world.clients[viewer].mute = false;
    world.answer(viewer, &outstanding).unwrap();
    world.run(3 * SECOND);
    assert_eq!(world.offers(viewer), 2);
    for publisher in [first, others[1], others[2]] {
        let id = world.clients[publisher].id;
        let stats = world.clients[viewer].peer.stats();
        assert!(stats.tracks_of(id.as_str()).any(|track| track.frames > 60));
    }
    let gone = world.clients[others[0]].id;
    assert!(!world.clients[viewer].offer.contains(gone.as_str()));
}

#[test]
fn a_re_answer_that_never_comes_ends_that_client_after_ten_seconds_and_nobody_else() {
    let mut world = World::new(21, 1);
    let [silent, other] = [world.join(&viewer()), world.join(&viewer())];
    world.run(SECOND);
    world.clients[silent].mute = true;
    let publisher = world.join(&publisher());
    world.run(SECOND);
    assert_eq!(world.offers(silent), 1);
    world.run(limits::ANSWER_TIMEOUT - SECOND - Duration::from_millis(100));
    assert_eq!(world.closed(silent), None);
    world.run(SECOND / 2);
    assert_eq!(world.closed(silent), Some(CloseReason::AnswerTimeout));
    world.run(limits::ANSWER_TIMEOUT);
    assert_eq!((world.closed(other), world.closed(publisher)), (None, None));
    assert!(frames(&world, other) > 500);
}

#[test]
fn a_first_answer_that_never_comes_ends_that_client_after_ten_seconds() {
    let mut world = World::new(22, 1);
    let (silent, _) = world.join_silently(&viewer()).unwrap();
    let other = world.join(&viewer());
    world.run(limits::ANSWER_TIMEOUT - Duration::from_millis(100));
    assert_eq!(world.closed(silent), None);
    world.run(Duration::from_millis(200));
    assert_eq!(world.closed(silent), Some(CloseReason::AnswerTimeout));
    assert_eq!(world.closed(other), None);
}

#[test]
fn an_answer_nobody_asked_for_is_refused_and_changes_nothing() {
    let mut world = World::new(23, 1);
    world.join(&publisher());
    let viewer = world.join(&viewer());
    world.run(SECOND);
    let offer = world.clients[viewer].offer.clone();
    let before = frames(&world, viewer);
    assert!(matches!(world.answer(viewer, &offer), Err(RequestError::Refused(_))));
    world.run(SECOND);
    assert!(frames(&world, viewer) > before + 20);
}

#[test]
fn an_answer_of_a_client_that_has_left_finds_nobody() {
    let mut world = World::new(24, 1);
    let (viewer, offer) = world.join_silently(&viewer()).unwrap();
    world.leave(viewer);
    world.run(SECOND);
    assert_eq!(world.answer(viewer, &offer), Err(RequestError::Gone));
}

#[test]
fn an_answer_without_sense_is_refused_and_the_offer_stays_outstanding() {
    let mut world = World::new(25, 1);
    let (viewer, offer) = world.join_silently(&viewer()).unwrap();
    for answer in ["", "v=0\r\n", "garbage", "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"] {
        let refused = world.hand_in(viewer, answer.to_owned());
        assert!(matches!(refused, Err(RequestError::Refused(_))), "{answer:?}");
    }
    world.answer(viewer, &offer).unwrap();
    world.run(SECOND);
    assert!(world.clients[viewer].seen.contains(&Event::Connected));
}

#[test]
fn a_refused_track_is_told_and_not_forwarded() {
    let mut world = World::new(26, 1);
    let publisher = world.join(&publisher());
    let id = world.clients[publisher].id;
    world.run(SECOND);
    let refuses = |config: &mut tsubame_client::peer::PeerConfig| {
        config.codecs = vec![tsubame_rtp::Codec::Opus];
    };
    let listener = world.join(&Setup { adjust: refuses, ..viewer() });
    world.run(3 * SECOND);
    let refused = Event::TrackRefused { publisher: id, kind: MediaKind::Video };
    let told = world.clients[listener].seen.iter().filter(|event| **event == refused).count();
    assert_eq!(told, 1);
    assert_eq!(packets(&world, listener, MediaKind::Video), 0);
    assert!(packets(&world, listener, MediaKind::Audio) > 100);
    assert_eq!(world.clients[listener].peer.stats().unknown, 0);
    assert_eq!(world.shards[0].counters().keyframes_requested, 0);
}

#[test]
fn a_client_may_refuse_more_tracks_at_once_than_its_owner_can_be_told_of_in_passing() {
    let mut world = World::with_limit(27, 1, 1_000);
    let silent = |config: &mut tsubame_client::peer::PeerConfig| {
        config.video = config.video.as_ref().map(|_| tsubame_client::peer::VideoSettings {
            bitrate: 20_000,
            frame_rate: 1,
            ..Default::default()
        });
    };
    for _ in 0..90 {
        world.join(&Setup { audio: false, adjust: silent, ..publisher() });
    }
    world.run(SECOND);
    let refuses = |config: &mut tsubame_client::peer::PeerConfig| {
        config.codecs = vec![tsubame_rtp::Codec::Opus];
    };
    let listener = world.join(&Setup { adjust: refuses, ..viewer() });
    world.run(SECOND);
    assert_eq!(world.closed(listener), None);
    assert!(world.clients[listener].seen.contains(&Event::Connected));
    let told = |event: &&Event| matches!(event, Event::TrackRefused { .. });
    assert_eq!(world.clients[listener].seen.iter().filter(told).count(), 90);
}

#[test]
fn tracks_for_which_no_section_was_left_come_when_others_have_gone() {
    let mut world = World::with_limit(41, 1, 2_000);
    let publishers: Vec<usize> =
        (0..MAX_SECTIONS + 5).map(|_| world.join(&Setup { video: false, ..publisher() })).collect();
    world.run(SECOND / 2);
    // Their sessions last for half a minute without them.
    publishers.iter().for_each(|publisher| world.clients[*publisher].frozen = true);
    let viewer = world.join(&Setup { video: false, ..viewer() });
    world.run(SECOND);
    assert_eq!(world.closed(viewer), None);
    assert_eq!(world.clients[viewer].peer.stats().tracks.len(), MAX_SECTIONS);
    publishers.iter().take(10).for_each(|publisher| world.leave(*publisher));
    world.run(SECOND);
    let stats = world.clients[viewer].peer.stats();
    let present = stats.tracks.iter().filter(|track| !track.ended).count();
    assert_eq!(present, MAX_SECTIONS - 5);
    for publisher in &publishers[10..] {
        let id = world.clients[*publisher].id;
        assert_eq!(stats.tracks_of(id.as_str()).filter(|track| !track.ended).count(), 1);
    }
}

#[test]
fn a_track_that_was_refused_by_direction_is_forwarded_once_a_later_answer_takes_it() {
    let mut world = World::new(28, 1);
    world.join(&publisher());
    let viewer = world.join(&Setup {
        edit_answer: |answer| answer.replace("a=recvonly", "a=inactive"),
        ..viewer()
    });
    world.run(2 * SECOND);
    assert_eq!(frames(&world, viewer), 0);
    world.clients[viewer].mute = true;
    world.join(&publisher());
    world.run(SECOND);
    let offer = world.clients[viewer].offer.clone();
    let answer = world.clients[viewer].peer.handle_offer(world.now, &offer).unwrap();
    world.hand_in(viewer, answer).unwrap();
    world.run(2 * SECOND);
    let stats = world.clients[viewer].peer.stats();
    for client in 0..2 {
        let id = world.clients[client * 2].id;
        let video: Vec<_> =
            stats.tracks_of(id.as_str()).filter(|t| t.kind == MediaKind::Video).collect();
        assert!(video.iter().any(|track| track.frames > 40), "{client}");
        assert!(video.iter().all(|track| track.lost == 0));
    }
}

#[test]
fn a_sendrecv_client_that_answers_it_does_not_send_publishes_nothing() {
    let mut world = World::new(29, 1);
    let viewer = world.join(&viewer());
    let mute = world.join(&Setup {
        role: Role::SendRecv,
        edit_answer: |answer| answer.replace("a=sendonly", "a=inactive"),
        ..publisher()
    });
    world.run(2 * SECOND);
    assert!(world.clients[mute].seen.contains(&Event::Connected));
    assert_eq!(world.offers(viewer), 0);
    assert!(world.shards[0].publications.is_empty());
    assert_eq!(packets(&world, viewer, MediaKind::Audio), 0);
    assert!(world.shards[0].counters().rtp_not_negotiated > 0);
}

#[test]
fn sections_are_used_again_for_whoever_comes_next() {
    let mut world = World::new(30, 1);
    let viewer = world.join(&viewer());
    world.run(SECOND / 2);
    for _ in 0..6 {
        let publisher = world.join(&publisher());
        world.run(SECOND);
        world.leave(publisher);
        world.run(SECOND / 2);
    }
    assert_eq!(world.clients[viewer].offer.matches("\nm=").count(), 2);
    // Shown by every one of them: the SSRCs are new each time.
    let stats = world.clients[viewer].peer.stats();
    let mut ssrcs: Vec<_> = stats.tracks.iter().filter_map(|track| track.ssrc).collect();
    assert_eq!(ssrcs.len(), 12);
    ssrcs.sort_unstable();
    ssrcs.dedup();
    assert_eq!(ssrcs.len(), 12);
}

#[test]
fn a_publisher_may_leave_while_the_offer_of_its_tracks_is_outstanding() {
    let mut world = World::new(31, 1);
    let viewer = world.join(&viewer());
    world.run(SECOND);
    world.clients[viewer].mute = true;
    let publisher = world.join(&publisher());
    world.run(SECOND);
    let offer = world.clients[viewer].offer.clone();
    let id = world.clients[publisher].id;
    assert!(offer.contains(id.as_str()));
    world.leave(publisher);
    world.run(SECOND);
    world.clients[viewer].mute = false;
    world.answer(viewer, &offer).unwrap();
    world.run(SECOND);
    assert_eq!(world.offers(viewer), 2);
    assert!(!world.clients[viewer].offer.contains(id.as_str()));
    assert!(world.shards[0].subscriptions.is_empty());
    assert_eq!(world.closed(viewer), None);
}

#[test]
fn a_publisher_may_leave_before_a_newcomer_has_answered_the_first_offer() {
    let mut world = World::new(32, 1);
    let publisher = world.join(&publisher());
    world.run(SECOND);
    let (viewer, offer) = world.join_silently(&viewer()).unwrap();
    world.leave(publisher);
    world.run(SECOND);
    world.answer(viewer, &offer).unwrap();
    world.run(SECOND);
    assert!(world.clients[viewer].seen.contains(&Event::Connected));
    let stats = world.clients[viewer].peer.stats();
    assert!(stats.tracks.iter().all(|track| track.ended));
}

#[test]
fn a_viewer_may_leave_while_its_offer_is_outstanding() {
    let mut world = World::new(33, 1);
    let [leaver, other] = [world.join(&viewer()), world.join(&viewer())];
    world.run(SECOND);
    world.clients[leaver].mute = true;
    world.join(&publisher());
    world.run(SECOND);
    world.leave(leaver);
    world.run(2 * SECOND);
    assert_eq!(world.shards[0].subscriptions.len(), 2);
    assert!(frames(&world, other) > 60);
}

#[test]
fn connections_of_one_bundle_do_not_get_each_others_media() {
    let mut world = World::new(34, 1);
    let screen = world.join(&Setup { bundle_id: Some("one"), ..meeting() });
    let camera = world.join(&Setup { bundle_id: Some("one"), ..meeting() });
    let other = world.join(&Setup { bundle_id: Some("two"), ..meeting() });
    let alone = world.join(&meeting());
    world.run(2 * SECOND);
    let seen = |client: usize, of: usize| {
        let id = world.clients[of].id;
        world.clients[client].peer.stats().tracks_of(id.as_str()).count()
    };
    assert_eq!((seen(screen, camera), seen(camera, screen)), (0, 0));
    assert_eq!((seen(screen, other), seen(other, camera), seen(alone, screen)), (2, 2, 2));
    assert_eq!((seen(other, alone), seen(alone, other)), (2, 2));
}

#[test]
fn a_hundred_viewers_see_one_publisher() {
    let mut world = World::with_limit(35, 1, 1_000);
    world.join(&publisher());
    for _ in 0..100 {
        world.join(&Setup { audio: false, ..viewer() });
    }
    world.run(SECOND);
    for viewer in 1..=100 {
        assert!(frames(&world, viewer) > 15, "{viewer}");
        assert_eq!(world.offers(viewer), usize::from(world.offers(viewer) > 0));
    }
}

#[test]
fn a_connection_id_in_use_is_refused_and_free_again_afterwards() {
    let mut world = World::new(36, 1);
    let viewer = world.join(&viewer());
    let id = world.clients[viewer].id;
    world.run(SECOND);
    assert_eq!(world.knock(&super::world::viewer(), id), Err(JoinError::DuplicateConnectionId));
    world.run(SECOND);
    assert_eq!(world.closed(viewer), None);
    world.leave(viewer);
    world.run(SECOND);
    assert!(world.knock(&super::world::viewer(), id).is_ok());
}

#[test]
fn a_channel_name_has_1_to_255_octets() {
    let mut world = World::new(37, 1);
    let name = |len: usize| &*Box::leak("x".repeat(len).into_boxed_str());
    for (len, fits) in [(0, false), (1, true), (255, true), (256, false)] {
        let joined = world.knock(&Setup { channel: name(len), ..viewer() }, id_of(500 + len));
        assert_eq!(joined.map(drop), if fits { Ok(()) } else { Err(JoinError::InvalidChannel) });
    }
}

#[test]
fn a_fifth_of_the_connections_may_be_half_open_and_no_more() {
    let mut world = World::with_limit(38, 1, 10);
    let [first, second] = [world.join(&viewer()), world.join(&viewer())];
    let refused = world.knock(&viewer(), id_of(90));
    assert_eq!(refused, Err(JoinError::TooManyHalfOpen));
    world.run(SECOND);
    assert!(world.clients[first].seen.contains(&Event::Connected));
    // Who is through makes room, and so does who leaves.
    let third = world.join(&viewer());
    world.join(&viewer());
    assert_eq!(world.knock(&viewer(), id_of(91)), Err(JoinError::TooManyHalfOpen));
    world.leave(third);
    world.settle();
    assert!(world.knock(&viewer(), id_of(92)).is_ok());
    assert_eq!(world.closed(second), None);
}

#[test]
fn a_full_server_refuses_until_somebody_leaves() {
    let mut world = World::with_limit(39, 1, 5);
    for _ in 0..5 {
        world.join(&viewer());
        world.run(SECOND);
    }
    assert_eq!(world.knock(&viewer(), id_of(90)), Err(JoinError::ServerFull));
    world.leave(2);
    world.settle();
    assert!(world.knock(&viewer(), id_of(90)).is_ok());
}

#[test]
fn a_handshake_that_is_given_up_makes_room_for_others() {
    let mut world = World::with_limit(40, 1, 5);
    for round in 0..50 {
        assert!(world.knock(&viewer(), id_of(100 + round)).is_ok(), "{round}");
        assert_eq!(world.knock(&viewer(), id_of(99)), Err(JoinError::TooManyHalfOpen));
        world.run(limits::SETUP_TIMEOUT);
    }
    let good = world.join(&viewer());
    world.run(SECOND);
    assert!(world.clients[good].seen.contains(&Event::Connected));
}

#[test]
fn a_publisher_that_cannot_send_what_it_was_asked_for_is_told() {
    let mut world = World::new(43, 1);
    let refuses_video = |answer: String| {
        answer.replace("m=video 9", "m=video 0").replace("a=group:BUNDLE 0 1", "a=group:BUNDLE 0")
    };
    let publisher = world.join(&Setup { edit_answer: refuses_video, ..publisher() });
    let viewer = world.join(&viewer());
    world.run(3 * SECOND);
    let id = world.clients[publisher].id;
    let refused = Event::TrackRefused { publisher: id, kind: MediaKind::Video };
    let told = world.clients[publisher].seen.iter().filter(|event| **event == refused).count();
    assert_eq!(told, 1);
    assert_eq!(packets(&world, viewer, MediaKind::Video), 0);
    assert!(packets(&world, viewer, MediaKind::Audio) > 100);
}

#[test]
fn a_session_that_has_used_up_its_ssrcs_ends_instead_of_going_black() {
    let mut world = World::new(44, 1);
    let watching = world.join(&viewer());
    world.run(SECOND);
    // As if that many tracks had come and gone already.
    for (_, peer) in &mut world.shards[0].peers {
        peer.used_ssrcs = tsubame_srtp::MAX_OUTGOING_SSRCS - 1;
    }
    world.join(&Setup { video: false, ..publisher() });
    world.run(SECOND);
    assert_eq!(world.closed(watching), None);
    assert!(packets(&world, watching, MediaKind::Audio) > 20);
    world.join(&Setup { video: false, ..publisher() });
    world.run(SECOND);
    assert_eq!(world.closed(watching), Some(CloseReason::SsrcsExhausted));
}

#[test]
fn one_channel_may_have_all_the_connections_of_a_server_with_many_shards() {
    let mut world = World::with_limit(45, 4, 5);
    for _ in 0..5 {
        world.join(&viewer());
        world.run(SECOND);
    }
    assert_eq!(world.knock(&viewer(), id_of(90)), Err(JoinError::ServerFull));
}

#[test]
fn a_candidate_that_is_of_no_use_ends_nobody() {
    let mut world = World::new(46, 1);
    let client = world.join(&viewer());
    let id = world.clients[client].id;
    for candidate in ["", "candidate:nonsense", "candidate:1 1 sctp 1 192.0.2.1 9 typ host"] {
        assert_eq!(world.shards[0].candidate(id, candidate), Ok(()));
    }
    world.run(SECOND);
    assert_eq!(world.closed(client), None);
}
