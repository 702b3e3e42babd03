//! The two generations of the protocol: text to [`Request`], [`Reply`] to text. Nothing is decided here.
//!
//! They differ in `connect`, in the names of roles and in casing; `answer`, `candidate`, `re-answer`, `pong` and `disconnect` are the same.

mod field;
mod media;
mod sora_2015;
mod sora_today;

use serde_json::{Map, Value, json};
use tsubame_sfu::Mids;

pub(crate) use sora_2015::role_name as role_name_of_2015;

use crate::close::Refusal;
use crate::json;
use crate::limits::Limits;
use crate::notify::Notice;
use crate::request::Request;

/// Which generation a client speaks. Its `connect` says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Generation {
    /// `upstream`/`downstream`, camelCase.
    Sora2015,
    /// `sendonly`/`recvonly`/`sendrecv`, snake_case.
    Today,
}

/// What a client that was let in is sent first.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    pub(crate) sdp: String,
    pub(crate) connection_id: String,
    pub(crate) client_id: String,
    pub(crate) bundle_id: String,
    pub(crate) session_id: String,
    pub(crate) channel: String,
    pub(crate) mids: Mids,
}

/// A message to a client.
pub(crate) enum Reply<'a> {
    Offer(&'a Offer),
    ReOffer { sdp: String },
    Ping,
    Notify(&'a Notice<'a>),
}

impl Generation {
    /// The reply as it goes over the wire.
    pub(crate) fn write(self, reply: &Reply<'_>) -> String {
        let value = match reply {
            Reply::Offer(offer) => match self {
                Self::Sora2015 => sora_2015::offer(offer),
                Self::Today => sora_today::offer(offer),
            },
            Reply::ReOffer { sdp } => json!({ "type": "re-offer", "sdp": sdp }),
            Reply::Ping => json!({ "type": "ping" }),
            Reply::Notify(notice) => match self {
                Self::Sora2015 => sora_2015::notify(notice),
                Self::Today => sora_today::notify(notice),
            },
        };
        value.to_string()
    }
}

/// Reads one message. Which moment it fits is the session's business.
pub(crate) fn parse(text: &str, limits: &Limits) -> Result<Request, Refusal> {
    let message = json::parse_object(text, limits.json_depth)?;
    let Some(Value::String(kind)) = message.get("type") else {
        return Err(Refusal::MissingType);
    };
    Ok(match kind.as_str() {
        "connect" => Request::Connect(Box::new(connect(&message, limits)?)),
        "answer" => Request::Answer(sdp(&message, limits)?),
        // `update` is the older name of the re-offer pair, in both directions.
        "re-answer" | "update" => Request::ReAnswer(sdp(&message, limits)?),
        "candidate" => Request::Candidate(candidate(&message)?),
        "pong" => Request::Pong,
        "disconnect" => Request::Disconnect,
        unknown => return Err(Refusal::UnknownType(field::excerpt(unknown))),
    })
}

fn connect(
    message: &Map<String, Value>,
    limits: &Limits,
) -> Result<crate::request::Connect, Refusal> {
    match generation_of(message)? {
        Generation::Sora2015 => sora_2015::connect(message),
        Generation::Today => sora_today::connect(message, limits),
    }
}

/// A `connect` belongs to one generation: by the name of its channel member, and by its role.
fn generation_of(message: &Map<String, Value>) -> Result<Generation, Refusal> {
    let role = field::required_string(message, "role")?;
    let (generation, role_name) = match role {
        "upstream" => (Generation::Sora2015, "role upstream"),
        "downstream" => (Generation::Sora2015, "role downstream"),
        "sendonly" => (Generation::Today, "role sendonly"),
        "recvonly" => (Generation::Today, "role recvonly"),
        "sendrecv" => (Generation::Today, "role sendrecv"),
        unknown => return Err(Refusal::UnknownRole(field::excerpt(unknown))),
    };
    let foreign: &[&'static str] = match generation {
        Generation::Sora2015 => &["channel_id", "client_id", "metadata"],
        Generation::Today => &["channelId", "clientId", "accessToken"],
    };
    match foreign.iter().find(|name| message.contains_key(**name)) {
        Some(other) => Err(Refusal::MixedGenerations { one: role_name, other }),
        None => Ok(generation),
    }
}

fn sdp(message: &Map<String, Value>, limits: &Limits) -> Result<String, Refusal> {
    let sdp = field::required_string(message, "sdp")?;
    if sdp.len() > limits.sdp_bytes {
        return Err(Refusal::SdpTooBig(limits.sdp_bytes));
    }
    Ok(sdp.to_owned())
}

/// A browser's last candidate is an empty string, `null`, or has no `candidate` at all.
fn candidate(message: &Map<String, Value>) -> Result<String, Refusal> {
    match message.get("candidate") {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(candidate)) => Ok(candidate.clone()),
        Some(_) => Err(Refusal::InvalidField { field: "candidate", expected: "a string" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Request, Refusal> {
        super::parse(text, &Limits::default())
    }

    fn refused(text: &str) -> String {
        parse(text).expect_err(text).to_string()
    }

    #[test]
    fn both_generations_share_all_messages_but_connect() {
        assert_eq!(parse(r#"{"type":"answer","sdp":"v=0"}"#), Ok(Request::Answer("v=0".into())));
        for name in ["re-answer", "update"] {
            let text = json!({ "type": name, "sdp": "v=0" }).to_string();
            assert_eq!(parse(&text), Ok(Request::ReAnswer("v=0".into())));
        }
        assert_eq!(parse(r#"{"type":"pong","stats":[{"id":1}]}"#), Ok(Request::Pong));
        assert_eq!(parse(r#"{"type":"disconnect","reason":"NO-ERROR"}"#), Ok(Request::Disconnect));
    }

    #[test]
    fn a_candidate_may_be_the_last_one_in_three_ways() {
        let some = r#"{"type":"candidate","candidate":"candidate:1 1 udp 1 192.0.2.1 9 typ host","sdpMid":"0","sdpMLineIndex":0}"#;
        assert_eq!(
            parse(some),
            Ok(Request::Candidate("candidate:1 1 udp 1 192.0.2.1 9 typ host".into()))
        );
        for last in [
            r#"{"type":"candidate","candidate":""}"#,
            r#"{"type":"candidate","candidate":null}"#,
            r#"{"type":"candidate"}"#,
        ] {
            assert_eq!(parse(last), Ok(Request::Candidate(String::new())));
        }
        assert_eq!(
            refused(r#"{"type":"candidate","candidate":1}"#),
            "INVALID-MESSAGE: candidate must be a string"
        );
    }

    #[test]
    fn messages_without_a_known_type_are_refused() {
        assert_eq!(refused("{}"), "INVALID-MESSAGE: a message is an object with a string type");
        assert_eq!(
            refused(r#"{"type":1}"#),
            "INVALID-MESSAGE: a message is an object with a string type"
        );
        assert_eq!(refused(r#"{"type":"dance"}"#), "UNKNOWN-TYPE: \"dance\"");
    }

    #[test]
    fn generations_do_not_mix() {
        assert_eq!(
            refused(r#"{"type":"connect","role":"upstream","channel_id":"a"}"#),
            "MIXED-GENERATIONS: role upstream does not go with channel_id"
        );
        assert_eq!(
            refused(r#"{"type":"connect","role":"sendrecv","channelId":"a"}"#),
            "MIXED-GENERATIONS: role sendrecv does not go with channelId"
        );
        assert_eq!(
            refused(r#"{"type":"connect","role":"recvonly","channel_id":"a","accessToken":"b"}"#),
            "MIXED-GENERATIONS: role recvonly does not go with accessToken"
        );
        assert!(
            refused(r#"{"type":"connect","role":"both","channel_id":"a"}"#)
                .starts_with("UNKNOWN-ROLE: \"both\"")
        );
        assert_eq!(
            refused(r#"{"type":"connect","channel_id":"a"}"#),
            "INVALID-MESSAGE: role must be a string"
        );
    }

    #[test]
    fn a_session_description_has_a_size_limit() {
        let limit = Limits::default().sdp_bytes;
        let fits = json!({ "type": "answer", "sdp": "a".repeat(limit) }).to_string();
        assert!(parse(&fits).is_ok());
        let over = json!({ "type": "answer", "sdp": "a".repeat(limit + 1) }).to_string();
        assert_eq!(refused(&over), "SDP-TOO-BIG: at most 131072 bytes");
        assert_eq!(refused(r#"{"type":"answer"}"#), "INVALID-MESSAGE: sdp must be a string");
    }
}
