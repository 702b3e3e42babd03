//! `a=candidate` (RFC 8839 §5.1).

use std::fmt::{self, Display, Formatter};
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::MAX_CANDIDATE_LENGTH;
use crate::error::excerpt;
use crate::parse::number;

/// An ICE candidate, one line of [`crate::Media::candidates`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Candidates of one kind, base, server and transport have the same. 1 to 32 letters, digits, `+` and `/`.
    pub foundation: String,
    /// 1 for RTP and for all that is multiplexed with it, 2 for RTCP on a port of its own; 1 to 256.
    pub component: u16,
    /// `udp` or `tcp`, as written. Compare without case: Firefox writes `UDP`.
    pub transport: String,
    /// Higher is better; 1 to 2^31 - 1 (RFC 8445 §5.1.2).
    pub priority: u32,
    /// An IP address, or a name: browsers hide addresses behind mDNS names. See [`Candidate::ip`].
    pub address: String,
    /// 9 for a TCP candidate that only opens connections.
    pub port: u16,
    /// How it was found.
    pub kind: CandidateKind,
    /// `raddr` and `rport`: the base of a reflexive, the mapped address of a relayed candidate; for diagnosis. The address is an IP
    /// address: a name, or a port that is none, is kept as any pair is, in [`Candidate::extensions`].
    pub related: Option<(String, u16)>,
    /// The other pairs, in order: (`tcptype`, `active`), (`generation`, `0`), (`ufrag`, ..), (`network-id`, ..).
    pub extensions: Vec<(String, String)>,
}

/// `typ` of a candidate.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CandidateKind {
    /// `host`
    Host,
    /// `srflx`
    ServerReflexive,
    /// `prflx`
    PeerReflexive,
    /// `relay`
    Relay,
    /// Any other word, verbatim.
    Other(String),
}

/// Why a text is no candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CandidateError {
    /// What was expected.
    pub expected: &'static str,
    /// What stood there, cut to 80 bytes; empty at the end of the line.
    pub found: String,
}

impl Candidate {
    /// The address, where it is one and no name.
    pub fn ip(&self) -> Option<IpAddr> {
        self.address.parse().ok()
    }

    /// `tcptype` (RFC 6544 §4.5): `active`, `passive` or `so` of what is read for TCP.
    pub fn tcp_type(&self) -> Option<&str> {
        self.extension("tcptype")
    }

    /// RFC 6544 §4.5: a candidate of TCP says who opens the connection.
    fn check_tcp_type(&self) -> Result<(), CandidateError> {
        let found = self.tcp_type().unwrap_or_default();
        if !self.transport.eq_ignore_ascii_case("tcp")
            || ["active", "passive", "so"].contains(&found)
        {
            return Ok(());
        }
        Err(CandidateError { expected: "tcptype active, passive or so", found: excerpt(found) })
    }

    /// The value of the first extension of this name.
    pub fn extension(&self, name: &str) -> Option<&str> {
        self.extensions.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

impl FromStr for Candidate {
    type Err = CandidateError;

    /// Reads `candidate:...`, with or without `a=` before it, and without `candidate:` too.
    fn from_str(text: &str) -> Result<Self, CandidateError> {
        if text.len() > MAX_CANDIDATE_LENGTH {
            return Err(too_long(text));
        }
        // Only what separates words, too: anything else is a part of one.
        let text = text.trim_ascii();
        let text = text.strip_prefix("a=").unwrap_or(text);
        let text = text.strip_prefix("candidate:").unwrap_or(text);
        let mut words = Words(text.split_ascii_whitespace());
        let foundation = words.foundation()?;
        let component = words.number("a component from 1 to 256", 1..=256)?;
        let transport = words.visible("a transport")?.to_owned();
        let priority = words.number(PRIORITY, 1..=i32::MAX.unsigned_abs())?;
        let address = words.visible("an address")?.to_owned();
        let port = words.number("a port", 0..=u16::MAX)?;
        words.expect("typ")?;
        let kind = match words.visible("a candidate type")? {
            "host" => CandidateKind::Host,
            "srflx" => CandidateKind::ServerReflexive,
            "prflx" => CandidateKind::PeerReflexive,
            "relay" => CandidateKind::Relay,
            other => CandidateKind::Other(other.to_owned()),
        };
        let mut extensions = words.extensions()?;
        let related = take_related(&mut extensions);
        let candidate = Self {
            foundation,
            component,
            transport,
            priority,
            address,
            port,
            kind,
            related,
            extensions,
        };
        candidate.check_tcp_type()?;
        // Whoever gets it from us has to be able to read it.
        let written = candidate.to_string();
        if written.len() > MAX_CANDIDATE_LENGTH { Err(too_long(&written)) } else { Ok(candidate) }
    }
}

fn too_long(text: &str) -> CandidateError {
    let expected = "a candidate of at most 1024 bytes, candidate: included";
    CandidateError { expected, found: excerpt(text) }
}

/// `raddr <IP address>` and `rport <port>`, taken out of the pairs, if there are both; else nothing is taken.
fn take_related(extensions: &mut Vec<(String, String)>) -> Option<(String, u16)> {
    let first = |name: &str| {
        extensions.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    };
    let address = first("raddr").filter(|word| word.parse::<IpAddr>().is_ok())?.to_owned();
    let port = number(first("rport"))?;
    extensions.retain(|(name, _)| name != "raddr" && name != "rport");
    Some((address, port))
}

const PRIORITY: &str = "a priority from 1 to 2147483647";

fn is_visible(word: &str) -> bool {
    !word.chars().any(char::is_control)
}

struct Words<I>(I);

impl<'a, I: Iterator<Item = &'a str>> Words<I> {
    fn next(&mut self, expected: &'static str) -> Result<&'a str, CandidateError> {
        self.0.next().ok_or(CandidateError { expected, found: String::new() })
    }

    fn visible(&mut self, expected: &'static str) -> Result<&'a str, CandidateError> {
        match self.next(expected)? {
            word if is_visible(word) => Ok(word),
            word => Err(CandidateError { expected, found: excerpt(word) }),
        }
    }

    fn foundation(&mut self) -> Result<String, CandidateError> {
        let word = self.next("a foundation")?;
        let is_ice_char = |byte: u8| byte.is_ascii_alphanumeric() || b"+/".contains(&byte);
        if word.len() <= 32 && word.bytes().all(is_ice_char) {
            return Ok(word.to_owned());
        }
        let expected = "a foundation of at most 32 letters, digits, + and /";
        Err(CandidateError { expected, found: excerpt(word) })
    }

    fn number<T: FromStr + PartialOrd>(
        &mut self,
        expected: &'static str,
        range: RangeInclusive<T>,
    ) -> Result<T, CandidateError> {
        let word = self.next(expected)?;
        let number = number(Some(word)).filter(|number| range.contains(number));
        number.ok_or_else(|| CandidateError { expected, found: excerpt(word) })
    }

    /// RFC 8839 §5.1: pairs of visible characters. One that is not is not passed on.
    fn extensions(&mut self) -> Result<Vec<(String, String)>, CandidateError> {
        let mut pairs = Vec::new();
        while let Some(name) = self.0.next() {
            let value = self.next("the value of an extension")?;
            if is_visible(name) && is_visible(value) {
                pairs.push((name.to_owned(), value.to_owned()));
            }
        }
        Ok(pairs)
    }

    fn expect(&mut self, keyword: &'static str) -> Result<(), CandidateError> {
        match self.next(keyword)? {
            word if word == keyword => Ok(()),
            word => Err(CandidateError { expected: keyword, found: excerpt(word) }),
        }
    }
}

/// Writes `candidate:...`, without `a=`.
impl Display for Candidate {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { foundation, component, transport, priority, address, port, .. } = self;
        let kind = self.kind.as_str();
        write!(
            f,
            "candidate:{foundation} {component} {transport} {priority} {address} {port} typ {kind}"
        )?;
        if let Some((address, port)) = &self.related {
            write!(f, " raddr {address} rport {port}")?;
        }
        self.extensions.iter().try_for_each(|(name, value)| write!(f, " {name} {value}"))
    }
}

impl CandidateKind {
    /// The word in the line.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Host => "host",
            Self::ServerReflexive => "srflx",
            Self::PeerReflexive => "prflx",
            Self::Relay => "relay",
            Self::Other(word) => word,
        }
    }
}

impl Display for CandidateError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { expected, found } = self;
        match found.as_str() {
            "" => write!(f, "candidate ended, expected {expected}"),
            found => write!(f, "candidate: expected {expected}, found {found:?}"),
        }
    }
}

impl std::error::Error for CandidateError {}
