//! Packets that were damaged in one place.

mod support;

use support::golden::{Golden, header_len, ours};
use support::{SSRC, compound, pair, protect, protect_rtcp};
use tsubame_srtp::{Profile, UnprotectError};

#[test]
fn every_flipped_bit_of_every_golden_packet_is_refused_and_moves_nothing() {
    for packet in ours().iter().filter(|packet| packet.is_reachable()) {
        let mut receiver = packet.receiver();
        let known = receiver.ssrcs();
        for bit in 0..packet.protected.len() * 8 {
            if in_mki(packet, bit / 8) {
                continue;
            }
            let mut damaged = packet.protected.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let opened = packet.open(&mut receiver, &damaged);
            assert!(opened.is_err(), "{}: bit {bit}: {opened:02x?}", packet.id);
        }
        assert_eq!(receiver.ssrcs(), known, "{}", packet.id);
        assert_eq!(packet.open(&mut receiver, &packet.protected), Ok(packet.plain.clone()));
        let again = packet.open(&mut receiver, &packet.protected);
        assert_eq!(again, Err(UnprotectError::Replayed), "{}", packet.id);
    }
}

#[test]
fn every_flipped_bit_of_rtp_is_refused_under_every_profile() {
    for profile in Profile::ALL {
        let (mut protector, mut unprotector) = pair(profile);
        let packet = protect(&mut protector, SSRC, 1000, &[0x55; 40]);
        for position in 0..packet.len() * 8 {
            let mut damaged = packet.clone();
            damaged[position / 8] ^= 1 << (position % 8);
            let result = unprotector.unprotect_rtp(&mut damaged);
            assert!(result.is_err(), "{profile:?}: bit {position}");
        }
        assert_eq!(unprotector.ssrcs(), (0, 0));
        assert_eq!(unprotector.unprotect_rtp(&mut packet.clone()).unwrap().index, 1000);
    }
}

#[test]
fn every_flipped_bit_of_rtcp_is_refused_under_every_profile() {
    for profile in Profile::ALL {
        let (mut protector, mut unprotector) = pair(profile);
        let packet = protect_rtcp(&mut protector, &compound(SSRC));
        for position in 0..packet.len() * 8 {
            let mut damaged = packet.clone();
            damaged[position / 8] ^= 1 << (position % 8);
            let result = unprotector.unprotect_rtcp(&mut damaged);
            assert!(result.is_err(), "{profile:?}: bit {position}");
        }
        assert_eq!(unprotector.ssrcs(), (0, 0));
        let len = unprotector.unprotect_rtcp(&mut packet.clone()).unwrap();
        assert_eq!(len, compound(SSRC).len());
    }
}

/// Every value of every octet of the tag, not only one bit: a comparison that stops short or looks at
/// a part shows.
#[test]
fn every_other_octet_of_a_tag_is_refused() {
    for profile in Profile::ALL {
        let (mut protector, mut unprotector) = pair(profile);
        let packet = protect(&mut protector, SSRC, 1, b"tag");
        for at in packet.len() - profile.rtp_overhead()..packet.len() {
            for difference in 1..=255 {
                let mut damaged = packet.clone();
                damaged[at] ^= difference;
                let opened = unprotector.unprotect_rtp(&mut damaged);
                assert_eq!(opened, Err(UnprotectError::Unauthentic));
            }
        }
        unprotector.unprotect_rtp(&mut packet.clone()).unwrap();
    }
}

#[test]
fn the_master_key_identifier_is_not_authenticated() {
    let mut checked = 0;
    for packet in ours().iter().filter(|packet| !packet.mki.is_empty()) {
        for at in (0..packet.protected.len()).filter(|at| in_mki(packet, *at)) {
            let mut other = packet.protected.clone();
            other[at] ^= 0xff;
            let opened = packet.open(&mut packet.unprotector(), &other);
            assert_eq!(opened.as_ref(), Ok(&packet.plain), "{}", packet.id);
            checked += 1;
        }
    }
    assert_eq!(checked, 2 * 4);
}

/// With HMAC-SHA1, which all vectors with an identifier have, it stands before the tag.
fn in_mki(packet: &Golden, at: usize) -> bool {
    let tag = packet.protected.len() - 10;
    at < tag && at >= tag - packet.mki.len()
}

/// The flips above include those that make a header claim more than there is; here each such claim
/// by itself, so that it is refused for what it is.
#[test]
fn headers_that_claim_more_than_the_packet_are_malformed() {
    for packet in ours().iter().filter(|packet| packet.is_rtp && packet.is_reachable()) {
        let mut receiver = packet.receiver();
        let overhead = packet.profile.rtp_overhead() + packet.mki.len();
        let payload = packet.plain.len() - header_len(&packet.plain);
        for csrcs in 0..=15u8 {
            let mut claiming = packet.protected.clone();
            claiming[0] = 0x80 | csrcs;
            let expected = if 12 + 4 * usize::from(csrcs) + overhead > claiming.len() {
                UnprotectError::Malformed
            } else {
                UnprotectError::Unauthentic
            };
            if claiming != packet.protected {
                let opened = packet.open(&mut receiver, &claiming);
                assert_eq!(opened, Err(expected), "{} with {csrcs} CSRCs", packet.id);
            }
        }
        // An extension where the payload stands, of more words than are left.
        let csrcs = 12 + 4 * usize::from(packet.plain[0] & 0x0f);
        for words in [payload / 4 + 1, 0x3fff, 0x7fff, 0xffff] {
            let mut claiming = packet.protected.clone();
            claiming[0] |= 0x10;
            let at = csrcs + 2;
            claiming[at..at + 2].copy_from_slice(&(words as u16).to_be_bytes());
            if csrcs + 4 + 4 * words + overhead > claiming.len() {
                let opened = packet.open(&mut receiver, &claiming);
                assert_eq!(opened, Err(UnprotectError::Malformed), "{}: {words}", packet.id);
            }
        }
        assert_eq!(packet.open(&mut receiver, &packet.protected), Ok(packet.plain.clone()));
    }
}
