//! Hundreds of packets exchanged with libsrtp, both ways, under every profile.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use support::golden::header_len;
use support::libsrtp::{Peer, pair};
use tsubame_srtp::{Profile, Protector};

/// Both sequence numbers of the streams below wrap in the middle.
const PACKETS: u64 = 400;
const FIRST: u64 = 65_400;

#[test]
fn libsrtp_opens_what_we_protect() {
    for profile in Profile::ALL {
        let mut peer = Peer::start("ours", profile, &[]);
        let (mut protector, _) = pair(profile);
        for step in 0..PACKETS {
            for ssrc in [0xcafe_babe, 0x0000_0001] {
                let packet = rtp(ssrc, FIRST + step);
                let protected = protect(&mut protector, FIRST + step, &packet);
                let opened = peer.unprotect_rtp(&protected);
                assert_eq!(opened, Ok(packet), "{} {step}", profile.name());
            }
        }
    }
}

#[test]
fn we_open_what_libsrtp_protects() {
    for profile in Profile::ALL {
        let mut peer = Peer::start("theirs", profile, &[]);
        let (mut protector, mut unprotector) = pair(profile);
        for step in 0..PACKETS {
            for ssrc in [0xcafe_babe, 0x0000_0001] {
                let packet = rtp(ssrc, FIRST + step);
                let mut protected = peer.protect_rtp(&packet);
                // There is one way to write it.
                assert_eq!(protected, protect(&mut protector, FIRST + step, &packet));
                let opened = unprotector.unprotect_rtp(&mut protected).unwrap();
                assert_eq!(opened.index, FIRST + step);
                assert_eq!(protected[..opened.len], packet, "{} {step}", profile.name());
            }
        }
    }
}

#[test]
fn rtcp_goes_both_ways() {
    for profile in Profile::ALL {
        let mut peer = Peer::start("rtcp", profile, &[]);
        let (mut protector, mut unprotector) = pair(profile);
        for step in 0..PACKETS {
            let packet = rtcp(0xcafe_babe, step);
            let mut out = [0; 2000];
            let len = protector.protect_rtcp_into(&packet, &mut out).unwrap();
            assert_eq!(peer.unprotect_rtcp(&out[..len]).as_ref(), Ok(&packet));

            let mut protected = peer.protect_rtcp(&packet);
            let len = unprotector.unprotect_rtcp(&mut protected).unwrap();
            assert_eq!(protected[..len], packet, "{} {step}", profile.name());
        }
    }
}

/// The E flag clear: authenticated only.
#[test]
fn clear_rtcp_goes_both_ways() {
    for profile in Profile::ALL {
        let mut peer = Peer::start("clear", profile, &["clear-rtcp"]);
        let (mut protector, mut unprotector) = pair(profile);
        for step in 0..PACKETS {
            let packet = rtcp(0xcafe_babe, step);
            let mut out = [0; 2000];
            let len = protector.authenticate_rtcp_into(&packet, &mut out).unwrap();
            assert_eq!(peer.unprotect_rtcp(&out[..len]).as_ref(), Ok(&packet));

            let mut protected = peer.protect_rtcp(&packet);
            assert_eq!(protected[..packet.len()], packet);
            assert_eq!(unprotector.unprotect_rtcp(&mut protected), Ok(packet.len()));
            assert_eq!(protected[..packet.len()], packet, "{} {step}", profile.name());
        }
    }
}

#[test]
fn we_step_over_the_master_key_identifier_of_libsrtp() {
    for profile in Profile::ALL {
        for mki in ["6b", "e1f97a0d", "000102030405060708090a0b0c0d0e0f"] {
            let mut peer = Peer::start("mki", profile, &[&format!("mki={mki}")]);
            let (_, mut unprotector) = pair(profile);
            unprotector.expect_mki((mki.len() / 2) as u8);
            for step in 0..50 {
                let packet = rtp(0xcafe_babe, 65_510 + step);
                let mut protected = peer.protect_rtp(&packet);
                assert_eq!(protected.len(), packet.len() + profile.rtp_overhead() + mki.len() / 2);
                let opened = unprotector.unprotect_rtp(&mut protected).unwrap();
                assert_eq!(protected[..opened.len], packet, "{} {step}", profile.name());

                let packet = rtcp(0xcafe_babe, step);
                let mut protected = peer.protect_rtcp(&packet);
                let len = unprotector.unprotect_rtcp(&mut protected).unwrap();
                assert_eq!(protected[..len], packet, "{} {step}", profile.name());
            }
        }
    }
}

/// Late, replayed, too old, damaged: both receivers say yes to the same packets.
#[test]
fn we_refuse_what_libsrtp_refuses() {
    for profile in Profile::ALL {
        let mut peer = Peer::start("refusals", profile, &[]);
        let (mut protector, mut unprotector) = pair(profile);
        let packets: Vec<_> = (0..700u64)
            .map(|step| protect(&mut protector, 65_300 + step, &rtp(7, 65_300 + step)))
            .collect();
        let mut random = Random(profile.rtp_overhead() as u64 + 1);
        let (mut accepted, mut refused) = (0, 0);
        for step in 0..900u64 {
            // Mostly within the window of 128, sometimes below it.
            let back = if random.below(10) == 0 { random.below(300) } else { random.below(140) };
            let at = (step * 700 / 900).saturating_sub(back) as usize;
            let mut packet = packets[at].clone();
            if random.below(8) == 0 {
                let bit = random.below(packet.len() as u64 * 8) as usize;
                packet[bit / 8] ^= 1 << (bit % 8);
            }
            let theirs = peer.unprotect_rtp(&packet);
            let ours = unprotector.unprotect_rtp(&mut packet).map(|it| packet[..it.len].to_vec());
            assert_eq!(ours.as_ref().ok(), theirs.as_ref().ok(), "{ours:?} {theirs:?} {step}");
            if ours.is_ok() { accepted += 1 } else { refused += 1 }
        }
        assert!(accepted > 200 && refused > 200, "{accepted} {refused}");
    }
}

fn protect(protector: &mut Protector, index: u64, packet: &[u8]) -> Vec<u8> {
    let (header, payload) = packet.split_at(header_len(packet));
    let mut out = vec![0; packet.len() + protector.profile().rtp_overhead()];
    let len = protector.protect_rtp_into(index, header, payload, &mut out).unwrap();
    assert_eq!(len, out.len());
    out
}

/// RTP of all shapes: 0 to 15 CSRCs, extensions of one- and two-byte form and of neither, none, padding,
/// payloads from nothing to a full packet.
fn rtp(ssrc: u32, index: u64) -> Vec<u8> {
    let mut random = Random(index << 32 | u64::from(ssrc) | 1);
    let csrcs = random.below(4) * random.below(6);
    let extension = random.below(4);
    let is_padded = random.below(3) == 0;
    let mut packet = vec![
        0x80 | (is_padded as u8) << 5 | ((extension > 0) as u8) << 4 | csrcs as u8,
        random.below(256) as u8 & 0x80 | 96,
    ];
    packet.extend((index as u16).to_be_bytes());
    packet.extend((index as u32 * 3000).to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend((0..csrcs * 4).map(|_| random.octet()));
    if extension > 0 {
        let words = random.below(8) as u16;
        packet.extend([0, 0xbede, 0x1000, 0x04d2u16][extension as usize].to_be_bytes());
        packet.extend(words.to_be_bytes());
        packet.extend((0..words * 4).map(|_| random.octet()));
    }
    let payload = if random.below(5) == 0 { random.below(4) } else { random.below(1100) };
    packet.extend((0..payload).map(|_| random.octet()));
    if is_padded {
        let padding = random.below(8) as u8 + 1;
        packet.extend((1..padding).map(|_| 0));
        packet.push(padding);
    }
    packet
}

/// A report and up to 40 words more.
fn rtcp(ssrc: u32, step: u64) -> Vec<u8> {
    let mut random = Random(step + 1);
    let mut packet = support::report(ssrc).to_vec();
    let words = random.below(40) as u8;
    packet.extend([0x80, 204, 0, words + 1]);
    packet.extend((0..usize::from(words + 1) * 4).map(|_| random.octet()));
    packet
}

/// xorshift64: the same packets in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end
    }

    fn octet(&mut self) -> u8 {
        self.below(256) as u8
    }
}
