//! What a Protector refuses.

mod support;

use support::{SSRC, compound, header, pair, pair_with_window, protect};
use tsubame_srtp::{MAX_OUTGOING_SSRCS, Profile, ProtectError, Protector, WindowSize};

fn attempt(protector: &mut Protector, ssrc: u32, index: u64) -> Result<usize, ProtectError> {
    protector.protect_rtp_into(index, &header(ssrc, index), b"payload", &mut [0; 100])
}

#[test]
fn an_index_is_used_once() {
    for profile in Profile::ALL {
        let (mut protector, _) = pair(profile);
        attempt(&mut protector, SSRC, 500).unwrap();
        let again = attempt(&mut protector, SSRC, 500);
        assert_eq!(again, Err(ProtectError::IndexReused { ssrc: SSRC, index: 500 }));
        // Another stream has its own.
        attempt(&mut protector, SSRC + 1, 500).unwrap();
    }
}

#[test]
fn a_payload_in_parts_is_the_same_packet() {
    for profile in Profile::ALL {
        let (mut whole, _) = pair(profile);
        let (mut parts, _) = pair(profile);
        let (mut expected, mut out) = ([0; 100], [0; 100]);
        let head = header(SSRC, 500);
        let len = whole.protect_rtp_into(500, &head, b"payload", &mut expected).unwrap();
        let payload: [&[u8]; 3] = [b"pay", b"", b"load"];
        assert_eq!(parts.protect_rtp_parts_into(500, &head, payload, &mut out), Ok(len));
        assert_eq!(out, expected);
        let too_small =
            parts.protect_rtp_parts_into(501, &header(SSRC, 501), payload, &mut out[..len - 1]);
        assert!(matches!(too_small, Err(ProtectError::BufferTooSmall { .. })));
    }
}

#[test]
fn a_late_packet_goes_out_under_its_own_lower_index_once() {
    for profile in Profile::ALL {
        let (mut protector, mut unprotector) = pair(profile);
        for index in [65_500, 65_627, 65_535] {
            let mut packet = protect(&mut protector, SSRC, index, b"late");
            assert_eq!(unprotector.unprotect_rtp(&mut packet).unwrap().index, index);
        }
        let again = attempt(&mut protector, SSRC, 65_535);
        assert_eq!(again, Err(ProtectError::IndexReused { ssrc: SSRC, index: 65_535 }));
        let below = attempt(&mut protector, SSRC, 65_499);
        let expected = ProtectError::IndexTooOld { ssrc: SSRC, index: 65_499, highest: 65_627 };
        assert_eq!(below, Err(expected));
    }
}

#[test]
fn the_window_of_used_indices_is_as_large_as_asked_for() {
    for (profile, size) in Profile::ALL.into_iter().zip([64, 128, 192, 512, 960, 1024]) {
        let window = WindowSize::new(size).unwrap();
        let (mut protector, _) = pair_with_window(profile, window);
        let (oldest, highest) = (65_001, 65_000 + size as u64);
        attempt(&mut protector, SSRC, highest).unwrap();
        attempt(&mut protector, SSRC, oldest).unwrap();
        for index in [oldest, highest] {
            let again = attempt(&mut protector, SSRC, index);
            assert_eq!(again, Err(ProtectError::IndexReused { ssrc: SSRC, index }));
        }
        let index = oldest - 1;
        let below = attempt(&mut protector, SSRC, index);
        assert_eq!(below, Err(ProtectError::IndexTooOld { ssrc: SSRC, index, highest }));
        // In between, each once.
        for index in oldest + 1..highest {
            attempt(&mut protector, SSRC, index).unwrap();
            attempt(&mut protector, SSRC, index).unwrap_err();
        }
    }
}

#[test]
fn no_two_packets_of_rtcp_have_one_index() {
    for profile in Profile::ALL {
        let (mut protector, _) = pair(profile);
        let mut indices = std::collections::BTreeSet::new();
        for step in 0..1000u32 {
            let mut out = [0; 100];
            // SSRCs, and encrypted or not: all count together.
            let packet = compound(step % 3);
            let len = if step % 7 == 0 {
                protector.authenticate_rtcp_into(&packet, &mut out).unwrap()
            } else {
                protector.protect_rtcp_into(&packet, &mut out).unwrap()
            };
            let end = if profile.name().starts_with("AEAD") { len } else { len - 10 };
            let word = u32::from_be_bytes(out[end - 4..end].try_into().unwrap());
            assert_eq!(word >> 31 == 0, step % 7 == 0);
            assert!(indices.insert(word & 0x7fff_ffff));
        }
    }
}

#[test]
fn an_index_ends_in_the_sequence_number_and_has_48_bits() {
    let (mut protector, _) = pair(Profile::AeadAes128Gcm);
    let out = &mut [0; 100];
    let mismatch = protector.protect_rtp_into(0x1_0001, &header(SSRC, 2), b"", out);
    let expected = ProtectError::IndexMismatch { index: 0x1_0001, sequence_number: 2 };
    assert_eq!(mismatch, Err(expected));
    assert_eq!(attempt(&mut protector, SSRC, 1 << 48), Err(ProtectError::KeyExhausted));
    attempt(&mut protector, SSRC, (1 << 48) - 1).unwrap();
}

#[test]
fn no_used_ssrc_is_forgotten() {
    let (mut protector, _) = pair(Profile::Aes128CmHmacSha1_32);
    // Scattered, so that they are not inserted in order.
    let ssrcs: Vec<u32> =
        (0..MAX_OUTGOING_SSRCS as u32).map(|n| n.wrapping_mul(0x9e37_79b1)).collect();
    for ssrc in &ssrcs {
        attempt(&mut protector, *ssrc, 9).unwrap();
    }
    assert_eq!(attempt(&mut protector, 1, 9), Err(ProtectError::TooManySsrcs));
    for ssrc in ssrcs {
        let again = attempt(&mut protector, ssrc, 9);
        assert_eq!(again, Err(ProtectError::IndexReused { ssrc, index: 9 }));
        attempt(&mut protector, ssrc, 10).unwrap();
    }
}

#[test]
fn a_small_buffer_is_an_error_and_uses_no_index() {
    for profile in Profile::ALL {
        let (mut protector, _) = pair(profile);
        let needed = 12 + 7 + profile.rtp_overhead();
        let header = header(SSRC, 5);
        let mut out = vec![0; needed - 1];
        let small = protector.protect_rtp_into(5, &header, b"payload", &mut out);
        assert_eq!(small, Err(ProtectError::BufferTooSmall { needed, available: needed - 1 }));
        out.push(0);
        assert_eq!(protector.protect_rtp_into(5, &header, b"payload", &mut out), Ok(needed));

        let needed = compound(SSRC).len() + profile.rtcp_overhead();
        let mut out = vec![0; needed - 1];
        let small = protector.protect_rtcp_into(&compound(SSRC), &mut out);
        assert_eq!(small, Err(ProtectError::BufferTooSmall { needed, available: needed - 1 }));
    }
}

#[test]
fn malformed_and_oversized_packets_are_refused() {
    let (mut protector, _) = pair(Profile::AeadAes128Gcm);
    let out = &mut [0; 70_000];
    let header = header(SSRC, 5);
    for len in 0..12 {
        let cut = protector.protect_rtp_into(5, &header[..len], b"", out);
        assert_eq!(cut, Err(ProtectError::Malformed));
    }
    let trailing = [header.as_slice(), &[0]].concat();
    let result = protector.protect_rtp_into(5, &trailing, b"", out);
    assert_eq!(result, Err(ProtectError::Malformed));
    let largest = vec![0; 65_535 - 12 - 16];
    assert_eq!(protector.protect_rtp_into(5, &header, &largest, out), Ok(65_535));
    let larger = vec![0; largest.len() + 1];
    let result = protector.protect_rtp_into(5, &header, &larger, out);
    assert_eq!(result, Err(ProtectError::TooLarge));
    for len in 0..8 {
        let result = protector.protect_rtcp_into(&compound(SSRC)[..len], out);
        assert_eq!(result, Err(ProtectError::Malformed));
    }
}

#[test]
fn nothing_printed_shows_a_key() {
    for profile in Profile::ALL {
        let key = vec![0xabu8; profile.key_len()];
        let salt = vec![0xcdu8; profile.salt_len()];
        let protector = Protector::new(profile, &key, &salt).unwrap();
        let unprotector = tsubame_srtp::Unprotector::new(profile, &key, &salt).unwrap();
        let printed = format!("{protector:?} {unprotector:?}");
        let expected = format!(
            "Protector {{ profile: {profile:?}, ssrcs: 0, next_rtcp_index: 0, .. }} \
             Unprotector {{ profile: {profile:?}, rtp_ssrcs: 0, rtcp_ssrcs: 0, .. }}"
        );
        assert_eq!(printed, expected);
    }
}
