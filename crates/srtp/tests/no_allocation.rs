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
            let len = protector.protect_rtcp_into(&compound, &mut buffer).unwrap();
            assert_eq!(unprotector.unprotect_rtcp(&mut buffer[..len]), Ok(compound.len()));
        };
        round(1);
        let counted = allocation_counter::measure(|| (2..500).for_each(&mut round));
        assert_eq!(counted.count_total, 0, "{profile:?}");
    }
}
