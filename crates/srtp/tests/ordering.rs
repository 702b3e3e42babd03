//! Replays, late packets, wraparounds.

mod support;

use support::{SSRC, compound, pair, pair_with_window, protect, protect_rtcp};
use tsubame_srtp::{Profile, UnprotectError, WindowSize};

#[test]
fn a_replayed_packet_is_refused() {
    for profile in Profile::ALL {
        let (mut protector, mut unprotector) = pair(profile);
        let rtp = protect(&mut protector, SSRC, 7, b"once");
        unprotector.unprotect_rtp(&mut rtp.clone()).unwrap();
        assert_eq!(unprotector.unprotect_rtp(&mut rtp.clone()), Err(UnprotectError::Replayed));
        let rtcp = protect_rtcp(&mut protector, &compound(SSRC));
        unprotector.unprotect_rtcp(&mut rtcp.clone()).unwrap();
        assert_eq!(unprotector.unprotect_rtcp(&mut rtcp.clone()), Err(UnprotectError::Replayed));
    }
}

#[test]
fn late_packets_open_within_the_window_and_not_below_it() {
    for (profile, size) in Profile::ALL.into_iter().zip([64, 128, 192, 512, 960, 1024]) {
        let window = WindowSize::new(size).unwrap();
        let (mut protector, mut unprotector) = pair_with_window(profile, window);
        let first = 60_000;
        let packets: Vec<_> = (first..=first + size as u64)
            .map(|index| protect(&mut protector, SSRC, index, b"late"))
            .collect();
        let (too_old, rest) = packets.split_first().unwrap();
        // Newest first: everything else is late.
        for (distance, packet) in rest.iter().rev().enumerate() {
            let opened = unprotector.unprotect_rtp(&mut packet.clone()).unwrap();
            assert_eq!(opened.index, first + size as u64 - distance as u64);
        }
        assert_eq!(unprotector.unprotect_rtp(&mut too_old.clone()), Err(UnprotectError::TooOld));
        for packet in rest {
            let replay = unprotector.unprotect_rtp(&mut packet.clone());
            assert_eq!(replay, Err(UnprotectError::Replayed));
        }
    }
}

#[test]
fn rtcp_has_a_window_too() {
    for profile in Profile::ALL {
        let (mut protector, mut unprotector) = pair(profile);
        let packets: Vec<_> =
            (0..=128).map(|_| protect_rtcp(&mut protector, &compound(SSRC))).collect();
        unprotector.unprotect_rtcp(&mut packets[128].clone()).unwrap();
        unprotector.unprotect_rtcp(&mut packets[1].clone()).unwrap();
        let below = unprotector.unprotect_rtcp(&mut packets[0].clone());
        assert_eq!(below, Err(UnprotectError::TooOld));
        let again = unprotector.unprotect_rtcp(&mut packets[1].clone());
        assert_eq!(again, Err(UnprotectError::Replayed));
    }
}

#[test]
fn windows_belong_to_their_ssrc() {
    let (mut protector, mut unprotector) = pair(Profile::Aes128CmHmacSha1_80);
    for (ssrc, index) in [(1, 5), (2, 5), (1, 30_000), (2, 6), (1, 29_990), (2, 5 + 40_000)] {
        let mut packet = protect(&mut protector, ssrc, index, b"x");
        // 40,000 ahead of a receiver at 6 looks like the previous roll-over counter.
        let expected = (index < 40_000).then_some(index).ok_or(UnprotectError::TooOld);
        assert_eq!(unprotector.unprotect_rtp(&mut packet).map(|opened| opened.index), expected);
    }
}

#[test]
fn the_roll_over_counter_follows_many_wraps() {
    for profile in Profile::ALL {
        let (mut protector, mut unprotector) = pair(profile);
        for step in 0..40 {
            let index = 100 + step * 30_000;
            let mut packet = protect(&mut protector, SSRC, index, b"wrap");
            assert_eq!(unprotector.unprotect_rtp(&mut packet).unwrap().index, index);
        }
    }
}

#[test]
fn packets_out_of_order_across_the_wrap_keep_their_index() {
    for profile in Profile::ALL {
        let (mut protector, mut unprotector) = pair(profile);
        for index in [65_530, 65_537, 65_534, 65_536, 65_535, 65_538, 65_533] {
            let mut packet = protect(&mut protector, SSRC, index, &index.to_be_bytes());
            let opened = unprotector.unprotect_rtp(&mut packet).unwrap();
            assert_eq!(opened.index, index);
            assert_eq!(packet[12..opened.len], index.to_be_bytes());
        }
    }
}

#[test]
fn a_packet_from_before_the_first_is_too_old() {
    let (mut protector, mut unprotector) = pair(Profile::AeadAes256Gcm);
    unprotector.unprotect_rtp(&mut protect(&mut protector, SSRC, 65_536, b"x")).unwrap_err();
    let (mut protector, mut unprotector) = pair(Profile::AeadAes256Gcm);
    unprotector.unprotect_rtp(&mut protect(&mut protector, SSRC, 3, b"x")).unwrap();
    let mut early = protect(&mut protector, SSRC, 65_535, b"x");
    assert_eq!(unprotector.unprotect_rtp(&mut early), Err(UnprotectError::TooOld));
}

/// RFC 3711 §3.3.1: the first packet has roll-over counter 0, so what was sent before it in the
/// same round is behind the start, and a lost wrap is one nobody can know of.
#[test]
fn a_stream_that_begins_near_the_wrap() {
    for profile in Profile::ALL {
        let (mut protector, mut unprotector) = pair(profile);
        for index in [65_535, 65_534, 65_536, 65_530, 65_537] {
            let mut packet = protect(&mut protector, SSRC, index, b"x");
            assert_eq!(unprotector.unprotect_rtp(&mut packet).map(|it| it.index), Ok(index));
        }
        // The first to arrive has wrapped already: its counter cannot be guessed.
        let (mut protector, mut unprotector) = pair(profile);
        let mut wrapped = protect(&mut protector, SSRC, 65_536, b"x");
        assert_eq!(unprotector.unprotect_rtp(&mut wrapped), Err(UnprotectError::Unauthentic));
        let mut before = protect(&mut protector, SSRC, 65_535, b"x");
        assert_eq!(unprotector.unprotect_rtp(&mut before).map(|it| it.index), Ok(65_535));
        let mut after = protect(&mut protector, SSRC, 65_537, b"x");
        assert_eq!(unprotector.unprotect_rtp(&mut after).map(|it| it.index), Ok(65_537));
    }
}

/// One loss of more than half the range leads past a wrap: the counter is then one behind, and every
/// packet is refused until the sequence numbers agree again.
#[test]
fn a_gap_of_half_the_range_is_the_most_that_is_followed() {
    for (gap, expected) in [(0x7fff, true), (0x8000, true), (0x8001, false), (0xffff, false)] {
        let (mut protector, mut unprotector) = pair(Profile::AeadAes128Gcm);
        let start = 0x1_7000;
        for index in [0x7000, 0xe000, 0x1_5000, start] {
            unprotector.unprotect_rtp(&mut protect(&mut protector, SSRC, index, b"x")).unwrap();
        }
        let mut packet = protect(&mut protector, SSRC, start + gap, b"x");
        assert_eq!(unprotector.unprotect_rtp(&mut packet).is_ok(), expected, "{gap:#x}");
    }
}

#[test]
fn every_packet_sent_three_times_in_any_order_opens_once() {
    for profile in Profile::ALL {
        let (mut protector, mut unprotector) = pair(profile);
        let packets: Vec<_> =
            (0..100).map(|n| protect(&mut protector, SSRC, 65_480 + n, &n.to_be_bytes())).collect();
        let mut opened = [0; 100];
        for step in 0..300 {
            // 61 and 300 have no common divisor: every packet comes three times.
            let at = step * 61 % 300 % 100;
            match unprotector.unprotect_rtp(&mut packets[at].clone()) {
                Ok(it) => {
                    assert_eq!(it.index, 65_480 + at as u64);
                    opened[at] += 1;
                }
                // The first to come are late ones, whose counter is not yet known.
                Err(error) => assert!(
                    opened[at] == 1
                        || error == UnprotectError::TooOld
                        || error == UnprotectError::Unauthentic,
                    "{at}: {error}"
                ),
            }
        }
        assert!(opened.iter().all(|times| *times <= 1));
        assert!(opened.iter().sum::<i32>() >= 99, "{opened:?}");
    }
}
