//! NewSessionTicket (RFC 5077 §3.3).

use crate::wire::{Reader, with_length};

/// A ticket to resume the session with; empty when the server thought better of it.
pub(crate) struct NewSessionTicket<'a> {
    pub(crate) ticket: &'a [u8],
}

impl<'a> NewSessionTicket<'a> {
    pub(crate) fn read(body: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        let _lifetime_hint: [u8; 4] = reader.array()?;
        let ticket = reader.vec16()?;
        reader.end()?;
        Some(Self { ticket })
    }

    /// Without a hint of its lifetime: that is up to the key's.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = vec![0; 4];
        with_length::<2>(&mut out, |out| out.extend_from_slice(self.ticket));
        out
    }
}
