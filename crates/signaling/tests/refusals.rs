//! Faults in messages: the right close code, a reason that names the fault, and nobody else notices.

mod support;

use futures_util::SinkExt;
use serde_json::{Value, json};
use support::{connect, start, start_with};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tsubame_signaling::Config;

#[tokio::test]
async fn a_first_message_with_a_fault_is_refused() {
    let server = start(Config::default()).await;
    let mut other = server.join().await;
    let faults = [
        ("garbage".to_owned(), "INVALID-JSON: expected value at line 1 column 1"),
        ("[]".to_owned(), "INVALID-MESSAGE: a message is an object with a string type"),
        ("[".repeat(10_000), "JSON-TOO-DEEP: at most 32 levels"),
        (json!({"type": "dance"}).to_string(), "UNKNOWN-TYPE: \"dance\""),
        (
            json!({"type": "answer", "sdp": ""}).to_string(),
            "UNEXPECTED-MESSAGE: answer: connect comes first",
        ),
        (
            json!({"type": "connect", "role": "upstream", "channel_id": "a"}).to_string(),
            "MIXED-GENERATIONS: role upstream does not go with channel_id",
        ),
        (
            json!({"type": "connect", "role": "spectator", "channel_id": "a"}).to_string(),
            "UNKNOWN-ROLE: \"spectator\" (sendonly, recvonly, sendrecv; 2015: upstream, downstream)",
        ),
        (
            json!({"type": "connect", "role": "recvonly", "channel_id": "a".repeat(256)})
                .to_string(),
            "INVALID-MESSAGE: channel_id must be 1 to 255 bytes",
        ),
    ];
    for (text, reason) in faults {
        let mut client = server.open().await;
        client.write(Message::text(text)).await;
        assert_eq!(client.closed().await, (4490, reason.to_owned()));
    }
    // Still there, and still served.
    other.send(json!({"type": "disconnect"})).await;
    assert_eq!(other.closed().await, (1000, "TYPE-DISCONNECT".to_owned()));
}

#[tokio::test]
async fn messages_out_of_order_are_refused() {
    let server = start(Config::default()).await;
    let wrong = [
        (connect(), "UNEXPECTED-MESSAGE: connect: it was sent already"),
        (
            json!({"type": "re-answer", "sdp": "v=0\r\n"}),
            "UNEXPECTED-MESSAGE: re-answer: the first offer is answered by answer",
        ),
    ];
    for (message, reason) in wrong {
        let mut client = server.join().await;
        client.send(message).await;
        assert_eq!(client.closed().await, (4490, reason.to_owned()));
    }
}

#[tokio::test]
async fn an_impossible_answer_is_refused() {
    let server = start(Config::default()).await;
    for sdp in ["", "v=0\r\n", "garbage", "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"] {
        let mut client = server.join().await;
        client.send(json!({"type": "answer", "sdp": sdp})).await;
        let (code, reason) = client.closed().await;
        assert_eq!(code, 4490);
        assert!(reason.starts_with("INVALID-ANSWER: "), "{reason}");
        assert!(reason.len() <= 123);
    }
}

#[tokio::test]
async fn the_2015_generation_gets_its_own_casing() {
    let server = start(Config::default()).await;
    let mut client = server.open().await;
    client.send(json!({"type": "connect", "role": "downstream", "channelId": "test"})).await;
    let Value::Object(offer) = client.next().await else { panic!("no object") };
    assert_eq!(offer.keys().collect::<Vec<_>>(), ["clientId", "sdp", "type"]);
    let id = offer["clientId"].as_str().expect("a string");
    assert!(id.starts_with('{') && id.ends_with('}') && id.len() == 38, "{id}");
    assert!(offer["sdp"].as_str().is_some_and(|sdp| sdp.starts_with("v=0\r\n")));
}

#[tokio::test]
async fn todays_offer_names_channel_session_and_mids() {
    let server = start(Config::default()).await;
    let mut client = server.open().await;
    client
        .send(json!({"type": "connect", "role": "sendonly", "channel_id": "test", "client_id": "me", "audio": false}))
        .await;
    let offer = client.next().await;
    assert_eq!(offer["channel_id"], "test");
    assert_eq!(offer["client_id"], "me");
    assert_eq!(offer["connection_id"].as_str().map(str::len), Some(26));
    assert_eq!(offer["bundle_id"], offer["connection_id"]);
    assert_eq!(offer["config"], json!({"iceServers": []}));
    assert!(offer["mid"]["video"].is_string());
    assert_eq!(offer["mid"].get("audio"), None);
    let mut second = server.open().await;
    second.send(connect()).await;
    assert_eq!(second.next().await["session_id"], offer["session_id"]);
}

#[tokio::test]
async fn a_binary_frame_is_refused() {
    let server = start(Config::default()).await;
    let mut client = server.open().await;
    client.write(Message::binary(connect().to_string())).await;
    let (code, reason) = client.closed().await;
    assert_eq!((code, &*reason), (4490, "BINARY-FRAME: messages are JSON in text frames"));
}

#[tokio::test]
async fn text_that_is_not_utf_8_is_1007() {
    let server = start(Config::default()).await;
    let mut client = server.open().await;
    let frame = Frame::message(vec![b'{', 0xff, b'}'], OpCode::Data(Data::Text), true);
    client.write(Message::Frame(frame)).await;
    assert_eq!(client.closed().await.0, 1007);
}

/// A message of exactly `bytes`, which is a fine `connect`.
fn padded(bytes: usize) -> String {
    let mut message = connect();
    message["environment"] = "".into();
    let bare = message.to_string().len();
    message["environment"] = "a".repeat(bytes - bare).into();
    message.to_string()
}

#[tokio::test]
async fn a_message_of_256_kib_is_read_and_a_larger_one_is_1009() {
    let server = start(Config::default()).await;
    let mut client = server.open().await;
    client.write(Message::text(padded(256 * 1024))).await;
    assert_eq!(client.next().await["type"], "offer");
    for bytes in [256 * 1024 + 1, 400 * 1024] {
        let mut client = server.open().await;
        client.write(Message::text(padded(bytes))).await;
        assert_eq!(client.closed().await, (1009, "MESSAGE-TOO-BIG".to_owned()));
    }
}

#[tokio::test]
async fn endless_fragments_are_1009() {
    let server = start(Config::default()).await;
    let mut client = server.open().await;
    let mut kind = Data::Text;
    for _ in 0..5 {
        let frame = Frame::message(vec![b'a'; 60 * 1024], OpCode::Data(kind), false);
        client.socket.feed(Message::Frame(frame)).await.expect("the server reads");
        kind = Data::Continue;
    }
    let _ = client.socket.flush().await;
    assert_eq!(client.closed().await.0, 1009);
}

#[tokio::test]
async fn what_does_not_fit_the_outgoing_buffer_ends_the_connection() {
    let server = start_with(|limits| limits.outgoing_bytes = 100).await;
    let mut client = server.open().await;
    client.send(connect()).await;
    client.cut_off().await;
    let server = start_with(|limits| limits.outgoing_bytes = 64 * 1024).await;
    server.join().await;
}
