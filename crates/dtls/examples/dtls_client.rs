//! Connects to a DTLS server, says what was agreed on, and sends its data back.
//!
//! `dtls_client --connect 127.0.0.1:4433 --srtp SRTP_AEAD_AES_128_GCM --export EXPERIMENTAL:32`, for instance against
//! `openssl s_server -dtls1_2 -accept 4433 -cert c.pem -key k.pem -Verify 1 -use_srtp SRTP_AEAD_AES_128_GCM`.

use std::error::Error;
use std::net::{SocketAddr, UdpSocket};

mod common;

fn main() -> Result<(), Box<dyn Error>> {
    let options = common::Options::from_args("--connect")?;
    let local = match options.address {
        SocketAddr::V4(_) => SocketAddr::from(([0; 4], 0)),
        SocketAddr::V6(_) => SocketAddr::from(([0; 16], 0)),
    };
    let socket = UdpSocket::bind(local)?;
    common::run(tsubame_dtls::Role::Client, &socket, Some(options.address), &options)
}
