//! What strangers and authenticated clients may throw at a shard: the sessions go on.

use std::net::SocketAddr;
use std::time::Duration;

use tsubame_dtls::Fingerprint;
use tsubame_rtp::{Header, MediaKind};

use super::checks::{check, credentials};
use super::forger::Forger;
use super::world::{Place, Setup, World, publisher, viewer};
use super::{SECOND, frames, packets};
use crate::api::{CloseReason, Event, Role};
use crate::limits;
use crate::negotiate::table::extension_id;

const MS: Duration = Duration::from_millis(1);

fn stranger(port: u16) -> SocketAddr {
    SocketAddr::from(([203, 0, 113, 7], port))
}

/// A publisher and a viewer that see and hear each other.
fn in_session(seed: u8) -> (World, usize, usize) {
    let mut world = World::new(seed, 1);
    let publisher = world.join(&publisher());
    let viewer = world.join(&viewer());
    world.run(SECOND);
    (world, publisher, viewer)
}

/// Media flows on to the viewer, without a loss.
fn assert_flows(world: &mut World, viewer: usize) {
    let before = (frames(world, viewer), packets(world, viewer, MediaKind::Audio));
    world.run(SECOND);
    let after = (frames(world, viewer), packets(world, viewer, MediaKind::Audio));
    assert!(after.0 >= before.0 + 25, "{before:?} {after:?}");
    assert!(after.1 >= before.1 + 45, "{before:?} {after:?}");
    let stats = world.clients[viewer].peer.stats();
    assert!(stats.tracks.iter().all(|track| (track.lost, track.corrupted) == (0, 0)));
}

/// What the server sends to `to` while `act` acts, in octets and datagrams.
fn replies(world: &mut World, to: SocketAddr, act: impl FnOnce(&mut World)) -> (u64, u64) {
    let count = |world: &World| {
        let link = world.network.statistics(super::world::SERVER.into(), to);
        (link.sent, link.sent_bytes)
    };
    let before = count(world);
    act(world);
    world.run(100 * MS);
    let after = count(world);
    (after.0 - before.0, after.1 - before.1)
}

#[test]
fn checks_that_do_not_prove_anything_are_met_with_silence() {
    let (mut world, publisher, viewer) = in_session(120);
    let (ufrag, password) = credentials(&world.clients[publisher].offer);
    let from = stranger(9);
    let right = format!("{ufrag}:someone");
    let good = check(&right, &password, [1; 12], true);
    let mut flipped = check(&right, &password, [2; 12], true);
    *flipped.last_mut().unwrap() ^= 1;
    let hostile = [
        check("nobody:someone", &password, [3; 12], true),
        check(&format!("{}zzz:someone", &ufrag[..1]), &password, [4; 12], true),
        check(&right, "a password of somebody else", [5; 12], true),
        check(&ufrag, &password, [6; 12], true),
        check("", &password, [7; 12], true),
        flipped,
        good[..good.len() - 8].to_vec(),
        good[..20].to_vec(),
        // With the right password, but of another client than the answer's.
        good,
    ];
    let entries = world.shards[0].demux.len();
    let sent = replies(&mut world, from, |world| {
        for datagram in &hostile {
            world.inject(from, datagram);
        }
    });
    assert_eq!(sent, (0, 0));
    assert_eq!(world.shards[0].demux.len(), entries);
    assert_flows(&mut world, viewer);
}

#[test]
fn a_check_may_come_before_the_answer_and_opens_nothing_but_ice() {
    let mut world = World::new(121, 1);
    let (client, offer) = world.join_silently(&viewer()).unwrap();
    let (ufrag, password) = credentials(&offer);
    let from = stranger(10);
    let datagram = check(&format!("{ufrag}:anyone"), &password, [1; 12], true);
    let (count, octets) = replies(&mut world, from, |world| world.inject(from, &datagram));
    assert_eq!(count, 1);
    assert!(octets <= datagram.len() as u64, "more than was asked with: {octets}");
    world.answer(client, &offer).unwrap();
    // Whoever that was, its ufrag is not the answer's.
    assert_eq!(world.shards[0].demux.peer_by_path(&path_from(from)), None);
    world.run(SECOND);
    assert!(world.clients[client].seen.contains(&Event::Connected));
}

fn path_from(from: SocketAddr) -> tsubame_stun::ice::Path {
    tsubame_stun::ice::Path::udp(super::world::SERVER.into(), from)
}

#[test]
fn media_from_an_address_that_proved_nothing_is_neither_answered_nor_injected() {
    let (mut world, publisher, viewer) = in_session(122);
    let ssrc = world.clients[publisher].peer.stats().sent(MediaKind::Audio).unwrap().ssrc;
    let mut forger = world.forger(publisher);
    let header =
        Header { marker: false, payload_type: 111, sequence_number: 1, timestamp: 0, ssrc: 9 };
    let authentic = forger.rtp(&header, &[], &[1; 100]);
    let report = forger.rtcp(|writer| writer.picture_loss_indication(1, ssrc));
    let mut plain = vec![0x80, 111, 0, 1, 0, 0, 0, 0];
    plain.extend(ssrc.to_be_bytes());
    plain.extend([0; 160]);
    let from = stranger(11);
    let received = world.shards[0].counters().rtp_received;
    let sent = replies(&mut world, from, |world| {
        for datagram in [&authentic, &report, &plain] {
            world.inject(from, datagram);
        }
        assert_eq!(world.shards[0].counters().unknown_path, 3);
        assert_eq!(world.shards[0].counters().rtp_received, received);
    });
    assert_eq!(sent, (0, 0));
    assert_eq!(world.shards[0].peers.iter().map(|(_, peer)| peer.streams.len()).sum::<usize>(), 2);
    assert_flows(&mut world, viewer);
}

/// A ClientHello as a client would send it, cut out of a recorded session.
fn client_hello() -> Vec<u8> {
    let mut world = World::new(123, 1);
    world.tap = Some(Vec::new());
    world.join(&viewer());
    world.run(SECOND);
    let tap = world.tap.take().unwrap();
    let is_hello = |bytes: &[u8]| bytes[0] == 22 && bytes[13] == 1;
    tap.into_iter().find(|tapped| tapped.up && is_hello(&tapped.bytes)).unwrap().bytes
}

/// The suites of a ClientHello replaced by TLS_NULL_WITH_NULL_NULL.
fn null_suite(hello: &[u8]) -> Vec<u8> {
    let mut hello = hello.to_vec();
    // Record header, handshake header, version, random, session id, cookie.
    let mut at = 13 + 12 + 2 + 32;
    at += 1 + usize::from(hello[at]);
    at += 1 + usize::from(hello[at]);
    let len = usize::from(u16::from_be_bytes([hello[at], hello[at + 1]]));
    hello[at + 2..at + 2 + len].fill(0);
    hello
}

const ALERTS: [&[u8]; 3] = [
    // Fatal handshake_failure, fatal internal_error, close_notify; in the clear.
    &[21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40],
    &[21, 254, 253, 0, 0, 0, 0, 0, 0, 1, 9, 0, 2, 2, 80],
    &[21, 254, 253, 0, 0, 0, 0, 0, 0, 2, 9, 0, 2, 1, 0],
];

#[test]
fn dtls_from_an_address_that_proved_nothing_is_not_answered() {
    let hello = client_hello();
    let mut world = World::new(124, 1);
    let (_, offer) = world.join_silently(&viewer()).unwrap();
    assert!(!offer.is_empty());
    let from = stranger(12);
    let sent = replies(&mut world, from, |world| {
        world.inject(from, &hello);
        world.inject(from, &null_suite(&hello));
        ALERTS.iter().for_each(|alert| world.inject(from, alert));
    });
    assert_eq!(sent, (0, 0));
    assert_eq!(world.shards[0].counters().unknown_path, 5);
}

#[test]
fn nobody_notices_a_flood_of_dtls_from_elsewhere_during_the_handshake() {
    let hello = client_hello();
    let null = null_suite(&hello);
    let mut world = World::new(125, 1);
    let publisher = world.join(&publisher());
    let viewer = world.join(&viewer());
    let garbage: Vec<u8> =
        (0..200).map(|i: u8| if i == 0 { 22 } else { i.wrapping_mul(73) }).collect();
    let port_beside = SocketAddr::new(world.clients[viewer].address.ip(), 1_234);
    for _ in 0..200 {
        for from in [stranger(13), port_beside] {
            world.inject(from, &hello);
            world.inject(from, &null);
            world.inject(from, &garbage);
            ALERTS.iter().for_each(|alert| world.inject(from, alert));
        }
        world.run(MS);
    }
    for client in [publisher, viewer] {
        assert!(world.clients[client].seen.contains(&Event::Connected));
        assert_eq!(world.closed(client), None);
    }
    world.run(SECOND);
    assert_flows(&mut world, viewer);
}

#[test]
fn ten_thousand_bad_tags_a_second_from_the_right_address_do_not_end_a_session() {
    let (mut world, publisher, viewer) = in_session(126);
    let ssrc = world.clients[publisher].peer.stats().sent(MediaKind::Video).unwrap().ssrc;
    let address = world.clients[publisher].address;
    let mut forged = vec![0x80, 96, 0, 0, 0, 0, 0, 0];
    forged.extend(ssrc.to_be_bytes());
    forged.extend([7; 60]);
    let mut report = vec![0x81, 206, 0, 2, 0, 0, 0, 1];
    report.extend([9; 40]);
    let before = frames(&world, viewer);
    for step in 0..1_000_u16 {
        for number in 0..9 {
            forged[2..4].copy_from_slice(&(step * 9 + number).to_be_bytes());
            world.inject(address, &forged);
        }
        world.inject(address, &report);
        world.run(MS);
    }
    let counters = world.shards[0].counters();
    assert!(counters.rtp_not_authentic >= 8_900, "{counters:?}");
    assert_eq!(counters.rtcp_not_authentic, 1_000);
    assert!(frames(&world, viewer) > before + 25);
    assert_flows(&mut world, viewer);
}

#[test]
fn a_million_forged_ssrcs_grow_nothing() {
    let (mut world, publisher, viewer) = in_session(127);
    let address = world.clients[publisher].address;
    let mut forged = vec![0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    forged.extend([7; 20]);
    let key = world.key(publisher).unwrap();
    let before = world.shards[0].peers[key.0].transport.incoming_ssrcs();
    let path = path_from(address);
    for ssrc in 0..1_000_000_u32 {
        forged[8..12].copy_from_slice(&(ssrc | 0x8000_0000).to_be_bytes());
        let now = world.now;
        world.shards[0].handle_datagram(now, path, &mut forged);
    }
    let peer = &world.shards[0].peers[key.0];
    assert_eq!(peer.transport.incoming_ssrcs(), before);
    assert_eq!(peer.streams.len(), 2);
    assert_eq!(world.shards[0].counters().rtp_not_authentic, 1_000_000);
    assert_flows(&mut world, viewer);
}

#[test]
fn a_client_has_64_ssrcs_and_not_one_more() {
    let (mut world, publisher, _) = in_session(128);
    let mut forger = world.forger(publisher);
    let key = world.key(publisher).unwrap();
    world.clients[publisher].frozen = true;
    for ssrc in 0..100 {
        let header =
            Header { marker: false, payload_type: 96, sequence_number: 1, timestamp: 0, ssrc };
        let datagram = forger.rtp(&header, &[], &[0x10, 1, 2, 3]);
        world.inject(forger.address, &datagram);
        world.settle();
        let streams = world.shards[0].peers[key.0].streams.len();
        // Two are its own.
        assert_eq!(streams, (ssrc as usize + 3).min(limits::INCOMING_SSRCS));
    }
    assert_eq!(world.shards[0].counters().rtp_not_negotiated, 38);
}

#[test]
fn rtcp_over_the_limit_is_not_read_and_reads_on_in_the_next_second() {
    let (mut world, _, viewer) = in_session(129);
    let mut forger = world.forger(viewer);
    world.clients[viewer].frozen = true;
    world.run(2 * SECOND);
    let (from, before) = (forger.address, world.shards[0].counters().rtcp_over_limit);
    for count in 1..=300_u64 {
        let datagram = forger.rtcp(|writer| writer.picture_loss_indication(1, 1));
        world.inject(from, &datagram);
        let over = world.shards[0].counters().rtcp_over_limit - before;
        assert_eq!(over, count.saturating_sub(u64::from(limits::RTCP_PER_SECOND)));
    }
    // Packets of one compound count one by one.
    world.run(SECOND);
    let before = world.shards[0].counters().rtcp_over_limit;
    for _ in 0..10 {
        let datagram =
            forger.rtcp(|writer| (0..30).try_for_each(|_| writer.picture_loss_indication(1, 1)));
        world.inject(from, &datagram);
    }
    assert_eq!(world.shards[0].counters().rtcp_over_limit - before, 4);
    assert_eq!(world.closed(viewer), None);
}

#[test]
fn a_wrong_certificate_gets_no_key_whichever_side_of_dtls_it_is_on() {
    for setup in [tsubame_client::peer::Setup::Active, tsubame_client::peer::Setup::Passive] {
        let mut world = World::new(130, 1);
        let adjust: fn(&mut tsubame_client::peer::PeerConfig) = match setup {
            tsubame_client::peer::Setup::Active => |_| {},
            tsubame_client::peer::Setup::Passive => {
                |config| config.setup = tsubame_client::peer::Setup::Passive
            }
        };
        let watching = world.join(&viewer());
        world.run(SECOND);
        let liar =
            world.join(&Setup { adjust, edit_answer: with_another_fingerprint, ..publisher() });
        world.run(2 * SECOND);
        assert_eq!(world.closed(liar), Some(CloseReason::FingerprintMismatch), "{setup:?}");
        assert!(!world.clients[liar].seen.contains(&Event::Connected));
        assert_eq!(packets(&world, watching, MediaKind::Audio), 0);
        assert_eq!(world.offers(watching), 0);
        assert_eq!(world.shards[0].counters().rtp_received, 0);
    }
}

fn with_another_fingerprint(answer: String) -> String {
    let is_it = |line: &&str| line.starts_with("a=fingerprint:");
    let line = answer.lines().find(is_it).expect("no fingerprint").to_owned();
    let own: Fingerprint = line["a=fingerprint:".len()..].parse().unwrap();
    let mut text = line.clone();
    let last = text.pop().unwrap();
    text.push(if last == '0' { '1' } else { '0' });
    assert_ne!(own, text["a=fingerprint:".len()..].parse().unwrap());
    answer.replace(&line, &text)
}

#[test]
fn a_certificate_that_is_wrong_is_found_out_even_if_the_answer_comes_last() {
    let mut world = World::new(131, 1);
    let (liar, offer) = world.join_silently(&publisher()).unwrap();
    let offer = offer.clone();
    let answer = world.clients[liar].peer.handle_offer(world.now, &offer).unwrap();
    // ICE and DTLS run to their end before the SFU hears the answer.
    world.run(2 * SECOND);
    assert!(!world.clients[liar].seen.contains(&Event::Connected));
    world.hand_in(liar, with_another_fingerprint(answer)).unwrap();
    world.run(SECOND);
    assert_eq!(world.closed(liar), Some(CloseReason::FingerprintMismatch));
}

#[test]
fn an_answer_that_comes_after_the_handshake_lets_media_flow() {
    let mut world = World::new(132, 1);
    let watching = world.join(&viewer());
    let (late, offer) = world.join_silently(&publisher()).unwrap();
    let answer = world.clients[late].peer.handle_offer(world.now, &offer).unwrap();
    world.run(2 * SECOND);
    assert_eq!(world.shards[0].counters().rtp_received, 0);
    world.hand_in(late, answer).unwrap();
    world.run(2 * SECOND);
    assert!(world.clients[late].seen.contains(&Event::Connected));
    assert!(frames(&world, watching) > 40);
}

#[test]
fn a_viewer_that_sends_media_is_not_listened_to() {
    let (mut world, _, watching) = in_session(133);
    let other = world.join(&viewer());
    world.run(SECOND);
    let mut forger = world.forger(watching);
    let offers = world.offers(other);
    for (number, payload_type) in [(1, 96), (2, 97), (3, 111), (4, 0), (5, 127)] {
        let header = Header {
            marker: true,
            payload_type,
            sequence_number: number,
            timestamp: 0,
            ssrc: 5 + u32::from(number),
        };
        let datagram = forger.rtp(&header, &[(extension_id::MID, b"0")], &[0x10, 0, 1, 2]);
        world.inject(forger.address, &datagram);
    }
    assert_eq!(world.shards[0].counters().rtp_not_negotiated, 5);
    world.run(SECOND);
    assert_eq!(world.offers(other), offers);
    assert_eq!(world.shards[0].publications.len(), 2);
    assert_flows(&mut world, other);
}

#[test]
fn a_viewer_cannot_make_itself_a_publisher_by_its_answer() {
    let mut world = World::new(134, 1);
    let other = world.join(&viewer());
    let liar = world.join_silently(&Setup { role: Role::RecvOnly, ..publisher() }).unwrap();
    let offer = liar.1.clone();
    let answer = world.clients[liar.0].peer.handle_offer(world.now, &offer).unwrap();
    let claimed = answer.replace("a=inactive", "a=sendonly").replace("a=recvonly", "a=sendrecv");
    // Refused or not: nothing is published.
    let _ = world.hand_in(liar.0, claimed);
    world.run(2 * SECOND);
    assert!(world.shards[0].publications.is_empty());
    assert_eq!(world.offers(other), 0);
}

#[test]
fn feedback_that_claims_65535_statuses_is_harmless() {
    let (mut world, _, watching) = in_session(135);
    let mut forger = world.forger(watching);
    for (claimed, chunks) in [(0xffff_u16, 1_usize), (0xffff, 8), (0xffff, 300), (1, 0), (0, 4)] {
        // Every chunk a run of 8,191 packets that arrived after no time.
        for chunk in [0x3fff_u16, 0x1fff, 0x5fff, 0xffff, 0xbfff] {
            let mut body = vec![0; 8];
            body[..4].copy_from_slice(&Forger::SSRC.to_be_bytes());
            body.extend([0, 0]);
            body.extend(claimed.to_be_bytes());
            body.extend([0, 0, 1, 0]);
            (0..chunks).for_each(|_| body.extend(chunk.to_be_bytes()));
            body.resize(body.len().next_multiple_of(4), 0);
            let words = (body.len() / 4) as u16;
            let mut packet = vec![0x8f, 205];
            packet.extend(words.to_be_bytes());
            packet.extend(body);
            let datagram = forger.raw_rtcp(&packet);
            world.inject(forger.address, &datagram);
        }
        world.run(100 * MS);
    }
    assert_eq!(world.closed(watching), None);
    assert_flows(&mut world, watching);
}

#[test]
fn padding_longer_than_its_packet_is_dropped_even_when_it_is_authentic() {
    let (mut world, publisher, watching) = in_session(136);
    let mut forger = world.forger(publisher);
    let before = world.shards[0].counters().rtp_malformed;
    for (number, padding) in [(1_u16, 255_u8), (2, 21), (3, 0)] {
        let mut header = vec![0xa0, 96];
        header.extend(number.to_be_bytes());
        header.extend([0, 0, 0, 0, 0, 0, 0, 77]);
        let mut payload = [1; 20];
        payload[19] = padding;
        let datagram = forger.raw_rtp(u64::from(number), &header, &payload);
        world.inject(forger.address, &datagram);
    }
    assert_eq!(world.shards[0].counters().rtp_malformed - before, 3);
    assert_flows(&mut world, watching);
}

#[test]
fn empty_retransmissions_and_those_of_nothing_are_harmless() {
    let (mut world, publisher, watching) = in_session(137);
    let mut forger = world.forger(publisher);
    let payloads: [&[u8]; 6] = [&[], &[1], &[0, 1], &[0xff, 0xff], &[0, 1, 2], &[0x80, 0, 9, 9]];
    for (number, payload) in (1..).zip(payloads) {
        let header = Header {
            marker: false,
            payload_type: 97,
            sequence_number: number,
            timestamp: 0,
            ssrc: 3,
        };
        let datagram = forger.rtp(&header, &[(extension_id::MID, b"1")], payload);
        world.inject(forger.address, &datagram);
        world.run(10 * MS);
    }
    assert_eq!(world.closed(publisher), None);
    world.run(SECOND);
    let before = frames(&world, watching);
    world.run(SECOND);
    assert!(frames(&world, watching) > before + 20);
}

#[test]
fn oversized_datagrams_are_dropped_unread() {
    let (mut world, publisher, watching) = in_session(138);
    let from = world.clients[publisher].address;
    let (ufrag, password) = credentials(&world.clients[publisher].offer);
    let mut large = check(&format!("{ufrag}:x"), &password, [0; 12], true);
    for (len, dropped) in [(1_501, 1), (65_000, 2), (1_500, 2)] {
        large.resize(len, 0);
        world.inject(from, &large);
        assert_eq!(world.shards[0].counters().oversized, dropped);
    }
    for first in [0_u8, 22, 128, 200] {
        world.inject(from, &vec![first; 4_000]);
    }
    assert_eq!(world.shards[0].counters().oversized, 6);
    assert_flows(&mut world, watching);
}

#[test]
fn datagrams_of_no_protocol_and_of_no_length_are_dropped() {
    let (mut world, publisher, watching) = in_session(139);
    let from = world.clients[publisher].address;
    for len in 0..24 {
        for first in 0..=255_u8 {
            world.inject(from, &vec![first; len]);
            world.inject(stranger(14), &vec![first; len]);
        }
    }
    assert_eq!(world.closed(publisher), None);
    assert_flows(&mut world, watching);
}

#[test]
fn every_truncation_and_bit_flip_of_a_session_leaves_the_sessions_alone() {
    let mut world = World::new(140, 1);
    world.tap = Some(Vec::new());
    let publisher = world.join(&publisher());
    let watching = world.join(&viewer());
    world.run(3 * SECOND / 2);
    let tap = world.tap.take().unwrap();
    // All of the set-up, and of the media as much as there is of the set-up.
    let is_setup = |bytes: &[u8]| bytes[0] < 128;
    let up = || tap.iter().filter(|tapped| tapped.up);
    let setup: Vec<_> = up().filter(|tapped| is_setup(&tapped.bytes)).collect();
    let media: Vec<_> = up().filter(|tapped| !is_setup(&tapped.bytes)).take(30).collect();
    assert!(setup.len() > 5, "{}", setup.len());
    let mut injected = 0;
    for tapped in setup.into_iter().chain(media) {
        let from = world.clients[tapped.client].address;
        for len in 0..tapped.bytes.len() {
            world.inject(from, &tapped.bytes[..len]);
        }
        for bit in 0..tapped.bytes.len().min(160) * 8 {
            let mut flipped = tapped.bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            world.inject(from, &flipped);
            injected += 1;
        }
        world.inject(from, &tapped.bytes);
        world.run(2 * MS);
    }
    assert!(injected > 20_000, "{injected}");
    for client in [publisher, watching] {
        assert_eq!(world.closed(client), None);
    }
    assert_flows(&mut world, watching);
}

#[test]
fn whoever_says_that_it_has_a_clients_address_does_not_keep_it() {
    let mut world = World::new(141, 1);
    let victim = world.join(&publisher());
    let watching = world.join(&viewer());
    let (_, offer) = world.join_silently(&viewer()).unwrap();
    world.run(SECOND);
    // A check with the attacker's own credentials, under the source address of its victim.
    let (ufrag, password) = credentials(&offer);
    let address = world.clients[victim].address;
    let datagram = check(&format!("{ufrag}:me"), &password, [1; 12], true);
    world.inject(address, &datagram);
    // Until the victim's next check, which is a matter of seconds.
    world.run(6 * SECOND);
    assert_eq!(world.closed(victim), None);
    let before = frames(&world, watching);
    world.run(SECOND);
    assert!(frames(&world, watching) >= before + 25);
}

#[test]
fn a_client_of_another_shard_cannot_keep_an_address_either() {
    let mut world = World::new(142, 2);
    // The victim belongs to shard 1 and lands on shard 0, where the attacker is at home.
    world.place = Place::On(1);
    let victim = world.join(&publisher());
    let watching = world.join(&viewer());
    world.place = Place::On(0);
    let (_, offer) = world.join_silently(&viewer()).unwrap();
    world.run(SECOND);
    let address = world.clients[victim].address;
    assert_eq!(address.port() % 2, 0);
    let (ufrag, password) = credentials(&offer);
    let datagram = check(&format!("{ufrag}:me"), &password, [1; 12], true);
    world.inject(address, &datagram);
    world.run(6 * SECOND);
    assert_eq!(world.closed(victim), None);
    let before = frames(&world, watching);
    world.run(SECOND);
    assert!(frames(&world, watching) >= before + 25);
}
