//! A socket, a clock and a command line for one connection.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "examples speak to a terminal")]

use std::error::Error;
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tsubame_dtls::{
    Config, Connection, Event, Fingerprint, HashAlgorithm, Identity, Role, SrtpProfile,
};

pub(crate) struct Options {
    pub(crate) address: SocketAddr,
    pub(crate) srtp: Vec<SrtpProfile>,
    /// Label and length in bytes.
    export: Option<(String, usize)>,
}

impl Options {
    /// Reads the command line; `address` is the name of the option that says where to.
    pub(crate) fn from_args(address: &str) -> Result<Self, Box<dyn Error>> {
        let mut options = Self {
            address: SocketAddr::from(([127, 0, 0, 1], 4433)),
            srtp: SrtpProfile::ALL.to_vec(),
            export: None,
        };
        let mut args = std::env::args().skip(1);
        while let Some(name) = args.next() {
            let value = args.next().ok_or_else(|| format!("{name} needs a value"))?;
            match name.as_str() {
                name if name == address => options.address = value.parse()?,
                "--srtp" => {
                    options.srtp = value.split(':').map(profile).collect::<Result<_, _>>()?
                }
                "--export" => {
                    let (label, len) = value.rsplit_once(':').ok_or("--export LABEL:LEN")?;
                    options.export = Some((label.to_owned(), len.parse()?));
                }
                _ => return Err(format!("{address} ADDR [--srtp P:P] [--export LABEL:LEN]").into()),
            }
        }
        Ok(options)
    }
}

fn profile(name: &str) -> Result<SrtpProfile, String> {
    SrtpProfile::ALL
        .into_iter()
        .find(|profile| profile_name(*profile) == name)
        .ok_or_else(|| format!("{name}: one of {:?}", SrtpProfile::ALL.map(profile_name)))
}

/// The names OpenSSL uses.
fn profile_name(profile: SrtpProfile) -> &'static str {
    match profile {
        SrtpProfile::Aes128CmSha1_80 => "SRTP_AES128_CM_SHA1_80",
        SrtpProfile::Aes128CmSha1_32 => "SRTP_AES128_CM_SHA1_32",
        SrtpProfile::AeadAes128Gcm => "SRTP_AEAD_AES_128_GCM",
        SrtpProfile::AeadAes256Gcm => "SRTP_AEAD_AES_256_GCM",
    }
}

#[expect(clippy::disallowed_methods, reason = "the edge reads the clock")]
fn now() -> Instant {
    Instant::now()
}

/// Runs one connection to its end: says what was agreed on, and sends application data back.
pub(crate) fn run(
    role: Role,
    socket: &UdpSocket,
    mut remote: Option<SocketAddr>,
    options: &Options,
) -> Result<(), Box<dyn Error>> {
    let identity = Arc::new(Identity::generate_ecdsa()?);
    println!("our fingerprint: {}", identity.fingerprint());
    let config = Config { srtp_profiles: options.srtp.clone(), ..Config::new(identity) };
    let mut random = [0; 32];
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut random)
        .map_err(|_| "no randomness")?;

    // A server's handshake starts with what arrives, not while nobody is there.
    let mut buffer = [0; 2048];
    let mut received = None;
    if remote.is_none() {
        socket.set_read_timeout(None)?;
        let (len, from) = socket.recv_from(&mut buffer)?;
        remote = Some(from);
        received = Some(len);
    }
    let remote = remote.ok_or("no peer")?;
    let mut connection = Connection::new(now(), role, Arc::new(config), random);
    loop {
        if let Some(datagram) = received.take().and_then(|len| buffer.get_mut(..len)) {
            connection.handle_datagram(now(), datagram)?;
        }
        let mut closed = false;
        while let Some(event) = connection.poll_event() {
            match event {
                Event::Connected => report(&connection, options)?,
                Event::ApplicationData(data) => connection.send(&data)?,
                Event::Closed => closed = true,
                _ => (),
            }
        }
        let mut out = [0; 2048];
        while let Some(len) = connection.poll_transmit(&mut out) {
            socket.send_to(out.get(..len).unwrap_or_default(), remote)?;
        }
        if closed {
            println!("closed by the peer");
            return Ok(());
        }

        let wait = connection
            .poll_timeout()
            .map(|at| at.saturating_duration_since(now()).max(Duration::from_millis(1)));
        socket.set_read_timeout(wait)?;
        match socket.recv_from(&mut buffer) {
            Ok((len, from)) if from == remote => received = Some(len),
            Ok(_) => (),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                connection.handle_timeout(now())?;
            }
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => (),
            Err(error) => return Err(error.into()),
        }
    }
}

fn report(connection: &Connection, options: &Options) -> Result<(), Box<dyn Error>> {
    let certificate = connection.peer_certificate().ok_or("no certificate")?;
    let fingerprint = Fingerprint::of(HashAlgorithm::Sha256, certificate);
    println!("peer fingerprint: {fingerprint}");
    println!("suite: {:?}", connection.cipher_suite());
    println!("group: {:?}", connection.group());
    println!("profile: {:?}", connection.srtp_profile().map(profile_name));
    let Some((label, len)) = &options.export else {
        return Ok(());
    };
    let mut key = vec![0; *len];
    if label == "EXTRACTOR-dtls_srtp" {
        // There is no signaling here that could announce a fingerprint.
        let keys = connection.srtp_keying_material(&[fingerprint])?;
        let ours = (keys.local_key(), keys.local_salt());
        let theirs = (keys.remote_key(), keys.remote_salt());
        let (client, server) =
            if connection.role() == Role::Client { (ours, theirs) } else { (theirs, ours) };
        key = [client.0, server.0, client.1, server.1].concat();
        key.truncate(*len);
    } else {
        connection.export_keying_material(label.as_bytes(), None, &mut key)?;
    }
    println!("exported: {}", hex::encode(key));
    Ok(())
}
