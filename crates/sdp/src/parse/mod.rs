//! Reading a description.
//!
//! Mozilla's webrtc-sdp reads single lines (`line.rs`). Which lines reach it, what happens to
//! those it does not know, and how lines make a description is decided here: its own assembly
//! drops unknown attributes, and takes quadratic time.

mod codec;
mod line;
mod section;
mod simulcast;

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr};

use webrtc_sdp::SdpType;
use webrtc_sdp::address::{AddressType, ExplicitlyTypedAddress};
use webrtc_sdp::attribute_type::SdpAttribute;

use crate::{
    Direction, MAX_ADDRESS_LINE, MAX_CANDIDATES, MAX_LENGTH, MAX_MEDIA, MsidSemantic, Origin,
    OtherLine, ParseError, SessionDescription, Setup,
};
use line::Line;
pub(crate) use line::{number, payload_type};
use section::Section;

pub(crate) fn description(text: &str) -> Result<SessionDescription, ParseError> {
    let mut lines = lines(text)?;
    let session = head(&mut lines)?;
    body(lines, session)
}

/// A description without its first lines.
pub(crate) fn fragment(text: &str) -> Result<SessionDescription, ParseError> {
    let mut fragment = body(lines(text)?, SessionDescription::new(Origin::new(0, 0)))?;
    for media in &mut fragment.media {
        // It is not written either.
        media.connection = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    }
    // A second one is an attribute, which would be the first when it is read again.
    let is_semantic = |name: &str| name.trim_ascii().eq_ignore_ascii_case("msid-semantic");
    fragment.attributes.retain(|attribute| !is_semantic(&attribute.name));
    Ok(fragment)
}

fn lines(text: &str) -> Result<impl Iterator<Item = Result<Line<'_>, ParseError>>, ParseError> {
    match text.len() {
        length if length > MAX_LENGTH => Err(ParseError::TooLong { length }),
        _ => Ok(line::lines(text)),
    }
}

fn body<'a>(
    lines: impl Iterator<Item = Result<Line<'a>, ParseError>>,
    mut session: SessionDescription,
) -> Result<SessionDescription, ParseError> {
    let mut defaults = Defaults::default();
    let mut section: Option<Section<'_>> = None;
    let mut mids = HashSet::new();
    let mut candidates = 0;

    for line in lines {
        let line = line?;
        if line.is_attribute("candidate") {
            candidates += 1;
            if candidates > MAX_CANDIDATES {
                return Err(line.too_many("candidates", MAX_CANDIDATES));
            }
        }
        if line.kind == 'm' {
            if let Some(section) = section.take() {
                session.media.push(section.finish(&defaults)?);
            }
            if session.media.len() == MAX_MEDIA {
                return Err(line.too_many("media sections", MAX_MEDIA));
            }
            section = Some(Section::begin(&line)?);
            continue;
        }
        match &mut section {
            None => session_line(&mut session, &mut defaults, &line)?,
            Some(section) => {
                section.line(&line)?;
                if line.is_attribute("mid") && !mids.insert(line.attribute().1.map(str::to_owned)) {
                    return Err(line.unexpected("a mid that no other section has"));
                }
            }
        }
    }
    if let Some(section) = section {
        session.media.push(section.finish(&defaults)?);
    }
    in_order(&mut session.other_lines);
    Ok(session)
}

/// The order of RFC 8866 §5, in which they are written; who writes them in another one is understood.
fn in_order(lines: &mut [OtherLine]) {
    lines.sort_by_key(|line| "iueptrzk".find(line.kind));
}

/// What the session level says for sections that are silent about it.
#[derive(Default)]
struct Defaults {
    direction: Option<Direction>,
    connection: Option<IpAddr>,
}

/// RFC 8866 §5: `v=`, `o=` and `s=` come first, in this order.
fn head<'a>(
    lines: &mut impl Iterator<Item = Result<Line<'a>, ParseError>>,
) -> Result<SessionDescription, ParseError> {
    let mut next = |kind, expected| match lines.next() {
        None => Err(ParseError::Ended { expected }),
        Some(Ok(line)) if line.kind != kind => Err(line.unexpected(expected)),
        Some(line) => line,
    };
    const VERSION: &str = "v=0";
    const ORIGIN: &str = "o=<username> <id> <version> IN IP4|IP6 <address>";
    next('v', VERSION)?.read(VERSION)?;
    let line = next('o', ORIGIN)?;
    if line.text.len() > MAX_ADDRESS_LINE {
        return Err(line.unexpected("an o= line of at most 512 bytes"));
    }
    let Some(SdpType::Origin(origin)) = line.read(ORIGIN)? else {
        return Err(line.unexpected(ORIGIN));
    };
    let mut session = SessionDescription::new(Origin {
        username: origin.username,
        session_id: origin.session_id,
        session_version: origin.session_version,
        address: ip_address(&origin.unicast_addr),
    });
    session.name = next('s', "s=<session name>")?.value.to_owned();
    Ok(session)
}

fn session_line(
    session: &mut SessionDescription,
    defaults: &mut Defaults,
    line: &Line<'_>,
) -> Result<(), ParseError> {
    match line.kind {
        'a' => session_attribute(session, defaults, line),
        'b' => {
            session.bandwidth.push(line.bandwidth()?);
            Ok(())
        }
        'c' => line.set_once(&mut defaults.connection, connection(line)?),
        // What everybody says, and what is written where nothing else is said.
        't' if line.value == "0 0" => Ok(()),
        'i' | 'u' | 'e' | 'p' | 't' | 'r' | 'z' | 'k' => {
            session.other_lines.push(line.other());
            Ok(())
        }
        _ => Err(line.unexpected("a line of the session level or an m= line")),
    }
}

fn session_attribute(
    session: &mut SessionDescription,
    defaults: &mut Defaults,
    line: &Line<'_>,
) -> Result<(), ParseError> {
    let (name, value) = line.attribute();
    match name {
        "group" => session.groups.push(line.group()?),
        "ice-lite" => session.ice_lite = line.flag()?,
        "extmap-allow-mixed" => session.extmap_allow_mixed = line.flag()?,
        "ice-options" => session.ice_options.extend(line.words(value)),
        "ice-ufrag" => line.set_once(&mut session.ice_ufrag, line.required(value)?)?,
        "ice-pwd" => line.set_once(&mut session.ice_pwd, line.required(value)?)?,
        "fingerprint" => session.fingerprints.push(line.fingerprint()?),
        "setup" => line.set_once(&mut session.setup, setup(line)?)?,
        "extmap" => match line.extmap()? {
            Some(extension) => line.push_extension(&mut session.extensions, extension)?,
            None => session.attributes.push(line.raw_attribute()),
        },
        "end-of-candidates" => session.end_of_candidates = line.flag()?,
        "cryptex" => session.cryptex = line.flag()?,
        "identity" => line.set_once(&mut session.identity, line.non_empty(value)?)?,
        // The draft allowed several; nobody writes a second one.
        "msid-semantic" if session.msid_semantic.is_none() => {
            session.msid_semantic = Some(msid_semantic(line)?);
        }
        "sendrecv" | "sendonly" | "recvonly" | "inactive" => {
            line.set_once(&mut defaults.direction, direction(line, name)?)?;
        }
        _ => session.attributes.push(line.raw_attribute()),
    }
    Ok(())
}

fn msid_semantic(line: &Line<'_>) -> Result<MsidSemantic, ParseError> {
    const EXPECTED: &str = "a=msid-semantic:<semantic> <stream>...";
    match line.read_attribute(EXPECTED)? {
        Some(SdpAttribute::MsidSemantic(semantic)) => {
            Ok(MsidSemantic { semantic: semantic.semantic, streams: semantic.msids })
        }
        _ => Err(line.unexpected(EXPECTED)),
    }
}

fn setup(line: &Line<'_>) -> Result<Setup, ParseError> {
    use webrtc_sdp::attribute_type::SdpAttributeSetup as Theirs;
    const EXPECTED: &str = "a=setup:actpass, active, passive or holdconn";
    match line.read_attribute(EXPECTED)? {
        Some(SdpAttribute::Setup(Theirs::Actpass)) => Ok(Setup::ActPass),
        Some(SdpAttribute::Setup(Theirs::Active)) => Ok(Setup::Active),
        Some(SdpAttribute::Setup(Theirs::Passive)) => Ok(Setup::Passive),
        Some(SdpAttribute::Setup(Theirs::Holdconn)) => Ok(Setup::HoldConn),
        _ => Err(line.unexpected(EXPECTED)),
    }
}

fn direction(line: &Line<'_>, name: &str) -> Result<Direction, ParseError> {
    line.flag()?;
    Ok(match name {
        "sendonly" => Direction::SendOnly,
        "recvonly" => Direction::RecvOnly,
        "inactive" => Direction::Inactive,
        _ => Direction::SendRecv,
    })
}

fn connection(line: &Line<'_>) -> Result<IpAddr, ParseError> {
    const EXPECTED: &str = "c=IN IP4|IP6 <address>";
    if line.text.len() > MAX_ADDRESS_LINE {
        return Err(line.unexpected("a c= line of at most 512 bytes"));
    }
    match line.read(EXPECTED)? {
        Some(SdpType::Connection(connection)) => Ok(ip_address(&connection.address)),
        _ => Err(line.unexpected(EXPECTED)),
    }
}

/// ICE finds the address of media, so a name is not worth keeping.
fn ip_address(address: &ExplicitlyTypedAddress) -> IpAddr {
    match address {
        ExplicitlyTypedAddress::Ip(address) => *address,
        ExplicitlyTypedAddress::Fqdn { address_type: AddressType::IpV4, .. } => {
            IpAddr::V4(Ipv4Addr::UNSPECIFIED)
        }
        ExplicitlyTypedAddress::Fqdn { address_type: AddressType::IpV6, .. } => {
            IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED)
        }
    }
}
