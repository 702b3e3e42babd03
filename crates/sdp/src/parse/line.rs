//! One line, and the attributes that may stand on both levels.

use std::borrow::Cow;
use std::str::FromStr;

use webrtc_sdp::attribute_type::{SdpAttribute, SdpAttributeDirection};
use webrtc_sdp::error::SdpParserError;
use webrtc_sdp::{SdpBandwidth, SdpType};

use crate::{
    Attribute, Bandwidth, BandwidthKind, Direction, ExtMap, FingerprintLine, Group, MAX_LINES,
    OtherLine, ParseError,
};

/// `<kind>=<value>`
pub(crate) struct Line<'a> {
    pub(crate) number: usize,
    pub(crate) text: &'a str,
    pub(crate) kind: char,
    pub(crate) value: &'a str,
    /// Of an attribute: its name in lower case, and what stands after the colon, without the space around.
    name: Cow<'a, str>,
    argument: Option<&'a str>,
}

/// The lines of a text, counted from 1. LF alone ends a line too; empty lines are passed over.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = Result<Line<'_>, ParseError>> {
    text.split('\n')
        .map(|line| line.strip_suffix('\r').unwrap_or(line))
        .zip(1..)
        .filter(|(text, _)| !text.trim_ascii().is_empty())
        .map(|(text, number)| match number {
            _ if number > MAX_LINES => {
                Err(ParseError::TooMany { line: number, what: "lines", limit: MAX_LINES })
            }
            _ => Line::split(number, text),
        })
}

/// Digits only: Rust would take a sign.
pub(crate) fn number<T: FromStr>(text: Option<&str>) -> Option<T> {
    text.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()
}

/// RFC 3550 §5.1: seven bits.
pub(crate) fn payload_type(text: &str) -> Option<u8> {
    number(Some(text)).filter(|payload_type| *payload_type <= 127)
}

/// An attribute as it stands after `a=`.
pub(crate) fn raw_attribute(text: &str) -> Attribute {
    let (name, value) = match text.split_once(':') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (text, None),
    };
    Attribute { name: name.to_owned(), value }
}

/// webrtc-sdp takes names of attributes in any case, and so do we; nearly all of them are written in lower case.
fn lower_case(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

impl<'a> Line<'a> {
    fn split(number: usize, text: &'a str) -> Result<Self, ParseError> {
        const EXPECTED: &str = "<letter>=<value>";
        let unexpected = || ParseError::unexpected(number, text, EXPECTED);
        if text.bytes().any(|byte| matches!(byte, b'\r' | 0)) {
            return Err(ParseError::unexpected(number, text, "no CR or NUL inside a line"));
        }
        let (kind, value) = text.split_once('=').ok_or_else(unexpected)?;
        let mut letters = kind.chars();
        match (letters.next(), letters.next()) {
            (Some(kind), None) if kind.is_ascii_lowercase() => {
                let (name, argument) = match value.split_once(':') {
                    Some((name, argument)) => (name, Some(argument.trim_ascii())),
                    None => (value, None),
                };
                let name = lower_case(name.trim_ascii());
                Ok(Self { number, text, kind, value, name, argument })
            }
            _ => Err(unexpected()),
        }
    }

    pub(crate) fn unexpected(&self, expected: &'static str) -> ParseError {
        ParseError::unexpected(self.number, self.text, expected)
    }

    pub(crate) fn too_many(&self, what: &'static str, limit: usize) -> ParseError {
        ParseError::TooMany { line: self.number, what, limit }
    }

    /// What webrtc-sdp makes of the line; `None` when it is something it does not know.
    pub(crate) fn read(&self, expected: &'static str) -> Result<Option<SdpType>, ParseError> {
        self.read_text(self.text, expected)
    }

    /// The same of a text that says the line in another way.
    pub(crate) fn read_text(
        &self,
        text: &str,
        expected: &'static str,
    ) -> Result<Option<SdpType>, ParseError> {
        match webrtc_sdp::parse_sdp_line(text, self.number) {
            Ok(line) => Ok(Some(line.sdp_type)),
            Err(SdpParserError::Unsupported { .. }) => Ok(None),
            Err(_) => Err(self.unexpected(expected)),
        }
    }

    pub(crate) fn read_attribute(
        &self,
        expected: &'static str,
    ) -> Result<Option<SdpAttribute>, ParseError> {
        Ok(match self.read(expected)? {
            Some(SdpType::Attribute(attribute)) => Some(attribute),
            _ => None,
        })
    }

    /// Name in lower case, and value of an `a=` line.
    pub(crate) fn attribute(&self) -> (&str, Option<&'a str>) {
        (&self.name, self.argument)
    }

    pub(crate) fn is_attribute(&self, name: &str) -> bool {
        self.kind == 'a' && self.name == name
    }

    /// The attribute as it stands.
    pub(crate) fn raw_attribute(&self) -> Attribute {
        raw_attribute(self.value)
    }

    /// A line that is kept as it stands.
    pub(crate) fn other(&self) -> OtherLine {
        OtherLine { kind: self.kind, value: self.value.to_owned() }
    }

    /// An attribute without a value.
    pub(crate) fn flag(&self) -> Result<bool, ParseError> {
        match self.attribute().1 {
            None | Some("") => Ok(true),
            Some(_) => Err(self.unexpected("this attribute without a value")),
        }
    }

    /// The value as a number.
    pub(crate) fn number<T: FromStr>(
        &self,
        value: Option<&str>,
        expected: &'static str,
    ) -> Result<T, ParseError> {
        number(value).ok_or_else(|| self.unexpected(expected))
    }

    pub(crate) fn non_empty(&self, value: Option<&str>) -> Result<String, ParseError> {
        match value {
            Some(value) if !value.is_empty() => Ok(value.to_owned()),
            _ => Err(self.unexpected("a value")),
        }
    }

    /// The value as one token.
    pub(crate) fn required(&self, value: Option<&str>) -> Result<String, ParseError> {
        match value {
            Some(value) if !value.is_empty() && !value.contains(char::is_whitespace) => {
                Ok(value.to_owned())
            }
            _ => Err(self.unexpected("a value without spaces")),
        }
    }

    pub(crate) fn words(&self, value: Option<&str>) -> Vec<String> {
        value.unwrap_or_default().split_ascii_whitespace().map(str::to_owned).collect()
    }

    /// Two different values of what may be said once would be an invitation to confusion.
    pub(crate) fn set_once<T>(&self, place: &mut Option<T>, value: T) -> Result<(), ParseError> {
        match place {
            Some(_) => Err(self.unexpected("this line once per level")),
            None => {
                *place = Some(value);
                Ok(())
            }
        }
    }

    pub(crate) fn bandwidth(&self) -> Result<Bandwidth, ParseError> {
        const EXPECTED: &str = "b=<type>:<number>";
        let Some(SdpType::Bandwidth(bandwidth)) = self.read(EXPECTED)? else {
            return Err(self.unexpected(EXPECTED));
        };
        let (kind, value) = match bandwidth {
            SdpBandwidth::As(value) => (BandwidthKind::ApplicationSpecific, value),
            SdpBandwidth::Ct(value) => (BandwidthKind::ConferenceTotal, value),
            SdpBandwidth::Tias(value) => (BandwidthKind::TransportIndependent, value),
            SdpBandwidth::Unknown(kind, value) => (BandwidthKind::Other(kind), value),
        };
        Ok(Bandwidth { kind, value })
    }

    pub(crate) fn group(&self) -> Result<Group, ParseError> {
        const EXPECTED: &str = "a=group:<semantics> <mid>...";
        let mut words = self.words(self.attribute().1).into_iter();
        let semantics = words.next().ok_or_else(|| self.unexpected(EXPECTED))?;
        Ok(Group { semantics: semantics.to_ascii_uppercase(), mids: words.collect() })
    }

    pub(crate) fn fingerprint(&self) -> Result<FingerprintLine, ParseError> {
        const EXPECTED: &str = "a=fingerprint:<hash function> <two digits>:<two digits>...";
        let words = self.words(self.attribute().1);
        let [algorithm, value] = words.as_slice() else { return Err(self.unexpected(EXPECTED)) };
        let octets = |value: &str| {
            value
                .split(':')
                .all(|octet| octet.len() == 2 && octet.bytes().all(|b| b.is_ascii_hexdigit()))
        };
        if !octets(value) {
            return Err(self.unexpected(EXPECTED));
        }
        // RFC 8122 §5: names of hash functions ignore case; webrtc-sdp knows them in lower case, and checks the length.
        let algorithm = algorithm.to_ascii_lowercase();
        self.read_text(&format!("a=fingerprint:{algorithm} {value}"), EXPECTED)?;
        Ok(FingerprintLine { algorithm, value: value.to_ascii_uppercase() })
    }

    /// `None` for an identifier that cannot stand in a packet.
    pub(crate) fn extmap(&self) -> Result<Option<ExtMap>, ParseError> {
        const EXPECTED: &str = "a=extmap:<id>[/<direction>] <uri>";
        // webrtc-sdp refuses the fourth direction of RFC 8285 §5.
        let inactive = self.text.split_once(' ').and_then(|(head, rest)| {
            Some(format!("{}/sendrecv {rest}", head.strip_suffix("/inactive")?))
        });
        let Some(SdpType::Attribute(SdpAttribute::Extmap(extmap))) =
            self.read_text(inactive.as_deref().unwrap_or(self.text), EXPECTED)?
        else {
            return Err(self.unexpected(EXPECTED));
        };
        let direction = extmap.direction.map(|direction| match direction {
            _ if inactive.is_some() => Direction::Inactive,
            SdpAttributeDirection::Sendrecv => Direction::SendRecv,
            SdpAttributeDirection::Sendonly => Direction::SendOnly,
            SdpAttributeDirection::Recvonly => Direction::RecvOnly,
        });
        Ok(u8::try_from(extmap.id).ok().filter(|id| *id != 0).map(|id| ExtMap {
            id,
            direction,
            uri: extmap.url,
            attributes: extmap.extension_attributes,
        }))
    }

    /// RFC 8285 §5: an identifier means one extension; in each direction, for those may be mapped one by one. What looks for others
    /// is bounded, for identifiers are.
    pub(crate) fn push_extension(
        &self,
        extensions: &mut Vec<ExtMap>,
        extension: ExtMap,
    ) -> Result<(), ParseError> {
        let direction = |extension: &ExtMap| extension.direction.unwrap_or_default();
        let meets = |one: Direction, other: Direction| {
            one == other || one.sends() && other.sends() || one.receives() && other.receives()
        };
        let is_taken = |other: &ExtMap| {
            other.id == extension.id && meets(direction(other), direction(&extension))
        };
        // Said twice alike it is said once.
        if extensions.contains(&extension) {
            return Ok(());
        }
        if extensions.iter().any(is_taken) {
            return Err(self.unexpected("one a=extmap per identifier and direction"));
        }
        extensions.push(extension);
        Ok(())
    }
}
