//! NewSessionTicket (RFC 5077 §3.3).

use crate::wire::{Reader, with_length};

/// A ticket to resume the session with; empty when the server thought better of it.
pub(crate) struct NewSessionTicket<'a> {
    /// How long the server will take it, in seconds; 0 where it does not say.
    pub(crate) lifetime_hint: u32,
    pub(crate) ticket: &'a [u8],
}

impl<'a> NewSessionTicket<'a> {
    pub(crate) fn read(body: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        let lifetime_hint = u32::from_be_bytes(reader.array()?);
        let ticket = reader.vec16()?;
        reader.end()?;
        Some(Self { lifetime_hint, ticket })
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = self.lifetime_hint.to_be_bytes().to_vec();
        with_length::<2>(&mut out, |out| out.extend_from_slice(self.ticket));
        out
    }
}
