//! A whole handshake between two connections in memory, and a record over them.

use std::sync::Arc;
use std::time::Instant;

use tsubame_dtls::{Config, Connection, Event, Fingerprint, Identity, Role};

/// A new ECDSA P-256 certificate.
pub(crate) fn ecdsa() -> Arc<Identity> {
    Arc::new(Identity::generate_ecdsa().expect("an identity"))
}

/// An RSA certificate of 2,048 bits.
pub(crate) fn rsa() -> Arc<Identity> {
    Arc::new(Identity::from_der(RSA_CERTIFICATE.to_vec(), RSA_KEY.to_vec()).expect("an identity"))
}

pub(crate) const RSA_CERTIFICATE: &[u8] =
    include_bytes!("../../crates/dtls/tests/keys/rsa.cert.der");
pub(crate) const RSA_KEY: &[u8] = include_bytes!("../../crates/dtls/tests/keys/rsa.key.der");

/// One side: what it is made with, and the fingerprint it expects of the other.
pub(crate) struct Side {
    pub(crate) config: Arc<Config>,
    pub(crate) expected: [Fingerprint; 1],
}

/// Client and server, each with its certificate; both authenticate the other. X25519, AES-128-GCM with SHA-256.
pub(crate) fn sides(client: &Arc<Identity>, server: &Arc<Identity>) -> (Side, Side) {
    let side = |own: &Arc<Identity>, other: &Arc<Identity>| Side {
        config: Arc::new(Config::new(Arc::clone(own))),
        expected: [other.fingerprint()],
    };
    (side(client, server), side(server, client))
}

/// Runs a handshake to its end and exports the SRTP keys on both sides. Everything the server does runs inside of
/// `server_turn`, so that a caller can measure it alone.
pub(crate) fn handshake(
    now: Instant,
    (client_side, server_side): (&Side, &Side),
    mut server_turn: impl FnMut(&mut dyn FnMut()),
) -> (Connection, Connection) {
    let mut client = Connection::new(now, Role::Client, Arc::clone(&client_side.config), [1; 32]);
    let mut server = None;
    server_turn(&mut || {
        let config = Arc::clone(&server_side.config);
        server = Some(Connection::new(now, Role::Server, config, [2; 32]));
    });
    let mut server = server.expect("made above");
    let (mut to_server, mut to_client) = (Vec::with_capacity(4), Vec::with_capacity(4));
    while !(client.is_connected() && server.is_connected()) {
        pump(&mut client, now, &mut to_client, &mut to_server);
        server_turn(&mut || pump(&mut server, now, &mut to_server, &mut to_client));
    }
    let keys = client.srtp_keying_material(&client_side.expected).expect("keys");
    server_turn(&mut || {
        let peer = server.srtp_keying_material(&server_side.expected).expect("keys");
        assert!(keys.local_key() == peer.remote_key());
    });
    (client, server)
}

/// Takes all that came and hands over all that is to leave.
fn pump(
    side: &mut Connection,
    now: Instant,
    incoming: &mut Vec<Vec<u8>>,
    outgoing: &mut Vec<Vec<u8>>,
) {
    for mut datagram in incoming.drain(..) {
        side.handle_datagram(now, &mut datagram).expect("a peer that behaves");
    }
    let mut out = [0; 1200];
    while let Some(length) = side.poll_transmit(&mut out) {
        outgoing.push(out[..length].to_vec());
    }
    while side.poll_event().is_some() {}
}

/// Sends application data and receives it; its length.
pub(crate) fn transfer(
    from: &mut Connection,
    to: &mut Connection,
    now: Instant,
    data: &[u8],
    out: &mut [u8],
) -> usize {
    let length = seal(from, data, out);
    to.handle_datagram(now, &mut out[..length]).expect("a record");
    match to.poll_event() {
        Some(Event::ApplicationData(received)) => received.len(),
        other => panic!("not application data: {other:?}"),
    }
}

/// The datagram of one record; its length.
pub(crate) fn seal(from: &mut Connection, data: &[u8], out: &mut [u8]) -> usize {
    from.send(data).expect("a connection that stands");
    from.poll_transmit(out).expect("a datagram")
}
