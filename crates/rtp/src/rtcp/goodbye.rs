//! BYE (RFC 3550 §6.6).

use super::{Full, Writer, packet_type};
use crate::bytes::Reader;

/// Sources that leave, and perhaps why.
#[derive(Clone, Copy, Debug)]
pub struct Goodbye<'a> {
    ssrcs: &'a [u8],
    reason: Option<&'a [u8]>,
}

impl<'a> Goodbye<'a> {
    pub(super) fn parse(count: u8, body: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        let ssrcs = reader.take(usize::from(count) * 4)?;
        let reason = match reader.u8() {
            Some(len) => Some(reader.take(usize::from(len))?),
            None => None,
        };
        Some(Self { ssrcs, reason })
    }

    /// The sources, at most 31.
    pub fn ssrcs(&self) -> impl Iterator<Item = u32> + use<'a> {
        self.ssrcs.as_chunks().0.iter().map(|bytes| u32::from_be_bytes(*bytes))
    }

    /// The reason, which should be UTF-8.
    #[must_use]
    pub const fn reason(&self) -> Option<&'a [u8]> {
        self.reason
    }
}

impl Writer<'_> {
    /// Appends a BYE of at most 31 sources; an empty reason (at most 255 octets) is left out.
    ///
    /// # Errors
    ///
    /// [`Full`]; nothing was written then.
    pub fn goodbye(&mut self, ssrcs: &[u32], reason: &str) -> Result<(), Full> {
        let count = u8::try_from(ssrcs.len()).ok().filter(|count| *count <= 31).ok_or(Full)?;
        let len = u8::try_from(reason.len()).map_err(|_| Full)?;
        self.packet(count, packet_type::GOODBYE, |body| {
            ssrcs.iter().try_for_each(|ssrc| body.u32(*ssrc))?;
            if len == 0 {
                return Some(());
            }
            body.u8(len)?;
            body.put(reason.as_bytes())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtcp::tests::{one, written};
    use crate::rtcp::{Packet, packets};

    const GOLDEN: &[u8] =
        &[0x82, 203, 0, 4, 0, 0, 0, 1, 0, 0, 0, 2, 4, b'd', b'o', b'n', b'e', 0, 0, 0];

    #[test]
    fn the_golden_packet() {
        let Packet::Goodbye(goodbye) = one(GOLDEN) else { panic!("not a BYE") };
        assert_eq!(goodbye.ssrcs().collect::<Vec<_>>(), [1, 2]);
        assert_eq!(goodbye.reason(), Some(&b"done"[..]));
        assert_eq!(written(|writer| writer.goodbye(&[1, 2], "done")), GOLDEN);
    }

    #[test]
    fn without_a_reason() {
        let bytes = written(|writer| writer.goodbye(&[1], ""));
        assert_eq!(bytes, [0x81, 203, 0, 1, 0, 0, 0, 1]);
        let Packet::Goodbye(goodbye) = one(&bytes) else { panic!("not a BYE") };
        assert_eq!(goodbye.reason(), None);
    }

    #[test]
    fn a_reason_longer_than_the_packet_is_malformed() {
        let mut bytes = GOLDEN.to_vec();
        bytes[12] = 8;
        assert!(packets(&bytes).next().unwrap().is_err());
    }

    #[test]
    fn too_many_sources_are_refused() {
        let mut out = [0; 512];
        assert_eq!(Writer::new(&mut out).goodbye(&[0; 32], ""), Err(Full));
        assert_eq!(Writer::new(&mut out).goodbye(&[0; 31], ""), Ok(()));
    }
}
