//! A client and a server with a hostile network between them: it loses, doubles, delays and cuts their datagrams, cuts their
//! messages into other fragments, turns bits, and adds its own.
//!
//! What has to hold: who is connected has the right peer; if both are, their keys and parameters are the same, whatever was
//! altered on the way; and a network that altered nothing cannot keep them apart once it carries everything.

use std::time::Duration;

use tsubame_dtls::{CipherSuite, Config, NamedGroup, SrtpProfile};

use crate::dtls::{self, CLIENT, FRAGMENT_HEADER, HANDSHAKE, RECORD_HEADER, SERVER};
use crate::dtls_pair::Pair;
use crate::input::Input;

/// See the module's documentation.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let [options, mtu, suites, groups, profiles] = input.array();
    let client = Config {
        mtu: 150 + usize::from(mtu) * 5,
        groups: rotated(NamedGroup::ALL, groups >> 4),
        srtp_profiles: rotated(SrtpProfile::ALL, profiles >> 4),
        ..Config::clone(&CLIENT)
    };
    let server = Config {
        hello_verify: options & 1 != 0,
        mtu: 150 + usize::from(mtu ^ options) * 5,
        cipher_suites: rotated(CipherSuite::ALL, suites),
        groups: rotated(NamedGroup::ALL, groups),
        srtp_profiles: rotated(SrtpProfile::ALL, profiles),
        ..Config::clone(&SERVER)
    };
    let mut pair = Pair::new(client, server);
    let begun = pair.now;
    let mut altered = false;
    let mut closed = false;
    while let Some(operation) = input.operation() {
        let from = usize::from(operation >> 7);
        match operation % 16 {
            0..=5 => drop(pair.deliver(from, 0)),
            6 => drop(pair.deliver(from, usize::from(input.u8()))),
            7 => {
                // Lost.
                drop(pair.sides[from].sent.pop_front());
            }
            8 => {
                // Twice.
                if let Some(mut datagram) = pair.sides[from].sent.front().cloned() {
                    pair.hand(1 - from, &mut datagram);
                }
            }
            9 => {
                let bit = usize::from(input.u16());
                if let Some(datagram) = pair.sides[from].sent.front_mut() {
                    altered = true;
                    let bit = bit % (datagram.len() * 8);
                    datagram[bit / 8] ^= 1 << (bit % 8);
                }
            }
            10 => {
                let len = usize::from(input.u16());
                if let Some(datagram) = pair.sides[from].sent.front_mut() {
                    altered = true;
                    datagram.truncate(1 + len % datagram.len());
                }
            }
            11 => {
                let (at, bytes) = (usize::from(input.u16()), input.short());
                if let Some(datagram) = pair.sides[from].sent.front_mut() {
                    altered = true;
                    let at = at % datagram.len();
                    datagram.iter_mut().skip(at).zip(bytes).for_each(|(to, from)| *to = *from);
                }
            }
            12 => refragment(&mut pair, from, usize::from(input.u16())),
            13 => {
                altered = true;
                let [kind, message_seq] = input.array();
                let (length, offset) = (usize::from(input.u16()), usize::from(input.u16()));
                let message_seq = u16::from(message_seq % 8);
                let part = dtls::fragment(kind % 32, length, message_seq, offset, input.short());
                pair.hand(1 - from, &mut dtls::record(HANDSHAKE, 0, 0, &part));
            }
            14 => pair.pass(Duration::from_millis(u64::from(input.u8()) * 4)),
            _ => match input.u8() {
                0 => {
                    closed = true;
                    pair.sides[from].connection.close();
                    pair.drain();
                }
                len => drop(pair.sides[from].connection.send(&vec![len; usize::from(len)])),
            },
        }
        pair.check();
    }
    let in_time = pair.now.duration_since(begun).as_secs() < 10;
    pair.heal();
    pair.check();
    if !altered && !closed && in_time {
        let connected = pair.sides.iter().all(|side| side.connection.is_connected());
        assert!(connected, "kept apart by a network that altered nothing");
    }
}

/// All of them in another order: none is left out, so that the two sides always have one in common.
fn rotated<T: Copy, const N: usize>(all: [T; N], by: u8) -> Vec<T> {
    let mut all = all.to_vec();
    all.rotate_left(usize::from(by) % N);
    all
}

/// Cuts the first message of the next datagram in two, and sends the second half first.
fn refragment(pair: &mut Pair, from: usize, at: usize) {
    let Some(datagram) = pair.sides[from].sent.front() else { return };
    let begin = RECORD_HEADER + FRAGMENT_HEADER;
    if datagram.len() < begin || datagram[0] != HANDSHAKE || datagram[3..5] != [0, 0] {
        return;
    }
    let number = |bytes: &[u8]| bytes.iter().fold(0, |n, octet| n << 8 | usize::from(*octet));
    let header = &datagram[RECORD_HEADER..begin];
    let (length, offset) = (number(&header[1..4]), number(&header[6..9]));
    let (message_seq, len) = (number(&header[4..6]) as u16, number(&header[9..12]));
    if number(&datagram[11..13]) != FRAGMENT_HEADER + len || datagram.len() < begin + len {
        return;
    }
    let kind = header[0];
    let Some(datagram) = pair.sides[from].sent.pop_front() else { return };
    let (first, second) = datagram[begin..begin + len].split_at(at % (len + 1));
    let rest = datagram[begin + len..].to_vec();
    let halves = [(offset + first.len(), second), (offset, first)];
    for (offset, part) in halves {
        let fragment = dtls::fragment(kind, length, message_seq, offset, part);
        pair.hand(1 - from, &mut dtls::record(HANDSHAKE, 0, 1, &fragment));
    }
    if !rest.is_empty() {
        pair.sides[from].sent.push_front(rest);
    }
}
