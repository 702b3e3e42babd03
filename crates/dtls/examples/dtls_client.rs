//! Connects to a DTLS server, says what was agreed on, and sends its data back: see `--help`.

#![allow(clippy::print_stdout, reason = "examples speak to a terminal")]

use std::error::Error;
use std::net::{SocketAddr, UdpSocket};

use tsubame_dtls::Role;

mod common;

fn main() -> Result<(), Box<dyn Error>> {
    let options = match common::Command::from_args(Role::Client)? {
        common::Command::Run(options) => options,
        common::Command::Help(text) => {
            print!("{text}");
            return Ok(());
        }
    };
    let local = match options.address {
        SocketAddr::V4(_) => SocketAddr::from(([0; 4], 0)),
        SocketAddr::V6(_) => SocketAddr::from(([0; 16], 0)),
    };
    let socket = UdpSocket::bind(local)?;
    println!("fingerprint: {}", options.config.identity.fingerprint());
    common::run(Role::Client, &socket, options.address, None, &options)
}
