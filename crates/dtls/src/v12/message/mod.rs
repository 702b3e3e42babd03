//! Handshake messages (RFC 5246 §7.4, RFC 6347 §4.3.2), one per file: what they hold, how they are read and written.
//!
//! Reading gives `None` for a message that does not parse and judges nothing else.

use std::fmt;

mod certificate;
mod certificate_request;
mod certificate_verify;
mod client_hello;
mod client_key_exchange;
mod extension;
mod finished;
mod hello_verify_request;
mod new_session_ticket;
mod server_hello;
mod server_hello_done;
mod server_key_exchange;

pub(crate) use certificate::Certificate;
pub(crate) use certificate_request::{CertificateRequest, encode as encode_certificate_request};
pub(crate) use certificate_verify::CertificateVerify;
pub(crate) use client_hello::{ClientHello, ClientOffer};
pub(crate) use client_key_exchange::ClientKeyExchange;
pub(crate) use extension::{SESSION_TICKET, UseSrtp};
pub(crate) use finished::Finished;
pub(crate) use hello_verify_request::HelloVerifyRequest;
pub(crate) use new_session_ticket::NewSessionTicket;
pub(crate) use server_hello::{ServerChoice, ServerHello};
pub(crate) use server_hello_done::ServerHelloDone;
pub(crate) use server_key_exchange::{ServerEcdhParams, ServerKeyExchange};

/// The type of a handshake message (RFC 5246 §7.4). Any byte is representable.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct HandshakeType(pub u8);

impl HandshakeType {
    /// hello_request: a server asks to renegotiate.
    pub const HELLO_REQUEST: Self = Self(0);
    /// client_hello.
    pub const CLIENT_HELLO: Self = Self(1);
    /// server_hello.
    pub const SERVER_HELLO: Self = Self(2);
    /// hello_verify_request (RFC 6347 §4.3.2).
    pub const HELLO_VERIFY_REQUEST: Self = Self(3);
    /// new_session_ticket (RFC 5077 §3.3).
    pub const NEW_SESSION_TICKET: Self = Self(4);
    /// certificate.
    pub const CERTIFICATE: Self = Self(11);
    /// server_key_exchange.
    pub const SERVER_KEY_EXCHANGE: Self = Self(12);
    /// certificate_request.
    pub const CERTIFICATE_REQUEST: Self = Self(13);
    /// server_hello_done.
    pub const SERVER_HELLO_DONE: Self = Self(14);
    /// certificate_verify.
    pub const CERTIFICATE_VERIFY: Self = Self(15);
    /// client_key_exchange.
    pub const CLIENT_KEY_EXCHANGE: Self = Self(16);
    /// finished.
    pub const FINISHED: Self = Self(20);
}

impl fmt::Display for HandshakeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self {
            Self::HELLO_REQUEST => "HelloRequest",
            Self::CLIENT_HELLO => "ClientHello",
            Self::SERVER_HELLO => "ServerHello",
            Self::HELLO_VERIFY_REQUEST => "HelloVerifyRequest",
            Self::NEW_SESSION_TICKET => "NewSessionTicket",
            Self::CERTIFICATE => "Certificate",
            Self::SERVER_KEY_EXCHANGE => "ServerKeyExchange",
            Self::CERTIFICATE_REQUEST => "CertificateRequest",
            Self::SERVER_HELLO_DONE => "ServerHelloDone",
            Self::CERTIFICATE_VERIFY => "CertificateVerify",
            Self::CLIENT_KEY_EXCHANGE => "ClientKeyExchange",
            Self::FINISHED => "Finished",
            Self(other) => return write!(f, "handshake message {other}"),
        })
    }
}

impl fmt::Debug for HandshakeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A handshake message that was read.
pub(crate) enum Parsed<'a> {
    ClientHello(ClientHello<'a>),
    ServerHello(ServerHello<'a>),
    HelloVerifyRequest(HelloVerifyRequest<'a>),
    NewSessionTicket(NewSessionTicket<'a>),
    Certificate(Certificate<'a>),
    ServerKeyExchange(ServerKeyExchange<'a>),
    CertificateRequest(CertificateRequest<'a>),
    ServerHelloDone,
    CertificateVerify(CertificateVerify<'a>),
    ClientKeyExchange(ClientKeyExchange<'a>),
    Finished(Finished),
    /// A type that has no business in this handshake.
    Other,
}

impl<'a> Parsed<'a> {
    pub(crate) fn read(kind: HandshakeType, body: &'a [u8]) -> Option<Self> {
        #[cfg(test)]
        super::tests::work::count(|work| work.parsed += body.len());
        Some(match kind {
            HandshakeType::CLIENT_HELLO => Self::ClientHello(ClientHello::read(body)?),
            HandshakeType::SERVER_HELLO => Self::ServerHello(ServerHello::read(body)?),
            HandshakeType::HELLO_VERIFY_REQUEST => {
                Self::HelloVerifyRequest(HelloVerifyRequest::read(body)?)
            }
            HandshakeType::NEW_SESSION_TICKET => {
                Self::NewSessionTicket(NewSessionTicket::read(body)?)
            }
            HandshakeType::CERTIFICATE => Self::Certificate(Certificate::read(body)?),
            HandshakeType::SERVER_KEY_EXCHANGE => {
                Self::ServerKeyExchange(ServerKeyExchange::read(body)?)
            }
            HandshakeType::CERTIFICATE_REQUEST => {
                Self::CertificateRequest(CertificateRequest::read(body)?)
            }
            HandshakeType::SERVER_HELLO_DONE => {
                ServerHelloDone::read(body)?;
                Self::ServerHelloDone
            }
            HandshakeType::CERTIFICATE_VERIFY => {
                Self::CertificateVerify(CertificateVerify::read(body)?)
            }
            HandshakeType::CLIENT_KEY_EXCHANGE => {
                Self::ClientKeyExchange(ClientKeyExchange::read(body)?)
            }
            HandshakeType::FINISHED => Self::Finished(Finished::read(body)?),
            _ => Self::Other,
        })
    }
}
