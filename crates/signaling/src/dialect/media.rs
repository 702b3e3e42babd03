//! The `audio` and `video` members of a `connect`.

use serde_json::{Map, Value};
use tsubame_sfu::{AudioSettings, VideoCodec, VideoSettings};

use super::field;
use crate::close::Refusal;

/// What the generations call the same things, and what they default to.
pub(super) struct Vocabulary {
    pub(super) codec_type: &'static str,
    pub(super) bit_rate: &'static str,
    pub(super) default_video: VideoCodec,
}

/// Audio bit rates that Opus has (RFC 6716 §1), in kbit/s.
const AUDIO_BIT_RATES: std::ops::RangeInclusive<u32> = 6..=510;
/// Video bit rates that can be asked for, in kbit/s.
const VIDEO_BIT_RATES: std::ops::RangeInclusive<u32> = 1..=50_000;

/// What `true`, `false`, an object or nothing says about one kind of media.
enum Wanted<'m> {
    No,
    Default,
    As(&'m Map<String, Value>),
}

fn wanted<'m>(message: &'m Map<String, Value>, field: &'static str) -> Result<Wanted<'m>, Refusal> {
    match message.get(field) {
        Some(Value::Bool(false)) => Ok(Wanted::No),
        None | Some(Value::Null | Value::Bool(true)) => Ok(Wanted::Default),
        Some(Value::Object(settings)) => Ok(Wanted::As(settings)),
        Some(_) => Err(Refusal::InvalidField { field, expected: "true, false or an object" }),
    }
}

pub(super) fn audio(
    message: &Map<String, Value>,
    vocabulary: &Vocabulary,
) -> Result<Option<AudioSettings>, Refusal> {
    let settings = match wanted(message, "audio")? {
        Wanted::No => return Ok(None),
        Wanted::Default => return Ok(Some(AudioSettings::default())),
        Wanted::As(settings) => settings,
    };
    if field::optional_string(settings, vocabulary.codec_type)?.is_some_and(|codec| codec != "OPUS")
    {
        return Err(Refusal::InvalidField { field: "audio codec", expected: "OPUS" });
    }
    Ok(Some(AudioSettings {
        bit_rate_kbps: field::optional_integer(
            settings,
            vocabulary.bit_rate,
            AUDIO_BIT_RATES,
            "6 to 510 kbit/s for audio",
        )?,
        opus_parameters: match field::optional_object(settings, "opus_params")? {
            Some(parameters) => opus_parameters(parameters)?,
            None => Vec::new(),
        },
    }))
}

/// RFC 7587 §6.1. `channels` is not among them: Opus is always announced with two.
fn opus_parameters(parameters: &Map<String, Value>) -> Result<Vec<(String, String)>, Refusal> {
    const INTEGERS: [&str; 3] = ["maxplaybackrate", "minptime", "ptime"];
    const FLAGS: [(&str, &str); 4] = [
        ("stereo", "stereo"),
        ("sprop_stereo", "sprop-stereo"),
        ("useinbandfec", "useinbandfec"),
        ("usedtx", "usedtx"),
    ];
    let mut found = Vec::new();
    for name in INTEGERS {
        let value = field::optional_integer(parameters, name, 1..=48_000, "1 to 48000")?;
        found.extend(value.map(|value| (name.to_owned(), value.to_string())));
    }
    for (field, name) in FLAGS {
        match parameters.get(field) {
            None | Some(Value::Null) => {}
            Some(Value::Bool(flag)) => {
                found.push((name.to_owned(), u8::from(*flag).to_string()));
            }
            Some(_) => return Err(Refusal::InvalidField { field, expected: "true or false" }),
        }
    }
    Ok(found)
}

pub(super) fn video(
    message: &Map<String, Value>,
    vocabulary: &Vocabulary,
) -> Result<Option<VideoSettings>, Refusal> {
    let default = VideoSettings {
        codec: vocabulary.default_video,
        bit_rate_kbps: None,
        h264_profile_level_id: None,
    };
    let settings = match wanted(message, "video")? {
        Wanted::No => return Ok(None),
        Wanted::Default => return Ok(Some(default)),
        Wanted::As(settings) => settings,
    };
    let codec = match field::optional_string(settings, vocabulary.codec_type)?.as_deref() {
        None => default.codec,
        Some("VP8") => VideoCodec::Vp8,
        Some("VP9") => VideoCodec::Vp9,
        Some("AV1") => VideoCodec::Av1,
        Some("H264") => VideoCodec::H264,
        Some("H265") => VideoCodec::H265,
        Some(_) => {
            return Err(Refusal::InvalidField {
                field: "video codec",
                expected: "VP8, VP9, AV1, H264 or H265",
            });
        }
    };
    if let Some(parameters) = field::optional_object(settings, "vp9_params")? {
        // One payload-type table serves everybody: it has profile 0.
        field::optional_integer(parameters, "profile_id", 0..=0, "0")?;
    }
    if let Some(parameters) = field::optional_object(settings, "av1_params")? {
        field::optional_integer(parameters, "profile", 0..=0, "0")?;
    }
    Ok(Some(VideoSettings {
        codec,
        bit_rate_kbps: field::optional_integer(
            settings,
            vocabulary.bit_rate,
            VIDEO_BIT_RATES,
            "1 to 50000 kbit/s for video",
        )?,
        h264_profile_level_id: match field::optional_object(settings, "h264_params")? {
            Some(parameters) => h264_profile_level_id(parameters)?,
            None => None,
        },
    }))
}

/// RFC 6184 §8.1: three octets in hexadecimal.
fn h264_profile_level_id(parameters: &Map<String, Value>) -> Result<Option<String>, Refusal> {
    let field = "profile_level_id";
    match field::optional_string(parameters, field)? {
        Some(id) if id.len() != 6 || !id.bytes().all(|octet| octet.is_ascii_hexdigit()) => {
            Err(Refusal::InvalidField { field, expected: "six hexadecimal digits" })
        }
        id => Ok(id.map(|id| id.to_ascii_lowercase())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TODAY: Vocabulary = Vocabulary {
        codec_type: "codec_type",
        bit_rate: "bit_rate",
        default_video: VideoCodec::Vp9,
    };

    fn object(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(object) => object,
            _ => panic!("an object"),
        }
    }

    #[test]
    fn media_is_on_unless_switched_off() {
        for on in [json!({}), json!({"audio": true, "video": true}), json!({"audio": null})] {
            assert_eq!(audio(&object(on.clone()), &TODAY), Ok(Some(AudioSettings::default())));
            assert_eq!(
                video(&object(on), &TODAY),
                Ok(Some(VideoSettings {
                    codec: VideoCodec::Vp9,
                    bit_rate_kbps: None,
                    h264_profile_level_id: None
                }))
            );
        }
        let off = object(json!({"audio": false, "video": false}));
        assert_eq!(audio(&off, &TODAY), Ok(None));
        assert_eq!(video(&off, &TODAY), Ok(None));
    }

    #[test]
    fn all_settings_arrive() {
        let message = object(json!({
            "audio": {"codec_type": "OPUS", "bit_rate": 64, "opus_params": {
                "channels": 2, "maxplaybackrate": 48000, "minptime": 10, "ptime": 20,
                "stereo": true, "sprop_stereo": false, "useinbandfec": true, "usedtx": false}},
            "video": {"codec_type": "H264", "bit_rate": 2500,
                "h264_params": {"profile_level_id": "64001F", "b_frame": false}},
        }));
        let audio = audio(&message, &TODAY).expect("accepted").expect("on");
        assert_eq!(audio.bit_rate_kbps, Some(64));
        let parameters: Vec<_> =
            audio.opus_parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(
            parameters.join(";"),
            "maxplaybackrate=48000;minptime=10;ptime=20;stereo=1;sprop-stereo=0;useinbandfec=1;usedtx=0"
        );
        assert_eq!(
            video(&message, &TODAY),
            Ok(Some(VideoSettings {
                codec: VideoCodec::H264,
                bit_rate_kbps: Some(2500),
                h264_profile_level_id: Some("64001f".into()),
            }))
        );
    }

    #[test]
    fn every_codec_has_its_name() {
        for (name, codec) in [
            ("VP8", VideoCodec::Vp8),
            ("VP9", VideoCodec::Vp9),
            ("AV1", VideoCodec::Av1),
            ("H264", VideoCodec::H264),
            ("H265", VideoCodec::H265),
        ] {
            let message = object(json!({"video": {"codec_type": name}}));
            assert_eq!(video(&message, &TODAY).expect(name).expect("on").codec, codec);
        }
    }

    #[test]
    fn wrong_settings_are_named() {
        for (video_member, reason) in [
            (json!("VP8"), "video must be true, false or an object"),
            (json!({"codec_type": "vp8"}), "video codec must be VP8, VP9, AV1, H264 or H265"),
            (json!({"codec_type": 8}), "codec_type must be a string"),
            (json!({"bit_rate": 0}), "bit_rate must be 1 to 50000 kbit/s for video"),
            (json!({"bit_rate": 50_001}), "bit_rate must be 1 to 50000 kbit/s for video"),
            (json!({"bit_rate": 1.5}), "bit_rate must be 1 to 50000 kbit/s for video"),
            (json!({"vp9_params": {"profile_id": 2}}), "profile_id must be 0"),
            (json!({"av1_params": {"profile": 1}}), "profile must be 0"),
            (json!({"h264_params": []}), "h264_params must be an object"),
            (
                json!({"h264_params": {"profile_level_id": "42e0"}}),
                "profile_level_id must be six hexadecimal digits",
            ),
            (
                json!({"h264_params": {"profile_level_id": "42e01\r"}}),
                "profile_level_id must be six hexadecimal digits",
            ),
        ] {
            let refusal = video(&object(json!({"video": video_member})), &TODAY).expect_err(reason);
            assert_eq!(refusal.to_string(), format!("INVALID-MESSAGE: {reason}"));
        }
        for (audio_member, reason) in [
            (json!(1), "audio must be true, false or an object"),
            (json!({"codec_type": "PCMU"}), "audio codec must be OPUS"),
            (json!({"bit_rate": 5}), "bit_rate must be 6 to 510 kbit/s for audio"),
            (json!({"bit_rate": 511}), "bit_rate must be 6 to 510 kbit/s for audio"),
            (json!({"opus_params": {"stereo": 1}}), "stereo must be true or false"),
            (json!({"opus_params": {"ptime": "20"}}), "ptime must be 1 to 48000"),
        ] {
            let refusal = audio(&object(json!({"audio": audio_member})), &TODAY).expect_err(reason);
            assert_eq!(refusal.to_string(), format!("INVALID-MESSAGE: {reason}"));
        }
    }
}
