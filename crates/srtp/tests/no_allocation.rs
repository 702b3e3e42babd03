//! Protecting and unprotecting does not allocate once a stream is known.

mod support;

use support::{SSRC, compound, header, pair};
use tsubame_srtp::Profile;

#[test]
fn steady_state() {
    let a_box = allocation_counter::measure(|| drop(std::hint::black_box(Box::new(1))));
    assert_eq!(a_box.count_total, 1, "the allocator counts");

    for profile in Profile::ALL {
        let (mut protector, mut unprotector) = pair(profile);
        let compound = compound(SSRC);
        let payload = [0x5a; 1200];
        let mut buffer = [0; 1500];
        let mut round = |index: u64| {
            for ssrc in [SSRC, SSRC + 1, SSRC + 2] {
                let header = header(ssrc, index);
                let len =
                    protector.protect_rtp_into(index, &header, &payload, &mut buffer).unwrap();
                let opened = unprotector.unprotect_rtp(&mut buffer[..len]).unwrap();
                assert_eq!(buffer[12..opened.len], payload);
                // Refusals are part of the steady state.
                assert!(unprotector.unprotect_rtp(&mut buffer[..len]).is_err());
                assert!(protector.protect_rtp_into(index, &header, &payload, &mut buffer).is_err());
            }
            for is_encrypted in [true, false] {
                let len = if is_encrypted {
                    protector.protect_rtcp_into(&compound, &mut buffer).unwrap()
                } else {
                    protector.authenticate_rtcp_into(&compound, &mut buffer).unwrap()
                };
                assert_eq!(unprotector.unprotect_rtcp(&mut buffer[..len]), Ok(compound.len()));
                assert!(unprotector.unprotect_rtcp(&mut buffer[..len]).is_err());
            }
            // Forged: streams that nobody knows, and one that is known.
            let octets = index.to_be_bytes();
            for ssrc in [index as u32 + 0x1_0000, SSRC] {
                buffer.fill(0x80);
                buffer[2..4].copy_from_slice(&octets[6..]);
                buffer[8..12].copy_from_slice(&ssrc.to_be_bytes());
                assert!(unprotector.unprotect_rtp(&mut buffer).is_err());
                assert!(unprotector.unprotect_rtcp(&mut buffer).is_err());
            }
        };
        round(1);
        let counted = allocation_counter::measure(|| (2..500).for_each(&mut round));
        assert_eq!(counted.count_total, 0, "{profile:?}");
    }
}

/// Packets of every size that a path has, which take different ways through the ciphers.
#[test]
fn every_size() {
    for profile in Profile::ALL {
        let (mut protector, mut unprotector) = pair(profile);
        let payload = [0x5a; 4000];
        let mut buffer = [0; 4100];
        let mut round = |index: u64| {
            let payload = &payload[..index as usize * 13 % 4000];
            let header = header(SSRC, index);
            let len = protector.protect_rtp_into(index, &header, payload, &mut buffer).unwrap();
            let opened = unprotector.unprotect_rtp(&mut buffer[..len]).unwrap();
            assert_eq!(buffer[12..opened.len], *payload);
        };
        round(1);
        let counted = allocation_counter::measure(|| (2..1000).for_each(&mut round));
        assert_eq!(counted.count_total, 0, "{profile:?}");
    }
}
