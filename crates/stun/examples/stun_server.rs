//! A STUN server for Binding requests (RFC 8489) on a UDP socket: tells everybody who asks from which address the
//! request came. Uses nothing but this crate and the standard library.
//!
//!     cargo run -p tsubame-stun --example stun_server -- --listen 127.0.0.1:3478
#![allow(clippy::print_stdout, reason = "a program for people")]

use std::env;
use std::error::Error;
use std::net::{SocketAddr, UdpSocket};

use tsubame_stun::attribute::ErrorCode;
use tsubame_stun::{AttributeType, BuildError, Class, Message, MessageBuilder, Method, is_stun};

const HELP: &str = "\
A STUN server: answers Binding requests with the address they came from.

Usage: stun_server [--listen ADDRESS:PORT]

  --listen ADDRESS:PORT   where to listen, 127.0.0.1:3478 by default
  --help                  this text";

fn main() -> Result<(), Box<dyn Error>> {
    let mut listen: SocketAddr = ([127, 0, 0, 1], 3478).into();
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--help" | "-h" => {
                println!("{HELP}");
                return Ok(());
            }
            "--listen" => listen = arguments.next().ok_or("--listen needs an address")?.parse()?,
            other => return Err(format!("unknown argument {other}, see --help").into()),
        }
    }
    let socket = UdpSocket::bind(listen)?;
    println!("listening on {}", socket.local_addr()?);
    let (mut datagram, mut out) = ([0; 1500], [0; 1500]);
    loop {
        let (length, source) = socket.recv_from(&mut datagram)?;
        let datagram = datagram.get(..length).unwrap_or_default();
        if let Some(length) = answer(datagram, source, &mut out)
            && let Some(response) = out.get(..length)
        {
            // Where it cannot be sent (a forged source port of zero) nobody waits for it.
            let _ = socket.send_to(response, source);
        }
    }
}

/// Writes the response to `out`, if one is due. Without credentials anybody can ask in anybody's name, so no response is
/// longer than its request by more than the 24 octets of an IPv6 address: errors go without their reason.
fn answer(datagram: &[u8], source: SocketAddr, out: &mut [u8]) -> Option<usize> {
    if !is_stun(datagram) {
        return None;
    }
    let request = Message::parse(datagram).ok()?;
    if request.class() != Class::Request || request.method() != Method::BINDING {
        return None;
    }
    let has_fingerprint = request.attribute(AttributeType::FINGERPRINT).is_some();
    if has_fingerprint && request.verify_fingerprint().is_err() {
        return None;
    }
    respond(&request, source, has_fingerprint, out).ok()
}

fn respond(
    request: &Message<'_>,
    source: SocketAddr,
    fingerprint: bool,
    out: &mut [u8],
) -> Result<usize, BuildError> {
    let id = request.transaction_id();
    let mut builder;
    if request.unknown_required().next().is_some() {
        builder = MessageBuilder::new(out, Class::ErrorResponse, Method::BINDING, id)?;
        builder.error_code(ErrorCode { reason: "", ..ErrorCode::UNKNOWN_ATTRIBUTE })?;
        builder.unknown_attributes(request.unknown_required().take(4))?;
    } else {
        builder = MessageBuilder::new(out, Class::SuccessResponse, Method::BINDING, id)?;
        builder.xor_mapped_address(source)?;
    }
    if fingerprint {
        builder.fingerprint()?;
    }
    Ok(builder.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tsubame_stun::TransactionId;

    fn request(fill: impl FnOnce(&mut MessageBuilder<'_>)) -> Vec<u8> {
        let mut out = [0; 200];
        let id = TransactionId([7; 12]);
        let mut builder =
            MessageBuilder::new(&mut out, Class::Request, Method::BINDING, id).unwrap();
        fill(&mut builder);
        let length = builder.finish();
        out[..length].to_vec()
    }

    #[test]
    fn who_asks_is_told_its_address() {
        let (server, client) =
            (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
        let asked = request(|builder| {
            builder.fingerprint().unwrap();
        });
        client.send_to(&asked, server.local_addr().unwrap()).unwrap();
        let (mut datagram, mut out) = ([0; 1500], [0; 1500]);
        let (length, source) = server.recv_from(&mut datagram).unwrap();
        let length = answer(&datagram[..length], source, &mut out).unwrap();
        server.send_to(&out[..length], source).unwrap();
        let (length, _) = client.recv_from(&mut datagram).unwrap();
        let response = Message::parse(&datagram[..length]).unwrap();
        assert_eq!(response.class(), Class::SuccessResponse);
        assert_eq!(response.xor_mapped_address(), Some(client.local_addr().unwrap()));
        assert_eq!(response.verify_fingerprint(), Ok(()));
    }

    #[test]
    fn what_is_not_understood_is_named_and_noise_is_met_with_silence() {
        let (source, mut out) = (([127, 0, 0, 1], 9).into(), [0; 1500]);
        let asked = request(|builder| {
            builder.attribute(AttributeType::LIFETIME, &[0; 4]).unwrap();
        });
        let length = answer(&asked, source, &mut out).unwrap();
        assert!(length <= asked.len() + 24);
        let response = Message::parse(&out[..length]).unwrap();
        assert_eq!(response.error_code().unwrap().code, 420);
        let unknown: Vec<_> = response.unknown_attributes().unwrap().collect();
        assert_eq!(unknown, [AttributeType::LIFETIME]);

        assert_eq!(answer(b"GET / HTTP/1.1\r\n\r\n", source, &mut out), None);
        let mut broken = request(|builder| {
            builder.fingerprint().unwrap();
        });
        *broken.last_mut().unwrap() ^= 1;
        assert_eq!(answer(&broken, source, &mut out), None);
    }
}
