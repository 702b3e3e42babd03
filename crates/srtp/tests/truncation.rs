//! Packets that were cut short, wherever.

mod support;

use support::golden::{header_len, ours};
use support::{SSRC, compound, header, pair};
use tsubame_srtp::{Profile, UnprotectError};

#[test]
fn every_golden_packet_cut_at_every_length_is_refused_and_moves_nothing() {
    for packet in ours().iter().filter(|packet| packet.is_reachable()) {
        let mut receiver = packet.receiver();
        let known = receiver.ssrcs();
        for len in 0..packet.protected.len() {
            let opened = packet.open(&mut receiver, &packet.protected[..len]);
            assert!(opened.is_err(), "{} cut to {len}: {opened:02x?}", packet.id);
        }
        assert_eq!(receiver.ssrcs(), known);
        assert_eq!(packet.open(&mut receiver, &packet.protected), Ok(packet.plain.clone()));
    }
}

/// What has no room for its own header and tag is not even tried.
#[test]
fn packets_shorter_than_header_and_tag_are_malformed() {
    for packet in ours().iter().filter(|packet| packet.is_reachable()) {
        let profile = packet.profile;
        let least = packet.mki.len()
            + if packet.is_rtp {
                header_len(&packet.plain) + profile.rtp_overhead()
            } else {
                8 + profile.rtcp_overhead()
            };
        let mut receiver = packet.receiver();
        for len in 0..least {
            let opened = packet.open(&mut receiver, &packet.protected[..len]);
            assert_eq!(opened, Err(UnprotectError::Malformed), "{} cut to {len}", packet.id);
        }
        let at_least = packet.open(&mut receiver, &packet.protected[..least]);
        if least < packet.protected.len() {
            assert_eq!(at_least, Err(UnprotectError::Unauthentic), "{}", packet.id);
        }
    }
}

#[test]
fn octets_behind_a_golden_packet_are_refused() {
    for packet in ours().iter().filter(|packet| packet.is_reachable()) {
        let mut receiver = packet.receiver();
        for extra in 1..40 {
            let longer = [packet.protected.as_slice(), &vec![0; extra]].concat();
            assert!(packet.open(&mut receiver, &longer).is_err(), "{} and {extra}", packet.id);
        }
        assert_eq!(packet.open(&mut receiver, &packet.protected), Ok(packet.plain.clone()));
    }
}

#[test]
fn a_sender_refuses_headers_and_reports_that_were_cut() {
    for profile in Profile::ALL {
        let (mut protector, _) = pair(profile);
        let out = &mut [0; 200];
        for len in 0..12 {
            let header = &header(SSRC, 1)[..len];
            assert!(protector.protect_rtp_into(1, header, b"payload", out).is_err());
        }
        for len in 0..8 {
            let report = &compound(SSRC)[..len];
            assert!(protector.protect_rtcp_into(report, out).is_err());
            assert!(protector.authenticate_rtcp_into(report, out).is_err());
        }
        // Nothing of that used an index.
        protector.protect_rtp_into(1, &header(SSRC, 1), b"payload", out).unwrap();
        let len = protector.protect_rtcp_into(&compound(SSRC), out).unwrap();
        let word_at = if profile.name().starts_with("AEAD") { len - 4 } else { len - 14 };
        assert_eq!(out[word_at..word_at + 4], [0x80, 0, 0, 0]);
    }
}
