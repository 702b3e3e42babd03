//! SRTCP encrypted and not, alone and mixed.

mod support;

use support::{SSRC, authenticate_rtcp, compound, pair, protect_rtcp, report};
use tsubame_srtp::{Profile, UnprotectError};

#[test]
fn what_is_only_authenticated_stays_readable_and_opens() {
    for profile in Profile::ALL {
        let (mut protector, mut unprotector) = pair(profile);
        let plain = compound(SSRC);
        let mut clear = authenticate_rtcp(&mut protector, &plain);
        assert_eq!(clear[..plain.len()], plain);
        let mut encrypted = protect_rtcp(&mut protector, &plain);
        assert_eq!(encrypted[..8], plain[..8]);
        assert_ne!(encrypted[8..plain.len()], plain[8..]);
        for packet in [&mut encrypted, &mut clear] {
            assert_eq!(unprotector.unprotect_rtcp(packet), Ok(plain.len()));
            assert_eq!(packet[..plain.len()], plain);
        }
    }
}

/// Otherwise whoever clears the E flag reads nothing but changes what the receiver reads.
#[test]
fn the_e_flag_is_authenticated() {
    for profile in Profile::ALL {
        let (mut protector, mut unprotector) = pair(profile);
        for mut packet in [
            protect_rtcp(&mut protector, &compound(SSRC)),
            authenticate_rtcp(&mut protector, &compound(SSRC)),
        ] {
            let at = packet.len() - if profile.name().starts_with("AEAD") { 4 } else { 14 };
            packet[at] ^= 0x80;
            let opened = unprotector.unprotect_rtcp(&mut packet.clone());
            assert_eq!(opened, Err(UnprotectError::Unauthentic));
            packet[at] ^= 0x80;
            assert_eq!(unprotector.unprotect_rtcp(&mut packet), Ok(compound(SSRC).len()));
        }
    }
}

#[test]
fn one_that_is_only_authenticated_is_refused_when_damaged_or_replayed() {
    for profile in Profile::ALL {
        let (mut protector, mut unprotector) = pair(profile);
        let packet = authenticate_rtcp(&mut protector, &compound(SSRC));
        for bit in 0..packet.len() * 8 {
            let mut damaged = packet.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(unprotector.unprotect_rtcp(&mut damaged).is_err(), "{profile:?}: bit {bit}");
        }
        assert_eq!(unprotector.ssrcs(), (0, 0));
        unprotector.unprotect_rtcp(&mut packet.clone()).unwrap();
        let again = unprotector.unprotect_rtcp(&mut packet.clone());
        assert_eq!(again, Err(UnprotectError::Replayed));
    }
}

/// A report without blocks is nothing but what stays in the clear.
#[test]
fn the_shortest_packet_has_eight_octets() {
    for profile in Profile::ALL {
        let (mut protector, mut unprotector) = pair(profile);
        for mut packet in [
            protect_rtcp(&mut protector, &report(1)),
            authenticate_rtcp(&mut protector, &report(1)),
        ] {
            assert_eq!(packet.len(), 8 + profile.rtcp_overhead());
            assert_eq!(unprotector.unprotect_rtcp(&mut packet), Ok(8));
            assert_eq!(packet[..8], report(1));
        }
    }
}

/// RTP and RTCP have keys of their own: what one sealed the other refuses.
#[test]
fn rtp_keys_open_no_rtcp_and_the_other_way_round() {
    for profile in Profile::ALL {
        let (mut protector, mut unprotector) = pair(profile);
        let rtcp = protect_rtcp(&mut protector, &compound(SSRC));
        assert!(unprotector.unprotect_rtp(&mut rtcp.clone()).is_err());
        let rtp = support::protect(&mut protector, SSRC, 7, &[0; 40]);
        assert!(unprotector.unprotect_rtcp(&mut rtp.clone()).is_err());
        assert_eq!(unprotector.ssrcs(), (0, 0));
    }
}
