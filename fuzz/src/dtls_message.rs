//! Any octets as the body of any handshake message, as the first that a client and a server get; as a certificate; as a
//! fingerprint in text.

use std::sync::Arc;
use std::time::Duration;

use tsubame_dtls::{Connection, Fingerprint, Identity, Role};

use crate::dtls::{self, CLIENT, SERVER};
use crate::input::epoch;

/// See the module's documentation.
pub fn run(data: &[u8]) {
    let Some((kind, body)) = data.split_first() else { return };
    match kind {
        0xff => certificate(body),
        0xfe => fingerprint(body),
        _ => message(*kind, body),
    }
}

/// Whoever sends a first message has proved nothing yet: it is taken or dropped, and nobody is connected by it.
fn message(kind: u8, body: &[u8]) {
    for (role, config) in [(Role::Client, &CLIENT), (Role::Server, &SERVER)] {
        let now = epoch();
        let mut connection = Connection::new(now, role, Arc::clone(config), [5; 32]);
        let mut out = [0; 2_048];
        while connection.poll_transmit(&mut out).is_some() {}
        for mut datagram in dtls::handshake_records(kind, 0, body, 1_200) {
            if connection.handle_datagram(now, &mut datagram).is_err() {
                break;
            }
        }
        let mut sent = 0;
        while let Some(len) = connection.poll_transmit(&mut out) {
            assert!(len <= 1_200);
            sent += 1;
        }
        assert!(sent <= 16, "{sent} datagrams for one message");
        assert!(!connection.is_connected() && connection.peer_certificate().is_none());
        assert!(connection.export_keying_material(b"label", None, &mut [0; 16]).is_err());
        assert!(connection.poll_event().is_none());
        let due = connection.poll_timeout();
        assert!(due.is_none_or(|due| due <= now + Duration::from_secs(15)));
    }
}

fn certificate(der: &[u8]) {
    let key = include_bytes!("../../crates/dtls/tests/keys/p384.key.der");
    if let Ok(identity) = Identity::from_der(der.to_vec(), key.to_vec()) {
        assert_eq!(identity.certificate_der(), der);
    }
}

fn fingerprint(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    if let Ok(fingerprint) = text.parse::<Fingerprint>() {
        let written = fingerprint.to_string();
        assert_eq!(written.parse::<Fingerprint>().as_ref(), Ok(&fingerprint), "{written}");
    }
}
