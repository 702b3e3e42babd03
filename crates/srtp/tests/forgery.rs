//! Forged packets are refused, and leave no trace.

mod support;

use proptest::prelude::*;
use support::{SSRC, compound, pair, protect, protect_rtcp};
use tsubame_srtp::{MAX_INCOMING_SSRCS, Profile, UnprotectError, Unprotector};

#[test]
fn a_million_forged_ssrcs_grow_nothing() {
    for profile in Profile::ALL {
        let (mut protector, mut unprotector) = pair(profile);
        let mut packet = protect(&mut protector, SSRC, 1000, &[0; 4]);
        let mut report = protect_rtcp(&mut protector, &compound(SSRC));
        unprotector.unprotect_rtp(&mut packet.clone()).unwrap();
        unprotector.unprotect_rtcp(&mut report.clone()).unwrap();
        // Every profile gets its share of the million.
        for ssrc in 0..250_000u32 {
            packet[8..12].copy_from_slice(&ssrc.to_be_bytes());
            assert_eq!(unprotector.unprotect_rtp(&mut packet), Err(UnprotectError::Unauthentic));
            report[4..8].copy_from_slice(&ssrc.to_be_bytes());
            assert_eq!(unprotector.unprotect_rtcp(&mut report), Err(UnprotectError::Unauthentic));
        }
        assert_eq!(unprotector.ssrcs(), (1, 1));
    }
}

#[test]
fn a_forged_packet_moves_no_roll_over_counter() {
    for profile in Profile::ALL {
        let (mut protector, mut unprotector) = pair(profile);
        unprotector.unprotect_rtp(&mut protect(&mut protector, SSRC, 65_500, &[1; 20])).unwrap();
        let mut forged = protect(&mut protector, SSRC, 65_536 + 20_000, &[1; 20]);
        forged[15] ^= 1;
        assert_eq!(unprotector.unprotect_rtp(&mut forged), Err(UnprotectError::Unauthentic));
        let mut next = protect(&mut protector, SSRC, 65_536 + 20_001, &[1; 20]);
        assert_eq!(unprotector.unprotect_rtp(&mut next).unwrap().index, 65_536 + 20_001);
    }
}

#[test]
fn the_ssrc_silent_longest_makes_room() {
    let (mut protector, mut unprotector) = pair(Profile::AeadAes128Gcm);
    let mut accept = |unprotector: &mut Unprotector, ssrc, index| {
        unprotector.unprotect_rtp(&mut protect(&mut protector, ssrc, index, b"x")).unwrap();
    };
    for ssrc in 0..MAX_INCOMING_SSRCS as u32 {
        accept(&mut unprotector, ssrc, 1);
    }
    accept(&mut unprotector, 0, 2);
    assert_eq!(unprotector.ssrcs().0, MAX_INCOMING_SSRCS);
    accept(&mut unprotector, 1000, 1);
    assert_eq!(unprotector.ssrcs().0, MAX_INCOMING_SSRCS);
    let (mut again, _) = pair(Profile::AeadAes128Gcm);
    let mut replay = |ssrc| unprotector.unprotect_rtp(&mut protect(&mut again, ssrc, 1, b"x"));
    assert_eq!(replay(0), Err(UnprotectError::Replayed));
    assert_eq!(replay(2), Err(UnprotectError::Replayed));
    // SSRC 1 was silent longest: it is the one that was forgotten.
    assert!(replay(1).is_ok());
}

proptest! {
    #[test]
    fn arbitrary_octets_are_refused(mut octets in proptest::collection::vec(any::<u8>(), 0..200)) {
        for profile in Profile::ALL {
            let (_, mut unprotector) = pair(profile);
            prop_assert!(unprotector.unprotect_rtp(&mut octets).is_err());
            prop_assert!(unprotector.unprotect_rtcp(&mut octets).is_err());
        }
    }
}
