//! CSRCs and header extensions encrypted with the payload (RFC 9335).

mod support;

use support::golden::{Extra, golden};
use support::{SSRC, header, pair};
use tsubame_srtp::{Profile, ProtectError, UnprotectError};

/// A header with `csrcs` CSRCs and an extension of `words` words.
fn extended(index: u64, csrcs: u8, profile: u16, words: u16) -> Vec<u8> {
    let mut extended = header(SSRC, index).to_vec();
    extended[0] |= 0x10 | csrcs;
    extended.extend((0..4 * csrcs).map(|n| 0xc0 ^ n));
    extended.extend(profile.to_be_bytes());
    extended.extend(words.to_be_bytes());
    extended.extend((0..4 * words).map(|n| 0xe0 ^ n as u8));
    extended
}

#[test]
fn headers_of_every_shape_come_out_as_they_went_in() {
    for profile in Profile::ALL {
        let (mut protector, mut unprotector) = pair(profile);
        unprotector.accept_cryptex();
        let mut index = 0;
        for csrcs in 0..=15 {
            for (form, words) in [(0xbede, 0), (0xbede, 1), (0x1000, 5), (0x1000, 0)] {
                index += 1;
                let header = extended(index, csrcs, form, words);
                let mut out = [0; 300];
                let len = protector
                    .protect_rtp_cryptex_into(index, &header, b"payload", &mut out)
                    .unwrap();
                assert_eq!(len, header.len() + 7 + profile.rtp_overhead());
                assert_eq!(out[..12], header[..12]);
                if csrcs > 0 {
                    let behind = 12 + 4 * usize::from(csrcs);
                    assert_ne!(out[12..behind], header[12..behind]);
                }
                let opened = unprotector.unprotect_rtp(&mut out[..len]).unwrap();
                assert_eq!(out[..opened.len], [&header[..], b"payload"].concat());
            }
        }
    }
}

#[test]
fn a_header_that_cannot_say_so_is_refused_and_uses_no_index() {
    let (mut protector, _) = pair(Profile::AeadAes128Gcm);
    let out = &mut [0; 200];
    let mut csrcs_alone = header(SSRC, 1).to_vec();
    csrcs_alone[0] |= 2;
    csrcs_alone.extend([0; 8]);
    for header in [header(SSRC, 1).to_vec(), csrcs_alone, extended(1, 0, 0x04d2, 1)] {
        let refused = protector.protect_rtp_cryptex_into(1, &header, b"payload", out);
        assert_eq!(refused, Err(ProtectError::Malformed));
    }
    protector.protect_rtp_cryptex_into(1, &extended(1, 0, 0xbede, 0), b"payload", out).unwrap();
}

/// Not negotiated: nothing of the header is believed to be hidden, and AEAD says so.
#[test]
fn it_is_accepted_only_where_it_was_negotiated() {
    for packet in golden().iter().filter(|packet| packet.extra == Some(Extra::Cryptex)) {
        let opened = packet.open(&mut packet.unprotector(), &packet.protected);
        let has_hidden_header = packet.plain[0] & 0x0f != 0 || packet.plain[15] != 0;
        if packet.profile == Profile::AeadAes128Gcm && has_hidden_header {
            assert_eq!(opened, Err(UnprotectError::Unauthentic), "{}", packet.id);
        } else {
            assert_ne!(opened, Ok(packet.plain.clone()), "{}", packet.id);
        }
    }
}

#[test]
fn every_flipped_bit_and_every_truncation_is_refused() {
    for packet in golden().iter().filter(|packet| packet.extra == Some(Extra::Cryptex)) {
        let mut receiver = packet.unprotector();
        receiver.accept_cryptex();
        for bit in 0..packet.protected.len() * 8 {
            let mut damaged = packet.protected.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(packet.open(&mut receiver, &damaged).is_err(), "{}: bit {bit}", packet.id);
        }
        for len in 0..packet.protected.len() {
            assert!(packet.open(&mut receiver, &packet.protected[..len]).is_err());
        }
        assert_eq!(receiver.ssrcs(), (0, 0));
        let opened = packet.open(&mut receiver, &packet.protected);
        assert_eq!(opened.as_ref(), Ok(&packet.plain), "{}", packet.id);
    }
}

/// Receivers that know of it still take packets that hide nothing.
#[test]
fn ordinary_packets_pass_beside_it() {
    for profile in Profile::ALL {
        let (mut protector, mut unprotector) = pair(profile);
        unprotector.accept_cryptex();
        let header = extended(1, 3, 0xbede, 2);
        let mut out = [0; 200];
        let len = protector.protect_rtp_into(1, &header, b"payload", &mut out).unwrap();
        assert_eq!(out[..header.len()], header);
        let opened = unprotector.unprotect_rtp(&mut out[..len]).unwrap();
        assert_eq!(out[..opened.len], [&header[..], b"payload"].concat());
    }
}
