//! Why a connection died, and whose doing it was.

use std::fmt;

use crate::alert::AlertDescription;
use crate::v12::{HandshakeType, NamedGroup};

/// A connection is dead, and this is why. Noise of the network never becomes an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The handshake did not complete in [`Config::handshake_timeout`](crate::Config::handshake_timeout).
    Timeout {
        /// The message that was being waited for.
        waiting_for: HandshakeType,
        /// The last alert that came in the clear. Anybody who knows the addresses can send one, so it does not end a
        /// handshake; it may explain why nothing else came.
        unauthenticated_alert: Option<AlertDescription>,
    },
    /// The peer ended the connection, authenticated by the keys of the handshake.
    PeerAlert(AlertDescription),
    /// This side ended the connection, see [`Connection::abort`](crate::Connection::abort).
    Aborted(AlertDescription),
    /// The peer broke the protocol.
    PeerMisbehaved(PeerMisbehaved),
    /// The peer kept to the protocol but shares no acceptable parameters with this side.
    PeerIncompatible(PeerIncompatible),
    /// The embedder used the interface wrongly.
    ApiMisuse(ApiMisuse),
    /// Something beneath this crate failed.
    Environment(Environment),
}

/// How a peer broke the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PeerMisbehaved {
    /// A handshake message does not parse.
    Malformed(HandshakeType),
    /// A handshake message came where another was due.
    UnexpectedMessage {
        /// What came.
        got: HandshakeType,
        /// What was due.
        expected: HandshakeType,
    },
    /// A handshake message came after the handshake: renegotiation, which is not done, or nonsense.
    AfterTheHandshake(HandshakeType),
    /// A field holds what it must not hold at this place.
    IllegalParameter {
        /// The message it stands in.
        message: HandshakeType,
        /// The field.
        field: &'static str,
    },
    /// A ServerHello extension that answers nothing we sent.
    UnsolicitedExtension(u16),
    /// The Certificate message carries no certificate.
    NoCertificate,
    /// The certificate is not X.509.
    BadCertificate,
    /// A record of this content type came where none may, or nobody knows the type.
    UnexpectedRecord(u8),
    /// A record holds more than 2^14 bytes.
    RecordOverflow,
    /// An alert is not two bytes, or of an unknown level.
    MalformedAlert,
    /// A ChangeCipherSpec is not the one byte it has to be.
    MalformedChangeCipherSpec,
    /// A record of handshake messages does not hold whole fragments.
    MalformedFragment,
    /// Fragments of a handshake message disagree about its type or length.
    ContradictingFragment(HandshakeType),
    /// A signature of ServerKeyExchange or CertificateVerify does not verify.
    BadSignature(HandshakeType),
    /// A public value that is not on its curve.
    BadKeyShare(NamedGroup),
    /// Finished does not match the handshake that this side saw.
    WrongVerifyData,
    /// The handshake is larger than 64 KiB in all.
    HandshakeTooLarge,
}

/// What a peer lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PeerIncompatible {
    /// Not DTLS 1.2: the version that was offered or chosen.
    Version(u16),
    /// No cipher suite in common that suits our certificate.
    NoCommonCipherSuite,
    /// No group for ECDHE in common.
    NoCommonGroup,
    /// No signature scheme that suits our certificate.
    NoCommonSignatureScheme,
    /// No extended master secret (RFC 7627), which our configuration requires.
    NoExtendedMasterSecret,
    /// No null compression method.
    NoNullCompression,
    /// No uncompressed points.
    NoUncompressedPoints,
    /// A certificate with a key that is not P-256, P-384 or RSA, or not the kind the cipher suite calls for.
    UnsupportedCertificateKey,
}

/// How the embedder used the interface wrongly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ApiMisuse {
    /// The configuration has no cipher suite, or as a server none that suits an identity.
    NoCipherSuite,
    /// The configuration has no group.
    NoGroup,
}

/// What failed beneath this crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Environment {
    /// No random numbers were to be had.
    NoRandomness,
    /// The private key refused to sign.
    SigningFailed,
}

impl Error {
    /// The alert that tells the peer, if it is to be told.
    pub(crate) fn alert(&self) -> Option<AlertDescription> {
        use AlertDescription as Alert;
        Some(match self {
            Self::Timeout { .. } | Self::PeerAlert(_) | Self::ApiMisuse(_) => return None,
            Self::Aborted(alert) => *alert,
            Self::PeerMisbehaved(misbehaved) => match misbehaved {
                // What cannot be compared does not verify (RFC 5246 §7.2.2).
                PeerMisbehaved::Malformed(HandshakeType::FINISHED) => Alert::DECRYPT_ERROR,
                PeerMisbehaved::Malformed(_) => Alert::DECODE_ERROR,
                PeerMisbehaved::UnexpectedMessage { .. }
                | PeerMisbehaved::AfterTheHandshake(_)
                | PeerMisbehaved::UnexpectedRecord(_) => Alert::UNEXPECTED_MESSAGE,
                PeerMisbehaved::RecordOverflow => Alert::RECORD_OVERFLOW,
                PeerMisbehaved::IllegalParameter { .. }
                | PeerMisbehaved::BadKeyShare(_)
                | PeerMisbehaved::MalformedAlert
                | PeerMisbehaved::MalformedFragment
                | PeerMisbehaved::MalformedChangeCipherSpec
                | PeerMisbehaved::ContradictingFragment(_) => Alert::ILLEGAL_PARAMETER,
                PeerMisbehaved::UnsolicitedExtension(_) => Alert::UNSUPPORTED_EXTENSION,
                PeerMisbehaved::NoCertificate | PeerMisbehaved::HandshakeTooLarge => {
                    Alert::HANDSHAKE_FAILURE
                }
                PeerMisbehaved::BadCertificate => Alert::BAD_CERTIFICATE,
                PeerMisbehaved::BadSignature(_) | PeerMisbehaved::WrongVerifyData => {
                    Alert::DECRYPT_ERROR
                }
            },
            Self::PeerIncompatible(incompatible) => match incompatible {
                PeerIncompatible::Version(_) => Alert::PROTOCOL_VERSION,
                PeerIncompatible::UnsupportedCertificateKey => Alert::UNSUPPORTED_CERTIFICATE,
                PeerIncompatible::NoNullCompression | PeerIncompatible::NoUncompressedPoints => {
                    Alert::ILLEGAL_PARAMETER
                }
                _ => Alert::HANDSHAKE_FAILURE,
            },
            Self::Environment(_) => Alert::INTERNAL_ERROR,
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout { waiting_for, unauthenticated_alert: None } => {
                write!(f, "the handshake timed out waiting for {waiting_for}")
            }
            Self::Timeout { waiting_for, unauthenticated_alert: Some(alert) } => write!(
                f,
                "the handshake timed out waiting for {waiting_for}; an unauthenticated {alert} alert came"
            ),
            Self::PeerAlert(alert) => write!(f, "the peer ended the connection: {alert}"),
            Self::Aborted(alert) => write!(f, "this side ended the connection: {alert}"),
            Self::PeerMisbehaved(why) => write!(f, "the peer misbehaved: {why}"),
            Self::PeerIncompatible(why) => write!(f, "the peer is incompatible: {why}"),
            Self::ApiMisuse(ApiMisuse::NoCipherSuite) => {
                f.write_str("no cipher suite in the configuration suits its identities")
            }
            Self::ApiMisuse(ApiMisuse::NoGroup) => f.write_str("no group in the configuration"),
            Self::Environment(Environment::NoRandomness) => {
                f.write_str("the random number generator failed")
            }
            Self::Environment(Environment::SigningFailed) => {
                f.write_str("signing with the identity's private key failed")
            }
        }
    }
}

impl fmt::Display for PeerMisbehaved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(message) => write!(f, "{message} does not parse"),
            Self::UnexpectedMessage { got, expected } => {
                write!(f, "{got} came where {expected} was due")
            }
            Self::AfterTheHandshake(got) => write!(f, "{got} came after the handshake"),
            Self::IllegalParameter { message, field } => write!(f, "illegal {field} in {message}"),
            Self::UnsolicitedExtension(id) => write!(f, "extension {id} was not offered"),
            Self::UnexpectedRecord(kind) => write!(f, "a record of content type {kind}"),
            Self::RecordOverflow => f.write_str("a record of more than 2^14 bytes"),
            Self::MalformedAlert => f.write_str("an alert does not parse"),
            Self::MalformedChangeCipherSpec => f.write_str("ChangeCipherSpec does not parse"),
            Self::MalformedFragment => f.write_str("a handshake fragment does not parse"),
            Self::ContradictingFragment(message) => {
                write!(f, "fragments of {message} contradict one another")
            }
            Self::NoCertificate => f.write_str("no certificate"),
            Self::BadCertificate => f.write_str("the certificate does not parse"),
            Self::BadSignature(message) => write!(f, "the signature of {message} does not verify"),
            Self::BadKeyShare(group) => write!(f, "the public value is not on {group:?}"),
            Self::WrongVerifyData => f.write_str("Finished does not match the handshake"),
            Self::HandshakeTooLarge => f.write_str("the handshake is larger than 64 KiB"),
        }
    }
}

impl fmt::Display for PeerIncompatible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => write!(f, "protocol version {version:#06x}, not DTLS 1.2"),
            Self::NoCommonCipherSuite => f.write_str("no common cipher suite"),
            Self::NoCommonGroup => f.write_str("no common group"),
            Self::NoCommonSignatureScheme => f.write_str("no common signature scheme"),
            Self::NoExtendedMasterSecret => f.write_str("no extended master secret"),
            Self::NoNullCompression => f.write_str("no null compression"),
            Self::NoUncompressedPoints => f.write_str("no uncompressed points"),
            Self::UnsupportedCertificateKey => f.write_str("unsupported certificate key"),
        }
    }
}

impl std::error::Error for Error {}

impl From<PeerMisbehaved> for Error {
    fn from(why: PeerMisbehaved) -> Self {
        Self::PeerMisbehaved(why)
    }
}

impl From<PeerIncompatible> for Error {
    fn from(why: PeerIncompatible) -> Self {
        Self::PeerIncompatible(why)
    }
}

impl From<ApiMisuse> for Error {
    fn from(why: ApiMisuse) -> Self {
        Self::ApiMisuse(why)
    }
}

impl From<Environment> for Error {
    fn from(why: Environment) -> Self {
        Self::Environment(why)
    }
}
