//! Sessions resumed by ticket (RFC 5077), for who asks for it.

use std::sync::Arc;
use std::time::Duration;

use tsubame_dtls::{ClientCertificate, Config, Connection, Identity, Session, TicketKey};

use crate::support::{ALICE, BOB, Pair, START, Weather, config, records};

/// Any time will do.
const UNIX_TIME: Duration = Duration::from_secs(1_800_000_000);

fn asking() -> Config {
    Config { ask_for_tickets: true, ..config(&ALICE) }
}

fn giving(key: u8) -> Config {
    let tickets = TicketKey::new(&[key; 32], *START, UNIX_TIME).map(Arc::new);
    Config { tickets, ..config(&BOB) }
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
    resuming_as(asking(), session, server)
}

fn resuming_as<'a>(client: Config, session: Session, server: Config) -> Pair<'a> {
    let mut pair = Pair::new(client.clone(), server);
    pair.client = Connection::resume(*START, Arc::new(client), session, [7; 32]);
    pair
}

fn assert_anew(mut pair: Pair<'_>) {
    pair.connect();
    assert_eq!((pair.client.is_resumed(), pair.server.is_resumed()), (Some(false), Some(false)));
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
        assert_anew(resuming(session.clone(), server));
    }
}

/// A client that resumes is shown no certificate: it would believe that it speaks with the server of the ticket.
#[test]
fn a_server_with_another_certificate_shakes_hands_anew() {
    let (session, _) = earlier();
    let other = Arc::new(Identity::generate_ecdsa().unwrap());
    let mut pair = resuming(session, Config { identity: Arc::clone(&other), ..giving(1) });
    pair.connect();
    assert_eq!((pair.client.is_resumed(), pair.server.is_resumed()), (Some(false), Some(false)));
    assert_eq!(pair.client.peer_certificate(), Some(other.certificate_der()));
}

#[test]
fn a_ticket_whose_time_is_over_leads_to_a_full_handshake() {
    let (session, _) = earlier();
    for (age, resumed) in [(6 * 3600 - 1, true), (6 * 3600, false)] {
        let unix_time = UNIX_TIME + Duration::from_secs(age);
        let tickets = TicketKey::new(&[1; 32], *START, unix_time).map(Arc::new);
        let mut pair = resuming(session.clone(), Config { tickets, ..config(&BOB) });
        pair.connect();
        assert_eq!(pair.client.is_resumed(), Some(resumed), "{age} s");
    }
}

#[test]
fn a_server_takes_tickets_of_its_previous_key() {
    let (session, _) = earlier();
    let key = TicketKey::new(&[2; 32], *START, UNIX_TIME).unwrap().with_previous(&[1; 32]);
    let mut pair = resuming(session, Config { tickets: key.map(Arc::new), ..config(&BOB) });
    pair.connect();
    assert_eq!(pair.client.is_resumed(), Some(true));
}

/// Whoever has to show a certificate does not come in by a session in which it showed none.
#[test]
fn a_client_that_showed_nothing_does_not_resume_where_it_has_to_show_a_certificate() {
    let lenient = |config| Config { client_certificate: ClientCertificate::Optional, ..config };
    let silent = || Config { client_certificate: ClientCertificate::Never, ..asking() };
    let mut pair = Pair::new(silent(), lenient(giving(1)));
    pair.connect();
    assert_eq!(pair.server.peer_certificate(), None);
    let session = pair.client.session().unwrap();

    let mut pair = resuming_as(silent(), session.clone(), lenient(giving(1)));
    pair.connect();
    assert_eq!(pair.client.is_resumed(), Some(true));
    let mut pair = resuming(session, lenient(giving(1)));
    pair.connect();
    assert_eq!(pair.client.is_resumed(), Some(false));
    assert_eq!(pair.server.peer_certificate(), Some(ALICE.certificate_der()));
}

#[test]
fn a_client_with_another_certificate_or_none_to_show_does_not_resume() {
    let (session, _) = earlier();
    let other = Arc::new(Identity::generate_ecdsa().unwrap());
    let client = Config { ask_for_tickets: true, ..config(&other) };
    assert_anew(resuming_as(client, session.clone(), giving(1)));
    let client = Config { client_certificate: ClientCertificate::Never, ..asking() };
    let server = Config { client_certificate: ClientCertificate::Optional, ..giving(1) };
    assert_anew(resuming_as(client, session, server));
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
