//! Alert descriptions (RFC 5246 §7.2).

use std::fmt;

/// Why a peer, or this side, ended a connection: the code of a TLS alert (RFC 5246 §7.2). Any byte is representable.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AlertDescription(pub u8);

impl AlertDescription {
    /// The sender will send no more on this connection.
    pub const CLOSE_NOTIFY: Self = Self(0);
    /// A message that does not belong at this point of the handshake.
    pub const UNEXPECTED_MESSAGE: Self = Self(10);
    /// A record larger than may be.
    pub const RECORD_OVERFLOW: Self = Self(22);
    /// No acceptable set of parameters.
    pub const HANDSHAKE_FAILURE: Self = Self(40);
    /// A certificate that cannot be parsed or whose signatures do not verify.
    pub const BAD_CERTIFICATE: Self = Self(42);
    /// A certificate of a type that is not supported.
    pub const UNSUPPORTED_CERTIFICATE: Self = Self(43);
    /// A field out of range or inconsistent with others.
    pub const ILLEGAL_PARAMETER: Self = Self(47);
    /// A message that could not be decoded.
    pub const DECODE_ERROR: Self = Self(50);
    /// A signature or a Finished that does not verify.
    pub const DECRYPT_ERROR: Self = Self(51);
    /// No common protocol version.
    pub const PROTOCOL_VERSION: Self = Self(70);
    /// The peer's own trouble.
    pub const INTERNAL_ERROR: Self = Self(80);
    /// The user of the sender went away.
    pub const USER_CANCELED: Self = Self(90);
    /// A refusal to renegotiate; never fatal.
    pub const NO_RENEGOTIATION: Self = Self(100);
    /// An extension that was not offered.
    pub const UNSUPPORTED_EXTENSION: Self = Self(110);

    fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::CLOSE_NOTIFY => "close_notify",
            Self::UNEXPECTED_MESSAGE => "unexpected_message",
            Self(20) => "bad_record_mac",
            Self::RECORD_OVERFLOW => "record_overflow",
            Self::HANDSHAKE_FAILURE => "handshake_failure",
            Self::BAD_CERTIFICATE => "bad_certificate",
            Self::UNSUPPORTED_CERTIFICATE => "unsupported_certificate",
            Self(44) => "certificate_revoked",
            Self(45) => "certificate_expired",
            Self(46) => "certificate_unknown",
            Self::ILLEGAL_PARAMETER => "illegal_parameter",
            Self(48) => "unknown_ca",
            Self(49) => "access_denied",
            Self::DECODE_ERROR => "decode_error",
            Self::DECRYPT_ERROR => "decrypt_error",
            Self::PROTOCOL_VERSION => "protocol_version",
            Self(71) => "insufficient_security",
            Self::INTERNAL_ERROR => "internal_error",
            Self::USER_CANCELED => "user_canceled",
            Self::NO_RENEGOTIATION => "no_renegotiation",
            Self::UNSUPPORTED_EXTENSION => "unsupported_extension",
            _ => return None,
        })
    }
}

impl fmt::Display for AlertDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "alert {}", self.0),
        }
    }
}

impl fmt::Debug for AlertDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
