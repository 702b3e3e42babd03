//! Long messages go out in fragments, so that no client's connection keeps a long buffer.

mod support;

use serde_json::Value;
use support::{connect, in_real_time, start};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tsubame_signaling::Config;

const TEXT: u8 = 1;
const CONTINUATION: u8 = 0;

/// One frame as it stands on the wire: whether it is the last of its message, its opcode, its payload.
async fn frame(stream: &mut TcpStream) -> (bool, u8, Vec<u8>) {
    let first = stream.read_u8().await.expect("a frame");
    let len = match stream.read_u8().await.expect("a length") {
        126 => usize::from(stream.read_u16().await.expect("a length")),
        127 => panic!("a frame of more than 65,535 bytes"),
        len => usize::from(len),
    };
    let mut payload = vec![0; len];
    stream.read_exact(&mut payload).await.expect("a payload");
    (first & 0x80 != 0, first & 0x0f, payload)
}

#[tokio::test]
async fn an_offer_comes_in_fragments_of_two_kib_and_is_whole() {
    let server = start(Config::default()).await;
    let mut stream = server.tcp().await;
    let request = "GET /signaling HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(request.as_bytes()).await.expect("the server reads");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("a response"));
    }
    let head = String::from_utf8(head).expect("text").to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 101"), "{head}");
    // RFC 6455 §1.3 has this key and its answer.
    assert!(head.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="), "{head}");

    // Masked with zeros.
    let message = connect().to_string();
    let len = u8::try_from(message.len()).ok().filter(|len| *len < 126).expect("a short message");
    stream.write_all(&[0x80 | TEXT, 0x80 | len, 0, 0, 0, 0]).await.expect("the server reads");
    stream.write_all(message.as_bytes()).await.expect("the server reads");

    let mut offer = Vec::new();
    let mut frames = 0;
    loop {
        let (last, opcode, payload) = in_real_time(frame(&mut stream)).await;
        assert_eq!(opcode, if frames == 0 { TEXT } else { CONTINUATION });
        assert!(payload.len() <= 2_048, "{} bytes", payload.len());
        assert!(last || payload.len() == 2_048, "a fragment that could be longer");
        frames += 1;
        offer.extend(payload);
        if last {
            break;
        }
    }
    assert!(frames > 1, "an offer of {} bytes is no long message", offer.len());
    let offer: Value = serde_json::from_slice(&offer).expect("JSON");
    assert_eq!(offer["type"], "offer");
}
