//! A real server on loopback, and clients that say what they like.

#![allow(dead_code, reason = "every test file uses its own part of this")]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error, Message};
use tsubame_signaling::{Addresses, Config, Limits, Listeners, Server};

pub(crate) const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Signaling over an SFU, both on free ports.
pub(crate) struct Running {
    pub(crate) addresses: Addresses,
    pub(crate) signaling: Server,
    pub(crate) sfu: tsubame_sfu::Server,
}

pub(crate) async fn start(config: Config) -> Running {
    let any = SocketAddr::new(LOOPBACK, 0);
    let tls_listen = config.tls.is_some().then_some(any);
    let listeners = Listeners::bind(Addresses { listen: any, tls_listen, api_listen: any })
        .await
        .expect("loopback can be bound");
    let sfu = tsubame_sfu::Server::start(tsubame_sfu::Config {
        udp: vec![any],
        candidates: tsubame_sfu::Candidates::Explicit(vec![LOOPBACK]),
        ..tsubame_sfu::Config::default()
    })
    .expect("the SFU starts");
    let addresses = listeners.addresses();
    let signaling = Server::start(listeners, config, sfu.handle());
    Running { addresses, signaling, sfu }
}

pub(crate) async fn start_with(change: impl FnOnce(&mut Limits)) -> Running {
    let mut config = Config::default();
    change(&mut config.limits);
    start(config).await
}

impl Running {
    pub(crate) async fn tcp(&self) -> TcpStream {
        TcpStream::connect(self.addresses.listen).await.expect("the server listens")
    }

    pub(crate) async fn open(&self) -> Client {
        let url = format!("ws://{}/signaling", self.addresses.listen);
        let (socket, _) = tokio_tungstenite::client_async(url, self.tcp().await)
            .await
            .expect("the upgrade is answered");
        Client { socket }
    }

    /// A client that was let in.
    pub(crate) async fn join(&self) -> Client {
        let mut client = self.open().await;
        client.send(connect()).await;
        assert_eq!(in_real_time(client.next()).await["type"], "offer");
        client
    }
}

/// Awaits what the SFU's threads are needed for. A paused clock would take the wait for idleness and jump ahead; a blocking task holds it.
pub(crate) async fn in_real_time<T>(future: impl Future<Output = T>) -> T {
    let (release, held) = std::sync::mpsc::channel::<()>();
    let holder = tokio::task::spawn_blocking(move || {
        // An error is the sign to go: it is never sent to.
        let _ = held.recv();
    });
    let result = future.await;
    drop(release);
    holder.await.expect("it only waits");
    result
}

pub(crate) fn connect() -> Value {
    json!({"type": "connect", "role": "sendrecv", "channel_id": "test"})
}

/// What a client was told at the end.
pub(crate) type Closed = (u16, String);

pub(crate) struct Client<S = TcpStream> {
    pub(crate) socket: WebSocketStream<S>,
}

impl<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin> Client<S> {
    pub(crate) async fn send(&mut self, message: Value) {
        self.write(Message::text(message.to_string())).await;
    }

    pub(crate) async fn write(&mut self, message: Message) {
        self.socket.send(message).await.expect("the server reads");
    }

    /// The next message. Panics where the connection ends.
    pub(crate) async fn next(&mut self) -> Value {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => {
                    return serde_json::from_str(&text).expect("messages are JSON");
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("no message but {other:?}"),
            }
        }
    }

    /// The close frame that comes next but for pings.
    pub(crate) async fn closed(&mut self) -> Closed {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Close(Some(frame)))) => {
                    return (frame.code.into(), frame.reason.to_string());
                }
                Some(Ok(Message::Text(text))) => {
                    let message: Value = serde_json::from_str(&text).expect("messages are JSON");
                    assert!(message["type"] == "ping" || message["type"] == "offer", "{message}");
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("no close frame but {other:?}"),
            }
        }
    }

    /// The connection ends without a word.
    pub(crate) async fn cut_off(&mut self) {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Close(frame))) => panic!("a close frame: {frame:?}"),
                Some(Ok(_)) => {}
                None | Some(Err(Error::Io(_) | Error::Protocol(_))) => return,
                other => panic!("{other:?}"),
            }
        }
    }
}

/// Sends `request` and reads until the server ends the connection.
pub(crate) async fn raw(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.expect("the server listens");
    stream.write_all(request).await.expect("the server reads");
    let mut response = Vec::new();
    let _ = stream.read_to_end(&mut response).await;
    String::from_utf8_lossy(&response).into_owned()
}

/// One request on its own connection.
pub(crate) async fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &str,
) -> String {
    let text = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: 0\r\n{headers}\r\n"
    );
    raw(address, text.as_bytes()).await
}
