//! HelloVerifyRequest (RFC 6347 §4.2.1).

use crate::v12::record::DTLS_1_0;
use crate::wire::{Reader, put_u16, with_length};

/// A cookie to be sent back. The version it stands under binds nobody.
pub(crate) struct HelloVerifyRequest<'a> {
    pub(crate) cookie: &'a [u8],
}

impl<'a> HelloVerifyRequest<'a> {
    pub(crate) fn read(body: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        reader.u16()?;
        let cookie = reader.vec8()?;
        reader.end()?;
        Some(Self { cookie })
    }

    /// RFC 6347 §4.2.1: under DTLS 1.0's number, whatever is negotiated later. The cookie is at most 255 bytes.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        put_u16(&mut out, DTLS_1_0);
        with_length::<1>(&mut out, |out| out.extend_from_slice(self.cookie));
        out
    }
}
