//! What other implementations sent (`tests/golden`): taken as it is; cut at every length, and with every bit flipped, it
//! panics nobody, and what follows undamaged is taken if anybody could have told.

use std::sync::Arc;

use tsubame_dtls::{Connection, Error, Role};

use crate::support::{ALICE, BOB, START, config};

const HELLOS: [(&str, &str); 4] = [
    ("Chromium", include_str!("../golden/chromium_hello.hex")),
    ("Firefox", include_str!("../golden/firefox_hello.hex")),
    ("OpenSSL", include_str!("../golden/openssl_hello.hex")),
    ("GnuTLS", include_str!("../golden/gnutls_hello.hex")),
];

const SERVERS: [(&str, &str); 2] = [
    ("OpenSSL", include_str!("../golden/openssl_server.hex")),
    ("GnuTLS", include_str!("../golden/gnutls_server.hex")),
];

fn datagrams(text: &str) -> Vec<Vec<u8>> {
    text.lines().map(|line| hex::decode(line).unwrap()).collect()
}

/// One side, and what it has sent.
struct Side {
    connection: Connection,
    sent: Vec<Vec<u8>>,
}

impl Side {
    fn server() -> Self {
        let config = Arc::new(config(&BOB));
        Self { connection: Connection::new(*START, Role::Server, config, [2; 32]), sent: vec![] }
    }

    /// The client to which the recorded flights were sent, before they came.
    fn client() -> Self {
        let config = Arc::new(config(&ALICE));
        let connection = Connection::new(*START, Role::Client, config, [3; 32]);
        let mut side = Self { connection, sent: vec![] };
        side.send();
        side
    }

    fn take(&mut self, datagram: &[u8]) -> Result<(), Error> {
        let result = self.connection.handle_datagram(*START, &mut datagram.to_vec());
        self.send();
        result
    }

    fn send(&mut self) {
        let mut out = [0; 2048];
        while let Some(len) = self.connection.poll_transmit(&mut out) {
            self.sent.push(out[..len].to_vec());
        }
    }

    /// Whether a message of this kind was the first of a datagram that was sent.
    fn has_sent(&self, kind: u8) -> bool {
        self.sent.iter().any(|datagram| (datagram[0], datagram[13]) == (22, kind))
    }
}

const SERVER_HELLO: u8 = 2;
const CERTIFICATE: u8 = 11;

#[test]
fn hellos_of_others_are_answered() {
    for (name, text) in HELLOS {
        let mut server = Side::server();
        for datagram in datagrams(text) {
            assert!(!server.has_sent(SERVER_HELLO), "{name}");
            server.take(&datagram).unwrap();
        }
        assert!(server.has_sent(SERVER_HELLO), "{name}");
        // DTLS 1.2 (RFC 6347), and the suite that all of them have.
        let hello = &server.sent[0][25..];
        assert_eq!((&hello[..2], &hello[35..37]), (&[0xfe, 0xfd][..], &[0xc0, 0x2b][..]), "{name}");
        let counters = server.connection.counters();
        assert_eq!((counters.malformed_records, counters.bad_fragments), (0, 0), "{name}");
    }
}

#[test]
fn flights_of_others_are_answered() {
    for (name, text) in SERVERS {
        let mut client = Side::client();
        for datagram in datagrams(text) {
            assert!(!client.has_sent(CERTIFICATE), "{name}");
            client.take(&datagram).unwrap();
        }
        assert!(client.has_sent(CERTIFICATE), "{name}");
        assert!(client.connection.peer_certificate().is_some(), "{name}");
    }
}

#[test]
fn every_truncation_of_what_others_sent() {
    for (goldens, is_hello) in [(&HELLOS[..], true), (&SERVERS[..], false)] {
        for (name, text) in goldens {
            let all = datagrams(text);
            for (index, datagram) in all.iter().enumerate() {
                for len in 0..datagram.len() {
                    let mut side = if is_hello { Side::server() } else { Side::client() };
                    let answer = if is_hello { SERVER_HELLO } else { CERTIFICATE };
                    for before in &all[..index] {
                        side.take(before).unwrap();
                    }
                    side.take(&datagram[..len]).unwrap();
                    assert!(!side.has_sent(answer), "{name} {index} {len}");
                    for whole in &all[index..] {
                        side.take(whole).unwrap();
                    }
                    assert!(side.has_sent(answer), "{name} {index} {len}");
                }
            }
        }
    }
}

#[test]
fn every_bit_of_the_hellos_of_others() {
    for (name, text) in HELLOS {
        let all = datagrams(text);
        for (index, datagram) in all.iter().enumerate() {
            for bit in 0..8 * datagram.len() {
                let mut server = Side::server();
                for before in &all[..index] {
                    server.take(before).unwrap();
                }
                let mut damaged = datagram.clone();
                damaged[bit / 8] ^= 1 << (bit % 8);
                server.take(&damaged).unwrap();
                // The damaged one is answered if nothing is wrong with it as it is, or else the whole one.
                for whole in all.iter().skip(index).chain(&all) {
                    server.take(whole).unwrap();
                }
                assert!(server.has_sent(SERVER_HELLO), "{name} {index} {bit}");
            }
        }
    }
}

#[test]
fn every_bit_of_the_flights_of_others() {
    for (name, text) in SERVERS {
        let all = datagrams(text);
        let (mut answered, mut bits) = (0, 0);
        for (index, datagram) in all.iter().enumerate() {
            for bit in 0..8 * datagram.len() {
                let mut damaged = datagram.clone();
                damaged[bit / 8] ^= 1 << (bit % 8);
                let mut client = Side::client();
                let mut result = Ok(());
                let (before, rest) = all.split_at(index);
                for datagram in before.iter().chain([&damaged]).chain(rest) {
                    result = result.and_then(|()| client.take(datagram));
                }
                bits += 1;
                match result {
                    Ok(()) => answered += usize::from(client.has_sent(CERTIFICATE)),
                    Err(Error::PeerMisbehaved(_) | Error::PeerIncompatible(_)) => (),
                    Err(other) => panic!("{name} {index} {bit}: {other}"),
                }
                // What covers every byte, Finished, has not come.
                assert!(!client.connection.is_connected());
            }
        }
        println!("{name}: {answered} of {bits} flipped bits do no harm");
        assert!(answered * 4 > bits, "{name}: {answered} of {bits}");
    }
}
