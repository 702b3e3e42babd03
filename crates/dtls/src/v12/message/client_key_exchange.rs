//! ClientKeyExchange for ECDHE (RFC 8422 §5.7).

use crate::wire::{Reader, with_length};

/// The client's public value.
pub(crate) struct ClientKeyExchange<'a> {
    pub(crate) public: &'a [u8],
}

impl<'a> ClientKeyExchange<'a> {
    pub(crate) fn read(body: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        let public = reader.vec8()?;
        reader.end()?;
        Some(Self { public })
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.public.len() + 1);
        with_length::<1>(&mut out, |out| out.extend_from_slice(self.public));
        out
    }
}
