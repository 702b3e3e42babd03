//! Retransmission payloads (RFC 4588 §4): the original sequence number, then the original payload.

use crate::Packet;

/// Octets that the retransmission payload header takes.
pub const OVERHEAD: usize = 2;

/// The original sequence number and the original payload of a retransmission packet. `None` when it has
/// no such header: senders put padding-only probes on the retransmission stream.
#[must_use]
pub fn unwrap<'a>(packet: &Packet<'a>) -> Option<(u16, &'a [u8])> {
    let (osn, payload) = packet.payload().split_first_chunk()?;
    Some((u16::from_be_bytes(*osn), payload))
}

/// Writes the payload of a retransmission packet and gives its length, [`OVERHEAD`] more than that of
/// `payload`; `None` when `out` is too small.
pub fn wrap(original_sequence_number: u16, payload: &[u8], out: &mut [u8]) -> Option<usize> {
    let (osn, rest) = out.split_first_chunk_mut()?;
    *osn = original_sequence_number.to_be_bytes();
    rest.get_mut(..payload.len())?.copy_from_slice(payload);
    Some(OVERHEAD + payload.len())
}

/// Rebuilds the original packet: the header of the retransmission packet (with CSRCs and extensions) under the
/// original payload type, sequence number and SSRC, then the original payload without padding. Gives
/// its length; `None` when there is no original or `out` is too small. The extensions are those of the
/// retransmission packet: a transport-wide sequence number or a repaired RID among them is its own.
pub fn restore(packet: &Packet<'_>, payload_type: u8, ssrc: u32, out: &mut [u8]) -> Option<usize> {
    let (sequence_number, payload) = unwrap(packet)?;
    let header = packet.bytes().get(..packet.header_len())?;
    let len = header.len() + payload.len();
    let (head, tail) = out.get_mut(..len)?.split_at_mut_checked(header.len())?;
    head.copy_from_slice(header);
    tail.copy_from_slice(payload);
    let [first, second, s0, s1, _, _, _, _, source @ ..] = head.first_chunk_mut::<12>()?;
    *first &= !0x20;
    *second = *second & 0x80 | payload_type & 0x7f;
    [*s0, *s1] = sequence_number.to_be_bytes();
    *source = ssrc.to_be_bytes();
    Some(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A retransmission with an extension, a payload and two octets of padding.
    const RTX: &[u8] = &[
        0xb0, 0xe1, 0, 9, 0, 0, 0, 1, 0, 0, 0, 2, 0xbe, 0xde, 0, 1, 0x10, b'1', 0,
        0, // header
        0x12, 0x34, 0xaa, 0xbb, // OSN and payload
        0, 2, // padding
    ];

    #[test]
    fn unwraps_the_original_sequence_number() {
        let packet = Packet::parse(RTX).unwrap();
        assert_eq!(unwrap(&packet), Some((0x1234, &[0xaa, 0xbb][..])));
    }

    #[test]
    fn an_empty_retransmission_is_nothing() {
        for payload in [&[][..], &[0][..]] {
            let bytes = [&RTX[..20], payload].concat();
            let mut bytes = bytes;
            bytes[0] &= !0x20;
            let packet = Packet::parse(&bytes).unwrap();
            assert_eq!(unwrap(&packet), None);
            assert_eq!(restore(&packet, 96, 1, &mut [0; 64]), None);
        }
        // A probe: only padding.
        let bytes = [&RTX[..20], &[0, 0, 0, 4]].concat();
        assert_eq!(unwrap(&Packet::parse(&bytes).unwrap()), None);
    }

    #[test]
    fn restores_the_original_packet() {
        let packet = Packet::parse(RTX).unwrap();
        let mut out = [0xff; 64];
        let len = restore(&packet, 96, 0xcafe_babe, &mut out).unwrap();
        let original = Packet::parse(&out[..len]).unwrap();
        assert!(original.marker());
        assert_eq!(original.payload_type(), 96);
        assert_eq!(original.sequence_number(), 0x1234);
        assert_eq!(original.timestamp(), 1);
        assert_eq!(original.ssrc(), 0xcafe_babe);
        assert_eq!(original.extension(1), Some(&b"1"[..]));
        assert_eq!(original.payload(), [0xaa, 0xbb]);
        assert_eq!(original.padding_len(), 0);
        for short in 0..len {
            assert_eq!(restore(&packet, 96, 1, &mut out[..short]), None);
        }
    }

    #[test]
    fn wraps_what_it_unwraps() {
        let mut out = [0; 5];
        assert_eq!(wrap(0x1234, &[1, 2, 3], &mut out), Some(5));
        assert_eq!(out, [0x12, 0x34, 1, 2, 3]);
        assert_eq!(wrap(0x1234, &[1, 2, 3], &mut out[..4]), None);
        assert_eq!(wrap(0x1234, &[], &mut out[..1]), None);
    }
}
