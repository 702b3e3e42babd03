//! Two ICE agents find each other over sockets of this machine: a controlling one, and a lite one as a server has it.
//! Then both restart. Uses nothing but this crate and the standard library.
//!
//!     cargo run -p tsubame-stun --example ice_pair -- --aggressive
#![allow(clippy::print_stdout, reason = "a program for people")]

use std::env;
use std::error::Error;
use std::io::ErrorKind;
use std::net::UdpSocket;
use std::time::{Duration, Instant};

use tsubame_stun::ice::{
    Candidate, ControllingAgent, ControllingConfig, Credentials, LiteAgent, LiteConfig, Nomination,
    Path, Transmit,
};

const HELP: &str = "\
Two ICE agents, one controlling and one lite, over two loopback sockets.

Usage: ice_pair [--aggressive]

  --aggressive   every check nominates (RFC 5245), instead of the best pair that succeeded
  --help         this text";

fn main() -> Result<(), Box<dyn Error>> {
    let mut nomination = Nomination::Regular;
    for argument in env::args().skip(1) {
        match argument.as_str() {
            "--help" | "-h" => {
                println!("{HELP}");
                return Ok(());
            }
            "--aggressive" => nomination = Nomination::Aggressive,
            other => return Err(format!("unknown argument {other}, see --help").into()),
        }
    }
    let (before, after) = connect_twice(nomination)?;
    println!("selected {} -> {}, again after a restart", before.local, before.remote);
    if before == after { Ok(()) } else { Err("the restart led elsewhere".into()) }
}

/// The path of the controlling agent before and after a restart.
fn connect_twice(nomination: Nomination) -> Result<(Path, Path), Box<dyn Error>> {
    // What signaling carries: credentials (they have to be unpredictable; here they need not), candidates as text.
    let credentials = |number| Credentials::from_random([number; 24]);
    let (client_socket, server_socket) = (socket()?, socket()?);
    let candidate = Candidate::host(server_socket.local_addr()?, 65_535).to_string();
    println!("the server offers {candidate}");

    let mut server = LiteAgent::new(now(), credentials(1), LiteConfig::default());
    server.set_remote_ufrag(now(), &credentials(2).ufrag);
    let config = ControllingConfig { nomination, ..ControllingConfig::default() };
    let mut client = ControllingAgent::new(now(), credentials(2), [3; 32], config);
    client.add_local_candidate(now(), client_socket.local_addr()?);
    client.set_remote(now(), credentials(1), true);
    client.add_remote_candidate(now(), &candidate.parse()?);

    let mut selections = Vec::new();
    while selections.len() < 2 {
        // The drain rule: after whatever was told to an agent, poll it until it has nothing more to say.
        drain(&client_socket, |out| client.poll_transmit(out))?;
        drain(&server_socket, |out| server.poll_transmit(out))?;
        while let Some(event) = server.poll_event() {
            println!("server: {event:?}");
        }
        while let Some(event) = client.poll_event() {
            println!("client: {event:?}");
            selections.extend(client.selected());
            if selections.len() == 1 {
                server.restart(now(), credentials(4));
                server.set_remote_ufrag(now(), &credentials(5).ufrag);
                client.restart(now(), credentials(5));
                client.set_remote(now(), credentials(4), true);
                client.add_remote_candidate(now(), &candidate.parse()?);
            }
        }
        let mut datagram = [0; 1500];
        if let Some((path, length)) = receive(&server_socket, &mut datagram)? {
            server.handle_datagram(now(), path, datagram.get(..length).unwrap_or_default());
        }
        if let Some((path, length)) = receive(&client_socket, &mut datagram)? {
            client.handle_datagram(now(), path, datagram.get(..length).unwrap_or_default());
        }
        if client.poll_timeout().is_some_and(|due| due <= now()) {
            client.handle_timeout(now());
        }
        if server.poll_timeout().is_some_and(|due| due <= now()) {
            server.handle_timeout(now());
        }
    }
    match selections.as_slice() {
        [before, after, ..] => Ok((*before, *after)),
        _ => Err("no path was selected".into()),
    }
}

/// A socket that waits for a datagram for ten milliseconds at most. A real program waits until `poll_timeout`.
fn socket() -> std::io::Result<UdpSocket> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_read_timeout(Some(Duration::from_millis(10)))?;
    Ok(socket)
}

fn drain(
    socket: &UdpSocket,
    mut poll_transmit: impl FnMut(&mut [u8]) -> Option<Transmit>,
) -> std::io::Result<()> {
    let mut out = [0; 1500];
    while let Some(Transmit { path, len }) = poll_transmit(&mut out) {
        socket.send_to(out.get(..len).unwrap_or_default(), path.remote)?;
    }
    Ok(())
}

/// A datagram's path: these sockets are bound to one address, so that is where it was sent to. (Who was stopped and goes on is
/// interrupted.)
fn receive(socket: &UdpSocket, datagram: &mut [u8]) -> std::io::Result<Option<(Path, usize)>> {
    match socket.recv_from(datagram) {
        Ok((length, from)) => Ok(Some((Path::udp(socket.local_addr()?, from), length))),
        Err(error) => match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => Ok(None),
            _ => Err(error),
        },
    }
}

#[expect(clippy::disallowed_methods, reason = "the program is the edge: it reads the clock")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_nominations_lead_to_the_one_path_there_is_and_so_does_a_restart() {
        for nomination in [Nomination::Regular, Nomination::Aggressive] {
            let (before, after) = connect_twice(nomination).unwrap();
            assert_eq!(before, after);
        }
    }
}
