//! Outgoing RTCP, put together to compound packets of at most one datagram.

use tsubame_rtp::rtcp::{Full, Writer};
use tsubame_udp::Priority;

use crate::limits::RTCP_COMPOUND;
use crate::sink::Sink;
use crate::transport::Transport;

/// Trailer, tag and what else SRTCP adds.
const SRTCP_OVERHEAD: usize = 24;

pub(super) struct Compound {
    buffer: [u8; RTCP_COMPOUND],
    len: usize,
}

impl Compound {
    pub(super) fn new() -> Self {
        Self { buffer: [0; RTCP_COMPOUND], len: 0 }
    }

    /// Appends what `write` writes; what is there already goes out first where both do not fit.
    pub(super) fn add(
        &mut self,
        transport: &mut Transport,
        sink: &mut impl Sink,
        mut write: impl FnMut(&mut Writer<'_>) -> Result<(), Full>,
    ) {
        if self.try_add(&mut write).is_err() {
            self.send(transport, sink);
            // What does not fit an empty compound cannot be sent at all.
            let _ = self.try_add(&mut write);
        }
    }

    fn try_add(
        &mut self,
        write: &mut impl FnMut(&mut Writer<'_>) -> Result<(), Full>,
    ) -> Result<(), Full> {
        let mut writer = Writer::new(&mut self.buffer[self.len..]);
        write(&mut writer)?;
        self.len += writer.finish();
        Ok(())
    }

    /// Encrypts and sends what was put together.
    pub(super) fn send(&mut self, transport: &mut Transport, sink: &mut impl Sink) {
        let compound = &self.buffer[..std::mem::take(&mut self.len)];
        if compound.is_empty() {
            return;
        }
        let Some((path, protector)) = transport.sender() else { return };
        sink.datagram(&path, Priority::High, compound.len() + SRTCP_OVERHEAD, |out| {
            protector.protect_rtcp_into(compound, out).ok()
        });
    }
}
