//! Who shows a certificate under which configuration, and what an embedder does about one that does not please.

use std::sync::Arc;
use std::time::Instant;

use super::script::{THEM, US, start};
use crate::alert::AlertDescription;
use crate::config::{ClientCertificate, Config, Role, UnauthenticatedErrors};
use crate::connection::Connection;
use crate::error::{Error, PeerIncompatible, PeerMisbehaved};
use crate::srtp::KeyingError;
use crate::v12::message::HandshakeType;

type Outcome = Result<(), Error>;

/// A client that is us and a server that is them, who fail at once.
struct Ends {
    now: Instant,
    client: Connection,
    server: Connection,
}

impl Ends {
    fn new(client: ClientCertificate, server: ClientCertificate) -> Self {
        let now = start();
        let config = |identity, client_certificate| {
            let errors = UnauthenticatedErrors::Fail;
            let config = Config::new(Arc::clone(identity));
            Arc::new(Config { client_certificate, unauthenticated_errors: errors, ..config })
        };
        Self {
            now,
            client: Connection::new(now, Role::Client, config(&US, client), [1; 32]),
            server: Connection::new(now, Role::Server, config(&THEM, server), [2; 32]),
        }
    }

    /// Carries datagrams to and fro until nobody has any.
    fn run(&mut self) -> (Outcome, Outcome) {
        let (mut client, mut server) = (Ok(()), Ok(()));
        loop {
            let to_server = pass(self.now, &mut self.client, &mut self.server);
            let to_client = pass(self.now, &mut self.server, &mut self.client);
            server = server.and(to_server.unwrap_or(Ok(())));
            client = client.and(to_client.unwrap_or(Ok(())));
            if to_server.is_none() && to_client.is_none() {
                return (client, server);
            }
        }
    }
}

/// Everything one end has to send; `None` when it has nothing.
fn pass(now: Instant, from: &mut Connection, to: &mut Connection) -> Option<Outcome> {
    let mut out = [0; 2048];
    let mut outcome = None;
    while let Some(len) = from.poll_transmit(&mut out) {
        let handled = to.handle_datagram(now, &mut out[..len]);
        outcome = Some(outcome.unwrap_or(Ok(())).and(handled));
    }
    outcome
}

#[test]
fn every_pair_of_policies() {
    use ClientCertificate::{Never, Optional, Required};
    let shown =
        [(Required, Required), (Required, Optional), (Optional, Required), (Optional, Optional)];
    let anonymous = [(Optional, Never), (Never, Optional), (Never, Never)];
    for (client, server) in shown {
        let mut ends = Ends::new(client, server);
        assert_eq!(ends.run(), (Ok(()), Ok(())), "{client:?} {server:?}");
        assert_eq!(ends.server.peer_certificate(), Some(US.certificate_der()));
    }
    for (client, server) in anonymous {
        let mut ends = Ends::new(client, server);
        assert_eq!(ends.run(), (Ok(()), Ok(())), "{client:?} {server:?}");
        assert!(ends.client.is_connected() && ends.server.is_connected());
        assert_eq!(ends.server.peer_certificate(), None);
        assert_eq!(ends.client.peer_certificate(), Some(THEM.certificate_der()));
        // There is nothing that a fingerprint could be compared with.
        let keys = ends.server.srtp_keying_material(&[US.fingerprint()]);
        assert_eq!(keys.err(), Some(KeyingError::FingerprintMismatch));
        assert!(ends.client.srtp_keying_material(&[THEM.fingerprint()]).is_ok());
    }

    let mut ends = Ends::new(Never, Required);
    let refused = Error::PeerMisbehaved(PeerMisbehaved::NoCertificate);
    let told = Error::PeerAlert(AlertDescription::HANDSHAKE_FAILURE);
    assert_eq!(ends.run(), (Err(told), Err(refused)));

    let mut ends = Ends::new(Required, Never);
    let refused = Error::PeerMisbehaved(PeerMisbehaved::UnexpectedMessage {
        got: HandshakeType::SERVER_HELLO_DONE,
        expected: HandshakeType::CERTIFICATE_REQUEST,
    });
    let told = Error::PeerAlert(AlertDescription::UNEXPECTED_MESSAGE);
    assert_eq!(ends.run(), (Err(refused), Err(told)));
}

/// RFC 8122 §6.2: an end that does not find the certificate it was told of says so, and the other end understands it.
#[test]
fn a_certificate_that_does_not_please() {
    let bad = AlertDescription::BAD_CERTIFICATE;
    // The client knows the server's certificate before the keys are in use, the server the client's when all is done.
    for aborting in [Role::Client, Role::Server] {
        let mut ends = Ends::new(ClientCertificate::Required, ClientCertificate::Required);
        while match aborting {
            Role::Client => ends.client.peer_certificate().is_none(),
            Role::Server => ends.server.peer_certificate().is_none(),
        } {
            let passed = pass(ends.now, &mut ends.client, &mut ends.server);
            if aborting == Role::Client || ends.server.peer_certificate().is_none() {
                pass(ends.now, &mut ends.server, &mut ends.client);
            }
            assert!(passed.is_some(), "no certificate came");
        }
        let (end, other) = match aborting {
            Role::Client => (&mut ends.client, &mut ends.server),
            Role::Server => (&mut ends.server, &mut ends.client),
        };
        end.abort(bad);
        assert_eq!(pass(ends.now, end, other), Some(Err(Error::PeerAlert(bad))), "{aborting:?}");
        assert_eq!(end.handle_timeout(ends.now), Err(Error::Aborted(bad)));
        assert!(!end.is_connected() && end.poll_timeout().is_none());
        // Dead is dead.
        end.abort(AlertDescription::INTERNAL_ERROR);
        assert_eq!(end.poll_transmit(&mut [0; 2048]), None);
    }
}

#[test]
fn a_client_whose_certificate_is_of_no_use_says_so() {
    // Servers of this crate take every kind; this one's request is for RSA alone.
    let mut ends = Ends::new(ClientCertificate::Required, ClientCertificate::Required);
    pass(ends.now, &mut ends.client, &mut ends.server);
    let mut out = [0; 2048];
    let len = ends.server.poll_transmit(&mut out).unwrap();
    let kinds = out[..len].windows(3).position(|bytes| bytes == [2, 64, 1]).unwrap();
    out[kinds + 1] = 1;
    let outcome = ends.client.handle_datagram(ends.now, &mut out[..len]);
    let error = Error::PeerIncompatible(PeerIncompatible::NoCommonSignatureScheme);
    assert_eq!(outcome, Err(error));
}
