//! How much a datagram can make an endpoint do.
//!
//! The hooks that count are compiled into unit tests only. A handshake has one key pair to generate, one agreement, one
//! signature and one verification on either side, and nobody can buy more of them, whatever arrives and however often, but
//! for seven verifications of forged signatures. What else a datagram costs is in proportion to its length.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::script::{THEM, US, start};
use crate::config::{Config, Role};
use crate::srtp::SrtpProfile;
use crate::v12::endpoint::Endpoint;
use crate::v12::group::NamedGroup;
use crate::v12::handshake::{BadSignatures, Transcript};
use crate::v12::message::{ClientOffer, HandshakeType};
use crate::v12::reassembly::{Fragment, MAX_TOTAL, Message, Reassembly, append_whole};
use crate::v12::suite::CipherSuite;
use crate::wire::Reader;

/// What was done on this thread so far.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Work {
    pub(crate) generated: usize,
    pub(crate) agreed: usize,
    pub(crate) signed: usize,
    pub(crate) verified: usize,
    /// Bytes of handshake messages that were parsed.
    pub(crate) parsed: usize,
    /// Bytes of messages in pieces that were zeroed or copied, and of notes on which pieces came that may have been moved.
    pub(crate) moved: usize,
}

thread_local! {
    static DONE: Cell<Work> = Cell::default();
}

pub(crate) fn count(add: impl FnOnce(&mut Work)) {
    let mut done = DONE.get();
    add(&mut done);
    DONE.set(done);
}

impl Work {
    fn of(action: impl FnOnce()) -> Self {
        let before = DONE.replace(Self::default());
        action();
        DONE.replace(before)
    }

    /// What costs a thousand times more than a byte.
    fn expensive(self) -> [usize; 4] {
        [self.generated, self.agreed, self.signed, self.verified]
    }
}

/// An endpoint, and all that was ever spent in it.
struct Spender {
    now: Instant,
    endpoint: Endpoint,
    spent: Work,
    received: usize,
}

impl Spender {
    fn new(role: Role) -> Self {
        Self::with(role, |_| ())
    }

    fn with(role: Role, edit: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::new(Arc::clone(if role == Role::Client { &US } else { &THEM }));
        edit(&mut config);
        let now = start();
        let endpoint = Endpoint::new(now, role, Arc::new(config), [role as u8; 32]);
        Self { now, endpoint, spent: Work::default(), received: 0 }
    }

    /// Takes a datagram; gives what that cost and what is sent in return.
    fn take(&mut self, datagram: &[u8]) -> (Work, Vec<Vec<u8>>) {
        self.received += datagram.len();
        // An error ends the connection, and what comes after it has to cost nothing either.
        let work = Work::of(|| {
            let _ = self.endpoint.handle_datagram(self.now, &mut datagram.to_vec());
        });
        self.spent.generated += work.generated;
        self.spent.agreed += work.agreed;
        self.spent.signed += work.signed;
        self.spent.verified += work.verified;
        self.spent.parsed += work.parsed;
        let most = [1, 1, 1, usize::from(BadSignatures::MAX)];
        let within =
            self.spent.expensive().into_iter().zip(most).all(|(times, most)| times <= most);
        assert!(within, "{:?}", self.spent);
        assert!(self.spent.parsed <= self.received, "{:?}", self.spent);
        (work, self.send())
    }

    fn send(&mut self) -> Vec<Vec<u8>> {
        let mut out = [0; 2048];
        std::iter::from_fn(|| {
            let len = self.endpoint.poll_transmit(&mut out)?;
            Some(out[..len].to_vec())
        })
        .collect()
    }
}

fn hello(random: u8, suites: &[CipherSuite]) -> Vec<u8> {
    ClientOffer {
        session_id: b"",
        ticket: None,
        random: [random; 32],
        cookie: &[],
        suites,
        groups: &NamedGroup::ALL,
        srtp_profiles: &SrtpProfile::ALL,
    }
    .encode()
}

/// A record in the clear with these bytes of handshake.
fn record(content: &[u8]) -> Vec<u8> {
    let [.., l0, l1] = content.len().to_be_bytes();
    [&[22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 7, l0, l1], content].concat()
}

/// A record with a whole message.
fn whole(kind: HandshakeType, message_seq: u16, body: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    append_whole(&mut message, kind, message_seq, body);
    record(&message)
}

#[test]
fn a_handshake_costs_each_side_one_of_everything() {
    // Alone, and with every datagram a hundred times in one.
    for copies in [1, 100] {
        let (mut client, mut server) = (Spender::new(Role::Client), Spender::new(Role::Server));
        let mut to_server = client.send();
        while !to_server.is_empty() {
            let to_client: Vec<_> = to_server
                .drain(..)
                .flat_map(|datagram| server.take(&datagram.repeat(copies)).1)
                .collect();
            to_server = to_client
                .iter()
                .flat_map(|datagram| client.take(&datagram.repeat(copies)).1)
                .collect();
        }
        assert!(client.endpoint.is_connected() && server.endpoint.is_connected());
        assert_eq!(client.spent.expensive(), [1; 4]);
        assert_eq!(server.spent.expensive(), [1; 4]);
    }
}

#[test]
fn hellos_by_the_hundred_in_one_datagram_buy_one_answer() {
    let mut server = Spender::new(Role::Server);
    let datagram: Vec<u8> = (0..250_u8)
        .flat_map(|n| {
            whole(HandshakeType::CLIENT_HELLO, u16::from(n), &hello(n, &CipherSuite::ALL))
        })
        .collect();
    assert!(datagram.len() > 30_000);
    let (work, answer) = server.take(&datagram);
    assert_eq!((work.generated, work.signed, answer.len()), (1, 1, 1));
    // And again: the answer is repeated, not made anew, and not at once.
    for _ in 0..100 {
        let (work, answer) = server.take(&datagram);
        assert_eq!((work.expensive(), answer.len()), ([0; 4], 0));
    }
    server.now += Duration::from_secs(1);
    let (work, repeated) = server.take(&datagram);
    assert_eq!((work.expensive(), repeated.len()), ([0; 4], 1));
    // The same messages in new records.
    assert_eq!(messages(&repeated[0]), messages(&answer[0]));
    assert_ne!(repeated, answer);
}

#[test]
fn hellos_that_cannot_be_served_cost_no_cryptography() {
    let mut server = Spender::new(Role::Server);
    let datagram: Vec<u8> =
        (0..250_u8).flat_map(|n| whole(HandshakeType::CLIENT_HELLO, 0, &hello(n, &[]))).collect();
    let (work, answer) = server.take(&datagram);
    assert_eq!((work.expensive(), answer.len()), ([0; 4], 0));
    assert!(work.parsed > 20_000);
}

#[test]
fn hellos_without_a_cookie_cost_no_cryptography_but_a_hash() {
    let mut server = Spender::with(Role::Server, |config| config.hello_verify = true);
    let datagram: Vec<u8> = (0..250_u8)
        .flat_map(|n| {
            whole(HandshakeType::CLIENT_HELLO, u16::from(n), &hello(n, &CipherSuite::ALL))
        })
        .collect();
    let (work, answer) = server.take(&datagram);
    assert_eq!((work.expensive(), answer.len()), ([0; 4], 1));
    assert!(answer[0].len() < 100);
}

/// A generator (SplitMix64): tests are the same every time.
struct Rng(u64);

impl Rng {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % limit as u64).unwrap()
    }
}

/// Messages of this handshake and of another, whole and in pieces, under their own numbers and others, hundreds to a
/// datagram, between the real ones. [`Spender::take`] sees to the limits.
#[test]
fn whatever_arrives_nothing_is_done_twice() {
    let mut connected = 0;
    for seed in 0..300 {
        let mut rng = Rng(seed);
        let (mut client, mut server) = (Spender::new(Role::Client), Spender::new(Role::Server));
        let mut pool: Vec<Vec<u8>> = Vec::new();
        let mut to_server = client.send();
        for _ in 0..4 {
            let mut to_client = Vec::new();
            for datagram in to_server.drain(..) {
                if rng.below(2) == 0 {
                    to_client.extend(server.take(&noise(&mut rng, &pool)).1);
                }
                to_client.extend(server.take(&datagram).1);
                pool.extend(messages(&datagram));
            }
            for datagram in to_client {
                if rng.below(2) == 0 {
                    to_server.extend(client.take(&noise(&mut rng, &pool)).1);
                }
                to_server.extend(client.take(&datagram).1);
                pool.extend(messages(&datagram));
            }
        }
        connected += usize::from(client.endpoint.is_connected() && server.endpoint.is_connected());
    }
    assert!(connected > 20, "{connected}");
}

/// The contents of a datagram's handshake records in the clear.
fn messages(mut datagram: &[u8]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    while let Some((header, rest)) = datagram.split_first_chunk::<13>() {
        let (content, rest) =
            rest.split_at(usize::from(u16::from_be_bytes([header[11], header[12]])));
        if (header[0], header[4]) == (22, 0) {
            all.push(content.to_vec());
        }
        datagram = rest;
    }
    all
}

fn noise(rng: &mut Rng, pool: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    if pool.is_empty() {
        return whole(HandshakeType::CERTIFICATE, 0, &[0; 100]);
    }
    for _ in 0..rng.below(200) {
        let mut message = pool[rng.below(pool.len())].clone();
        // Another kind, another number, or another byte; all three with whatever else it takes to be believed.
        match rng.below(4) {
            0 => message[0] = [1, 2, 11, 12, 13, 14, 15, 16][rng.below(8)],
            1 => message[5] = u8::try_from(rng.below(10)).unwrap(),
            2 => {
                let index = rng.below(message.len());
                message[index] ^= 1;
            }
            _ => (),
        }
        out.extend(record(&message));
    }
    out
}

/// A message of this length, as it comes out of its fragments.
fn message_of(length: usize) -> Message {
    let mut bytes = Vec::new();
    append_whole(&mut bytes, HandshakeType::CERTIFICATE, 0, &vec![0; length]);
    let mut reassembly = Reassembly::default();
    reassembly.insert(0, Fragment::read(&mut Reader::new(&bytes)).unwrap());
    reassembly.take_next().unwrap()
}

#[test]
fn a_transcript_holds_64_kib_and_not_a_byte_more() {
    const HEADER: usize = 12;
    let mut transcript = Transcript::default();
    for _ in 0..3 {
        transcript.add(&message_of(16 * 1024)).unwrap();
    }
    let room = MAX_TOTAL - transcript.bytes().len();
    assert!(transcript.add(&message_of(room + 1)).is_err());
    transcript.add(&message_of(room - HEADER)).unwrap();
    assert_eq!(transcript.bytes().len(), MAX_TOTAL);
    assert!(transcript.add(&message_of(1)).is_err());
}

/// A fragment of 13 bytes: one byte of a message of so many.
fn piece(length: u16, offset: u16) -> Vec<u8> {
    let ([l0, l1], [o0, o1]) = (length.to_be_bytes(), offset.to_be_bytes());
    vec![HandshakeType::SERVER_HELLO.0, 0, l0, l1, 0, 0, 0, o0, o1, 0, 0, 1, b'x']
}

/// What no cryptography costs is memory to zero and to move: two megabytes at most for a datagram as a network delivers them.
#[test]
fn fragments_that_contradict_each_other_move_two_megabytes_a_datagram_at_most() {
    const MOST: usize = 2 << 20;
    const FITTING: u16 = (1_500 - 13) / 13;
    // Each gives the one before it up, and has all of the message zeroed before its last byte.
    let contradicting = (0..FITTING).flat_map(|n| piece(0x4000 - n % 2, 0x3ffe));
    let datagram = record(&contradicting.collect::<Vec<_>>());
    let work = Spender::new(Role::Client).take(&datagram).0;
    assert!((1 << 20..MOST).contains(&work.moved), "{}", work.moved);

    // As many gaps as there may be, and then a datagram of pieces that are there already.
    let mut client = Spender::new(Role::Client);
    for first in [0, FITTING, 2 * FITTING, 0] {
        let pieces = (first..first + FITTING).flat_map(|n| piece(0x4000, 4 * n));
        let work = client.take(&record(&pieces.collect::<Vec<_>>())).0;
        assert!((1 << 10..MOST).contains(&work.moved), "{}", work.moved);
    }
}
