//! Payload types: `a=rtpmap`, `a=fmtp`, `a=rtcp-fb`, which may come in any order.

use webrtc_sdp::attribute_type::SdpAttribute;

use super::line::Line;
use crate::{Attribute, Codec, MAX_FEEDBACK, MAX_FEEDBACK_LENGTH, Media, ParseError};

/// What a section has said about payload types so far.
#[derive(Default)]
pub(super) struct Codecs {
    codecs: Vec<Codec>,
    parameters: Vec<Parameters>,
    feedback: Vec<Feedback>,
}

struct Parameters {
    payload_type: u8,
    raw: Attribute,
}

struct Feedback {
    line: usize,
    /// `None` stands for `*`, all of the section.
    payload_type: Option<u8>,
    raw: Attribute,
}

impl Codecs {
    pub(super) fn rtpmap(&mut self, line: &Line<'_>) -> Result<(), ParseError> {
        const EXPECTED: &str = "a=rtpmap:<payload type> <name>/<clock rate>[/<channels>]";
        let Some(SdpAttribute::Rtpmap(map)) = line.read_attribute(EXPECTED)? else {
            return Err(line.unexpected(EXPECTED));
        };
        if self.codecs.iter().any(|codec| codec.payload_type == map.payload_type) {
            return Err(line.unexpected("one a=rtpmap per payload type"));
        }
        let channels = map.channels.map(u8::try_from).transpose();
        let channels = channels.map_err(|_| line.unexpected("at most 255 channels"))?;
        if map.codec_name.is_empty() {
            return Err(line.unexpected(EXPECTED));
        }
        self.codecs.push(Codec::new(map.payload_type, &map.codec_name, map.frequency, channels));
        Ok(())
    }

    /// Not through webrtc-sdp, which keeps only the parameters it knows and refuses some values.
    pub(super) fn fmtp(&mut self, line: &Line<'_>, value: Option<&str>) -> Result<(), ParseError> {
        let payload_type = first_word(value).parse();
        let payload_type =
            payload_type.map_err(|_| line.unexpected("a=fmtp:<payload type> <parameters>"))?;
        self.parameters.push(Parameters { payload_type, raw: line.raw_attribute() });
        Ok(())
    }

    /// Not through webrtc-sdp, which refuses feedback it does not know.
    pub(super) fn feedback(
        &mut self,
        line: &Line<'_>,
        value: Option<&str>,
    ) -> Result<(), ParseError> {
        let payload_type = match first_word(value) {
            "*" => None,
            word => Some(
                word.parse()
                    .map_err(|_| line.unexpected("a=rtcp-fb:<payload type or *> <feedback>"))?,
            ),
        };
        if rest(&line.raw_attribute()).len() > MAX_FEEDBACK_LENGTH {
            return Err(line.unexpected("feedback of at most 64 bytes"));
        }
        self.feedback.push(Feedback { line: line.number, payload_type, raw: line.raw_attribute() });
        Ok(())
    }

    /// Brings it together in the order of the section's formats. What belongs to a payload type
    /// without `a=rtpmap` stays an attribute.
    pub(super) fn finish(mut self, media: &mut Media) -> Result<(), ParseError> {
        let mut order = [usize::MAX; 256];
        for (index, format) in media.formats.iter().enumerate() {
            let place = format.parse::<u8>().ok().and_then(|pt| order.get_mut(usize::from(pt)));
            if let Some(place) = place {
                *place = index.min(*place);
            }
        }
        self.codecs.sort_by_key(|codec| order.get(usize::from(codec.payload_type)).copied());

        for Parameters { payload_type, raw } in self.parameters {
            match self.codecs.iter_mut().find(|codec| codec.payload_type == payload_type) {
                Some(codec) => codec.parameters.extend(parameters(rest(&raw))),
                None => media.attributes.push(raw),
            }
        }
        for Feedback { line, payload_type, raw } in self.feedback {
            let mut known = false;
            for codec in &mut self.codecs {
                if payload_type.is_none_or(|payload_type| payload_type == codec.payload_type) {
                    if codec.feedback.len() == MAX_FEEDBACK {
                        let what = "kinds of feedback for a payload type";
                        return Err(ParseError::TooMany { line, what, limit: MAX_FEEDBACK });
                    }
                    codec.feedback.push(rest(&raw).to_owned());
                    known = true;
                }
            }
            if !known {
                media.attributes.push(raw);
            }
        }
        media.codecs = self.codecs;
        Ok(())
    }
}

fn first_word(value: Option<&str>) -> &str {
    value.and_then(|value| value.split_ascii_whitespace().next()).unwrap_or_default()
}

/// What follows the payload type.
fn rest(raw: &Attribute) -> &str {
    let value = raw.value.as_deref().unwrap_or_default().trim_ascii();
    value.split_once([' ', '\t']).map_or("", |(_, rest)| rest.trim_ascii())
}

fn parameters(text: &str) -> impl Iterator<Item = (String, Option<String>)> {
    text.split(';').map(str::trim_ascii).filter(|parameter| !parameter.is_empty()).map(
        |parameter| match parameter.split_once('=') {
            Some((name, value)) => {
                (name.trim_ascii().to_owned(), Some(value.trim_ascii().to_owned()))
            }
            None => (parameter.to_owned(), None),
        },
    )
}
