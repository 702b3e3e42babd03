//! Channels that span shards.

use std::time::Duration;

use tsubame_netsim::LinkConfig;
use tsubame_rtp::{MediaKind, Packet};

use super::world::{Setup, World, id_of, publisher, viewer};
use super::{SECOND, entries, frames, packets};
use crate::api::{Event, Role};
use crate::keys::PublicationKey;
use crate::shard::Neighbours;
use crate::sink::Collected;

const MS: Duration = Duration::from_millis(1);

fn member() -> Setup {
    Setup { role: Role::SendRecv, ..publisher() }
}

/// Time, payload and SSRC of everything of one kind that a client was sent while the tap was open, in order.
fn sent_to(world: &World, client: usize, kind: MediaKind) -> Vec<(Duration, Vec<u8>)> {
    let mut opener = world.forger(client);
    let ssrc = world.subscription(client, kind).ssrc;
    let tap = world.tap.as_ref().expect("no tap");
    let down = tap.iter().filter(|tapped| tapped.client == client && !tapped.up);
    down.filter_map(|tapped| {
        let bytes = opener.open_rtp(&tapped.bytes)?;
        let packet = Packet::parse(&bytes).ok()?;
        (packet.ssrc() == ssrc).then(|| (tapped.at, packet.payload().to_vec()))
    })
    .collect()
}

#[test]
fn viewers_on_every_shard_get_the_same_payloads_in_the_same_order() {
    for shards in [2, 4] {
        let mut world = World::new(180, shards);
        let viewers: Vec<usize> =
            (0..shards).map(|shard| world.join_on(shard, &viewer())).collect();
        world.run(SECOND);
        world.tap = Some(Vec::new());
        world.join_on(0, &publisher());
        world.run(3 * SECOND);
        for kind in [MediaKind::Audio, MediaKind::Video] {
            let at_home = sent_to(&world, viewers[0], kind);
            assert!(at_home.len() > 140, "{}", at_home.len());
            for viewer in &viewers[1..] {
                assert!(sent_to(&world, *viewer, kind) == at_home, "{kind:?}, {shards} shards");
            }
        }
        for viewer in viewers {
            let stats = world.clients[viewer].peer.stats();
            assert_eq!(stats.tracks.len(), 2);
            for track in &stats.tracks {
                assert_eq!((track.lost, track.duplicated, track.out_of_order), (0, 0, 0));
            }
        }
    }
}

#[test]
fn a_late_viewer_on_another_shard_starts_with_a_keyframe_that_was_asked_for() {
    let mut world = World::new(181, 2);
    let publisher = world.join_on(0, &publisher());
    world.run(3 * SECOND);
    let viewer = world.join_on(1, &viewer());
    world.run(SECOND);
    let stats = world.clients[viewer].peer.stats();
    let video = stats.track(MediaKind::Video).unwrap();
    assert!(frames(&world, viewer) > 20);
    assert_eq!(video.first_packet, video.first_keyframe);
    assert!(world.clients[publisher].peer.stats().sent(MediaKind::Video).unwrap().firs >= 1);
}

#[test]
fn everybody_sees_everybody_else_and_nobody_itself() {
    let mut world = World::new(182, 4);
    let members: Vec<usize> = (0..7).map(|number| world.join_on(number % 4, &member())).collect();
    world.run(3 * SECOND);
    for me in &members {
        let stats = world.clients[*me].peer.stats();
        for other in &members {
            let id = world.clients[*other].id;
            let mut tracks = stats.tracks_of(id.as_str());
            assert_eq!(tracks.any(|track| track.frames > 40), other != me, "{me} of {other}");
        }
    }
    // Ten of the tracks have their home on this shard, and all of them are here once.
    assert_eq!((world.shards[0].publications.len(), world.shards[0].replicas.len()), (14, 10));
}

#[test]
fn tracks_are_offered_in_the_order_of_their_arrival_wherever_they_came_from() {
    let mut world = World::new(183, 3);
    for shard in [0, 1, 0, 2, 1] {
        world.join_on(shard, &publisher());
        world.run(SECOND);
    }
    for shard in 0..3 {
        let viewer = world.join_on(shard, &viewer());
        // On a shard of its own a viewer is told of them in its second offer.
        world.run(SECOND);
        let offer = &world.clients[viewer].offer;
        let places = (0..5).map(|client| offer.find(world.clients[client].id.as_str()).unwrap());
        assert!(places.is_sorted(), "shard {shard}");
    }
}

#[test]
fn members_of_one_bundle_do_not_get_each_others_media_across_shards() {
    let mut world = World::new(184, 2);
    let bundled = |bundle_id| Setup { bundle_id: Some(bundle_id), ..member() };
    let one = world.join_on(0, &bundled("a"));
    let same = world.join_on(1, &bundled("a"));
    let other = world.join_on(1, &bundled("b"));
    world.run(3 * SECOND);
    let gets = |me: usize, from: usize| {
        let id = world.clients[from].id;
        world.clients[me].peer.stats().tracks_of(id.as_str()).count()
    };
    assert_eq!((gets(one, same), gets(same, one)), (0, 0));
    assert_eq!((gets(one, other), gets(other, one), gets(same, other)), (2, 2, 2));
}

#[test]
fn a_channel_grows_beyond_its_shard_while_it_runs_and_nobody_moves() {
    let mut world = World::spreading(185, 4, 2);
    let mut members = vec![];
    let mut watched = 0;
    for _ in 0..7 {
        members.push(world.join(&member()));
        world.run(SECOND);
        if let [first, _, ..] = members[..] {
            let now = frames(&world, first);
            assert!(now > watched + 15, "the first one's view stops");
            watched = now;
        }
    }
    let shards: Vec<usize> = members.iter().map(|member| world.clients[*member].shard).collect();
    assert_eq!(shards, [0, 0, 1, 1, 2, 2, 3]);
    for member in members {
        let stats = world.clients[member].peer.stats();
        let video = stats.tracks.iter().filter(|track| track.kind == MediaKind::Video);
        assert_eq!(video.filter(|track| track.frames > 15).count(), 6);
        assert!(stats.tracks.iter().all(|track| track.lost == 0));
        assert_eq!(world.closed(member), None);
    }
}

#[test]
fn packets_cross_only_to_shards_with_subscribers() {
    let mut world = World::new(186, 3);
    world.join_on(0, &publisher());
    // Members of the channel, but not of its audience.
    world.join_on(1, &publisher());
    world.join_on(2, &publisher());
    let audio_only = world.join_on(2, &Setup { video: false, ..viewer() });
    world.run(SECOND);
    let received = world.shards[0].counters().rtp_received;
    let before = world.shards[0].counters().replicated;
    world.run(SECOND);
    let audio = packets(&world, audio_only, MediaKind::Audio);
    let crossed = world.shards[0].counters().replicated - before;
    assert!((45..=55).contains(&crossed), "{crossed} packets of audio in a second, and no video");
    assert!(world.shards[0].counters().rtp_received > received + 100 && audio > 90);
    world.leave(audio_only);
    world.run(SECOND / 10);
    let before = world.shards[0].counters().replicated;
    world.run(SECOND);
    assert_eq!(world.shards[0].counters().replicated, before);
    assert_eq!(world.shards[1].counters().replica_unknown, 0);
}

#[test]
fn when_everybody_has_left_nothing_is_left_on_any_shard() {
    for leavers in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 0, 3, 2]] {
        let mut world = World::new(187, 3);
        for (shard, setup) in [(0, member()), (1, viewer()), (2, member()), (1, publisher())] {
            world.join_on(shard, &setup);
        }
        world.run(2 * SECOND);
        assert!(world.shards.iter().all(|shard| !shard.replicas.is_empty()));
        for leaver in leavers {
            world.leave(leaver);
            world.run(SECOND / 2);
        }
        for shard in &world.shards {
            assert_eq!(entries(shard), 0, "{leavers:?}");
        }
    }
}

#[test]
fn a_publisher_that_leaves_is_taken_from_viewers_on_other_shards_and_may_come_back() {
    let mut world = World::new(188, 2);
    let viewer = world.join_on(1, &viewer());
    let first = world.join_on(0, &publisher());
    world.run(2 * SECOND);
    world.leave(first);
    world.run(SECOND);
    assert!(world.clients[viewer].peer.stats().tracks.iter().all(|track| track.ended));
    assert!(world.shards[1].replicas.is_empty());
    let second = world.join_on(0, &publisher());
    world.run(2 * SECOND);
    let id = world.clients[second].id;
    let stats = world.clients[viewer].peer.stats();
    assert!(stats.tracks_of(id.as_str()).any(|track| track.frames > 40));
    assert_eq!(
        world.clients[viewer].offer.matches("m=video").count(),
        1,
        "sections are used again"
    );
}

#[test]
fn a_viewer_that_leaves_and_comes_back_finds_its_shard_as_it_was() {
    let mut world = World::new(189, 2);
    world.join_on(0, &publisher());
    for _ in 0..3 {
        let viewer = world.join_on(1, &viewer());
        world.run(SECOND);
        assert!(frames(&world, viewer) > 15);
        assert_eq!(world.shards[1].replicas.len(), 2);
        world.leave(viewer);
        world.run(SECOND / 10);
        assert_eq!(entries(&world.shards[1]), 0);
        let home = &world.shards[0].publications;
        assert!(home.iter().all(|(_, publication)| publication.watchers.is_empty()));
    }
}

#[test]
fn of_two_that_come_at_once_it_does_not_matter_whose_shard_is_faster() {
    let mut world = World::new(190, 2);
    // The publisher sits on shard 0, which has not yet got round to it when the viewer is let in on shard 1.
    let seat = world.take_seat_on(0, &publisher(), id_of(50));
    let viewer = world.join_on(1, &viewer());
    world.run(SECOND);
    drop(seat);
    world.join_on(0, &publisher());
    world.run(2 * SECOND);
    assert!(frames(&world, viewer) > 40);
}

#[test]
fn who_comes_in_the_turn_in_which_the_last_member_left_is_seen_by_other_shards() {
    let mut world = World::new(198, 2);
    let gone = world.join_on(0, &viewer());
    world.run(SECOND);
    // It has given up its seat and is still there: shard 1 does not find this one in the directory.
    world.leave(gone);
    world.join_on(1, &publisher());
    let viewer = world.join_on(0, &viewer());
    world.run(2 * SECOND);
    assert!(frames(&world, viewer) > 40);
    check(&world);
}

#[test]
fn what_is_said_to_a_shard_that_has_stopped_is_counted() {
    let mut world = World::narrow(187, 2, 16);
    world.join_on(0, &Setup { audio: false, ..publisher() });
    world.join_on(1, &viewer());
    world.run(SECOND);
    world.shards[1].neighbours = Neighbours::default();
    let shard = &mut world.shards[0];
    let track = shard.publications.iter().next().unwrap().1.key;
    let channel = *shard.channel_names.values().next().unwrap();
    // Until its ring is full nobody can know.
    for _ in 0..16 {
        shard.replicate_source(track);
    }
    let before = shard.counters().handover_overflow;
    shard.replicate_source(track);
    assert_eq!(shard.counters().handover_overflow, before + 1);
    shard.attend(channel);
    assert_eq!(shard.counters().handover_overflow, before + 2);
}

#[test]
fn what_was_announced_to_an_earlier_stay_in_the_channel_is_void() {
    let mut world = World::new(199, 2);
    let first = world.join_on(0, &publisher());
    world.run(SECOND);
    // Shard 0 announces its tracks, and before shard 1 hears of them its viewer has left and another one has come.
    world.deaf = Some(1);
    let gone = world.join_on(1, &viewer());
    world.settle();
    world.leave(gone);
    let now = world.now;
    world.shards[1].finish_turn(now, &mut Collected::default());
    let viewer = world.join_on(1, &viewer());
    // Shard 0 hears that the one has left, ...
    let (from, departure) = world.shards[0].poll_neighbours().unwrap();
    world.shards[0].handle_message(now, from, departure);
    // ... so that nobody has to be told when the tracks end, and only then of the other.
    world.leave(first);
    world.shards[0].finish_turn(now, &mut Collected::default());
    world.deaf = None;
    world.run(SECOND);
    assert!(world.shards[1].replicas.is_empty(), "replicas of tracks that have ended");
    world.join_on(0, &publisher());
    world.run(2 * SECOND);
    assert!(frames(&world, viewer) > 40);
    check(&world);
}

/// Everything a member was sent, decrypted, and when: of a meeting on networks that lose, with somebody leaving and somebody coming.
fn meeting(shards: usize) -> Vec<Vec<(Duration, Vec<u8>)>> {
    let mut world = World::spreading(191, shards, 2);
    for client in 0..5 {
        world.join(&member());
        let lossy =
            LinkConfig { delay: 15 * MS, loss: 0.03, reorder: 0.05, ..LinkConfig::default() };
        world.link(client, lossy);
        world.run(SECOND / 4);
    }
    world.run(SECOND);
    let mut openers: Vec<_> = [0, 1, 3, 4].map(|client| (client, world.forger(client))).into();
    world.tap = Some(Vec::new());
    world.leave(2);
    world.run(SECOND / 2);
    world.join(&member());
    world.run(2 * SECOND);
    let tap = world.tap.take().unwrap();
    let sent_to = |client: usize, opener: &mut super::forger::Forger| {
        let down = tap.iter().filter(|tapped| tapped.client == client && !tapped.up);
        down.filter_map(|tapped| Some((tapped.at, opener.open_rtp(&tapped.bytes)?))).collect()
    };
    openers.iter_mut().map(|(client, opener)| sent_to(*client, opener)).collect()
}

#[test]
fn the_same_seed_gives_the_same_octets_on_two_and_four_shards() {
    for shards in [2, 4] {
        let first = meeting(shards);
        assert!(first.iter().all(|sent| sent.len() > 500));
        assert!(first == meeting(shards), "{shards} shards");
    }
}

/// Panics where two shards do not agree.
fn check(world: &World) {
    for (index, shard) in world.shards.iter().enumerate() {
        for (_, channel) in &shard.channels {
            for (other, theirs) in
                world.shards.iter().enumerate().filter(|(other, _)| *other != index)
            {
                let their =
                    theirs.channel_names.get(&channel.name).map(|key| &theirs.channels[key.0]);
                let link = channel.links.iter().find(|link| link.shard == other);
                assert_eq!(link.map(|link| link.epoch), their.map(|channel| channel.epoch));
                let tracks = |channel: Option<&crate::channel::Channel>,
                              shard: &crate::shard::Shard|
                 -> Vec<u64> {
                    let keys =
                        channel.map(|channel| channel.publications.clone()).unwrap_or_default();
                    keys.iter().map(|key| shard.publications[key.0].track.arrival).collect()
                };
                if their.is_some() {
                    assert_eq!(tracks(Some(channel), shard), tracks(their, theirs), "tracks");
                }
            }
        }
        for (key, publication) in &shard.publications {
            assert_eq!(publication.key, PublicationKey(key));
            let mut watching: Vec<usize> = publication.watchers.iter().map(|w| w.shard).collect();
            watching.sort_unstable();
            let wanted: Vec<usize> = match publication.owner() {
                None => vec![],
                Some(_) => (0..world.shards.len())
                    .filter(|other| {
                        let theirs = &world.shards[*other];
                        let replica = theirs.replicas.get(&publication.track.arrival);
                        replica
                            .is_some_and(|key| !theirs.publications[key.0].subscribers.is_empty())
                    })
                    .collect(),
            };
            assert_eq!(watching, wanted, "watchers of {:?}", publication.track);
        }
    }
}

#[test]
fn whatever_comes_late_in_whatever_order_the_shards_agree_in_the_end() {
    for seed in 0..6_u8 {
        let mut world = World::new(192 + seed, 3);
        let mut random = u32::from(seed) + 1;
        let mut below = |bound: u32| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (random >> 16) % bound
        };
        let mut present: Vec<usize> = vec![];
        for _ in 0..60 {
            world.deaf = [None, Some(0), Some(1), Some(2)][below(4) as usize];
            if present.len() > 3 || (below(2) == 0 && !present.is_empty()) {
                let leaver = present.swap_remove(below(present.len() as u32) as usize);
                world.leave(leaver);
            } else {
                let setup =
                    [member(), viewer(), publisher()].into_iter().nth(below(3) as usize).unwrap();
                present.push(world.join_on(below(3) as usize, &setup));
            }
            world.run(u32::from(below(3) == 0) * 50 * MS + below(3) * MS);
        }
        world.deaf = None;
        world.run(SECOND);
        check(&world);
        for client in present {
            assert!(world.clients[client].seen.contains(&Event::Connected));
            world.leave(client);
        }
        world.run(SECOND);
        for shard in &world.shards {
            assert_eq!(entries(shard), 0, "seed {seed}");
        }
    }
}
