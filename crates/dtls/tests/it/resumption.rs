//! Sessions resumed by ticket (RFC 5077), for who asks for it.

use std::sync::Arc;

use tsubame_dtls::{Config, Connection, Session, TicketKey};

use crate::support::{ALICE, BOB, Pair, START, Weather, config, records};

fn asking() -> Config {
    Config { ask_for_tickets: true, ..config(&ALICE) }
}

fn giving(key: u8) -> Config {
    let key = TicketKey::new(&[key; 32]).unwrap();
    Config { tickets: Some(Arc::new(key)), ..config(&BOB) }
}

/// A session of ours with a server that has this ticket key, and what it exports.
fn earlier() -> (Session, [u8; 32]) {
    let mut pair = Pair::new(asking(), giving(1));
    pair.connect();
    assert_eq!((pair.client.is_resumed(), pair.server.is_resumed()), (Some(false), Some(false)));
    let mut exported = [0; 32];
    pair.client.export_keying_material(b"EXPERIMENTAL test", None, &mut exported).unwrap();
    (pair.client.session().unwrap(), exported)
}

fn resuming<'a>(session: Session, server: Config) -> Pair<'a> {
    let mut pair = Pair::new(asking(), server);
    pair.client = Connection::resume(*START, Arc::new(asking()), session, [7; 32]);
    pair
}

#[test]
fn a_session_is_resumed_with_new_keys_and_the_same_peers() {
    let (session, before) = earlier();
    let mut pair = resuming(session, giving(1));
    pair.connect();
    assert_eq!((pair.client.is_resumed(), pair.server.is_resumed()), (Some(true), Some(true)));
    assert_eq!(pair.client.peer_certificate(), Some(BOB.certificate_der()));
    assert_eq!(pair.server.peer_certificate(), Some(ALICE.certificate_der()));
    let mut exported = [0; 32];
    pair.client.export_keying_material(b"EXPERIMENTAL test", None, &mut exported).unwrap();
    assert_ne!(exported, before);
    let (client, server) = pair.srtp_keys();
    assert_eq!(client.local_key(), server.remote_key());
    assert_eq!(pair.sent.len(), 3);
    // And once more, with the ticket that this one brought or the old one.
    let session = pair.client.session().unwrap();
    let mut pair = resuming(session, giving(1));
    pair.connect();
    assert_eq!(pair.client.is_resumed(), Some(true));
}

#[test]
fn nothing_is_resumed_unless_both_sides_want_it() {
    for (client, server) in [(config(&ALICE), giving(1)), (asking(), config(&BOB))] {
        let mut pair = Pair::new(client, server);
        pair.connect();
        assert!(pair.client.session().is_none());
        // Four flights, and nothing of tickets in them: no NewSessionTicket.
        let kinds = pair.sent.iter().flat_map(|(_, datagram)| records(datagram));
        assert!(kinds.filter(|(kind, epoch, _)| (*kind, *epoch) == (22, 0)).all(|r| r.2[13] != 4));
    }
}

#[test]
fn a_server_with_another_key_shakes_hands_anew() {
    let (session, _) = earlier();
    for server in [giving(2), config(&BOB)] {
        let mut pair = resuming(session.clone(), server);
        pair.connect();
        assert_eq!(
            (pair.client.is_resumed(), pair.server.is_resumed()),
            (Some(false), Some(false))
        );
    }
}

#[test]
fn loss_duplicates_and_reordering() {
    let (session, _) = earlier();
    for seed in 0..300 {
        let weather = Weather { loss: 30, duplicates: 10, late: 20 };
        let mut pair = resuming(session.clone(), giving(1)).weather(weather, seed);
        pair.connect();
        assert_eq!(pair.client.is_resumed(), Some(true), "seed {seed}");
    }
}

/// Whatever bit of a resuming handshake is flipped, nobody gets other keys than the other side has.
#[test]
fn every_bit_of_a_resumed_handshake() {
    let (session, _) = earlier();
    for target in 0..3 {
        let (mut bit, mut bits, mut connected) = (0, 1, 0);
        while bit < bits {
            let mut pair = resuming(session.clone(), giving(1)).tap(|_, number, mut bytes| {
                if number == target {
                    bits = 8 * bytes.len();
                    bytes[bit / 8] ^= 1 << (bit % 8);
                }
                vec![bytes]
            });
            pair.run();
            if pair.client.is_connected() && pair.server.is_connected() {
                pair.assert_agreement();
                connected += 1;
            }
            drop(pair);
            bit += 1;
        }
        assert!(connected > 0, "{target}: {connected} of {bits}");
    }
}

#[test]
fn nothing_secret_of_a_session_is_printed() {
    let (session, _) = earlier();
    assert_eq!(format!("{session:?}"), "Session { suite: EcdheEcdsaAes128GcmSha256, .. }");
    assert_eq!(format!("{:?}", giving(1).tickets), "Some(TicketKey { .. })");
}
