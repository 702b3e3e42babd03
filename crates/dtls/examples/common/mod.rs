//! What `dtls_server` and `dtls_client` have in common: one connection, with a socket and a clock around it.

#![allow(clippy::print_stdout, reason = "examples speak to a terminal")]

use std::error::Error;
use std::fmt::Write;
use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tsubame_dtls::{
    AlertDescription, Connection, Event, Fingerprint, HashAlgorithm, KeyingError, Role,
};

mod options;

pub(crate) use options::{Command, Options};
use options::{group_name, profile_name, suite_name};

/// A connection on which nothing comes for so long is closed: DTLS itself does not notice that a peer is gone.
const IDLE: Duration = Duration::from_secs(60);

/// Whatever `Config::mtu` says.
const LARGEST_DATAGRAM: usize = 16_448;

#[expect(clippy::disallowed_methods, reason = "the edge reads the clock")]
fn now() -> Instant {
    Instant::now()
}

/// 32 unpredictable bytes, of which the standard library has none to give.
fn random() -> std::io::Result<[u8; 32]> {
    let mut random = [0; 32];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut random)?;
    Ok(random)
}

/// Runs one connection to its end. `first` is the datagram with which a client came to a server.
pub(crate) fn run(
    role: Role,
    socket: &UdpSocket,
    remote: SocketAddr,
    first: Option<Vec<u8>>,
    options: &Options,
) -> Result<(), Box<dyn Error>> {
    let mut connection = Connection::new(now(), role, Arc::clone(&options.config), random()?);
    let mut received = first;
    let mut buffer = [0; 65_536];
    loop {
        if let Some(mut datagram) = received.take() {
            let result = connection.handle_datagram(now(), &mut datagram);
            end_with_alert(result, &mut connection, socket, remote)?;
        }
        while let Some(event) = connection.poll_event() {
            match event {
                Event::Connected => greet(&mut connection, options)?,
                Event::ApplicationData(data) => answer(&mut connection, &data, options),
                Event::Closed => println!("closed by the peer"),
                _ => (),
            }
        }
        send_all(&mut connection, socket, remote)?;
        let timeout = connection.poll_timeout();
        if timeout.is_none() && !connection.is_connected() {
            return Ok(());
        }

        let wait = timeout.map_or(IDLE, |at| at.saturating_duration_since(now()));
        socket.set_read_timeout(Some(wait.max(Duration::from_millis(1))))?;
        match socket.recv_from(&mut buffer) {
            Ok((len, from)) if from == remote => received = buffer.get(..len).map(<[u8]>::to_vec),
            Ok(_) => (),
            // Who was stopped and goes on: what the timer says is asked anew.
            Err(error) if error.kind() == ErrorKind::Interrupted => (),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                if timeout.is_some() {
                    let result = connection.handle_timeout(now());
                    end_with_alert(result, &mut connection, socket, remote)?;
                } else {
                    println!("silent for {} s", IDLE.as_secs());
                    connection.close();
                }
            }
            // Nobody listens there yet, or any more: the timer decides.
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => (),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Where the connection has died, what it still has to say leaves first: the alert that tells the peer why.
fn end_with_alert(
    result: Result<(), tsubame_dtls::Error>,
    connection: &mut Connection,
    socket: &UdpSocket,
    remote: SocketAddr,
) -> Result<(), Box<dyn Error>> {
    if result.is_err() {
        send_all(connection, socket, remote)?;
    }
    Ok(result?)
}

fn send_all(
    connection: &mut Connection,
    socket: &UdpSocket,
    remote: SocketAddr,
) -> std::io::Result<()> {
    let mut out = [0; LARGEST_DATAGRAM];
    while let Some(datagram) = connection.poll_transmit(&mut out).and_then(|len| out.get(..len)) {
        socket.send_to(datagram, remote)?;
    }
    Ok(())
}

/// Connected: says what was agreed on. A peer that was not announced is sent away before it gets a key.
fn greet(connection: &mut Connection, options: &Options) -> Result<(), Box<dyn Error>> {
    let certificate = connection.peer_certificate().ok_or("no certificate")?;
    let fingerprint = Fingerprint::of(HashAlgorithm::Sha256, certificate);
    println!("peer fingerprint: {fingerprint}");
    println!("suite: {}", connection.cipher_suite().map_or("none", suite_name));
    println!("group: {}", connection.group().map_or("none", group_name));
    println!("srtp profile: {}", connection.srtp_profile().map_or("none", profile_name));

    // Without signaling there is nothing to compare with: whoever came is who was expected.
    let expected = match options.fingerprints.as_slice() {
        [] => vec![fingerprint],
        announced => announced.to_vec(),
    };
    let keys = match connection.srtp_keying_material(&expected) {
        Err(KeyingError::FingerprintMismatch) => {
            println!("not the peer that was announced");
            connection.abort(AlertDescription::BAD_CERTIFICATE);
            return Ok(());
        }
        keys => keys.ok(),
    };
    for (label, len) in &options.exports {
        let exported = match (label.as_str(), &keys) {
            ("EXTRACTOR-dtls_srtp", Some(keys)) => {
                // RFC 5764 §4.2: client key, server key, client salt, server salt.
                let local = (keys.local_key(), keys.local_salt());
                let remote = (keys.remote_key(), keys.remote_salt());
                let (client, server) = match connection.role() {
                    Role::Client => (local, remote),
                    Role::Server => (remote, local),
                };
                let whole = [client.0, server.0, client.1, server.1].concat();
                let part = whole.get(..*len);
                part.ok_or_else(|| format!("{label} has {} bytes here", whole.len()))?.to_vec()
            }
            _ => {
                let mut key = vec![0; *len];
                connection.export_keying_material(label.as_bytes(), None, &mut key)?;
                key
            }
        };
        println!("exported {label}: {}", hex(&exported));
    }
    if let Some(text) = &options.send {
        connection.send(text.as_bytes())?;
    }
    println!("connected");
    Ok(())
}

/// Sends the data back, or takes it for the answer and closes.
fn answer(connection: &mut Connection, data: &[u8], options: &Options) {
    println!("received {} bytes: {}", data.len(), String::from_utf8_lossy(data).escape_debug());
    if options.send.is_some() {
        connection.close();
        return;
    }
    // Datagrams of the peer's may be larger than ours; an empty one is one, too.
    let most = connection.max_application_data().unwrap_or_default().max(1);
    let mut pieces = data.chunks(most).chain(data.is_empty().then_some(data));
    if let Err(why) = pieces.try_for_each(|piece| connection.send(piece)) {
        println!("not sent back, or not all of it: {why}");
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        // Writing to a String does not fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}
