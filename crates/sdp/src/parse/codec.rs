//! Payload types: `a=rtpmap`, `a=fmtp`, `a=rtcp-fb`, which may come in any order.

use webrtc_sdp::attribute_type::SdpAttribute;

use super::line::{Line, raw_attribute};
use crate::{Codec, MAX_FEEDBACK, MAX_FEEDBACK_LENGTH, Media, ParseError};

/// What a section has said about payload types so far.
#[derive(Default)]
pub(super) struct Codecs<'a> {
    codecs: Vec<Codec>,
    parameters: Vec<Parameters<'a>>,
    feedback: Vec<Feedback<'a>>,
}

struct Parameters<'a> {
    payload_type: u8,
    /// The line after `a=`.
    raw: &'a str,
    /// What follows the payload type.
    rest: &'a str,
}

struct Feedback<'a> {
    line: usize,
    /// `None` stands for `*`, all of the section.
    payload_type: Option<u8>,
    raw: &'a str,
    rest: &'a str,
}

impl<'a> Codecs<'a> {
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
    pub(super) fn fmtp(
        &mut self,
        line: &Line<'a>,
        value: Option<&'a str>,
    ) -> Result<(), ParseError> {
        let (first, rest) = split(value);
        let payload_type = line.number(Some(first), "a=fmtp:<payload type> <parameters>")?;
        self.parameters.push(Parameters { payload_type, raw: line.value, rest });
        Ok(())
    }

    /// Not through webrtc-sdp, which refuses feedback it does not know.
    pub(super) fn feedback(
        &mut self,
        line: &Line<'a>,
        value: Option<&'a str>,
    ) -> Result<(), ParseError> {
        const EXPECTED: &str = "a=rtcp-fb:<payload type or *> <feedback>";
        let (first, rest) = split(value);
        let payload_type = match first {
            "*" => None,
            first => Some(line.number(Some(first), EXPECTED)?),
        };
        if rest.len() > MAX_FEEDBACK_LENGTH {
            return Err(line.unexpected("feedback of at most 64 bytes"));
        }
        self.feedback.push(Feedback { line: line.number, payload_type, raw: line.value, rest });
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

        for Parameters { payload_type, raw, rest } in self.parameters {
            match self.codecs.iter_mut().find(|codec| codec.payload_type == payload_type) {
                Some(codec) => codec.parameters.extend(parameters(rest)),
                None => media.attributes.push(raw_attribute(raw)),
            }
        }
        for Feedback { line, payload_type, raw, rest } in self.feedback {
            let mut known = false;
            for codec in &mut self.codecs {
                if payload_type.is_none_or(|payload_type| payload_type == codec.payload_type) {
                    if codec.feedback.len() == MAX_FEEDBACK {
                        let what = "kinds of feedback for a payload type";
                        return Err(ParseError::TooMany { line, what, limit: MAX_FEEDBACK });
                    }
                    codec.feedback.push(rest.to_owned());
                    known = true;
                }
            }
            if !known {
                media.attributes.push(raw_attribute(raw));
            }
        }
        media.codecs = self.codecs;
        Ok(())
    }
}

/// The payload type, and what follows it.
fn split(value: Option<&str>) -> (&str, &str) {
    let value = value.unwrap_or_default();
    let (first, rest) = value.split_once([' ', '\t']).unwrap_or((value, ""));
    (first, rest.trim_ascii())
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
