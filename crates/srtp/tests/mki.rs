//! Packets that carry a master key identifier (RFC 3711 §3.1).

mod support;

use support::{SSRC, compound, pair, protect, protect_rtcp};
use tsubame_srtp::{Profile, UnprotectError};

/// HMAC-SHA1: before the tag, of RTCP behind the index. AEAD: at the end (RFC 7714 §8.2, §9.2).
fn with_mki(profile: Profile, is_rtp: bool, packet: &[u8], mki: &[u8]) -> Vec<u8> {
    let tag = match (profile.name().starts_with("AEAD"), is_rtp) {
        (true, _) => 0,
        (false, true) => profile.rtp_overhead(),
        (false, false) => profile.rtcp_overhead() - 4,
    };
    let mut packet = packet.to_vec();
    let at = packet.len() - tag;
    packet.splice(at..at, mki.iter().copied());
    packet
}

#[test]
fn an_identifier_of_every_length_is_stepped_over() {
    for profile in Profile::ALL {
        for len in [0, 1, 4, 128, 255u8] {
            let (mut protector, mut unprotector) = pair(profile);
            unprotector.expect_mki(len);
            let mki = vec![0x6b; len.into()];
            let rtp = protect(&mut protector, SSRC, 7, b"payload");
            let mut carrying = with_mki(profile, true, &rtp, &mki);
            let opened = unprotector.unprotect_rtp(&mut carrying).unwrap();
            assert_eq!(carrying[12..opened.len], *b"payload", "{profile:?} {len}");

            let plain = compound(SSRC);
            for is_encrypted in [true, false] {
                let mut out = vec![0; plain.len() + profile.rtcp_overhead()];
                if is_encrypted {
                    protector.protect_rtcp_into(&plain, &mut out).unwrap();
                } else {
                    protector.authenticate_rtcp_into(&plain, &mut out).unwrap();
                }
                let mut carrying = with_mki(profile, false, &out, &mki);
                assert_eq!(unprotector.unprotect_rtcp(&mut carrying), Ok(plain.len()));
                assert_eq!(carrying[..plain.len()], plain, "{profile:?} {len}");
            }
        }
    }
}

#[test]
fn an_identifier_of_another_length_is_refused() {
    for profile in Profile::ALL {
        let (mut protector, mut unprotector) = pair(profile);
        let rtp = protect(&mut protector, SSRC, 7, b"payload");
        let rtcp = protect_rtcp(&mut protector, &compound(SSRC));
        for expected in [0, 1, 3, 5, 8] {
            unprotector.expect_mki(expected);
            for carried in [0, 1, 3, 5, 8] {
                if carried == usize::from(expected) {
                    continue;
                }
                let mki = vec![7; carried];
                let mut packet = with_mki(profile, true, &rtp, &mki);
                assert!(unprotector.unprotect_rtp(&mut packet).is_err(), "{expected} {carried}");
                let mut packet = with_mki(profile, false, &rtcp, &mki);
                assert!(unprotector.unprotect_rtcp(&mut packet).is_err(), "{expected} {carried}");
            }
        }
        assert_eq!(unprotector.ssrcs(), (0, 0));
    }
}

#[test]
fn a_packet_too_short_for_its_identifier_is_malformed() {
    for profile in Profile::ALL {
        let (mut protector, mut unprotector) = pair(profile);
        unprotector.expect_mki(8);
        let mut rtp = protect(&mut protector, SSRC, 7, &[0; 7]);
        assert_eq!(unprotector.unprotect_rtp(&mut rtp), Err(UnprotectError::Malformed));
        let mut rtcp = protect_rtcp(&mut protector, &support::report(SSRC));
        assert_eq!(unprotector.unprotect_rtcp(&mut rtcp), Err(UnprotectError::Malformed));
    }
}
