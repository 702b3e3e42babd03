//! The client as a whole, against a signaling server and a media session made here, on loopback.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use support::{Offer, Session, identity};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::Notify;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tsubame_client::{Client, ClientConfig, ClientError, ClientEvent, Close, Codec};
use tsubame_client::{Generation, MediaKind, Role};

/// One accepted WebSocket.
struct Signaling(WebSocketStream<TcpStream>);

impl Signaling {
    async fn accept(listener: &TcpListener) -> Self {
        let (stream, _) = listener.accept().await.unwrap();
        Self(tokio_tungstenite::accept_async(stream).await.unwrap())
    }

    async fn send(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    async fn receive(&mut self) -> Value {
        loop {
            if let Message::Text(text) = self.0.next().await.unwrap().unwrap() {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    async fn close(&mut self, code: u16, reason: &'static str) {
        let frame = CloseFrame { code: code.into(), reason: reason.into() };
        self.0.close(Some(frame)).await.unwrap();
        while let Some(Ok(_)) = self.0.next().await {}
    }
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/signaling", listener.local_addr().unwrap());
    (listener, url)
}

fn config(url: &str, role: Role) -> ClientConfig {
    let mut config = ClientConfig::new(url, "spam", role);
    config.identity = Some(identity());
    config
}

#[expect(clippy::disallowed_methods, reason = "a test over real sockets needs the real time")]
fn now() -> Instant {
    Instant::now()
}

/// Runs the media session of a server until `packets` RTP packets were decrypted, tells, and goes on
/// until the peer closes DTLS.
async fn serve(mut session: Session, socket: UdpSocket, packets: usize, enough: Arc<Notify>) {
    let mut datagram = [0; 2000];
    while !session.closed {
        while let Some((remote, bytes)) = session.poll_transmit() {
            socket.send_to(&bytes, remote).await.unwrap();
        }
        if session.rtp.len() >= packets {
            enough.notify_one();
        }
        let due = session.poll_timeout().unwrap_or(now() + Duration::from_secs(60));
        tokio::select! {
            received = socket.recv_from(&mut datagram) => {
                let (len, from) = received.unwrap();
                session.handle_datagram(now(), from, &mut datagram[..len]);
            }
            () = tokio::time::sleep_until(due.into()) => session.handle_timeout(now()),
        }
    }
}

async fn session() -> (Session, UdpSocket) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address: SocketAddr = socket.local_addr().unwrap();
    (Session::new(now(), address, 1, false), socket)
}

#[tokio::test]
async fn a_publisher_from_connect_to_disconnect() {
    for generation in [Generation::Today, Generation::Sora2015] {
        let (listener, url) = listen().await;
        let server = tokio::spawn(async move {
            let mut signaling = Signaling::accept(&listener).await;
            let connect = signaling.receive().await;
            let (mut session, socket) = session().await;
            let sdp = Offer::publish(&session);
            signaling.send(json!({ "type": "ping" })).await;
            assert_eq!(signaling.receive().await, json!({ "type": "pong" }));
            let id = if generation == Generation::Today { "connection_id" } else { "clientId" };
            signaling.send(json!({ "type": "offer", "sdp": sdp, id: "ME" })).await;
            let answer = signaling.receive().await;
            assert_eq!(answer["type"], "answer");
            session.handle_answer(now(), answer["sdp"].as_str().unwrap());
            let candidate = signaling.receive().await;
            assert_eq!(candidate["type"], "candidate");
            let candidate = candidate["candidate"].as_str().unwrap();
            assert!(candidate.starts_with("candidate:") && candidate.contains("127.0.0.1"));
            let enough = Arc::new(Notify::new());
            let media = tokio::spawn(serve(session, socket, 60, Arc::clone(&enough)));
            enough.notified().await;
            signaling.send(json!({ "type": "ping", "stats": true })).await;
            assert_eq!(signaling.receive().await, json!({ "type": "pong", "stats": [] }));
            signaling.send(json!({ "type": "notify", "event_type": "connection.created" })).await;
            signaling.send(json!({ "type": "push", "data": { "spam": "egg" } })).await;
            assert_eq!(signaling.receive().await, json!({ "type": "custom" }));
            let disconnect = signaling.receive().await;
            assert_eq!(disconnect, json!({ "type": "disconnect", "reason": "NO-ERROR" }));
            signaling.close(1000, "TYPE-DISCONNECT").await;
            // It ends with the close_notify of the client.
            media.await.unwrap();
            connect
        });
        let mut config = config(&url, Role::SendOnly);
        config.generation = generation;
        let mut client = Client::connect(config).await.unwrap();
        assert_eq!(client.connection_id().await.as_deref(), Some("ME"));
        let mut events = Vec::new();
        while !matches!(events.last(), Some(ClientEvent::Push(_))) {
            events.push(client.next_event().await.unwrap());
        }
        assert!(matches!(events[0], ClientEvent::Offer(_)), "{events:?}");
        assert!(matches!(events[1], ClientEvent::Connected(_)), "{events:?}");
        assert!(matches!(events[2], ClientEvent::Notify(_)), "{events:?}");
        client.send_signaling(r#"{"type":"custom"}"#).await.unwrap();
        let close = client.disconnect().await;
        let expected = Close { code: 1000, reason: String::from("TYPE-DISCONNECT") };
        assert_eq!(close, expected);
        let connect = server.await.unwrap();
        let (channel, role) = match generation {
            Generation::Today => ("channel_id", "sendonly"),
            Generation::Sora2015 => ("channelId", "upstream"),
        };
        assert_eq!(
            (connect[channel].as_str(), connect["role"].as_str()),
            (Some("spam"), Some(role))
        );
        // What there was to know stays known.
        let (stats, seen) = (client.stats().await, client.signaling().await);
        assert!(stats.sent(MediaKind::Video).unwrap().packets > 20);
        assert!(stats.sent(MediaKind::Audio).unwrap().packets > 5);
        assert_eq!((seen.pings, &seen.close), (1, &Some(expected)));
        assert_eq!((seen.offers.len(), seen.answers.len(), seen.pushes.len()), (1, 1, 1));
        assert_eq!(seen.notified("connection.created").count(), 1);
        assert!(
            client.next_event().await.is_some_and(|e| matches!(e, ClientEvent::SignalingClosed(_)))
        );
        assert_eq!(client.next_event().await, None);
    }
}

#[tokio::test]
async fn a_refusal_is_told_with_its_code() {
    let (listener, url) = listen().await;
    let server = tokio::spawn(async move {
        let mut signaling = Signaling::accept(&listener).await;
        signaling.receive().await;
        signaling.close(4490, "AUTH-FAILED").await;
    });
    let Err(ClientError::Refused(close)) = Client::connect(config(&url, Role::RecvOnly)).await
    else {
        panic!("refused");
    };
    assert_eq!(close, Close { code: 4490, reason: String::from("AUTH-FAILED") });
    server.await.unwrap();
}

#[tokio::test]
async fn redirects_are_followed_three_times() {
    let (listener, url) = listen().await;
    let location = url.clone();
    let server = tokio::spawn(async move {
        let mut redirected = Vec::new();
        for _ in 0..4 {
            let mut signaling = Signaling::accept(&listener).await;
            redirected.push(signaling.receive().await["redirect"].clone());
            signaling.send(json!({ "type": "redirect", "location": location })).await;
            while let Some(Ok(_)) = signaling.0.next().await {}
        }
        redirected
    });
    let error = Client::connect(config(&url, Role::RecvOnly)).await.unwrap_err();
    assert!(matches!(error, ClientError::TooManyRedirects), "{error}");
    assert_eq!(server.await.unwrap(), [json!(null), json!(true), json!(true), json!(true)]);
}

#[tokio::test]
async fn an_offer_without_sense_is_an_error() {
    for offer in [
        json!({ "type": "offer", "sdp": "nonsense" }),
        json!({ "type": "offer" }),
        json!({ "type": "re-offer", "sdp": "v=0" }),
    ] {
        let (listener, url) = listen().await;
        let server = tokio::spawn(async move {
            let mut signaling = Signaling::accept(&listener).await;
            signaling.receive().await;
            signaling.send(offer).await;
        });
        let error = Client::connect(config(&url, Role::RecvOnly)).await.unwrap_err();
        let expected = matches!(error, ClientError::Peer(_) | ClientError::UnexpectedMessage(_));
        assert!(expected, "{error}");
        server.await.unwrap();
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_times_out() {
    let (listener, url) = listen().await;
    let mut config = config(&url, Role::RecvOnly);
    config.timeout = Duration::from_millis(50);
    let timeout = config.timeout;
    let error = Client::connect(config).await.unwrap_err();
    assert!(matches!(error, ClientError::Timeout(after) if after == timeout), "{error}");
    drop(listener);
}

#[tokio::test]
async fn what_cannot_work_is_refused_before_anything_is_opened() {
    let url = "ws://127.0.0.1:1/signaling";
    let mut both = config(url, Role::SendRecv);
    both.generation = Generation::Sora2015;
    let error = Client::connect(both).await.unwrap_err();
    assert!(matches!(error, ClientError::RoleNotInGeneration), "{error}");
    let mut h265 = config(url, Role::SendOnly);
    h265.video = Some(Codec::H265);
    let error = Client::connect(h265).await.unwrap_err();
    assert!(matches!(error, ClientError::CannotPublish(Codec::H265)), "{error}");
    let mut wildcard = config(url, Role::SendOnly);
    wildcard.bind = "0.0.0.0".parse().unwrap();
    let error = Client::connect(wildcard).await.unwrap_err();
    assert!(matches!(error, ClientError::Io(_)), "{error}");
    for url in ["http://127.0.0.1/", "nonsense", "ws:///path"] {
        let error = Client::connect(config(url, Role::RecvOnly)).await.unwrap_err();
        assert!(matches!(error, ClientError::Url(_)), "{url}: {error}");
    }
}
