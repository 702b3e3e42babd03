//! Every truncation and every bit flip of every golden packet, lengths that lie, and random octets. Nothing panics, and every
//! iterator ends after steps that the octets pay for.

use proptest::prelude::*;
use tsubame_rtp::{Packet, rtcp};

use crate::support::{
    affordable, all_rtcp, all_rtp, rewritten_rtcp, rewritten_rtp, walk_rtcp, walk_rtp,
    walk_rtp_payload, with_header,
};

/// Every flip of one bit, or of two neighbouring ones, one after the other in the same buffer.
fn each_flip(golden: &[u8], mut see: impl FnMut(&[u8])) {
    let mut bytes = golden.to_vec();
    for pattern in [1_u8, 3] {
        for bit in 0..golden.len() * 8 {
            bytes[bit / 8] ^= pattern << (bit % 8);
            see(&bytes);
            bytes[bit / 8] = golden[bit / 8];
        }
    }
}

#[test]
fn every_bit_flip_of_every_rtcp_packet_is_survived() {
    for golden in all_rtcp() {
        each_flip(&golden.bytes, |bytes| {
            assert!(walk_rtcp(bytes) <= affordable(bytes), "{} {bytes:02x?}", golden.name);
        });
    }
}

/// What is understood of a flipped packet can be written, and what was written is understood and written the same.
#[test]
fn every_bit_flip_of_every_rtcp_packet_is_written_stably() {
    for golden in all_rtcp() {
        each_flip(&golden.bytes, |bytes| {
            let once = rewritten_rtcp(bytes);
            assert_eq!(rewritten_rtcp(&once), once, "{} {bytes:02x?}", golden.name);
        });
    }
}

#[test]
fn every_bit_flip_of_every_rtp_packet_is_written_stably() {
    for golden in all_rtp() {
        each_flip(&golden.bytes, |bytes| {
            let Some(once) = rewritten_rtp(bytes) else { return };
            assert_eq!(rewritten_rtp(&once), Some(once.clone()), "{} {bytes:02x?}", golden.name);
            let (before, after) = (Packet::parse(bytes).unwrap(), Packet::parse(&once).unwrap());
            assert!(after.extensions().eq(before.extensions()));
            assert!(after.csrcs().eq(before.csrcs()));
            assert_eq!(after.payload(), before.payload());
            assert_eq!(after.padding_len(), before.padding_len());
        });
    }
}

#[test]
fn every_truncation_of_every_rtcp_packet_is_an_error_and_the_end() {
    for golden in all_rtcp() {
        let whole = rtcp::packets(&golden.bytes).count();
        let mut boundaries = 0;
        for len in 1..golden.bytes.len() {
            let packets: Vec<_> = rtcp::packets(&golden.bytes[..len]).collect();
            let errors = packets.iter().filter(|packet| packet.is_err()).count();
            assert!(packets.len() <= whole);
            // Between two packets of a compound nothing is missing.
            if errors == 0 {
                boundaries += 1;
            } else {
                assert!(errors == 1 && packets.last().unwrap().is_err(), "{} {len}", golden.name);
            }
        }
        assert_eq!(boundaries, whole - 1, "{}", golden.name);
    }
}

/// The same with a length field that says so: what is inside is refused, not read beyond.
#[test]
fn every_shortened_rtcp_packet_is_survived() {
    for golden in all_rtcp() {
        for words in 1..golden.bytes.len() / 4 {
            let mut bytes = golden.bytes[..words * 4].to_vec();
            let length = (bytes.len() as u16 / 4 - 1).to_be_bytes();
            bytes[2..4].copy_from_slice(&length);
            assert!(walk_rtcp(&bytes) <= affordable(&bytes), "{bytes:02x?}");
        }
    }
}

/// Every value of the five bits beside the version, and of the packet type, over every golden body.
#[test]
fn every_type_and_count_over_every_rtcp_body_is_survived() {
    for golden in all_rtcp() {
        let mut bytes = golden.bytes.clone();
        for packet_type in 192..224 {
            for first in 0x80..0xc0 {
                (bytes[0], bytes[1]) = (first, packet_type);
                assert!(walk_rtcp(&bytes) <= affordable(&bytes), "{bytes:02x?}");
            }
        }
    }
}

#[test]
fn every_bit_flip_of_every_rtp_packet_is_survived() {
    for golden in all_rtp() {
        let len = Packet::parse(&golden.bytes).unwrap().header_len();
        each_flip(&golden.bytes, |bytes| {
            // Whoever reads the header alone has seen the one that is whole.
            let walk =
                if bytes[..len] == golden.bytes[..len] { walk_rtp_payload } else { walk_rtp };
            walk(bytes);
        });
    }
}

#[test]
fn every_truncation_of_every_rtp_packet_is_survived() {
    for golden in all_rtp() {
        for len in 0..golden.bytes.len() {
            walk_rtp(&golden.bytes[..len]);
        }
    }
}

/// Each octet of the padding count, with the flag and without, over every golden packet.
#[test]
fn every_padding_count_of_every_rtp_packet_is_survived() {
    for golden in all_rtp() {
        let mut bytes = golden.bytes;
        for padded in [false, true] {
            bytes[0] = bytes[0] & !0x20 | u8::from(padded) << 5;
            for claimed in 0..=255 {
                *bytes.last_mut().unwrap() = claimed;
                walk_rtp(&bytes);
            }
        }
    }
}

/// Each length of the header extension and each form of it, and neither.
#[test]
fn every_extension_length_is_survived() {
    for golden in all_rtp() {
        let at = 12 + usize::from(golden.bytes[0] & 0x0f) * 4;
        if golden.bytes[0] & 0x10 == 0 {
            continue;
        }
        let mut bytes = golden.bytes;
        for profile in [0xbede_u16, 0x1000, 0x100f, 0x1010, 0] {
            bytes[at..at + 2].copy_from_slice(&profile.to_be_bytes());
            for words in (0..400).chain([0x7fff, 0xffff_u16]) {
                bytes[at + 2..at + 4].copy_from_slice(&words.to_be_bytes());
                walk_rtp(&bytes);
            }
        }
    }
}

proptest! {
    #[test]
    fn random_octets_are_survived(mut bytes in proptest::collection::vec(any::<u8>(), 0..1500)) {
        walk_rtp(&bytes);
        prop_assert!(walk_rtcp(&bytes) <= affordable(&bytes));
        if let Some(first) = bytes.first_mut() {
            *first = 0x80 | *first & 0x3f;
        }
        walk_rtp(&bytes);
        prop_assert!(walk_rtcp(&bytes) <= affordable(&bytes));
    }

    #[test]
    fn random_rtcp_contents_are_survived(
        count in 0u8..32,
        packet_type in 200u8..=208,
        padded: bool,
        words in 0usize..40,
        seed in proptest::collection::vec(any::<u8>(), 160),
    ) {
        let mut bytes = vec![0x80 | u8::from(padded) << 5 | count, packet_type, 0, words as u8];
        bytes.extend(&seed[..words * 4]);
        prop_assert!(walk_rtcp(&bytes) <= affordable(&bytes));
    }

    #[test]
    fn random_payloads_are_survived(payload in proptest::collection::vec(any::<u8>(), 1..64)) {
        walk_rtp(&with_header(&payload));
    }

    /// Random elements under every identifier, in both forms.
    #[test]
    fn random_extensions_are_survived(
        two_byte: bool,
        body in proptest::collection::vec(any::<u8>(), 0..128),
        payload in proptest::collection::vec(any::<u8>(), 0..8),
    ) {
        let mut bytes = with_header(&[]);
        bytes[0] |= 0x10;
        bytes.extend(if two_byte { [0x10, 0] } else { [0xbe, 0xde] });
        bytes.extend((body.len() as u16 / 4).to_be_bytes());
        bytes.extend(&body[..body.len() / 4 * 4]);
        bytes.extend(payload);
        walk_rtp(&bytes);
    }
}
