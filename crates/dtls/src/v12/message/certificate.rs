//! Certificate (RFC 5246 §7.4.2).

use crate::wire::{Reader, with_length};

/// The first certificate of a chain; the rest is checked for form and left alone, since fingerprints bind the first.
pub(crate) struct Certificate<'a> {
    /// In DER; `None` when the chain is empty.
    pub(crate) end_entity: Option<&'a [u8]>,
}

impl<'a> Certificate<'a> {
    pub(crate) fn read(body: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        let mut chain = Reader::new(reader.vec24()?);
        reader.end()?;
        let mut end_entity = None;
        while !chain.is_empty() {
            let certificate = chain.vec24()?;
            end_entity.get_or_insert(certificate);
        }
        Some(Self { end_entity })
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.end_entity.map_or(3, |der| der.len() + 6));
        with_length::<3>(&mut out, |out| {
            if let Some(der) = self.end_entity {
                with_length::<3>(out, |out| out.extend_from_slice(der));
            }
        });
        out
    }
}
