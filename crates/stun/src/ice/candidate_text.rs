//! The candidate attribute as text (RFC 8839 §5.1, RFC 6544 §4.5).

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::{FromStr, SplitAsciiWhitespace};

use super::candidate::{Candidate, CandidateAddress, CandidateKind, CandidateTransport, TcpType};

/// The longest text that is looked at and that is written, octets.
const MAX_LENGTH: usize = 1024;
/// The highest priority (RFC 8445 §5.1.2).
const MAX_PRIORITY: u32 = i32::MAX.unsigned_abs();

/// Which part of a candidate line is missing or wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CandidateError {
    /// Longer than 1,024 octets, as it came or as [`Display`](fmt::Display) would write it: with `candidate:` in front, and some IPv6
    /// addresses in a longer form.
    TooLong {
        /// Octets there are.
        length: usize,
    },
    /// Not 1 to 32 `ice-char`s.
    Foundation,
    /// Not 1 to 256.
    Component,
    /// Neither UDP nor TCP.
    Transport,
    /// Not 1 to 2³¹−1 (RFC 8445 §5.1.2).
    Priority,
    /// Neither an IP address nor a host name of at most 253 characters.
    Address,
    /// Not a port.
    Port,
    /// `typ` and one of `host`, `srflx`, `prflx`, `relay` do not follow the port.
    Kind,
    /// A TCP candidate without `tcptype`, or an unknown one.
    TcpType,
    /// The name of an extension at the end, without a value.
    Extension,
}

impl fmt::Display for CandidateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { length } => write!(f, "a candidate of {length} octets is too long"),
            Self::Foundation => f.write_str("candidate foundation missing or not ice-chars"),
            Self::Component => f.write_str("candidate component missing or not 1 to 256"),
            Self::Transport => f.write_str("candidate transport missing or neither UDP nor TCP"),
            Self::Priority => f.write_str("candidate priority missing or not 1 to 2147483647"),
            Self::Address => f.write_str("candidate address missing or not an address"),
            Self::Port => f.write_str("candidate port missing or not a port"),
            Self::Kind => f.write_str("candidate type missing or unknown"),
            Self::TcpType => f.write_str("tcptype missing or unknown"),
            Self::Extension => f.write_str("candidate extension without a value"),
        }
    }
}

impl std::error::Error for CandidateError {}

impl FromStr for Candidate {
    type Err = CandidateError;

    /// Reads the text with or without `candidate:` or `a=candidate:` in front. Extensions it does not know are kept, so
    /// that `Display` writes them again. A number is of digits alone. A type other than the four of RFC 8445 is refused:
    /// nobody could tell how such a candidate is used.
    fn from_str(text: &str) -> Result<Self, CandidateError> {
        if text.len() > MAX_LENGTH {
            return Err(CandidateError::TooLong { length: text.len() });
        }
        // Only what separates words, too: anything else is a part of one.
        let text = text.trim_ascii();
        let text = text.strip_prefix("a=").unwrap_or(text);
        let text = text.strip_prefix("candidate:").unwrap_or(text);
        let mut words = text.split_ascii_whitespace();
        let mut next = |error| words.next().ok_or(error);

        let foundation = parse_foundation(next(CandidateError::Foundation)?)?;
        let component = parse_number(next(CandidateError::Component)?)
            .filter(|component| (1..=256).contains(component))
            .ok_or(CandidateError::Component)?;
        let transport = next(CandidateError::Transport)?;
        let priority = parse_number(next(CandidateError::Priority)?)
            .filter(|priority| (1..=MAX_PRIORITY).contains(priority))
            .ok_or(CandidateError::Priority)?;
        let host = next(CandidateError::Address)?;
        let port = parse_number(next(CandidateError::Port)?).ok_or(CandidateError::Port)?;
        let address = parse_address(host, port)?;
        let kind = match (next(CandidateError::Kind)?, next(CandidateError::Kind)?) {
            ("typ", "host") => CandidateKind::Host,
            ("typ", "srflx") => CandidateKind::ServerReflexive,
            ("typ", "prflx") => CandidateKind::PeerReflexive,
            ("typ", "relay") => CandidateKind::Relay,
            _ => return Err(CandidateError::Kind),
        };
        let extensions = Extensions::read(words, transport.eq_ignore_ascii_case("tcp"))?;
        let transport = match transport {
            word if word.eq_ignore_ascii_case("udp") => CandidateTransport::Udp,
            word if word.eq_ignore_ascii_case("tcp") => {
                CandidateTransport::Tcp(extensions.tcp_type.ok_or(CandidateError::TcpType)?)
            }
            _ => return Err(CandidateError::Transport),
        };
        let Extensions { related, others: extensions, .. } = extensions;
        let candidate =
            Self { foundation, component, transport, priority, address, kind, related, extensions };
        // Whoever gets it from us by signaling has to be able to read it.
        let length = candidate.to_string().len();
        if length > MAX_LENGTH {
            return Err(CandidateError::TooLong { length });
        }
        Ok(candidate)
    }
}

/// A number as the grammar has it: digits, and no sign.
fn parse_number<T: FromStr>(word: &str) -> Option<T> {
    let is_number = word.bytes().all(|octet| octet.is_ascii_digit());
    word.parse().ok().filter(|_| is_number)
}

fn parse_foundation(word: &str) -> Result<String, CandidateError> {
    let is_ice_char = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'+' || octet == b'/';
    if word.len() <= 32 && !word.is_empty() && word.bytes().all(is_ice_char) {
        Ok(word.to_owned())
    } else {
        Err(CandidateError::Foundation)
    }
}

fn parse_address(host: &str, port: u16) -> Result<CandidateAddress, CandidateError> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(CandidateAddress::Ip(SocketAddr::new(ip, port)));
    }
    let is_name_char = |octet: u8| octet.is_ascii_alphanumeric() || b"-._".contains(&octet);
    // Digits and dots alone are an IPv4 address gone wrong, not a name.
    let is_name = host.len() <= 253
        && host.bytes().all(is_name_char)
        && host.bytes().any(|octet| octet.is_ascii_alphabetic());
    if is_name {
        Ok(CandidateAddress::Name { host: host.to_owned(), port })
    } else {
        Err(CandidateError::Address)
    }
}

/// The name-value pairs after the type.
#[derive(Default)]
struct Extensions {
    related: Option<SocketAddr>,
    tcp_type: Option<TcpType>,
    others: Vec<(String, String)>,
}

impl Extensions {
    fn read(mut words: SplitAsciiWhitespace<'_>, is_tcp: bool) -> Result<Self, CandidateError> {
        let mut found = Self::default();
        while let Some(name) = words.next() {
            let value = words.next().ok_or(CandidateError::Extension)?;
            // RFC 8839 §5.1: both are visible characters. What is not is not passed on.
            if !name.chars().chain(value.chars()).any(char::is_control) {
                found.others.push((name.to_owned(), value.to_owned()));
            }
        }
        let first = |others: &[(String, String)], name| {
            let index = others.iter().position(|(known, _)| known == name)?;
            others.get(index).map(|(_, value)| (index, value.clone()))
        };
        if let Some((index, value)) = first(&found.others, "tcptype").filter(|_| is_tcp) {
            found.tcp_type = parse_tcp_type(&value);
            if found.tcp_type.is_some() {
                found.others.remove(index);
            }
        }
        // Both or neither: what cannot be understood stays as it is.
        let (address, port) = (first(&found.others, "raddr"), first(&found.others, "rport"));
        if let (Some((_, address)), Some((_, port))) = (address, port)
            && let (Ok(ip), Some(port)) = (address.parse::<IpAddr>(), parse_number(&port))
        {
            found.related = Some(SocketAddr::new(ip, port));
            found.others.retain(|(name, _)| name != "raddr" && name != "rport");
        }
        Ok(found)
    }
}

fn parse_tcp_type(word: &str) -> Option<TcpType> {
    match word {
        "active" => Some(TcpType::Active),
        "passive" => Some(TcpType::Passive),
        "so" => Some(TcpType::SimultaneousOpen),
        _ => None,
    }
}

impl fmt::Display for Candidate {
    /// Writes `candidate:…`, the value of an SDP attribute and what trickles in signaling.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let transport = match self.transport {
            CandidateTransport::Udp => "udp",
            CandidateTransport::Tcp(_) => "tcp",
        };
        let Self { foundation, component, priority, .. } = self;
        write!(f, "candidate:{foundation} {component} {transport} {priority} ")?;
        match &self.address {
            CandidateAddress::Ip(address) => write!(f, "{} {}", address.ip(), address.port())?,
            CandidateAddress::Name { host, port } => write!(f, "{host} {port}")?,
        }
        f.write_str(match self.kind {
            CandidateKind::Host => " typ host",
            CandidateKind::ServerReflexive => " typ srflx",
            CandidateKind::PeerReflexive => " typ prflx",
            CandidateKind::Relay => " typ relay",
        })?;
        if let Some(related) = self.related {
            write!(f, " raddr {} rport {}", related.ip(), related.port())?;
        }
        match self.transport {
            CandidateTransport::Udp => {}
            CandidateTransport::Tcp(TcpType::Active) => f.write_str(" tcptype active")?,
            CandidateTransport::Tcp(TcpType::Passive) => f.write_str(" tcptype passive")?,
            CandidateTransport::Tcp(TcpType::SimultaneousOpen) => f.write_str(" tcptype so")?,
        }
        self.extensions.iter().try_for_each(|(name, value)| write!(f, " {name} {value}"))
    }
}
