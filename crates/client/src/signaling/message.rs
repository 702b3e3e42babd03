//! The messages, in the words of each generation.

use serde_json::{Map, Value, json};
use tsubame_rtp::Codec;

use crate::config::{ClientConfig, Generation, Role};

/// What the server may say.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ServerMessage {
    /// The first offer.
    Offer {
        sdp: String,
        connection_id: Option<String>,
        message: Value,
    },
    /// A later one; `update` is its old name, and the name of its answer.
    ReOffer {
        sdp: String,
        update: bool,
    },
    Ping {
        stats: bool,
    },
    Notify(Value),
    Push(Value),
    Redirect {
        location: String,
    },
    /// Anything else: ignored, as the SDKs do.
    Other,
}

impl ServerMessage {
    /// `None` if it is not a JSON object with a type, or lacks what its type has.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let message: Value = serde_json::from_str(text).ok()?;
        let string = |key: &str| message[key].as_str().map(str::to_owned);
        Some(match message["type"].as_str()? {
            "offer" => {
                let connection_id = string("connection_id").or_else(|| string("clientId"));
                Self::Offer { sdp: string("sdp")?, connection_id, message }
            }
            "re-offer" => Self::ReOffer { sdp: string("sdp")?, update: false },
            "update" => Self::ReOffer { sdp: string("sdp")?, update: true },
            "ping" => Self::Ping { stats: message["stats"].as_bool().unwrap_or(false) },
            "notify" => Self::Notify(message),
            "push" => Self::Push(message),
            "redirect" => Self::Redirect { location: string("location")? },
            _ => Self::Other,
        })
    }
}

/// The first message.
pub(crate) fn connect(config: &ClientConfig, redirected: bool) -> Value {
    let mut message = match config.generation {
        Generation::Sora2015 => connect_2015(config),
        Generation::Today => connect_today(config, redirected),
    };
    for (key, value) in &config.extra {
        message.insert(key.clone(), value.clone());
    }
    Value::Object(message)
}

fn connect_2015(config: &ClientConfig) -> Map<String, Value> {
    let role = if config.role.sends() { "upstream" } else { "downstream" };
    let mut message = Map::new();
    message.insert("type".into(), "connect".into());
    message.insert("role".into(), role.into());
    message.insert("channelId".into(), config.channel.as_str().into());
    if let Some(token) = &config.access_token {
        message.insert("accessToken".into(), token.as_str().into());
    }
    message
}

fn connect_today(config: &ClientConfig, redirected: bool) -> Map<String, Value> {
    let role = match config.role {
        Role::SendOnly => "sendonly",
        Role::RecvOnly => "recvonly",
        Role::SendRecv => "sendrecv",
    };
    let mut message = Map::new();
    message.insert("type".into(), "connect".into());
    message.insert("role".into(), role.into());
    message.insert("channel_id".into(), config.channel.as_str().into());
    message
        .insert("sora_client".into(), concat!("tsubame-client ", env!("CARGO_PKG_VERSION")).into());
    message.insert("environment".into(), std::env::consts::OS.into());
    message.insert("audio".into(), config.audio.into());
    message.insert("video".into(), video(config));
    if let Some(id) = &config.client_id {
        message.insert("client_id".into(), id.as_str().into());
    }
    if let Some(metadata) = &config.metadata {
        message.insert("metadata".into(), metadata.clone());
    } else if let Some(token) = &config.access_token {
        message.insert("metadata".into(), json!({ "access_token": token }));
    }
    if redirected {
        message.insert("redirect".into(), true.into());
    }
    message
}

fn video(config: &ClientConfig) -> Value {
    let Some(codec) = config.video else { return Value::Bool(false) };
    let codec_type = match codec {
        Codec::Opus => return Value::Bool(false),
        Codec::Vp8 | Codec::Vp9 | Codec::H264 | Codec::H265 | Codec::Av1 => codec.name(),
    };
    // In kbit/s.
    json!({ "codec_type": codec_type, "bit_rate": (config.video_bitrate / 1000).max(1) })
}

pub(crate) fn answer(sdp: &str) -> Value {
    json!({ "type": "answer", "sdp": sdp })
}

/// `update` answers `update`.
pub(crate) fn re_answer(sdp: &str, update: bool) -> Value {
    json!({ "type": if update { "update" } else { "re-answer" }, "sdp": sdp })
}

/// One of this side's candidates, `candidate:...`.
pub(crate) fn candidate(candidate: &str) -> Value {
    json!({ "type": "candidate", "candidate": candidate })
}

pub(crate) fn pong(stats: bool) -> Value {
    if stats { json!({ "type": "pong", "stats": [] }) } else { json!({ "type": "pong" }) }
}

pub(crate) fn disconnect() -> Value {
    json!({ "type": "disconnect", "reason": "NO-ERROR" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(role: Role) -> ClientConfig {
        ClientConfig::new("ws://127.0.0.1/signaling", "spam", role)
    }

    #[test]
    fn connect_of_2015() {
        let mut config = config(Role::SendOnly);
        config.generation = Generation::Sora2015;
        config.access_token = Some(String::from("token"));
        let expected = json!({
            "type": "connect", "role": "upstream", "channelId": "spam", "accessToken": "token",
        });
        assert_eq!(connect(&config, false), expected);
        config.role = Role::RecvOnly;
        config.access_token = None;
        let expected = json!({ "type": "connect", "role": "downstream", "channelId": "spam" });
        assert_eq!(connect(&config, false), expected);
    }

    #[test]
    fn connect_of_today() {
        let mut config = config(Role::SendRecv);
        config.access_token = Some(String::from("token"));
        config.client_id = Some(String::from("me"));
        config.extra.insert(String::from("simulcast"), Value::Bool(false));
        let message = connect(&config, true);
        for (key, value) in [
            ("type", json!("connect")),
            ("role", json!("sendrecv")),
            ("channel_id", json!("spam")),
            ("client_id", json!("me")),
            ("audio", json!(true)),
            ("video", json!({ "codec_type": "VP8", "bit_rate": 500 })),
            ("metadata", json!({ "access_token": "token" })),
            ("redirect", json!(true)),
            ("simulcast", json!(false)),
        ] {
            assert_eq!(message[key], value, "{key}");
        }
        config.metadata = Some(json!({ "own": 1 }));
        config.video = None;
        let message = connect(&config, false);
        assert_eq!(message["metadata"], json!({ "own": 1 }));
        assert_eq!(message["video"], json!(false));
        assert_eq!(message.get("redirect"), None);
    }

    #[test]
    fn server_messages_of_both_generations() {
        let parse = |value: Value| ServerMessage::parse(&value.to_string());
        let today =
            json!({ "type": "offer", "sdp": "v=0", "connection_id": "C", "client_id": "c" });
        let Some(ServerMessage::Offer { sdp, connection_id, message }) = parse(today.clone())
        else {
            panic!("an offer");
        };
        assert_eq!((sdp.as_str(), connection_id.as_deref()), ("v=0", Some("C")));
        assert_eq!(message, today);
        let of_2015 = json!({ "type": "offer", "sdp": "v=0", "clientId": "{2996}" });
        let Some(ServerMessage::Offer { connection_id, .. }) = parse(of_2015) else {
            panic!("an offer");
        };
        assert_eq!(connection_id.as_deref(), Some("{2996}"));
        let re_offer = ServerMessage::ReOffer { sdp: "s".into(), update: false };
        assert_eq!(parse(json!({ "type": "re-offer", "sdp": "s" })), Some(re_offer));
        let update = ServerMessage::ReOffer { sdp: "s".into(), update: true };
        assert_eq!(parse(json!({ "type": "update", "sdp": "s" })), Some(update));
        assert_eq!(parse(json!({ "type": "ping" })), Some(ServerMessage::Ping { stats: false }));
        let ping = json!({ "type": "ping", "stats": true });
        assert_eq!(parse(ping), Some(ServerMessage::Ping { stats: true }));
        assert_eq!(parse(json!({ "type": "switched" })), Some(ServerMessage::Other));
        for wrong in [json!([]), json!({}), json!({ "type": 1 }), json!({ "type": "offer" })] {
            assert_eq!(parse(wrong), None);
        }
        assert_eq!(ServerMessage::parse("not json"), None);
    }
}
