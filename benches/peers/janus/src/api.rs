//! Janus's API over its WebSocket: one session, and handles of the videoroom plugin in it.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

const PLUGIN: &str = "janus.plugin.videoroom";

/// A session, which ends with its WebSocket. It asks one thing at a time.
pub(crate) struct Session {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    id: u64,
    transactions: u64,
}

/// A PeerConnection at the plugin.
#[derive(Clone, Copy)]
pub(crate) struct Handle(u64);

/// What the plugin answered.
pub(crate) struct Answer {
    pub(crate) data: Value,
    /// The session description that came with it.
    pub(crate) sdp: Option<String>,
}

impl Session {
    pub(crate) async fn open(url: &str) -> Result<Self, String> {
        let cannot = |error: &dyn std::fmt::Display| format!("{url} cannot be reached: {error}");
        let mut request = url.into_client_request().map_err(|error| cannot(&error))?;
        let protocol = "janus-protocol".parse().map_err(|error| cannot(&error))?;
        request.headers_mut().insert("Sec-WebSocket-Protocol", protocol);
        let connected = tokio_tungstenite::connect_async(request).await;
        let (socket, _) = connected.map_err(|error| cannot(&error))?;
        let mut session = Self { socket, id: 0, transactions: 0 };
        let created = session.request(json!({"janus": "create"})).await?;
        session.id = id(&created)?;
        Ok(session)
    }

    pub(crate) async fn attach(&mut self) -> Result<Handle, String> {
        let request = json!({"janus": "attach", "session_id": self.id, "plugin": PLUGIN});
        Ok(Handle(id(&self.request(request).await?)?))
    }

    /// Asks the plugin; with a session description (`offer` or `answer`) or without.
    pub(crate) async fn ask(
        &mut self,
        handle: Handle,
        body: Value,
        jsep: Option<(&str, &str)>,
    ) -> Result<Answer, String> {
        let mut request = json!({
            "janus": "message", "session_id": self.id, "handle_id": handle.0, "body": body,
        });
        if let Some((kind, sdp)) = jsep {
            request["jsep"] = json!({"type": kind, "sdp": sdp});
        }
        let mut event = self.request(request).await?;
        let data = event["plugindata"]["data"].take();
        if let Some(error) = data["error"].as_str() {
            return Err(format!("the videoroom refuses: {error}"));
        }
        Ok(Answer { data, sdp: event["jsep"]["sdp"].as_str().map(str::to_owned) })
    }

    /// Tells of the only candidate there is.
    pub(crate) async fn trickle(&mut self, handle: Handle, candidate: &str) -> Result<(), String> {
        let candidate = json!({"candidate": candidate, "sdpMid": "0", "sdpMLineIndex": 0});
        for candidate in [candidate, json!({"completed": true})] {
            self.send(json!({
                "janus": "trickle", "session_id": self.id, "handle_id": handle.0, "candidate": candidate,
            }))
            .await?;
        }
        Ok(())
    }

    /// Waits until Janus says that a PeerConnection is up, which it does after its plugin knows.
    pub(crate) async fn up(&mut self, handle: Handle) -> Result<(), String> {
        loop {
            let message = self.receive().await?;
            if message["sender"] != handle.0 {
                continue;
            }
            match message["janus"].as_str() {
                Some("webrtcup") => return Ok(()),
                Some("hangup") => return Err(format!("Janus hung up: {}", message["reason"])),
                _ => {}
            }
        }
    }

    /// Sends a request and waits for what answers it: not an `ack`, which only says that an answer will follow.
    async fn request(&mut self, request: Value) -> Result<Value, String> {
        let transaction = self.send(request).await?;
        loop {
            let message = self.receive().await?;
            if message["transaction"] != transaction.as_str() {
                continue;
            }
            match message["janus"].as_str() {
                Some("ack") => {}
                Some("error") => return Err(format!("Janus refuses: {}", message["error"])),
                _ => return Ok(message),
            }
        }
    }

    async fn receive(&mut self) -> Result<Value, String> {
        loop {
            let message = self.socket.next().await.ok_or("Janus closed the WebSocket")?;
            let message = message.map_err(|error| format!("the WebSocket broke: {error}"))?;
            if let Message::Text(text) = message {
                let parsed = serde_json::from_str(&text);
                return parsed.map_err(|error| format!("Janus wrote no JSON: {error}"));
            }
        }
    }

    /// The transaction's name.
    async fn send(&mut self, mut request: Value) -> Result<String, String> {
        self.transactions += 1;
        let transaction = self.transactions.to_string();
        request["transaction"] = json!(transaction);
        let sent = self.socket.send(Message::text(request.to_string())).await;
        sent.map_err(|error| format!("the WebSocket broke: {error}"))?;
        Ok(transaction)
    }
}

fn id(answer: &Value) -> Result<u64, String> {
    answer["data"]["id"].as_u64().ok_or_else(|| format!("Janus names no id: {answer}"))
}
