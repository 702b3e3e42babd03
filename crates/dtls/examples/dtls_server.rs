//! Waits for one DTLS client, says what was agreed on, and sends its data back.
//!
//! `dtls_server --listen 127.0.0.1:4433 --srtp SRTP_AEAD_AES_128_GCM --export EXPERIMENTAL:32`, for instance against
//! `openssl s_client -dtls1_2 -connect 127.0.0.1:4433 -cert c.pem -key k.pem -use_srtp SRTP_AEAD_AES_128_GCM`.

use std::error::Error;
use std::net::UdpSocket;

mod common;

fn main() -> Result<(), Box<dyn Error>> {
    let options = common::Options::from_args("--listen")?;
    let socket = UdpSocket::bind(options.address)?;
    common::run(tsubame_dtls::Role::Server, &socket, None, &options)
}
