//! What all feedback messages begin with (RFC 4585 §6.1).

use crate::bytes::{Cursor, Reader};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FeedbackHeader {
    pub(super) sender_ssrc: u32,
    pub(super) media_ssrc: u32,
}

impl FeedbackHeader {
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self { sender_ssrc: reader.u32()?, media_ssrc: reader.u32()? })
    }

    pub(super) fn write(self, cursor: &mut Cursor<'_>) -> Option<()> {
        cursor.u32(self.sender_ssrc)?;
        cursor.u32(self.media_ssrc)
    }
}
