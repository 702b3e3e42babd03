//! APP (RFC 3550 §6.7).

use super::{Full, Writer, packet_type};
use crate::bytes::Reader;

/// An application-defined packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Application<'a> {
    /// 0 to 31, defined by the application.
    pub subtype: u8,
    /// Who sends it.
    pub ssrc: u32,
    /// Four ASCII characters.
    pub name: [u8; 4],
    /// The rest; a multiple of four octets.
    pub data: &'a [u8],
}

impl<'a> Application<'a> {
    pub(super) fn parse(count: u8, body: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        let ssrc = reader.u32()?;
        let name = reader.array()?;
        Some(Self { subtype: count, ssrc, name, data: reader.rest() })
    }
}

impl Writer<'_> {
    /// Appends an APP; its data is padded with zeros to a multiple of four octets.
    ///
    /// # Errors
    ///
    /// [`Full`], also for a subtype above 31; nothing was written then.
    pub fn application(&mut self, application: &Application<'_>) -> Result<(), Full> {
        if application.subtype > 31 {
            return Err(Full);
        }
        self.packet(application.subtype, packet_type::APPLICATION, |body| {
            body.u32(application.ssrc)?;
            body.put(&application.name)?;
            body.put(application.data)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtcp::Packet;
    use crate::rtcp::tests::{one, written};

    const GOLDEN: &[u8] = &[0x85, 204, 0, 3, 0, 0, 0, 1, b'n', b'a', b'm', b'e', 1, 2, 3, 4];

    #[test]
    fn the_golden_packet() {
        let Packet::Application(application) = one(GOLDEN) else { panic!("not an APP") };
        let expected = Application { subtype: 5, ssrc: 1, name: *b"name", data: &[1, 2, 3, 4] };
        assert_eq!(application, expected);
        assert_eq!(written(|writer| writer.application(&application)), GOLDEN);
    }

    #[test]
    fn a_subtype_has_five_bits() {
        let mut out = [0; 64];
        let application = Application { subtype: 32, ssrc: 1, name: *b"name", data: &[] };
        assert_eq!(Writer::new(&mut out).application(&application), Err(Full));
    }
}
