//! Forged packets are refused, and leave no trace.

mod support;

use proptest::prelude::*;
use support::{SSRC, compound, header, pair, protect, protect_rtcp};
use tsubame_srtp::{MAX_INCOMING_SSRCS, Profile, Protector, UnprotectError, Unprotector};

#[test]
fn a_million_forged_ssrcs_grow_nothing() {
    for profile in Profile::ALL {
        let (mut protector, mut unprotector) = pair(profile);
        let mut packet = protect(&mut protector, SSRC, 1000, &[0; 4]);
        let mut report = protect_rtcp(&mut protector, &compound(SSRC));
        unprotector.unprotect_rtp(&mut packet.clone()).unwrap();
        unprotector.unprotect_rtcp(&mut report.clone()).unwrap();
        // Every profile gets its share of the million.
        for ssrc in 0..170_000u32 {
            packet[8..12].copy_from_slice(&ssrc.to_be_bytes());
            assert_eq!(unprotector.unprotect_rtp(&mut packet), Err(UnprotectError::Unauthentic));
            report[4..8].copy_from_slice(&ssrc.to_be_bytes());
            assert_eq!(unprotector.unprotect_rtcp(&mut report), Err(UnprotectError::Unauthentic));
        }
        assert_eq!(unprotector.ssrcs(), (1, 1));
    }
}

#[test]
fn ten_thousand_bad_tags_change_nothing_for_the_next_good_packet() {
    for profile in Profile::ALL {
        let (mut protector, mut unprotector) = pair(profile);
        let good: Vec<_> =
            (0..3).map(|index| protect(&mut protector, SSRC, index, &[index as u8; 30])).collect();
        let report = protect_rtcp(&mut protector, &compound(SSRC));
        unprotector.unprotect_rtp(&mut good[0].clone()).unwrap();
        for attempt in 0..10_000u32 {
            let mut forged = good[1].clone();
            let at = forged.len() - 4;
            // Another sequence number each time, so that each would be a new index.
            forged[2..4].copy_from_slice(&(attempt as u16).to_be_bytes());
            forged[at] ^= 1;
            assert!(unprotector.unprotect_rtp(&mut forged).is_err());
            let mut forged = report.clone();
            forged[10] ^= (attempt % 255 + 1) as u8;
            assert_eq!(unprotector.unprotect_rtcp(&mut forged), Err(UnprotectError::Unauthentic));
        }
        for packet in &good[1..] {
            unprotector.unprotect_rtp(&mut packet.clone()).unwrap();
        }
        assert_eq!(unprotector.unprotect_rtcp(&mut report.clone()), Ok(compound(SSRC).len()));
        assert_eq!(unprotector.ssrcs(), (1, 1));
    }
}

/// Whoever does not hold the keys injects nothing, from whatever address.
#[test]
fn packets_of_another_key_are_refused() {
    for profile in Profile::ALL {
        let (_, mut unprotector) = pair(profile);
        let (key, salt) = (vec![1; profile.key_len()], vec![2; profile.salt_len()]);
        let mut stranger = Protector::new(profile, &key, &salt).unwrap();
        for index in 0..100 {
            let mut rtp = protect(&mut stranger, SSRC, index, b"injected");
            assert_eq!(unprotector.unprotect_rtp(&mut rtp), Err(UnprotectError::Unauthentic));
            let mut rtcp = protect_rtcp(&mut stranger, &compound(SSRC));
            assert_eq!(unprotector.unprotect_rtcp(&mut rtcp), Err(UnprotectError::Unauthentic));
        }
        assert_eq!(unprotector.ssrcs(), (0, 0));
    }
}

/// Padding lies behind the encryption (RFC 3711 §3.1): no length in it is believed here, however
/// large.
#[test]
fn padding_is_payload() {
    for profile in Profile::ALL {
        let (mut protector, mut unprotector) = pair(profile);
        for (index, payload) in [&[0xffu8][..], &[0], &[9, 9, 200], &[0, 0, 3]].iter().enumerate() {
            let index = index as u64;
            let mut header = header(SSRC, index);
            header[0] |= 0x20;
            let mut out = [0; 100];
            let len = protector.protect_rtp_into(index, &header, payload, &mut out).unwrap();
            let opened = unprotector.unprotect_rtp(&mut out[..len]).unwrap();
            assert_eq!(out[..opened.len], [&header[..], payload].concat());
        }
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
