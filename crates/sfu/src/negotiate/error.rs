//! What can be wrong with an answer.

use std::fmt;

use tsubame_sdp::ParseError;

/// Why an answer was not accepted. Each says one short sentence, which fits into the reason of a WebSocket close frame (123
/// bytes, RFC 6455 §5.5.1), and repeats nothing of what the client wrote but numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AnswerError {
    /// No offer waits for an answer.
    NotAsked,
    /// It is no session description.
    Malformed(ParseError),
    /// It has more or fewer sections than the offer.
    SectionCount { offered: usize, answered: usize },
    /// The section at this place (from 1) is of another kind.
    Kind { section: usize },
    /// The section at this place has another mid, or none.
    Mid { section: usize },
    /// Something else than DTLS-SRTP with feedback.
    Protocol { section: usize },
    /// Keys in SDP (RFC 4568).
    Crypto,
    /// The first section, which carries BUNDLE, was refused.
    TaggedRefused,
    /// No BUNDLE group, or one that begins with another section.
    Bundle,
    /// An accepted section is outside of BUNDLE.
    Unbundled { section: usize },
    /// An accepted section has RTP and RTCP on two ports.
    NoRtcpMux { section: usize },
    /// No ICE user fragment or password, or one that is too short, too long or not of ice-chars.
    IceCredentials,
    /// No fingerprint.
    NoFingerprint,
    /// No fingerprint with a hash function that is still trusted.
    WeakFingerprint,
    /// `a=setup` is missing or leaves the DTLS role open.
    Setup,
    /// A bundled section says something else about the transport than the first one.
    TransportDiffers { section: usize },
    /// Other ICE credentials than before, without an ICE restart by us.
    IceRestart,
    /// Another certificate or DTLS role than before.
    DtlsChanged,
    /// An accepted section without the codec that was offered, under its payload type.
    Codec { section: usize },
    /// A header extension id with another meaning than in the offer.
    Extension { section: usize, id: u8 },
}

impl fmt::Display for AnswerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAsked => f.write_str("answer: there is no offer to answer"),
            Self::Malformed(error) => malformed(error, f),
            Self::SectionCount { offered, answered } => {
                write!(f, "answer: {answered} media sections, the offer has {offered}")
            }
            Self::Kind { section } => {
                write!(f, "answer: section {section} is not of the offered media type")
            }
            Self::Mid { section } => {
                write!(f, "answer: section {section} does not have the offered mid")
            }
            Self::Protocol { section } => {
                write!(f, "answer: section {section} is not UDP/TLS/RTP/SAVPF")
            }
            Self::Crypto => f.write_str("answer: a=crypto is refused, keys come from DTLS"),
            Self::TaggedRefused => {
                f.write_str("answer: the first section carries BUNDLE and cannot be refused")
            }
            Self::Bundle => {
                f.write_str("answer: no a=group:BUNDLE that begins with the first section's mid")
            }
            Self::Unbundled { section } => {
                write!(f, "answer: section {section} is accepted outside of BUNDLE")
            }
            Self::NoRtcpMux { section } => write!(f, "answer: section {section} lacks a=rtcp-mux"),
            Self::IceCredentials => f.write_str(
                "answer: a=ice-ufrag or a=ice-pwd is missing or not 4 to 256, 22 to 256 ice-chars",
            ),
            Self::NoFingerprint => f.write_str("answer: a=fingerprint is missing"),
            Self::WeakFingerprint => {
                f.write_str("answer: no a=fingerprint with sha-256, sha-384 or sha-512")
            }
            Self::Setup => f.write_str("answer: a=setup is neither active nor passive"),
            Self::TransportDiffers { section } => {
                write!(
                    f,
                    "answer: section {section} has another ICE or DTLS transport than section 1"
                )
            }
            Self::IceRestart => {
                f.write_str("answer: ICE credentials changed although the offer's did not")
            }
            Self::DtlsChanged => {
                f.write_str("answer: the certificate or DTLS role changed within the session")
            }
            Self::Codec { section } => {
                write!(f, "answer: section {section} is accepted without the offered codec")
            }
            Self::Extension { section, id } => write!(
                f,
                "answer: section {section} gives header extension id {id} another meaning"
            ),
        }
    }
}

impl std::error::Error for AnswerError {}

/// Without the excerpt: a close reason is no place for what the client wrote.
fn malformed(error: &ParseError, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match error {
        ParseError::Unexpected { line, expected, .. } => {
            write!(f, "answer: SDP line {line}: expected {expected}")
        }
        other => write!(f, "answer: {other}"),
    }
}
