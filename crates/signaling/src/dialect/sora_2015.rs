//! The generation of 2015: `upstream`, `downstream`; camelCase; client ids are UUIDs in braces.
//!
//! It had no `notify`; a client of this generation gets today's notifications in its own casing and may ignore them.

use serde_json::{Map, Value, json};
use tsubame_sfu::{Role, VideoCodec};

use super::media::{self, Vocabulary};
use super::sora_today::kind_name;
use super::{Generation, Offer, field};
use crate::close::Refusal;
use crate::notify::{Notice, Profile, Subject};
use crate::request::Connect;

const VOCABULARY: Vocabulary =
    Vocabulary { codec_type: "codecType", bit_rate: "bitRate", default_video: VideoCodec::Vp8 };

pub(super) fn connect(message: &Map<String, Value>) -> Result<Connect, Refusal> {
    Ok(Connect {
        generation: Generation::Sora2015,
        role: match field::required_string(message, "role")? {
            "upstream" => Role::SendOnly,
            "downstream" => Role::RecvOnly,
            unknown => return Err(Refusal::UnknownRole(field::excerpt(unknown))),
        },
        channel: field::required_id(message, "channelId")?,
        client_id: None,
        bundle_id: None,
        access_token: field::optional_string(message, "accessToken")?,
        notify_metadata: None,
        audio: media::audio(message, &VOCABULARY)?,
        video: media::video(message, &VOCABULARY)?,
    })
}

pub(super) fn offer(offer: &Offer) -> Value {
    json!({ "type": "offer", "sdp": offer.sdp, "clientId": offer.client_id })
}

pub(super) fn notify(notice: &Notice<'_>) -> Value {
    match &notice.subject {
        Subject::Connection { profile, minutes, counts, others } => {
            let mut message = json!({
                "type": "notify",
                "eventType": notice.event_type,
                "timestamp": notice.timestamp,
                "role": role_name(profile.role),
                "sessionId": notice.session_id,
                "clientId": client_id(profile),
                "connectionId": profile.connection_id.as_str(),
                "audio": profile.audio,
                "video": profile.video,
                "minutes": minutes,
                "channelConnections": counts.connections(),
                "channelSendrecvConnections": counts.sendrecv,
                "channelUpstreamConnections": counts.sendonly,
                "channelDownstreamConnections": counts.recvonly,
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
            "eventType": notice.event_type,
            "timestamp": notice.timestamp,
            "sessionId": notice.session_id,
            "clientId": publisher.to_braced_uuid(),
            "connectionId": publisher.as_str(),
            "kind": kind_name(*kind),
        }),
    }
}

fn entry(profile: &Profile) -> Value {
    let mut entry = json!({
        "clientId": client_id(profile),
        "connectionId": profile.connection_id.as_str(),
    });
    if let Some(metadata) = &profile.notify_metadata {
        entry["metadata"] = metadata.clone();
    }
    entry
}

/// In 2015 a client id names one connection: an application's own, repeatable, name would not do.
fn client_id(profile: &Profile) -> String {
    profile.connection_id.to_braced_uuid()
}

/// A client of today's generation may be `sendrecv`, which 2015 had no name for.
pub(crate) fn role_name(role: Role) -> &'static str {
    match role {
        Role::SendOnly => "upstream",
        Role::RecvOnly => "downstream",
        Role::SendRecv => "sendrecv",
    }
}

#[cfg(test)]
mod tests {
    use tsubame_sfu::{AudioSettings, Mids, VideoSettings};

    use super::*;
    use crate::dialect::Reply;
    use crate::limits::Limits;
    use crate::request::Request;

    #[test]
    fn a_connect_of_2015() {
        let text =
            r#"{"type":"connect","role":"upstream","channelId":"spam","accessToken":"token"}"#;
        let Ok(Request::Connect(connect)) = super::super::parse(text, &Limits::default()) else {
            panic!("refused");
        };
        assert_eq!(
            *connect,
            Connect {
                generation: Generation::Sora2015,
                role: Role::SendOnly,
                channel: "spam".into(),
                client_id: None,
                bundle_id: None,
                access_token: Some("token".into()),
                notify_metadata: None,
                audio: Some(AudioSettings::default()),
                video: Some(VideoSettings {
                    codec: VideoCodec::Vp8,
                    bit_rate_kbps: None,
                    h264_profile_level_id: None
                }),
            }
        );
    }

    #[test]
    fn settings_are_in_camel_case() {
        let text = r#"{"type":"connect","role":"downstream","channelId":"spam","audio":false,
            "video":{"codecType":"H264","bitRate":300}}"#;
        let Ok(Request::Connect(connect)) = super::super::parse(text, &Limits::default()) else {
            panic!("refused");
        };
        assert_eq!(connect.role, Role::RecvOnly);
        assert_eq!(connect.audio, None);
        let video = connect.video.expect("on");
        assert_eq!((video.codec, video.bit_rate_kbps), (VideoCodec::H264, Some(300)));
    }

    #[test]
    fn a_channel_name_has_1_to_255_bytes() {
        let with = |channel: String| {
            let text =
                json!({"type": "connect", "role": "upstream", "channelId": channel}).to_string();
            super::super::parse(&text, &Limits::default())
        };
        assert!(with("a".repeat(255)).is_ok());
        for wrong in [String::new(), "a".repeat(256)] {
            let refusal = with(wrong).expect_err("too long or empty");
            assert_eq!(refusal.to_string(), "INVALID-MESSAGE: channelId must be 1 to 255 bytes");
        }
    }

    #[test]
    fn the_offer_has_three_members() {
        let offer = Offer {
            sdp: "v=0".into(),
            connection_id: "C".into(),
            client_id: "{2996e293-7b4c-400b-b94b-1785c10af024}".into(),
            bundle_id: "C".into(),
            session_id: "F".into(),
            channel: "spam".into(),
            mids: Mids::default(),
        };
        assert_eq!(
            Generation::Sora2015.write(&Reply::Offer(&offer)),
            r#"{"clientId":"{2996e293-7b4c-400b-b94b-1785c10af024}","sdp":"v=0","type":"offer"}"#
        );
    }
}
