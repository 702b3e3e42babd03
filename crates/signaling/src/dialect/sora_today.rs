//! Today's generation: `sendonly`, `recvonly`, `sendrecv`; snake_case; the access token inside `metadata`.

use serde_json::{Map, Value, json};
use tsubame_sfu::{MediaKind, Role, VideoCodec};

use super::media::{self, Vocabulary};
use super::{Generation, Offer, field};
use crate::close::Refusal;
use crate::limits::Limits;
use crate::notify::{Notice, Profile, Subject};
use crate::request::Connect;

const VOCABULARY: Vocabulary =
    Vocabulary { codec_type: "codec_type", bit_rate: "bit_rate", default_video: VideoCodec::Vp9 };

pub(super) fn connect(message: &Map<String, Value>, limits: &Limits) -> Result<Connect, Refusal> {
    Ok(Connect {
        generation: Generation::Today,
        role: match field::required_string(message, "role")? {
            "sendonly" => Role::SendOnly,
            "recvonly" => Role::RecvOnly,
            "sendrecv" => Role::SendRecv,
            unknown => return Err(Refusal::UnknownRole(field::excerpt(unknown))),
        },
        channel: field::required_id(message, "channel_id")?,
        client_id: field::optional_id(message, "client_id")?,
        bundle_id: field::optional_id(message, "bundle_id")?,
        access_token: access_token(message)?,
        notify_metadata: notify_metadata(message, limits)?,
        audio: media::audio(message, &VOCABULARY)?,
        video: media::video(message, &VOCABULARY)?,
    })
}

/// `metadata` may be anything; where it is an object with `access_token`, that is a string.
fn access_token(message: &Map<String, Value>) -> Result<Option<String>, Refusal> {
    match message.get("metadata") {
        Some(Value::Object(metadata)) => field::optional_string(metadata, "access_token"),
        _ => Ok(None),
    }
}

fn notify_metadata(
    message: &Map<String, Value>,
    limits: &Limits,
) -> Result<Option<Value>, Refusal> {
    match message.get("signaling_notify_metadata") {
        None | Some(Value::Null) => Ok(None),
        Some(value) if value.to_string().len() <= limits.notify_metadata_bytes => {
            Ok(Some(value.clone()))
        }
        Some(_) => Err(Refusal::InvalidField {
            field: "signaling_notify_metadata",
            expected: "at most 16 KiB of JSON",
        }),
    }
}

pub(super) fn offer(offer: &Offer) -> Value {
    let mut mid = Map::new();
    if let Some(audio) = &offer.mids.audio {
        mid.insert("audio".into(), json!(audio));
    }
    if let Some(video) = &offer.mids.video {
        mid.insert("video".into(), json!(video));
    }
    json!({
        "type": "offer",
        "sdp": offer.sdp,
        "connection_id": offer.connection_id,
        "client_id": offer.client_id,
        "bundle_id": offer.bundle_id,
        "session_id": offer.session_id,
        "channel_id": offer.channel,
        "version": env!("CARGO_PKG_VERSION"),
        // Our candidates stand in the SDP and are reachable: no STUN or TURN server is needed.
        "config": { "iceServers": [] },
        "mid": mid,
        "simulcast": false,
        "spotlight": false,
    })
}

pub(super) fn notify(notice: &Notice<'_>) -> Value {
    match &notice.subject {
        Subject::Connection { profile, minutes, counts, others } => {
            let mut message = json!({
                "type": "notify",
                "event_type": notice.event_type,
                "timestamp": notice.timestamp,
                "role": role_name(profile.role),
                "session_id": notice.session_id,
                "client_id": profile.client_id,
                "bundle_id": profile.bundle_id,
                "connection_id": profile.connection_id.as_str(),
                "audio": profile.audio,
                "video": profile.video,
                "minutes": minutes,
                "channel_connections": counts.connections(),
                "channel_sendrecv_connections": counts.sendrecv,
                "channel_sendonly_connections": counts.sendonly,
                "channel_recvonly_connections": counts.recvonly,
                "turn_transport_type": "udp",
            });
            if let Some(metadata) = &profile.notify_metadata {
                message["metadata"] = metadata.clone();
            }
            if let Some(others) = others {
                message["data"] = others.iter().map(|other| entry(other)).collect();
            }
            message
        }
        Subject::Track { publisher, kind } => json!({
            "type": "notify",
            "event_type": notice.event_type,
            "timestamp": notice.timestamp,
            "session_id": notice.session_id,
            "connection_id": publisher.as_str(),
            "kind": kind_name(*kind),
        }),
    }
}

/// One of those who were there already.
fn entry(profile: &Profile) -> Value {
    let mut entry = json!({
        "client_id": profile.client_id,
        "bundle_id": profile.bundle_id,
        "connection_id": profile.connection_id.as_str(),
    });
    if let Some(metadata) = &profile.notify_metadata {
        entry["metadata"] = metadata.clone();
    }
    entry
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::SendOnly => "sendonly",
        Role::RecvOnly => "recvonly",
        Role::SendRecv => "sendrecv",
    }
}

pub(super) fn kind_name(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Audio => "audio",
        MediaKind::Video => "video",
    }
}

#[cfg(test)]
mod tests {
    use tsubame_sfu::{AudioSettings, Mids};

    use super::*;
    use crate::dialect::Reply;
    use crate::request::Request;

    fn parse(text: &str) -> Result<Connect, Refusal> {
        match super::super::parse(text, &Limits::default())? {
            Request::Connect(connect) => Ok(*connect),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_real_connect_of_the_javascript_sdk() {
        let connect = parse(
            r##"{"audio":{"codec_type":"OPUS"},"channel_id":"ch1","environment":"Mozilla/5.0","role":"recvonly","sdp":"v=0\r\n",
                "sora_client":"Sora JavaScript SDK 2026.1.0","type":"connect","video":{"codec_type":"VP8","bit_rate":500},
                "metadata":null,"client_id":"cli","data_channel_signaling":true,"ignore_disconnect_websocket":true,
                "data_channels":[{"label":"#test","direction":"sendrecv"}]}"##,
        )
        .expect("accepted");
        assert_eq!(connect.generation, Generation::Today);
        assert_eq!(connect.role, Role::RecvOnly);
        assert_eq!(connect.channel, "ch1");
        assert_eq!(connect.client_id.as_deref(), Some("cli"));
        assert_eq!(connect.access_token, None);
        assert_eq!(connect.audio, Some(AudioSettings::default()));
        let video = connect.video.expect("on");
        assert_eq!((video.codec, video.bit_rate_kbps), (VideoCodec::Vp8, Some(500)));
    }

    #[test]
    fn a_real_connect_of_the_python_sdk() {
        let connect = parse(
            r#"{"type":"connect","role":"sendrecv","channel_id":"ch1","sora_client":"Sora Python SDK 2025.4.0",
                "libwebrtc":"Shiguredo-Build","environment":"[x86_64] Debian","video":true,"audio":true}"#,
        )
        .expect("accepted");
        assert_eq!(connect.role, Role::SendRecv);
        assert_eq!(connect.video.expect("on").codec, VideoCodec::Vp9);
    }

    #[test]
    fn the_access_token_is_in_the_metadata_and_in_no_debug_output() {
        let connect = parse(
            r#"{"type":"connect","role":"sendonly","channel_id":"a","metadata":{"access_token":"secret"}}"#,
        )
        .expect("accepted");
        assert_eq!(connect.access_token.as_deref(), Some("secret"));
        assert!(!format!("{connect:?}").contains("secret"));
        let refusal = parse(
            r#"{"type":"connect","role":"sendonly","channel_id":"a","metadata":{"access_token":1}}"#,
        );
        assert!(refusal.is_err());
    }

    #[test]
    fn ids_have_1_to_255_bytes() {
        let with = |field: &str, id: String| {
            let mut message = json!({"type": "connect", "role": "sendonly", "channel_id": "a"});
            message[field] = id.into();
            parse(&message.to_string())
        };
        for field in ["channel_id", "client_id", "bundle_id"] {
            assert!(with(field, "a".repeat(255)).is_ok(), "{field}");
            // Bytes, not characters.
            assert!(with(field, "\u{e9}".repeat(127)).is_ok(), "{field}");
            for wrong in [String::new(), "a".repeat(256), "\u{e9}".repeat(128)] {
                let refusal = with(field, wrong).expect_err(field);
                assert_eq!(
                    refusal.to_string(),
                    format!("INVALID-MESSAGE: {field} must be 1 to 255 bytes")
                );
            }
        }
        let missing = parse(r#"{"type":"connect","role":"sendonly"}"#).expect_err("no channel");
        assert_eq!(missing.to_string(), "INVALID-MESSAGE: channel_id must be a string");
    }

    #[test]
    fn notify_metadata_is_limited() {
        let with = |bytes: usize| {
            let metadata = "a".repeat(bytes - 2);
            parse(
                &json!({"type": "connect", "role": "sendonly", "channel_id": "a",
                    "signaling_notify_metadata": metadata})
                .to_string(),
            )
        };
        let limit = Limits::default().notify_metadata_bytes;
        assert!(with(limit).is_ok());
        assert!(with(limit + 1).is_err());
    }

    #[test]
    fn the_offer_has_what_the_sdks_need() {
        let offer = Offer {
            sdp: "v=0".into(),
            connection_id: "C".into(),
            client_id: "D".into(),
            bundle_id: "E".into(),
            session_id: "F".into(),
            channel: "G".into(),
            mids: Mids { audio: Some("0".into()), video: None },
        };
        let text = Generation::Today.write(&Reply::Offer(&offer));
        let message: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(
            message,
            json!({
                "type": "offer", "sdp": "v=0", "connection_id": "C", "client_id": "D",
                "bundle_id": "E", "session_id": "F", "channel_id": "G",
                "version": env!("CARGO_PKG_VERSION"), "config": {"iceServers": []},
                "mid": {"audio": "0"}, "simulcast": false, "spotlight": false,
            })
        );
    }
}
