//! CertificateVerify (RFC 5246 §7.4.8).

use crate::v12::signature::SignatureScheme;
use crate::wire::{Reader, put_u16, with_length};

/// A signature over every handshake message before it.
pub(crate) struct CertificateVerify<'a> {
    /// The code point of the scheme, known or not.
    pub(crate) scheme: u16,
    pub(crate) signature: &'a [u8],
}

impl<'a> CertificateVerify<'a> {
    pub(crate) fn read(body: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        let (scheme, signature) = (reader.u16()?, reader.vec16()?);
        reader.end()?;
        Some(Self { scheme, signature })
    }

    pub(crate) fn encode(scheme: SignatureScheme, signature: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(signature.len() + 4);
        put_u16(&mut out, scheme.id());
        with_length::<2>(&mut out, |out| out.extend_from_slice(signature));
        out
    }
}
