//! Serves DTLS clients one after another, says what was agreed on, and sends their data back: see `--help`.

#![allow(clippy::print_stdout, reason = "examples speak to a terminal")]

use std::error::Error;
use std::net::UdpSocket;

use tsubame_dtls::{Role, is_dtls};

mod common;

fn main() -> Result<(), Box<dyn Error>> {
    let options = match common::Command::from_args(Role::Server)? {
        common::Command::Run(options) => options,
        common::Command::Help(text) => {
            print!("{text}");
            return Ok(());
        }
    };
    let socket = UdpSocket::bind(options.address)?;
    println!("fingerprint: {}", options.config.identity.fingerprint());
    println!("listening on {}", socket.local_addr()?);
    loop {
        // A connection begins with what arrives, so that its time does not run while nobody is there.
        let mut buffer = [0; 65_536];
        socket.set_read_timeout(None)?;
        let (len, remote) = socket.recv_from(&mut buffer)?;
        let Some(first) = buffer.get(..len).filter(|datagram| is_dtls(datagram)) else { continue };
        println!("client {remote}");
        let result = common::run(Role::Server, &socket, remote, Some(first.to_vec()), &options);
        match result {
            Err(error) if !options.once => println!("error: {error}"),
            result if options.once => return result,
            _ => (),
        }
    }
}
