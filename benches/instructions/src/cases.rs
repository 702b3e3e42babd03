//! What is counted.

use std::hint::black_box;
use std::time::Instant;

use tsubame_dtls::Connection;
use tsubame_srtp::Profile;

use crate::workload::srtp::{HEADER, OVERHEAD, packet, protector, unprotector};
use crate::workload::{dtls, rtp, sdp, stun};
use crate::{BEFORE, TIMES};

/// One operation to count.
pub(crate) struct Case {
    pub(crate) name: String,
    /// Everything up to the operation.
    pub(crate) prepare: Box<dyn FnOnce() -> Box<dyn FnMut()>>,
}

/// Operations in the life of a case.
const LIFE: usize = BEFORE + TIMES;

pub(crate) fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    for profile in Profile::ALL {
        cases.push(case(format!("srtp/protect/{profile:?}"), move || protect(profile)));
        cases.push(case(format!("srtp/unprotect/{profile:?}"), move || unprotect(profile)));
    }
    cases.push(case("srtp/refuse a replayed packet", refuse_a_replay));
    cases.push(case("rtp/parse a packet", parse_rtp));
    cases.push(case("rtp/parse a compound", parse_rtcp));
    cases.push(case("stun/answer a request, codec", answer));
    cases.push(case("stun/answer a request, LiteAgent", answer_by_agent));
    cases.push(case("sdp/parse an offer", parse_sdp));
    cases.push(case("dtls/handshake, both sides", handshake));
    cases.push(case("dtls/seal a record", seal));
    cases.push(case("dtls/open a record", open));
    cases
}

fn case(name: impl Into<String>, prepare: impl FnOnce() -> Box<dyn FnMut()> + 'static) -> Case {
    Case { name: name.into(), prepare: Box::new(prepare) }
}

/// A packet of 1,200 octets.
const SIZE: usize = 1200;

fn protect(profile: Profile) -> Box<dyn FnMut()> {
    let (mut protector, mut out) = (protector(profile), [0; SIZE + OVERHEAD]);
    let packets: Vec<_> = (1..).take(LIFE).map(|index| packet(index, SIZE)).collect();
    let mut next = (1..).zip(packets);
    Box::new(move || {
        let (index, packet) = next.next().expect("one for each operation");
        let (header, payload) = packet.split_at(HEADER);
        let length = protector.protect_rtp_into(index, header, black_box(payload), &mut out);
        black_box(length.expect("a fresh index"));
        // Freeing it is not SRTP's work.
        std::mem::forget(packet);
    })
}

/// Protected packets of this profile, the first with index 1.
fn protected(profile: Profile) -> Vec<Vec<u8>> {
    let mut protector = protector(profile);
    let protect = |index| {
        let (packet, mut out) = (packet(index, SIZE), vec![0; SIZE + OVERHEAD]);
        let (header, payload) = packet.split_at(HEADER);
        let length = protector.protect_rtp_into(index, header, payload, &mut out);
        out.truncate(length.expect("a fresh index"));
        out
    };
    (1..).take(LIFE).map(protect).collect()
}

fn unprotect(profile: Profile) -> Box<dyn FnMut()> {
    let mut unprotector = unprotector(profile);
    let mut packets = protected(profile);
    let mut next = 0;
    Box::new(move || {
        let packet = packets.get_mut(next).expect("one for each operation");
        next += 1;
        black_box(unprotector.unprotect_rtp(black_box(packet)).expect("an authentic packet"));
    })
}

/// The replay window alone: parsing, the estimate of the index, and the window that knows the packet.
fn refuse_a_replay() -> Box<dyn FnMut()> {
    let profile = Profile::AeadAes128Gcm;
    let mut unprotector = unprotector(profile);
    let packets = protected(profile);
    for packet in &packets {
        unprotector.unprotect_rtp(&mut packet.clone()).expect("an authentic packet");
    }
    let mut replayed = packets.first().expect("packets").clone();
    Box::new(move || {
        let refused = unprotector.unprotect_rtp(black_box(&mut replayed));
        assert!(black_box(refused).is_err());
    })
}

fn parse_rtp() -> Box<dyn FnMut()> {
    let packet = rtp::packet();
    Box::new(move || {
        black_box(rtp::read_packet(black_box(&packet)));
    })
}

fn parse_rtcp() -> Box<dyn FnMut()> {
    let compound = rtp::compound();
    Box::new(move || {
        black_box(rtp::read_compound(black_box(&compound)));
    })
}

fn answer() -> Box<dyn FnMut()> {
    let (request, mut out) = (stun::request(), [0; 256]);
    Box::new(move || {
        black_box(stun::answer(black_box(&request), stun::source(), &mut out));
    })
}

fn answer_by_agent() -> Box<dyn FnMut()> {
    let (request, mut out, now) = (stun::request(), [0; 256], now());
    let mut agent = stun::lite_agent(now);
    Box::new(move || {
        black_box(stun::answer_by_agent(&mut agent, now, black_box(&request), &mut out));
    })
}

fn parse_sdp() -> Box<dyn FnMut()> {
    Box::new(|| {
        black_box(sdp::parse(black_box(sdp::OFFER)));
    })
}

/// Nonces and ephemeral keys are random, so the count varies by a few tenths of a per cent.
fn handshake() -> Box<dyn FnMut()> {
    let (identity, now) = (dtls::ecdsa(), now());
    let (client, server) = dtls::sides(&identity, &identity);
    Box::new(move || {
        black_box(dtls::handshake(now, (&client, &server), |turn| turn()));
    })
}

/// Application data in a record.
const DATA: [u8; 1000] = [0x5a; 1000];

fn connected() -> (Connection, Connection) {
    let identity = dtls::ecdsa();
    let (client, server) = dtls::sides(&identity, &identity);
    dtls::handshake(now(), (&client, &server), |turn| turn())
}

fn seal() -> Box<dyn FnMut()> {
    let ((mut from, _), mut out) = (connected(), [0; 1200]);
    Box::new(move || {
        black_box(dtls::seal(&mut from, black_box(&DATA), &mut out));
    })
}

fn open() -> Box<dyn FnMut()> {
    let ((mut from, mut to), now) = (connected(), now());
    let seal = |_| {
        let mut out = vec![0; 1200];
        let length = dtls::seal(&mut from, &DATA, &mut out);
        out.truncate(length);
        out
    };
    let mut records: Vec<Vec<u8>> = (0..LIFE).map(seal).collect();
    let mut next = 0;
    Box::new(move || {
        let record = records.get_mut(next).expect("one for each operation");
        next += 1;
        to.handle_datagram(now, black_box(record)).expect("a record");
        black_box(to.poll_event().expect("its data"));
    })
}

#[expect(clippy::disallowed_methods, reason = "an edge: somebody has to say when it is")]
fn now() -> Instant {
    Instant::now()
}
